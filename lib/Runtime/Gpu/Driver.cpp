//===- Driver.cpp ---------------------------------------------------------------------------===//
#include "Driver.h"

#include <mutex>

#include <dlfcn.h>

using namespace dlrt;
using namespace dlrt::cuda;

namespace {
constexpr char kLibrary[] = "libcuda.so.1";

/// The driver, or why there is none.
struct Opened {
  Driver driver;
  Status status;

  Opened() {
    void *library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      status = Status::error(std::string("there is no NVIDIA driver: ") + kLibrary +
                                 " cannot be opened. Install the driver of your GPU, or run on the "
                                 "processor with --device cpu",
                             StatusCode::DeviceError);
      return;
    }
#define DLRT_CUDA_FIND(name, parameters)                                                           \
  driver.name = reinterpret_cast<Result(*) parameters>(dlsym(library, #name));
    DLRT_CUDA_FUNCTIONS(DLRT_CUDA_FIND)
    DLRT_CUDA_LATER_FUNCTIONS(DLRT_CUDA_FIND)
#undef DLRT_CUDA_FIND
    const char *missing = nullptr;
#define DLRT_CUDA_CHECK(name, parameters)                                                          \
  if (!driver.name && !missing)                                                                    \
    missing = #name;
    DLRT_CUDA_FUNCTIONS(DLRT_CUDA_CHECK)
#undef DLRT_CUDA_CHECK
    if (missing) {
      status = Status::error(std::string("the NVIDIA driver is too old: it has no ") + missing +
                                 ". Install a driver for CUDA 11 or newer",
                             StatusCode::DeviceError);
      return;
    }
    status = driver.check(driver.cuInit(0), "start the driver");
  }
};

const Opened &opened() {
  // Never closed: the driver does not like to be unloaded. Built without a destructor to run.
  alignas(Opened) static unsigned char room[sizeof(Opened)];
  static std::once_flag once;
  std::call_once(once, [] { new (room) Opened; });
  return *reinterpret_cast<const Opened *>(room);
}

std::string remedy(Result result) {
  switch (result) {
  case kOutOfMemory:
    return "; a smaller batch needs less, and so does a GPU that nothing else uses";
  case 100:
    return "; no GPU is there, or none is visible: see CUDA_VISIBLE_DEVICES";
  case 218:
  case 222:
    return "; the driver is older than what the program was made for: install a newer one";
  case 702:
    return "; a kernel ran longer than this GPU's display allows";
  case 803:
    return "; the driver's parts are of different versions: restart after its installation";
  default:
    return "";
  }
}
} // namespace

Status Driver::open(const Driver *&out) {
  const Opened &result = opened();
  out = &result.driver;
  return result.status;
}

Status Driver::check(Result result, const std::string &what) const {
  if (result == 0)
    return Status();
  const char *name = nullptr, *text = nullptr;
  cuGetErrorName(result, &name);
  cuGetErrorString(result, &text);
  return Status::error("cannot " + what + ": " + (text ? text : "error") + " (" +
                           (name ? name : std::to_string(result)) + ")" + remedy(result),
                       result == kOutOfMemory ? StatusCode::OutOfMemory : StatusCode::DeviceError);
}

static Status describe(const Driver &driver, int number, DeviceInfo &out) {
  Device device = 0;
  Status status =
      driver.check(driver.cuDeviceGet(&device, number), "use GPU " + std::to_string(number));
  char name[256] = "";
  auto attribute = [&](int which, int &value) {
    if (status.ok())
      status = driver.check(driver.cuDeviceGetAttribute(&value, which, device), "ask the GPU");
  };
  if (status.ok())
    status = driver.check(driver.cuDeviceGetName(name, sizeof(name), device), "ask the GPU");
  if (status.ok())
    status = driver.check(driver.cuDeviceTotalMem_v2(&out.bytes, device), "ask the GPU");
  if (status.ok())
    status = driver.check(driver.cuDriverGetVersion(&out.driverVersion), "ask the driver");
  out.name = name;
  attribute(kCapabilityMajor, out.major);
  attribute(kCapabilityMinor, out.minor);
  attribute(kMultiprocessors, out.multiprocessors);
  return status;
}

/// How much memory is free, which only a context tells: a GPU that grants none is busy.
static int64_t findFreeBytes(const Driver &driver, int number) {
  Device device = 0;
  Context context = nullptr, before = nullptr;
  if (driver.cuDeviceGet(&device, number) != 0 ||
      driver.cuDevicePrimaryCtxRetain(&context, device) != 0)
    return -1;
  size_t freeBytes = 0, totalBytes = 0;
  bool known = driver.cuCtxPushCurrent_v2(context) == 0;
  if (known) {
    known = driver.cuMemGetInfo_v2(&freeBytes, &totalBytes) == 0;
    driver.cuCtxPopCurrent_v2(&before);
  }
  driver.cuDevicePrimaryCtxRelease_v2(device);
  return known ? static_cast<int64_t>(freeBytes) : -1;
}

Status cuda::listDevices(std::vector<DeviceInfo> &out) {
  const Driver *driver = nullptr;
  int count = 0;
  Status status = Driver::open(driver);
  if (status.ok())
    status = driver->check(driver->cuDeviceGetCount(&count), "count the GPUs");
  for (int number = 0; number < count && status.ok(); ++number) {
    out.emplace_back();
    status = describe(*driver, number, out.back());
    if (status.ok())
      out.back().freeBytes = findFreeBytes(*driver, number);
  }
  return status;
}

Status cuda::findDevice(int number, DeviceInfo &out) {
  const Driver *driver = nullptr;
  int count = 0;
  Status status = Driver::open(driver);
  if (status.ok())
    status = driver->check(driver->cuDeviceGetCount(&count), "count the GPUs");
  if (status.ok() && number >= count)
    return Status::error(count == 0
                             ? "there is no GPU that the driver can use"
                             : "there is no GPU " + std::to_string(number) + ": this machine has " +
                                   std::to_string(count) + ", from 0 on",
                         StatusCode::DeviceError);
  return status.ok() ? describe(*driver, number, out) : status;
}

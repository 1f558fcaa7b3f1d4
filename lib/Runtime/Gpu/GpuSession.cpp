//===- GpuSession.cpp -----------------------------------------------------------------------===//
#include "Gpu/GpuSession.h"

#include <algorithm>
#include <cstring>

using namespace dlrt;
using namespace dlrt::cuda;

/// The first driver that records into a graph that a kernel may start early. Older ones refuse it.
constexpr int kEarlyLaunchesInGraphs = 12030;

Status GpuSession::create(const Program &program, const SessionOptions &options,
                          std::unique_ptr<Session> &out) {
  const Driver *driver = nullptr;
  DeviceInfo info;
  if (Status status = findDevice(options.device, info); !status.ok())
    return status;
  if (Status status = program.checkGpu(info); !status.ok())
    return status;
  if (Status status = Driver::open(driver); !status.ok())
    return status;
  std::unique_ptr<GpuSession> session(new GpuSession(program, *driver));
  session->earlyLaunches = program.earlyLaunches && driver->cuLaunchKernelEx &&
                           info.driverVersion >= kEarlyLaunchesInGraphs;
  session->deviceText = "gpu:" + std::to_string(options.device) + " (" + info.name + ")";
  if (Status status = session->open(options.device); !status.ok())
    return status;
  out = std::move(session);
  return Status();
}

Status GpuSession::open(int number) {
  Status status =
      driver.check(driver.cuDeviceGet(&handle, number), "use GPU " + std::to_string(number));
  if (status.ok())
    status = findContext();
  if (!status.ok())
    return status;
  Current current(driver, context);
  status = driver.check(current.result, "use the GPU's context");
  if (status.ok())
    status = driver.check(driver.cuStreamCreate(&ownStream, /*non-blocking*/ 1), "make a stream");
  stream = ownStream;
  if (status.ok())
    status = loadFunctions();
  fields.resize(program.fields.size());
  if (status.ok())
    status = chooseLoop();
  if (status.ok())
    status = makePlan(0, std::vector<bool>(fields.size(), false));
  if (status.ok())
    status = reserve(arena, plan.arena, "its tensors");
  if (status.ok())
    status =
        check(driver.cuMemsetD8Async(arena.address, 0, arena.bytes, stream), "clear the arena");
  if (status.ok())
    status = reserve(deviceFrame, plan.frame, "its frame");
  return status;
}

static bool hasTensorMaps(const Program &program) {
  for (const std::unique_ptr<Routine> &routine : program.routines)
    for (const LaunchInfo &launch : routine->launches)
      if (!launch.tensorMaps.empty())
        return true;
  return false;
}

Status GpuSession::loadFunctions() {
  // Asked first: such a driver refuses the code as well, but cannot say why.
  if (!driver.cuTensorMapEncodeTiled && hasTensorMaps(program))
    return Status::error("the NVIDIA driver is too old for '" + program.name +
                             "', whose products have the GPU copy tensors: it has no "
                             "cuTensorMapEncodeTiled. Install a driver for CUDA 12 or newer, or "
                             "compile without such products (--target sm_90)",
                         StatusCode::DeviceError);
  Status status =
      driver.check(driver.cuModuleLoadDataEx(&module, program.image, 0, nullptr, nullptr),
                   "load the code of '" + program.name + "'");
  for (const std::unique_ptr<Routine> &routine : program.routines)
    for (const LaunchInfo &launch : routine->launches) {
      if (!status.ok() || functions.count(launch.symbol))
        continue;
      Function &function = functions[launch.symbol];
      status = driver.check(driver.cuModuleGetFunction(&function, module, launch.symbol.c_str()),
                            "find '" + launch.symbol + "' in the code");
      if (status.ok() && launch.sharedBytes > kUnaskedSharedBytes)
        status = driver.check(driver.cuFuncSetAttribute(function, kDynamicSharedBytes,
                                                        static_cast<int>(launch.sharedBytes)),
                              "give a kernel " + std::to_string(launch.sharedBytes) +
                                  " bytes of shared memory");
    }
  return status;
}

GpuSession::~GpuSession() {
  if (!context)
    return;
  {
    Current current(driver, context);
    if (stream)
      driver.cuStreamSynchronize(stream);
    forgetData();
    release(deviceFrame);
    release(arena);
    if (module)
      driver.cuModuleUnload(module);
    if (ownStream)
      driver.cuStreamDestroy_v2(ownStream);
  }
  if (isPrimary)
    driver.cuDevicePrimaryCtxRelease_v2(handle);
}

Status GpuSession::reserve(Memory &memory, size_t bytes, const std::string &what) {
  if (bytes == 0)
    return Status();
  Status status = check(driver.cuMemAlloc_v2(&memory.address, bytes),
                        "get " + std::to_string(bytes) + " bytes of the GPU's memory for " + what);
  if (status.ok())
    memory.bytes = bytes;
  return status;
}

void GpuSession::release(Memory &memory) {
  if (memory.bytes)
    driver.cuMemFree_v2(memory.address);
  memory = Memory();
}

Status GpuSession::check(Result result, const std::string &what) const {
  return note(driver.check(result, what));
}

Status GpuSession::note(Status status) const {
  if (!status.ok() && failure.ok())
    failure = status;
  return status;
}

Status GpuSession::uploadFrame(Address rowNumbers, int64_t stepsBefore) {
  dlrt_frame copy = frame;
  copy.step += stepsBefore;
  copy.arena = reinterpret_cast<uint8_t *>(arena.address);
  copy.fields = nullptr;
  copy.barrier = nullptr;
  copy.pool = nullptr;
  copy.loss_sum = 0;
  copy.arrived = copy.hung = 0;
  copy.indices = reinterpret_cast<const int32_t *>(rowNumbers);
  // The loss of the steps before stays; a kernel counts at its barriers from 0.
  size_t bytes = stepsBefore ? offsetof(dlrt_frame, loss_sum) : sizeof(copy);
  Status status = check(driver.cuMemcpyHtoDAsync_v2(deviceFrame.address, &copy, bytes, stream),
                        "copy the frame");
  if (status.ok() && stepsBefore)
    status = check(driver.cuMemsetD8Async(deviceFrame.address + offsetof(dlrt_frame, arrived), 0,
                                          sizeof(copy.arrived), stream),
                   "copy the frame");
  return status;
}

void GpuSession::addPlaces(const LaunchInfo &launch, std::vector<Address> &values) const {
  for (int64_t place : launch.places)
    values.push_back(place >= 0              ? arena.address + place
                     : callersFields.empty() ? fields[-1 - place].address
                                             : callersFields[-1 - place]);
}

/// The tensor ends with the batch's rows: what is copied from beyond is 0, not a former batch.
Status GpuSession::encode(const TensorMapInfo &info, TensorMap &out) const {
  constexpr size_t kRank = std::tuple_size_v<decltype(info.sizes)>;
  constexpr uint64_t kElement = 2;
  uint64_t sizes[kRank], strides[kRank];
  uint32_t box[kRank], steps[kRank];
  for (size_t d = 0; d < kRank; ++d) {
    int64_t size = info.sizes[d];
    sizes[d] = static_cast<uint64_t>(size < 0 ? -size * frame.rows : size);
    strides[d] = sizes[d] * (d ? strides[d - 1] : kElement); // of the next dimension
    box[d] = static_cast<uint32_t>(info.box[d]);
    steps[d] = 1;
  }
  return check(driver.cuTensorMapEncodeTiled(&out, info.bfloat ? kBFloat16 : kFloat16, kRank,
                                             arena.address + info.place, sizes, strides, box, steps,
                                             /*interleave*/ 0, kSwizzle128, kPromotion256,
                                             /*fill: 0*/ 0),
               "describe a product's operand to the GPU");
}

Status GpuSession::launch(const LaunchInfo &launch) {
  std::vector<Address> values{deviceFrame.address, static_cast<Address>(frame.rows)};
  addPlaces(launch, values);
  std::vector<TensorMap> maps(launch.tensorMaps.size());
  for (size_t i = 0; i < maps.size(); ++i)
    if (Status status = encode(launch.tensorMaps[i], maps[i]); !status.ok())
      return status;
  std::vector<void *> arguments;
  for (Address &value : values)
    arguments.push_back(&value);
  for (TensorMap &map : maps)
    arguments.push_back(&map);
  Function function = functions.at(launch.symbol);
  auto blocks = static_cast<unsigned>(launch.blocks),
       threads = static_cast<unsigned>(launch.threads),
       sharedBytes = static_cast<unsigned>(launch.sharedBytes);
  std::string what = "launch '" + launch.symbol + "'";
  if (!earlyLaunches)
    return check(driver.cuLaunchKernel(function, blocks, 1, 1, threads, 1, 1, sharedBytes, stream,
                                       arguments.data(), nullptr),
                 what);
  LaunchAttribute early{kProgrammaticStreamSerialization, 0, {1}};
  LaunchConfig config{blocks, 1, 1, threads, 1, 1, sharedBytes, stream, &early, 1};
  return check(driver.cuLaunchKernelEx(&config, function, arguments.data(), nullptr), what);
}

Status GpuSession::run(const Routine &routine) {
  Current current(driver, context);
  Status status = failure;
  if (status.ok())
    status = check(current.result, "use the GPU's context");
  Address rowNumbers = 0;
  bool reads = readsData(routine);
  if (status.ok() && reads)
    status = provideRows(rowNumbers);
  if (status.ok())
    status = uploadFrame(rowNumbers);
  for (const LaunchInfo &one : routine.launches)
    if (status.ok())
      status = launch(one);
  if (status.ok() && reads && fieldStream)
    status = note(fieldStream->used());
  return status;
}

Status GpuSession::runSequence(Next next, void *nextContext) {
  while (const Routine *routine = next(nextContext, frame))
    if (Status status = run(*routine); !status.ok())
      return status;
  if (!failure.ok())
    return failure;
  Current current(driver, context);
  return check(driver.cuStreamSynchronize(stream), "run the program on the GPU");
}

void GpuSession::read(int64_t offset, int64_t bytes, void *out) const {
  memset(out, 0, bytes);
  Current current(driver, context);
  Status status = check(driver.cuMemcpyDtoHAsync_v2(out, arena.address + offset, bytes, stream),
                        "copy from the GPU");
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "run the program on the GPU");
  if (!status.ok())
    memset(out, 0, bytes);
}

void GpuSession::write(int64_t offset, int64_t bytes, const void *from) {
  Current current(driver, context);
  Status status = check(driver.cuMemcpyHtoDAsync_v2(arena.address + offset, from, bytes, stream),
                        "copy to the GPU");
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "copy to the GPU");
}

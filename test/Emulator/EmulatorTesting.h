//===- EmulatorTesting.h - The emulated driver, as a program would use it ---------------------===//
#ifndef EMULATOR_EMULATORTESTING_H
#define EMULATOR_EMULATORTESTING_H

#include "Cuda.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <numeric>
#include <string>
#include <vector>

#include <dlfcn.h>

namespace emulator {

/// The library's functions, looked up as dlc does: nothing of it is linked.
struct Api {
#define EACH(name) decltype(&::name) name = load<decltype(&::name)>(#name);
  // clang-format off
  EACH(cuInit) EACH(cuDriverGetVersion) EACH(cuDeviceGetCount) EACH(cuDeviceGet)
  EACH(cuDeviceGetName) EACH(cuDeviceTotalMem_v2) EACH(cuDeviceGetUuid_v2)
  EACH(cuDeviceGetAttribute) EACH(cuDevicePrimaryCtxRetain) EACH(cuDevicePrimaryCtxRelease_v2)
  EACH(cuCtxSetCurrent) EACH(cuCtxGetCurrent) EACH(cuCtxPushCurrent_v2) EACH(cuCtxPopCurrent_v2)
  EACH(cuCtxCreate_v2) EACH(cuCtxDestroy_v2) EACH(cuCtxGetDevice)
  EACH(cuPointerGetAttribute) EACH(cuPointerGetAttributes) EACH(cuStreamGetCtx)
  EACH(cuStreamIsCapturing) EACH(cuCtxSynchronize) EACH(cuGetErrorName) EACH(cuGetErrorString) EACH(cuMemAlloc_v2)
  EACH(cuMemFree_v2) EACH(cuMemGetInfo_v2) EACH(cuMemAllocHost_v2) EACH(cuMemHostAlloc)
  EACH(cuMemFreeHost) EACH(cuMemcpyHtoD_v2) EACH(cuMemcpyDtoH_v2) EACH(cuMemcpyHtoDAsync_v2)
  EACH(cuMemcpyDtoHAsync_v2) EACH(cuMemcpyDtoDAsync_v2) EACH(cuMemsetD8_v2) EACH(cuMemsetD8Async)
  EACH(cuModuleLoadData) EACH(cuModuleLoadDataEx) EACH(cuModuleUnload) EACH(cuModuleGetFunction)
  EACH(cuFuncSetAttribute) EACH(cuFuncGetAttribute)
  EACH(cuOccupancyMaxActiveBlocksPerMultiprocessor) EACH(cuLaunchKernel)
  EACH(cuLaunchCooperativeKernel) EACH(cuLaunchKernelEx) EACH(cuStreamCreate)
  EACH(cuStreamDestroy_v2) EACH(cuStreamSynchronize) EACH(cuStreamQuery) EACH(cuStreamWaitEvent)
  EACH(cuEventCreate) EACH(cuEventDestroy_v2) EACH(cuEventRecord) EACH(cuEventSynchronize)
  EACH(cuEventQuery) EACH(cuEventElapsedTime) EACH(cuEventElapsedTime_v2)
  EACH(cuStreamBeginCapture_v2) EACH(cuStreamEndCapture) EACH(cuGraphInstantiateWithFlags)
  EACH(cuGraphUpload) EACH(cuGraphLaunch) EACH(cuGraphExecDestroy) EACH(cuGraphDestroy) EACH(cuTensorMapEncodeTiled)
  EACH(dlc_emulator_reset)
  EACH(dlc_emulator_report)
  // clang-format on
#undef EACH

                                                                        private
    : template <typename Function>
      static Function load(const char *name) {
    static void *library = dlopen(EMULATED_DRIVER, RTLD_NOW | RTLD_LOCAL);
    void *symbol = library ? dlsym(library, name) : nullptr;
    if (!symbol) {
      fprintf(stderr, "%s\n", dlerror());
      abort();
    }
    return reinterpret_cast<Function>(symbol);
  }
};

inline const Api &cuda() {
  static const Api api;
  return api;
}

inline const std::string &kernelImage() {
  static const std::string bytes = [] {
    std::ifstream file(EMULATOR_KERNELS, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return bytes;
}

/// Starts the emulator anew with each environment.
class EmulatorTest : public ::testing::Test {
protected:
  void SetUp() override { start(); }
  void TearDown() override {
    for (const char *name : {"DLC_EMULATOR_SCHEDULE", "DLC_EMULATOR_FAIL", "DLC_EMULATOR_MEMORY",
                             "DLC_EMULATOR_DEVICES", "DLC_EMULATOR_PATIENCE"})
      unsetenv(name);
    cuda().dlc_emulator_reset();
  }

  /// The device with that schedule, a context and the test's kernels.
  void start(const std::string &schedule = "forward") {
    setenv("DLC_EMULATOR_SCHEDULE", schedule.c_str(), 1);
    cuda().dlc_emulator_reset();
    void *context;
    ASSERT_EQ(cuda().cuInit(0), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuDevicePrimaryCtxRetain(&context, 0), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuCtxSetCurrent(context), CUDA_SUCCESS);
    ASSERT_EQ(cuda().cuModuleLoadData(&module, kernelImage().data()), CUDA_SUCCESS);
  }

  void *find(const char *kernel) {
    void *function = nullptr;
    EXPECT_EQ(cuda().cuModuleGetFunction(&function, module, kernel), CUDA_SUCCESS) << kernel;
    return function;
  }

  /// Device memory with these numbers; it lives until the next start.
  template <typename T> T *upload(const std::vector<T> &values) {
    DevicePointer address = 0;
    size_t bytes = values.size() * sizeof(T);
    EXPECT_EQ(cuda().cuMemAlloc_v2(&address, bytes), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuMemcpyHtoD_v2(address, values.data(), bytes), CUDA_SUCCESS);
    return reinterpret_cast<T *>(address);
  }

  template <typename T> std::vector<T> download(const T *from, size_t count) {
    std::vector<T> values(count);
    EXPECT_EQ(cuda().cuMemcpyDtoH_v2(values.data(), reinterpret_cast<DevicePointer>(from),
                                     count * sizeof(T)),
              CUDA_SUCCESS);
    return values;
  }

  struct Shape {
    unsigned blocks = 1, threads = 32, sharedBytes = 0;
    bool cooperative = false;
    unsigned cluster = 1;
    void *stream = nullptr;
    bool early = false;
  };

  /// Launches a kernel; returns what the launch itself does.
  template <typename... Arguments>
  int launch(const char *kernel, const Shape &shape, Arguments... arguments) {
    int64_t values[] = {int64_t(arguments)..., 0};
    void *parameters[std::size(values)];
    for (size_t i = 0; i < std::size(values); ++i)
      parameters[i] = &values[i];
    LaunchAttribute attributes[3] = {};
    attributes[0].id = LAUNCH_COOPERATIVE;
    attributes[0].value.cooperative = shape.cooperative;
    attributes[1].id = LAUNCH_CLUSTER_DIMENSION;
    attributes[1].value.clusterDim = {shape.cluster, 1, 1};
    attributes[2].id = LAUNCH_PROGRAMMATIC_STREAM_SERIALIZATION;
    attributes[2].value.programmaticStreamSerialization = shape.early;
    LaunchConfig config = {shape.blocks, 1,          1, shape.threads, 1, 1, shape.sharedBytes,
                           shape.stream, attributes, 3};
    return cuda().cuLaunchKernelEx(&config, find(kernel), parameters, nullptr);
  }

  /// Launches a kernel that is expected to fail, and returns the message.
  template <typename... Arguments>
  std::string failure(const char *kernel, const Shape &shape, Arguments... arguments) {
    ::testing::internal::CaptureStderr();
    EXPECT_EQ(launch(kernel, shape, arguments...), CUDA_SUCCESS);
    std::string message = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(cuda().cuCtxSynchronize(), CUDA_ERROR_LAUNCH_FAILED) << kernel;
    return message;
  }

  static DevicePointer address(const void *pointer) {
    return reinterpret_cast<DevicePointer>(pointer);
  }

  void *module = nullptr;
};

/// 0, 1, ... count - 1.
inline std::vector<int> iota(int count) {
  std::vector<int> values(count);
  std::iota(values.begin(), values.end(), 0);
  return values;
}

/// Schedules that every right program must get through with the same result.
inline std::vector<std::string> schedules() {
  std::vector<std::string> names = {"forward", "forward,early", "forward,deferred"};
  for (const char *seed : {"1", "2", "3", "4"})
    for (const char *kind : {"random:", "starve:"})
      names.push_back(std::string(kind) + seed);
  names.push_back("random:5,late");
  names.push_back("starve:6,early,deferred");
  return names;
}

} // namespace emulator
#endif // EMULATOR_EMULATORTESTING_H

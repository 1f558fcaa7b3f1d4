//===- Driver.h - NVIDIA's driver, opened when it is needed ---------------------------------===//
//
// Building needs no CUDA: these are the prototypes of the functions that are used, as the driver's
// documentation has them.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_GPU_DRIVER_H
#define DLRT_GPU_DRIVER_H

#include "Status.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace dlrt::cuda {

using Result = int; /// 0 is success
using Device = int;
using Address = unsigned long long; /// in the device's memory
using Context = struct ContextObject *;
using Module = struct ModuleObject *;
using Function = struct FunctionObject *;
using Stream = struct StreamObject *;
using Graph = struct GraphObject *;
using GraphExec = struct GraphExecObject *;
using Event = struct EventObject *;

/// A launch and what is special about it.
struct LaunchAttribute {
  int id;
  int padding;
  union {
    int number;
    char room[64];
  } value;
};
constexpr int kProgrammaticStreamSerialization = 6; /// of LaunchAttribute
struct LaunchConfig {
  unsigned blocksX, blocksY, blocksZ, threadsX, threadsY, threadsZ, sharedBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned attributeCount;
};

constexpr Result kInvalidValue = 1, kOutOfMemory = 2, kInvalidHandle = 400;

/// Attributes of devices and functions, by the driver's numbers.
enum DeviceAttribute {
  kMultiprocessors = 16,
  kCooperativeLaunch = 95,
  kCapabilityMajor = 75,
  kCapabilityMinor = 76,
  kSharedBytesPerBlock = 97 /// at most, where a function asks for it
};
enum FunctionAttribute { kDynamicSharedBytes = 8 };
enum PointerAttribute {
  kPointerContext = 1,
  kPointerMemory = 2, /// 1 is the host's, 2 a device's; 0 where the driver does not know it
  kPointerManaged = 8,
  kPointerDevice = 9,
  kPointerStart = 11, /// of the allocation
  kPointerBytes = 12
};

/// What the driver makes of a tensor for the device's copies: a parameter of kernels.
struct alignas(64) TensorMap {
  unsigned char bytes[128];
};
/// Of tensor maps, by the driver's numbers.
enum TensorMapType { kFloat16 = 6, kBFloat16 = 9 };
enum TensorMapSwizzle { kSwizzle128 = 3 };
enum TensorMapPromotion { kPromotion256 = 3 };

/// What every driver for CUDA 11 has.
#define DLRT_CUDA_FUNCTIONS(X)                                                                     \
  X(cuInit, (unsigned flags))                                                                      \
  X(cuDriverGetVersion, (int *version))                                                            \
  X(cuGetErrorName, (Result result, const char **name))                                            \
  X(cuGetErrorString, (Result result, const char **text))                                          \
  X(cuDeviceGetCount, (int *count))                                                                \
  X(cuDeviceGet, (Device * device, int number))                                                    \
  X(cuDeviceGetName, (char *name, int room, Device device))                                        \
  X(cuDeviceTotalMem_v2, (size_t *bytes, Device device))                                           \
  X(cuDeviceGetAttribute, (int *value, int attribute, Device device))                              \
  X(cuDevicePrimaryCtxRetain, (Context * context, Device device))                                  \
  X(cuDevicePrimaryCtxRelease_v2, (Device device))                                                 \
  X(cuCtxGetCurrent, (Context * context))                                                          \
  X(cuCtxGetDevice, (Device * device))                                                             \
  X(cuCtxPushCurrent_v2, (Context context))                                                        \
  X(cuCtxPopCurrent_v2, (Context * context))                                                       \
  X(cuModuleLoadDataEx,                                                                            \
    (Module * module, const void *image, unsigned options, int *names, void **values))             \
  X(cuModuleUnload, (Module module))                                                               \
  X(cuModuleGetFunction, (Function * function, Module module, const char *name))                   \
  X(cuFuncSetAttribute, (Function function, int attribute, int value))                             \
  X(cuMemAlloc_v2, (Address * address, size_t bytes))                                              \
  X(cuMemFree_v2, (Address address))                                                               \
  X(cuMemGetInfo_v2, (size_t *free, size_t *total))                                                \
  X(cuMemHostAlloc, (void **address, size_t bytes, unsigned flags))                                \
  X(cuMemFreeHost, (void *address))                                                                \
  X(cuMemcpyHtoDAsync_v2, (Address to, const void *from, size_t bytes, Stream stream))             \
  X(cuMemcpyDtoHAsync_v2, (void *to, Address from, size_t bytes, Stream stream))                   \
  X(cuMemcpyDtoDAsync_v2, (Address to, Address from, size_t bytes, Stream stream))                 \
  X(cuPointerGetAttributes, (unsigned count, int *names, void **values, Address address))          \
  X(cuMemsetD8Async, (Address to, unsigned char value, size_t bytes, Stream stream))               \
  X(cuStreamCreate, (Stream * stream, unsigned flags))                                             \
  X(cuStreamDestroy_v2, (Stream stream))                                                           \
  X(cuStreamSynchronize, (Stream stream))                                                          \
  X(cuStreamGetCtx, (Stream stream, Context * context))                                            \
  X(cuStreamIsCapturing, (Stream stream, int *status))                                             \
  X(cuStreamWaitEvent, (Stream stream, Event event, unsigned flags))                               \
  X(cuEventCreate, (Event * event, unsigned flags))                                                \
  X(cuEventDestroy_v2, (Event event))                                                              \
  X(cuEventRecord, (Event event, Stream stream))                                                   \
  X(cuEventSynchronize, (Event event))                                                             \
  X(cuEventElapsedTime, (float *milliseconds, Event start, Event end))                             \
  X(cuStreamBeginCapture_v2, (Stream stream, int mode))                                            \
  X(cuStreamEndCapture, (Stream stream, Graph * graph))                                            \
  X(cuGraphLaunch, (GraphExec exec, Stream stream))                                                \
  X(cuGraphExecDestroy, (GraphExec exec))                                                          \
  X(cuGraphDestroy, (Graph graph))                                                                 \
  X(cuOccupancyMaxActiveBlocksPerMultiprocessor,                                                   \
    (int *blocks, Function function, int threads, size_t sharedBytes))                             \
  X(cuLaunchCooperativeKernel,                                                                     \
    (Function function, unsigned blocksX, unsigned blocksY, unsigned blocksZ, unsigned threadsX,   \
     unsigned threadsY, unsigned threadsZ, unsigned sharedBytes, Stream stream, void **arguments)) \
  X(cuLaunchKernel, (Function function, unsigned blocksX, unsigned blocksY, unsigned blocksZ,      \
                     unsigned threadsX, unsigned threadsY, unsigned threadsZ,                      \
                     unsigned sharedBytes, Stream stream, void **arguments, void **extra))

/// What later drivers have: null where this one does not, which whoever calls it has to ask.
#define DLRT_CUDA_LATER_FUNCTIONS(X)                                                               \
  X(cuGraphUpload, (GraphExec exec, Stream stream)) /* 11.1 */                                     \
  X(cuGraphInstantiateWithFlags,                    /* 11.4 */                                     \
    (GraphExec * exec, Graph graph, unsigned long long flags))                                     \
  X(cuLaunchKernelEx, /* 11.8 */                                                                   \
    (const LaunchConfig *config, Function function, void **arguments, void **extra))               \
  X(cuTensorMapEncodeTiled, /* 12.0 */                                                             \
    (TensorMap * map, int type, unsigned rank, Address address, const uint64_t *sizes,             \
     const uint64_t *strides, const uint32_t *box, const uint32_t *steps, int interleave,          \
     int swizzle, int promotion, int fill))

/// The driver's functions.
struct Driver {
#define DLRT_CUDA_MEMBER(name, parameters) Result(*name) parameters = nullptr;
  DLRT_CUDA_FUNCTIONS(DLRT_CUDA_MEMBER)
  DLRT_CUDA_LATER_FUNCTIONS(DLRT_CUDA_MEMBER)
#undef DLRT_CUDA_MEMBER

  /// Opens and initialises the driver, once for the process. An error says what is missing.
  static Status open(const Driver *&out);

  /// Whether launches can be recorded and launched together.
  bool hasGraphs() const { return cuGraphInstantiateWithFlags && cuGraphUpload; }

  /// Success, or an error that says what was tried, what the driver calls the reason, and the
  /// remedy where there is one.
  Status check(Result result, const std::string &what) const;
};

/// A GPU, for people and for the compiler.
struct DeviceInfo {
  std::string name;
  size_t bytes = 0;         /// of memory
  int64_t freeBytes = -1;   /// of them, now; listDevices() alone asks. -1: no context can be had
  int major = 0, minor = 0; /// compute capability; 0.0 is the emulator
  int multiprocessors = 0;
  int driverVersion = 0; /// of CUDA that the driver serves, as 1000 * major + 10 * minor
};

/// Describes all GPUs. An error where there is no driver.
Status listDevices(std::vector<DeviceInfo> &out);
/// Describes one.
Status findDevice(int number, DeviceInfo &out);

} // namespace dlrt::cuda
#endif // DLRT_GPU_DRIVER_H

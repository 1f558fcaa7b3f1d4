//===- Cuda.h - As much of CUDA's driver interface as the emulator has ------------------------===//
//
// Own declarations with the values and layouts of CUDA 12 and 13's cuda.h: building needs no CUDA.
//
//===------------------------------------------------------------------------------------------===//
#ifndef EMULATOR_CUDA_H
#define EMULATOR_CUDA_H

#include <cstddef>
#include <cstdint>

namespace emulator {

enum Result : int {
  CUDA_SUCCESS = 0,
  CUDA_ERROR_INVALID_VALUE = 1,
  CUDA_ERROR_OUT_OF_MEMORY = 2,
  CUDA_ERROR_NOT_INITIALIZED = 3,
  CUDA_ERROR_INVALID_DEVICE = 101,
  CUDA_ERROR_INVALID_IMAGE = 200,
  CUDA_ERROR_INVALID_CONTEXT = 201,
  CUDA_ERROR_INVALID_HANDLE = 400,
  CUDA_ERROR_ILLEGAL_STATE = 401,
  CUDA_ERROR_NOT_FOUND = 500,
  CUDA_ERROR_NOT_READY = 600,
  CUDA_ERROR_ILLEGAL_ADDRESS = 700,
  CUDA_ERROR_CONTEXT_IS_DESTROYED = 709,
  CUDA_ERROR_LAUNCH_FAILED = 719,
  CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE = 720,
  CUDA_ERROR_NOT_SUPPORTED = 801,
  CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900,
  CUDA_ERROR_STREAM_CAPTURE_INVALIDATED = 901,
  CUDA_ERROR_STREAM_CAPTURE_MERGE = 902,
  CUDA_ERROR_STREAM_CAPTURE_UNMATCHED = 903,
  CUDA_ERROR_STREAM_CAPTURE_UNJOINED = 904,
  CUDA_ERROR_STREAM_CAPTURE_ISOLATION = 905,
  CUDA_ERROR_STREAM_CAPTURE_IMPLICIT = 906,
  CUDA_ERROR_CAPTURED_EVENT = 907,
  CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD = 908,
  CUDA_ERROR_INVALID_CLUSTER_SIZE = 912,
  CUDA_ERROR_UNKNOWN = 999,
};

enum FunctionAttribute : int {
  FUNC_MAX_THREADS_PER_BLOCK = 0,
  FUNC_SHARED_SIZE_BYTES = 1,
  FUNC_CONST_SIZE_BYTES = 2,
  FUNC_LOCAL_SIZE_BYTES = 3,
  FUNC_NUM_REGS = 4,
  FUNC_PTX_VERSION = 5,
  FUNC_BINARY_VERSION = 6,
  FUNC_CACHE_MODE_CA = 7,
  FUNC_MAX_DYNAMIC_SHARED_SIZE_BYTES = 8,
  FUNC_PREFERRED_SHARED_MEMORY_CARVEOUT = 9,
  FUNC_NON_PORTABLE_CLUSTER_SIZE_ALLOWED = 14,
};

enum PointerAttribute : int {
  POINTER_CONTEXT = 1,
  POINTER_MEMORY_TYPE = 2,
  POINTER_IS_MANAGED = 8,
  POINTER_DEVICE_ORDINAL = 9,
  POINTER_RANGE_START = 11,
  POINTER_RANGE_SIZE = 12,
};
enum MemoryType : unsigned { MEMORY_HOST = 1, MEMORY_DEVICE = 2 };

enum StreamFlag : unsigned { STREAM_NON_BLOCKING = 1 };
enum EventFlag : unsigned { EVENT_BLOCKING_SYNC = 1, EVENT_DISABLE_TIMING = 2 };
enum CaptureMode : int { CAPTURE_GLOBAL = 0, CAPTURE_THREAD_LOCAL = 1, CAPTURE_RELAXED = 2 };

enum LaunchAttributeId : int {
  LAUNCH_IGNORE = 0,
  LAUNCH_COOPERATIVE = 2,
  LAUNCH_CLUSTER_DIMENSION = 4,
  LAUNCH_PROGRAMMATIC_STREAM_SERIALIZATION = 6,
};

struct LaunchAttribute {
  int id; // LaunchAttributeId, or one that does not change what a launch computes
  char padding[4];
  union {
    char bytes[64];
    int cooperative;
    int programmaticStreamSerialization;
    struct {
      unsigned x, y, z;
    } clusterDim;
  } value;
};

struct LaunchConfig {
  unsigned gridX, gridY, gridZ;
  unsigned blockX, blockY, blockZ;
  unsigned sharedBytes;
  void *stream;
  LaunchAttribute *attributes;
  unsigned attributeCount;
};

using DevicePointer = unsigned long long;

} // namespace emulator

/// What the library exports: C functions with the names that cuda.h gives them at last.
#define EMULATOR_API extern "C" __attribute__((visibility("default")))

// Devices, contexts, errors. DeviceApi.cpp.
EMULATOR_API int cuInit(unsigned flags);
EMULATOR_API int cuDriverGetVersion(int *version);
EMULATOR_API int cuDeviceGetCount(int *count);
EMULATOR_API int cuDeviceGet(int *device, int ordinal);
EMULATOR_API int cuDeviceGetName(char *name, int length, int device);
EMULATOR_API int cuDeviceTotalMem_v2(size_t *bytes, int device);
EMULATOR_API int cuDeviceGetUuid_v2(void *uuid, int device);
EMULATOR_API int cuDeviceGetAttribute(int *value, int attribute, int device);
EMULATOR_API int cuDevicePrimaryCtxRetain(void **context, int device);
EMULATOR_API int cuDevicePrimaryCtxRelease_v2(int device);
EMULATOR_API int cuCtxCreate_v2(void **context, unsigned flags, int device);
EMULATOR_API int cuCtxDestroy_v2(void *context);
EMULATOR_API int cuCtxGetDevice(int *device);
EMULATOR_API int cuCtxSetCurrent(void *context);
EMULATOR_API int cuCtxGetCurrent(void **context);
EMULATOR_API int cuCtxPushCurrent_v2(void *context);
EMULATOR_API int cuCtxPopCurrent_v2(void **context);
EMULATOR_API int cuStreamGetCtx(void *stream, void **context);
EMULATOR_API int cuCtxSynchronize();
EMULATOR_API int cuGetErrorName(int result, const char **name);
EMULATOR_API int cuGetErrorString(int result, const char **text);

// Memory. MemoryApi.cpp.
EMULATOR_API int cuMemAlloc_v2(emulator::DevicePointer *address, size_t bytes);
EMULATOR_API int cuMemFree_v2(emulator::DevicePointer address);
EMULATOR_API int cuMemGetInfo_v2(size_t *free, size_t *total);
EMULATOR_API int cuMemAllocHost_v2(void **address, size_t bytes);
EMULATOR_API int cuMemHostAlloc(void **address, size_t bytes, unsigned flags);
EMULATOR_API int cuMemFreeHost(void *address);
EMULATOR_API int cuMemcpyHtoD_v2(emulator::DevicePointer to, const void *from, size_t bytes);
EMULATOR_API int cuMemcpyDtoH_v2(void *to, emulator::DevicePointer from, size_t bytes);
EMULATOR_API int cuMemcpyHtoDAsync_v2(emulator::DevicePointer to, const void *from, size_t bytes,
                                      void *stream);
EMULATOR_API int cuMemcpyDtoHAsync_v2(void *to, emulator::DevicePointer from, size_t bytes,
                                      void *stream);
EMULATOR_API int cuMemcpyDtoDAsync_v2(emulator::DevicePointer to, emulator::DevicePointer from,
                                      size_t bytes, void *stream);
EMULATOR_API int cuMemsetD8_v2(emulator::DevicePointer to, unsigned char value, size_t bytes);
EMULATOR_API int cuMemsetD8Async(emulator::DevicePointer to, unsigned char value, size_t bytes,
                                 void *stream);

EMULATOR_API int cuPointerGetAttribute(void *value, int attribute, emulator::DevicePointer address);
EMULATOR_API int cuPointerGetAttributes(unsigned count, int *attributes, void **values,
                                        emulator::DevicePointer address);

// Modules, functions, launches. ModuleApi.cpp.
EMULATOR_API int cuModuleLoadData(void **module, const void *bytes);
EMULATOR_API int cuModuleLoadDataEx(void **module, const void *bytes, unsigned optionCount,
                                    void *options, void **optionValues);
EMULATOR_API int cuModuleUnload(void *module);
EMULATOR_API int cuModuleGetFunction(void **function, void *module, const char *name);
EMULATOR_API int cuFuncSetAttribute(void *function, int attribute, int value);
EMULATOR_API int cuFuncGetAttribute(int *value, int attribute, void *function);
EMULATOR_API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function,
                                                             int threads, size_t sharedBytes);
EMULATOR_API int cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ,
                                unsigned blockX, unsigned blockY, unsigned blockZ,
                                unsigned sharedBytes, void *stream, void **parameters,
                                void **extra);
EMULATOR_API int cuLaunchCooperativeKernel(void *function, unsigned gridX, unsigned gridY,
                                           unsigned gridZ, unsigned blockX, unsigned blockY,
                                           unsigned blockZ, unsigned sharedBytes, void *stream,
                                           void **parameters);
EMULATOR_API int cuLaunchKernelEx(const emulator::LaunchConfig *config, void *function,
                                  void **parameters, void **extra);

// Tensor maps. TensorMap.cpp.
EMULATOR_API int cuTensorMapEncodeTiled(void *map, int elementType, unsigned rank, void *address,
                                        const uint64_t *dims, const uint64_t *strides,
                                        const unsigned *box, const unsigned *elementStrides,
                                        int interleave, int swizzle, int promotion, int fill);

// Streams and events: Streams.cpp. Graphs: Graphs.cpp.
EMULATOR_API int cuStreamCreate(void **stream, unsigned flags);
EMULATOR_API int cuStreamDestroy_v2(void *stream);
EMULATOR_API int cuStreamSynchronize(void *stream);
EMULATOR_API int cuStreamQuery(void *stream);
EMULATOR_API int cuStreamIsCapturing(void *stream, int *status);
EMULATOR_API int cuStreamWaitEvent(void *stream, void *event, unsigned flags);
EMULATOR_API int cuEventCreate(void **event, unsigned flags);
EMULATOR_API int cuEventDestroy_v2(void *event);
EMULATOR_API int cuEventRecord(void *event, void *stream);
EMULATOR_API int cuEventSynchronize(void *event);
EMULATOR_API int cuEventQuery(void *event);
EMULATOR_API int cuEventElapsedTime(float *milliseconds, void *start, void *end);
EMULATOR_API int cuEventElapsedTime_v2(float *milliseconds, void *start, void *end);
EMULATOR_API int cuStreamBeginCapture_v2(void *stream, int mode);
EMULATOR_API int cuStreamEndCapture(void *stream, void **graph);
EMULATOR_API int cuGraphInstantiateWithFlags(void **executable, void *graph,
                                             unsigned long long flags);
EMULATOR_API int cuGraphUpload(void *executable, void *stream);
EMULATOR_API int cuGraphLaunch(void *executable, void *stream);
EMULATOR_API int cuGraphExecDestroy(void *executable);
EMULATOR_API int cuGraphDestroy(void *graph);

// The emulator's own. Driver.cpp.
/// As if the library had just been loaded: for tests that run in one process.
EMULATOR_API void dlc_emulator_reset();
/// The line that the file named by DLC_EMULATOR_REPORT gets when the process ends.
EMULATOR_API const char *dlc_emulator_report();

#endif // EMULATOR_CUDA_H

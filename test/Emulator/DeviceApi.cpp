//===- DeviceApi.cpp - Devices, contexts, error names -----------------------------------------===//
#include "Driver.h"

#include <cstdio>
#include <cstring>

using namespace emulator;

int cuInit(unsigned flags) {
  return call(__func__, Call::Init, [&] {
    if (flags)
      return CUDA_ERROR_INVALID_VALUE;
    if (!driver.environmentError.empty()) {
      std::fprintf(stderr, "dlc emulator: %s\n", driver.environmentError.c_str());
      return CUDA_ERROR_INVALID_VALUE;
    }
    driver.initialised = true;
    return CUDA_SUCCESS;
  });
}

int cuDriverGetVersion(int *version) {
  return call(__func__, Call::Init, [&] {
    if (!version)
      return CUDA_ERROR_INVALID_VALUE;
    *version = driver.version;
    return CUDA_SUCCESS;
  });
}

//===----------------------------------------------------------------------------------------===//
// Devices
//===----------------------------------------------------------------------------------------===//

namespace {
/// A query that needs no device.
template <typename T> int query(const char *name, T *out, const T &value) {
  return call(name, Call::Query, [&] {
    if (!out)
      return CUDA_ERROR_INVALID_VALUE;
    *out = value;
    return CUDA_SUCCESS;
  });
}

Device *findDevice(int number) {
  bool found = number >= 0 && size_t(number) < driver.devices.size();
  return found ? &driver.devices[number] : nullptr;
}

/// A query about a device.
template <typename Body> int query(const char *name, const void *out, int number, Body body) {
  return call(name, Call::Query, [&] {
    Device *device = findDevice(number);
    if (!out || !device)
      return out ? CUDA_ERROR_INVALID_DEVICE : CUDA_ERROR_INVALID_VALUE;
    body(*device);
    return CUDA_SUCCESS;
  });
}

/// Attributes that are not 0, by their numbers in cuda.h.
const std::map<int, int> attributes = {
    {1, kMaxThreadsPerBlock},
    {2, 1024}, // block's dimensions
    {3, 1024},
    {4, 64},
    {5, 0x7fffffff}, // grid's dimensions
    {6, 65535},
    {7, 65535},
    {8, kSharedPerBlock},
    {9, 64 << 10}, // constant memory
    {10, kLanes},
    {12, 65536},   // registers per block
    {13, 1000000}, // kHz
    {19, 1},       // can map host memory
    {31, 1},       // concurrent kernels
    {36, 1000000}, // memory clock, kHz
    {37, 256},     // memory bus, bits
    {38, 4 << 20}, // L2
    {39, kThreadsPerProcessor},
    {40, 1}, // copy engines
    {41, 1}, // unified addresses
    {81, kSharedPerProcessor},
    {82, 65536}, // registers per multiprocessor
    {106, kBlocksPerProcessor},
    {111, kSharedReserved},
    {120, 1}, // clusters
};
} // namespace

int cuDeviceGetCount(int *count) {
  return query(__func__, count, static_cast<int>(driver.devices.size()));
}

int cuDeviceGet(int *device, int ordinal) {
  return query(__func__, device, ordinal, [&](Device &) { *device = ordinal; });
}

int cuDeviceGetName(char *name, int length, int device) {
  return query(__func__, length > 0 ? name : nullptr, device,
               [&](Device &) { std::snprintf(name, length, "dlc emulator"); });
}

int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  return query(__func__, bytes, device, [&](Device &of) { *bytes = of.totalBytes; });
}

int cuDeviceGetUuid_v2(void *uuid, int device) {
  return query(__func__, uuid, device, [&](Device &) {
    std::memcpy(uuid, "dlc emulator\0\0\0\0", 16);
    static_cast<char *>(uuid)[15] = static_cast<char>(device);
  });
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
  return query(__func__, attribute > 0 ? value : nullptr, device, [&](Device &of) {
    auto found = attributes.find(attribute);
    *value = attribute == 16             ? driver.processors
             : attribute == 75           ? of.major
             : attribute == 76           ? of.minor
             : attribute == 95           ? driver.cooperative
             : attribute == 97           ? driver.sharedPerBlock
             : found == attributes.end() ? 0
                                         : found->second;
  });
}

//===----------------------------------------------------------------------------------------===//
// Contexts
//===----------------------------------------------------------------------------------------===//

int cuDevicePrimaryCtxRetain(void **context, int device) {
  return query(__func__, context, device, [&](Device &of) {
    ++of.users;
    *context = of.primary;
  });
}

int cuDevicePrimaryCtxRelease_v2(int device) {
  return call(__func__, Call::ReleaseQuery, [&] {
    Device *of = findDevice(device);
    if (!of || !of->users)
      return of ? CUDA_ERROR_INVALID_CONTEXT : CUDA_ERROR_INVALID_DEVICE;
    if (--of->users == 0)
      driver.destroyContext(of->primary);
    return CUDA_SUCCESS;
  });
}

int cuCtxCreate_v2(void **context, unsigned flags, int device) {
  return query(__func__, flags > 0x1f ? nullptr : context, device, [&](Device &) {
    *context = driver.contexts.add(std::make_unique<Context>(Context{device}));
    contextStack.push_back(*context);
  });
}

int cuCtxDestroy_v2(void *context) {
  return call(__func__, Call::ReleaseQuery, [&] {
    if (!driver.contexts.find(context))
      return CUDA_ERROR_INVALID_CONTEXT;
    driver.destroyContext(context);
    if (currentContext() == context)
      contextStack.pop_back();
    return CUDA_SUCCESS;
  });
}

int cuCtxGetDevice(int *device) {
  return call(__func__, Call::Query, [&] {
    if (!device)
      return CUDA_ERROR_INVALID_VALUE;
    if (!currentContext())
      return CUDA_ERROR_INVALID_CONTEXT;
    if (!driver.isContext(currentContext()))
      return CUDA_ERROR_CONTEXT_IS_DESTROYED;
    *device = driver.deviceOf(currentContext());
    return CUDA_SUCCESS;
  });
}

namespace {
Result checkContext(void *context) {
  return !context || driver.isContext(context) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_CONTEXT;
}
} // namespace

int cuCtxSetCurrent(void *context) {
  return call(__func__, Call::Query, [&] {
    Result result = checkContext(context);
    if (result != CUDA_SUCCESS)
      return result;
    if (!contextStack.empty())
      contextStack.pop_back();
    if (context)
      contextStack.push_back(context);
    return CUDA_SUCCESS;
  });
}

int cuCtxGetCurrent(void **context) { return query(__func__, context, currentContext()); }

int cuCtxPushCurrent_v2(void *context) {
  return call(__func__, Call::Query, [&] {
    Result result = context ? checkContext(context) : CUDA_ERROR_INVALID_CONTEXT;
    if (result == CUDA_SUCCESS)
      contextStack.push_back(context);
    return result;
  });
}

int cuCtxPopCurrent_v2(void **context) {
  return call(__func__, Call::ReleaseQuery, [&] {
    if (contextStack.empty())
      return CUDA_ERROR_INVALID_CONTEXT;
    if (context)
      *context = contextStack.back();
    contextStack.pop_back();
    return CUDA_SUCCESS;
  });
}

int cuStreamGetCtx(void *handle, void **context) {
  return call(__func__, Call::Context, [&] {
    Stream *stream = driver.findStream(handle);
    if (!context)
      return CUDA_ERROR_INVALID_VALUE;
    if (!stream)
      return CUDA_ERROR_INVALID_HANDLE;
    *context = stream->context ? stream->context : currentContext();
    return CUDA_SUCCESS;
  });
}

int cuCtxSynchronize() {
  return call(__func__, Call::Launch, [&] {
    Result refused = driver.refuseDuringCapture();
    if (refused != CUDA_SUCCESS)
      return refused;
    driver.drainAll();
    driver.checkMemory("at cuCtxSynchronize");
    return driver.sticky;
  });
}

//===----------------------------------------------------------------------------------------===//
// Errors. Not counted as calls.
//===----------------------------------------------------------------------------------------===//

namespace {
struct ErrorText {
  Result result;
  const char *name, *text;
};
#define ERROR(name, text) {name, #name, text}
const ErrorText errorTexts[] = {
    ERROR(CUDA_SUCCESS, "no error"),
    ERROR(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
    ERROR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
    ERROR(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
    ERROR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
    ERROR(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
    ERROR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
    ERROR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
    ERROR(CUDA_ERROR_ILLEGAL_STATE, "the operation cannot be performed in the present state"),
    ERROR(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
    ERROR(CUDA_ERROR_NOT_READY, "device not ready"),
    ERROR(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
    ERROR(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
    ERROR(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
    ERROR(CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE, "too many blocks in cooperative launch"),
    ERROR(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED,
          "operation not permitted when stream is capturing"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED,
          "operation failed due to a previous error during capture"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_MERGE, "operation would result in a merge of captures"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not ended in the same stream"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_ISOLATION,
          "dependency created on uncaptured work in another stream"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
          "operation would make the legacy stream depend on a capturing stream"),
    ERROR(CUDA_ERROR_CAPTURED_EVENT,
          "operation not permitted on an event last recorded in capture"),
    ERROR(CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD, "attempt to end capture from another thread"),
    ERROR(CUDA_ERROR_INVALID_CLUSTER_SIZE, "invalid cluster size"),
    ERROR(CUDA_ERROR_UNKNOWN, "unknown error"),
};
#undef ERROR

int errorText(int result, const char **out, const char *ErrorText::*text) {
  if (!out)
    return CUDA_ERROR_INVALID_VALUE;
  for (const ErrorText &each : errorTexts)
    if (each.result == result) {
      *out = each.*text;
      return CUDA_SUCCESS;
    }
  *out = nullptr;
  return CUDA_ERROR_INVALID_VALUE;
}
} // namespace

int cuGetErrorName(int result, const char **name) {
  return errorText(result, name, &ErrorText::name);
}

int cuGetErrorString(int result, const char **text) {
  return errorText(result, text, &ErrorText::text);
}

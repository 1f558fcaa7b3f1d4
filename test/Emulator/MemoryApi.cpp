//===- MemoryApi.cpp - Allocations and copies -------------------------------------------------===//
#include "Driver.h"

#include <cstring>

using namespace emulator;

namespace {
void *pointer(DevicePointer address) { return reinterpret_cast<void *>(address); }

Result allocate(Memory &memory, size_t bytes, void **out) {
  Result refused = driver.refuseDuringCapture();
  if (refused != CUDA_SUCCESS)
    return refused;
  if (!out || !bytes)
    return CUDA_ERROR_INVALID_VALUE;
  int device = driver.deviceOf(currentContext());
  if (&memory == &driver.memory &&
      bytes > driver.devices[device].totalBytes - driver.bytesOn(device))
    return CUDA_ERROR_OUT_OF_MEMORY;
  void *address = memory.allocate(bytes, currentContext());
  if (!address)
    return CUDA_ERROR_OUT_OF_MEMORY;
  *out = address;
  return CUDA_SUCCESS;
}

Result release(Memory &memory, void *address, const char *when) {
  if (!address)
    return CUDA_SUCCESS;
  Result refused = driver.refuseDuringCapture();
  if (refused != CUDA_SUCCESS)
    return refused;
  if (!memory.isAllocation(address))
    return CUDA_ERROR_INVALID_VALUE;
  driver.drainAll();
  driver.checkMemory(when); // kernels were looked at, but not what the host did to pinned memory
  memory.release(address);
  return driver.sticky;
}

bool onDevice(const void *address, size_t bytes) { return driver.memory.contains(address, bytes); }

/// Enqueues what writes or reads device memory, which must be there now and when it happens.
Result access(void *stream, const char *name, std::initializer_list<const void *> places,
              size_t bytes, const Operation &operation) {
  for (const void *place : places)
    if (!onDevice(place, bytes))
      return bytes ? CUDA_ERROR_INVALID_VALUE : CUDA_SUCCESS;
  return driver.enqueue(stream, [=, places = std::vector<const void *>(places)] {
    for (const void *place : places)
      if (!onDevice(place, bytes))
        return driver.fail(CUDA_ERROR_ILLEGAL_ADDRESS,
                           std::string(name) + ": memory was freed before it was done");
    operation.run();
  });
}

/// Whether an operation on that stream may wait to be done and the host may go on.
bool isLater(void *stream) {
  Stream *found = driver.findStream(stream);
  return driver.schedule.deferred && found && !found->capture;
}

Result copyToDevice(void *stream, DevicePointer to, const void *from, size_t bytes) {
  if (!from && bytes)
    return CUDA_ERROR_INVALID_VALUE;
  // From memory that is not pinned, the driver takes a copy at once.
  if (isLater(stream) && !driver.pinned.contains(from, bytes)) {
    const char *first = static_cast<const char *>(from);
    auto taken = std::make_shared<std::vector<char>>(first, first + bytes);
    return access(stream, "cuMemcpyHtoD", {pointer(to)}, bytes,
                  [=] { std::memcpy(pointer(to), taken->data(), bytes); });
  }
  return access(stream, "cuMemcpyHtoD", {pointer(to)}, bytes,
                [=] { std::memcpy(pointer(to), from, bytes); });
}

Result copyToHost(void *stream, void *to, DevicePointer from, size_t bytes) {
  if (!to && bytes)
    return CUDA_ERROR_INVALID_VALUE;
  Result result = access(stream, "cuMemcpyDtoH", {pointer(from)}, bytes,
                         [=] { std::memcpy(to, pointer(from), bytes); });
  // To memory that is not pinned, the driver waits.
  if (result == CUDA_SUCCESS && isLater(stream) && !driver.pinned.contains(to, bytes))
    driver.drain(*driver.findStream(stream));
  return result;
}

/// What a call returns that waits for what it enqueued.
Result finished(Result enqueued) { return enqueued == CUDA_SUCCESS ? driver.sticky : enqueued; }

Result set(void *stream, DevicePointer to, unsigned char value, size_t bytes) {
  return access(stream, "cuMemsetD8", {pointer(to)}, bytes,
                [=] { std::memset(pointer(to), value, bytes); });
}
} // namespace

//===----------------------------------------------------------------------------------------===//
// Allocations
//===----------------------------------------------------------------------------------------===//

int cuMemAlloc_v2(DevicePointer *address, size_t bytes) {
  return call(__func__, Call::Allocation, [&] {
    void *allocated = nullptr;
    Result result = allocate(driver.memory, bytes, address ? &allocated : nullptr);
    if (result == CUDA_SUCCESS)
      *address = reinterpret_cast<DevicePointer>(allocated);
    return result;
  });
}

int cuMemFree_v2(DevicePointer address) {
  return call(__func__, Call::Release,
              [&] { return release(driver.memory, pointer(address), "at cuMemFree"); });
}

int cuMemGetInfo_v2(size_t *free, size_t *total) {
  return call(__func__, Call::Context, [&] {
    if (!free || !total)
      return CUDA_ERROR_INVALID_VALUE;
    int device = driver.deviceOf(currentContext());
    *total = driver.devices[device].totalBytes;
    *free = *total - driver.bytesOn(device);
    return CUDA_SUCCESS;
  });
}

int cuMemAllocHost_v2(void **address, size_t bytes) {
  return call(__func__, Call::Allocation, [&] { return allocate(driver.pinned, bytes, address); });
}

int cuMemHostAlloc(void **address, size_t bytes, unsigned flags) {
  return call(__func__, Call::Allocation, [&] {
    return flags > 7 ? CUDA_ERROR_INVALID_VALUE : allocate(driver.pinned, bytes, address);
  });
}

int cuMemFreeHost(void *address) {
  return call(__func__, Call::Release,
              [&] { return release(driver.pinned, address, "at cuMemFreeHost"); });
}

namespace {
/// Writes an attribute of memory. What an address has that the driver does not know is 0.
Result pointerAttribute(void *value, int attribute, const void *address, bool &known) {
  bool isPinned = false;
  Memory::Range range = driver.memory.find(address);
  if (!range.start) {
    range = driver.pinned.find(address);
    isPinned = range.start;
  }
  known = range.start && static_cast<const char *>(address) < // the end is no part of it
                             static_cast<const char *>(range.start) + range.bytes;
  if (!known)
    range = {};
  switch (attribute) {
  case POINTER_CONTEXT:
    *static_cast<void **>(value) = range.owner;
    return CUDA_SUCCESS;
  case POINTER_MEMORY_TYPE:
    *static_cast<unsigned *>(value) = !known ? 0u : isPinned ? MEMORY_HOST : MEMORY_DEVICE;
    return CUDA_SUCCESS;
  case POINTER_IS_MANAGED:
    *static_cast<unsigned *>(value) = 0; // 4 bytes, as NVIDIA's driver writes
    return CUDA_SUCCESS;
  case POINTER_DEVICE_ORDINAL:
    *static_cast<int *>(value) =
        known ? driver.deviceOf(range.owner) : -2; // as NVIDIA's: no device
    return CUDA_SUCCESS;
  case POINTER_RANGE_START:
    *static_cast<void **>(value) = range.start;
    return CUDA_SUCCESS;
  case POINTER_RANGE_SIZE:
    *static_cast<size_t *>(value) = range.bytes;
    return CUDA_SUCCESS;
  default:
    return CUDA_ERROR_INVALID_VALUE;
  }
}
} // namespace

int cuPointerGetAttribute(void *value, int attribute, DevicePointer address) {
  return call(__func__, Call::Context, [&] {
    bool known = false;
    uint64_t found = 0;
    Result result = value ? pointerAttribute(&found, attribute, pointer(address), known)
                          : CUDA_ERROR_INVALID_VALUE;
    if (result == CUDA_SUCCESS && !known)
      result = CUDA_ERROR_INVALID_VALUE;
    return result == CUDA_SUCCESS ? pointerAttribute(value, attribute, pointer(address), known)
                                  : result;
  });
}

int cuPointerGetAttributes(unsigned count, int *attributes, void **values, DevicePointer address) {
  return call(__func__, Call::Context, [&] {
    Result result = count && attributes && values ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
    bool known = false; // not to know the address is no error here
    for (unsigned i = 0; i < count && result == CUDA_SUCCESS; ++i)
      result = pointerAttribute(values[i], attributes[i], pointer(address), known);
    return result;
  });
}

//===----------------------------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------------------------===//

int cuMemcpyHtoD_v2(DevicePointer to, const void *from, size_t bytes) {
  return call(__func__, Call::Context,
              [&] { return finished(copyToDevice(nullptr, to, from, bytes)); });
}

int cuMemcpyDtoH_v2(void *to, DevicePointer from, size_t bytes) {
  return call(__func__, Call::Context,
              [&] { return finished(copyToHost(nullptr, to, from, bytes)); });
}

int cuMemcpyHtoDAsync_v2(DevicePointer to, const void *from, size_t bytes, void *stream) {
  return call(__func__, Call::Context, [&] { return copyToDevice(stream, to, from, bytes); });
}

int cuMemcpyDtoHAsync_v2(void *to, DevicePointer from, size_t bytes, void *stream) {
  return call(__func__, Call::Context, [&] { return copyToHost(stream, to, from, bytes); });
}

int cuMemcpyDtoDAsync_v2(DevicePointer to, DevicePointer from, size_t bytes, void *stream) {
  return call(__func__, Call::Context, [&] {
    return access(stream, "cuMemcpyDtoD", {pointer(to), pointer(from)}, bytes,
                  [=] { std::memmove(pointer(to), pointer(from), bytes); });
  });
}

int cuMemsetD8_v2(DevicePointer to, unsigned char value, size_t bytes) {
  return call(__func__, Call::Context, [&] { return finished(set(nullptr, to, value, bytes)); });
}

int cuMemsetD8Async(DevicePointer to, unsigned char value, size_t bytes, void *stream) {
  return call(__func__, Call::Context, [&] { return set(stream, to, value, bytes); });
}

//===- CallersGpu.cpp - What a program brings that embeds a net: context, stream, memory ----===//
#include "Gpu/GpuSession.h"

#include <numeric>

using namespace dlrt;
using namespace dlrt::cuda;

/// A program that works on this GPU already has a context, which its memory and streams are of.
Status GpuSession::findContext() {
  Context current = nullptr;
  Device of = 0;
  Status status = driver.check(driver.cuCtxGetCurrent(&current), "use the GPU's context");
  if (!status.ok())
    return status;
  if (current && driver.cuCtxGetDevice(&of) == 0 && of == handle) {
    context = current;
    return Status();
  }
  status = driver.check(driver.cuDevicePrimaryCtxRetain(&context, handle),
                        "open GPU " + std::to_string(handle));
  isPrimary = status.ok();
  return status;
}

static Status captured() {
  return Status::error(
      "the stream is being captured, and what a net does cannot be: call it before "
      "or after the capture");
}

Status GpuSession::checkStream() const {
  Current current(driver, context);
  int status = 0;
  Status asked = check(driver.cuStreamIsCapturing(stream, &status), "ask the stream");
  return asked.ok() && status != 0 ? captured() : asked;
}

Status GpuSession::setStream(void *newStream) {
  Stream wanted = newStream ? static_cast<Stream>(newStream) : ownStream;
  if (wanted == stream)
    return Status();
  Current current(driver, context);
  Context of = nullptr;
  int capturing = 0;
  Result result = driver.cuStreamGetCtx(wanted, &of);
  if (result == kInvalidHandle)
    return Status::error("that is no stream of CUDA's driver");
  Status status = driver.check(result, "use the stream");
  if (status.ok() && of != context) {
    Current other(driver, of);
    Device device = handle;
    if (driver.cuCtxGetDevice(&device) == 0 && device != handle)
      return Status::error("the stream is of GPU " + std::to_string(device) +
                           ", and the net runs on GPU " + std::to_string(handle));
    return Status::error("the stream is of another context than the net. A net is in the context "
                         "that was current when it was opened, else in the GPU's primary one");
  }
  if (status.ok())
    status = driver.check(driver.cuStreamIsCapturing(wanted, &capturing), "use the stream");
  if (status.ok() && capturing != 0)
    return captured();
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "run the program on the GPU");
  if (status.ok() || !newStream)
    stream = wanted;
  return status;
}

Status GpuSession::synchronize() {
  if (!failure.ok())
    return failure;
  Current current(driver, context);
  return check(driver.cuStreamSynchronize(stream), "run the program on the GPU");
}

Status GpuSession::checkArray(const void *array, int64_t bytes, int64_t alignment,
                              const std::string &what) const {
  Current current(driver, context);
  Context owner = nullptr;
  unsigned memory = 0;
  uint64_t managed = 0; // of whatever width the driver takes a bool for
  int device = 0;
  Address start = 0;
  size_t size = 0;
  int names[] = {kPointerContext, kPointerMemory, kPointerManaged,
                 kPointerDevice,  kPointerStart,  kPointerBytes};
  void *values[] = {&owner, &memory, &managed, &device, &start, &size};
  Address address = reinterpret_cast<Address>(array);
  Status status =
      check(driver.cuPointerGetAttributes(6, names, values, address), "ask what memory that is");
  if (!status.ok())
    return status;
  if (memory != 2 && !managed)
    return Status::error(what +
                         " is not in a GPU's memory; dlrt_net_set_memory says where rows lie");
  if (device != handle && !managed)
    return Status::error(what + " is in the memory of GPU " + std::to_string(device) +
                         ", and the net runs on GPU " + std::to_string(handle));
  if (owner && owner != context)
    return Status::error(what + " is memory of another context than the net's");
  if (static_cast<Address>(bytes) > start + size - address)
    return Status::error(what + " takes " + std::to_string(bytes) +
                         " bytes, and its memory ends after " +
                         std::to_string(start + size - address));
  if (address % static_cast<Address>(alignment))
    return Status::error(what + " is not aligned to " + std::to_string(alignment) + " bytes");
  return Status();
}

Status GpuSession::useFields(const void *const *from, int64_t rows) {
  std::vector<Address> addresses(program.fields.size());
  for (size_t i = 0; i < addresses.size(); ++i) {
    const FieldInfo &field = program.fields[i];
    // Kernels read rows 16 bytes at once where their size is a multiple of that.
    int64_t rowBytes = field.elements() * elementSize(field.type);
    int64_t alignment = std::gcd<int64_t>(rowBytes, 16);
    addresses[i] = reinterpret_cast<Address>(from[i]);
    if (!from[i])
      continue;
    if (Status status =
            checkArray(from[i], rows * rowBytes, alignment, "field '" + field.name + "'");
        !status.ok())
      return status;
  }
  Current current(driver, context);
  if (fieldStream) // its windows are no place for these
    forgetData();
  if (Status status = reserveData(rows, std::vector<bool>(fields.size(), false)); !status.ok())
    return status;
  forgetGraphs(); // it has the old addresses
  callersFields = std::move(addresses);
  return Status();
}

uint8_t *GpuSession::address(int64_t offset) const {
  return reinterpret_cast<uint8_t *>(arena.address + offset);
}

Status GpuSession::copyOut(int64_t offset, int64_t bytes, void *to) {
  Current current(driver, context);
  return check(driver.cuMemcpyDtoDAsync_v2(reinterpret_cast<Address>(to), arena.address + offset,
                                           bytes, stream),
               "copy on the GPU");
}

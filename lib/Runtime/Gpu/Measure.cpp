//===- Measure.cpp - Times by the device's clock --------------------------------------------===//
#include "Gpu/GpuSession.h"

#include <algorithm>

using namespace dlrt;
using namespace dlrt::cuda;

/// The seconds on the device from before to after what `enqueue` puts into the stream.
Status GpuSession::timeOf(const std::function<Status()> &enqueue, double &outSeconds) {
  Event start = nullptr, end = nullptr;
  float milliseconds = 0;
  Status status = check(driver.cuEventCreate(&start, 0), "make an event");
  if (status.ok())
    status = check(driver.cuEventCreate(&end, 0), "make an event");
  if (status.ok())
    status = check(driver.cuEventRecord(start, stream), "take the time");
  if (status.ok())
    status = enqueue();
  if (status.ok())
    status = check(driver.cuEventRecord(end, stream), "take the time");
  if (status.ok())
    status = check(driver.cuEventSynchronize(end), "run the program on the GPU");
  if (status.ok())
    status = check(driver.cuEventElapsedTime(&milliseconds, start, end), "take the time");
  for (Event event : {start, end})
    if (event)
      driver.cuEventDestroy_v2(event);
  outSeconds = milliseconds * 1e-3;
  return status;
}

Status GpuSession::measure(const Routine &routine, int64_t calls, double &outSeconds) {
  // Once for the rows and the frame, and so that the code is there.
  if (Status status = run(routine); !status.ok())
    return status;
  Current current(driver, context);
  Status status = check(current.result, "use the GPU's context");
  if (status.ok())
    status = timeOf(
        [&] {
          Status launched;
          for (int64_t call = 0; call < calls && launched.ok(); ++call)
            for (const LaunchInfo &one : routine.launches)
              if (launched.ok())
                launched = launch(one);
          return launched;
        },
        outSeconds);
  outSeconds /= static_cast<double>(calls);
  return status;
}

Status GpuSession::measureCopy(double &outRate) {
  Current current(driver, context);
  size_t freeBytes = 0, totalBytes = 0;
  Status status = check(current.result, "use the GPU's context");
  if (status.ok())
    status = check(driver.cuMemGetInfo_v2(&freeBytes, &totalBytes), "ask for free memory");
  if (!status.ok())
    return status;
  // Larger than any cache, where there is room.
  constexpr size_t kMost = size_t(1) << 30;
  size_t bytes = std::min(kMost, roomOf(freeBytes, totalBytes) / 2) / 512 * 512;
  if (bytes == 0)
    return Status();
  Memory from, to;
  constexpr int kCopies = 10;
  double seconds = 0;
  status = reserve(from, bytes, "a copy to measure");
  if (status.ok())
    status = reserve(to, bytes, "a copy to measure");
  auto copy = [&] {
    return check(driver.cuMemcpyDtoDAsync_v2(to.address, from.address, bytes, stream),
                 "copy on the GPU");
  };
  if (status.ok())
    status = copy();
  if (status.ok())
    status = timeOf(
        [&] {
          Status copied;
          for (int i = 0; i < kCopies && copied.ok(); ++i)
            copied = copy();
          return copied;
        },
        seconds);
  release(from);
  release(to);
  if (status.ok() && seconds > 0)
    outRate = 2.0 * kCopies * static_cast<double>(bytes) / seconds;
  return status;
}

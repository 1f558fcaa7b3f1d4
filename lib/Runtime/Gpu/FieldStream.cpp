//===- FieldStream.cpp ----------------------------------------------------------------------===//
#include "Gpu/FieldStream.h"

#include <algorithm>
#include <cstring>

using namespace dlrt;
using namespace dlrt::cuda;

Status FieldStream::open(size_t bytes) {
  Status status = driver.check(driver.cuMemHostAlloc(&pinned, bytes, 0),
                               "get " + std::to_string(bytes) +
                                   " bytes of pinned memory, through which the data streams");
  if (status.ok())
    status = driver.check(driver.cuStreamCreate(&copies, /*non-blocking*/ 1), "make a stream");
  for (Window &window : windows) {
    window.pinned = static_cast<uint8_t *>(pinned) + (&window - windows) * (bytes / 2);
    for (Event *event : {&window.copied, &window.used})
      if (status.ok())
        status = driver.check(driver.cuEventCreate(event, /*no timing*/ 2), "make an event");
  }
  return status;
}

FieldStream::~FieldStream() {
  if (copies) {
    driver.cuStreamSynchronize(copies);
    driver.cuStreamDestroy_v2(copies);
  }
  for (Window &window : windows)
    for (Event event : {window.copied, window.used})
      if (event)
        driver.cuEventDestroy_v2(event);
  if (pinned)
    driver.cuMemFreeHost(pinned);
}

void FieldStream::setColumns(std::vector<Column> newColumns) {
  columns = std::move(newColumns);
  for (Window &window : windows)
    window.orderNumber = -1;
}

Status FieldStream::fill(Window &window, const int32_t *rows, int64_t count) {
  window.orderNumber = -1;
  // The copy of before reads the pinned memory, and what works on the window must be through.
  Status status =
      driver.check(driver.cuEventSynchronize(window.copied), "copy rows of the data to the GPU");
  if (status.ok())
    status = driver.check(driver.cuStreamWaitEvent(copies, window.used, 0), "wait for the GPU");
  uint8_t *to = window.pinned;
  for (const Column &column : columns) {
    if (!status.ok())
      return status;
    size_t bytes = column.rowBytes;
    for (int64_t row = 0; row < count; ++row)
      memcpy(to + row * bytes, column.from + rows[row] * bytes, bytes);
    Address place = column.to + (&window - windows) * windowRows * bytes;
    status = driver.check(driver.cuMemcpyHtoDAsync_v2(place, to, count * bytes, copies),
                          "copy rows of the data to the GPU");
    to += windowRows * bytes;
  }
  return status.ok() ? driver.check(driver.cuEventRecord(window.copied, copies),
                                    "copy rows of the data to the GPU")
                     : status;
}

Status FieldStream::use(Window &window) {
  current = &window;
  return driver.check(driver.cuStreamWaitEvent(user, window.copied, 0), "wait for the data");
}

Status FieldStream::load(const int32_t *rows, int64_t count, int64_t &outFirst) {
  Window &window = other();
  outFirst = (&window - windows) * windowRows;
  Status status = fill(window, rows, count);
  return status.ok() ? use(window) : status;
}

Status FieldStream::fillFrom(Window &window, const Session::Steps &steps, int64_t first) {
  int64_t left = steps.order.size() - first;
  // Whole batches, so that none is cut in two.
  int64_t count = left <= windowRows ? left : windowRows / steps.rows * steps.rows;
  Status status = fill(window, steps.order.data() + first, count);
  if (!status.ok())
    return status;
  window.orderNumber = steps.orderNumber;
  window.first = first;
  window.count = count;
  return status;
}

FieldStream::Window *FieldStream::find(int64_t orderNumber, int64_t position) {
  for (Window &window : windows)
    if (window.orderNumber == orderNumber && window.first <= position &&
        position < window.first + window.count)
      return &window;
  return nullptr;
}

Status FieldStream::load(const Session::Steps &steps, int64_t &outFirst, int64_t &outCount) {
  Window *window = find(steps.orderNumber, steps.first);
  Status status;
  if (!window || window->first + window->count < steps.first + steps.rows) {
    window = &other();
    status = fillFrom(*window, steps, steps.first);
  }
  int64_t before = steps.first - window->first;
  outFirst = (window - windows) * windowRows + before;
  outCount = std::min(steps.count, (window->count - before) / steps.rows);
  return status.ok() ? use(*window) : status;
}

Status FieldStream::used() {
  return driver.check(driver.cuEventRecord(current->used, user), "run the program on the GPU");
}

Status FieldStream::loadNext(const Session::Steps &steps) {
  int64_t next = current->first + current->count;
  if (next >= steps.order.size() || find(steps.orderNumber, next))
    return Status();
  return fillFrom(other(), steps, next);
}

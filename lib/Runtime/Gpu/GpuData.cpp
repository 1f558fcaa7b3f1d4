//===- GpuData.cpp - What of the data is on the device --------------------------------------===//
#include "Gpu/GpuSession.h"
#include "Report.h"

#include <algorithm>
#include <numeric>

using namespace dlrt;
using namespace dlrt::cuda;

Status GpuSession::makePlan(int64_t rows, std::vector<bool> given) {
  size_t freeBytes = 0, totalBytes = 0;
  Status status = check(driver.cuMemGetInfo_v2(&freeBytes, &totalBytes), "ask for free memory");
  if (!status.ok())
    return status;
  freeBytes += arena.bytes + deviceFrame.bytes;
  size_t room = roomOf(freeBytes, totalBytes);
  plan = planMemory(program, rows, given, room);
  MemoryUse use = plan.use();
  if (static_cast<size_t>(use.total()) > room)
    return Status::error("'" + program.name + "' needs " + formatBytes(use.total()) +
                             " of memory on " + deviceText + " (" + formatBytes(use.arena) +
                             " for its tensors), and " + formatBytes(freeBytes) + " of " +
                             formatBytes(totalBytes) +
                             " are free, of which the driver keeps some. A smaller batch needs "
                             "less; or take another GPU (--device gpu:N), or the processor "
                             "(--device cpu)",
                         StatusCode::OutOfMemory);
  plannedRows = rows;
  plannedFields = std::move(given);
  return status;
}

void GpuSession::forgetData() {
  forgetGraphs(); // it has the addresses
  fieldStream.reset();
  for (Memory &memory : fields)
    release(memory);
  release(order);
  release(indices);
  orderNumber = -1;
  plannedRows = 0;
  plannedFields.assign(fields.size(), false);
}

Status GpuSession::reserveData(int64_t rows, std::vector<bool> given) {
  bool planned = rows <= plannedRows;
  for (size_t i = 0; i < given.size(); ++i) {
    planned &= !given[i] || plannedFields[i];
    // With what there was before: calls that take turns find their memory again.
    given[i] = given[i] || plannedFields[i];
  }
  if (planned)
    return Status();
  int64_t most = std::max(rows, plannedRows);
  forgetData();
  Status status = makePlan(most, std::move(given));
  if (status.ok())
    status = reserve(order, plan.order, "the order of the rows");
  if (status.ok())
    status = reserve(indices, plan.indices, "the numbers of rows");
  for (size_t i = 0; i < fields.size() && status.ok(); ++i)
    status = reserve(fields[i], plan.fields[i], "field '" + program.fields[i].name + "'");
  if (!status.ok() || plan.windowRows == 0)
    return status;
  fieldStream = std::make_unique<FieldStream>(driver, stream, plan.windowRows);
  status = note(fieldStream->open(plan.pinned));
  // In the windows a row's number is its place.
  std::vector<int32_t> places(2 * plan.windowRows);
  std::iota(places.begin(), places.end(), 0);
  return status.ok() ? check(driver.cuMemcpyHtoDAsync_v2(indices.address, places.data(),
                                                         places.size() * sizeof(int32_t), stream),
                             "copy the numbers of rows")
                     : status;
}

Status GpuSession::setFields(const void *const *from, int64_t rows) {
  Current current(driver, context);
  Status status = check(current.result, "use the GPU's context");
  std::vector<bool> given(fields.size());
  for (size_t i = 0; i < fields.size(); ++i)
    given[i] = from[i] != nullptr;
  if (!callersFields.empty())
    forgetGraphs(); // it has their addresses
  callersFields.clear();
  if (status.ok())
    status = reserveData(rows, std::move(given));
  std::vector<FieldStream::Column> columns;
  for (size_t i = 0; i < fields.size() && status.ok(); ++i) {
    const FieldInfo &field = program.fields[i];
    size_t rowBytes = static_cast<size_t>(field.elements() * elementSize(field.type));
    if (!from[i] || rowBytes == 0)
      continue;
    if (fieldStream)
      columns.push_back({static_cast<const uint8_t *>(from[i]), rowBytes, fields[i].address});
    else
      status =
          check(driver.cuMemcpyHtoDAsync_v2(fields[i].address, from[i], rows * rowBytes, stream),
                "copy field '" + field.name + "' to the GPU");
  }
  if (fieldStream)
    fieldStream->setColumns(std::move(columns));
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "copy the data to the GPU");
  return status;
}

bool GpuSession::readsData(const Routine &routine) {
  for (const LaunchInfo &launch : routine.launches)
    for (int64_t place : launch.places)
      if (place < 0)
        return true;
  return false;
}

Status GpuSession::provideRows(Address &out) {
  out = indices.address;
  if (fieldStream) {
    int64_t first = 0;
    Status status = note(fieldStream->load(frame.indices, frame.rows, first));
    out += first * sizeof(int32_t);
    return status;
  }
  return check(driver.cuMemcpyHtoDAsync_v2(indices.address, frame.indices,
                                           frame.rows * sizeof(int32_t), stream),
               "copy the numbers of the batch's rows");
}

Status GpuSession::provideRows(const Steps &steps, Address &out, int64_t &outCount) {
  if (fieldStream) {
    int64_t first = 0;
    Status status = note(fieldStream->load(steps, first, outCount));
    out = indices.address + first * sizeof(int32_t);
    return status;
  }
  outCount = steps.count;
  out = order.address + steps.first * sizeof(int32_t);
  if (orderNumber == steps.orderNumber)
    return Status();
  orderNumber = steps.orderNumber;
  return check(driver.cuMemcpyHtoDAsync_v2(order.address, steps.order.data(),
                                           steps.order.size() * sizeof(int32_t), stream),
               "copy the order of the rows");
}

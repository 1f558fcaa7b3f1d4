//===- MemoryPlan.cpp -----------------------------------------------------------------------===//
#include "Gpu/MemoryPlan.h"

#include <algorithm>

using namespace dlrt;

namespace {
/// The driver hands memory out in pieces of that size.
constexpr size_t kPiece = 512;
/// Of a window: more does not hide a copy better, and pinned memory is dear.
constexpr size_t kMostWindowBytes = size_t(256) << 20;

size_t pieces(int64_t bytes) { return (static_cast<size_t>(bytes) + kPiece - 1) / kPiece * kPiece; }

/// The most rows that one call of any function is about.
int64_t mostRowsOfACall(const Program &program, int64_t rows) {
  int64_t most = 1;
  for (const FunctionInfo &function : program.functions)
    most = std::max(most, std::min(function.batch, rows));
  return most;
}

int64_t rowBytes(const FieldInfo &field) { return field.elements() * elementSize(field.type); }
} // namespace

MemoryUse MemoryPlan::use() const {
  MemoryUse out;
  out.arena = static_cast<int64_t>(arena);
  out.frame = static_cast<int64_t>(frame);
  out.rowNumbers = static_cast<int64_t>(order + indices);
  for (size_t bytes : fields)
    out.data += static_cast<int64_t>(bytes);
  out.windowRows = windowRows;
  out.pinned = static_cast<int64_t>(pinned);
  return out;
}

size_t dlrt::roomOf(size_t freeBytes, size_t totalBytes) {
  size_t reserve = std::min<size_t>(totalBytes / 32, size_t(512) << 20);
  return freeBytes > reserve ? freeBytes - reserve : 0;
}

MemoryPlan dlrt::planMemory(const Program &program, int64_t rows, const std::vector<bool> &given,
                            size_t room) {
  MemoryPlan plan;
  plan.arena = pieces(std::max<int64_t>(program.memoryBytes(1), 1));
  plan.frame = pieces(sizeof(dlrt_frame));
  plan.fields.assign(program.fields.size(), 0);
  if (rows == 0)
    return plan;
  int64_t most = mostRowsOfACall(program, rows), bytesOfRow = 0;
  auto holdRows = [&](int64_t count) {
    bytesOfRow = 0;
    for (size_t i = 0; i < plan.fields.size(); ++i)
      if (given[i]) {
        plan.fields[i] = pieces(count * rowBytes(program.fields[i]));
        bytesOfRow += rowBytes(program.fields[i]);
      }
  };
  auto fits = [&] { return static_cast<size_t>(plan.use().total()) <= room; };
  constexpr int64_t kNumber = sizeof(int32_t);
  const FunctionInfo *train = program.function("train");
  holdRows(rows);
  plan.order = train && train->advance ? pieces(rows * kNumber) : 0;
  plan.indices = pieces(most * kNumber);
  if (fits() || bytesOfRow == 0)
    return plan;

  MemoryPlan whole = plan;
  // Two windows, each of as many batches as there are steps between two looks of the host, or of
  // fewer; a call of whatever function fits always.
  plan.order = 0;
  int64_t batch = train ? std::min(rows, train->batch) : most;
  auto holdWindows = [&](int64_t batches) {
    plan.windowRows = std::max(batches * batch, most);
    holdRows(2 * plan.windowRows);
    plan.indices = pieces(2 * plan.windowRows * kNumber);
    plan.pinned = 2 * static_cast<size_t>(plan.windowRows * bytesOfRow);
  };
  int64_t batches = std::min<int64_t>(Session::kStepsAtOnce, rows / batch);
  batches = std::min<int64_t>(batches, kMostWindowBytes / bytesOfRow / batch);
  for (holdWindows(batches); batches > 1 && !fits(); holdWindows(batches))
    --batches;
  return plan.use().total() < whole.use().total() ? plan : whole;
}

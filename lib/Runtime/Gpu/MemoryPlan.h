//===- MemoryPlan.h - What a program takes of a device's memory -----------------------------===//
#ifndef DLRT_GPU_MEMORYPLAN_H
#define DLRT_GPU_MEMORYPLAN_H

#include "Session.h"

namespace dlrt {

/// Each piece of a device's memory that a session allocates, in bytes: nothing else allocates.
struct MemoryPlan {
  size_t arena = 0, frame = 0;
  size_t order = 0;           /// the row numbers of an epoch
  size_t indices = 0;         /// those of a batch or, where the data streams, of the windows
  std::vector<size_t> fields; /// each field, or two windows of it; 0: it is not given
  int64_t windowRows = 0; /// of the windows that the data streams through; 0: all of it is there
  size_t pinned = 0;      /// of the host's memory, before the windows

  MemoryUse use() const;
};

/// Lays out the device's memory for `rows` rows of the fields that are `given`: all of them if they
/// fit into `room` bytes, else two windows of them. Where that does not fit either, the plan is
/// what takes least, and its use tells how much that is.
MemoryPlan planMemory(const Program &program, int64_t rows, const std::vector<bool> &given,
                      size_t room);

/// How much of a device's free memory a session may take: the driver needs some for itself, such as
/// for graphs.
size_t roomOf(size_t freeBytes, size_t totalBytes);

} // namespace dlrt
#endif // DLRT_GPU_MEMORYPLAN_H

//===- BulkCopies.h - Barriers in shared memory and copies that they count --------------------===//
#ifndef EMULATOR_BULKCOPIES_H
#define EMULATOR_BULKCOPIES_H

#include "TensorMap.h"

#include <cstdint>
#include <vector>

namespace emulator {

struct Thread;

/// A cp.async.bulk.tensor that has been issued and not carried out.
struct BulkCopy {
  char *shared;
  TensorMap map;
  int64_t at[5]; // the box's first element
};

/// An mbarrier: a phase ends when nobody and no byte is missing any more.
struct Mbarrier {
  const Thread *initialisedBy = nullptr;
  bool fenced = false; // the asynchronous proxy sees it
  int expected = 0, missing = 0;
  int64_t missingBytes = 0;
  uint64_t phase = 0;
  std::vector<BulkCopy> copies; // under way
  std::vector<Thread *> waiting;
};

} // namespace emulator
#endif // EMULATOR_BULKCOPIES_H

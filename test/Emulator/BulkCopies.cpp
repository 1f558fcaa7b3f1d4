//===- BulkCopies.cpp - mbarrier and cp.async.bulk.tensor -------------------------------------===//
#include "BulkCopies.h"
#include "DeviceFunctions.h"
#include "Grid.h"

#include <algorithm>
#include <cstring>

using namespace emulator;

//===----------------------------------------------------------------------------------------===//
// mbarrier
//===----------------------------------------------------------------------------------------===//

namespace {
constexpr uint64_t kMark = 0x7265697272616226; // what its 8 bytes hold: they may not be overwritten
constexpr int64_t kMostBytes = (1 << 20) - 1, kMostThreads = (1 << 20) - 1;

void checkPlace(const void *barrier, const char *what) {
  Block &block = *grid.current().block;
  if (reinterpret_cast<uintptr_t>(barrier) % 8)
    grid.fail("%s: the barrier at %p is not aligned to 8 bytes", what, barrier);
  if (!block.holds(barrier, 8))
    grid.fail("%s: the barrier is outside of the block's shared memory, at offset %td", what,
              static_cast<const char *>(barrier) - block.shared);
}

Mbarrier &find(const void *barrier, const char *what) {
  checkPlace(barrier, what);
  Block &block = *grid.current().block;
  auto found = block.mbarriers.find(barrier);
  if (found == block.mbarriers.end())
    grid.fail("%s: no barrier was initialised at offset %td", what,
              static_cast<const char *>(barrier) - block.shared);
  uint64_t mark;
  std::memcpy(&mark, barrier, sizeof(mark));
  if (mark != kMark)
    grid.fail("%s: the barrier at offset %td was overwritten", what,
              static_cast<const char *>(barrier) - block.shared);
  return found->second;
}

/// Ends the phase if nothing is missing.
void advance(Mbarrier &barrier) {
  if (barrier.missing || barrier.missingBytes)
    return;
  barrier.missing = barrier.expected;
  ++barrier.phase;
  for (Thread *thread : barrier.waiting)
    grid.wake(*thread);
  barrier.waiting.clear();
}

void arrive(Mbarrier &barrier, const char *what) {
  if (--barrier.missing < 0)
    grid.fail("%s: more threads than the %d that the barrier expects", what, barrier.expected);
  advance(barrier);
}
} // namespace

void emu_mbarrier_init(void *place, int threads) {
  constexpr char kWhat[] = "mbarrier.init";
  checkPlace(place, kWhat);
  if (threads < 1 || threads > kMostThreads)
    grid.fail("%s: for %d threads", kWhat, threads);
  Thread &thread = grid.current();
  Mbarrier &barrier = thread.block->mbarriers[place];
  if (barrier.initialisedBy)
    grid.fail("%s: there is one already at offset %td", kWhat,
              static_cast<char *>(place) - thread.block->shared);
  barrier.initialisedBy = &thread;
  barrier.expected = barrier.missing = threads;
  std::memcpy(place, &kMark, sizeof(kMark));
}

int64_t emu_mbarrier_arrive(void *place) {
  arrive(find(place, "mbarrier.arrive"), "mbarrier.arrive");
  grid.mayYield();
  return 0;
}

int64_t emu_mbarrier_arrive_expect(void *place, int bytes) {
  constexpr char kWhat[] = "mbarrier.arrive.expect_tx";
  Mbarrier &barrier = find(place, kWhat);
  if (bytes < 0 || barrier.missingBytes + bytes > kMostBytes)
    grid.fail("%s: %d more bytes; a barrier counts up to %d", kWhat, bytes, int(kMostBytes));
  barrier.missingBytes += bytes;
  arrive(barrier, kWhat);
  grid.mayYield();
  return 0;
}

namespace {
/// 0 beyond the tensor's ends.
void carryOut(const BulkCopy &copy) {
  const TensorMap &map = copy.map;
  size_t elements = map.boxBytes() / map.elementBytes;
  for (size_t i = 0; i < elements; ++i) {
    const char *from = map.address;
    bool inside = true;
    size_t rest = i;
    for (int d = 0; d < map.rank; ++d) {
      int64_t at = copy.at[d] + static_cast<int64_t>(rest % map.box[d]);
      rest /= map.box[d];
      inside &= at >= 0 && static_cast<uint64_t>(at) < map.dims[d];
      from += at * static_cast<int64_t>(d ? map.strides[d - 1] : map.elementBytes);
    }
    uintptr_t plain = reinterpret_cast<uintptr_t>(copy.shared) + i * map.elementBytes;
    char *to = reinterpret_cast<char *>(swizzled(plain, map.swizzle));
    if (inside)
      std::memcpy(to, from, map.elementBytes);
    else
      std::memset(to, 0, map.elementBytes);
  }
}

/// Carries out what is under way: as late as it may be, when somebody waits for it.
void finishCopies(Mbarrier &barrier) {
  std::vector<BulkCopy> copies;
  copies.swap(barrier.copies);
  for (const BulkCopy &copy : copies) {
    carryOut(copy);
    barrier.missingBytes -= static_cast<int64_t>(copy.map.boxBytes());
    advance(barrier);
  }
}
} // namespace

bool emu_mbarrier_try_wait(void *place, int parity) {
  Mbarrier &barrier = find(place, "mbarrier.try_wait");
  if (parity != 0 && parity != 1)
    grid.fail("mbarrier.try_wait: parity %d", parity);
  auto isOver = [&] { return (barrier.phase & 1) != static_cast<uint64_t>(parity); };
  if (isOver())
    return true;
  finishCopies(barrier);
  if (isOver())
    return true;
  barrier.waiting.push_back(&grid.current());
  grid.wait("an mbarrier");
  return grid.scheduled().isForward() || grid.scheduled().coin(); // it may give up at any time
}

//===----------------------------------------------------------------------------------------===//
// Fences, which make what was written known to the asynchronous proxy
//===----------------------------------------------------------------------------------------===//

void emu_fence_mbarrier_init() {}

void emu_fence_proxy_async() {
  Thread &thread = grid.current();
  for (auto &[place, barrier] : thread.block->mbarriers)
    barrier.fenced |= barrier.initialisedBy == &thread;
}

//===----------------------------------------------------------------------------------------===//
// cp.async.bulk.tensor
//===----------------------------------------------------------------------------------------===//

void emu_tma_load_3d(void *shared, void *place, const void *map, int x, int y, int z, int16_t,
                     int64_t, bool multicast, bool hinted, int group) {
  constexpr char kWhat[] = "cp.async.bulk.tensor";
  Block &block = *grid.current().block;
  Mbarrier &barrier = find(place, kWhat);
  if (!barrier.fenced)
    grid.fail("%s: the barrier was initialised without fence.proxy.async behind it", kWhat);
  if (multicast || hinted || group)
    grid.fail("%s: neither multicast nor hints nor groups are emulated", kWhat);
  if (reinterpret_cast<uintptr_t>(map) % 64)
    grid.fail("%s: the tensor map is not aligned to 64 bytes", kWhat);
  BulkCopy copy = {static_cast<char *>(shared), {}, {x, y, z}};
  std::memcpy(&copy.map, map, sizeof(TensorMap));
  if (copy.map.mark != kTensorMapMark)
    grid.fail("%s: what should be a tensor map is none", kWhat);
  if (copy.map.rank != 3)
    grid.fail("%s: 3 coordinates for %d dimensions", kWhat, copy.map.rank);
  uintptr_t alignment = swizzleAlignment(copy.map.swizzle);
  if (reinterpret_cast<uintptr_t>(shared) % alignment)
    grid.fail("%s: the destination, at offset %td, is not aligned to %d bytes", kWhat,
              copy.shared - block.shared, int(alignment));
  if (!block.holds(shared, copy.map.boxBytes()))
    grid.fail("%s: the destination is outside of the block's shared memory, at offset %td", kWhat,
              copy.shared - block.shared);
  barrier.copies.push_back(copy);
  if (!barrier.waiting.empty() || grid.scheduled().copiesNow())
    finishCopies(barrier);
  grid.mayYield();
}

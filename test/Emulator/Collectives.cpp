//===- Collectives.cpp - Shuffles, ballots and barriers ---------------------------------------===//
#include "Collectives.h"
#include "DeviceFunctions.h"

#include <cstring>

using namespace emulator;

//===----------------------------------------------------------------------------------------===//
// Lanes meet
//===----------------------------------------------------------------------------------------===//

namespace {
constexpr char kWarpSync[] = "bar.warp.sync";

/// bar.warp.sync is the one collective of a warp that does not miss lanes which have exited.
uint32_t expectedLanes(const Warp &warp, uint32_t mask, const char *where) {
  return where == kWarpSync ? mask & ~warp.exited : mask;
}

/// Lanes of `among` that wait for the lanes of `mask`, which is to say at the same place: meet()
/// sees to that.
uint32_t arrivedLanes(const Warp &warp, uint32_t among, uint32_t mask) {
  uint32_t arrived = 0;
  for (uint32_t lanes = warp.meeting & among; lanes; lanes &= lanes - 1) {
    int lane = __builtin_ctz(lanes);
    if (warp.meetingMask[lane] == mask)
      arrived |= 1u << lane;
  }
  return arrived;
}

void release(Warp &warp, uint32_t lanes) {
  warp.meeting &= ~lanes;
  for (; lanes; lanes &= lanes - 1)
    grid.wake(warp.threads[__builtin_ctz(lanes)]);
}
} // namespace

void emulator::meet(const char *where, uint32_t mask, void *operands, Completion complete) {
  Thread &thread = grid.current();
  Warp &warp = *thread.warp;
  uint32_t self = 1u << thread.lane;
  if (!(mask & self))
    grid.fail("%s: lane %d is not in its own mask 0x%08x", where, thread.lane, mask);
  uint32_t expected = expectedLanes(warp, mask, where);
  if (uint32_t missing = expected & warp.exited)
    grid.fail("%s: lanes 0x%08x of mask 0x%08x have exited or never were", where, missing, mask);
  for (uint32_t others = warp.meeting; others; others &= others - 1) {
    int lane = __builtin_ctz(others);
    bool eachWaits = (mask >> lane & 1) && (warp.meetingMask[lane] & self);
    if (eachWaits && (warp.meetingAt[lane] != where || warp.meetingMask[lane] != mask))
      grid.fail("%s with mask 0x%08x, but lane %d waits at %s with mask 0x%08x", where, mask, lane,
                warp.meetingAt[lane], warp.meetingMask[lane]);
  }
  warp.meeting |= self;
  warp.meetingAt[thread.lane] = where;
  warp.meetingMask[thread.lane] = mask;
  warp.operands[thread.lane] = operands;
  bool allWait = (warp.meeting & expected) == expected; // if only somewhere
  if (!allWait || arrivedLanes(warp, expected, mask) != expected)
    return grid.wait(where);
  if (complete)
    complete(warp, mask);
  release(warp, expected);
}

namespace {
void releaseBarrier(Block &block, int id) {
  block.barriers[id] = Barrier();
  for (Thread &thread : block.threads)
    if (thread.barrier == id) {
      thread.barrier = -1;
      grid.wake(thread);
    }
}

/// Opens the next phase if nobody is missing.
void advance(Cluster &cluster) {
  if (cluster.arrived == 0 || cluster.arrived + cluster.exited < cluster.threads)
    return;
  cluster.arrived = 0;
  ++cluster.phase;
  for (Block *block : cluster.blocks)
    for (Thread &thread : block->threads)
      if (thread.barrier == kNamedBarriers) {
        thread.barrier = -1;
        grid.wake(thread);
      }
}
} // namespace

void emulator::leaveCollectives(Thread &thread) {
  Warp &warp = *thread.warp;
  uint32_t self = 1u << thread.lane;
  for (uint32_t lanes = warp.meeting; lanes; lanes &= lanes - 1) {
    int lane = __builtin_ctz(lanes);
    uint32_t mask = warp.meetingMask[lane];
    if (!(mask & self))
      continue;
    if (warp.meetingAt[lane] != kWarpSync)
      grid.fail("exits, but lane %d waits for it at %s", lane, warp.meetingAt[lane]);
    uint32_t expected = mask & ~warp.exited;
    if ((warp.meeting >> lane & 1) && arrivedLanes(warp, expected, mask) == expected)
      release(warp, expected);
  }
  Block &block = *thread.block;
  for (int id = 0; id < kNamedBarriers; ++id) {
    Barrier &barrier = block.barriers[id];
    if (barrier.arrived && !barrier.expected && barrier.arrived == block.alive)
      releaseBarrier(block, id);
  }
  Cluster &cluster = *block.cluster;
  if (thread.arrivedAtCluster && thread.clusterPhase == cluster.phase)
    --cluster.arrived;
  ++cluster.exited;
  advance(cluster);
}

//===----------------------------------------------------------------------------------------===//
// Shuffles and ballots
//===----------------------------------------------------------------------------------------===//

namespace {
constexpr char kButterfly[] = "shfl.bfly", kDown[] = "shfl.down", kUp[] = "shfl.up",
               kIndex[] = "shfl.idx", kBallot[] = "vote.ballot";

struct Shuffle {
  int value, operand, clamp, result;
};

/// PTX's definition of shfl.sync: the lane that `lane` reads.
template <const char *Kind> int sourceLane(const Shuffle &shuffle, int lane) {
  int segment = shuffle.clamp >> 8 & 31, limit = shuffle.clamp & 31, offset = shuffle.operand & 31;
  int first = lane & segment, last = first | (limit & ~segment);
  int source = Kind == kButterfly ? lane ^ offset
               : Kind == kDown    ? lane + offset
               : Kind == kUp      ? lane - offset
                                  : first | (offset & ~segment);
  bool inside = Kind == kUp ? source >= last : source <= last;
  return inside ? source : lane;
}

template <const char *Kind> void completeShuffle(Warp &warp, uint32_t mask) {
  auto at = [&](int lane) { return static_cast<Shuffle *>(warp.operands[lane]); };
  for (uint32_t lanes = mask; lanes; lanes &= lanes - 1) {
    int lane = __builtin_ctz(lanes), source = sourceLane<Kind>(*at(lane), lane);
    if (!(mask >> source & 1))
      grid.fail("%s: lane %d reads lane %d, which is not in mask 0x%08x", Kind, lane, source, mask);
    at(lane)->result = at(source)->value;
  }
}

template <const char *Kind> int shuffle(int mask, int value, int operand, int clamp) {
  Shuffle mine = {value, operand, clamp, 0};
  meet(Kind, mask, &mine, completeShuffle<Kind>);
  return mine.result;
}

template <const char *Kind> float shuffle(int mask, float value, int operand, int clamp) {
  int bits;
  std::memcpy(&bits, &value, sizeof(bits));
  bits = shuffle<Kind>(mask, bits, operand, clamp);
  std::memcpy(&value, &bits, sizeof(bits));
  return value;
}

struct Ballot {
  bool predicate;
  uint32_t result;
};

void completeBallot(Warp &warp, uint32_t mask) {
  uint32_t result = 0;
  for (uint32_t lanes = mask; lanes; lanes &= lanes - 1) {
    int lane = __builtin_ctz(lanes);
    result |= uint32_t(static_cast<Ballot *>(warp.operands[lane])->predicate) << lane;
  }
  for (uint32_t lanes = mask; lanes; lanes &= lanes - 1)
    static_cast<Ballot *>(warp.operands[__builtin_ctz(lanes)])->result = result;
}
} // namespace

int emu_shfl_bfly_i32(int mask, int value, int laneMask, int clamp) {
  return shuffle<kButterfly>(mask, value, laneMask, clamp);
}
int emu_shfl_down_i32(int mask, int value, int delta, int clamp) {
  return shuffle<kDown>(mask, value, delta, clamp);
}
int emu_shfl_up_i32(int mask, int value, int delta, int clamp) {
  return shuffle<kUp>(mask, value, delta, clamp);
}
int emu_shfl_idx_i32(int mask, int value, int lane, int clamp) {
  return shuffle<kIndex>(mask, value, lane, clamp);
}
float emu_shfl_bfly_f32(int mask, float value, int laneMask, int clamp) {
  return shuffle<kButterfly>(mask, value, laneMask, clamp);
}
float emu_shfl_down_f32(int mask, float value, int delta, int clamp) {
  return shuffle<kDown>(mask, value, delta, clamp);
}
float emu_shfl_up_f32(int mask, float value, int delta, int clamp) {
  return shuffle<kUp>(mask, value, delta, clamp);
}
float emu_shfl_idx_f32(int mask, float value, int lane, int clamp) {
  return shuffle<kIndex>(mask, value, lane, clamp);
}

int emu_ballot(int mask, int predicate) {
  Ballot mine = {(predicate & 1) != 0, 0};
  meet(kBallot, mask, &mine, completeBallot);
  return static_cast<int>(mine.result);
}

void emu_warp_sync(int mask) { meet(kWarpSync, mask, nullptr, nullptr); }

//===----------------------------------------------------------------------------------------===//
// Barriers of blocks and clusters
//===----------------------------------------------------------------------------------------===//

namespace {
constexpr const char *kBarrierNames[kNamedBarriers] = {
    "barrier 0",  "barrier 1",  "barrier 2",  "barrier 3", "barrier 4",  "barrier 5",
    "barrier 6",  "barrier 7",  "barrier 8",  "barrier 9", "barrier 10", "barrier 11",
    "barrier 12", "barrier 13", "barrier 14", "barrier 15"};

void waitAtBarrier(int id, int expected) {
  Thread &thread = grid.current();
  Block &block = *thread.block;
  Barrier &barrier = block.barriers[id];
  if (barrier.arrived && barrier.expected != expected)
    grid.fail("barrier %d for %d threads, but others wait there for %d", id, expected,
              barrier.expected);
  barrier.expected = expected;
  if (++barrier.arrived == (expected ? expected : block.alive))
    return releaseBarrier(block, id);
  thread.barrier = id;
  grid.wait(kBarrierNames[id]);
}
} // namespace

void emu_barrier() { waitAtBarrier(0, 0); }

void emu_barrier_n(int id, int threads) {
  if (id < 0 || id >= kNamedBarriers)
    grid.fail("barrier %d; there are %d", id, kNamedBarriers);
  int inBlock = static_cast<int>(grid.launched().block.count());
  if (threads <= 0 || threads % kLanes || threads > (inBlock + kLanes - 1) / kLanes * kLanes)
    grid.fail("barrier %d for %d threads, in a block of %d", id, threads, inBlock);
  waitAtBarrier(id, threads);
}

void *emu_cluster_map(void *shared, int rank) {
  Block &block = *grid.current().block;
  if (rank < 0 || size_t(rank) >= block.cluster->blocks.size())
    grid.fail("mapa: rank %d in a cluster of %zu", rank, block.cluster->blocks.size());
  if (!block.holds(shared, 1))
    grid.fail("mapa: the address is outside of the block's shared memory, at offset %td",
              static_cast<char *>(shared) - block.shared);
  return block.cluster->blocks[rank]->shared + (static_cast<char *>(shared) - block.shared);
}

int emu_cluster_rank() { return grid.current().block->rank; }
int emu_cluster_size() { return static_cast<int>(grid.launched().cluster.count()); }

void emu_cluster_arrive() {
  Thread &thread = grid.current();
  if (thread.arrivedAtCluster)
    grid.fail("barrier.cluster.arrive twice without a wait between");
  Cluster &cluster = *thread.block->cluster;
  thread.arrivedAtCluster = true;
  thread.clusterPhase = cluster.phase;
  ++cluster.arrived;
  advance(cluster);
}

void emu_cluster_wait() {
  Thread &thread = grid.current();
  if (!thread.arrivedAtCluster)
    grid.fail("barrier.cluster.wait without an arrive before");
  if (thread.clusterPhase == thread.block->cluster->phase) {
    thread.barrier = kNamedBarriers;
    grid.wait("the cluster's barrier");
  }
  thread.arrivedAtCluster = false;
}

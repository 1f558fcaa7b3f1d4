//===- Grid.h - A launch: clusters of blocks of warps of threads ------------------------------===//
//
// A warp is what the schedule picks; its lanes run one after the other, each until it waits for
// somebody. What a thread can be in is kept as one bit a lane in its warp: ready, yielded (it
// polls memory and lets others run), exited, or none of these: it waits.
//
//===------------------------------------------------------------------------------------------===//
#ifndef EMULATOR_GRID_H
#define EMULATOR_GRID_H

#include "BulkCopies.h"
#include "Fibers.h"
#include "Schedule.h"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace emulator {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t(x) * y * z; }
  /// Coordinates of the element with that number, x fastest.
  Dim3 at(uint64_t number) const {
    return {uint32_t(number % x), uint32_t(number / x % y), uint32_t(number / x / y)};
  }
};

constexpr int kLanes = 32;
constexpr int kNamedBarriers = 16;
constexpr int kMaxArguments = 510; // what CUDA takes of 8 bytes each, nearly

/// A parameter that holds a tensor map itself.
struct alignas(64) TensorMapArgument {
  char bytes[128];
};

/// What to run.
struct Launch {
  std::string name;
  void *kernel = nullptr; // void kernel(int64_t, ...), at most kMaxArguments
  Dim3 grid, block, cluster;
  uint32_t sharedBytes = 0;
  bool cooperative = false;
  bool early = false; // it may start before the kernel before it has ended
  int64_t arguments[kMaxArguments] = {};
  int argumentCount = kMaxArguments;
  std::vector<TensorMapArgument> tensorMaps;
};

struct Block;
struct Warp;
struct WarpProducts; // Warpgroups.cpp

/// A cp.async that has been issued and not carried out.
struct AsyncCopy {
  void *shared;
  const void *global;
  int bytes, sourceBytes;
  uint64_t group;
};

struct Thread {
  Fiber fiber;
  Block *block = nullptr;
  Warp *warp = nullptr;
  Dim3 index;
  int lane = 0;
  const char *waitsAt = nullptr; // for reports
  int barrier = -1;              // of its block, that it waits at
  bool wrote = false;            // since it was resumed: an atomic or a release
  std::vector<AsyncCopy> copies;
  uint64_t copyGroup = 0; // the group that the next copy joins
  bool arrivedAtCluster = false;
  uint64_t clusterPhase = 0; // in which it arrived
};

struct Warp {
  Block *block = nullptr;
  Thread *threads = nullptr;
  int lanes = 0;
  uint32_t ready = 0, yielded = 0, exited = 0;
  // Lanes that wait at a collective of the warp: where, for whom, and with which operands.
  uint32_t meeting = 0;
  const char *meetingAt[kLanes];
  uint32_t meetingMask[kLanes];
  void *operands[kLanes];
  std::shared_ptr<WarpProducts> products; // wgmma
  int registers = 0;                      // a thread's, once setmaxnreg said so
};

struct Barrier {
  int arrived = 0;
  int expected = 0; // 0: all threads of the block that have not exited
};

struct Cluster {
  std::vector<Block *> blocks; // by rank
  int threads = 0, arrived = 0, exited = 0;
  uint64_t phase = 0;
};

struct Block {
  Cluster *cluster = nullptr;
  int rank = 0;
  Dim3 index;
  std::vector<Thread> threads;
  std::vector<Warp> warps;
  int alive = 0;
  Barrier barriers[kNamedBarriers];
  std::map<const void *, Mbarrier> mbarriers; // by address
  std::vector<char> sharedBuffer;             // red zone, shared memory, red zone
  char *shared = nullptr;
  uint32_t sharedBytes = 0;
  /// Whether these bytes are all in this block's shared memory.
  bool holds(const void *address, size_t bytes) const;
};

/// Runs launches, one at a time.
class Grid {
public:
  /// Polls of one thread that nothing came of, after which nothing ever will. Where many threads
  /// poll, all of them together get kPatienceOfAll times as many.
  uint64_t patience = 0;

  /// Empty on success, else what went wrong and where. The first blocks run up to where they wait
  /// for the kernel before, or to their end; then comes `before`, which may run launches.
  std::string run(const Launch &launch, Schedule &schedule,
                  const std::function<void()> &before = nullptr);

  // For the functions that kernels call; all of them concern the thread that runs.

  Thread &current() { return *running; }
  const Launch &launched() { return *launch; }
  Schedule &scheduled() { return *schedule; }
  /// Waits until somebody wakes this thread.
  void wait(const char *where);
  void wake(Thread &thread);
  /// Lets others run; for threads that poll memory.
  void yield();
  /// Lets others run now and then, where the schedule is adversarial. After writes that others
  /// may wait for.
  void mayYield();
  /// Waits until what the launch is to wait for has been run.
  void waitForKernelBefore();
  /// Ends the launch with this message.
  [[noreturn]] void fail(const char *format, ...) __attribute__((format(printf, 2, 3)));

private:
  static void enter();
  void exitThread();
  void load(const std::vector<size_t> &clusterNumbers);
  void prepare(Block &block, size_t firstStack);
  void loop();
  Warp *pick();
  void runWarp(Warp &warp);
  void runLane(Warp &warp, int lane);
  bool wakeYielded(bool victimToo);
  void runBefore();
  void finish();
  std::string describeDeadlock(const char *what);

  const Launch *launch = nullptr;
  Schedule *schedule = nullptr;
  Thread *running = nullptr;
  std::vector<std::unique_ptr<Block>> pool;
  std::vector<Block *> blocks; // resident
  std::vector<Cluster> clusters;
  std::vector<Warp *> warps; // of resident blocks
  std::vector<Warp *> candidates;
  Warp *victim = nullptr; // of the starving schedule
  size_t cursor = 0;
  int alive = 0;
  bool progress = false;
  uint64_t idleRounds = 0, idlePolls = 0;
  std::string error;
  std::function<void()> before;    // has not been run
  std::vector<Thread *> dependent; // wait for it
  size_t firstStack = 0;           // those below are a suspended launch's
};

extern Grid grid;

// Collectives.cpp: what a thread's exit means for those that wait for it.
void leaveCollectives(Thread &thread);
// Warpgroups.cpp: a warp may not leave its part of a product under way.
void leaveProducts(Thread &thread);

} // namespace emulator
#endif // EMULATOR_GRID_H

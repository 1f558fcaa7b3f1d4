//===- LoopCost.cpp ---------------------------------------------------------------------------===//
//
// By a graph of launches, a kernel takes what it works, or the gap between two kernels of which one
// needs the other if that is longer. In one kernel that stays, each phase ends with a barrier of
// all blocks, and there is one block on each multiprocessor: it hides less of its own waiting.
//
// Machine.h has the rates, whatever will run it. What is marked as assumed awaits measurement.
//
//===------------------------------------------------------------------------------------------===//
#include "LoopCost.h"
#include "Launch.h"
#include "Machine.h"
#include "ResidentState.h"

#include "dlc/IR/Cost.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

// Assumed.
constexpr double kGap = 1.2;         // between dependent kernels of a graph
constexpr double kEarlyGap = 0.8;    // the same where the second one starts early
constexpr double kBarrier = 0.7;     // of the grid
constexpr double kAlone = 0.5;       // share of a multiprocessor's rates that one block reaches
constexpr int64_t kMostKernels = 64; // in one function: it is compiled for the registers of the
                                     // worst, and takes the driver long

/// The time of a block's work, of which `saved` bytes of the kernel's need not be moved.
static double workOfBlock(KernelOp kernel, int64_t batch, double share, double saved = 0) {
  Launch launch = launchOf(kernel);
  Cost cost = costOf(kernel, batch);
  bool tensor = launch.tile.rows && launch.tile.format != ProductFormat::Exact;
  double flop =
      static_cast<double>(cost.flop) / (tensor ? machine::kFlopTensor : machine::kFlopF32);
  double bytes = std::max(static_cast<double>(cost.bytes) - saved, 0.0) / machine::kMemoryBytes;
  return std::max(flop, bytes) / static_cast<double>(launch.blocks) / share;
}

static int64_t batchOf(func::FuncOp train) {
  auto rows = train->getAttrOfType<IntegerAttr>("dl.batch");
  return rows ? rows.getInt() : 1;
}

double costOfGraph(func::FuncOp train, bool early) {
  double gap = early ? kEarlyGap : kGap;
  double time = gap; // of `advance`
  for (auto kernel : train.getOps<KernelOp>()) {
    if (kernel->hasAttr("of_step")) // it is within `advance`
      continue;
    int64_t rounds = llvm::divideCeil(launchOf(kernel).blocks, machine::kMultiprocessors);
    double share = rounds > 1 ? 1 : kAlone;
    time += std::max(gap, static_cast<double>(rounds) * workOfBlock(kernel, batchOf(train), share));
  }
  return time;
}

bool canStay(func::FuncOp train) {
  std::optional<int64_t> threads;
  int64_t kernels = 0;
  for (auto kernel : train.getOps<KernelOp>()) {
    Launch launch = launchOf(kernel);
    if (launch.warpgroups || launch.sharedBytes > machine::kMostShared ||
        launch.threads != threads.value_or(launch.threads) || ++kernels > kMostKernels)
      return false;
    threads = launch.threads;
  }
  return true;
}

/// How much of what the kernels could keep has room in shared memory.
static double residentShare(func::FuncOp train) {
  int64_t used = 0;
  double wanted = 0;
  for (auto kernel : train.getOps<KernelOp>()) {
    Launch launch = launchOf(kernel);
    used = std::max(used, launch.sharedBytes);
    wanted += static_cast<double>(launch.blocks * residentStateOf(kernel).bytes);
  }
  double room = static_cast<double>(machine::kMultiprocessors * (machine::kMostShared - used));
  return wanted > 0 ? std::min(1.0, room / wanted) : 0;
}

/// The blocks of a phase's kernels are dealt out to multiprocessors: it takes as long as each one's
/// part, or as the longest block.
double costOfStaying(func::FuncOp train, const LoopSchedule &schedule) {
  double share = residentShare(train);
  SmallVector<double> work(schedule.phases), longest(schedule.phases);
  for (auto [kernel, time] : llvm::zip_equal(train.getOps<KernelOp>(), schedule.times)) {
    double saved = share * static_cast<double>(residentTraffic(kernel));
    double block = workOfBlock(kernel, batchOf(train), kAlone, saved);
    int64_t phase = time % schedule.phases;
    work[phase] += block * static_cast<double>(launchOf(kernel).blocks);
    longest[phase] = std::max(longest[phase], block);
  }
  double sum = 0;
  for (auto [all, block] : llvm::zip_equal(work, longest))
    sum += kBarrier + std::max(all / machine::kMultiprocessors, block);
  return sum;
}

} // namespace dlc

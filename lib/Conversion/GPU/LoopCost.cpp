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

/// The time of the kernel's work where `together` blocks share a multiprocessor.
static double workOf(KernelOp kernel, const Launch &launch, int64_t batch, int64_t together) {
  Cost cost = costOf(kernel, batch);
  double blocks = static_cast<double>(launch.blocks);
  double rounds = llvm::divideCeil(launch.blocks, machine::kMultiprocessors);
  double share = std::min(launch.blocks, together) > 1 && rounds > 1 ? 1 : kAlone;
  bool tensor = launch.tile.rows && launch.tile.format != ProductFormat::Exact;
  double flop =
      static_cast<double>(cost.flop) / (tensor ? machine::kFlopTensor : machine::kFlopF32);
  return rounds * std::max(flop, static_cast<double>(cost.bytes) / machine::kMemoryBytes) / blocks /
         share;
}

LoopCost costOfLoops(func::FuncOp train, bool earlyLaunches) {
  auto rows = train->getAttrOfType<IntegerAttr>("dl.batch");
  int64_t batch = rows ? rows.getInt() : 1;
  double gap = earlyLaunches ? kEarlyGap : kGap;
  LoopCost cost;
  cost.graph = gap;             // of `advance`
  double persistent = kBarrier; // at its end
  std::optional<int64_t> threads;
  bool fits = true;
  int64_t kernels = 0;
  for (auto kernel : train.getOps<KernelOp>()) {
    Launch launch = launchOf(kernel);
    if (!kernel->hasAttr("of_step")) // a graph has it within `advance`
      cost.graph += std::max(gap, workOf(kernel, launch, batch, /*together=*/8));
    persistent += workOf(kernel, launch, batch, /*together=*/1);
    persistent += kernel->hasAttr("barrier") ? kBarrier : 0;
    fits &= !launch.warpgroups && launch.sharedBytes <= machine::kMostShared &&
            launch.threads == threads.value_or(launch.threads);
    threads = launch.threads;
    ++kernels;
  }
  if (fits && kernels <= kMostKernels)
    cost.persistent = persistent;
  return cost;
}

} // namespace dlc

//===- PlanMemory.cpp - One arena -------------------------------------------------------------===//
//
// Variables lie at the front of the arena. Behind them each function has its temporaries; functions
// overlay each other, as only one runs at a time, and within a function tensors whose lifetimes a
// barrier separates share a place.
//
// What each thread has a copy of (`replicated` kernels) is planned apart in the same way: the
// copies follow the arena.
//
// Sets `offset` on each variable and output, `offsets` (one per result) on each kernel, and
// `dl.arena_bytes` and `dl.copy_bytes` on the module.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

#include "dlrt/abi.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

namespace dlc {
#define GEN_PASS_DEF_PLANMEMORYPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {

/// A tensor's place in time, counted in barriers, and in the arena.
struct Interval {
  Value value;
  int64_t bytes, first, last;
  bool copied; // for each thread
  size_t number;
  int64_t offset = -1;
};

class FunctionPlanner {
public:
  FunctionPlanner(func::FuncOp function, int64_t base, const llvm::StringMap<int64_t> &variables)
      : function(function), base(base), variables(variables) {}

  /// Returns the end of the function's temporaries, and of each copy.
  std::pair<int64_t, int64_t> run() {
    collect();
    // Large ones first; of equal ones the earlier.
    llvm::sort(intervals, [](auto &a, auto &b) {
      return std::pair(-a.bytes, a.number) < std::pair(-b.bytes, b.number);
    });
    std::pair<int64_t, int64_t> ends(base, 0);
    for (size_t i = 0; i < intervals.size(); ++i) {
      intervals[i].offset = findPlace(i);
      int64_t &end = intervals[i].copied ? ends.second : ends.first;
      end = std::max(end, intervals[i].offset + intervals[i].bytes);
    }
    record();
    return ends;
  }

private:
  static Value memoryOf(Value value) {
    auto view = value.getDefiningOp<ReshapeOp>();
    return view ? Value(view.getX()) : value;
  }

  void collect() {
    int64_t batch = DLRT_ROW_TILE;
    if (auto attribute = function->getAttrOfType<IntegerAttr>("dl.batch"))
      batch = llvm::alignTo(attribute.getInt(), DLRT_ROW_TILE);
    DenseMap<Value, int64_t> index;
    int64_t phase = 0;
    function.walk([&](AssignOp assign) {
      if (assign->hasAttr("in_place"))
        placed[memoryOf(assign.getX())] = variables.lookup(assign.getVariable());
    });
    for (Operation &op : function.front()) {
      if (auto kernel = dyn_cast<KernelOp>(op)) {
        phase += kernel->hasAttr("barrier");
        for (Value input : kernel.getInputs())
          if (auto known = index.find(memoryOf(input)); known != index.end())
            intervals[known->second].last = std::max(intervals[known->second].last, phase);
        // Scalars of the step are there before it starts, and those of the next at its end.
        bool throughout = kernel->hasAttr("of_step");
        int64_t first = throughout ? 0 : phase,
                last = throughout ? std::numeric_limits<int64_t>::max() : phase;
        for (Value result : kernel.getResults())
          if (!placed.count(result)) {
            index[result] = intervals.size();
            intervals.push_back({result, bytesInArena(result.getType(), batch), first, last,
                                 kernel->hasAttr("replicated"), intervals.size()});
          }
      }
      if (isa<OutputOp>(op)) // read by the runtime afterwards
        if (auto known = index.find(memoryOf(op.getOperand(0))); known != index.end())
          intervals[known->second].last = std::numeric_limits<int64_t>::max();
    }
  }

  /// The lowest offset at which interval `i` meets no placed one in time and space.
  int64_t findPlace(size_t i) {
    int64_t offset = intervals[i].copied ? 0 : base;
    bool moved = true;
    while (moved) {
      moved = false;
      for (size_t k = 0; k < i; ++k) {
        const Interval &other = intervals[k];
        bool together = other.copied == intervals[i].copied && other.first <= intervals[i].last &&
                        intervals[i].first <= other.last;
        if (together && offset < other.offset + other.bytes &&
            other.offset < offset + intervals[i].bytes) {
          offset = other.offset + other.bytes;
          moved = true;
        }
      }
    }
    return offset;
  }

  void record() {
    for (const Interval &interval : intervals)
      placed[interval.value] = interval.offset;
    Builder b(function.getContext());
    for (Operation &op : function.front()) {
      if (auto kernel = dyn_cast<KernelOp>(op)) {
        SmallVector<int64_t> offsets;
        for (Value result : kernel.getResults())
          offsets.push_back(placed.lookup(result));
        op.setAttr("offsets", b.getDenseI64ArrayAttr(offsets));
      }
      if (isa<OutputOp>(op))
        op.setAttr("offset", b.getI64IntegerAttr(placed.lookup(memoryOf(op.getOperand(0)))));
    }
  }

  func::FuncOp function;
  int64_t base;
  const llvm::StringMap<int64_t> &variables;
  SmallVector<Interval> intervals;
  DenseMap<Value, int64_t> placed;
};

struct PlanMemoryPass : dlc::impl::PlanMemoryPassBase<PlanMemoryPass> {
  void runOnOperation() override {
    Builder b(&getContext());
    llvm::StringMap<int64_t> variables;
    int64_t end = 0;
    for (auto variable : getOperation().getOps<VariableOp>()) {
      variable->setAttr("offset", b.getI64IntegerAttr(end));
      variables[variable.getSymName()] = end;
      end += bytesInArena(variable.getType(), 1);
    }
    int64_t arena = std::max(end, kArenaAlignment), copy = 0;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (failed(verifyKernels(function)))
        return signalPassFailure();
      auto [arenaEnd, copyEnd] = FunctionPlanner(function, end, variables).run();
      arena = std::max(arena, arenaEnd);
      copy = std::max(copy, copyEnd);
    }
    getOperation()->setAttr("dl.arena_bytes", b.getI64IntegerAttr(arena));
    getOperation()->setAttr("dl.copy_bytes", b.getI64IntegerAttr(copy));
  }
};

} // namespace

//===- LoopPlan.cpp - When the training loop runs which kernel of which step ------------------===//
//
// A modulo schedule: kernel k of step t runs at time T(k) + t * P, counted in phases, where P is
// how many a step takes. Between times stands a barrier of the grid. Two kernels are in conflict
// where one writes memory that the other touches. If a stands before b in the step,
//
//   T(b) >= T(a) + 1             b of the same step sees what a left, or overwrites what a has read
//   T(a) + P >= T(b) + 1         a of the next step in the same way
//   T(a) + 2P >= T(b) + 1        instead, where the memory in question is a result that has a place
//                                for even and one for odd steps: it is used again two steps later
//
// These are all hazards, as everything that a kernel touches outside of its blocks is a field,
// which nobody writes, a variable or a result. Steps further apart follow. So a barrier between any
// two times is enough; and where the conditions hold for a P, no other barrier is needed.
//
// The least P for which they can be met is found by trying; the earliest times are longest paths.
// What is made of data alone then runs while the step before ends, if its result has two places.
//
//===------------------------------------------------------------------------------------------===//
#include "LoopPlan.h"
#include "Launch.h"

#include "dlc/IR/Forms.h"

#include "dlrt/abi.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

/// Of a batch, that tensors have room for.
static int64_t rowsInMemory(func::FuncOp train) {
  auto batch = train->getAttrOfType<IntegerAttr>("dl.batch");
  return llvm::alignTo(batch ? batch.getInt() : 1, DLRT_ROW_TILE);
}

namespace {
/// Memory that a kernel touches: bytes of the arena, or a result with places of its own.
struct Access {
  Value result; // of a kernel; null for a variable
  int64_t first, end;
  bool writes;
};

/// `b` not before `a` and `after` more phases, less `turns` times all of a step's.
struct Condition {
  size_t a, b;
  int64_t turns;
};

class LoopPlanner {
public:
  explicit LoopPlanner(func::FuncOp train)
      : train(train), module(train->getParentOfType<ModuleOp>()), kernels(train.getOps<KernelOp>()),
        rows(rowsInMemory(train)) {
    for (KernelOp kernel : kernels) {
      accesses.emplace_back();
      for (Value input : kernel.getInputs())
        if (!input.getDefiningOp<InputOp>())
          accesses.back().push_back(accessOf(input, /*writes=*/false));
      for (Value result : kernel.getResults())
        accesses.back().push_back(accessOf(result, /*writes=*/true));
    }
  }

  LoopSchedule run() {
    collectTemporaries();
    for (Value value : temporaries)
      doubled.insert(value);
    while (!solve())
      ++phases;
    // Most of the second places do not pay.
    for (Value value : temporaries) {
      doubled.erase(value);
      if (!solve())
        doubled.insert(value);
    }
    solve();
    return std::move(schedule);
  }

private:
  Access accessOf(Value value, bool writes) {
    int64_t first;
    if (auto read = value.getDefiningOp<ReadOp>()) {
      auto variable = module.lookupSymbol<VariableOp>(read.getVariable());
      first = variable->getAttrOfType<IntegerAttr>("offset").getInt();
      return {Value(), first, first + bytesInArena(variable.getType(), rows), writes};
    }
    auto offsets = value.getDefiningOp<KernelOp>()->getAttrOfType<DenseI64ArrayAttr>("offsets");
    first = offsets[cast<OpResult>(value).getResultNumber()];
    return {value, first, first + bytesInArena(value.getType(), rows), writes};
  }

  /// Results that are nobody's outside of the step.
  void collectTemporaries() {
    for (KernelOp kernel : kernels)
      for (Value result : kernel.getResults())
        if (llvm::all_of(result.getUsers(), [](Operation *user) { return isa<KernelOp>(user); }))
          temporaries.push_back(result);
  }

  /// After how many steps memory that both use is used again, or 0 where they share none that one
  /// of them writes.
  int64_t conflict(size_t a, size_t b) {
    int64_t turns = 0;
    for (const Access &x : accesses[a])
      for (const Access &y : accesses[b]) {
        if (!x.writes && !y.writes)
          continue;
        bool moved = doubled.contains(x.result) || doubled.contains(y.result);
        if (moved ? x.result != y.result : x.end <= y.first || y.end <= x.first)
          continue;
        if (!moved)
          return 1;
        turns = 2;
      }
    return turns;
  }

  /// Finds the earliest times for the number of phases; false where there are none.
  bool solve() {
    SmallVector<Condition> conditions;
    for (size_t a = 0; a < kernels.size(); ++a)
      for (size_t b = a + 1; b < kernels.size(); ++b)
        if (int64_t turns = conflict(a, b)) {
          conditions.push_back({a, b, 0});
          conditions.push_back({b, a, turns});
        }
    times.assign(kernels.size(), 0);
    bool changed = true;
    for (size_t round = 0; changed && round <= kernels.size(); ++round) {
      changed = false;
      for (const Condition &condition : conditions) {
        int64_t earliest = times[condition.a] + 1 - condition.turns * phases;
        changed |= times[condition.b] < earliest;
        times[condition.b] = std::max(times[condition.b], earliest);
      }
    }
    return !changed;
  }

  func::FuncOp train;
  ModuleOp module;
  SmallVector<KernelOp> kernels;
  int64_t rows;                              // that tensors have room for
  SmallVector<SmallVector<Access>> accesses; // of each kernel
  SmallVector<Value> temporaries;
  LoopSchedule schedule;
  int64_t &phases = schedule.phases;
  SmallVector<int64_t> &times = schedule.times;
  DenseSet<Value> &doubled = schedule.doubled;
};
} // namespace

LoopSchedule scheduleLoop(func::FuncOp train) { return LoopPlanner(train).run(); }

void planLoop(func::FuncOp train, const LoopSchedule &schedule) {
  auto module = train->getParentOfType<ModuleOp>();
  Builder b(train.getContext());
  int64_t end = module->getAttrOfType<IntegerAttr>("dl.arena_bytes").getInt(), shared = 0;
  for (auto [kernel, time] : llvm::zip_equal(train.getOps<KernelOp>(), schedule.times)) {
    SmallVector<int64_t> places;
    auto offsets = kernel->getAttrOfType<DenseI64ArrayAttr>("offsets").asArrayRef();
    for (auto [result, offset] : llvm::zip_equal(kernel.getResults(), offsets)) {
      if (!schedule.doubled.contains(result)) {
        places.append(2, offset);
        continue;
      }
      for (int parity = 0; parity < 2; ++parity) {
        places.push_back(end);
        end += bytesInArena(result.getType(), rowsInMemory(train));
      }
    }
    NamedAttrList list;
    list.append("phase", b.getI64IntegerAttr(time % schedule.phases));
    list.append("behind", b.getI64IntegerAttr(time / schedule.phases));
    list.append("places", b.getDenseI64ArrayAttr(places));
    kernel->setAttr("loop", list.getDictionary(train.getContext()));
    shared = std::max(shared, launchOf(kernel).sharedBytes);
  }
  constexpr int64_t kAlignment = 128; // of what comes behind the kernels' shared memory
  train->setAttr("dl.shared_bytes", b.getI64IntegerAttr(llvm::alignTo(shared, kAlignment)));
  train->setAttr("dl.phases", b.getI64IntegerAttr(schedule.phases));
  module->setAttr("dl.arena_bytes", b.getI64IntegerAttr(end));
}

LoopPlace loopPlaceOf(KernelOp kernel) {
  auto list = kernel->getAttrOfType<DictionaryAttr>("loop");
  auto number = [&](StringRef name) { return cast<IntegerAttr>(list.get(name)).getInt(); };
  return {number("phase"), number("behind"),
          cast<DenseI64ArrayAttr>(list.get("places")).asArrayRef()};
}

int64_t loopSharedBytes(func::FuncOp train) {
  return train->getAttrOfType<IntegerAttr>("dl.shared_bytes").getInt();
}

int64_t loopPhases(func::FuncOp train) {
  return train->getAttrOfType<IntegerAttr>("dl.phases").getInt();
}

} // namespace dlc

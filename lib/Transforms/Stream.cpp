//===- Stream.cpp - Reductions over a whole part of the data, chunk by chunk ------------------===//
//
//   @evaluate: %e = f(%x : ?); %s = reduce_sum %e dims [0]; output "loss", %s / total_rows
// becomes
//   @evaluate.reset: assign @evaluate.sum.0, 0
//   @evaluate.0:     %s = reduce_sum f(%x) dims [0]; assign @evaluate.sum.0, read @evaluate.sum.0 +
//   %s
//   @evaluate.final: output "loss", read @evaluate.sum.0 / total_rows
//
// An op that makes an unbatched value from a batched one crosses the batch. Its level is one more
// than the highest level among the crossings it depends on; each level is one pass over the data,
// because it needs the ones below to be complete.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

namespace dlc {
#define GEN_PASS_DEF_STREAMPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// True for an op that makes an unbatched result from a batched operand.
static bool crossesBatch(Operation &op) {
  return op.getNumResults() == 1 && !isBatched(op.getResult(0).getType()) &&
         llvm::any_of(op.getOperandTypes(), [](Type type) { return isBatched(type); });
}

namespace {

class Streamer {
public:
  explicit Streamer(func::FuncOp function) : function(function), b(function.getContext()) {}

  LogicalResult run() {
    if (failed(findCrossings()))
      return failure();
    declareAccumulators();
    buildReset();
    for (int64_t level = 0; level < levels; ++level)
      buildPass(level);
    buildFinal();
    function.erase();
    return success();
  }

private:
  /// Levels every crossing.
  LogicalResult findCrossings() {
    DenseMap<Value, int64_t> level; // passes that must be complete before the value is known
    for (Operation &op : function.front()) {
      int64_t needed = 0;
      for (Value operand : op.getOperands())
        needed = std::max(needed, level.lookup(operand));
      if (crossesBatch(op)) {
        if (!isa<ReduceSumOp, ReduceMaxOp, ReduceMinOp, DotOp, ScatterAddOp>(op))
          return op.emitError("cannot be done chunk by chunk");
        crossings[&op] = needed++;
        levels = std::max(levels, needed);
      }
      for (Value result : op.getResults())
        level[result] = needed;
      if (isa<OutputOp>(op) && isBatched(op.getOperand(0).getType()))
        return op.emitError("a streamed function has no batched results");
    }
    return success();
  }

  static std::optional<double> identityOf(Operation *op) {
    auto reduction = dyn_cast<ReductionOpInterface>(op);
    return reduction ? reduction.getIdentity() : 0.0;
  }

  std::string accumulatorName(int64_t index) {
    return (function.getName() + ".accumulator." + Twine(index)).str();
  }

  void declareAccumulators() {
    b.setInsertionPoint(function);
    for (auto [index, entry] : llvm::enumerate(crossings)) {
      auto type = cast<RankedTensorType>(entry.first->getResult(0).getType());
      auto variable =
          VariableOp::create(b, entry.first->getLoc(), accumulatorName(index), "accumulator", type);
      accumulators[entry.first] = variable.getSymNameAttr();
    }
  }

  func::FuncOp createFunction(const Twine &suffix) {
    b.setInsertionPoint(function);
    auto result = func::FuncOp::create(b, function.getLoc(), (function.getName() + suffix).str(),
                                       b.getFunctionType({}, {}));
    result->setDiscardableAttrs(function->getDiscardableAttrDictionary());
    b.setInsertionPointToStart(result.addEntryBlock());
    return result;
  }

  void finish() { func::ReturnOp::create(b, function.getLoc()); }

  void buildReset() {
    createFunction(".reset");
    for (auto [op, level] : crossings) {
      ImplicitLocOpBuilder inner(op->getLoc(), b);
      Value start = splat(inner, op->getResult(0).getType(), *identityOf(op));
      AssignOp::create(b, op->getLoc(), FlatSymbolRefAttr::get(accumulators[op]), start);
    }
    finish();
  }

  /// Clones what `op` needs, with completed crossings read from their accumulators.
  void cloneNeeds(Operation *op, IRMapping &map) {
    for (Value operand : op->getOperands()) {
      if (map.contains(operand))
        continue;
      Operation *source = operand.getDefiningOp();
      if (crossings.count(source)) {
        map.map(operand, ReadOp::create(b, source->getLoc(), operand.getType(),
                                        FlatSymbolRefAttr::get(accumulators[source]))
                             .getResult());
        continue;
      }
      cloneNeeds(source, map);
      b.clone(*source, map);
    }
  }

  void buildPass(int64_t level) {
    createFunction("." + Twine(level));
    IRMapping map;
    for (auto [op, at] : crossings) {
      if (at != level)
        continue;
      cloneNeeds(op, map);
      Value part = b.clone(*op)->getResult(0);
      for (auto [index, operand] : llvm::enumerate(op->getOperands()))
        part.getDefiningOp()->setOperand(index, map.lookup(operand));
      Value before =
          ReadOp::create(b, op->getLoc(), part.getType(), FlatSymbolRefAttr::get(accumulators[op]));
      ImplicitLocOpBuilder inner(op->getLoc(), b);
      Value after;
      if (isa<ReduceMaxOp>(op))
        after = MaxOp::create(inner, before, part);
      else if (isa<ReduceMinOp>(op))
        after = MinOp::create(inner, before, part);
      else
        after = add(inner, before, part);
      AssignOp::create(b, op->getLoc(), FlatSymbolRefAttr::get(accumulators[op]), after);
    }
    finish();
  }

  void buildFinal() {
    createFunction(".final");
    IRMapping map;
    for (Operation &op : function.front())
      if (isa<OutputOp, AssignOp>(op)) {
        cloneNeeds(&op, map);
        b.clone(op, map);
      }
    finish();
  }

  func::FuncOp function;
  OpBuilder b;
  llvm::MapVector<Operation *, int64_t> crossings;
  DenseMap<Operation *, StringAttr> accumulators;
  int64_t levels = 0;
};

struct StreamPass : dlc::impl::StreamPassBase<StreamPass> {
  void runOnOperation() override {
    for (StringRef name : {"fit", "evaluate"})
      if (auto function = getOperation().lookupSymbol<func::FuncOp>(name))
        if (failed(verifyGraph(function)) || failed(Streamer(function).run()))
          return signalPassFailure();
  }
};

} // namespace

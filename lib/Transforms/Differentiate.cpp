//===- Differentiate.cpp - Reverse-mode differentiation ---------------------------------------===//
//
//   %y, %dx = dl.grad (%x) { ^bb0(%a): %r = dl.exp %a; dl.yield %r }
// becomes
//   %r = dl.exp %x; %one = dl.constant 1.0; %dx = dl.mul %one, %r
//
// The pass names no op: every derivative comes from DifferentiableOpInterface. Accumulation of
// several uses and zeros for unused arguments live here; sums over what a broadcast repeated live
// in the gradient of dl.broadcast.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/Transforms/Passes.h"

namespace dlc {
#define GEN_PASS_DEF_DIFFERENTIATEPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// The ops of `block` that depend on its arguments, in order.
static SmallVector<Operation *> findActiveOps(Block &block) {
  DenseSet<Value> active(block.args_begin(), block.args_end());
  SmallVector<Operation *> ops;
  for (Operation &op : block.without_terminator())
    if (llvm::any_of(op.getOperands(), [&](Value v) { return active.contains(v); })) {
      active.insert(op.result_begin(), op.result_end());
      ops.push_back(&op);
    }
  return ops;
}

/// Appends the backward ops to the region of `grad`. Returns the adjoints of its arguments.
static FailureOr<SmallVector<Value>> buildBackward(GradOp grad) {
  Block &block = grad.getBody().front();
  SmallVector<Operation *> active = findActiveOps(block);
  ImplicitLocOpBuilder b(grad.getLoc(), block.getTerminator());

  DenseMap<Value, Value> adjoints;
  Value target = llvm::cast<YieldOp>(block.getTerminator()).getValues().front();
  adjoints[target] = like(b, target, 1.0);

  for (Operation *op : llvm::reverse(active)) {
    Value dy = op->getNumResults() == 1 ? adjoints.lookup(op->getResult(0)) : Value();
    if (!dy)
      continue;
    auto differentiable = dyn_cast<DifferentiableOpInterface>(op);
    if (!differentiable)
      return op->emitError("has no derivative");
    b.setLoc(op->getLoc());
    SmallVector<Value> contributions = differentiable.buildGradient(b, dy);
    for (auto [operand, contribution] : llvm::zip_equal(op->getOperands(), contributions)) {
      if (!contribution)
        continue;
      Value &adjoint = adjoints[operand];
      adjoint = adjoint ? add(b, adjoint, contribution) : contribution;
    }
  }

  SmallVector<Value> results;
  for (BlockArgument argument : block.getArguments()) {
    Value adjoint = adjoints.lookup(argument);
    results.push_back(adjoint ? adjoint : like(b, argument, 0.0));
  }
  return results;
}

/// Replaces `grad` by the ops of its region, forward and backward.
static LogicalResult expand(GradOp grad) {
  FailureOr<SmallVector<Value>> derivatives = buildBackward(grad);
  if (failed(derivatives))
    return failure();
  Block &block = grad.getBody().front();
  Operation *yield = block.getTerminator();
  SmallVector<Value> replacements(yield->getOperands());
  llvm::append_range(replacements, *derivatives);
  // A result may be an argument itself: map it to the operand before the arguments go.
  for (Value &value : replacements)
    if (auto argument = dyn_cast<BlockArgument>(value); argument && argument.getOwner() == &block)
      value = grad.getAt()[argument.getArgNumber()];
  for (auto [argument, operand] : llvm::zip_equal(block.getArguments(), grad.getAt()))
    argument.replaceAllUsesWith(operand);
  grad->getBlock()->getOperations().splice(grad->getIterator(), block.getOperations(),
                                           block.begin(), yield->getIterator());
  grad->replaceAllUsesWith(replacements);
  grad->erase();
  return success();
}

namespace {
struct DifferentiatePass : dlc::impl::DifferentiatePassBase<DifferentiatePass> {
  void runOnOperation() override {
    SmallVector<GradOp> grads;
    getOperation().walk<WalkOrder::PostOrder>([&](GradOp grad) { grads.push_back(grad); });
    for (GradOp grad : grads)
      if (failed(expand(grad)))
        return signalPassFailure();
    // Nothing is left to differentiate: dl.stop_gradient has done its work.
    getOperation().walk([](StopGradientOp op) {
      op.replaceAllUsesWith(op.getX());
      op.erase();
    });
  }
};
} // namespace

//===- Simplify.cpp - Folds, canonical forms, arithmetic on the smallest shape ----------------===//
#include "dlc/IR/Builders.h"
#include "dlc/Transforms/Passes.h"

#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/CSE.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace dlc {
#define GEN_PASS_DEF_SIMPLIFYPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Clones an elementwise op onto other operands.
static Value cloneOnto(PatternRewriter &rewriter, Operation *op, ValueRange operands) {
  auto element = getElementTypeOrSelf(op->getResult(0).getType());
  OperationState state(op->getLoc(), op->getName());
  state.addOperands(operands);
  state.addAttributes(op->getAttrs());
  state.addTypes(typeOf(operands.back()).clone(element));
  return rewriter.create(state)->getResult(0);
}

namespace {

/// f(broadcast(a), broadcast(b)) -> broadcast(f(a, b)) where both are repeated alike.
struct SinkBroadcast : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    SmallVector<Value> sources;
    BroadcastOp first;
    for (Value operand : op->getOperands()) {
      auto repeated = operand.getDefiningOp<BroadcastOp>();
      if (!repeated)
        return rewriter.notifyMatchFailure(op, "an operand is not repeated");
      if (!first)
        first = repeated;
      if (repeated.getDims() != first.getDims() ||
          typeOf(repeated.getX()).getShape() != typeOf(first.getX()).getShape())
        return rewriter.notifyMatchFailure(op, "operands are repeated differently");
      sources.push_back(repeated.getX());
    }
    if (!first)
      return rewriter.notifyMatchFailure(op, "no operands");
    Value small = cloneOnto(rewriter, op, sources);
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, op->getResult(0).getType(), small,
                                             first.getDimsAttr());
    return success();
  }
};

/// x / broadcast(s) -> x * broadcast(1 / s): one division instead of many.
struct DivideOnce : OpRewritePattern<DivOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    auto divisor = op.getRhs().getDefiningOp<BroadcastOp>();
    if (!divisor || !dlc::isFloat(op.getY()) || divisor.getX().getType() == divisor.getType() ||
        op.getLhs().getDefiningOp<BroadcastOp>())
      return rewriter.notifyMatchFailure(op, "the divisor is not repeated");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value inverse = dlc::div(b, like(b, divisor.getX(), 1.0), divisor.getX());
    Value repeated = BroadcastOp::create(b, divisor.getType(), inverse, divisor.getDimsAttr());
    rewriter.replaceOpWithNewOp<MulOp>(op, op.getLhs(), repeated);
    return success();
  }
};

/// (x * broadcast(a)) * broadcast(b) -> x * broadcast(a * b), for scalars a, b.
struct CombineScales : OpRewritePattern<MulOp> {
  using OpRewritePattern::OpRewritePattern;

  static BroadcastOp scaleOf(Value value) {
    auto repeated = value.getDefiningOp<BroadcastOp>();
    return repeated && typeOf(repeated.getX()).getRank() == 0 ? repeated : BroadcastOp();
  }

  LogicalResult matchAndRewrite(MulOp op, PatternRewriter &rewriter) const override {
    // The scale goes right, but for a constant, which every commutative op keeps there.
    if (scaleOf(op.getLhs()) && !scaleOf(op.getRhs()) && !matchPattern(op.getRhs(), m_Constant())) {
      rewriter.replaceOpWithNewOp<MulOp>(op, op.getRhs(), op.getLhs());
      return success();
    }
    BroadcastOp outer = scaleOf(op.getRhs());
    auto inner = op.getLhs().getDefiningOp<MulOp>();
    if (!outer || !inner || !inner->hasOneUse() || !dlc::isFloat(op.getY()))
      return rewriter.notifyMatchFailure(op, "not scaled twice");
    BroadcastOp scale = scaleOf(inner.getRhs());
    if (!scale)
      return rewriter.notifyMatchFailure(op, "not scaled twice");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value factor = dlc::mul(b, scale.getX(), outer.getX());
    Value repeated = BroadcastOp::create(b, outer.getType(), factor, outer.getDimsAttr());
    rewriter.replaceOpWithNewOp<MulOp>(op, inner.getLhs(), repeated);
    return success();
  }
};

/// reshape(f(a, b)) -> f(reshape(a), reshape(b)): views belong where memory is read.
struct HoistReshape : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    Operation *source = op.getX().getDefiningOp();
    if (!isa_and_nonnull<ElementwiseOpInterface>(source) || !source->hasOneUse())
      return rewriter.notifyMatchFailure(op, "not of an elementwise result used once");
    SmallVector<Value> operands;
    for (Value operand : source->getOperands()) {
      auto type = typeOf(op).clone(typeOf(operand).getElementType());
      operands.push_back(ReshapeOp::create(rewriter, op.getLoc(), type, operand));
    }
    rewriter.replaceOp(op, cloneOnto(rewriter, source, operands));
    return success();
  }
};

/// sum(broadcast(x)) over what the broadcast repeated -> x * count.
struct SumOfRepeated : OpRewritePattern<ReduceSumOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReduceSumOp op, PatternRewriter &rewriter) const override {
    auto repeated = op.getX().getDefiningOp<BroadcastOp>();
    if (!repeated || !dlc::isFloat(op.getY()) || llvm::any_of(op.getDims(), [&](int64_t d) {
          return llvm::is_contained(repeated.getDims(), d);
        }))
      return rewriter.notifyMatchFailure(op, "not over repeated dimensions");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Type element = typeOf(op.getY()).getElementType();
    Value count = scalarConstant(b, element, 1.0);
    for (int64_t d : op.getDims()) {
      Value size = typeOf(op.getX()).isDynamicDim(d)
                       ? runtimeNumber(b, "rows", element)
                       : scalarConstant(b, element, double(typeOf(op.getX()).getDimSize(d)));
      count = dlc::mul(b, count, size);
    }
    SmallVector<int64_t> dims;
    for (int64_t d : repeated.getDims())
      dims.push_back(d - llvm::count_if(op.getDims(), [&](int64_t r) { return r < d; }));
    Value once = dlc::broadcast(b, repeated.getX(), dims, op.getType());
    rewriter.replaceOpWithNewOp<MulOp>(op, once, dlc::broadcast(b, count, {}, op.getType()));
    return success();
  }
};

struct SimplifyPass : dlc::impl::SimplifyPassBase<SimplifyPass> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    RewritePatternSet patterns(context);
    for (RegisteredOperationName name : context->getRegisteredOperations())
      if (name.getDialectNamespace() == DLDialect::getDialectNamespace())
        name.getCanonicalizationPatterns(patterns, context);
    patterns.add<SinkBroadcast, DivideOnce, CombineScales, HoistReshape, SumOfRepeated>(context);
    // A turn may free the next op of a long chain only; what is not simple after the last one is
    // still right.
    auto config = GreedyRewriteConfig().setMaxIterations(64);
    (void)applyPatternsGreedily(getOperation(), std::move(patterns), config);
    IRRewriter rewriter(context);
    DominanceInfo dominance(getOperation());
    eliminateCommonSubExpressions(rewriter, dominance, getOperation());
  }
};

} // namespace

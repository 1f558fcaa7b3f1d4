//===- DropUnitDims.cpp - Arithmetic without dimensions of size 1 -----------------------------===//
//
//   %y = dl.add %a, %b : tensor<?x1xf32>
// becomes
//   %a1 = dl.reshape %a : tensor<?x1xf32> -> tensor<?xf32>; ...
//   %s = dl.add %a1, %b1 : tensor<?xf32>; %y = dl.reshape %s : tensor<?xf32> -> tensor<?x1xf32>
//
// Vectors run along the last dimension, so one of size 1 there would cost all lanes but one; and
// kernels are grouped by shape. Views cost nothing: they meet and vanish, or end where memory is.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/Transforms/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace dlc {
#define GEN_PASS_DEF_DROPUNITDIMSPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static bool hasUnitDims(Value value) { return llvm::is_contained(typeOf(value).getShape(), 1); }

static RankedTensorType squeezedType(Value value) {
  SmallVector<int64_t> shape;
  for (int64_t size : typeOf(value).getShape())
    if (size != 1)
      shape.push_back(size);
  return typeOf(value).clone(shape);
}

/// The value without its unit dimensions.
static Value squeezed(ImplicitLocOpBuilder &b, Value value) {
  return reshape(b, value, squeezedType(value));
}

/// Where dimension d of `value` is once the unit dimensions are gone.
static int64_t placeOf(Value value, int64_t d) {
  return d - llvm::count(typeOf(value).getShape().take_front(d), 1);
}

namespace {

struct SqueezeElementwise : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    Value result = op->getResult(0);
    if (!hasUnitDims(result))
      return rewriter.notifyMatchFailure(op, "no unit dimensions");
    ImplicitLocOpBuilder b(op->getLoc(), rewriter);
    OperationState state(op->getLoc(), op->getName());
    for (Value operand : op->getOperands())
      state.operands.push_back(squeezed(b, operand));
    state.addAttributes(op->getAttrs());
    state.addTypes(squeezedType(result));
    rewriter.replaceOp(op, reshape(b, rewriter.create(state)->getResult(0), result.getType()));
    return success();
  }
};

struct SqueezeBroadcast : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    if (!hasUnitDims(op.getX()) && !hasUnitDims(op.getY()))
      return rewriter.notifyMatchFailure(op, "no unit dimensions");
    // A repeated scalar has any shape at once; its views become one of their own shape.
    if (typeOf(op.getX()).getRank() == 0)
      return rewriter.notifyMatchFailure(op, "repeats a scalar");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> dims;
    for (auto [d, to] : llvm::enumerate(op.getDims()))
      if (typeOf(op.getX()).getDimSize(d) != 1)
        dims.push_back(placeOf(op.getY(), to));
    Value repeated = broadcast(b, squeezed(b, op.getX()), dims, squeezedType(op.getY()));
    rewriter.replaceOp(op, reshape(b, repeated, op.getType()));
    return success();
  }
};

struct SqueezeReduction : OpInterfaceRewritePattern<ReductionOpInterface> {
  using OpInterfaceRewritePattern::OpInterfaceRewritePattern;

  LogicalResult matchAndRewrite(ReductionOpInterface op, PatternRewriter &rewriter) const override {
    Value input = op.getInput(), result = op->getResult(0);
    if (!hasUnitDims(input))
      return rewriter.notifyMatchFailure(op, "no unit dimensions");
    ImplicitLocOpBuilder b(op->getLoc(), rewriter);
    SmallVector<int64_t> dims;
    for (int64_t d : op.getReducedDims())
      if (typeOf(input).getDimSize(d) != 1)
        dims.push_back(placeOf(input, d));
    Value reduced = squeezed(b, input);
    if (!dims.empty()) {
      OperationState state(op->getLoc(), op->getName());
      state.addOperands(reduced);
      state.addAttribute("dims", b.getDenseI64ArrayAttr(dims));
      state.addTypes(squeezedType(result));
      reduced = rewriter.create(state)->getResult(0);
    }
    rewriter.replaceOp(op, reshape(b, reduced, result.getType()));
    return success();
  }
};

struct SqueezeTranspose : OpRewritePattern<TransposeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    if (!hasUnitDims(op.getX()))
      return rewriter.notifyMatchFailure(op, "no unit dimensions");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    SmallVector<int64_t> order;
    for (int64_t d : op.getPermutation())
      if (typeOf(op.getX()).getDimSize(d) != 1)
        order.push_back(placeOf(op.getX(), d));
    Value moved = transpose(b, squeezed(b, op.getX()), order);
    rewriter.replaceOp(op, reshape(b, moved, op.getType()));
    return success();
  }
};

/// The numbers depend on the position in row-major order alone.
struct SqueezeRandom : OpRewritePattern<RandomOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(RandomOp op, PatternRewriter &rewriter) const override {
    if (!hasUnitDims(op.getY()))
      return rewriter.notifyMatchFailure(op, "no unit dimensions");
    ImplicitLocOpBuilder b(op.getLoc(), rewriter);
    Value numbers =
        RandomOp::create(b, squeezedType(op.getY()), op.getDistribution(), op.getStream());
    rewriter.replaceOp(op, reshape(b, numbers, op.getType()));
    return success();
  }
};

struct DropUnitDimsPass : dlc::impl::DropUnitDimsPassBase<DropUnitDimsPass> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<SqueezeElementwise, SqueezeBroadcast, SqueezeReduction, SqueezeTranspose,
                 SqueezeRandom>(&getContext());
    for (StringRef name : {ReshapeOp::getOperationName(), BroadcastOp::getOperationName(),
                           TransposeOp::getOperationName()})
      RegisteredOperationName::lookup(name, &getContext())
          ->getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};

} // namespace

//===- IndexingOps.cpp - Ops that move elements ---------------------------------------------===//
#include "Verifiers.h"
#include "dlc/IR/DL.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include <limits>

using namespace mlir;

namespace dlc {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

/// Re-indexing keeps the element type.
static LogicalResult verifySameElement(Operation *op, Value from, Value to) {
  if (typeOf(from).getElementType() == typeOf(to).getElementType())
    return success();
  return op->emitOpError("cannot change the element type");
}

LogicalResult BroadcastOp::verify() {
  RankedTensorType from = typeOf(getX()), to = typeOf(getY());
  if (!validDims(getDims(), to.getRank()) || !llvm::is_sorted(getDims()) ||
      static_cast<int64_t>(getDims().size()) != from.getRank())
    return emitOpError("needs one ascending dimension of the result for each of the operand");
  for (auto [i, d] : llvm::enumerate(getDims()))
    if (from.getDimSize(i) != to.getDimSize(d) && from.getDimSize(i) != 1)
      return emitOpError("cannot stretch dimension ") << i;
  return verifySameElement(*this, getX(), getY());
}

OpFoldResult BroadcastOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getY().getType())
    return getX();
  auto elements = llvm::dyn_cast_if_present<DenseElementsAttr>(adaptor.getX());
  if (elements && elements.isSplat() && typeOf(getY()).hasStaticShape())
    return DenseElementsAttr::get(typeOf(getY()), elements.getSplatValue<Attribute>());
  // broadcast(broadcast(x)) -> broadcast(x)
  auto inner = getX().getDefiningOp<BroadcastOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> dims;
  for (int64_t d : inner.getDims())
    dims.push_back(getDims()[d]);
  for (auto [i, d] : llvm::enumerate(dims))
    if (typeOf(inner.getX()).getDimSize(i) == 1 &&
        typeOf(getX()).getDimSize(inner.getDims()[i]) != 1 &&
        typeOf(getY()).getDimSize(d) != typeOf(getX()).getDimSize(inner.getDims()[i]))
      return {};
  setDims(dims);
  getXMutable().assign(inner.getX());
  return getResult();
}

/// broadcast(constant splat of any shape) -> broadcast(constant scalar)
struct ScalarBroadcastSource : OpRewritePattern<BroadcastOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(BroadcastOp op, PatternRewriter &rewriter) const override {
    DenseElementsAttr elements;
    if (typeOf(op.getX()).getRank() == 0 || !matchPattern(op.getX(), m_Constant(&elements)) ||
        !elements.isSplat())
      return rewriter.notifyMatchFailure(op, "not a constant of equal elements");
    auto type = RankedTensorType::get({}, elements.getElementType());
    auto value = DenseElementsAttr::get(type, elements.getSplatValue<Attribute>());
    Value scalar = ConstantOp::create(rewriter, op.getLoc(), type, value);
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), scalar,
                                             rewriter.getDenseI64ArrayAttr({}));
    return success();
  }
};

void BroadcastOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ScalarBroadcastSource>(context);
}

LogicalResult ReshapeOp::verify() {
  RankedTensorType from = typeOf(getX()), to = typeOf(getY());
  if (isBatched(from) != isBatched(to))
    return emitOpError("the batch stays in front");
  if (elementsOf(from) != elementsOf(to))
    return emitOpError("changes the number of elements: ")
           << elementsOf(from) << " to " << elementsOf(to);
  return verifySameElement(*this, getX(), getY());
}

OpFoldResult ReshapeOp::fold(FoldAdaptor adaptor) {
  if (getX().getType() == getY().getType())
    return getX();
  if (auto elements = llvm::dyn_cast_if_present<DenseElementsAttr>(adaptor.getX()))
    if (typeOf(getY()).hasStaticShape())
      return elements.reshape(typeOf(getY()));
  if (auto inner = getX().getDefiningOp<ReshapeOp>()) {
    getXMutable().assign(inner.getX());
    return getResult();
  }
  return {};
}

/// reshape(broadcast(scalar)) -> broadcast(scalar)
struct ReshapeOfSplat : OpRewritePattern<ReshapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    auto source = op.getX().getDefiningOp<BroadcastOp>();
    if (!source || typeOf(source.getX()).getRank() != 0)
      return rewriter.notifyMatchFailure(op, "not of a repeated scalar");
    rewriter.replaceOpWithNewOp<BroadcastOp>(op, op.getType(), source.getX(),
                                             rewriter.getDenseI64ArrayAttr({}));
    return success();
  }
};

void ReshapeOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<ReshapeOfSplat>(context);
}

void TransposeOp::build(OpBuilder &b, OperationState &state, Value x,
                        ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> shape;
  for (int64_t d : permutation)
    shape.push_back(typeOf(x).getDimSize(d));
  build(b, state, RankedTensorType::get(shape, typeOf(x).getElementType()), x,
        b.getDenseI64ArrayAttr(permutation));
}

LogicalResult TransposeOp::verify() {
  RankedTensorType from = typeOf(getX()), to = typeOf(getY());
  ArrayRef<int64_t> permutation = getPermutation();
  if (!validDims(permutation, from.getRank()) ||
      static_cast<int64_t>(permutation.size()) != from.getRank() || to.getRank() != from.getRank())
    return emitOpError("needs a permutation of its dimensions");
  for (auto [i, d] : llvm::enumerate(permutation))
    if (to.getDimSize(i) != from.getDimSize(d))
      return emitOpError("result dimension ") << i << " should be " << from.getDimSize(d);
  return verifySameElement(*this, getX(), getY());
}

OpFoldResult TransposeOp::fold(FoldAdaptor) {
  if (llvm::equal(getPermutation(), llvm::seq<int64_t>(0, getPermutation().size())))
    return getX();
  auto inner = getX().getDefiningOp<TransposeOp>();
  if (!inner)
    return {};
  SmallVector<int64_t> permutation;
  for (int64_t d : getPermutation())
    permutation.push_back(inner.getPermutation()[d]);
  setPermutation(permutation);
  getXMutable().assign(inner.getX());
  return getResult();
}

LogicalResult SliceOp::verify() {
  RankedTensorType from = typeOf(getX()), to = typeOf(getY());
  if (static_cast<int64_t>(getStarts().size()) != from.getRank() ||
      getStrides().size() != getStarts().size() || to.getRank() != from.getRank())
    return emitOpError("needs a start and a stride for each dimension");
  for (int64_t d = 0; d < from.getRank(); ++d) {
    int64_t start = getStarts()[d], stride = getStrides()[d], size = to.getDimSize(d);
    if (from.isDynamicDim(d)) {
      if (!to.isDynamicDim(d) || start != 0 || stride != 1)
        return emitOpError("takes the batch whole");
    } else if (start < 0 || stride < 1 || size < 0 ||
               (size > 0 && start + (size - 1) * stride >= from.getDimSize(d))) {
      return emitOpError("reaches outside dimension ") << d;
    }
  }
  return verifySameElement(*this, getX(), getY());
}

OpFoldResult SliceOp::fold(FoldAdaptor) {
  return getX().getType() == getY().getType() ? OpFoldResult(getX()) : OpFoldResult();
}

LogicalResult PadOp::verify() {
  RankedTensorType from = typeOf(getX()), to = typeOf(getY());
  if (static_cast<int64_t>(getLow().size()) != from.getRank() ||
      getInterior().size() != getLow().size() || to.getRank() != from.getRank())
    return emitOpError("needs 'low' and 'interior' for each dimension");
  for (int64_t d = 0; d < from.getRank(); ++d) {
    int64_t low = getLow()[d], step = getInterior()[d] + 1, size = from.getDimSize(d);
    if (from.isDynamicDim(d)) {
      if (!to.isDynamicDim(d) || low != 0 || step != 1)
        return emitOpError("cannot pad the batch");
    } else if (low < 0 || step < 1 || (size > 0 && low + (size - 1) * step >= to.getDimSize(d))) {
      return emitOpError("does not fit into dimension ") << d;
    }
  }
  return verifySameElement(*this, getX(), getY());
}

LogicalResult ConcatOp::verify() {
  if (getParts().empty())
    return emitOpError("needs an operand");
  RankedTensorType to = typeOf(getY());
  int64_t dim = getDim(), total = 0;
  if (dim < 0 || dim >= to.getRank() || to.isDynamicDim(dim))
    return emitOpError("cannot join along dimension ") << dim;
  for (Value part : getParts()) {
    RankedTensorType type = typeOf(part);
    if (type.getRank() != to.getRank())
      return emitOpError("operands differ in rank");
    for (int64_t d = 0; d < to.getRank(); ++d)
      if (d != dim && type.getDimSize(d) != to.getDimSize(d))
        return emitOpError("operands differ in dimension ") << d;
    if (failed(verifySameElement(*this, part, getY())))
      return failure();
    total += type.getDimSize(dim);
  }
  return total == to.getDimSize(dim) ? success() : emitOpError("result should have size ") << total;
}

/// [indices..., row...] for gather's result and scatter_add's updates.
static SmallVector<int64_t> gatheredShape(RankedTensorType table, RankedTensorType indices) {
  SmallVector<int64_t> shape(indices.getShape());
  llvm::append_range(shape, table.getShape().drop_front());
  return shape;
}

LogicalResult GatherOp::verify() {
  RankedTensorType table = typeOf(getTable()), indices = typeOf(getIndices());
  if (table.getRank() < 1 || !table.hasStaticShape() || table.getDimSize(0) < 1)
    return emitOpError("needs a table of at least one row");
  if (!llvm::equal(gatheredShape(table, indices), typeOf(getY()).getShape()))
    return emitOpError("result has the wrong shape");
  return verifySameElement(*this, getTable(), getY());
}

LogicalResult ScatterAddOp::verify() {
  RankedTensorType table = typeOf(getY()), indices = typeOf(getIndices());
  if (table.getRank() < 1 || !table.hasStaticShape() || table.getDimSize(0) < 1)
    return emitOpError("needs a table of at least one row");
  if (!llvm::equal(gatheredShape(table, indices), typeOf(getUpdates()).getShape()))
    return emitOpError("updates have the wrong shape");
  return verifySameElement(*this, getUpdates(), getY());
}

/// The shape of what dl.sort makes.
static bool isInChunks(RankedTensorType keys) {
  return keys.getRank() == 2 && keys.hasStaticShape() && llvm::isPowerOf2_64(keys.getDimSize(1));
}

LogicalResult SortOp::verify() {
  RankedTensorType from = typeOf(getIndices()), to = typeOf(getKeys());
  if (!isInChunks(to))
    return emitOpError("makes chunks of a power of two");
  int64_t most = std::numeric_limits<int32_t>::max(), rows = getRows();
  if (rows < 1 || rows > most / to.getDimSize(1))
    return emitOpError("has no keys of 32 bits for ") << rows << " rows";
  if (from.hasStaticShape() && from.getNumElements() > to.getNumElements())
    return emitOpError("has room for ")
           << to.getNumElements() << " of " << from.getNumElements() << " indices";
  return success();
}

ArrayRef<int64_t> SegmentSumOp::getIndexShape() {
  return typeOf(getUpdates()).getShape().drop_back(typeOf(getY()).getRank() - 1);
}

LogicalResult SegmentSumOp::verify() {
  RankedTensorType table = typeOf(getY()), from = typeOf(getUpdates());
  if (table.getRank() < 1 || !table.hasStaticShape() || table.getDimSize(0) < 1)
    return emitOpError("needs a table of at least one row");
  if (!isInChunks(typeOf(getKeys())))
    return emitOpError("needs chunks of a power of two");
  if (from.getRank() < table.getRank() - 1 ||
      from.getShape().take_back(table.getRank() - 1) != table.getShape().drop_front())
    return emitOpError("updates have the wrong shape");
  return verifySameElement(*this, getUpdates(), getY());
}

} // namespace dlc

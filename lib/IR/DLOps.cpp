//===- DLOps.cpp - Reductions, products, sources: verifiers, builders, canonical forms --------===//
#include "Verifiers.h"
#include "dlc/IR/Builders.h"
#include "dlc/IR/DL.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

bool validDims(ArrayRef<int64_t> dims, int64_t rank) {
  llvm::SmallDenseSet<int64_t> seen;
  return llvm::all_of(dims, [&](int64_t d) { return d >= 0 && d < rank && seen.insert(d).second; });
}

int64_t elementsOf(RankedTensorType type) {
  int64_t product = 1;
  for (int64_t size : type.getShape())
    product *= ShapedType::isDynamic(size) ? 1 : size;
  return product;
}

//===------------------------------------------------------------------------------------------===//
// Reductions and dot
//===------------------------------------------------------------------------------------------===//

LogicalResult verifyReduction(Operation *op, Value x, ArrayRef<int64_t> dims, Value y) {
  if (!validDims(dims, typeOf(x).getRank()) || !llvm::is_sorted(dims))
    return op->emitOpError("needs ascending dimensions of its operand");
  if (reducedType(x.getType(), dims) != y.getType())
    return op->emitOpError("result should be ") << reducedType(x.getType(), dims);
  return success();
}

static SmallVector<int64_t> others(int64_t rank, ArrayRef<int64_t> a, ArrayRef<int64_t> b) {
  SmallVector<int64_t> free;
  for (int64_t d = 0; d < rank; ++d)
    if (!llvm::is_contained(a, d) && !llvm::is_contained(b, d))
      free.push_back(d);
  return free;
}

SmallVector<int64_t> DotOp::getLhsFree() {
  return others(typeOf(getLhs()).getRank(), getLhsBatch(), getLhsContract());
}

SmallVector<int64_t> DotOp::getRhsFree() {
  return others(typeOf(getRhs()).getRank(), getRhsBatch(), getRhsContract());
}

static RankedTensorType dotType(Value lhs, Value rhs, ArrayRef<int64_t> lhsBatch,
                                ArrayRef<int64_t> rhsBatch, ArrayRef<int64_t> lhsContract,
                                ArrayRef<int64_t> rhsContract) {
  RankedTensorType left = typeOf(lhs), right = typeOf(rhs);
  SmallVector<int64_t> shape;
  for (int64_t d : lhsBatch)
    shape.push_back(left.getDimSize(d));
  for (int64_t d : others(left.getRank(), lhsBatch, lhsContract))
    shape.push_back(left.getDimSize(d));
  for (int64_t d : others(right.getRank(), rhsBatch, rhsContract))
    shape.push_back(right.getDimSize(d));
  Type element = left.getElementType();
  return RankedTensorType::get(shape,
                               isHalf(element) ? Float32Type::get(left.getContext()) : element);
}

void DotOp::build(OpBuilder &b, OperationState &state, Value lhs, Value rhs,
                  ArrayRef<int64_t> lhsBatch, ArrayRef<int64_t> rhsBatch,
                  ArrayRef<int64_t> lhsContract, ArrayRef<int64_t> rhsContract) {
  build(b, state, dotType(lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract), lhs, rhs,
        b.getDenseI64ArrayAttr(lhsBatch), b.getDenseI64ArrayAttr(rhsBatch),
        b.getDenseI64ArrayAttr(lhsContract), b.getDenseI64ArrayAttr(rhsContract));
}

LogicalResult DotOp::verify() {
  RankedTensorType left = typeOf(getLhs()), right = typeOf(getRhs());
  SmallVector<int64_t> leftDims(getLhsBatch()), rightDims(getRhsBatch());
  llvm::append_range(leftDims, getLhsContract());
  llvm::append_range(rightDims, getRhsContract());
  if (!validDims(leftDims, left.getRank()) || !validDims(rightDims, right.getRank()) ||
      leftDims.size() != rightDims.size() || getLhsBatch().size() != getRhsBatch().size())
    return emitOpError("batch and contracted dimensions do not pair up");
  if (left.getElementType() != right.getElementType())
    return emitOpError("operands differ in element type");
  for (auto [l, r] : llvm::zip_equal(leftDims, rightDims))
    if (left.getDimSize(l) != right.getDimSize(r))
      return emitOpError("paired dimensions differ: ")
             << left.getDimSize(l) << " and " << right.getDimSize(r);
  RankedTensorType expected =
      dotType(getLhs(), getRhs(), getLhsBatch(), getRhsBatch(), getLhsContract(), getRhsContract());
  if (expected != getY().getType())
    return emitOpError("result should be ") << expected;
  return success();
}

/// dot(transpose(x), w) -> dot(x, w) with other dimensions, where the free dimensions keep their
/// order.
struct FoldTransposeIntoDot : OpRewritePattern<DotOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(DotOp op, PatternRewriter &rewriter) const override {
    SmallVector<int64_t> lhsBatch(op.getLhsBatch()), rhsBatch(op.getRhsBatch());
    SmallVector<int64_t> lhsContract(op.getLhsContract()), rhsContract(op.getRhsContract());
    Value lhs = peel(op.getLhs(), lhsBatch, lhsContract, op.getLhsFree());
    Value rhs = peel(op.getRhs(), rhsBatch, rhsContract, op.getRhsFree());
    if (lhs == op.getLhs() && rhs == op.getRhs())
      return rewriter.notifyMatchFailure(op, "no transposed operand that can be folded");
    rewriter.replaceOpWithNewOp<DotOp>(op, lhs, rhs, lhsBatch, rhsBatch, lhsContract, rhsContract);
    return success();
  }

  static Value peel(Value side, SmallVector<int64_t> &batch, SmallVector<int64_t> &contract,
                    SmallVector<int64_t> free) {
    auto transpose = side.getDefiningOp<TransposeOp>();
    if (!transpose)
      return side;
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    auto map = [&](SmallVector<int64_t> &dims) {
      for (int64_t &d : dims)
        d = permutation[d];
    };
    map(free);
    if (!llvm::is_sorted(free))
      return side;
    map(batch);
    map(contract);
    return transpose.getX();
  }
};

void DotOp::getCanonicalizationPatterns(RewritePatternSet &patterns, MLIRContext *context) {
  patterns.add<FoldTransposeIntoDot>(context);
}

//===------------------------------------------------------------------------------------------===//
// Sources
//===------------------------------------------------------------------------------------------===//

OpFoldResult ConstantOp::fold(FoldAdaptor) { return getValue(); }

LogicalResult IotaOp::verify() {
  if (getDim() < uint64_t(typeOf(getY()).getRank()))
    return success();
  return emitOpError("has no dimension ") << getDim();
}

LogicalResult RandomOp::verify() {
  if (getDistribution() != "uniform" && getDistribution() != "normal")
    return emitOpError("knows the distributions 'uniform' and 'normal'");
  return success();
}

LogicalResult RuntimeOp::verify() {
  if (typeOf(getY()).getRank() != 0)
    return emitOpError("is a scalar");
  for (StringRef name : {"rows", "total_rows", "step", "total_steps", "epoch"})
    if (getName() == name)
      return success();
  return emitOpError("unknown number '") << getName() << "'";
}

} // namespace dlc

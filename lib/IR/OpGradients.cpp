//===- OpGradients.cpp - Gradients that are longer than an expression ------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/IR/DL.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {

/// The adjoint of one side of a dot. The product of `dy` with the other side has its dimensions as
/// `order` lists them, in terms of the wanted side's dimensions; transposes to the wanted order.
static Value arrange(Builder &b, Value product, ArrayRef<int64_t> order) {
  SmallVector<int64_t> permutation(order.size());
  for (auto [position, dim] : llvm::enumerate(order))
    permutation[dim] = position;
  return transpose(b, product, permutation);
}

/// The dimensions of `to`, ascending by their partners in `from`: a dot keeps free dimensions in
/// that order.
static SmallVector<int64_t> partnersInOrder(ArrayRef<int64_t> from, ArrayRef<int64_t> to) {
  SmallVector<std::pair<int64_t, int64_t>> pairs;
  for (auto [f, t] : llvm::zip_equal(from, to))
    pairs.emplace_back(f, t);
  llvm::sort(pairs);
  return llvm::to_vector(llvm::make_second_range(pairs));
}

// With batch dims n, lhs [n, i, k], rhs [n, k, j] and y [n, i, j]: dlhs = dy . rhs over j, drhs =
// lhs . dy over i.
SmallVector<Value> DotOp::buildGradient(Builder &b, Value dy) {
  SmallVector<int64_t> lhsFree = getLhsFree(), rhsFree = getRhsFree();
  int64_t batch = getLhsBatch().size(), rows = lhsFree.size(), columns = rhsFree.size();
  SmallVector<int64_t> dyBatch = llvm::to_vector(llvm::seq<int64_t>(0, batch));
  SmallVector<int64_t> dyRows = llvm::to_vector(llvm::seq<int64_t>(batch, batch + rows));
  SmallVector<int64_t> dyColumns =
      llvm::to_vector(llvm::seq<int64_t>(batch + rows, batch + rows + columns));

  // A product over the batch's rows: rhs goes first, as the batch is in front of every result.
  auto left = llvm::cast<RankedTensorType>(getLhs().getType());
  bool overBatch = llvm::any_of(getLhsContract(), [&](int64_t d) { return left.isDynamicDim(d); });
  SmallVector<int64_t> lhsOrder(getLhsBatch());
  Value dlhs;
  if (overBatch) {
    dlhs = DotOp::create(b, getRhs(), dy, getRhsBatch(), dyBatch, rhsFree, dyColumns);
    llvm::append_range(lhsOrder, partnersInOrder(getRhsContract(), getLhsContract()));
    llvm::append_range(lhsOrder, lhsFree);
  } else {
    dlhs = DotOp::create(b, dy, getRhs(), dyBatch, getRhsBatch(), dyColumns, rhsFree);
    llvm::append_range(lhsOrder, lhsFree);
    llvm::append_range(lhsOrder, partnersInOrder(getRhsContract(), getLhsContract()));
  }

  Value drhs = DotOp::create(b, getLhs(), dy, getLhsBatch(), dyBatch, lhsFree, dyRows);
  SmallVector<int64_t> rhsOrder(getRhsBatch());
  llvm::append_range(rhsOrder, partnersInOrder(getLhsContract(), getRhsContract()));
  llvm::append_range(rhsOrder, rhsFree);

  return {arrange(b, dlhs, lhsOrder), arrange(b, drhs, rhsOrder)};
}

// What was repeated is summed; unit dimensions that were stretched come back by a reshape.
SmallVector<Value> BroadcastOp::buildGradient(Builder &b, Value dy) {
  auto from = llvm::cast<RankedTensorType>(getX().getType());
  auto to = llvm::cast<RankedTensorType>(getY().getType());
  SmallVector<int64_t> repeated;
  for (int64_t d = 0; d < to.getRank(); ++d) {
    const int64_t *source = llvm::find(getDims(), d);
    if (source == getDims().end() ||
        from.getDimSize(source - getDims().begin()) != to.getDimSize(d))
      repeated.push_back(d);
  }
  return {reshape(b, sum(b, dy, repeated), from)};
}

SmallVector<Value> ReshapeOp::buildGradient(Builder &b, Value dy) {
  return {reshape(b, dy, getX().getType())};
}

SmallVector<Value> TransposeOp::buildGradient(Builder &b, Value dy) {
  SmallVector<int64_t> inverse(getPermutation().size());
  for (auto [i, d] : llvm::enumerate(getPermutation()))
    inverse[d] = i;
  return {transpose(b, dy, inverse)};
}

SmallVector<Value> SliceOp::buildGradient(Builder &b, Value dy) {
  SmallVector<int64_t> interior;
  for (int64_t stride : getStrides())
    interior.push_back(stride - 1);
  return {
      PadOp::create(b, getX().getType(), dy, getStartsAttr(), b.getDenseI64ArrayAttr(interior))};
}

SmallVector<Value> PadOp::buildGradient(Builder &b, Value dy) {
  SmallVector<int64_t> strides;
  for (int64_t interior : getInterior())
    strides.push_back(interior + 1);
  return {SliceOp::create(b, getX().getType(), dy, getLowAttr(), b.getDenseI64ArrayAttr(strides))};
}

SmallVector<Value> ConcatOp::buildGradient(Builder &b, Value dy) {
  int64_t rank = llvm::cast<RankedTensorType>(getY().getType()).getRank();
  SmallVector<int64_t> starts(rank, 0), strides(rank, 1);
  SmallVector<Value> result;
  for (Value part : getParts()) {
    result.push_back(SliceOp::create(b, part.getType(), dy, b.getDenseI64ArrayAttr(starts),
                                     b.getDenseI64ArrayAttr(strides)));
    starts[getDim()] += llvm::cast<RankedTensorType>(part.getType()).getDimSize(getDim());
  }
  return result;
}

SmallVector<Value> GatherOp::buildGradient(Builder &b, Value dy) {
  if (!isFloat(getTable()))
    return {nullptr, nullptr};
  return {ScatterAddOp::create(b, getTable().getType(), getIndices(), dy), nullptr};
}

SmallVector<Value> ScatterAddOp::buildGradient(Builder &b, Value dy) {
  return {nullptr, GatherOp::create(b, getUpdates().getType(), dy, getIndices())};
}

} // namespace dlc

//===- PrepareProducts.cpp - Which products are products --------------------------------------===//
//
// A product with one row, one column or one term to sum has no reuse that register tiles could
// exploit: it becomes broadcasts, a multiplication and a sum, which fuse like everything
// elementwise. On a processor the others read their right-hand side along its last dimension, which
// must be a free one: where it is not, a transposed copy is made. A GPU reads in any order (option
// `any-layout`).
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/Transforms/Passes.h"

namespace dlc {
#define GEN_PASS_DEF_PREPAREPRODUCTSPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// Product of the sizes of `dims`; the batch counts as many.
static int64_t extent(Value value, ArrayRef<int64_t> dims) {
  int64_t product = 1;
  for (int64_t d : dims)
    product *= typeOf(value).isDynamicDim(d) ? 1024 : typeOf(value).getDimSize(d);
  return product;
}

static bool isThin(DotOp op) {
  return extent(op.getLhs(), op.getLhsFree()) == 1 || extent(op.getRhs(), op.getRhsFree()) == 1 ||
         extent(op.getLhs(), op.getLhsContract()) == 1;
}

/// Places dimension d of `value` at places[d] of `shape`, transposing where the order differs.
static Value spread(ImplicitLocOpBuilder &b, Value value, ArrayRef<int64_t> places,
                    ArrayRef<int64_t> shape) {
  SmallVector<int64_t> order = llvm::to_vector(llvm::seq<int64_t>(0, places.size()));
  llvm::sort(order, [&](int64_t x, int64_t y) { return places[x] < places[y]; });
  SmallVector<int64_t> dims;
  for (int64_t d : order)
    dims.push_back(places[d]);
  Value arranged = transpose(b, value, order);
  return broadcast(b, arranged, dims, RankedTensorType::get(shape, typeOf(value).getElementType()));
}

/// dot -> sum(broadcast(lhs) * broadcast(rhs)). The space is [batch, lhs free, rhs free,
/// contracted], but a contracted batch goes first, where the batch always is.
static void expandThin(DotOp op) {
  ImplicitLocOpBuilder b(op.getLoc(), op);
  SmallVector<int64_t> lhsFree = op.getLhsFree(), rhsFree = op.getRhsFree();
  SmallVector<int64_t> lhsPlaces(typeOf(op.getLhs()).getRank());
  SmallVector<int64_t> rhsPlaces(typeOf(op.getRhs()).getRank());
  SmallVector<int64_t> shape, summed;

  auto pair = [&](int64_t l, int64_t r) {
    lhsPlaces[l] = rhsPlaces[r] = shape.size();
    shape.push_back(typeOf(op.getLhs()).getDimSize(l));
  };
  auto contract = [&](bool batch) {
    for (auto [l, r] : llvm::zip_equal(op.getLhsContract(), op.getRhsContract()))
      if (typeOf(op.getLhs()).isDynamicDim(l) == batch) {
        summed.push_back(shape.size());
        pair(l, r);
      }
  };
  contract(/*batch=*/true);
  for (auto [l, r] : llvm::zip_equal(op.getLhsBatch(), op.getRhsBatch()))
    pair(l, r);
  for (int64_t d : lhsFree) {
    lhsPlaces[d] = shape.size();
    shape.push_back(typeOf(op.getLhs()).getDimSize(d));
  }
  for (int64_t d : rhsFree) {
    rhsPlaces[d] = shape.size();
    shape.push_back(typeOf(op.getRhs()).getDimSize(d));
  }
  contract(/*batch=*/false);

  Value product =
      mul(b, spread(b, op.getLhs(), lhsPlaces, shape), spread(b, op.getRhs(), rhsPlaces, shape));
  op.replaceAllUsesWith(sum(b, product, summed));
  op.erase();
}

/// Makes the last free dimension of the right-hand side its last dimension.
static void layOutRight(DotOp op) {
  int64_t rank = typeOf(op.getRhs()).getRank(), column = op.getRhsFree().back();
  if (column == rank - 1)
    return;
  SmallVector<int64_t> order;
  for (int64_t d = 0; d < rank; ++d)
    if (d != column)
      order.push_back(d);
  order.push_back(column);
  SmallVector<int64_t> place(rank);
  for (auto [i, d] : llvm::enumerate(order))
    place[d] = i;
  auto moved = [&](ArrayRef<int64_t> dims) {
    return llvm::map_to_vector(dims, [&](int64_t d) { return place[d]; });
  };
  ImplicitLocOpBuilder b(op.getLoc(), op);
  Value copy = transpose(b, op.getRhs(), order);
  op.setRhsBatch(moved(op.getRhsBatch()));
  op.setRhsContract(moved(op.getRhsContract()));
  op.getRhsMutable().assign(copy);
}

namespace {
struct PrepareProductsPass : dlc::impl::PrepareProductsPassBase<PrepareProductsPass> {
  using PrepareProductsPassBase::PrepareProductsPassBase;

  void runOnOperation() override {
    SmallVector<DotOp> dots;
    getOperation().walk([&](DotOp op) { dots.push_back(op); });
    for (DotOp op : dots) {
      if (isThin(op))
        expandThin(op);
      else if (!anyLayout)
        layOutRight(op);
    }
  }
};
} // namespace

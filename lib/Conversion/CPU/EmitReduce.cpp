//===- EmitReduce.cpp - Reductions over leading dimensions ------------------------------------===//
//
// Where the last dimension remains, vectors run along the results and each lane sums its own
// column; where it vanishes, lanes share the sum of one result and are combined by a fixed tree.
// Threads share results, never a sum.
//
//===------------------------------------------------------------------------------------------===//
#include "CpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc {

LogicalResult CpuEmitter::emitReduce() {
  auto op = *region->getOps<ReductionOpInterface>().begin();
  auto space = cast<RankedTensorType>(op.getInput().getType()).getShape();
  ArrayRef<int64_t> dims = op.getReducedDims();
  int64_t last = space.size() - 1;
  bool across = !llvm::is_contained(dims, last); // vectors run across results
  SmallVector<int64_t> kept;
  for (int64_t d = 0; d <= last; ++d)
    if (!llvm::is_contained(dims, d))
      kept.push_back(d);

  // Sums over dims[n...], given the indices of everything before.
  std::function<Value(size_t, Indices &, Value, Value)> descend =
      [&](size_t n, Indices &at, Value sum, Value mask) -> Value {
    if (n == dims.size()) {
      Value element = evaluate(op.getInput(), at, mask);
      if (!isa<VectorType>(element.getType()))
        element = splat(element);
      return op.buildCombine(b, sum, element);
    }
    int64_t d = dims[n], size = space[d];
    if (d != last)
      return loopCarrying(integer(0), sizeOf(size), 1, sum,
                          [&](Value i, ValueRange carried) {
                            at[d] = {i};
                            return SmallVector<Value>{descend(n + 1, at, carried.front(), mask)};
                          })
          .front();
    // Along the lanes: whole vectors, then the rest under a mask.
    Value count = sizeOf(size);
    Value rest = arith::RemSIOp::create(b, count, integer(lanes));
    Value whole = arith::SubIOp::create(b, count, rest);
    sum = loopCarrying(integer(0), whole, lanes, sum, [&](Value i, ValueRange carried) {
            at[d] = {i, 0, 1, {}};
            return SmallVector<Value>{descend(n + 1, at, carried.front(), {})};
          }).front();
    if (!ShapedType::isDynamic(size) && size % lanes == 0)
      return sum;
    Value lane = vectorOf({{}, 0, 1, {}});
    Value on = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, lane, splat(rest));
    at[d] = {whole, 0, 1, {}};
    size_t mark = known.size();
    Value next = descend(n + 1, at, sum, on);
    known.truncate(mark);
    return arith::SelectOp::create(b, on, next, sum);
  };

  // All results at one place (or one vector of places).
  auto finish = [&](Indices &at, Value mask) {
    size_t mark = known.size();
    Value sum = descend(0, at, identity(op, /*vector=*/true), mask);
    if (!across)
      sum = combineLanes(op, sum);
    Indices result;
    for (int64_t d : kept)
      result.push_back(at[d]);
    bind(op->getResult(0), result, sum);
    storeResults(result, mask);
    known.truncate(mark);
  };

  if (kept.empty()) {
    onFirstThread([&] {
      Indices at(space.size());
      finish(at, {});
    });
    return success();
  }

  // The first kept dimension is shared; across, the last one goes by vectors.
  std::function<void(size_t, Indices &)> outer = [&](size_t n, Indices &at) {
    if (n == kept.size())
      return finish(at, {});
    int64_t d = kept[n], size = space[d];
    bool vectors = across && n + 1 == kept.size();
    Value low = integer(0), high = sizeOf(size);
    if (n == 0)
      std::tie(low, high) = share(high, vectors ? lanes : 1);
    if (!vectors)
      return loop(low, high, 1, [&](Value i) {
        at[d] = {i};
        outer(n + 1, at);
      });
    int64_t rest = size % lanes;
    loop(low, n == 0 ? minInt(high, integer(size - rest)) : integer(size - rest), lanes,
         [&](Value i) {
           at[d] = {i, 0, 1, {}};
           finish(at, {});
         });
    auto tail = [&] {
      at[d] = {{}, size - rest, 1, {}};
      finish(at, tailMask(rest));
    };
    if (rest && n == 0)
      onFirstThread(tail);
    else if (rest)
      tail();
  };
  Indices at(space.size());
  outer(0, at);
  return success();
}

} // namespace dlc

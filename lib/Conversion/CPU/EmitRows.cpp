//===- EmitRows.cpp - Reductions over trailing dimensions, row by row -------------------------===//
//
// One row after the other: each reduction visits the row's elements and leaves a scalar, which
// later ones and the results use. A short row is a handful of vectors that stay in registers from
// the first reduction to the last store; of a long one, elements are computed again where they are
// needed again.
//
//===------------------------------------------------------------------------------------------===//
#include "CpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc {

/// Accumulates `element` into the vector `sum` where the mask is on.
static Value accumulate(ImplicitLocOpBuilder &b, ReductionOpInterface op, Value sum, Value element,
                        Value mask) {
  Value next = op.buildCombine(b, sum, element);
  return mask ? Value(arith::SelectOp::create(b, mask, next, sum)) : next;
}

LogicalResult CpuEmitter::emitRows() {
  auto reductions = llvm::to_vector(region->getOps<ReductionOpInterface>());
  auto space = cast<RankedTensorType>(reductions.front().getInput().getType()).getShape();
  int64_t rowRank = space.size() - reductions.front().getReducedDims().size();
  int64_t last = space.size() - 1;

  // Visits the row's vectors; `carried` goes from one to the next.
  auto visit = [&](ArrayRef<Index> row, Value carried,
                   llvm::function_ref<Value(ArrayRef<Index>, Value, Value)> body) {
    std::function<Value(int64_t, Indices, Value)> descend = [&](int64_t d, Indices at,
                                                                Value sum) -> Value {
      int64_t size = space[d];
      if (d < last) {
        SmallVector<Value> initial;
        if (sum)
          initial.push_back(sum);
        auto results =
            loopCarrying(integer(0), integer(size), 1, initial, [&](Value i, ValueRange c) {
              Indices inner(at);
              inner.push_back({i});
              Value next = descend(d + 1, inner, c.empty() ? Value() : c.front());
              return next ? SmallVector<Value>{next} : SmallVector<Value>();
            });
        return results.empty() ? Value() : results.front();
      }
      int64_t whole = size / lanes * lanes;
      auto element = [&](Index i, Value c, Value mask) {
        Indices inner(at);
        inner.push_back(i);
        return body(inner, c, mask);
      };
      constexpr int64_t unrolled = 8; // vectors
      if (whole <= unrolled * lanes) {
        for (int64_t i = 0; i < whole; i += lanes)
          sum = element({{}, i, 1, {}}, sum, {});
      } else {
        SmallVector<Value> initial;
        if (sum)
          initial.push_back(sum);
        auto results =
            loopCarrying(integer(0), integer(whole), lanes, initial, [&](Value i, ValueRange c) {
              Value next = element({i, 0, 1, {}}, c.empty() ? Value() : c.front(), {});
              return next ? SmallVector<Value>{next} : SmallVector<Value>();
            });
        sum = results.empty() ? Value() : results.front();
      }
      if (size > whole)
        sum = element({{}, whole, 1, {}}, sum, tailMask(size - whole));
      return sum;
    };
    return descend(rowRank, Indices(row), carried);
  };

  Indices at;
  loopOver(space, 0, rowRank, /*shared=*/true, at, [&](Indices &row) {
    for (ReductionOpInterface op : reductions) {
      Value sum = visit(row, identity(op, /*vector=*/true),
                        [&](ArrayRef<Index> place, Value carried, Value mask) {
                          Value element = evaluate(op.getInput(), place, mask);
                          if (!isa<VectorType>(element.getType()))
                            element = splat(element);
                          return accumulate(b, op, carried, element, mask);
                        });
      bind(op->getResult(0), row, combineLanes(op, sum));
    }
    // All loads before the stores, at one place and of the row: see storeResults.
    SmallVector<std::pair<unsigned, Value>> ofRow, ofElements;
    for (auto [n, value] : llvm::enumerate(region->getTerminator()->getOperands())) {
      bool whole = cast<RankedTensorType>(value.getType()).getRank() == rowRank;
      if (whole)
        ofRow.emplace_back(n, evaluate(value, row));
      else
        ofElements.emplace_back(n, value);
    }
    if (!ofElements.empty())
      visit(row, {}, [&](ArrayRef<Index> place, Value, Value mask) {
        SmallVector<Value> elements;
        for (auto [n, value] : ofElements)
          elements.push_back(evaluate(value, place, mask));
        for (auto [result, element] : llvm::zip_equal(ofElements, elements))
          store(result.first, place, element, mask);
        return Value();
      });
    for (auto [n, element] : ofRow)
      store(n, row, element);
  });
  return success();
}

} // namespace dlc

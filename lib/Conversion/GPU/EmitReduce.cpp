//===- EmitReduce.cpp - Reductions over leading dimensions on a GPU ---------------------------===//
//
// Where the last dimension remains, a block takes 32 neighbouring results, one a lane, and its
// warps share the terms; where it vanishes, a block takes one result and all of its threads share
// the terms. Either way the parts are combined in one order.
//
//===------------------------------------------------------------------------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc {

LogicalResult GpuEmitter::emitReduce() {
  auto op = *region->getOps<ReductionOpInterface>().begin();
  auto space = cast<RankedTensorType>(op.getInput().getType()).getShape();
  ArrayRef<int64_t> dims = op.getReducedDims();
  int64_t last = space.size() - 1;
  bool across = !llvm::is_contained(dims, last);
  SmallVector<int64_t> kept, keptShape, terms;
  for (int64_t d = 0; d <= last; ++d) {
    if (llvm::is_contained(dims, d)) {
      terms.push_back(space[d]);
    } else {
      kept.push_back(d);
      keptShape.push_back(space[d]);
    }
  }

  /// This thread's part of the sum of one result: every `step`-th term from `first` on.
  auto part = [&](const Indices &result, Value first, int64_t step) {
    return loopCarrying(first, countOf(terms), step, identity(op, /*vector=*/false),
                        [&](Value i, ValueRange carried) {
                          Indices at(space.size()), term = delinearize(i, terms);
                          for (auto [n, d] : llvm::enumerate(dims))
                            at[d] = term[n];
                          for (auto [n, d] : llvm::enumerate(kept))
                            at[d] = result[n];
                          Value element = evaluate(op.getInput(), at);
                          return SmallVector<Value>{op.buildCombine(b, carried.front(), element)};
                        })
        .front();
  };
  auto finish = [&](const Indices &result, Value sum, Value condition, Value number) {
    onlyIf(condition, [&] {
      bind(op->getResult(0), result, sum);
      storeRun(result, number);
    });
  };

  Value results = countOf(keptShape);
  if (!across) {
    loop(block(), results, launch.blocks, [&](Value number) {
      Indices result = delinearize(number, keptShape);
      Value sum = combineWarp(op, part(result, threadInBlock(), launch.threads));
      finish(result, combineBlock(op, sum), isZero(threadInBlock()), integer(0));
    });
    return success();
  }
  int64_t warps = launch.threads / kWarp;
  loop(mulInt(block(), kWarp), results, launch.blocks * kWarp, [&](Value first) {
    // Lanes past the end do the last result's work once more, and do not store it.
    Value mine = addInt(first, lane());
    Value inside = lessThan(mine, results);
    Indices result =
        delinearize(minInt(mine, arith::SubIOp::create(b, results, integer(1))), keptShape);
    Value sum = part(result, warpInBlock(), warps);
    barrier(); // what was there before has been read
    storeShared(threadInBlock(), sum);
    barrier();
    Value total = loadShared(lane(), sum.getType());
    for (int64_t warp = 1; warp < warps; ++warp)
      total = op.buildCombine(b, total,
                              loadShared(addInt(lane(), integer(warp * kWarp)), sum.getType()));
    finish(result, total, arith::AndIOp::create(b, inside, isZero(warpInBlock())), lane());
  });
  return success();
}

} // namespace dlc

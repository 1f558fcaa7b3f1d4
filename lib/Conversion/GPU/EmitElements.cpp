//===- EmitElements.cpp - Elements on a GPU ---------------------------------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc {

/// Neighbouring threads take neighbouring vectors. Where dimensions do not matter, the tensors are
/// one long line of vectors, with elements left at its end; elsewhere the last dimension is whole
/// vectors.
LogicalResult GpuEmitter::emitMap() {
  auto shape = cast<RankedTensorType>(kernel.getResultTypes().front()).getShape();
  int64_t step = launch.blocks * launch.threads;
  lanes = launch.lanes;
  if (lanes == 1 || !isLine(kernel)) {
    loop(threadInGrid(), vectorsOf(shape), step,
         [&](Value i) { storeRun(vectorAt(i, shape), mulInt(threadInBlock(), lanes)); });
    return success();
  }
  Value count = countOf(shape), vectors = arith::DivUIOp::create(b, count, integer(lanes));
  Indices at(shape.size());
  loop(threadInGrid(), vectors, step, [&](Value i) {
    at.back() = {mulInt(i, lanes), 0, 1, {}, lanes};
    storeRun(at, mulInt(threadInBlock(), lanes));
  });
  Value left = addInt(mulInt(vectors, lanes), threadInGrid());
  onlyIf(lessThan(left, count), [&] {
    at.back() = {left};
    storeRun(at, addInt(threadInBlock(), integer(lanes * launch.threads)));
  });
  return success();
}

} // namespace dlc

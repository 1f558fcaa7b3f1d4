//===- EmitMap.cpp - Elementwise kernels ------------------------------------------------------===//
#include "CpuEmitter.h"

using namespace mlir;

namespace dlc {

LogicalResult CpuEmitter::emitMap() {
  auto yield = cast<YieldOp>(region->getTerminator());
  ArrayRef<int64_t> shape = cast<RankedTensorType>(yield.getValues().front().getType()).getShape();
  if (shape.empty()) {
    onFirstThread([&] { storeResults({}); });
    return success();
  }
  int64_t last = shape.size() - 1;
  if (last == 0) { // vectors are shared
    auto [low, high] = share(sizeOf(shape[0]), lanes);
    if (ShapedType::isDynamic(shape[0])) {
      loopVectors(shape[0], low, high, [&](Index i, Value mask) { storeResults({i}, mask); });
      return success();
    }
    int64_t rest = shape[0] % lanes;
    Value whole = minInt(high, integer(shape[0] - rest));
    loop(low, whole, lanes, [&](Value i) { storeResults({{i, 0, 1, {}}}, {}); });
    if (rest) // after the whole vectors, by the thread that has no other work on them
      onFirstThread([&] { storeResults({{{}, shape[0] - rest, 1, {}}}, tailMask(rest)); });
    return success();
  }
  Indices at;
  loopOver(shape, 0, last, /*shared=*/true, at, [&](Indices &outer) {
    loopVectors(shape[last], integer(0), sizeOf(shape[last]), [&](Index i, Value mask) {
      Indices full(outer);
      full.push_back(i);
      size_t mark = known.size();
      storeResults(full, mask);
      known.truncate(mark);
    });
  });
  return success();
}

} // namespace dlc

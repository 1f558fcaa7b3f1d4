//===- Cost.cpp -------------------------------------------------------------------------------===//
#include "dlc/IR/Cost.h"

using namespace dlc;
using namespace mlir;

static int64_t elements(Type type, int64_t batch) {
  int64_t count = 1;
  for (int64_t size : cast<RankedTensorType>(type).getShape())
    count *= ShapedType::isDynamic(size) ? batch : size;
  return count;
}

static bool holdsFloats(Value value) {
  return isa<FloatType>(cast<RankedTensorType>(value.getType()).getElementType());
}

static int64_t flopOf(Operation *op, int64_t batch) {
  if (auto dot = dyn_cast<DotOp>(op)) {
    int64_t count = 2 * elements(dot.getY().getType(), batch);
    auto type = cast<RankedTensorType>(dot.getLhs().getType());
    for (int64_t dim : dot.getLhsContract())
      count *= type.isDynamicDim(dim) ? batch : type.getDimSize(dim);
    return count;
  }
  if (op->getNumResults() != 1 || !holdsFloats(op->getResult(0)))
    return 0;
  if (auto reduction = dyn_cast<ReductionOpInterface>(op))
    return elements(reduction.getInput().getType(), batch);
  bool moves = isa<CopyOp, CastOp, SelectOp, StopGradientOp>(op);
  return isa<ElementwiseOpInterface>(op) && !moves ? elements(op->getResult(0).getType(), batch)
                                                   : 0;
}

Cost dlc::costOf(KernelOp kernel, int64_t batch) {
  Cost cost;
  kernel.walk([&](Operation *op) { cost.flop += flopOf(op, batch); });
  auto move = [&](Value value) {
    unsigned bits = cast<RankedTensorType>(value.getType()).getElementTypeBitWidth();
    cost.bytes += elements(value.getType(), batch) * std::max(bits / 8, 1u);
  };
  for (Value operand : llvm::SmallPtrSet<Value, 8>(kernel->operand_begin(), kernel->operand_end()))
    move(operand);
  for (Value result : kernel->getResults())
    move(result);
  return cost;
}

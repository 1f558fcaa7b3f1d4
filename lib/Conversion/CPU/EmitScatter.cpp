//===- EmitScatter.cpp - Rows added into a table ----------------------------------------------===//
//
// Threads share the table's columns (its elements, where it has one per row), and each adds the
// updates in order: the same bits on any number of threads.
//
//===------------------------------------------------------------------------------------------===//
#include "CpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dlc {

LogicalResult CpuEmitter::emitScatter() {
  auto op = *region->getOps<ScatterAddOp>().begin();
  auto table = cast<RankedTensorType>(op.getY().getType());
  auto indices = cast<RankedTensorType>(op.getIndices().getType());
  Type element = table.getElementType();
  int64_t row = table.getNumElements() / table.getDimSize(0);
  auto flat = RankedTensorType::get({table.getDimSize(0), row}, element);
  const Value to = results[0].pointer;
  TensorMemory updates = inputs[cast<BlockArgument>(op.getUpdates()).getArgNumber()];
  SmallVector<int64_t> updatesShape(indices.getShape());
  updatesShape.push_back(row);
  updates.type = RankedTensorType::get(updatesShape, element);

  Value low, high;
  std::tie(low, high) = share(integer(row), 1);
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  loop(integer(0), integer(table.getDimSize(0)), 1, [&](Value i) {
    loop(low, high, 1, [&](Value j) {
      Value place = scalarOf(linear(flat, {Index{i}, Index{j}}));
      LLVM::StoreOp::create(b, zero, address(to, place, element));
    });
  });
  Indices at;
  loopOver(indices.getShape(), 0, indices.getRank(), /*shared=*/false, at, [&](Indices &where) {
    Value number = evaluate(op.getIndices(), where);
    auto limit = [&](int64_t value) {
      return Value(arith::ConstantOp::create(b, b.getI32IntegerAttr(value)));
    };
    number = arith::MaxSIOp::create(b, number, limit(0));
    number = arith::MinSIOp::create(b, number, limit(table.getDimSize(0) - 1));
    Value target = arith::ExtSIOp::create(b, b.getI64Type(), number);
    loop(low, high, 1, [&](Value j) {
      Indices from(where);
      from.push_back({j});
      Value place = address(to, scalarOf(linear(flat, {Index{target}, Index{j}})), element);
      Value sum = arith::AddFOp::create(b, LLVM::LoadOp::create(b, element, place),
                                        load(updates, from, {}));
      LLVM::StoreOp::create(b, sum, place);
    });
  });
  return success();
}

} // namespace dlc

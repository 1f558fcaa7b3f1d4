//===- EmitElements.cpp - Elements and scattered rows on a GPU --------------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

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

/// A warp takes 32 neighbouring columns of a row of the table. It looks through the indices in
/// order, 32 at a time, and adds the rows that are for it: each sum has one order.
LogicalResult GpuEmitter::emitScatter() {
  auto op = *region->getOps<ScatterAddOp>().begin();
  auto table = cast<RankedTensorType>(op.getY().getType());
  auto indices = cast<RankedTensorType>(op.getIndices().getType());
  Type element = table.getElementType(), word = b.getI32Type();
  int64_t tableRows = table.getDimSize(0), columns = table.getNumElements() / tableRows;
  int64_t groups = llvm::divideCeil(columns, kWarp);
  TensorMemory updates = inputs[cast<BlockArgument>(op.getUpdates()).getArgNumber()];
  SmallVector<int64_t> updatesShape(indices.getShape());
  updatesShape.push_back(columns);
  updates.type = RankedTensorType::get(updatesShape, element);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  Value count = countOf(indices.getShape()), zero = constant(0);

  loop(warpInGrid(), integer(tableRows * groups), launch.blocks * launch.threads / kWarp,
       [&](Value number) {
         Value row = resized(arith::DivUIOp::create(b, number, integer(groups)), word);
         Value column =
             addInt(mulInt(arith::RemUIOp::create(b, number, integer(groups)), kWarp), lane());
         Value inside = lessThan(column, integer(columns));
         Value readable = minInt(column, integer(columns - 1));
         Value start = arith::ConstantOp::create(b, b.getZeroAttr(element));
         auto look = [&](Value first, ValueRange carried) {
           Value mine = addInt(first, lane());
           Indices where = delinearize(minInt(mine, arith::SubIOp::create(b, count, integer(1))),
                                       indices.getShape());
           Value target = evaluate(op.getIndices(), where);
           target = arith::MaxSIOp::create(b, target, zero);
           target = arith::MinSIOp::create(b, target, constant(tableRows - 1));
           Value hit = arith::AndIOp::create(
               b, lessThan(mine, count),
               arith::CmpIOp::create(b, arith::CmpIPredicate::eq, target, row));
           Value hits = call("llvm.nvvm.vote.ballot.sync", word, {constant(-1), hit});
           auto next = scf::WhileOp::create(
               b, TypeRange{word, element}, ValueRange{hits, carried.front()},
               [&](OpBuilder &, Location, ValueRange state) {
                 Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, state[0], zero);
                 scf::ConditionOp::create(b, any, state);
               },
               [&](OpBuilder &, Location, ValueRange state) {
                 Value bit = math::CountTrailingZerosOp::create(b, state[0]);
                 Value from = addInt(first, resized(bit, indexType));
                 Indices place = delinearize(from, indices.getShape());
                 place.push_back({readable});
                 Value sum = arith::AddFOp::create(b, state[1], load(updates, place, {}));
                 Value rest = arith::AndIOp::create(
                     b, state[0], arith::SubIOp::create(b, state[0], constant(1)));
                 scf::YieldOp::create(b, ValueRange{rest, sum});
               });
           return SmallVector<Value>{next.getResult(1)};
         };
         Value sum = loopCarrying(integer(0), count, kWarp, start, look).front();
         auto flat = RankedTensorType::get({tableRows, columns}, element);
         onlyIf(inside, [&] {
           Index at = linear(flat, {Index{resized(row, indexType)}, Index{column}});
           LLVM::StoreOp::create(b, sum, address(results[0].pointer, scalarOf(at), element));
         });
       });
  return success();
}

} // namespace dlc

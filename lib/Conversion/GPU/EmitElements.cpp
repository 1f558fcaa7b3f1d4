//===- EmitElements.cpp - Elements, rows and scattered rows on a GPU --------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc {

/// Neighbouring threads take neighbouring elements.
LogicalResult GpuEmitter::emitMap() {
  auto shape = cast<RankedTensorType>(kernel.getResultTypes().front()).getShape();
  loop(threadInGrid(), countOf(shape), launch.blocks * launch.threads,
       [&](Value i) { storeResults(delinearize(i, shape)); });
  return success();
}

/// A warp takes a row. What several reductions need of an element is computed again for each: it is
/// in the cache.
LogicalResult GpuEmitter::emitRows() {
  auto reductions = llvm::to_vector(region->getOps<ReductionOpInterface>());
  auto space = cast<RankedTensorType>(reductions.front().getInput().getType()).getShape();
  size_t rowRank = space.size() - reductions.front().getReducedDims().size();
  ArrayRef<int64_t> rowShape = space.take_front(rowRank), within = space.drop_front(rowRank);
  auto placeOf = [&](const Indices &row, Value i) {
    Indices place(row);
    llvm::append_range(place, delinearize(i, within));
    return place;
  };

  loop(warpInGrid(), countOf(rowShape), launch.blocks * launch.threads / kWarp, [&](Value number) {
    Indices row = delinearize(number, rowShape);
    for (ReductionOpInterface op : reductions) {
      Value sum =
          loopCarrying(lane(), countOf(within), kWarp, identity(op, /*vector=*/false),
                       [&](Value i, ValueRange carried) {
                         Value element = evaluate(op.getInput(), placeOf(row, i));
                         return SmallVector<Value>{op.buildCombine(b, carried.front(), element)};
                       })
              .front();
      bind(op->getResult(0), row, combineWarp(op, sum));
    }
    SmallVector<std::pair<unsigned, Value>> ofRow, ofElements;
    for (auto [n, value] : llvm::enumerate(region->getTerminator()->getOperands())) {
      if (cast<RankedTensorType>(value.getType()).getRank() == static_cast<int64_t>(rowRank))
        ofRow.emplace_back(n, evaluate(value, row));
      else
        ofElements.emplace_back(n, value);
    }
    if (!ofElements.empty())
      loop(lane(), countOf(within), kWarp, [&](Value i) {
        SmallVector<Value> elements;
        for (auto [n, value] : ofElements)
          elements.push_back(evaluate(value, placeOf(row, i)));
        for (auto [result, element] : llvm::zip_equal(ofElements, elements))
          store(result.first, placeOf(row, i), element);
      });
    onlyIf(isZero(lane()), [&] {
      for (auto [n, element] : ofRow)
        store(n, row, element);
    });
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
         Value row =
             arith::TruncIOp::create(b, word, arith::DivUIOp::create(b, number, integer(groups)));
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
                 Value from = addInt(first, arith::ExtUIOp::create(b, b.getI64Type(), bit));
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
           Index at =
               linear(flat, {Index{arith::ExtUIOp::create(b, b.getI64Type(), row)}, Index{column}});
           LLVM::StoreOp::create(b, sum, address(results[0].pointer, scalarOf(at), element));
         });
       });
  return success();
}

} // namespace dlc

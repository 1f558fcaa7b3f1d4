//===- EmitScatter.cpp - Rows added into a table on a GPU -------------------------------------===//
//
// A warp takes 32 neighbouring columns of a row of the table, and adds the updates for it in the
// order of their indices: each sum has one order. Through few indices it looks one by one
// (dl.scatter_add); of many, in sorted chunks, it finds its own by search (dl.segment_sum).
//
//===------------------------------------------------------------------------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc {

class ScatterEmitter {
public:
  /// `result` is the table; the updates are numbered by positions in `indexShape`.
  ScatterEmitter(GpuEmitter &emitter, Value result, Value updates, ArrayRef<int64_t> indexShape);
  void emitByVotes(Value indices);
  void emitBySearch(Value keys);

private:
  /// Makes each row's sum, by a step for every 32 of `count` indices or chunks, and stores it and
  /// what the kernel makes of it.
  using Step = llvm::function_ref<Value(Value first, Value sum)>;
  void forEachRow(Value count, Step step);
  /// Goes on with the sum for each lane for which `condition` holds, in order.
  Value forEachHit(Value condition, Value sum,
                   llvm::function_ref<Value(Value lane, Value sum)> add);
  /// The sum and the update at a position.
  Value plusUpdate(Value sum, Value position);
  /// The sum and the updates that the keys [from, to) of a chunk name.
  Value plusSegment(Value sum, const TensorMemory &keys, Value chunk, Value from, Value to);
  /// How many keys of a chunk are less than `limit`.
  Value countLess(const TensorMemory &keys, Value chunk, Value limit);
  Value word(int64_t value) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(value)); }

  GpuEmitter &e;
  ImplicitLocOpBuilder &b;
  Value result;
  ArrayRef<int64_t> tableShape, indexShape;
  int64_t columns; // of all inner dimensions
  TensorMemory updates;
  Value row, column; // the row as i32; the column that this lane reads
};

ScatterEmitter::ScatterEmitter(GpuEmitter &emitter, Value result, Value from,
                               ArrayRef<int64_t> indexShape)
    : e(emitter), b(e.b), result(result),
      tableShape(cast<RankedTensorType>(result.getType()).getShape()), indexShape(indexShape),
      columns(ShapedType::getNumElements(tableShape.drop_front())),
      updates(e.inputs[cast<BlockArgument>(from).getArgNumber()]) {
  // Only the rows of a field lie apart.
  SmallVector<int64_t> shape{ShapedType::kDynamic};
  if (updates.byRowNumber)
    shape = llvm::to_vector(indexShape);
  shape.push_back(columns);
  updates.type = updates.type.clone(shape);
}

void ScatterEmitter::forEachRow(Value count, Step step) {
  int64_t groups = llvm::divideCeil(columns, kWarp);
  int64_t warps = e.launch.blocks * e.launch.threads / kWarp;
  e.loop(e.warpInGrid(), e.integer(tableShape[0] * groups), warps, [&](Value number) {
    Value place = arith::DivUIOp::create(b, number, e.integer(groups));
    row = e.resized(place, b.getI32Type());
    Value group = arith::RemUIOp::create(b, number, e.integer(groups));
    Value own = e.addInt(e.mulInt(group, kWarp), e.lane());
    column = e.minInt(own, e.integer(columns - 1));
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(updates.type.getElementType()));
    auto turn = [&](Value first, ValueRange sum) {
      return SmallVector<Value>{step(first, sum.front())};
    };
    Value sum = e.loopCarrying(e.integer(0), count, kWarp, zero, turn).front();
    e.onlyIf(e.lessThan(own, e.integer(columns)), [&] {
      Indices at{Index{place}};
      llvm::append_range(at, e.delinearize(own, tableShape.drop_front()));
      e.bind(result, at, sum);
      e.storeRun(at, e.threadInBlock());
    });
  });
}

Value ScatterEmitter::forEachHit(Value condition, Value sum,
                                 llvm::function_ref<Value(Value lane, Value sum)> add) {
  Value hits = e.call("llvm.nvvm.vote.ballot.sync", b.getI32Type(), {word(-1), condition});
  auto next = scf::WhileOp::create(
      b, TypeRange{hits.getType(), sum.getType()}, ValueRange{hits, sum},
      [&](OpBuilder &, Location, ValueRange state) {
        Value any = arith::CmpIOp::create(b, arith::CmpIPredicate::ne, state[0], word(0));
        scf::ConditionOp::create(b, any, state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value added = add(math::CountTrailingZerosOp::create(b, state[0]), state[1]);
        Value below = arith::SubIOp::create(b, state[0], word(1));
        Value rest = arith::AndIOp::create(b, state[0], below);
        scf::YieldOp::create(b, ValueRange{rest, added});
      });
  return next.getResult(1);
}

Value ScatterEmitter::plusUpdate(Value sum, Value position) {
  Indices place = e.delinearize(position, updates.type.getShape().drop_back());
  place.push_back({column});
  return arith::AddFOp::create(b, sum, e.load(updates, place, {}));
}

void ScatterEmitter::emitByVotes(Value indices) {
  Value count = e.countOf(indexShape);
  forEachRow(count, [&](Value first, Value sum) {
    Value mine = e.addInt(first, e.lane());
    Value last = arith::SubIOp::create(b, count, e.integer(1));
    Value target = e.evaluate(indices, e.delinearize(e.minInt(mine, last), indexShape));
    target = arith::MaxSIOp::create(b, target, word(0));
    target = arith::MinSIOp::create(b, target, word(tableShape[0] - 1));
    Value isHere = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, target, row);
    Value hit = arith::AndIOp::create(b, e.lessThan(mine, count), isHere);
    return forEachHit(hit, sum, [&](Value lane, Value carried) {
      return plusUpdate(carried, e.addInt(first, e.resized(lane, e.indexType)));
    });
  });
}

/// A binary search; each step reads one key.
Value ScatterEmitter::countLess(const TensorMemory &keys, Value chunk, Value limit) {
  Value count = e.integer(0);
  auto pass = [&](int64_t many) {
    Value last = e.load(keys, {Index{chunk}, Index{count, many - 1}}, {});
    Value reached = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, last, limit);
    count = arith::SelectOp::create(b, reached, e.addInt(count, e.integer(many)), count);
  };
  for (int64_t half = keys.type.getDimSize(1) / 2; half > 0; half /= 2)
    pass(half);
  pass(1);
  return count;
}

Value ScatterEmitter::plusSegment(Value sum, const TensorMemory &keys, Value chunk, Value from,
                                  Value to) {
  int64_t size = keys.type.getDimSize(1);
  auto add = [&](Value n, ValueRange carried) {
    Value key = e.load(keys, {Index{chunk}, Index{n}}, {});
    Value place = e.resized(arith::AndIOp::create(b, key, word(size - 1)), e.indexType);
    Value position = e.addInt(e.mulInt(chunk, size), place);
    return SmallVector<Value>{plusUpdate(carried.front(), position)};
  };
  return e.loopCarrying(from, to, 1, sum, add).front();
}

/// Each lane searches another chunk.
void ScatterEmitter::emitBySearch(Value value) {
  const TensorMemory &keys = e.inputs[cast<BlockArgument>(value).getArgNumber()];
  int64_t chunks = keys.type.getDimSize(0), size = keys.type.getDimSize(1);
  forEachRow(e.integer(chunks), [&](Value first, Value sum) {
    Value mine = e.addInt(first, e.lane());
    Value chunk = e.minInt(mine, e.integer(chunks - 1));
    Value start = arith::MulIOp::create(b, row, word(size));
    Value from = countLess(keys, chunk, start);
    Value to = countLess(keys, chunk, arith::AddIOp::create(b, start, word(size)));
    Value hit = arith::AndIOp::create(b, e.lessThan(mine, e.integer(chunks)), e.lessThan(from, to));
    return forEachHit(hit, sum, [&](Value lane, Value carried) {
      Value found = e.addInt(first, e.resized(lane, e.indexType));
      return plusSegment(carried, keys, found, e.fromLane(from, lane), e.fromLane(to, lane));
    });
  });
}

LogicalResult GpuEmitter::emitScatter() {
  auto op = *region->getOps<ScatterAddOp>().begin();
  auto indices = cast<RankedTensorType>(op.getIndices().getType());
  ScatterEmitter(*this, op.getY(), op.getUpdates(), indices.getShape())
      .emitByVotes(op.getIndices());
  return success();
}

LogicalResult GpuEmitter::emitSegments() {
  auto op = *region->getOps<SegmentSumOp>().begin();
  ScatterEmitter(*this, op.getY(), op.getUpdates(), op.getIndexShape()).emitBySearch(op.getKeys());
  return success();
}

} // namespace dlc

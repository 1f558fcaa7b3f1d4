//===- EmitSort.cpp - Chunks of keys, sorted by a block each ----------------------------------===//
//
// A bitonic sort: runs of 2, 4, 8, ... keys, every other one falling, are merged from two that rise
// and fall. A merge compares keys at half of its length, a quarter, ... down to neighbours. A
// thread has neighbouring keys in registers, so near ones are its own, those further away a lane's
// of its warp, and only the furthest come through shared memory.
//
//===------------------------------------------------------------------------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc {

class SortEmitter {
public:
  explicit SortEmitter(GpuEmitter &emitter)
      : e(emitter), b(e.b), op(*e.region->getOps<SortOp>().begin()),
        type(cast<RankedTensorType>(op.getKeys().getType())), size(type.getDimSize(1)),
        each(size / e.launch.threads), thread(e.threadInBlock()) {}
  void emit();

private:
  using Keys = SmallVector<Value>; // of a thread
  /// The place of a thread's n-th key in the chunk.
  Value place(int64_t n) { return e.addInt(e.mulInt(thread, each), e.integer(n)); }
  Value keyAt(Value chunk, Value place);
  /// Puts keys that are `distance` apart in order, within runs of `run`.
  Keys compared(const Keys &keys, int64_t distance, int64_t run);
  Keys ofThread(const Keys &keys, int64_t distance);
  Value word(int64_t value) {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(static_cast<int32_t>(value)));
  }

  GpuEmitter &e;
  ImplicitLocOpBuilder &b;
  SortOp op;
  RankedTensorType type;
  int64_t size, each; // keys of a chunk, and of a thread
  Value thread;
};

Value SortEmitter::keyAt(Value chunk, Value place) {
  auto indices = cast<RankedTensorType>(op.getIndices().getType());
  Value position = e.addInt(e.mulInt(chunk, size), place);
  Value exists = e.lessThan(position, e.countOf(indices.getShape()));
  // Memory for one row is always there.
  Value readable = arith::SelectOp::create(b, exists, position, e.integer(0));
  Value row = e.evaluate(op.getIndices(), e.delinearize(readable, indices.getShape()));
  row = arith::MaxSIOp::create(b, row, word(0));
  row = arith::MinSIOp::create(b, row, word(op.getRows() - 1));
  Value key = arith::AddIOp::create(b, arith::MulIOp::create(b, row, word(size)),
                                    e.resized(place, b.getI32Type()));
  return arith::SelectOp::create(b, exists, key, word(std::numeric_limits<int32_t>::max()));
}

/// The keys of the thread whose number differs in the bit `distance`.
SortEmitter::Keys SortEmitter::ofThread(const Keys &keys, int64_t distance) {
  if (distance < kWarp)
    return llvm::map_to_vector(keys, [&](Value key) { return e.exchange(key, distance); });
  int64_t threads = e.launch.threads;
  e.barrier(); // what was there before has been read
  for (auto [n, key] : llvm::enumerate(keys))
    e.storeShared(e.addInt(thread, e.integer(n * threads)), key);
  e.barrier();
  Value other = arith::XOrIOp::create(b, thread, e.integer(distance));
  Keys others;
  for (int64_t n = 0; n < each; ++n)
    others.push_back(e.loadShared(e.addInt(other, e.integer(n * threads)), b.getI32Type()));
  return others;
}

SortEmitter::Keys SortEmitter::compared(const Keys &keys, int64_t distance, int64_t run) {
  Keys others, result;
  if (distance < each)
    for (int64_t n = 0; n < each; ++n)
      others.push_back(keys[n ^ distance]);
  else
    others = ofThread(keys, distance / each);
  for (int64_t n = 0; n < each; ++n) {
    auto isClear = [&](int64_t bit) {
      return e.isZero(arith::AndIOp::create(b, place(n), e.integer(bit)));
    };
    Value isFirst = isClear(distance), rises = isClear(run);
    Value takesSmaller = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, isFirst, rises);
    Value smaller = arith::MinSIOp::create(b, keys[n], others[n]);
    Value larger = arith::MaxSIOp::create(b, keys[n], others[n]);
    result.push_back(arith::SelectOp::create(b, takesSmaller, smaller, larger));
  }
  return result;
}

void SortEmitter::emit() {
  e.loop(e.block(), e.integer(type.getDimSize(0)), e.launch.blocks, [&](Value chunk) {
    Keys keys;
    for (int64_t n = 0; n < each; ++n)
      keys.push_back(keyAt(chunk, place(n)));
    for (int64_t run = 2; run <= size; run *= 2)
      for (int64_t distance = run / 2; distance > 0; distance /= 2)
        keys = compared(keys, distance, run);
    for (auto [n, key] : llvm::enumerate(keys))
      e.store(0, {Index{chunk}, Index{place(n)}}, key);
  });
}

LogicalResult GpuEmitter::emitSort() {
  auto keys = cast<RankedTensorType>(kernel.getResultTypes().front());
  if (keys.getDimSize(1) < launch.threads)
    return kernel.emitError("sorts chunks of at least ") << launch.threads << " keys";
  SortEmitter(*this).emit();
  return success();
}

} // namespace dlc

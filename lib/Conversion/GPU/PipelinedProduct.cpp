//===- PipelinedProduct.cpp - Products of parts in shared memory ------------------------------===//
#include "PipelinedProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dlc {

PipelinedProduct::PipelinedProduct(GpuEmitter &emitter, DotOp dot, Arrangement wanted, Type stored)
    : ProductEmitter(emitter, dot), left(emitter, dot, /*left=*/true, wanted, stored, 0),
      right(emitter, dot, /*left=*/false, wanted, stored, left.size()),
      copies(left.isCopied() || right.isCopied()) {}

Value PipelinedProduct::group() {
  return arith::DivUIOp::create(b, e.threadInBlock(), e.integer(e.launch.threads / tile.groups));
}

Value PipelinedProduct::threadInGroup() {
  return arith::RemUIOp::create(b, e.threadInBlock(), e.integer(e.launch.threads / tile.groups));
}

void PipelinedProduct::emit() {
  measure();
  forEachTile([&](Value) { computeTile(); });
}

void PipelinedProduct::computeTile() {
  SmallVector<Run> kept = runs();
  SmallVector<Value> all = sums(kept.size() * runLength());
  if (tile.groups > 1)
    return combine(kept, all);
  for (auto [n, run] : llvm::enumerate(kept))
    finish(run.row, run.column, ValueRange(all).slice(n * runLength(), runLength()));
}

//===------------------------------------------------------------------------------------------===//
// Parts on their way
//===------------------------------------------------------------------------------------------===//

void PipelinedProduct::copy(Value part, Value stage) {
  Value firstTerm = e.mulInt(part, tile.terms);
  for (ProductOperand *operand : operands)
    if (operand->isCopied())
      operand->copy(origin.batch, operand == &left ? origin.row : origin.column, firstTerm, stage);
}

SmallVector<SmallVector<Value>> PipelinedProduct::load(Value part) {
  Value firstTerm = e.mulInt(part, tile.terms);
  SmallVector<SmallVector<Value>> loaded(2);
  for (auto [operand, elements] : llvm::zip_equal(operands, loaded))
    if (!operand->isCopied())
      elements =
          operand->load(origin.batch, operand == &left ? origin.row : origin.column, firstTerm);
  return loaded;
}

void PipelinedProduct::store(ArrayRef<SmallVector<Value>> loaded, Value part, Value stage) {
  Value firstTerm = e.mulInt(part, tile.terms);
  for (auto [operand, elements] : llvm::zip_equal(operands, loaded))
    if (!operand->isCopied())
      operand->store(elements, operand == &left ? origin.row : origin.column, firstTerm, stage,
                     [&](Value element) { return rounded(element); });
}

/// Brings the parts of the first turns.
void PipelinedProduct::fill(Value parts) {
  int64_t ahead = tile.stages - 1, stageSize = left.size() + right.size();
  if (copies)
    for (int64_t n = 0; n < ahead; ++n) {
      e.onlyIf(e.lessThan(e.integer(n), parts),
               [&] { copy(e.integer(n), e.integer(n * stageSize)); });
      e.commitCopies();
    }
  SmallVector<SmallVector<SmallVector<Value>>> loaded;
  for (int64_t n = 0; n < ahead; ++n)
    loaded.push_back(load(e.integer(n)));
  for (int64_t n = 0; n < ahead; ++n)
    store(loaded[n], e.integer(n), e.integer(n * stageSize));
}

/// The part of turn t lies in stage t modulo the stages. In that turn the part of `stages - 1`
/// turns later goes where the turn before has read: the barrier stands between them, and behind it
/// all of this turn's part is there.
SmallVector<Value> PipelinedProduct::sums(size_t count) {
  int64_t ahead = tile.stages - 1, stageSize = left.size() + right.size();
  Value parts =
      arith::DivUIOp::create(b, e.addInt(terms, e.integer(tile.terms - 1)), e.integer(tile.terms));
  Value firstStage = e.integer(0), lastStage = e.integer(ahead * stageSize);
  e.barrier(); // what was in shared memory before has been used
  fill(parts);
  SmallVector<Value> start(count, arith::ConstantOp::create(b, b.getZeroAttr(element)));
  start.push_back(firstStage);
  auto turn = [&](Value part, ValueRange state) {
    Value stage = state.back(), next = e.addInt(part, e.integer(ahead));
    Value exists = e.lessThan(next, parts);
    Value free = arith::SelectOp::create(b, e.isZero(stage), lastStage,
                                         arith::SubIOp::create(b, stage, e.integer(stageSize)));
    // Loads stand before the barrier: nothing moves them past it, to where they are needed.
    SmallVector<SmallVector<Value>> loaded = load(next);
    if (copies)
      e.waitForCopies(ahead - 1);
    e.barrier();
    if (copies) {
      e.onlyIf(exists, [&] { copy(next, free); });
      e.commitCopies(); // none as well: they are counted
    }
    SmallVector<Value> result = multiply(stage, state.drop_back());
    if (!left.isCopied() || !right.isCopied())
      e.onlyIf(exists, [&] { store(loaded, next, free); });
    Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, stage, lastStage);
    result.push_back(
        arith::SelectOp::create(b, isLast, firstStage, e.addInt(stage, e.integer(stageSize))));
    return result;
  };
  SmallVector<Value> state = e.loopCarrying(e.integer(0), parts, 1, start, turn);
  state.pop_back();
  return state;
}

//===------------------------------------------------------------------------------------------===//
// Terms shared among groups of threads
//===------------------------------------------------------------------------------------------===//

/// Adds the groups' sums in their order; neighbouring threads finish neighbouring results.
void PipelinedProduct::combine(ArrayRef<Run> runs, ValueRange sums) {
  int64_t size = tile.rows * tile.columns, threads = e.launch.threads;
  int64_t length = std::clamp<int64_t>(size / threads, 1, 4);
  e.barrier(); // the last part has been used
  Value own = e.mulInt(group(), size);
  for (auto [n, run] : llvm::enumerate(runs)) {
    Value at = e.addInt(own, e.addInt(e.mulInt(run.row, tile.columns), run.column));
    e.storeShared(at, sums.slice(n * runLength(), runLength()));
  }
  e.barrier();
  Value thread = e.threadInBlock();
  for (int64_t done = 0; done < size; done += threads * length)
    e.onlyIf(size < threads ? e.lessThan(thread, e.integer(size)) : Value(), [&] {
      Value first = e.addInt(e.mulInt(thread, length), e.integer(done));
      SmallVector<Value> totals = e.loadShared(first, element, length);
      for (int64_t group = 1; group < tile.groups; ++group)
        for (auto [total, more] : llvm::zip_equal(
                 totals, e.loadShared(e.addInt(first, e.integer(group * size)), element, length)))
          total = arith::AddFOp::create(b, total, more);
      Value columns = e.integer(tile.columns);
      finish(arith::DivUIOp::create(b, first, columns), arith::RemUIOp::create(b, first, columns),
             totals);
    });
}

} // namespace dlc

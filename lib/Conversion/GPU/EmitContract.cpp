//===- EmitContract.cpp - What all products have in common ------------------------------------===//
#include "ProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc {

ProductEmitter::ProductEmitter(GpuEmitter &emitter, DotOp dot)
    : e(emitter), b(emitter.b), dot(dot), product(productShape(dot)), tile(emitter.launch.tile),
      element(cast<RankedTensorType>(dot.getY().getType()).getElementType()) {}

void ProductEmitter::emit() {
  count = e.countOf(product.batch);
  rows = e.countOf(product.rows);
  columns = e.countOf(product.columns);
  terms = e.countOf(product.terms);
  Value down = tilesOf(rows, tile.rows), along = tilesOf(columns, tile.columns);
  Value each = arith::MulIOp::create(b, down, along);
  e.loop(e.block(), arith::MulIOp::create(b, count, each), e.launch.blocks, [&](Value number) {
    batchAt = e.delinearize(arith::DivUIOp::create(b, number, each), product.batch);
    Value within = arith::RemUIOp::create(b, number, each);
    firstRow = e.mulInt(arith::DivUIOp::create(b, within, along), tile.rows);
    firstColumn = e.mulInt(arith::RemUIOp::create(b, within, along), tile.columns);
    SmallVector<Place> kept = places();
    finish(kept, sums(kept.size()));
  });
}

Value ProductEmitter::tilesOf(Value size, int64_t each) {
  return arith::DivUIOp::create(b, e.addInt(size, e.integer(each - 1)), e.integer(each));
}

SmallVector<Value> ProductEmitter::sums(size_t count) {
  Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
  return e.loopCarrying(e.integer(0), terms, tile.terms, SmallVector<Value>(count, zero),
                        [&](Value first, ValueRange carried) {
                          e.barrier(); // the part before has been used
                          bring(/*left=*/true, first);
                          bring(/*left=*/false, first);
                          e.barrier();
                          return multiply(carried);
                        });
}

/// Brings a part of an operand into shared memory, 0 beyond its end. Neighbouring threads read
/// along the operand's last dimension.
void ProductEmitter::bring(bool left, Value firstTerm) {
  Value operand = left ? dot.getLhs() : dot.getRhs();
  auto contract = left ? dot.getLhsContract() : dot.getRhsContract();
  int64_t lines = left ? tile.rows : tile.columns;
  bool alongTerms =
      llvm::is_contained(contract, cast<RankedTensorType>(operand.getType()).getRank() - 1);
  assert(lines * tile.terms % e.launch.threads == 0 && "threads bring equally much");
  // One after the other, not in a loop: so that all are on their way before the first is needed.
  for (int64_t done = 0; done < lines * tile.terms; done += e.launch.threads) {
    Value i = e.addInt(e.threadInBlock(), e.integer(done));
    int64_t inner = alongTerms ? tile.terms : lines;
    Value fast = arith::RemUIOp::create(b, i, e.integer(inner));
    Value slow = arith::DivUIOp::create(b, i, e.integer(inner));
    Value term = alongTerms ? fast : slow, line = alongTerms ? slow : fast;
    Value wholeTerm = e.addInt(firstTerm, term);
    Value wholeLine = e.addInt(left ? firstRow : firstColumn, line);
    Value end = left ? rows : columns;
    auto last = [&](Value size) { return Value(arith::SubIOp::create(b, size, e.integer(1))); };
    Value inside =
        arith::AndIOp::create(b, e.lessThan(wholeTerm, terms), e.lessThan(wholeLine, end));
    Value value = e.evaluate(
        operand, operandAt(left, e.minInt(wholeLine, last(end)), e.minInt(wholeTerm, last(terms))));
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(value.getType()));
    put(left, term, line, arith::SelectOp::create(b, inside, value, zero));
  }
}

Indices ProductEmitter::operandAt(bool left, Value line, Value term) {
  Value operand = left ? dot.getLhs() : dot.getRhs();
  Indices at(cast<RankedTensorType>(operand.getType()).getRank());
  auto put = [&](ArrayRef<int64_t> dims, ArrayRef<Index> from) {
    for (auto [d, index] : llvm::zip_equal(dims, from))
      at[d] = index;
  };
  put(left ? dot.getLhsBatch() : dot.getRhsBatch(), batchAt);
  put(left ? dot.getLhsContract() : dot.getRhsContract(), e.delinearize(term, product.terms));
  put(left ? dot.getLhsFree() : dot.getRhsFree(),
      e.delinearize(line, left ? product.rows : product.columns));
  return at;
}

void ProductEmitter::finish(ArrayRef<Place> places, ArrayRef<Value> sums) {
  for (auto [place, sum] : llvm::zip_equal(places, sums)) {
    Value row = e.addInt(firstRow, place.row), column = e.addInt(firstColumn, place.column);
    Value inside = arith::AndIOp::create(b, e.lessThan(row, rows), e.lessThan(column, columns));
    e.onlyIf(inside, [&, sum = sum] {
      Indices at(batchAt);
      llvm::append_range(at, e.delinearize(row, product.rows));
      llvm::append_range(at, e.delinearize(column, product.columns));
      e.bind(dot.getY(), at, sum);
      e.storeResults(at);
    });
  }
}

LogicalResult GpuEmitter::emitContract() {
  DotOp dot = *region->getOps<DotOp>().begin();
  auto product = launch.tile.format == ProductFormat::Exact ? makeFmaProduct(*this, dot)
                                                            : makeTensorProduct(*this, dot);
  product->emit();
  return success();
}

} // namespace dlc

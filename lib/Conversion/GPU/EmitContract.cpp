//===- EmitContract.cpp - Products in tiles through shared memory -----------------------------===//
//
// A block computes a tile of the result, a few terms at a time: its threads bring both operands'
// parts into shared memory, with whatever is fused into them, and each thread adds products of its
// rows and columns to sums in registers. Then what is fused behind the product is computed on
// them. A sum is one chain of multiply-adds over the terms in order, as on the CPU.
//
//===------------------------------------------------------------------------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace dlc {

class TileEmitter {
public:
  TileEmitter(GpuEmitter &emitter, DotOp dot)
      : e(emitter), b(emitter.b), dot(dot), product(productShape(dot)), tile(emitter.launch.tile),
        element(cast<RankedTensorType>(dot.getY().getType()).getElementType()) {}

  void emit() {
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
      finish(sums());
    });
  }

private:
  Value tilesOf(Value size, int64_t each) {
    return arith::DivUIOp::create(b, e.addInt(size, e.integer(each - 1)), e.integer(each));
  }

  /// The sums of this thread's part of the tile, row by row.
  SmallVector<Value> sums() {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    SmallVector<Value> initial(tile.threadRows * tile.threadColumns, zero);
    return e.loopCarrying(e.integer(0), terms, tile.terms, initial,
                          [&](Value first, ValueRange carried) {
                            e.barrier(); // the part before has been used
                            bring(/*left=*/true, first);
                            bring(/*left=*/false, first);
                            e.barrier();
                            return multiply(carried);
                          });
  }

  int64_t strideOf(bool left) const { return (left ? tile.rows : tile.columns) + 1; }
  /// Where the operand's element of some term and row (or column) lies in shared memory.
  Value place(bool left, Value term, Value line) {
    Value at = e.addInt(e.mulInt(term, strideOf(left)), line);
    return left ? at : e.addInt(at, e.integer(tile.terms * strideOf(true)));
  }

  /// Brings a part of an operand into shared memory, 0 beyond its end. Neighbouring threads read
  /// along the operand's last dimension.
  void bring(bool left, Value firstTerm) {
    Value operand = left ? dot.getLhs() : dot.getRhs();
    auto contract = left ? dot.getLhsContract() : dot.getRhsContract();
    int64_t lines = left ? tile.rows : tile.columns;
    bool alongTerms =
        llvm::is_contained(contract, cast<RankedTensorType>(operand.getType()).getRank() - 1);
    e.loop(e.threadInBlock(), e.integer(lines * tile.terms), e.launch.threads, [&](Value i) {
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
      Value value = e.evaluate(operand, operandAt(left, e.minInt(wholeLine, last(end)),
                                                  e.minInt(wholeTerm, last(terms))));
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
      e.storeShared(place(left, term, line), arith::SelectOp::create(b, inside, value, zero));
    });
  }

  Indices operandAt(bool left, Value line, Value term) {
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

  /// A thread's rows lie beside each other; its columns lie apart, so that a warp's are in
  /// different banks and neighbours in memory.
  Value rowOf(int64_t n) {
    Value across = e.integer(tile.columns / tile.threadColumns);
    Value group = arith::DivUIOp::create(b, e.threadInBlock(), across);
    return e.addInt(e.mulInt(group, tile.threadRows), e.integer(n));
  }
  Value columnOf(int64_t n) {
    int64_t across = tile.columns / tile.threadColumns;
    Value group = arith::RemUIOp::create(b, e.threadInBlock(), e.integer(across));
    return e.addInt(group, e.integer(n * across));
  }

  SmallVector<Value> multiply(ValueRange carried) {
    SmallVector<Value> next(carried);
    for (int64_t k = 0; k < tile.terms; ++k) {
      SmallVector<Value> left, right;
      for (int64_t r = 0; r < tile.threadRows; ++r)
        left.push_back(e.loadShared(place(true, e.integer(k), rowOf(r)), element));
      for (int64_t c = 0; c < tile.threadColumns; ++c)
        right.push_back(e.loadShared(place(false, e.integer(k), columnOf(c)), element));
      for (int64_t r = 0; r < tile.threadRows; ++r)
        for (int64_t c = 0; c < tile.threadColumns; ++c) {
          Value &sum = next[r * tile.threadColumns + c];
          sum = math::FmaOp::create(b, left[r], right[c], sum);
        }
    }
    return next;
  }

  void finish(ArrayRef<Value> sums) {
    for (int64_t r = 0; r < tile.threadRows; ++r)
      for (int64_t c = 0; c < tile.threadColumns; ++c) {
        Value row = e.addInt(firstRow, rowOf(r)), column = e.addInt(firstColumn, columnOf(c));
        Value inside = arith::AndIOp::create(b, e.lessThan(row, rows), e.lessThan(column, columns));
        e.onlyIf(inside, [&] {
          Indices at(batchAt);
          llvm::append_range(at, e.delinearize(row, product.rows));
          llvm::append_range(at, e.delinearize(column, product.columns));
          e.bind(dot.getY(), at, sums[r * tile.threadColumns + c]);
          e.storeResults(at);
        });
      }
  }

  GpuEmitter &e;
  ImplicitLocOpBuilder &b;
  DotOp dot;
  ProductShape product;
  const Tile &tile;
  Type element;
  Value count, rows, columns, terms;
  Indices batchAt;
  Value firstRow, firstColumn;
};

LogicalResult GpuEmitter::emitContract() {
  TileEmitter(*this, *region->getOps<DotOp>().begin()).emit();
  return success();
}

} // namespace dlc

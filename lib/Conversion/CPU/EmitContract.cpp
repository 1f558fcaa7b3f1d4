//===- EmitContract.cpp - Products in register tiles ------------------------------------------===//
//
// A tile of `tileRows` rows by `tileVectors` vectors of the result stays in registers while the
// contracted dimensions are walked in order: one load per vector of the right-hand side, one
// broadcast load per row of the left-hand side, one fma per accumulator. Then everything fused
// behind the product is computed on the registers and stored.
//
// Every result element is one chain of fmas over k in order, whatever the tile: vector width and
// threads do not change the bits. A product over the batch's rows works on whole tiles: batched
// buffers are padded. Elsewhere the last rows and columns get smaller tiles, so that each element
// is written once and updates in place are right.
//
//===------------------------------------------------------------------------------------------===//
#include "CpuEmitter.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace dlc {

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

class ContractEmitter {
public:
  ContractEmitter(CpuEmitter &emitter, DotOp dot)
      : e(emitter), b(emitter.b), dot(dot), shape(typeOf(dot.getY()).getShape()) {
    lhsFree = dot.getLhsFree();
    rhsFree = dot.getRhsFree();
    width = e.target.bytes * 8 / typeOf(dot.getY()).getElementTypeBitWidth();
    e.lanes = width;
    columnDim = shape.size() - 1;
    rowDim = dot.getLhsBatch().size() + lhsFree.size() - 1;
    chooseTile();
  }

  LogicalResult emit() {
    Indices at(shape.size());
    SmallVector<int64_t> outer;
    for (int64_t d = 0; d < columnDim; ++d)
      if (d != rowDim)
        outer.push_back(d);
    bool shareOuter = !outer.empty() && e.kernel->hasAttr("rows") && rowDim != 0;
    overOuter(outer, 0, shareOuter, at);
    return success();
  }

private:
  int64_t rowsStatic() const { return shape[rowDim]; }
  bool rowsAreBatch() const { return ShapedType::isDynamic(shape[rowDim]); }

  /// As many rows as the registers hold beside the right-hand side's vectors, dividing the rows
  /// evenly if possible.
  void chooseTile() {
    int64_t columns = shape[columnDim];
    tileVectors = std::min<int64_t>(2, llvm::divideCeil(columns, width));
    int64_t most = std::min<int64_t>((e.target.registers - 4) / tileVectors, 14);
    tileRows = std::min<int64_t>(most, 8);
    if (tileVectors == 1 && most >= 8)
      tileRows = 8;
    if (rowsAreBatch()) {
      // Tiles must fit the padding.
      while (DLRT_ROW_TILE % tileRows)
        --tileRows;
      return;
    }
    tileRows = std::min(tileRows, rowsStatic());
    for (int64_t candidate = most; candidate >= std::max<int64_t>(tileRows - 3, 1); --candidate)
      if (rowsStatic() % candidate == 0) {
        tileRows = candidate;
        break;
      }
  }

  void overOuter(ArrayRef<int64_t> outer, size_t n, bool shared, Indices &at) {
    if (n == outer.size())
      return overColumns(!shared, at);
    Value low = e.integer(0), high = e.sizeOf(shape[outer[n]]);
    if (shared && n == 0)
      std::tie(low, high) = e.share(high, DLRT_ROW_TILE);
    e.loop(low, high, 1, [&](Value i) {
      at[outer[n]] = {i};
      overOuter(outer, n + 1, shared, at);
    });
  }

  /// What a thread does of the rows and columns of a product.
  struct Share {
    Value rowLow, rowHigh, columnLow, columnHigh;
    Value edges; // i1: whether it does the last rows, too few for a tile; null: it does
  };

  Share shareOf(Value rows, Value columns, int64_t panel, bool shared) {
    Value zero = e.integer(0);
    if (!shared)
      return {zero, rows, zero, columns, {}};
    auto [rowLow, rowHigh] = e.share(rows, rowsAreBatch() ? DLRT_ROW_TILE : tileRows);
    Value first = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, e.thread, zero);
    if (!e.kernel->hasAttr("columns") || shape[columnDim] % panel)
      return {rowLow, rowHigh, zero, columns, first};
    // Columns if they can be shared evenly, else rows. Where the weight lies in panels, whole ones.
    if (shape[columnDim] % kPanelColumns == 0)
      panel = std::max(panel, kPanelColumns);
    Value panels = e.integer(shape[columnDim] / panel);
    Value even = arith::CmpIOp::create(b, arith::CmpIPredicate::eq,
                                       arith::RemSIOp::create(b, panels, e.threads), zero);
    auto [columnLow, columnHigh] = e.share(columns, panel);
    auto choose = [&](Value byColumns, Value byRows) -> Value {
      return arith::SelectOp::create(b, even, byColumns, byRows);
    };
    return {choose(zero, rowLow), choose(rows, rowHigh), choose(columnLow, zero),
            choose(columnHigh, columns), arith::OrIOp::create(b, even, first)};
  }

  /// Panels of columns, each for all rows of this thread.
  void overColumns(bool shared, Indices &at) {
    int64_t columns = shape[columnDim], panel = tileVectors * width;
    int64_t whole = columns / panel * panel, rest = columns - whole;
    int64_t left = rowsAreBatch() ? 0 : rowsStatic() % tileRows;
    Value rows = rowsAreBatch() ? e.rows : e.integer(rowsStatic() - left);
    Share share = shareOf(rows, e.integer(whole), panel, shared);
    auto column = [&](Index j, int64_t vectors, int64_t tail) {
      at[columnDim] = j;
      e.loop(share.rowLow, share.rowHigh, tileRows, [&](Value i) {
        at[rowDim] = {i};
        tile(at, tileRows, vectors, tail);
      });
      if (!left)
        return;
      e.onlyIf(share.edges, [&] {
        at[rowDim] = {{}, rowsStatic() - left, 0, {}};
        tile(at, left, vectors, tail);
      });
    };
    if (whole)
      e.loop(share.columnLow, share.columnHigh, panel,
             [&](Value j) { column({j, 0, 1, {}}, tileVectors, 0); });
    if (rest)
      column({{}, whole, 1, {}}, llvm::divideCeil(rest, width), rest % width);
  }

  /// One tile of the result at `at`; the last of its vectors has only `tail` columns, if that is
  /// not 0.
  void tile(const Indices &at, int64_t tileRows, int64_t vectors, int64_t tail) {
    size_t mark = e.known.size();
    Type element = typeOf(dot.getY()).getElementType();
    Value lastMask = tail ? e.tailMask(tail) : Value();
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(e.vectorOfType(element)));
    SmallVector<Value> sums(tileRows * vectors, zero);

    Indices lhsAt(typeOf(dot.getLhs()).getRank()), rhsAt(typeOf(dot.getRhs()).getRank());
    for (auto [i, d] : llvm::enumerate(dot.getLhsBatch()))
      lhsAt[d] = at[i];
    for (auto [i, d] : llvm::enumerate(dot.getRhsBatch()))
      rhsAt[d] = at[i];
    for (auto [i, d] : llvm::enumerate(lhsFree))
      lhsAt[d] = at[dot.getLhsBatch().size() + i];
    for (auto [i, d] : llvm::enumerate(rhsFree))
      rhsAt[d] = at[dot.getLhsBatch().size() + lhsFree.size() + i];

    prefetchFused(at, tileRows, vectors);
    sums = overTerms(0, lhsAt, rhsAt, sums, tileRows, vectors, lastMask);

    auto place = [&](int64_t r, int64_t v) {
      Indices result(at);
      result[rowDim].offset += r;
      result[columnDim].offset += v * width;
      return result;
    };
    for (int64_t r = 0; r < tileRows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        e.bind(dot.getY(), place(r, v), sums[r * vectors + v]);
    auto yield = cast<YieldOp>(e.region->getTerminator());
    for (int64_t r = 0; r < tileRows; ++r)
      for (int64_t v = 0; v < vectors; ++v) {
        Value mask = v + 1 == vectors ? lastMask : Value();
        // All loads before the stores: tensors of equal size often lie a multiple of 4 KiB apart,
        // and a load behind a store to such an address waits for it.
        SmallVector<Value> elements;
        for (Value value : yield.getValues())
          elements.push_back(e.evaluate(value, place(r, v), mask));
        for (auto [n, element] : llvm::enumerate(elements))
          e.store(n, place(r, v), element, mask);
      }
    e.known.truncate(mark);
  }

  /// What the fused ops behind the product read beside it, such as a weight and its moments, is
  /// fetched while the product is computed: it is used once, in short pieces of rows far from each
  /// other, which the processor does not foresee.
  void prefetchFused(const Indices &at, int64_t tileRows, int64_t vectors) {
    if (rowsAreBatch())
      return;
    for (auto [argument, memory] : llvm::zip_equal(e.region->getArguments(), e.inputs)) {
      // Panels come one line after the other: the processor foresees that.
      if (typeOf(argument).getShape() != shape || memory.panel)
        continue;
      for (int64_t r = 0; r < tileRows; ++r)
        for (int64_t v = 0; v < vectors; ++v) {
          Indices place(at);
          place[rowDim].offset += r;
          place[columnDim].offset += v * width;
          e.prefetch(memory.pointer, e.scalarOf(e.linear(memory.type, place)),
                     memory.type.getElementType());
        }
    }
  }

  /// Walks the contracted dimensions from the n-th on.
  SmallVector<Value> overTerms(size_t n, Indices &lhsAt, Indices &rhsAt, ValueRange sums,
                               int64_t tileRows, int64_t vectors, Value lastMask) {
    if (n == dot.getLhsContract().size())
      return multiply(lhsAt, rhsAt, sums, tileRows, vectors, lastMask);
    int64_t l = dot.getLhsContract()[n], r = dot.getRhsContract()[n];
    Value high = e.sizeOf(typeOf(dot.getLhs()).getDimSize(l));
    return e.loopCarrying(e.integer(0), high, 1, sums, [&](Value k, ValueRange carried) {
      lhsAt[l] = rhsAt[r] = {k};
      if (const TensorMemory *data = dataToFetch())
        e.prefetchDataRows(*data, lhsAt[lhsFree.back()].base, tileRows, k,
                           typeOf(dot.getLhs()).getDimSize(l));
      return overTerms(n + 1, lhsAt, rhsAt, carried, tileRows, vectors, lastMask);
    });
  }

  /// An operand that the region does not use: data whose next rows are to be fetched.
  const TensorMemory *dataToFetch() {
    for (auto [argument, memory] : llvm::zip_equal(e.region->getArguments(), e.inputs))
      if (argument.use_empty())
        return &memory;
    return nullptr;
  }

  SmallVector<Value> multiply(const Indices &lhsAt, const Indices &rhsAt, ValueRange sums,
                              int64_t tileRows, int64_t vectors, Value lastMask) {
    SmallVector<Value> next(sums), columns;
    for (int64_t v = 0; v < vectors; ++v) {
      Indices place(rhsAt);
      place[rhsFree.back()].offset += v * width;
      columns.push_back(e.evaluate(dot.getRhs(), place, v + 1 == vectors ? lastMask : Value()));
    }
    for (int64_t r = 0; r < tileRows; ++r) {
      Indices place(lhsAt);
      if (!lhsFree.empty())
        place[lhsFree.back()].offset += r;
      Value scalar = e.splat(e.evaluate(dot.getLhs(), place));
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = next[r * vectors + v];
        sum = vector::FMAOp::create(b, scalar, columns[v], sum);
      }
    }
    return next;
  }

  CpuEmitter &e;
  ImplicitLocOpBuilder &b;
  DotOp dot;
  ArrayRef<int64_t> shape;
  SmallVector<int64_t> lhsFree, rhsFree;
  int64_t width, columnDim, rowDim, tileRows, tileVectors;
};

LogicalResult CpuEmitter::emitContract() {
  DotOp dot = *region->getOps<DotOp>().begin();
  bool inMemory = isa<BlockArgument>(dot.getLhs()) && isa<BlockArgument>(dot.getRhs());
  if (!inMemory || dot.getRhsFree().back() != typeOf(dot.getRhs()).getRank() - 1)
    return dot.emitError("a processor's product reads its operands from memory, and its right-hand "
                         "side along the last dimension");
  return ContractEmitter(*this, dot).emit();
}

} // namespace dlc

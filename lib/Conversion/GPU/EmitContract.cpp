//===- EmitContract.cpp - What all products have in common ------------------------------------===//
#include "ProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace dlc {

ProductEmitter::ProductEmitter(GpuEmitter &emitter, DotOp dot)
    : e(emitter), b(emitter.b), dot(dot), product(productShape(dot)), tile(emitter.launch.tile),
      element(cast<RankedTensorType>(dot.getY().getType()).getElementType()) {}

/// Rows of tiles that blocks go through together, column by column: those that run at once then
/// need few lines of either operand.
constexpr int64_t kBand = 8;

void ProductEmitter::measure() {
  rows = e.countOf(product.rows);
  columns = e.countOf(product.columns);
  terms = e.countOf(product.terms);
}

void ProductEmitter::forEachTile(llvm::function_ref<void(Value)> body) {
  Value down = tilesOf(rows, tile.rows), along = tilesOf(columns, tile.columns);
  Value each = arith::MulIOp::create(b, down, along);
  Value all = arith::MulIOp::create(b, e.countOf(product.batch), each);
  e.loop(e.block(), all, e.launch.blocks, [&](Value number) {
    Value round = arith::DivUIOp::create(b, number, e.integer(e.launch.blocks));
    origin.batchNumber = e.integer(0);
    if (!product.batch.empty()) {
      origin.batchNumber = arith::DivUIOp::create(b, number, each);
      origin.batch = e.delinearize(origin.batchNumber, product.batch);
      number = arith::RemUIOp::create(b, number, each);
    }
    bool inBands = isMultiple(product.rows, kBand * tile.rows);
    Value width = inBands ? e.mulInt(along, kBand) : along;
    Value row = arith::DivUIOp::create(b, number, width);
    Value column = arith::RemUIOp::create(b, number, width);
    if (inBands) {
      row = e.addInt(e.mulInt(row, kBand), arith::RemUIOp::create(b, column, e.integer(kBand)));
      column = arith::DivUIOp::create(b, column, e.integer(kBand));
    }
    runs = 0;
    origin.row = e.mulInt(row, tile.rows);
    origin.column = e.mulInt(column, tile.columns);
    body(round);
  });
}

Value ProductEmitter::tilesOf(Value size, int64_t each) {
  return arith::DivUIOp::create(b, e.addInt(size, e.integer(each - 1)), e.integer(each));
}

/// Null where every place is inside.
Value ProductEmitter::isInside(Value row, Value column) {
  Value inside;
  if (!isMultiple(product.rows, tile.rows))
    inside = e.lessThan(row, rows);
  if (isMultiple(product.columns, tile.columns))
    return inside;
  Value left = e.lessThan(column, columns);
  return inside ? Value(arith::AndIOp::create(b, inside, left)) : left;
}

void ProductEmitter::finish(Value row, Value column, ValueRange sums) {
  row = e.addInt(origin.row, row);
  column = e.addInt(origin.column, column);
  int64_t length = sums.size();
  Value thread = e.addInt(e.threadInBlock(), e.integer(runs++ * e.launch.threads));
  Value number = e.mulInt(thread, length);
  if (innermostMultiple(product.columns, length) == length) {
    e.onlyIf(isInside(row, column), [&] { storeRun(row, column, sums, number); });
    return;
  }
  for (auto [n, sum] : llvm::enumerate(sums)) {
    Value offset = e.integer(n), own = e.addInt(column, offset);
    e.onlyIf(isInside(row, own),
             [&, sum = sum] { storeRun(row, own, sum, e.addInt(number, offset)); });
  }
}

void ProductEmitter::storeRun(Value row, Value column, ValueRange sums, Value number) {
  Indices first(origin.batch);
  llvm::append_range(first, e.delinearize(row, product.rows));
  llvm::append_range(first, e.delinearize(column, product.columns));
  SmallVector<Indices> places(sums.size(), first);
  for (size_t n = 1; n < sums.size(); ++n)
    places[n].back().offset += static_cast<int64_t>(n);
  e.inScope([&] {
    for (auto [place, sum] : llvm::zip_equal(places, sums))
      e.bind(dot.getY(), place, sum);
    e.storeRun(places, number);
  });
}

LogicalResult GpuEmitter::emitContract() {
  DotOp dot = *region->getOps<DotOp>().begin();
  auto product = launch.warpgroups                            ? makeWgmmaProduct(*this, kernel, dot)
                 : launch.tile.format == ProductFormat::Exact ? makeFmaProduct(*this, dot)
                                                              : makeTensorProduct(*this, dot);
  product->emit();
  return success();
}

} // namespace dlc

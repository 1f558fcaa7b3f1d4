//===- EmitRows.cpp - Reductions over trailing dimensions on a GPU ----------------------------===//
//
// A team takes a row: as many lanes of a warp as a short row has elements, a warp, or for long rows
// a block. A member takes every team-th vector of the row and keeps them in registers from the
// first reduction to the last store; of the longest rows elements are computed again where they are
// needed again: they are in the cache. Members' parts are combined in a fixed tree.
//
//===------------------------------------------------------------------------------------------===//
#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <numeric>

using namespace mlir;

namespace dlc {

/// The elements of a row that a member has in registers at most.
constexpr int64_t kMostInRegisters = 16;

class RowEmitter {
public:
  explicit RowEmitter(GpuEmitter &emitter)
      : e(emitter), b(e.b), team(e.launch.team),
        reductions(llvm::to_vector(e.region->getOps<ReductionOpInterface>())) {
    auto space = cast<RankedTensorType>(reductions.front().getInput().getType()).getShape();
    rowShape = space.drop_back(reductions.front().getReducedDims().size());
    within = space.drop_front(rowShape.size());
    member = arith::RemUIOp::create(b, e.threadInBlock(), e.integer(team));
  }
  void emit();

private:
  /// A vector of the row, and whether this member has it; null: every member has.
  struct Piece {
    Indices at;
    Value inside;
  };
  Piece pieceAt(Value vector, Value inside = {}) {
    Indices at(row);
    llvm::append_range(at, e.vectorAt(vector, within));
    return {at, inside};
  }
  /// What this member keeps in registers; of a row that is too long for them, nothing.
  SmallVector<Piece> piecesOfRow();
  Value reduce(ReductionOpInterface op, ArrayRef<Piece> pieces);
  /// Combines what all members have of a reduction; every one gets the result.
  Value combine(ReductionOpInterface op, Value value);
  void store(ArrayRef<Piece> pieces, Value exists);

  GpuEmitter &e;
  ImplicitLocOpBuilder &b;
  int64_t team;
  SmallVector<ReductionOpInterface> reductions;
  ArrayRef<int64_t> rowShape, within;
  Value member; // this thread's place in the team
  Indices row;
};

/// All teams of a block go on together. One without a row does the last row's work once more, and
/// does not store it.
void RowEmitter::emit() {
  int64_t teams = e.launch.threads / team;
  Value teamInBlock = arith::DivUIOp::create(b, e.threadInBlock(), e.integer(team));
  Value count = e.countOf(rowShape);
  e.loop(e.mulInt(e.block(), teams), count, e.launch.blocks * teams, [&](Value first) {
    Value mine = e.addInt(first, teamInBlock);
    Value last = arith::SubIOp::create(b, count, e.integer(1));
    row = e.delinearize(e.minInt(mine, last), rowShape);
    SmallVector<Piece> pieces = piecesOfRow();
    for (ReductionOpInterface op : reductions)
      e.bind(op->getResult(0), row, combine(op, reduce(op, pieces)));
    store(pieces, e.lessThan(mine, count));
  });
}

SmallVector<RowEmitter::Piece> RowEmitter::piecesOfRow() {
  SmallVector<Piece> pieces;
  if (!ShapedType::isStaticShape(within))
    return pieces;
  int64_t size = ShapedType::getNumElements(within) / e.lanes;
  int64_t each = llvm::divideCeil(size, team);
  if (each * e.lanes > kMostInRegisters)
    return pieces;
  for (int64_t n = 0; n < each; ++n) {
    Value vector = e.addInt(member, e.integer(n * team)), inside;
    if ((n + 1) * team > size) {
      inside = e.lessThan(vector, e.integer(size));
      vector = e.minInt(vector, e.integer(size - 1));
    }
    pieces.push_back(pieceAt(vector, inside));
  }
  return pieces;
}

Value RowEmitter::reduce(ReductionOpInterface op, ArrayRef<Piece> pieces) {
  Value start = e.identity(op, e.lanes > 1);
  auto add = [&](Value sum, const Piece &piece) {
    Value element = e.evaluate(op.getInput(), piece.at);
    if (e.lanes > 1 && !isa<VectorType>(element.getType()))
      element = e.splat(element);
    if (piece.inside)
      element = arith::SelectOp::create(b, piece.inside, element, start);
    return op.buildCombine(b, sum, element);
  };
  if (pieces.empty())
    return e
        .loopCarrying(member, e.vectorsOf(within), team, start,
                      [&](Value i, ValueRange carried) {
                        return SmallVector<Value>{add(carried.front(), pieceAt(i))};
                      })
        .front();
  return std::accumulate(pieces.begin(), pieces.end(), start, add);
}

Value RowEmitter::combine(ReductionOpInterface op, Value value) {
  if (e.lanes > 1) {
    Value vector = value;
    value = vector::ExtractOp::create(b, vector, 0);
    for (int64_t lane = 1; lane < e.lanes; ++lane)
      value = op.buildCombine(b, value, vector::ExtractOp::create(b, vector, lane));
  }
  value = e.combineWarp(op, value, std::min(team, kWarp));
  return team > kWarp ? e.combineBlock(op, value) : value;
}

/// All loads before the stores, at one place and of the row: see storeResults.
void RowEmitter::store(ArrayRef<Piece> pieces, Value exists) {
  SmallVector<std::pair<unsigned, Value>> ofElements, ofRow;
  for (auto [n, value] : llvm::enumerate(e.region->getTerminator()->getOperands())) {
    if (cast<RankedTensorType>(value.getType()).getRank() == static_cast<int64_t>(rowShape.size()))
      ofRow.emplace_back(n, e.evaluate(value, row));
    else
      ofElements.emplace_back(n, value);
  }
  auto storeElements = [&](const Piece &piece) {
    SmallVector<Value> elements;
    for (auto [n, value] : ofElements)
      elements.push_back(e.evaluate(value, piece.at));
    Value wanted = piece.inside ? arith::AndIOp::create(b, exists, piece.inside) : exists;
    e.onlyIf(wanted, [&] {
      for (auto [result, element] : llvm::zip_equal(ofElements, elements))
        e.store(result.first, piece.at, element);
    });
  };
  if (pieces.empty() && !ofElements.empty())
    e.loop(member, e.vectorsOf(within), team, [&](Value i) { storeElements(pieceAt(i)); });
  for (const Piece &piece : pieces)
    storeElements(piece);
  e.onlyIf(arith::AndIOp::create(b, exists, e.isZero(member)), [&] {
    for (auto [n, element] : ofRow)
      e.store(n, row, element);
  });
}

LogicalResult GpuEmitter::emitRows() {
  lanes = launch.lanes;
  RowEmitter(*this).emit();
  return success();
}

} // namespace dlc

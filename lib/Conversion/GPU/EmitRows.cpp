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

using namespace mlir;

namespace dlc {

/// The elements of a row that a member has in registers at most.
constexpr int64_t kMostInRegisters = 16;

namespace {
/// A vector of a row, and whether this member has it; null: every member has.
struct Piece {
  Indices at;
  Value inside;
};
} // namespace

Value GpuEmitter::combineTeam(ReductionOpInterface op, Value value) {
  if (lanes > 1) {
    Value vector = value;
    value = vector::ExtractOp::create(b, vector, 0);
    for (int64_t lane = 1; lane < lanes; ++lane)
      value = op.buildCombine(b, value, vector::ExtractOp::create(b, vector, lane));
  }
  value = combineWarp(op, value, std::min(launch.team, kWarp));
  return launch.team > kWarp ? combineBlock(op, value) : value;
}

LogicalResult GpuEmitter::emitRows() {
  auto reductions = llvm::to_vector(region->getOps<ReductionOpInterface>());
  auto space = cast<RankedTensorType>(reductions.front().getInput().getType()).getShape();
  size_t rowRank = space.size() - reductions.front().getReducedDims().size();
  ArrayRef<int64_t> rowShape = space.take_front(rowRank), within = space.drop_front(rowRank);
  int64_t team = launch.team, teams = launch.threads / team;
  lanes = launch.lanes;
  Value member = arith::RemUIOp::create(b, threadInBlock(), integer(team));
  Value teamInBlock = arith::DivUIOp::create(b, threadInBlock(), integer(team));
  Value count = countOf(rowShape), vectors = vectorsOf(within);
  SmallVector<std::pair<unsigned, Value>> ofElements, ofRow;
  for (auto [n, value] : llvm::enumerate(region->getTerminator()->getOperands())) {
    bool whole = cast<RankedTensorType>(value.getType()).getRank() == static_cast<int64_t>(rowRank);
    (whole ? ofRow : ofElements).emplace_back(n, value);
  }

  // All teams of a block go on together. One without a row does the last row's work once more, and
  // does not store it.
  loop(mulInt(block(), teams), count, launch.blocks * teams, [&](Value first) {
    Value mine = addInt(first, teamInBlock), exists = lessThan(mine, count);
    Indices row = delinearize(minInt(mine, arith::SubIOp::create(b, count, integer(1))), rowShape);
    auto place = [&](Value vector) {
      Indices at(row);
      llvm::append_range(at, vectorAt(vector, within));
      return at;
    };
    SmallVector<Piece> pieces;
    if (ShapedType::isStaticShape(within)) {
      int64_t size = ShapedType::getNumElements(within) / lanes;
      int64_t each = llvm::divideCeil(size, team);
      for (int64_t n = 0; each * lanes <= kMostInRegisters && n < each; ++n) {
        Value vector = addInt(member, integer(n * team)), inside;
        if ((n + 1) * team > size) {
          inside = lessThan(vector, integer(size));
          vector = minInt(vector, integer(size - 1));
        }
        pieces.push_back({place(vector), inside});
      }
    }

    for (ReductionOpInterface op : reductions) {
      Value start = identity(op, lanes > 1);
      auto add = [&](Value sum, const Piece &piece) {
        Value element = evaluate(op.getInput(), piece.at);
        if (lanes > 1 && !isa<VectorType>(element.getType()))
          element = splat(element);
        if (piece.inside)
          element = arith::SelectOp::create(b, piece.inside, element, start);
        return op.buildCombine(b, sum, element);
      };
      Value sum = start;
      for (const Piece &piece : pieces)
        sum = add(sum, piece);
      if (pieces.empty())
        sum = loopCarrying(member, vectors, team, start, [&](Value i, ValueRange carried) {
                return SmallVector<Value>{add(carried.front(), {place(i), {}})};
              }).front();
      bind(op->getResult(0), row, combineTeam(op, sum));
    }

    // All loads before the stores, at one place and of the row: see storeResults.
    SmallVector<Value> rowElements;
    for (auto [n, value] : ofRow)
      rowElements.push_back(evaluate(value, row));
    auto storeElements = [&](const Piece &piece) {
      SmallVector<Value> elements;
      for (auto [n, value] : ofElements)
        elements.push_back(evaluate(value, piece.at));
      Value wanted = piece.inside ? arith::AndIOp::create(b, exists, piece.inside) : exists;
      onlyIf(wanted, [&] {
        for (auto [result, element] : llvm::zip_equal(ofElements, elements))
          store(result.first, piece.at, element);
      });
    };
    for (const Piece &piece : pieces)
      storeElements(piece);
    if (pieces.empty() && !ofElements.empty())
      loop(member, vectors, team, [&](Value i) { storeElements({place(i), {}}); });
    onlyIf(arith::AndIOp::create(b, exists, isZero(member)), [&] {
      for (auto [result, element] : llvm::zip_equal(ofRow, rowElements))
        store(result.first, row, element);
    });
  });
  return success();
}

} // namespace dlc

//===- ProductOperand.cpp - An operand's parts in shared memory -------------------------------===//
#include "ProductOperand.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dlc {

constexpr int64_t kPiece = 16;    // bytes: the most that a thread moves at once
constexpr int64_t kBanks = 128;   // bytes of shared memory that are read at once
constexpr int64_t kLeastCopy = 4; // bytes of a cp.async

ProductOperand::ProductOperand(GpuEmitter &emitter, DotOp dot, bool left, Arrangement wanted,
                               Type stored, int64_t start)
    : e(emitter), b(emitter.b), operand(left ? dot.getLhs() : dot.getRhs()), stored(stored),
      batchDims(left ? dot.getLhsBatch() : dot.getRhsBatch()),
      termDims(left ? dot.getLhsContract() : dot.getRhsContract()), start(start),
      bytes(stored.getIntOrFloatBitWidth() / 8) {
  const Tile &tile = e.launch.tile;
  ProductShape product = productShape(dot);
  freeDims = left ? dot.getLhsFree() : dot.getRhsFree();
  lineShape = left ? product.rows : product.columns;
  termShape = product.terms;
  lines = left ? tile.rows : tile.columns;
  terms = tile.terms;
  auto type = cast<RankedTensorType>(operand.getType());
  int64_t last = type.getRank() - 1;
  alongTerms = llvm::is_contained(termDims, last);
  byTerms = wanted == Arrangement::AsItIs ? alongTerms : wanted == Arrangement::Terms;
  // Neighbours in memory: the last dimension is the innermost of the lines or the terms.
  ArrayRef<int64_t> dims = alongTerms ? termDims : ArrayRef<int64_t>(freeDims);
  bool contiguous = !dims.empty() && dims.back() == last;
  width = contiguous ? innermostMultiple(alongTerms ? termShape : lineShape, kPiece / bytes) : 1;
  int64_t copiedWidth = byTerms == alongTerms ? width : 1;
  copied = tile.copies && isa<BlockArgument>(operand) &&
           type.getElementTypeBitWidth() / 8 == bytes && copiedWidth * bytes >= kLeastCopy;
  if (copied)
    width = copiedWidth;
}

/// Lanes of a warp take eight pieces along the operand's neighbours by four across: whole sectors
/// of memory are read, and banks differ, whether the part is turned on the way or not. Where there
/// are more threads than pieces, the rest do the first ones' work again.
SmallVector<ProductOperand::Piece> ProductOperand::pieces() {
  int64_t along = (alongTerms ? terms : lines) / width, across = alongTerms ? lines : terms;
  int64_t lanesAlong = std::min<int64_t>(along, 8),
          lanesAcross = std::min(across, kWarp / lanesAlong);
  auto div = [&](Value x, int64_t y) -> Value {
    return arith::DivUIOp::create(b, x, e.integer(y));
  };
  auto rem = [&](Value x, int64_t y) -> Value {
    return arith::RemUIOp::create(b, x, e.integer(y));
  };
  SmallVector<Piece> result;
  for (int64_t done = 0; done < along * across; done += e.launch.threads) {
    Value number = e.addInt(rem(e.threadInBlock(), along * across), e.integer(done));
    Value group = div(number, lanesAlong * lanesAcross),
          groupsAlong = e.integer(along / lanesAlong);
    Value fast = e.addInt(rem(number, lanesAlong),
                          e.mulInt(arith::RemUIOp::create(b, group, groupsAlong), lanesAlong));
    Value slow = e.addInt(rem(div(number, lanesAlong), lanesAcross),
                          e.mulInt(arith::DivUIOp::create(b, group, groupsAlong), lanesAcross));
    fast = e.mulInt(fast, width);
    result.push_back(alongTerms ? Piece{fast, slow} : Piece{slow, fast});
  }
  return result;
}

Value ProductOperand::isInside(const Piece &piece, Value firstLine, Value firstTerm) {
  Value inside;
  if (!isMultiple(lineShape, lines))
    inside = e.lessThan(e.addInt(firstLine, piece.line), e.countOf(lineShape));
  if (isMultiple(termShape, terms))
    return inside;
  Value before = e.lessThan(e.addInt(firstTerm, piece.term), e.countOf(termShape));
  return inside ? Value(arith::AndIOp::create(b, inside, before)) : before;
}

/// The indices of a piece's first element; beyond the end, those of the operand's last piece.
/// Copies are made of parts that exist alone.
Indices ProductOperand::indicesOf(const Piece &piece, const Indices &batch, Value firstLine,
                                  Value firstTerm) {
  auto whole = [&](Value position, ArrayRef<int64_t> shape, bool ends, bool along) {
    Value last = arith::SubIOp::create(b, e.countOf(shape), e.integer(along ? width : 1));
    return e.delinearize(ends ? e.minInt(position, last) : position, shape);
  };
  Indices line =
      whole(e.addInt(firstLine, piece.line), lineShape, !isMultiple(lineShape, lines), !alongTerms);
  Indices term = whole(e.addInt(firstTerm, piece.term), termShape,
                       !copied || !isMultiple(termShape, terms), alongTerms);
  Indices at(cast<RankedTensorType>(operand.getType()).getRank());
  auto put = [&](ArrayRef<int64_t> dims, ArrayRef<Index> from) {
    for (auto [d, index] : llvm::zip_equal(dims, from))
      at[d] = index;
  };
  put(batchDims, batch);
  put(freeDims, line);
  put(termDims, term);
  return at;
}

Value ProductOperand::place(Value stage, Value term, Value line, int64_t farther) {
  int64_t inner = byTerms ? terms : lines, each = kPiece / bytes;
  int64_t exchanged = std::clamp<int64_t>(inner / each, 1, kBanks / kPiece);
  int64_t together = std::max<int64_t>(1, kBanks / (inner * bytes)); // lines or terms in 128 bytes
  if (farther % (byTerms ? together * exchanged : exchanged * each)) {
    line = e.addInt(line, e.integer(farther));
    farther = 0;
  }
  Value slow = byTerms ? line : term, fast = byTerms ? term : line;
  Value row = arith::RemUIOp::create(b, arith::DivUIOp::create(b, slow, e.integer(together)),
                                     e.integer(exchanged));
  Value at = e.addInt(e.mulInt(slow, inner), arith::XOrIOp::create(b, fast, e.mulInt(row, each)));
  at = e.addInt(e.addInt(stage, at), e.integer(start + farther * (byTerms ? inner : 1)));
  return at;
}

/// Where the element lies in memory, for a copy.
Value ProductOperand::addressOf(Indices at) {
  const TensorMemory &memory = e.inputs[cast<BlockArgument>(operand).getArgNumber()];
  Value start = memory.pointer;
  if (memory.byRowNumber) {
    start = e.fieldRow(memory, at[0]);
    at[0] = {};
  }
  Value address =
      e.address(start, e.scalarOf(e.position(memory, at)), memory.type.getElementType());
  constexpr unsigned global = 1;
  return LLVM::AddrSpaceCastOp::create(b, LLVM::LLVMPointerType::get(b.getContext(), global),
                                       address);
}

void ProductOperand::copy(const Indices &batch, Value firstLine, Value firstTerm, Value stage) {
  int64_t size = width * bytes;
  // Only copies of 16 bytes can go past the first cache.
  std::string name = "llvm.nvvm.cp.async." + std::string(size == kPiece ? "cg" : "ca") +
                     ".shared.global." + std::to_string(size);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  };
  for (const Piece &piece : pieces()) {
    SmallVector<Value> arguments{e.sharedAt(place(stage, piece.term, piece.line), stored),
                                 addressOf(indicesOf(piece, batch, firstLine, firstTerm))};
    Value inside = isInside(piece, firstLine, firstTerm);
    if (inside)
      arguments.push_back(arith::SelectOp::create(b, inside, constant(size), constant(0)));
    LLVM::CallIntrinsicOp::create(b, b.getStringAttr(name + (inside ? ".s" : "")), arguments);
  }
}

SmallVector<Value> ProductOperand::load(const Indices &batch, Value firstLine, Value firstTerm) {
  SmallVector<Value> result;
  e.inScope([&] {
    for (const Piece &piece : pieces()) {
      Indices at = indicesOf(piece, batch, firstLine, firstTerm);
      for (int64_t n = 0; n < width; ++n) {
        result.push_back(e.evaluate(operand, at));
        if (width > 1)
          ++at.back().offset;
      }
    }
  });
  return result;
}

void ProductOperand::store(ValueRange loaded, Value firstLine, Value firstTerm, Value stage,
                           llvm::function_ref<Value(Value)> rounded) {
  for (const Piece &piece : pieces()) {
    Value inside = isInside(piece, firstLine, firstTerm);
    SmallVector<Value> elements;
    for (Value element : loaded.take_front(width)) {
      element = rounded(element);
      Value zero = arith::ConstantOp::create(b, b.getZeroAttr(stored));
      elements.push_back(inside ? arith::SelectOp::create(b, inside, element, zero) : element);
    }
    loaded = loaded.drop_front(width);
    if (byTerms == alongTerms) {
      e.storeShared(place(stage, piece.term, piece.line), elements);
      continue;
    }
    for (auto [n, element] : llvm::enumerate(elements)) {
      Value term = alongTerms ? e.addInt(piece.term, e.integer(n)) : piece.term;
      Value line = alongTerms ? piece.line : e.addInt(piece.line, e.integer(n));
      e.storeShared(place(stage, term, line), element);
    }
  }
}

} // namespace dlc

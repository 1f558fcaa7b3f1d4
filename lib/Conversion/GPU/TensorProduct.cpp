//===- TensorProduct.cpp - Products on tensor cores -------------------------------------------===//
//
// A warp multiplies fragments of 16 rows and 8 columns by `mma.sync`. Which elements of a fragment
// a lane has, PTX says (ISA, "Matrix fragments for mma"): with g = lane / 4 and t = lane % 4, of
// the sums rows g and g + 8, columns 2t and 2t + 1; of the operands those rows (or column g) and
// the terms from t on (tf32) or the pairs of terms from 2t on (bf16, f16). Operands lie in shared
// memory line by line, so that a pair of terms is one word. They come from memory in the product's
// format, or are rounded to it on the way.
//
//===------------------------------------------------------------------------------------------===//
#include "ProductEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dlc {

constexpr int64_t kRows = 16, kColumns = 8; // of a fragment

class TensorProduct : public ProductEmitter {
public:
  TensorProduct(GpuEmitter &emitter, DotOp dot)
      : ProductEmitter(emitter, dot), halves(isHalf(tile.format)), fragmentTerms(halves ? 16 : 8) {}

private:
  Value number(int64_t value) { return e.integer(value); }
  Value word(int64_t value) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(value)); }
  int64_t bytes() const { return halves ? 2 : 4; }

  /// A warp's part of the tile is threadRows by threadColumns; warps lie row by row.
  Value warpRow() {
    Value across = number(tile.columns / tile.threadColumns);
    return e.mulInt(arith::DivUIOp::create(b, e.warpInBlock(), across), tile.threadRows);
  }
  Value warpColumn() {
    Value across = number(tile.columns / tile.threadColumns);
    return e.mulInt(arith::RemUIOp::create(b, e.warpInBlock(), across), tile.threadColumns);
  }
  Value laneGroup() { return arith::DivUIOp::create(b, e.lane(), number(4)); }
  Value laneInGroup() { return arith::RemUIOp::create(b, e.lane(), number(4)); }

  SmallVector<Place> places() override {
    SmallVector<Place> result;
    Value row = e.addInt(warpRow(), laneGroup());
    Value column = e.addInt(warpColumn(), e.mulInt(laneInGroup(), 2));
    for (int64_t r = 0; r < tile.threadRows; r += kRows)
      for (int64_t c = 0; c < tile.threadColumns; c += kColumns)
        for (int64_t part = 0; part < 4; ++part)
          result.push_back(
              {e.addInt(row, number(r + part / 2 * 8)), e.addInt(column, number(c + part % 2))});
    return result;
  }

  /// Lines lie apart by their terms and 16 bytes: eight lines of four words are in 32 banks.
  int64_t stride() const { return tile.terms + 16 / bytes(); }
  /// Counted in elements of `bytes()`.
  Value place(bool left, Value term, Value line) {
    Value at = e.addInt(e.mulInt(line, stride()), term);
    return left ? at : e.addInt(at, number(tile.rows * stride()));
  }

  void put(bool left, Value term, Value line, Value value) override {
    e.storeShared(place(left, term, line), bitsOf(value));
  }

  Value bitsOf(Value value) {
    if (isHalf(value.getType()))
      return arith::BitcastOp::create(b, b.getI16Type(), value);
    return halves ? roundToBF16(value) : roundToTF32(value);
  }

  /// The value with 10 bits behind the point, ties away from 0, as the bits of an f32.
  Value roundToTF32(Value value) {
    Value bits = arith::BitcastOp::create(b, b.getI32Type(), value);
    Value rounded =
        arith::AndIOp::create(b, arith::AddIOp::create(b, bits, word(0x1000)), word(~0x1fff));
    return arith::SelectOp::create(b, isNaN(value), bits, rounded);
  }

  /// The nearest bf16, ties to even, as 16 bits.
  Value roundToBF16(Value value) {
    Value bits = arith::BitcastOp::create(b, b.getI32Type(), value), sixteen = word(16);
    Value odd = arith::AndIOp::create(b, arith::ShRUIOp::create(b, bits, sixteen), word(1));
    Value rounded = arith::AddIOp::create(b, arith::AddIOp::create(b, bits, word(0x7fff)), odd);
    Value chosen = arith::SelectOp::create(b, isNaN(value), word(0x7fc00000), rounded);
    return arith::TruncIOp::create(b, b.getI16Type(), arith::ShRUIOp::create(b, chosen, sixteen));
  }

  Value isNaN(Value value) {
    return arith::CmpFOp::create(b, arith::CmpFPredicate::UNO, value, value);
  }

  /// A word of an operand: of a line, the term `term` or the pair of terms that starts there.
  Value loadWord(bool left, Value term, Value line) {
    Value at = place(left, term, line);
    if (halves)
      at = arith::DivUIOp::create(b, at, number(2));
    return e.loadShared(at, b.getI32Type());
  }

  SmallVector<Value> multiply(ValueRange sums) override {
    SmallVector<Value> next(sums);
    Value group = laneGroup(), inGroup = laneInGroup();
    Value firstTerm = halves ? e.mulInt(inGroup, 2) : inGroup;
    int64_t half = fragmentTerms / 2;
    for (int64_t k = 0; k < tile.terms; k += fragmentTerms) {
      auto load = [&](bool left, int64_t line, int64_t term) {
        Value whole = e.addInt(e.addInt(left ? warpRow() : warpColumn(), group), number(line));
        return loadWord(left, e.addInt(firstTerm, number(k + term)), whole);
      };
      SmallVector<SmallVector<Value, 4>> left, right;
      for (int64_t r = 0; r < tile.threadRows; r += kRows)
        left.push_back(
            {load(true, r, 0), load(true, r + 8, 0), load(true, r, half), load(true, r + 8, half)});
      for (int64_t c = 0; c < tile.threadColumns; c += kColumns)
        right.push_back({load(false, c, 0), load(false, c, half)});
      size_t at = 0;
      for (ArrayRef<Value> rows : left)
        for (ArrayRef<Value> columns : right) {
          accumulate(rows, columns, MutableArrayRef(next).slice(at, 4));
          at += 4;
        }
    }
    return next;
  }

  void accumulate(ArrayRef<Value> left, ArrayRef<Value> right, MutableArrayRef<Value> sums) {
    SmallVector<Value> arguments(left);
    llvm::append_range(arguments, right);
    if (tile.format == ProductFormat::F16)
      for (Value &word : arguments)
        word = LLVM::BitcastOp::create(b, VectorType::get({2}, b.getF16Type()), word);
    llvm::append_range(arguments, sums);
    SmallVector<Type> four(4, element);
    auto type = LLVM::LLVMStructType::getLiteral(b.getContext(), four);
    StringRef name = tile.format == ProductFormat::BF16  ? "llvm.nvvm.mma.m16n8k16.row.col.bf16"
                     : tile.format == ProductFormat::F16 ? "llvm.nvvm.mma.m16n8k16.row.col.f32.f32"
                                                         : "llvm.nvvm.mma.m16n8k8.row.col.tf32";
    Value result = e.call(name, type, arguments);
    for (int64_t part = 0; part < 4; ++part)
      sums[part] = LLVM::ExtractValueOp::create(b, result, ArrayRef<int64_t>{part});
  }

  bool halves;
  int64_t fragmentTerms;
};

std::unique_ptr<ProductEmitter> makeTensorProduct(GpuEmitter &emitter, DotOp dot) {
  return std::make_unique<TensorProduct>(emitter, dot);
}

} // namespace dlc

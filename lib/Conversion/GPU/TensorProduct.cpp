//===- TensorProduct.cpp - Products on tensor cores -------------------------------------------===//
//
// A warp multiplies fragments of 16 rows and 8 columns by `mma.sync`. Which elements of a fragment
// a lane has, PTX says (ISA, "Matrix fragments for mma"): with g = lane / 4 and t = lane % 4, of
// the sums rows g and g + 8, columns 2t and 2t + 1; of the operands those rows (or column g) and
// the terms from t on (tf32) or the pairs of terms from 2t on (bf16, f16). `ldmatrix` gives a warp
// just that of four matrices of 8 lines by 16 bytes, whose lines eight lanes each point to; of
// 16-bit elements also where neighbours in shared memory are lines.
//
//===------------------------------------------------------------------------------------------===//
#include "PipelinedProduct.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace dlc {

constexpr int64_t kRows = 16, kColumns = 8; // of a fragment

class TensorProduct : public PipelinedProduct {
public:
  TensorProduct(GpuEmitter &emitter, DotOp dot)
      : PipelinedProduct(emitter, dot,
                         hasHalves(emitter) ? Arrangement::AsItIs : Arrangement::Terms,
                         // Operands lie in shared memory as bits.
                         IntegerType::get(dot.getContext(), hasHalves(emitter) ? 16 : 32)),
        halves(hasHalves(emitter)), fragmentTerms(halves ? 16 : 8) {}

private:
  static bool hasHalves(GpuEmitter &emitter) { return isHalf(emitter.launch.tile.format); }
  Value number(int64_t value) { return e.integer(value); }
  Value div(Value x, int64_t y) { return arith::DivUIOp::create(b, x, number(y)); }
  Value rem(Value x, int64_t y) { return arith::RemUIOp::create(b, x, number(y)); }

  /// A warp's part of the tile is threadRows by threadColumns; warps lie row by row.
  int64_t warpsAcross() const { return tile.columns / tile.threadColumns; }
  Value warpInGroup() { return div(threadInGroup(), kWarp); }
  Value warpRow() { return e.mulInt(div(warpInGroup(), warpsAcross()), tile.threadRows); }
  Value warpColumn() { return e.mulInt(rem(warpInGroup(), warpsAcross()), tile.threadColumns); }

  int64_t runLength() const override { return 2; }
  SmallVector<Run> runs() override {
    SmallVector<Run> result;
    Value row = e.addInt(warpRow(), div(e.lane(), 4));
    Value column = e.addInt(warpColumn(), e.mulInt(rem(e.lane(), 4), 2));
    for (int64_t r = 0; r < tile.threadRows; r += kRows)
      for (int64_t c = 0; c < tile.threadColumns; c += kColumns)
        for (int64_t half : {0, 8})
          result.push_back({e.addInt(row, number(r + half)), e.addInt(column, number(c))});
    return result;
  }

  //===--- Numbers ---===//

  Value rounded(Value value) override {
    return halves ? arith::BitcastOp::create(b, b.getI16Type(), value) : roundToTF32(value);
  }

  /// The value with 10 bits behind the point, ties away from 0, as the bits of an f32.
  Value roundToTF32(Value value) { return e.call("llvm.nvvm.f2tf32.rna", b.getI32Type(), value); }

  //===--- Fragments ---===//

  /// Four matrices of 8 lines by half of a fragment's terms: 16 lines, `farther` behind the warp's
  /// first. Of the left operand they are ordered by terms, then lines, of the right one the other
  /// way round: the words of one fragment, or of two.
  SmallVector<Value> loadFragments(bool isLeft, Value stage, Value firstTerm, int64_t farther) {
    ProductOperand &operand = isLeft ? left : right;
    Value matrix = div(e.lane(), 8), pointsTo = rem(e.lane(), 8);
    Value low = rem(matrix, 2), high = div(matrix, 2);
    Value line = e.addInt(isLeft ? warpRow() : warpColumn(), e.mulInt(isLeft ? low : high, 8));
    Value term = e.addInt(firstTerm, e.mulInt(isLeft ? high : low, fragmentTerms / 2));
    Value &own = operand.isByTerms() ? line : term;
    own = e.addInt(own, pointsTo);
    Value from =
        e.sharedAt(operand.place(stage, term, line, farther), b.getIntegerType(halves ? 16 : 32));
    SmallVector<Type> words(4, b.getI32Type());
    Value loaded = e.call(operand.isByTerms() ? "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.b16"
                                              : "llvm.nvvm.ldmatrix.sync.aligned.m8n8.x4.trans.b16",
                          LLVM::LLVMStructType::getLiteral(b.getContext(), words), from);
    SmallVector<Value> result;
    for (int64_t n = 0; n < 4; ++n) {
      Value bits = LLVM::ExtractValueOp::create(b, loaded, ArrayRef<int64_t>{n});
      // What was copied has not been rounded yet.
      if (!halves && operand.isCopied())
        bits = roundToTF32(arith::BitcastOp::create(b, b.getF32Type(), bits));
      result.push_back(bits);
    }
    return result;
  }

  SmallVector<Value> multiply(Value stage, ValueRange sums) override {
    SmallVector<Value> next(sums);
    Value own = e.mulInt(group(), fragmentTerms);
    for (int64_t k = 0; k < tile.terms; k += fragmentTerms * tile.groups) {
      Value term = tile.groups > 1 ? e.addInt(own, number(k)) : number(k);
      SmallVector<SmallVector<Value>> rows;
      SmallVector<Value> columns; // two words a fragment
      for (int64_t r = 0; r < tile.threadRows; r += kRows)
        rows.push_back(loadFragments(/*isLeft=*/true, stage, term, r));
      for (int64_t c = 0; c < tile.threadColumns; c += 2 * kColumns)
        llvm::append_range(columns, loadFragments(/*isLeft=*/false, stage, term, c));
      MutableArrayRef<Value> rest(next);
      for (ArrayRef<Value> row : rows)
        for (size_t c = 0; c < columns.size(); c += 2) {
          accumulate(row, ArrayRef(columns).slice(c, 2), rest.take_front(4));
          rest = rest.drop_front(4);
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

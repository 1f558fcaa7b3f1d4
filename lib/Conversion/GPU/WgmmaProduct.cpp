//===- WgmmaProduct.cpp - Products by warpgroups that others feed -----------------------------===//
//
// The last warpgroup of a block brings parts of both operands into shared memory, stage by stage,
// by copies of tensors; the others multiply them, each 64 rows of the tile, by `wgmma`. A stage has
// two barriers: `full` counts the bytes that come, `empty` the warps that have used them. Both go
// from tile to tile without waiting for each other: while sums are stored, the next parts come.
//
// A part is 64 terms of 16 bits: 128 bytes, swizzled within eight lines by copies and `wgmma`
// alike. Where an operand's neighbours are terms, a part is a line after the other; where they are
// lines, it is boxes of 64 lines by 64 terms, a term after the other. PTX ISA, "Asynchronous
// warpgroup level matrix instructions", has the layouts and the matrix descriptors.
//
//===------------------------------------------------------------------------------------------===//
#include "ProductEmitter.h"
#include "WgmmaPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace dlc {

constexpr int64_t kElement = 2;                  // bytes
constexpr int64_t kSpan = kPartTerms * kElement; // of a swizzle
constexpr int64_t kBox = kPartTerms * kSpan;     // bytes, of 64 lines
constexpr int64_t kInstructionTerms = 16;        // of a wgmma
constexpr int64_t kProducerRegisters = 40, kConsumerRegisters = 232;

class WgmmaProduct : public ProductEmitter {
public:
  WgmmaProduct(GpuEmitter &emitter, KernelOp kernel, DotOp dot)
      : ProductEmitter(emitter, dot), stages(tile.stages), consumers(tile.rows / kWarpgroupRows),
        left(*tensorOperand(kernel, dot, true)), right(*tensorOperand(kernel, dot, false)) {}

  void emit() override {
    measure();
    parts = arith::DivUIOp::create(b, e.addInt(terms, number(kPartTerms - 1)), number(kPartTerms));
    makeBarriers();
    Value warpgroup = arith::DivUIOp::create(b, e.threadInBlock(), number(kWarpgroup));
    auto role = scf::IfOp::create(
        b, arith::CmpIOp::create(b, arith::CmpIPredicate::eq, warpgroup, number(consumers)), true);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(role.thenBlock());
    // With one warpgroup that multiplies there are enough for all.
    if (consumers > 1)
      does("llvm.nvvm.setmaxnreg.dec.sync.aligned.u32", {word(kProducerRegisters)});
    Value first = number(consumers * kWarpgroup);
    e.onlyIf(arith::CmpIOp::create(b, arith::CmpIPredicate::eq, e.threadInBlock(), first),
             [&] { forEachTile([&](Value tileNumber) { bringTile(tileNumber); }); });
    b.setInsertionPointToStart(role.elseBlock());
    if (consumers > 1)
      does("llvm.nvvm.setmaxnreg.inc.sync.aligned.u32", {word(kConsumerRegisters)});
    forEachTile([&](Value tileNumber) { multiplyTile(tileNumber, warpgroup); });
  }

private:
  Value number(int64_t value) { return e.integer(value); }
  Value word(int64_t value) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(value)); }
  Value toWord(Value value) { return e.resized(value, b.getI32Type()); }
  void does(StringRef intrinsic, ValueRange arguments = {}) {
    LLVM::CallIntrinsicOp::create(b, b.getStringAttr(intrinsic), arguments);
  }

  //===--- Shared memory: parts by stages, then barriers ---===//
  int64_t bytesOf(bool left) const { return (left ? tile.rows : tile.columns) * kSpan; }
  int64_t stageBytes() const { return bytesOf(true) + bytesOf(false); }
  Value sharedByte(Value at) { return e.sharedAt(at, b.getI8Type()); }
  Value partOf(bool left, Value stage) {
    return e.addInt(e.mulInt(stage, stageBytes()), number(left ? 0 : bytesOf(true)));
  }
  Value full(Value stage) {
    return sharedByte(e.addInt(e.mulInt(stage, 8), number(stages * stageBytes())));
  }
  Value empty(Value stage) { return full(e.addInt(stage, number(stages))); }

  /// One thread initialises them, and makes them known to the copies.
  void makeBarriers() {
    Value isFirst =
        arith::CmpIOp::create(b, arith::CmpIPredicate::eq, e.threadInBlock(), number(0));
    e.onlyIf(isFirst, [&] {
      for (int64_t stage = 0; stage < stages; ++stage) {
        does("llvm.nvvm.mbarrier.init.shared", {full(number(stage)), word(1)});
        does("llvm.nvvm.mbarrier.init.shared",
             {empty(number(stage)), word(consumers * kWarpgroup / kWarp)});
      }
      does("llvm.nvvm.fence.mbarrier_init.release.cluster");
      does("llvm.nvvm.fence.proxy.async.shared_cta");
    });
    e.barrier();
  }

  void waitFor(Value barrier, Value parity) {
    scf::WhileOp::create(
        b, TypeRange(), ValueRange(),
        [&](OpBuilder &, Location, ValueRange) {
          Value over = e.call("llvm.nvvm.mbarrier.try.wait.parity.scope.cta.space.cta",
                              b.getI1Type(), {barrier, parity});
          Value yes = arith::ConstantOp::create(b, b.getBoolAttr(true));
          scf::ConditionOp::create(b, arith::XOrIOp::create(b, over, yes), ValueRange());
        },
        [&](OpBuilder &, Location, ValueRange) { scf::YieldOp::create(b); });
  }

  /// Where a part goes, and which use of its stage that is: parts are counted through all tiles of
  /// the block.
  struct Turn {
    Value stage, parity;
  };
  Turn turnOf(Value tileNumber, Value part) {
    Value count = e.addInt(arith::MulIOp::create(b, tileNumber, parts), part);
    Value use = arith::DivUIOp::create(b, count, number(stages));
    return {arith::RemUIOp::create(b, count, number(stages)),
            toWord(arith::RemUIOp::create(b, use, number(2)))};
  }

  //===--- The warpgroup that brings ---===//
  void bringTile(Value tileNumber) {
    e.loop(number(0), parts, 1, [&](Value part) {
      Turn turn = turnOf(tileNumber, part);
      // The phase before the first is over at once.
      waitFor(empty(turn.stage), arith::XOrIOp::create(b, turn.parity, word(1)));
      e.call("llvm.nvvm.mbarrier.arrive.expect.tx.scope.cta.space.cta", b.getI64Type(),
             {full(turn.stage), word(stageBytes())});
      bring(true, part, turn.stage);
      bring(false, part, turn.stage);
    });
  }

  void bring(bool isLeft, Value part, Value stage) {
    const TensorOperand &operand = isLeft ? left : right;
    Value term = toWord(e.mulInt(part, kPartTerms)), line = isLeft ? origin.row : origin.column;
    int64_t boxes = operand.alongTerms ? 1 : bytesOf(isLeft) / kBox;
    for (int64_t box = 0; box < boxes; ++box) {
      Value at = toWord(e.addInt(line, number(box * kPartTerms)));
      Value to = sharedByte(e.addInt(partOf(isLeft, stage), number(box * kBox)));
      Type cluster = LLVM::LLVMPointerType::get(b.getContext(), 7);
      Value no = arith::ConstantOp::create(b, b.getBoolAttr(false));
      does("llvm.nvvm.cp.async.bulk.tensor.g2s.tile.3d",
           {LLVM::AddrSpaceCastOp::create(b, cluster, to), full(stage),
            e.tensorMaps[isLeft ? 0 : 1], operand.alongTerms ? term : at,
            operand.alongTerms ? at : term, toWord(origin.batchNumber),
            arith::ConstantOp::create(b, b.getI16IntegerAttr(0)), number(0), no, no, word(0)});
    }
  }

  //===--- The warpgroups that multiply ---===//
  void multiplyTile(Value tileNumber, Value warpgroup) {
    Value zero = arith::ConstantOp::create(b, b.getZeroAttr(element));
    SmallVector<Value> sums(tile.columns / 2, zero);
    sums = e.loopCarrying(number(0), parts, 1, sums, [&](Value part, ValueRange carried) {
      SmallVector<Value> next(carried);
      Turn turn = turnOf(tileNumber, part);
      waitFor(full(turn.stage), turn.parity);
      does("llvm.nvvm.wgmma.fence.sync.aligned");
      Value rows = descriptor(true, turn.stage, e.mulInt(warpgroup, kBox));
      Value columns = descriptor(false, turn.stage, number(0));
      for (int64_t term = 0; term < kPartTerms; term += kInstructionTerms)
        multiply(next, e.addInt(rows, number(advance(left, term))),
                 e.addInt(columns, number(advance(right, term))));
      does("llvm.nvvm.wgmma.commit_group.sync.aligned");
      // The products of this part go on; those of the part before are over.
      waitForSums(next, 1);
      e.onlyIf(e.lessThan(number(0), part),
               [&] { giveBack(tileNumber, e.addInt(part, number(-1))); });
      return next;
    });
    waitForSums(sums, 0);
    giveBack(tileNumber, e.addInt(parts, number(-1)));
    finishTile(sums);
  }

  void giveBack(Value tileNumber, Value part) {
    e.onlyIf(e.isZero(e.lane()), [&] {
      e.call("llvm.nvvm.mbarrier.arrive.shared", b.getI64Type(),
             {empty(turnOf(tileNumber, part).stage)});
    });
  }

  /// A matrix descriptor of 128-byte swizzle: the address, the distance of boxes of lines and that
  /// of eights (of lines, or of terms where lines are neighbours), in units of 16 bytes.
  Value descriptor(bool isLeft, Value stage, Value offset) {
    Value place = sharedByte(e.addInt(partOf(isLeft, stage), offset));
    Value address = LLVM::PtrToIntOp::create(b, b.getI64Type(), place);
    Value unit =
        arith::ShRUIOp::create(b, arith::AndIOp::create(b, address, number(0x3ffff)), number(4));
    constexpr int64_t kRest = kBox / 16 << 16 | int64_t(8 * kSpan / 16) << 32 | int64_t(1) << 62;
    return arith::OrIOp::create(b, unit, number(kRest));
  }
  /// From the first to that term of a part, in a descriptor.
  static int64_t advance(const TensorOperand &operand, int64_t term) {
    return term * (operand.alongTerms ? kElement : kSpan) / 16;
  }

  /// An instruction on sums that stay in registers: `$0` and on, tied to the last operands.
  void onSums(SmallVectorImpl<Value> &sums, const Twine &text, ArrayRef<Value> others) {
    size_t count = sums.size();
    std::string constraints;
    for (size_t i = 0; i < count; ++i)
      constraints += "=f,";
    for (size_t i = 0; i < others.size(); ++i)
      constraints += "l,";
    for (size_t i = 0; i < count; ++i)
      constraints += std::to_string(i) + (i + 1 < count ? "," : "");
    SmallVector<Value> operands(others);
    llvm::append_range(operands, sums);
    SmallVector<Type> types(count, element);
    auto all = LLVM::LLVMStructType::getLiteral(b.getContext(), types);
    auto op = LLVM::InlineAsmOp::create(
        b, all, operands, text.str(), constraints, /*has_side_effects=*/true,
        /*is_align_stack=*/false, LLVM::tailcallkind::TailCallKind::None, LLVM::AsmDialectAttr(),
        ArrayAttr());
    for (size_t i = 0; i < count; ++i)
      sums[i] = LLVM::ExtractValueOp::create(b, op.getResult(0), ArrayRef<int64_t>{int64_t(i)});
  }

  void multiply(SmallVectorImpl<Value> &sums, Value rows, Value columns) {
    std::string list;
    for (size_t i = 0; i < sums.size(); ++i)
      list += (i ? ",$" : "$") + std::to_string(i);
    StringRef type = tile.format == ProductFormat::BF16 ? "bf16" : "f16";
    size_t next = sums.size();
    onSums(sums,
           "wgmma.mma_async.sync.aligned.m64n" + Twine(tile.columns) + "k16.f32." + type + "." +
               type + " {" + list + "}, $" + Twine(next) + ", $" + Twine(next + 1) + ", 1, 1, 1, " +
               Twine(int(!left.alongTerms)) + ", " + Twine(int(!right.alongTerms)) + ";",
           {rows, columns});
  }

  /// Until then the sums are not there: the instruction takes and gives them.
  void waitForSums(SmallVectorImpl<Value> &sums, int64_t groups) {
    onSums(sums, "wgmma.wait_group.sync.aligned " + Twine(groups) + ";", {});
  }

  /// Of each eight columns a lane has those of mma.sync's fragments: two of a row, two of the row
  /// that is eight below.
  void finishTile(ValueRange sums) {
    Value row =
        e.addInt(e.mulInt(e.warpInBlock(), 16), arith::DivUIOp::create(b, e.lane(), number(4)));
    Value column = e.mulInt(arith::RemUIOp::create(b, e.lane(), number(4)), 2);
    for (int64_t c = 0; c < tile.columns; c += 8)
      for (int64_t below = 0; below < 2; ++below)
        finish(e.addInt(row, number(8 * below)), e.addInt(column, number(c)),
               sums.slice(c / 2 + 2 * below, 2));
  }

  int64_t stages, consumers;
  TensorOperand left, right;
  Value parts;
};

std::unique_ptr<ProductEmitter> makeWgmmaProduct(GpuEmitter &emitter, KernelOp kernel, DotOp dot) {
  return std::make_unique<WgmmaProduct>(emitter, kernel, dot);
}

} // namespace dlc

//===- MixedPrecision.cpp - Operands of products in 16 bits ---------------------------------===//
//
//   %h = dl.max %s, %zero;  %y = dl.dot %h, %w
// becomes, where `operands` is bf16,
//   %h = dl.max %s, %zero
//   %c = dl.cast %h : ... -> tensor<?x128xbf16>;  %k = dl.copy %c    stored, by the kernel of %h
//   %v = dl.cast %w : ... -> tensor<128x10xbf16>                     converted where it is read
//   %y = dl.dot %k, %v : (tensor<?x128xbf16>, tensor<128x10xbf16>) -> tensor<?x10xf32>
//
// The rule: an operand is stored in 16 bits, once for all products that read it, where that moves
// fewer bytes than converting it at each read; a product reads an operand once for every 128 rows
// or columns of its other side.
//
// Everything else stays f32: sums, what lies between products, weights and what optimizers keep. A
// comparison with 0, such as relu's derivative, asks the stored operand: its sign is the same (in
// f16 what is below 3e-8 is 0, for the product as for the derivative). So where only products and
// such comparisons need a tensor, it exists in 16 bits alone.
//
//===------------------------------------------------------------------------------------------===//
#include "KernelClusters.h"
#include "dlc/IR/Builders.h"
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

#include "llvm/Support/MathExtras.h"

namespace dlc {
#define GEN_PASS_DEF_MIXEDPRECISIONPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

/// What lies in memory where `value` is maybe only another shape of it.
static Value baseOf(Value value) {
  auto view = value.getDefiningOp<ReshapeOp>();
  return view ? baseOf(view.getX()) : value;
}

/// x > 0 and its like.
static bool comparesWithZero(Operation *op) {
  return isa<EqOp, NeOp, LtOp, LeOp, GtOp, GeOp>(op) && splatValue(op->getOperand(1)) == 0.0;
}

namespace {

/// A tensor that products read.
struct Factor {
  SmallVector<OpOperand *> reads; // by products, maybe under another shape
  SmallVector<Operation *> signs; // comparisons with 0
  bool otherUses = false;
  int64_t times = 0; // that it is read from memory by products
};

class Converter {
public:
  Converter(func::FuncOp function, Type half)
      : function(function), half(half),
        access(function, /*fuseLoads=*/true, /*stepApart=*/function.getName() == "train") {
    if (auto attribute = function->getAttrOfType<IntegerAttr>("dl.batch"))
      batch = attribute.getInt();
  }

  void run() {
    llvm::MapVector<Value, Factor> factors;
    for (auto dot : function.getOps<DotOp>())
      if (typeOf(dot.getLhs()).getElementType().isF32())
        for (OpOperand &operand : dot->getOpOperands()) {
          Factor &factor = factors[baseOf(operand.get())];
          factor.reads.push_back(&operand);
          factor.times += timesRead(dot, operand.getOperandNumber() == 0);
        }
    for (auto &[value, factor] : factors) {
      findOtherUses(value, factor);
      if (paysToStore(value, factor))
        store(value, factor);
      else
        convertAtReads(factor);
    }
  }

private:
  int64_t timesRead(DotOp dot, bool left) {
    constexpr int64_t linesPerRead = 128; // the rows or columns of the largest tiles
    Value other = left ? dot.getRhs() : dot.getLhs();
    int64_t lines = 1;
    for (int64_t d : left ? dot.getRhsFree() : dot.getLhsFree())
      lines *= typeOf(other).isDynamicDim(d) ? batch : typeOf(other).getDimSize(d);
    return llvm::divideCeil(lines, linesPerRead);
  }

  /// Sorts the uses that are no product's. Seen through reshapes.
  void findOtherUses(Value value, Factor &factor) {
    for (OpOperand &use : value.getUses()) {
      Operation *user = use.getOwner();
      if (isa<ReshapeOp>(user))
        findOtherUses(user->getResult(0), factor);
      else if (use.getOperandNumber() == 0 && comparesWithZero(user))
        factor.signs.push_back(user);
      else if (!llvm::is_contained(factor.reads, &use))
        factor.otherUses = true;
    }
  }

  /// Counts the bytes of an element that are moved.
  bool paysToStore(Value value, const Factor &factor) {
    Operation *source = value.getDefiningOp();
    // What no kernel has in its hands while it makes it is fetched for it.
    bool fetched = isLeaf(source) || access.contains(source) || isa<ScatterAddOp>(source);
    bool inF32Anyway = fetched || factor.otherUses;
    int64_t stored = 2 + 2 * factor.times + (fetched ? 4 : 0);
    int64_t readInF32 = 4 * factor.times + (inF32Anyway ? 0 : 4);
    return stored < readInF32;
  }

  void store(Value value, const Factor &factor) {
    ImplicitLocOpBuilder b(value.getLoc(), function.getContext());
    b.setInsertionPointAfterValue(value);
    Value copy = CopyOp::create(b, dlc::cast(b, value, half));
    auto seenAs = [&](Value operand) { return reshape(b, copy, typeOf(operand).clone(half)); };
    for (OpOperand *read : factor.reads) {
      b.setInsertionPoint(read->getOwner());
      read->set(seenAs(read->get()));
    }
    for (Operation *sign : factor.signs) {
      b.setInsertionPoint(sign);
      Value operand = sign->getOperand(0);
      sign->setOperand(0, dlc::cast(b, seenAs(operand), typeOf(operand).getElementType()));
    }
  }

  void convertAtReads(const Factor &factor) {
    for (OpOperand *read : factor.reads) {
      ImplicitLocOpBuilder b(read->getOwner()->getLoc(), read->getOwner());
      read->set(dlc::cast(b, read->get(), half));
    }
  }

  func::FuncOp function;
  Type half;
  AccessOps access;
  int64_t batch = 1;
};

struct MixedPrecisionPass : dlc::impl::MixedPrecisionPassBase<MixedPrecisionPass> {
  using MixedPrecisionPassBase::MixedPrecisionPassBase;

  void runOnOperation() override {
    if (failed(verifyGraph(getOperation())))
      return signalPassFailure();
    OpBuilder b(&getContext());
    Type half = operands == "bf16" ? Type(b.getBF16Type()) : b.getF16Type();
    Converter(getOperation(), half).run();
  }
};

} // namespace

//===- StructureOps.cpp - What lives across calls, regions, kernels ---------------------------===//
#include "Verifiers.h"
#include "dlc/IR/DL.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {

static RankedTensorType typeOf(Value value) {
  return llvm::cast<RankedTensorType>(value.getType());
}

LogicalResult VariableOp::verify() {
  if (!llvm::is_contained({"param", "state", "optimizer", "fitted", "accumulator"}, getKind()))
    return emitOpError("is of no known kind: '") << getKind() << "'";
  if (!llvm::cast<RankedTensorType>(getType()).hasStaticShape())
    return emitOpError("has a size that is known");
  return success();
}

LogicalResult FieldOp::verify() {
  if (!llvm::cast<RankedTensorType>(getType()).hasStaticShape())
    return emitOpError("is declared as one example, without the batch");
  return success();
}

template <typename Symbol>
static LogicalResult verifySymbolUse(Operation *op, FlatSymbolRefAttr name, Type type, bool batched,
                                     SymbolTableCollection &symbols) {
  auto symbol = symbols.lookupNearestSymbolFrom<Symbol>(op, name);
  if (!symbol)
    return op->emitOpError("knows no ") << name;
  auto declared = llvm::cast<RankedTensorType>(symbol.getType());
  if (batched) {
    SmallVector<int64_t> shape{ShapedType::kDynamic};
    llvm::append_range(shape, declared.getShape());
    declared = RankedTensorType::get(shape, declared.getElementType());
  }
  return declared == type ? success() : op->emitOpError("type should be ") << declared;
}

LogicalResult ReadOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifySymbolUse<VariableOp>(*this, getVariableAttr(), getType(), false, symbols);
}

LogicalResult AssignOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifySymbolUse<VariableOp>(*this, getVariableAttr(), getX().getType(), false, symbols);
}

LogicalResult InputOp::verifySymbolUses(SymbolTableCollection &symbols) {
  return verifySymbolUse<FieldOp>(*this, getFieldAttr(), getType(), true, symbols);
}

/// What ends the block; null where it is no dl.yield. The region is verified later, if at all.
static YieldOp yieldOf(Block &block) {
  return block.empty() ? YieldOp() : llvm::dyn_cast<YieldOp>(block.back());
}

LogicalResult GradOp::verify() {
  Block &block = getBody().front();
  auto yield = yieldOf(block);
  if (!yield || yield.getValues().empty())
    return emitOpError("needs a value to differentiate");
  if (!llvm::equal(block.getArgumentTypes(), getAt().getTypes()))
    return emitOpError("region arguments should be the operands");
  if (!isFloat(yield.getValues().front()))
    return emitOpError("can only differentiate a floating-point value");
  SmallVector<Type> expected(yield.getValues().getTypes());
  llvm::append_range(expected, getAt().getTypes());
  if (!llvm::equal(expected, getResultTypes()))
    return emitOpError("results should be the yielded values and one derivative for each operand");
  return success();
}

/// Whether the reductions of a kernel of rows leave the same leading dimensions of the same shape.
static bool reducesRows(MutableArrayRef<ReductionOpInterface> reductions) {
  ArrayRef<int64_t> space = typeOf(reductions.front().getInput()).getShape();
  ArrayRef<int64_t> dims = reductions.front().getReducedDims();
  int64_t rows = space.size() - dims.size();
  return rows > 0 && llvm::equal(dims, llvm::seq<int64_t>(rows, space.size())) &&
         llvm::all_of(reductions, [&](ReductionOpInterface op) {
           return typeOf(op.getInput()).getShape() == space && op.getReducedDims() == dims;
         });
}

/// Whether all results have the shape that the kernel's loops run over: in rows, elements or rows.
static bool resultsFit(KernelOp kernel) {
  Block &block = kernel.getBody().front();
  auto reductions = llvm::to_vector(block.getOps<ReductionOpInterface>());
  ArrayRef<int64_t> elements = typeOf(yieldOf(block).getValues().front()).getShape();
  for (Operation &op : block)
    if (llvm::isa<DotOp, ScatterAddOp, SortOp, SegmentSumOp, ReductionOpInterface>(op))
      elements = typeOf(op.getResult(0)).getShape();
  ArrayRef<int64_t> rows = elements;
  if (kernel.getKind() == "rows") {
    if (!reducesRows(reductions))
      return false;
    elements = typeOf(reductions.front().getInput()).getShape();
  }
  return llvm::all_of(yieldOf(block).getValues(), [&](Value value) {
    return typeOf(value).getShape() == elements || typeOf(value).getShape() == rows;
  });
}

/// The ops that make a kernel one of its kind.
static LogicalResult verifyRoots(KernelOp kernel) {
  int64_t dots = 0, reductions = 0, scatters = 0, sorts = 0, segments = 0;
  for (Operation &op : kernel.getBody().front().without_terminator()) {
    auto dot = llvm::dyn_cast<DotOp>(op);
    if (!llvm::isa_and_nonnull<DLDialect>(op.getDialect()) || op.getNumRegions() ||
        op.getNumResults() != 1 || llvm::isa<ReadOp, InputOp, ReshapeOp>(op) ||
        (dot && (dot.getLhsFree().empty() || dot.getRhsFree().empty())))
      return op.emitOpError("cannot be part of a kernel");
    dots += dot != nullptr;
    reductions += llvm::isa<ReductionOpInterface>(op);
    scatters += llvm::isa<ScatterAddOp>(op);
    sorts += llvm::isa<SortOp>(op);
    segments += llvm::isa<SegmentSumOp>(op);
  }
  StringRef kind = kernel.getKind();
  bool reduces = kind == "reduce" || kind == "rows";
  if (!reduces && !llvm::is_contained({"map", "contract", "scatter", "sort", "segments"}, kind))
    return kernel.emitOpError("is of no known kind: '") << kind << "'";
  if (dots != (kind == "contract") || scatters != (kind == "scatter") ||
      sorts != (kind == "sort") || segments != (kind == "segments") ||
      (kind == "reduce" ? reductions != 1 : (reductions > 0) != reduces))
    return kernel.emitOpError("does not hold the ops of its kind");
  if (!resultsFit(kernel))
    return kernel.emitOpError("has a result outside of its loops");
  return success();
}

LogicalResult KernelOp::verify() {
  Block &block = getBody().front();
  auto yield = yieldOf(block);
  if (!yield || yield.getValues().empty())
    return emitOpError("needs a result");
  if (!llvm::equal(yield.getValues().getTypes(), getResultTypes()))
    return emitOpError("results should be the yielded values");
  if (block.getNumArguments() != getInputs().size())
    return emitOpError("needs a region argument for each operand");
  for (auto [input, argument] : llvm::zip_equal(getInputs(), block.getArguments())) {
    auto seen = llvm::dyn_cast<RankedTensorType>(argument.getType());
    if (!seen || seen.getElementType() != typeOf(input).getElementType() ||
        isBatched(seen) != isBatched(typeOf(input)) ||
        elementsOf(seen) != elementsOf(typeOf(input)))
      return emitOpError("a region argument does not fit its operand");
  }
  return verifyRoots(*this);
}

} // namespace dlc

//===- Forms.cpp ------------------------------------------------------------------------------===//
#include "dlc/IR/Forms.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace dlc {

/// One block of dl ops, which knows the outside by symbols alone.
static LogicalResult verifyBody(func::FuncOp function) {
  if (function.isExternal() || !function.getBody().hasOneBlock())
    return function.emitError("a program's function is one block");
  if (function.getNumArguments() || function.getNumResults())
    return function.emitError("a program's function takes and returns nothing");
  for (Operation &op : function.front().without_terminator())
    if (!isa_and_nonnull<DLDialect>(op.getDialect()))
      return op.emitError("is no op of a program");
  return success();
}

LogicalResult verifyGraph(func::FuncOp function) {
  if (failed(verifyBody(function)))
    return failure();
  for (Operation &op : function.front())
    if (op.getNumRegions())
      return op.emitError("is no op of a graph without derivatives");
  return success();
}

static bool isStored(Value value) { return value.getDefiningOp<KernelOp>() != nullptr; }

LogicalResult verifyKernels(func::FuncOp function) {
  if (failed(verifyBody(function)))
    return failure();
  for (Operation &op : function.front().without_terminator()) {
    bool good = isa<ReadOp, InputOp>(op);
    if (auto kernel = dyn_cast<KernelOp>(op))
      good = llvm::all_of(kernel.getInputs(), [](Value input) {
        return isStored(input) || isa<ReadOp, InputOp>(input.getDefiningOp());
      });
    else if (auto view = dyn_cast<ReshapeOp>(op))
      good = isStored(view.getX());
    else if (isa<AssignOp, OutputOp>(op)) {
      auto view = op.getOperand(0).getDefiningOp<ReshapeOp>();
      good = view || isStored(op.getOperand(0));
    }
    if (!good)
      return op.emitError("is no op of a function of kernels");
  }
  return success();
}

LogicalResult verifyPlanned(func::FuncOp function) {
  if (failed(verifyKernels(function)))
    return failure();
  for (Operation &op : function.front()) {
    bool placed = true;
    if (auto kernel = dyn_cast<KernelOp>(op)) {
      auto offsets = op.getAttrOfType<DenseI64ArrayAttr>("offsets");
      placed = offsets && offsets.size() == int64_t(kernel.getNumResults());
      auto panels = op.getAttrOfType<DenseI64ArrayAttr>("panels");
      if (panels && panels.size() != int64_t(kernel.getNumOperands() + kernel.getNumResults()))
        return op.emitError("needs a panel for each operand and result");
      Operation *module = function->getParentOp();
      placed &=
          !op.hasAttr("replicated") || (module->getAttrOfType<IntegerAttr>("dl.arena_bytes") &&
                                        module->getAttrOfType<IntegerAttr>("dl.copy_bytes"));
    } else if (auto read = dyn_cast<ReadOp>(op)) {
      auto variable =
          SymbolTable::lookupNearestSymbolFrom<VariableOp>(read, read.getVariableAttr());
      placed = variable && variable->getAttrOfType<IntegerAttr>("offset");
    }
    if (!placed)
      return op.emitError("has no place in the arena");
  }
  return success();
}

int64_t bytesInArena(Type type, int64_t rows) {
  auto tensor = cast<RankedTensorType>(type);
  int64_t count = 1;
  for (int64_t size : tensor.getShape())
    count *= ShapedType::isDynamic(size) ? rows : size;
  int64_t width = llvm::divideCeil(tensor.getElementTypeBitWidth(), 8);
  return llvm::alignTo(std::max<int64_t>(count * width, 1), kArenaAlignment);
}

} // namespace dlc

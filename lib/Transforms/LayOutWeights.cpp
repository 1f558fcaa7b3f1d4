//===- LayOutWeights.cpp - Weights in panels of columns ---------------------------------------===//
//
// The columns of a large weight belong to threads (ScheduleKernels). Row by row they would
// alternate in memory every few cache lines, and each core's prefetchers would fetch lines that
// another core is about to write: an update on two cores then takes as long as on one. So such a
// weight, and what its optimizer keeps for it, is stored panel by panel: kPanelColumns columns, row
// by row, then the next panel.
//
//   dl.variable @w "param" : tensor<784x128xf32>       gets {panel = 32}
//   dl.kernel "contract" (%x, %w, %b) -> %y            gets {panels = array<i64: 0, 32, 0, 0>}
//
// `panels` has a number for each operand, then for each result: the columns in a panel, or 0 for
// row-major. Emitters and the runtime find elements by it; nothing else knows.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

namespace dlc {
#define GEN_PASS_DEF_LAYOUTWEIGHTSPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// True if everything that a kernel computes from `value` asks for its columns one by one or in
/// whole vectors from a multiple of their width on, which never cross a panel's edge.
static bool isReadInColumns(Value value) {
  SetVector<Operation *> reached;
  auto follow = [&](Value next) { reached.insert(next.user_begin(), next.user_end()); };
  follow(value);
  for (size_t i = 0; i < reached.size(); ++i) {
    if (isa<YieldOp, DotOp, ReductionOpInterface>(reached[i]))
      continue;
    if (!isa<ElementwiseOpInterface, BroadcastOp, TransposeOp>(reached[i]))
      return false;
    follow(reached[i]->getResult(0));
  }
  return true;
}

namespace {

/// What happens to a variable's memory in all functions.
struct Uses {
  VariableOp variable;
  bool shared = false; // by columns
  bool fits = true;
  SmallVector<std::pair<KernelOp, unsigned>> operands, results;
};

struct LayOutWeightsPass : dlc::impl::LayOutWeightsPassBase<LayOutWeightsPass> {
  void runOnOperation() override {
    uses.clear();
    for (auto variable : getOperation().getOps<VariableOp>())
      uses[variable.getSymName()].variable = variable;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      if (failed(verifyKernels(function)))
        return signalPassFailure();
      collect(function);
    }
    for (auto variable : getOperation().getOps<VariableOp>())
      if (Uses &use = uses[variable.getSymName()]; use.shared && use.fits && hasPanels(variable))
        layOut(use);
  }

  static bool hasPanels(VariableOp variable) {
    auto type = cast<RankedTensorType>(variable.getType());
    return type.getRank() == 2 && type.getDimSize(0) > 1 && type.getDimSize(1) > kPanelColumns &&
           type.getDimSize(1) % kPanelColumns == 0;
  }

  /// The variable in whose memory the value lies, if any.
  Uses *memoryOf(Value value) {
    if (auto read = value.getDefiningOp<ReadOp>())
      return &uses[read.getVariable()];
    if (value.getDefiningOp<KernelOp>())
      for (Operation *user : value.getUsers())
        if (auto assign = dyn_cast<AssignOp>(user); assign && assign->hasAttr("in_place"))
          return &uses[assign.getVariable()];
    return nullptr;
  }

  void collect(func::FuncOp function) {
    for (Operation &op : function.front()) {
      if (auto kernel = dyn_cast<KernelOp>(op)) {
        for (auto [i, input] : llvm::enumerate(kernel.getInputs()))
          if (Uses *use = memoryOf(input)) {
            BlockArgument argument = kernel.getBody().front().getArgument(i);
            use->operands.push_back({kernel, i});
            use->fits &= argument.getType() == use->variable.getType() && isReadInColumns(argument);
            use->shared |= kernel->hasAttr("columns");
          }
        for (auto [i, result] : llvm::enumerate(kernel.getResults()))
          if (Uses *use = memoryOf(result)) {
            use->results.push_back({kernel, i});
            use->fits &= result.getType() == use->variable.getType();
          }
        continue;
      }
      // What else uses a variable's memory takes it row by row.
      for (Value operand : op.getOperands())
        if (Uses *use = memoryOf(operand); use && !isa<AssignOp>(op))
          use->fits = false;
      if (auto assign = dyn_cast<AssignOp>(op))
        if (!assign.getX().getDefiningOp<KernelOp>())
          uses[assign.getVariable()].fits = false; // a view of another shape
    }
  }

  void layOut(Uses &use) {
    Builder b(&getContext());
    use.variable->setAttr("panel", b.getI64IntegerAttr(kPanelColumns));
    auto mark = [&](KernelOp kernel, unsigned place) {
      SmallVector<int64_t> panels(kernel.getNumOperands() + kernel.getNumResults(), 0);
      if (auto known = kernel->getAttrOfType<DenseI64ArrayAttr>("panels"))
        panels = llvm::to_vector(known.asArrayRef());
      panels[place] = kPanelColumns;
      kernel->setAttr("panels", b.getDenseI64ArrayAttr(panels));
    };
    for (auto [kernel, i] : use.operands)
      mark(kernel, i);
    for (auto [kernel, i] : use.results)
      mark(kernel, kernel.getNumOperands() + i);
  }

  llvm::StringMap<Uses> uses;
};

} // namespace

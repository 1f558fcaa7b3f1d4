//===- Alike.cpp ------------------------------------------------------------------------------===//
#include "Alike.h"

#include "mlir/IR/OperationSupport.h"

using namespace mlir;
using namespace dlc;

bool dlc::areAlike(KernelOp a, KernelOp b) {
  auto isField = [](Value value) { return isa<InputOp>(value.getDefiningOp()); };
  return a.getKind() == b.getKind() && a->hasAttr("rows") == b->hasAttr("rows") &&
         a->hasAttr("columns") == b->hasAttr("columns") &&
         a->getAttr("panels") == b->getAttr("panels") &&
         a->hasAttr("replicated") == b->hasAttr("replicated") &&
         a.getInputs().size() == b.getInputs().size() &&
         llvm::equal(a.getResultTypes(), b.getResultTypes()) &&
         llvm::all_of_zip(a.getInputs(), b.getInputs(),
                          [&](Value x, Value y) { return isField(x) == isField(y); }) &&
         OperationEquivalence::isRegionEquivalentTo(&a.getBody(), &b.getBody(),
                                                    OperationEquivalence::IgnoreLocations);
}

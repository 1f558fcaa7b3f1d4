//===- dlc-opt.cpp - Runs single passes on text, for tests and for looking inside -------------===//
#include "dlc/Conversion/Passes.h"
#include "dlc/IR/DL.h"
#include "dlc/Transforms/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registry.insert<dlc::DLDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect,
                  mlir::math::MathDialect, mlir::scf::SCFDialect, mlir::vector::VectorDialect,
                  mlir::cf::ControlFlowDialect, mlir::LLVM::LLVMDialect, mlir::ub::UBDialect>();
  dlc::registerDLTransformsPasses();
  dlc::registerDLConversionPasses();
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::PassPipelineRegistration<>(
      "dl-loops-to-llvm", "take loops, vectors and arithmetic to LLVM's dialect",
      [](mlir::OpPassManager &manager) { dlc::addLoopsToLLVMPasses(manager, /*hasLibm=*/true); });
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "runs dlc's passes one by one\n", registry));
}

//===- Pipeline.cpp - The one ordered list of passes ------------------------------------------===//
#include "dlc/Driver/Pipeline.h"

#include "dlc/Conversion/Passes.h"
#include "dlc/Transforms/Passes.h"

#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Pass/PassManager.h"

using namespace mlir;

std::unique_ptr<MLIRContext> dlc::createContext() {
  DialectRegistry registry;
  registry
      .insert<DLDialect, func::FuncDialect, arith::ArithDialect, math::MathDialect, scf::SCFDialect,
              vector::VectorDialect, cf::ControlFlowDialect, LLVM::LLVMDialect, ub::UBDialect>();
  registerTranslations(registry);
  // Compiling one small program, threads cost more than they bring.
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  return context;
}

LogicalResult dlc::lower(ModuleOp module, const TargetDescription &target, Phase first,
                         Phase last) {
  PassManager manager(module.getContext());
#ifdef NDEBUG
  manager.enableVerifier(false);
#endif
  auto each = [&](std::unique_ptr<Pass> pass) {
    manager.addNestedPass<func::FuncOp>(std::move(pass));
  };
  auto reaches = [&](Phase phase) { return first < phase && phase <= last; };
  if (reaches(Phase::Step)) {
    each(createSimplifyPass());          // fewer ops to differentiate
    each(createDifferentiatePass());     // one graph: forward, backward, update
    each(createSimplifyPass());          // what differentiation left: zeros, ones, repeated scalars
    manager.addPass(createStreamPass()); // needs the whole graph; makes new functions
  }
  if (reaches(Phase::Kernels)) {
    each(createPrepareProductsPass({target.isDevice})); // thin products become sums: they fuse
    each(createDropUnitDimsPass());                     // what that left: vectors need lanes
    if (target.isDevice && (target.products == "bf16" || target.products == "f16"))
      each(createMixedPrecisionPass({target.products})); // kernels store what they convert
    if (target.isDevice) {
      each(createSplitReductionsPass()); // the whole device shares what would be a block's work
      each(createSortScattersPass());    // a table's rows search what they would all look through
    }
    each(createGroupKernelsPass({target.isDevice, target.isDevice})); // the graph into loop nests
    each(createScheduleKernelsPass({target.isDevice})); // updates in place need an order
    if (!target.isDevice)
      manager.addPass(createLayOutWeightsPass()); // needs to know which columns belong to threads
    manager.addPass(createPlanMemoryPass());      // needs the order and the barriers
    if (target.isDevice)
      manager.addPass(
          createPlanLaunchesPass({target.loop, target.products, target.cpu,
                                  target.earlyLaunches})); // the grids; the manifest lists them
  }
  if (reaches(Phase::Loops)) {
    if (target.isDevice)
      manager.addPass(createConvertKernelsToDevicePass());
    else
      manager.addPass(createConvertKernelsToLoopsPass({target.vectorBytes, target.registers}));
  }
  if (reaches(Phase::LLVM))
    addLoopsToLLVMPasses(manager, /*hasLibm=*/!target.isDevice);
  return manager.run(module);
}

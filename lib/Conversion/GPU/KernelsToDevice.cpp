//===- KernelsToDevice.cpp - Each kernel a function of one thread -----------------------------===//
//
//   func @train() { %a = dl.kernel ... {launch = {...}, symbol = "kernel_0"}; ... }
// becomes
//   func @kernel_0.body(frame, rows, block, input and result pointers)    what one thread does
//   func @kernel_0(frame, rows, pointers)                                 the same as a launch
//
// Which launches make up a function, the manifest says: it has been written before.
// A function for @train that goes from step to step on the device stands beside them:
// TrainingLoop.h.
//
//===------------------------------------------------------------------------------------------===//
#include "Alike.h"
#include "GpuEmitter.h"
#include "TrainingLoop.h"
#include "dlc/Conversion/Passes.h"
#include "dlc/IR/Forms.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace dlc {
#define GEN_PASS_DEF_PLANLAUNCHESPASS
#define GEN_PASS_DEF_CONVERTKERNELSTODEVICEPASS
#include "dlc/Conversion/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {
struct PlanLaunchesPass : dlc::impl::PlanLaunchesPassBase<PlanLaunchesPass> {
  using PlanLaunchesPassBase::PlanLaunchesPassBase;

  void runOnOperation() override {
    OpBuilder b(&getContext());
    if (persistent)
      getOperation()->setAttr("dl.persistent", b.getUnitAttr());
    auto format = products == "tf32"   ? ProductFormat::TF32
                  : products == "bf16" ? ProductFormat::BF16
                  : products == "f16"  ? ProductFormat::F16
                                       : ProductFormat::Exact;
    bool copies = device != "sm_75";
    SmallVector<KernelOp> known;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto batch = function->getAttrOfType<IntegerAttr>("dl.batch");
      for (auto kernel : function.getOps<KernelOp>()) {
        Launch launch = chooseLaunch(kernel, batch ? batch.getInt() : 1, format, copies);
        kernel->setAttr("launch", toAttribute(launch, &getContext()));
        // A function is made for a grid: the batch that it is for may differ as well.
        auto same = llvm::find_if(known, [&](KernelOp other) {
          return areAlike(other, kernel) && other->getAttr("launch") == kernel->getAttr("launch");
        });
        kernel->setAttr("symbol",
                        b.getStringAttr("kernel_" + std::to_string(same - known.begin())));
        if (same == known.end())
          known.push_back(kernel);
      }
    }
  }
};

struct ConvertKernelsToDevicePass
    : dlc::impl::ConvertKernelsToDevicePassBase<ConvertKernelsToDevicePass> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions) {
      if (failed(verifyPlanned(function)))
        return signalPassFailure();
      for (auto kernel : function.getOps<KernelOp>())
        if (failed(convert(kernel, function)))
          return signalPassFailure();
    }
    if (auto train = module.lookupSymbol<func::FuncOp>("train")) {
      makeAdvance(train);
      if (module->hasAttr("dl.persistent"))
        makeTrainingLoop(train);
    }
    for (func::FuncOp function : functions)
      function.erase();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<VariableOp, FieldOp>(op))
        op.erase();
  }

  LogicalResult convert(KernelOp kernel, func::FuncOp before) {
    auto symbol = kernel->getAttrOfType<StringAttr>("symbol");
    if (!symbol || !kernel->hasAttr("launch"))
      return kernel.emitError("no launch has been planned for this kernel");
    if (getOperation().lookupSymbol(symbol))
      return success();
    OpBuilder b(before);
    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    SmallVector<Type> arguments{pointer, b.getI64Type(), b.getI64Type()};
    arguments.append(kernel.getInputs().size() + kernel.getNumResults(), pointer);
    auto body = makeInternal(b, kernel.getLoc(), bodyName(kernel), arguments);
    if (failed(GpuEmitter(body, kernel).emit()))
      return failure();
    arguments.erase(arguments.begin() + 2);
    auto launch = func::FuncOp::create(b, kernel.getLoc(), symbol.getValue(),
                                       b.getFunctionType(arguments, {}));
    launch->setAttr("dl.threads", b.getI64IntegerAttr(launchOf(kernel).threads));
    // Loads of neighbours become those of vectors.
    SmallVector<Value> tensors(kernel.getInputs());
    llvm::append_range(tensors, kernel.getResults());
    for (auto [n, tensor] : llvm::enumerate(tensors)) {
      auto align = b.getI64IntegerAttr(alignmentOf(tensor));
      body.setArgAttr(n + 3, "llvm.align", align);
      launch.setArgAttr(n + 2, "llvm.align", align);
    }
    ImplicitLocOpBuilder inner(kernel.getLoc(), &getContext());
    inner.setInsertionPointToStart(launch.addEntryBlock());
    SmallVector<Value> values(launch.getArguments());
    values.insert(values.begin() + 2, gridNumber(inner, "ctaid.x"));
    func::CallOp::create(inner, body, values);
    func::ReturnOp::create(inner);
    return success();
  }
};
} // namespace

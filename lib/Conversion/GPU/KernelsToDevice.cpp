//===- KernelsToDevice.cpp - Each kernel a function of one thread -----------------------------===//
//
//   func @train() { %a = dl.kernel ... {launch = {...}, symbol = "kernel_0"}; ... }
// becomes
//   func @kernel_0(frame, rows, input and result pointers)    what one thread of the grid does
//
// Which launches make up a function, the manifest says: it has been written before.
//
//   func @advance(frame, rows, loss)
// stands behind the kernels of @train where steps follow each other without the host: it counts the
// step, goes on to the next batch's row numbers, and adds up the loss.
//
//===------------------------------------------------------------------------------------------===//
#include "Alike.h"
#include "GpuEmitter.h"
#include "dlc/Conversion/Passes.h"
#include "dlc/IR/Forms.h"

#include "dlrt/abi.h"
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
  void runOnOperation() override {
    OpBuilder b(&getContext());
    SmallVector<KernelOp> known;
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto batch = function->getAttrOfType<IntegerAttr>("dl.batch");
      for (auto kernel : function.getOps<KernelOp>()) {
        Launch launch = chooseLaunch(kernel, batch ? batch.getInt() : 1);
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
    if (auto train = module.lookupSymbol<func::FuncOp>("train"))
      for (auto output : train.getOps<OutputOp>())
        if (output.getName() == "loss")
          makeAdvance(train, cast<RankedTensorType>(output.getX().getType()).getElementType());
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
    SmallVector<Type> arguments{pointer, b.getI64Type()};
    arguments.append(kernel.getInputs().size() + kernel.getNumResults(), pointer);
    auto body = func::FuncOp::create(b, kernel.getLoc(), symbol.getValue(),
                                     b.getFunctionType(arguments, {}));
    body->setAttr("dl.threads", b.getI64IntegerAttr(launchOf(kernel).threads));
    return GpuEmitter(body, kernel).emit();
  }

  void makeAdvance(func::FuncOp train, Type lossType) {
    ImplicitLocOpBuilder b(train.getLoc(), &getContext());
    b.setInsertionPoint(train);
    Type pointer = LLVM::LLVMPointerType::get(&getContext()), number = b.getI64Type();
    auto function =
        func::FuncOp::create(b, "advance", b.getFunctionType({pointer, number, pointer}, {}));
    function->setAttr("dl.threads", b.getI64IntegerAttr(1));
    Block *entry = function.addEntryBlock();
    b.setInsertionPointToStart(entry);
    Value frame = entry->getArgument(0), rows = entry->getArgument(1);
    auto change = [&](size_t offset, Type type, llvm::function_ref<Value(Value)> next) {
      auto at = LLVM::GEPArg(static_cast<int32_t>(offset));
      Value place = LLVM::GEPOp::create(b, pointer, b.getI8Type(), frame, ArrayRef(at));
      LLVM::StoreOp::create(b, next(LLVM::LoadOp::create(b, type, place)), place);
    };
    change(offsetof(dlrt_frame, step), number, [&](Value step) -> Value {
      return arith::AddIOp::create(b, step, arith::ConstantOp::create(b, b.getI64IntegerAttr(1)));
    });
    change(offsetof(dlrt_frame, indices), pointer, [&](Value indices) -> Value {
      return LLVM::GEPOp::create(b, pointer, b.getI32Type(), indices, ArrayRef<LLVM::GEPArg>{rows});
    });
    change(offsetof(dlrt_frame, loss_sum), b.getF64Type(), [&](Value sum) -> Value {
      Value loss = LLVM::LoadOp::create(b, lossType, entry->getArgument(2));
      if (!lossType.isF64())
        loss = arith::ExtFOp::create(b, b.getF64Type(), loss);
      Value weight = arith::SIToFPOp::create(b, b.getF64Type(), rows);
      return arith::AddFOp::create(b, sum, arith::MulFOp::create(b, loss, weight));
    });
    func::ReturnOp::create(b);
  }
};
} // namespace

//===- KernelsToLoops.cpp - Each kernel a function, each function a list of calls -------------===//
//
//   func @train() { %a = dl.kernel ...; %b = dl.kernel ... {barrier}; dl.assign ... }
// becomes
//   func @train.k0(frame, thread, threads), func @train.k1(...)
//   func @train(frame, thread, threads) { call @train.k0; frame.barrier(); call @train.k1 }
//
//===------------------------------------------------------------------------------------------===//
#include "KernelEmitter.h"
#include "dlc/Conversion/Passes.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"

#include <cstddef>

namespace dlc {
#define GEN_PASS_DEF_CONVERTKERNELSTOLOOPSPASS
#include "dlc/Conversion/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// frame.barrier(frame, thread)
static void callBarrier(ImplicitLocOpBuilder &b, Value frame, Value thread) {
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value slot = LLVM::GEPOp::create(b, pointer, b.getI8Type(), frame,
                                   ArrayRef<LLVM::GEPArg>{int32_t(offsetof(dlrt_frame, barrier))});
  Value function = LLVM::LoadOp::create(b, pointer, slot);
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()),
                                          {pointer, b.getI64Type()});
  LLVM::CallOp::create(b, type, ValueRange{function, frame, thread});
}

namespace {
struct ConvertKernelsToLoopsPass
    : dlc::impl::ConvertKernelsToLoopsPassBase<ConvertKernelsToLoopsPass> {
  using ConvertKernelsToLoopsPassBase::ConvertKernelsToLoopsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    llvm::StringMap<int64_t> fields;
    for (auto field : module.getOps<FieldOp>())
      fields.try_emplace(field.getSymName(), fields.size());
    fieldNumbers = &fields;
    for (auto function : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (failed(convert(function)))
        return signalPassFailure();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<VariableOp, FieldOp>(op))
        op.erase();
  }

  FunctionType kernelType() {
    OpBuilder b(&getContext());
    Type pointer = LLVM::LLVMPointerType::get(&getContext());
    return b.getFunctionType({pointer, b.getI64Type(), b.getI64Type()}, {});
  }

  LogicalResult convert(func::FuncOp function) {
    OpBuilder before(function);
    auto driver = func::FuncOp::create(before, function.getLoc(), function.getName(), kernelType());
    Block *entry = driver.addEntryBlock();
    ImplicitLocOpBuilder b(function.getLoc(), &getContext());
    b.setInsertionPointToStart(entry);
    for (auto [number, kernel] : llvm::enumerate(function.getOps<KernelOp>())) {
      if (kernel->hasAttr("barrier"))
        callBarrier(b, entry->getArgument(0), entry->getArgument(1));
      std::string name = (function.getName() + ".k" + Twine(number)).str();
      auto body = func::FuncOp::create(before, kernel.getLoc(), name, kernelType());
      KernelEmitter emitter(body, kernel, {vectorBytes, registers},
                            [&](StringRef field) { return fieldNumbers->lookup(field); });
      if (failed(emitter.emit()))
        return failure();
      func::CallOp::create(b, body, entry->getArguments());
    }
    func::ReturnOp::create(b);
    function.erase();
    return success();
  }

  llvm::StringMap<int64_t> *fieldNumbers = nullptr;
};
} // namespace

//===- LoopCode.h - Code around kernels that stays on the device --------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_LOOPCODE_H
#define DLC_LIB_CONVERSION_GPU_LOOPCODE_H

#include "GpuEmitter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace dlc {

/// Writes code of the device that works on frames and in loops.
class LoopCode {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  explicit LoopCode(mlir::ImplicitLocOpBuilder &b)
      : b(b), pointer(mlir::LLVM::LLVMPointerType::get(b.getContext())) {}

  Value number(int64_t value) {
    return mlir::arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  }
  Value word(int64_t value) {
    return mlir::arith::ConstantOp::create(b, b.getI32IntegerAttr(value));
  }
  Value at(Value base, int64_t bytes) {
    return mlir::LLVM::GEPOp::create(b, pointer, b.getI8Type(), base,
                                     llvm::ArrayRef<mlir::LLVM::GEPArg>{number(bytes)});
  }
  /// Changes what lies so many bytes behind `base`.
  void change(Value base, int64_t bytes, Type type, llvm::function_ref<Value(Value)> next) {
    Value place = at(base, bytes);
    mlir::LLVM::StoreOp::create(b, next(mlir::LLVM::LoadOp::create(b, type, place)), place);
  }
  void call(llvm::StringRef intrinsic, mlir::ValueRange arguments) {
    mlir::LLVM::CallIntrinsicOp::create(b, b.getStringAttr(intrinsic), arguments);
  }
  void blockBarrier() { call("llvm.nvvm.barrier.cta.sync.aligned.all", word(0)); }
  Value equal(Value x, int64_t value) {
    Value other = x.getType().isInteger(32) ? word(value) : number(value);
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::eq, x, other);
  }
  void onlyIf(Value condition, llvm::function_ref<void()> body) {
    auto branch = mlir::scf::IfOp::create(b, condition, /*withElseRegion=*/false);
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    body();
  }
  void loop(Value low, Value high, Value step, llvm::function_ref<void(Value)> body) {
    auto op = mlir::scf::ForOp::create(b, low, high, step);
    mlir::OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.getBody());
    body(op.getInductionVar());
  }

  mlir::ImplicitLocOpBuilder &b;
  Type pointer;
};

/// Makes `grid_barrier(frame, round)`, where all blocks of the grid wait until each has come for
/// the round-th time. Rounds count from 1 on.
mlir::func::FuncOp makeGridBarrier(mlir::func::FuncOp before);

} // namespace dlc

#endif

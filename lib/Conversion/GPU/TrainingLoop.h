//===- TrainingLoop.h - Steps that follow each other on the device ------------------*- C++ -*-===//
#ifndef DLC_LIB_CONVERSION_GPU_TRAININGLOOP_H
#define DLC_LIB_CONVERSION_GPU_TRAININGLOOP_H

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace dlc {

/// The name of the function with the work of one block of a kernel.
std::string bodyName(KernelOp kernel);

/// Bytes at whose multiples tensors lie in the arena.
constexpr int64_t kTensorAlignment = 64;
/// Of a field's rows, as far as their size allows: a field may be memory of the caller, from any
/// row on. The runtime asks for it (Runtime/Gpu/CallersGpu.cpp).
constexpr int64_t kRowAlignment = 16;
int64_t alignmentOf(mlir::Value tensor);

/// A function of the device that only others call.
mlir::func::FuncOp makeInternal(mlir::OpBuilder &b, mlir::Location loc, llvm::StringRef name,
                                llvm::ArrayRef<mlir::Type> arguments);

/// Where kernels can start early, what a launched one begins with: it lets the next one start, and
/// waits until the one before has ended and all that it wrote can be read.
///
/// No kernel may touch memory before that. It is enough: every thread of every launched kernel
/// waits, so one has ended only after the one before it has, and so on. What a kernel writes, none
/// before it still reads, and none behind it has begun to. Nothing hangs: a kernel starts early
/// only when all blocks of the one before are there, so those that it keeps from a multiprocessor
/// are none that it waits for.
void waitForKernelBefore(mlir::ImplicitLocOpBuilder &b, mlir::ModuleOp module);

/// Makes `advance(frame, rows, loss, scalars...)`, which stands behind the kernels of a step where
/// the next one follows without the host: it counts the step, goes on to the next batch's row
/// numbers, adds up the loss, and computes the next step's scalars, which the kernel `of_step`
/// otherwise does. Nothing is made for a function without a loss.
void makeAdvance(mlir::func::FuncOp train);

/// Makes `train_loop(frame, rows, steps, arena, fields...)`: the kernels of many steps as
/// LoopPlan.h says, whose blocks stay on the device and wait for each other at barriers. To be
/// launched with blocks that all run at once. It leaves the loss's sum in the frame and nothing
/// else.
void makeTrainingLoop(mlir::func::FuncOp train);

} // namespace dlc

#endif

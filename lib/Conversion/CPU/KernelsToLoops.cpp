//===- KernelsToLoops.cpp - Each kernel a function, each function a list of calls -------------===//
//
//   func @train() { %a = dl.kernel ...; %b = dl.kernel ... {barrier}; dl.assign ... }
// becomes
//   func @kernel_0(frame, thread, threads, input and result pointers)    the loops
//   func @train.k0(frame, thread, threads) { call @kernel_0(..., arena + 64, ...) }
//   func @train(frame, thread, threads) { call @train.k0; frame.barrier(); call @train.k1 }
//
// Kernels that differ only in where their tensors lie share their loops: a net of equal layers
// compiles in the time of one.
//
//===------------------------------------------------------------------------------------------===//
#include "Alike.h"
#include "CpuEmitter.h"
#include "dlc/Conversion/Passes.h"
#include "dlc/IR/Forms.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/TypeUtilities.h"

#include <cstddef>

namespace dlc {
#define GEN_PASS_DEF_CONVERTKERNELSTOLOOPSPASS
#include "dlc/Conversion/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

namespace {
struct ConvertKernelsToLoopsPass
    : dlc::impl::ConvertKernelsToLoopsPassBase<ConvertKernelsToLoopsPass> {
  using ConvertKernelsToLoopsPassBase::ConvertKernelsToLoopsPassBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    fieldNumbers.clear();
    bodies.clear();
    for (auto field : module.getOps<FieldOp>())
      fieldNumbers.try_emplace(field.getSymName(), fieldNumbers.size());
    SmallVector<func::FuncOp> functions(module.getOps<func::FuncOp>());
    for (func::FuncOp function : functions)
      if (failed(verifyPlanned(function)) || failed(convert(function)))
        return signalPassFailure();
    for (func::FuncOp function : functions)
      function.erase();
    for (Operation &op : llvm::make_early_inc_range(*module.getBody()))
      if (isa<VariableOp, FieldOp>(op))
        op.erase();
  }

  Type pointer() { return LLVM::LLVMPointerType::get(&getContext()); }

  FunctionType functionType(size_t pointers) {
    OpBuilder b(&getContext());
    SmallVector<Type> arguments{pointer(), b.getI64Type(), b.getI64Type()};
    arguments.append(pointers, pointer());
    return b.getFunctionType(arguments, {});
  }

  /// The function with the kernel's loops, made now or for a kernel before it.
  FailureOr<func::FuncOp> bodyOf(KernelOp kernel, OpBuilder &before) {
    for (auto &[known, body] : bodies)
      if (areAlike(known, kernel))
        return body;
    for (Operation &op : kernel.getBody().front())
      for (Type type : op.getOperandTypes())
        if (isHalf(getElementTypeOrSelf(type)))
          return op.emitOpError("has operands of 16 bits, which are for GPUs alone");
    std::string name = "kernel_" + std::to_string(bodies.size());
    FunctionType type = functionType(kernel.getInputs().size() + kernel.getNumResults());
    auto body = func::FuncOp::create(before, kernel.getLoc(), name, type);
    if (failed(CpuEmitter(body, kernel, {vectorBytes, registers}).emit()))
      return failure();
    bodies.push_back({kernel, body});
    return body;
  }

  /// Bytes [offset, ...) from `base`.
  Value offset(ImplicitLocOpBuilder &b, Value base, int64_t bytes) {
    return LLVM::GEPOp::create(b, pointer(), b.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{constant(b, bytes)});
  }

  Value constant(ImplicitLocOpBuilder &b, int64_t value) {
    return arith::ConstantOp::create(b, b.getI64IntegerAttr(value));
  }

  Value loadPointer(ImplicitLocOpBuilder &b, Value base, int64_t bytes) {
    return LLVM::LoadOp::create(b, pointer(), offset(b, base, bytes));
  }

  /// Where an operand or a result of a kernel lies, for a thread of some threads.
  Value place(ImplicitLocOpBuilder &b, Value value, Value frame, Value thread, Value threads) {
    if (auto input = value.getDefiningOp<InputOp>()) {
      Value fields = loadPointer(b, frame, offsetof(dlrt_frame, fields));
      return loadPointer(b, fields, 8 * fieldNumbers.lookup(input.getField()));
    }
    Value arena = loadPointer(b, frame, offsetof(dlrt_frame, arena));
    int64_t at = 0;
    if (auto read = value.getDefiningOp<ReadOp>()) {
      auto variable =
          SymbolTable::lookupNearestSymbolFrom<VariableOp>(read, read.getVariableAttr());
      at = variable->getAttrOfType<IntegerAttr>("offset").getInt();
    } else {
      auto producer = value.getDefiningOp<KernelOp>();
      auto offsets = producer->getAttrOfType<DenseI64ArrayAttr>("offsets");
      at = offsets[cast<OpResult>(value).getResultNumber()];
      if (producer->hasAttr("replicated")) {
        auto bytes = [&](StringRef name) {
          return getOperation()->getAttrOfType<IntegerAttr>(name).getInt();
        };
        Value few = arith::CmpIOp::create(b, arith::CmpIPredicate::sle, threads,
                                          constant(b, DLRT_MOST_COPIES));
        Value copy = arith::SelectOp::create(b, few, thread, constant(b, 0));
        Value before = arith::MulIOp::create(b, copy, constant(b, bytes("dl.copy_bytes")));
        arena =
            LLVM::GEPOp::create(b, pointer(), b.getI8Type(), arena, ArrayRef<LLVM::GEPArg>{before});
        at += bytes("dl.arena_bytes");
      }
    }
    return offset(b, arena, at);
  }

  /// frame.barrier(frame, thread)
  void callBarrier(ImplicitLocOpBuilder &b, Value frame, Value thread) {
    Value function = loadPointer(b, frame, offsetof(dlrt_frame, barrier));
    auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(&getContext()),
                                            {pointer(), b.getI64Type()});
    LLVM::CallOp::create(b, type, ValueRange{function, frame, thread});
  }

  /// The same where there are more than `count` threads.
  void callBarrierBeyond(ImplicitLocOpBuilder &b, int64_t count, ValueRange arguments) {
    Value more =
        arith::CmpIOp::create(b, arith::CmpIPredicate::sgt, arguments[2], constant(b, count));
    auto branch = scf::IfOp::create(b, more, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    callBarrier(b, arguments[0], arguments[1]);
  }

  LogicalResult convert(func::FuncOp function) {
    OpBuilder before(function);
    std::string name = function.getName().str();
    function.setName("graph." + name);
    auto driver = func::FuncOp::create(before, function.getLoc(), name, functionType(0));
    Block *entry = driver.addEntryBlock();
    ImplicitLocOpBuilder b(function.getLoc(), &getContext());
    b.setInsertionPointToStart(entry);
    for (auto [number, kernel] : llvm::enumerate(function.getOps<KernelOp>())) {
      FailureOr<func::FuncOp> body = bodyOf(kernel, before);
      if (failed(body))
        return failure();
      auto call = func::FuncOp::create(before, kernel.getLoc(),
                                       name + ".k" + std::to_string(number), functionType(0));
      Block *block = call.addEntryBlock();
      ImplicitLocOpBuilder inner(kernel.getLoc(), &getContext());
      inner.setInsertionPointToStart(block);
      SmallVector<Value> arguments(block->getArguments());
      auto add = [&](Value value) {
        arguments.push_back(place(inner, value, block->getArgument(0), block->getArgument(1),
                                  block->getArgument(2)));
      };
      llvm::for_each(kernel.getInputs(), add);
      llvm::for_each(kernel.getResults(), add);
      func::CallOp::create(inner, *body, arguments);
      func::ReturnOp::create(inner);
      if (kernel->hasAttr("barrier"))
        callBarrier(b, entry->getArgument(0), entry->getArgument(1));
      else if (auto beyond = kernel->getAttrOfType<IntegerAttr>("barrier_beyond"))
        callBarrierBeyond(b, beyond.getInt(), entry->getArguments());
      func::CallOp::create(b, call, entry->getArguments());
    }
    func::ReturnOp::create(b);
    return success();
  }

  llvm::StringMap<int64_t> fieldNumbers;
  SmallVector<std::pair<KernelOp, func::FuncOp>> bodies;
};
} // namespace

//===- TrainingLoop.cpp - Steps that follow each other on the device --------------------------===//
#include "TrainingLoop.h"
#include "GpuEmitter.h"
#include "Launch.h"

#include "dlrt/abi.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

#include <cstddef>
#include <numeric>

using namespace mlir;

namespace dlc {

std::string bodyName(KernelOp kernel) {
  return (kernel->getAttrOfType<StringAttr>("symbol").getValue() + ".body").str();
}

func::FuncOp makeInternal(OpBuilder &b, Location loc, StringRef name, ArrayRef<Type> arguments) {
  auto function = func::FuncOp::create(b, loc, name, b.getFunctionType(arguments, {}));
  function.setPrivate();
  function->setAttr("llvm.linkage",
                    LLVM::LinkageAttr::get(b.getContext(), LLVM::Linkage::Internal));
  return function;
}

int64_t alignmentOf(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!isa_and_nonnull<InputOp>(tensor.getDefiningOp()))
    return kTensorAlignment;
  int64_t bytes = (type.getElementTypeBitWidth() + 7) / 8;
  for (int64_t size : type.getShape().drop_front())
    bytes *= size;
  return std::gcd(bytes, kRowAlignment);
}

/// The output `loss` of a training step, or null.
static OutputOp lossOf(func::FuncOp train) {
  for (auto output : train.getOps<OutputOp>())
    if (output.getName() == "loss")
      return output;
  return nullptr;
}

namespace {
/// Writes code of the device that works on the frame.
class FrameCode {
public:
  explicit FrameCode(ImplicitLocOpBuilder &b)
      : b(b), pointer(LLVM::LLVMPointerType::get(b.getContext())) {}

  Value number(int64_t value) { return arith::ConstantOp::create(b, b.getI64IntegerAttr(value)); }
  Value word(int64_t value) { return arith::ConstantOp::create(b, b.getI32IntegerAttr(value)); }
  Value at(Value base, int64_t bytes) {
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{number(bytes)});
  }
  void change(Value frame, size_t offset, Type type, llvm::function_ref<Value(Value)> next) {
    Value place = at(frame, static_cast<int64_t>(offset));
    LLVM::StoreOp::create(b, next(LLVM::LoadOp::create(b, type, place)), place);
  }
  void call(StringRef intrinsic, ValueRange arguments) {
    LLVM::CallIntrinsicOp::create(b, b.getStringAttr(intrinsic), arguments);
  }
  void blockBarrier() { call("llvm.nvvm.barrier.cta.sync.aligned.all", word(0)); }
  Value equal(Value x, int64_t value) {
    Value other = x.getType().isInteger(32) ? word(value) : number(value);
    return arith::CmpIOp::create(b, arith::CmpIPredicate::eq, x, other);
  }
  void onlyIf(Value condition, llvm::function_ref<void()> body) {
    auto branch = scf::IfOp::create(b, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(branch.thenBlock());
    body();
  }
  void loop(Value low, Value high, Value step, llvm::function_ref<void(Value)> body) {
    auto op = scf::ForOp::create(b, low, high, step);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(op.getBody());
    body(op.getInductionVar());
  }

  ImplicitLocOpBuilder &b;
  Type pointer;
};
} // namespace

void makeAdvance(func::FuncOp train) {
  OutputOp output = lossOf(train);
  if (!output)
    return;
  Type lossType = cast<RankedTensorType>(output.getX().getType()).getElementType();
  ImplicitLocOpBuilder b(train.getLoc(), train.getContext());
  b.setInsertionPoint(train);
  FrameCode code(b);
  SmallVector<Type> arguments{code.pointer, b.getI64Type(), code.pointer};
  auto function = makeInternal(b, train.getLoc(), "advance.body", arguments);
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Value frame = entry->getArgument(0), rows = entry->getArgument(1);
  code.change(frame, offsetof(dlrt_frame, step), b.getI64Type(),
              [&](Value step) -> Value { return arith::AddIOp::create(b, step, code.number(1)); });
  code.change(frame, offsetof(dlrt_frame, indices), code.pointer, [&](Value indices) -> Value {
    return LLVM::GEPOp::create(b, code.pointer, b.getI32Type(), indices,
                               ArrayRef<LLVM::GEPArg>{rows});
  });
  code.change(frame, offsetof(dlrt_frame, loss_sum), b.getF64Type(), [&](Value sum) -> Value {
    Value loss = LLVM::LoadOp::create(b, lossType, entry->getArgument(2));
    if (!lossType.isF64())
      loss = arith::ExtFOp::create(b, b.getF64Type(), loss);
    Value weight = arith::SIToFPOp::create(b, b.getF64Type(), rows);
    return arith::AddFOp::create(b, sum, arith::MulFOp::create(b, loss, weight));
  });
  func::ReturnOp::create(b);

  b.setInsertionPoint(train);
  auto launch = func::FuncOp::create(b, "advance", b.getFunctionType(arguments, {}));
  launch->setAttr("dl.threads", b.getI64IntegerAttr(1));
  b.setInsertionPointToStart(launch.addEntryBlock());
  func::CallOp::create(b, function, launch.getArguments());
  func::ReturnOp::create(b);
}

/// Makes `grid_barrier(frame)`. Each block counts itself and waits until all have come as often as
/// it has. A wait has an end: a barrier that one block never reaches would hang the device, and
/// with it whatever it shows. Where one was given up, the others are not waited at.
///
/// The order of memory is made by fences, as LLVM's NVPTX drops what an atomic operation says of
/// it.
static func::FuncOp makeGridBarrier(func::FuncOp train) {
  constexpr int64_t kMostTurns = 20'000'000; // seconds
  constexpr StringLiteral kDevice = "device";
  ImplicitLocOpBuilder b(train.getLoc(), train.getContext());
  b.setInsertionPoint(train);
  FrameCode code(b);
  auto function = makeInternal(b, train.getLoc(), "grid_barrier", {code.pointer});
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Type word = b.getI32Type();
  Value arrived = code.at(entry->getArgument(0), offsetof(dlrt_frame, arrived));
  Value hung = code.at(entry->getArgument(0), offsetof(dlrt_frame, hung));
  auto fence = [&] { LLVM::FenceOp::create(b, LLVM::AtomicOrdering::acq_rel, kDevice); };
  auto load = [&](Value place) -> Value {
    return LLVM::LoadOp::create(b, word, place, /*alignment=*/4, /*isVolatile=*/false,
                                /*isNonTemporal=*/false, /*isInvariant=*/false,
                                /*isInvariantGroup=*/false, LLVM::AtomicOrdering::monotonic,
                                kDevice);
  };
  code.blockBarrier();
  code.onlyIf(code.equal(gridNumber(b, "tid.x"), 0), [&] {
    fence();
    Value before = LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, arrived, code.word(1),
                                             LLVM::AtomicOrdering::monotonic, kDevice);
    Value blocks = arith::TruncIOp::create(b, word, gridNumber(b, "nctaid.x"));
    Value round = arith::AddIOp::create(b, arith::DivUIOp::create(b, before, blocks), code.word(1));
    Value target = arith::MulIOp::create(b, round, blocks);
    scf::WhileOp::create(
        b, TypeRange{b.getI64Type()}, ValueRange{code.number(0)},
        [&](OpBuilder &, Location, ValueRange state) {
          Value missing =
              arith::CmpIOp::create(b, arith::CmpIPredicate::ult, load(arrived), target);
          Value wait = arith::AndIOp::create(b, missing, code.equal(load(hung), 0));
          scf::ConditionOp::create(b, wait, state);
        },
        [&](OpBuilder &, Location, ValueRange state) {
          code.call("llvm.nvvm.nanosleep", code.word(20));
          Value turns = arith::AddIOp::create(b, state[0], code.number(1));
          code.onlyIf(code.equal(turns, kMostTurns),
                      [&] { LLVM::StoreOp::create(b, code.word(1), hung); });
          scf::YieldOp::create(b, turns);
        });
    fence();
  });
  code.blockBarrier();
  func::ReturnOp::create(b);
  return function;
}

namespace {
/// Where a kernel's operands and results lie, for code that has the arena and the fields.
class Places {
public:
  Places(FrameCode &code, ModuleOp module, Value arena, ValueRange fields)
      : code(code), module(module), arena(arena) {
    for (auto [field, pointer] : llvm::zip_equal(module.getOps<FieldOp>(), fields))
      fieldPointers[field.getSymName()] = pointer;
  }

  Value of(Value value) {
    if (auto input = value.getDefiningOp<InputOp>())
      return fieldPointers.lookup(input.getField());
    if (auto read = value.getDefiningOp<ReadOp>()) {
      auto variable = module.lookupSymbol<VariableOp>(read.getVariable());
      return code.at(arena, variable->getAttrOfType<IntegerAttr>("offset").getInt());
    }
    auto offsets = value.getDefiningOp<KernelOp>()->getAttrOfType<DenseI64ArrayAttr>("offsets");
    return code.at(arena, offsets[cast<OpResult>(value).getResultNumber()]);
  }

private:
  FrameCode &code;
  ModuleOp module;
  Value arena;
  llvm::StringMap<Value> fieldPointers;
};
} // namespace

void makeTrainingLoop(func::FuncOp train) {
  auto module = train->getParentOfType<ModuleOp>();
  OutputOp loss = lossOf(train);
  auto advance = module.lookupSymbol<func::FuncOp>("advance.body");
  if (!loss || !advance)
    return;
  func::FuncOp gridBarrier = makeGridBarrier(train);
  ImplicitLocOpBuilder b(train.getLoc(), train.getContext());
  b.setInsertionPoint(train);
  FrameCode code(b);
  Type number = b.getI64Type();
  SmallVector<Type> arguments{code.pointer, number, number, code.pointer};
  arguments.append(llvm::range_size(module.getOps<FieldOp>()), code.pointer);
  auto function = func::FuncOp::create(b, "train_loop", b.getFunctionType(arguments, {}));
  function.setArgAttr(3, "llvm.align", b.getI64IntegerAttr(kTensorAlignment));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Value frame = entry->getArgument(0), rows = entry->getArgument(1), steps = entry->getArgument(2);
  Places places(code, module, entry->getArgument(3),
                ValueRange(entry->getArguments()).drop_front(4));
  Value block = gridNumber(b, "ctaid.x"), blocks = gridNumber(b, "nctaid.x");
  auto barrier = [&] { func::CallOp::create(b, gridBarrier, ValueRange(frame)); };

  code.loop(code.number(0), steps, code.number(1), [&](Value) {
    for (auto kernel : train.getOps<KernelOp>()) {
      if (kernel->hasAttr("barrier"))
        barrier();
      Launch launch = launchOf(kernel);
      function->setAttr("dl.threads", b.getI64IntegerAttr(launch.threads));
      auto body = module.lookupSymbol<func::FuncOp>(bodyName(kernel));
      SmallVector<Value> values{frame, rows, Value()};
      for (Value input : kernel.getInputs())
        values.push_back(places.of(input));
      for (Value result : kernel.getResults())
        values.push_back(places.of(result));
      code.loop(block, code.number(launch.blocks), blocks, [&](Value number) {
        values[2] = number;
        func::CallOp::create(b, body, values);
      });
    }
    barrier();
    Value first =
        arith::AndIOp::create(b, code.equal(block, 0), code.equal(gridNumber(b, "tid.x"), 0));
    Value lossAt =
        code.at(entry->getArgument(3), loss->getAttrOfType<IntegerAttr>("offset").getInt());
    code.onlyIf(first, [&] { func::CallOp::create(b, advance, ValueRange{frame, rows, lossAt}); });
    barrier();
  });
  func::ReturnOp::create(b);
}

} // namespace dlc

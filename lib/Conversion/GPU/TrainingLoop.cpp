//===- TrainingLoop.cpp - Steps that follow each other on the device --------------------------===//
#include "TrainingLoop.h"
#include "LoopCode.h"
#include "LoopPlan.h"
#include "ResidentState.h"

#include "dlrt/abi.h"

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

/// Of a field with such rows.
static int64_t alignmentOf(ArrayRef<int64_t> row, Type element) {
  int64_t bytes = (element.getIntOrFloatBitWidth() + 7) / 8;
  for (int64_t size : row)
    bytes *= size;
  return std::gcd(bytes, kRowAlignment);
}

int64_t alignmentOf(Value tensor) {
  auto type = cast<RankedTensorType>(tensor.getType());
  if (!isa_and_nonnull<InputOp>(tensor.getDefiningOp()))
    return kTensorAlignment;
  return alignmentOf(type.getShape().drop_front(), type.getElementType());
}

/// The output `loss` of a training step, or null.
static OutputOp lossOf(func::FuncOp train) {
  for (auto output : train.getOps<OutputOp>())
    if (output.getName() == "loss")
      return output;
  return nullptr;
}

/// Adds the loss of a step, which lies at `place`, to the frame's sum.
static void addLoss(LoopCode &code, Value frame, Value rows, Value place, OutputOp loss) {
  ImplicitLocOpBuilder &b = code.b;
  Type type = cast<RankedTensorType>(loss.getX().getType()).getElementType();
  code.change(frame, offsetof(dlrt_frame, loss_sum), b.getF64Type(), [&](Value sum) -> Value {
    Value value = LLVM::LoadOp::create(b, type, place);
    if (!type.isF64())
      value = arith::ExtFOp::create(b, b.getF64Type(), value);
    Value weight = arith::SIToFPOp::create(b, b.getF64Type(), rows);
    return arith::AddFOp::create(b, sum, arith::MulFOp::create(b, value, weight));
  });
}

/// Makes of a step's frame the one of the step `ahead` further on.
static void goOn(LoopCode &code, Value frame, Value rows, Value ahead) {
  ImplicitLocOpBuilder &b = code.b;
  code.change(frame, offsetof(dlrt_frame, step), b.getI64Type(),
              [&](Value step) -> Value { return arith::AddIOp::create(b, step, ahead); });
  code.change(frame, offsetof(dlrt_frame, indices), code.pointer, [&](Value indices) -> Value {
    Value distance = arith::MulIOp::create(b, rows, ahead);
    return LLVM::GEPOp::create(b, code.pointer, b.getI32Type(), indices,
                               ArrayRef<LLVM::GEPArg>{distance});
  });
}

void waitForKernelBefore(ImplicitLocOpBuilder &b, ModuleOp module) {
  if (!module->hasAttr("dl.early_launches"))
    return;
  LoopCode code(b);
  code.call("llvm.nvvm.griddepcontrol.launch.dependents", {});
  code.call("llvm.nvvm.griddepcontrol.wait", {});
}

void makeAdvance(func::FuncOp train) {
  OutputOp loss = lossOf(train);
  if (!loss)
    return;
  ImplicitLocOpBuilder b(train.getLoc(), train.getContext());
  b.setInsertionPoint(train);
  LoopCode code(b);
  KernelOp ofStep;
  for (auto kernel : train.getOps<KernelOp>())
    if (kernel->hasAttr("of_step"))
      ofStep = kernel;
  SmallVector<Type> arguments{code.pointer, b.getI64Type(), code.pointer};
  if (ofStep)
    arguments.append(ofStep.getNumResults(), code.pointer);
  auto function = func::FuncOp::create(b, "advance", b.getFunctionType(arguments, {}));
  function->setAttr("dl.threads", b.getI64IntegerAttr(1));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  auto module = train->getParentOfType<ModuleOp>();
  waitForKernelBefore(b, module);
  Value frame = entry->getArgument(0), rows = entry->getArgument(1);
  goOn(code, frame, rows, code.number(1));
  addLoss(code, frame, rows, entry->getArgument(2), loss);
  if (ofStep) {
    SmallVector<Value> values{frame, rows, /*block=*/code.number(0)};
    llvm::append_range(values, entry->getArguments().drop_front(3));
    auto body = module.lookupSymbol<func::FuncOp>(bodyName(ofStep));
    func::CallOp::create(b, body, values);
  }
  func::ReturnOp::create(b);
}

namespace {
/// Writes the loop: in turn t, phase by phase, the kernels of the steps that they work on.
class LoopWriter {
public:
  LoopWriter(ImplicitLocOpBuilder &b, func::FuncOp train, func::FuncOp barrier,
             ValueRange arguments)
      : b(b), code(b), train(train), module(train->getParentOfType<ModuleOp>()),
        loss(lossOf(train)), barrier(barrier), deviceFrame(arguments[0]), rows(arguments[1]),
        steps(arguments[2]), sharedBytes(arguments[3]), arena(arguments[4]),
        block(gridNumber(b, "ctaid.x")), blocks(gridNumber(b, "nctaid.x")),
        firstThread(code.equal(gridNumber(b, "tid.x"), 0)) {
    for (auto [field, pointer] : llvm::zip_equal(module.getOps<FieldOp>(), arguments.drop_front(5)))
      fieldPointers[field.getSymName()] = pointer;
    for (auto kernel : train.getOps<KernelOp>())
      mostBehind = std::max(mostBehind, loopPlaceOf(kernel).behind);
    Value memory = loss.getX();
    if (auto view = memory.getDefiningOp<ReshapeOp>())
      memory = view.getX();
    lossResult = cast<OpResult>(memory);
  }

  void write() {
    // The frame of each step at work, a copy in each thread: nobody waits for it to go on. The loss
    // is added up in the copy of the one thread that does it.
    constexpr int64_t bytes = sizeof(dlrt_frame);
    for (int64_t behind = 0; behind <= mostBehind; ++behind) {
      auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes);
      frames.push_back(LLVM::AllocaOp::create(b, code.pointer, type, code.number(1), 8));
      LLVM::MemcpyOp::create(b, frames.back(), deviceFrame, code.number(bytes), false);
      goOn(code, frames.back(), rows, code.number(-behind));
    }
    for (auto kernel : train.getOps<KernelOp>())
      firstBlocks[kernel] = firstBlock(kernel);
    placeResidentState();
    Value turns = arith::AddIOp::create(b, steps, code.number(mostBehind));
    code.loop(code.number(0), turns, code.number(1), [&](Value turn) {
      for (int64_t phase = 0; phase < loopPhases(train); ++phase) {
        writePhase(turn, phase);
        waitAfter(turn, phase);
      }
      for (Value frame : frames)
        goOn(code, frame, rows, code.number(1));
    });
    auto lossKernel = cast<KernelOp>(lossResult.getOwner());
    Value adds = arith::AndIOp::create(b, code.equal(firstBlocks[lossKernel], 0), firstThread);
    code.onlyIf(adds, [&] {
      constexpr int64_t place = offsetof(dlrt_frame, loss_sum);
      Value own = code.at(frames[loopPlaceOf(lossKernel).behind], place);
      Value sum = LLVM::LoadOp::create(b, b.getF64Type(), own);
      LLVM::StoreOp::create(b, sum, code.at(deviceFrame, place));
    });
  }

private:
  Value stepOf(Value turn, int64_t behind) {
    return arith::SubIOp::create(b, turn, code.number(behind));
  }

  void writePhase(Value turn, int64_t phase) {
    for (auto kernel : train.getOps<KernelOp>()) {
      LoopPlace place = loopPlaceOf(kernel);
      if (place.phase != phase)
        continue;
      Value step = stepOf(turn, place.behind);
      Value active = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, step, steps);
      code.onlyIf(active, [&] { writeKernel(kernel, step); });
    }
  }

  /// The first block of a kernel that is this one's. The blocks of a phase's kernels form one list,
  /// which is dealt out to those of the grid: small kernels do not all meet in the same ones.
  Value firstBlock(KernelOp kernel) {
    int64_t before = 0;
    for (auto other : train.getOps<KernelOp>()) {
      if (other == kernel)
        break;
      if (loopPlaceOf(other).phase == loopPlaceOf(kernel).phase)
        before += launchOf(other).blocks;
    }
    Value grid = inWord(blocks), start = arith::RemUIOp::create(b, code.word(before), grid);
    Value ahead = arith::SubIOp::create(b, arith::AddIOp::create(b, inWord(block), grid), start);
    return inNumber(arith::RemUIOp::create(b, ahead, grid));
  }
  /// A GPU divides in 32 bits: in 64 it takes many times as long.
  Value inWord(Value number) { return arith::TruncIOp::create(b, b.getI32Type(), number); }
  Value inNumber(Value word) { return arith::ExtUIOp::create(b, b.getI64Type(), word); }

  void writeKernel(KernelOp kernel, Value step) {
    Value first = firstBlocks[kernel];
    auto body = module.lookupSymbol<func::FuncOp>(bodyName(kernel));
    LoopPlace place = loopPlaceOf(kernel);
    SmallVector<Value> tensors;
    for (Value input : kernel.getInputs())
      tensors.push_back(placeOf(input, step));
    for (Value result : kernel.getResults())
      tensors.push_back(placeOf(result, step));
    auto work = scf::ForOp::create(b, first, code.number(launchOf(kernel).blocks), blocks,
                                   /*rounds before=*/code.number(0));
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(work.getBody());
      Value round = work.getRegionIterArg(0);
      SmallVector<Value> values{frames[place.behind], rows, work.getInductionVar()};
      llvm::append_range(values, residentArguments(kernel, round, step));
      llvm::append_range(values, tensors);
      func::CallOp::create(b, body, values);
      scf::YieldOp::create(b, arith::AddIOp::create(b, round, code.number(1)).getResult());
    }
    // A kernel that makes one number has one block, which adds it up as well.
    if (lossResult.getOwner() == kernel)
      code.onlyIf(code.equal(first, 0), [&] {
        code.blockBarrier();
        code.onlyIf(firstThread, [&] {
          addLoss(code, frames[place.behind], rows, placeOf(lossResult, step), loss);
        });
      });
  }

  /// Deals out the shared memory that is left, kernel by kernel. What a block does in its n-th
  /// round of a kernel has the n-th place; beyond the last one it stays in memory.
  void placeResidentState() {
    Value next = code.number(loopSharedBytes(train));
    for (auto kernel : train.getOps<KernelOp>()) {
      if (!kernel->hasAttr("resident"))
        continue;
      Value bytes = code.number(residentStateOf(kernel).bytes), grid = inWord(blocks);
      Value last = arith::AddIOp::create(b, code.word(launchOf(kernel).blocks - 1), grid);
      Value rounds = inNumber(arith::DivUIOp::create(b, last, grid));
      Value room = arith::DivUIOp::create(b, arith::SubIOp::create(b, sharedBytes, next), bytes);
      rounds = arith::MinUIOp::create(b, rounds, room);
      residents[kernel] = {next, rounds};
      next = arith::AddIOp::create(b, next, arith::MulIOp::create(b, rounds, bytes));
    }
  }

  /// What a kernel's body is told of it: its place or -1, whether it is the first step, and the
  /// last one.
  SmallVector<Value> residentArguments(KernelOp kernel, Value round, Value step) {
    auto resident = residents.find(kernel);
    if (resident == residents.end())
      return {};
    auto [start, rounds] = resident->second;
    Value distance = arith::MulIOp::create(b, round, code.number(residentStateOf(kernel).bytes));
    Value fits = arith::CmpIOp::create(b, arith::CmpIPredicate::ult, round, rounds);
    Value place = arith::SelectOp::create(b, fits, arith::AddIOp::create(b, start, distance),
                                          code.number(-1));
    Value next = arith::AddIOp::create(b, step, code.number(1));
    Value isLast = arith::CmpIOp::create(b, arith::CmpIPredicate::eq, next, steps);
    return {place, code.equal(step, 0), isLast};
  }

  /// The barrier after a phase. In the last turn none is needed after the last kernel.
  void waitAfter(Value turn, int64_t phase) {
    bool works = llvm::any_of(train.getOps<KernelOp>(), [&](KernelOp kernel) {
      LoopPlace place = loopPlaceOf(kernel);
      return place.phase > phase && place.behind == mostBehind;
    });
    int64_t phases = loopPhases(train);
    auto wait = [&] {
      Value round = arith::AddIOp::create(b, arith::MulIOp::create(b, turn, code.number(phases)),
                                          code.number(phase + 1));
      func::CallOp::create(b, barrier, ValueRange{deviceFrame, round});
    };
    if (works)
      return wait();
    Value last = arith::AddIOp::create(b, steps, code.number(mostBehind - 1));
    code.onlyIf(arith::CmpIOp::create(b, arith::CmpIPredicate::ne, turn, last), wait);
  }

  /// Where an operand or a result of a kernel lies.
  Value placeOf(Value value, Value step) {
    if (auto input = value.getDefiningOp<InputOp>())
      return fieldPointers.lookup(input.getField());
    if (auto read = value.getDefiningOp<ReadOp>()) {
      auto variable = module.lookupSymbol<VariableOp>(read.getVariable());
      return code.at(arena, variable->getAttrOfType<IntegerAttr>("offset").getInt());
    }
    auto places = loopPlaceOf(value.getDefiningOp<KernelOp>()).places;
    size_t result = cast<OpResult>(value).getResultNumber();
    int64_t even = places[2 * result], odd = places[2 * result + 1];
    if (even == odd)
      return code.at(arena, even);
    Value parity = arith::RemUIOp::create(b, step, code.number(2));
    return arith::SelectOp::create(b, code.equal(parity, 0), code.at(arena, even),
                                   code.at(arena, odd));
  }

  ImplicitLocOpBuilder &b;
  LoopCode code;
  func::FuncOp train;
  ModuleOp module;
  OutputOp loss;
  func::FuncOp barrier;
  Value deviceFrame, rows, steps, sharedBytes, arena, block, blocks;
  Value firstThread; // whether it is that of its block
  OpResult lossResult;
  llvm::StringMap<Value> fieldPointers;
  DenseMap<Operation *, Value> firstBlocks; // of kernels
  /// Of kernels with resident state, where it begins and how many rounds it has room for.
  DenseMap<Operation *, std::pair<Value, Value>> residents;
  int64_t mostBehind = 0;
  SmallVector<Value> frames; // by how far behind their steps are
};
} // namespace

void makeTrainingLoop(func::FuncOp train) {
  if (!lossOf(train))
    return;
  auto module = train->getParentOfType<ModuleOp>();
  func::FuncOp barrier = makeGridBarrier(train);
  ImplicitLocOpBuilder b(train.getLoc(), train.getContext());
  b.setInsertionPoint(train);
  Type number = b.getI64Type(), pointer = LLVM::LLVMPointerType::get(b.getContext());
  SmallVector<Type> arguments{pointer, number, number, number, pointer};
  arguments.append(llvm::range_size(module.getOps<FieldOp>()), pointer);
  auto function = func::FuncOp::create(b, "train_loop", b.getFunctionType(arguments, {}));
  function.setArgAttr(0, "llvm.align", b.getI64IntegerAttr(alignof(dlrt_frame)));
  unsigned pointers = 4; // from this argument on
  function.setArgAttr(pointers, "llvm.align", b.getI64IntegerAttr(kTensorAlignment));
  for (auto field : module.getOps<FieldOp>()) {
    auto row = cast<RankedTensorType>(field.getType());
    int64_t alignment = alignmentOf(row.getShape(), row.getElementType());
    function.setArgAttr(++pointers, "llvm.align", b.getI64IntegerAttr(alignment));
  }
  int64_t threads = 1;
  for (auto kernel : train.getOps<KernelOp>())
    threads = std::max(threads, launchOf(kernel).threads);
  function->setAttr("dl.threads", b.getI64IntegerAttr(threads));
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  LoopWriter(b, train, barrier, entry->getArguments()).write();
  func::ReturnOp::create(b);
}

} // namespace dlc

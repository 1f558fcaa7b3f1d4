//===- GridBarrier.cpp - All blocks of a grid wait for each other -----------------------------===//
//
// Blocks count themselves in one word of the frame. As each knows how often it has been here, it
// knows the count to wait for, and need not see its own arrival's answer: an arrival is a reduction
// that is on its way while the waiting starts, and all poll that one word.
//
// Memory: the block's barrier puts what its threads did before the fence of thread 0, which makes
// the arrival behind it a release (PTX, "Release and Acquire Patterns"); fences are used as LLVM's
// NVPTX drops the order that an atomic operation itself is given. The poll is a load that acquires,
// and the block's second barrier puts what the other threads do behind it.
//
// A wait has an end: a barrier that one block never reaches would hang the device, and with it
// whatever it shows. Who gives up says so in `hung`, and sets the count beyond all rounds: several
// blocks may do so, one after the other.
//
//===------------------------------------------------------------------------------------------===//
#include "LoopCode.h"
#include "TrainingLoop.h"

#include "dlrt/abi.h"

#include <cstddef>

using namespace mlir;

namespace dlc {

func::FuncOp makeGridBarrier(func::FuncOp before) {
  constexpr int64_t kMostTurns = 20'000'000; // seconds
  constexpr int64_t kBeyond = int64_t(1) << 31;
  constexpr StringLiteral kDevice = "device";
  ImplicitLocOpBuilder b(before.getLoc(), before.getContext());
  b.setInsertionPoint(before);
  LoopCode code(b);
  auto function = makeInternal(b, before.getLoc(), "grid_barrier", {code.pointer, b.getI64Type()});
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  Type word = b.getI32Type();
  Value arrived = code.at(entry->getArgument(0), offsetof(dlrt_frame, arrived));
  Value hung = code.at(entry->getArgument(0), offsetof(dlrt_frame, hung));
  code.blockBarrier();
  code.onlyIf(code.equal(gridNumber(b, "tid.x"), 0), [&] {
    LLVM::FenceOp::create(b, LLVM::AtomicOrdering::acq_rel, kDevice);
    LLVM::AtomicRMWOp::create(b, LLVM::AtomicBinOp::add, arrived, code.word(1),
                              LLVM::AtomicOrdering::monotonic, kDevice);
    Value all = arith::MulIOp::create(b, entry->getArgument(1), gridNumber(b, "nctaid.x"));
    Value target = arith::TruncIOp::create(b, word, all);
    scf::WhileOp::create(
        b, TypeRange{b.getI64Type()}, ValueRange{code.number(0)},
        [&](OpBuilder &, Location, ValueRange state) {
          Value count = LLVM::LoadOp::create(b, word, arrived, /*alignment=*/4,
                                             /*isVolatile=*/false, /*isNonTemporal=*/false,
                                             /*isInvariant=*/false, /*isInvariantGroup=*/false,
                                             LLVM::AtomicOrdering::acquire, kDevice);
          scf::ConditionOp::create(
              b, arith::CmpIOp::create(b, arith::CmpIPredicate::ult, count, target), state);
        },
        [&](OpBuilder &, Location, ValueRange state) {
          code.call("llvm.nvvm.nanosleep", code.word(20));
          Value turns = arith::AddIOp::create(b, state[0], code.number(1));
          code.onlyIf(code.equal(turns, kMostTurns), [&] {
            LLVM::StoreOp::create(b, code.word(1), hung);
            LLVM::StoreOp::create(b, code.word(kBeyond), arrived, /*alignment=*/4,
                                  /*isVolatile=*/false, /*isNonTemporal=*/false,
                                  /*isInvariantGroup=*/false, LLVM::AtomicOrdering::monotonic,
                                  kDevice);
          });
          scf::YieldOp::create(b, turns);
        });
  });
  code.blockBarrier();
  func::ReturnOp::create(b);
  return function;
}

} // namespace dlc

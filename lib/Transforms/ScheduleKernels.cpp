//===- ScheduleKernels.cpp - Order, updates in place, barriers --------------------------------===//
//
// A kernel whose result is assigned to a variable writes straight into it, if every other reader of
// the old value has run before and its own reads are of the element it is about to write. The order
// is chosen so that this holds; where no order can (two updates read each other's variable), the
// value is kept aside and copied at the end.
//
// All threads run all kernels, each on its share. Kernels over batched results ("rows") share one
// partition of the rows. A barrier stands before a kernel that reads what another thread may have
// written since the last one, or that overwrites what another thread may still read.
//
// What is made of the data's rows by a few cheap ops, and read whole by every thread, is not shared
// at all by few threads: each makes a copy of its own, which takes less time than moving the lines
// between cores. Many threads share one copy, and then wait for each other before it is read.
//
// Rows of a shuffled batch lie anywhere in the data. A product that reads what is made of them gets
// the data as one more operand, which its region does not use: it asks for the next batch's rows
// while it computes, and the kernel that reads them is marked `fetched`.
//
// Where each kernel is a launch on a device (option `launches`), no thread owns rows or columns: a
// barrier stands wherever a kernel uses what another has made.
//
// Sets on each kernel: `barrier` (unit) or `barrier_beyond` (a number of threads), `rows` or
// `columns` (unit), `replicated` (unit), `fetched` (unit); on each assignment that writes in place:
// `in_place` (unit).
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

#include "dlrt/abi.h"

namespace dlc {
#define GEN_PASS_DEF_SCHEDULEKERNELSPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// Looks through a view.
static Value memoryOf(Value value) {
  if (auto view = value.getDefiningOp<ReshapeOp>())
    return view.getX();
  return value;
}

/// True if the kernel reads the operand only at the element that its result `type` is about to be
/// written at, or before: a row is reduced before it is written.
static bool readsPointwise(KernelOp kernel, unsigned operand, Type type) {
  BlockArgument argument = kernel.getBody().front().getArgument(operand);
  if (argument.getType() != type)
    return false;
  bool reducesFirst = kernel.getKind() == "rows";
  llvm::SetVector<Value> reached;
  reached.insert(argument);
  for (size_t i = 0; i < reached.size(); ++i)
    for (Operation *user : reached[i].getUsers()) {
      if (isa<ElementwiseOpInterface>(user))
        reached.insert(user->getResult(0));
      else if (!isa<YieldOp>(user) && !(reducesFirst && isa<ReductionOpInterface>(user)))
        return false;
    }
  return true;
}

namespace {

class Scheduler {
public:
  Scheduler(func::FuncOp function, bool launches) : function(function), launches(launches) {
    for (Operation &op : function.front()) {
      if (auto kernel = dyn_cast<KernelOp>(op)) {
        kernels.push_back(kernel);
        for (Value input : kernel.getInputs())
          if (auto read = input.getDefiningOp<ReadOp>())
            readers[read.getVariable()].push_back(kernel);
      }
      if (auto assign = dyn_cast<AssignOp>(op))
        assigns.push_back(assign);
    }
  }

  void run() {
    chooseTargets();
    if (!launches) {
      markRows();
      markReplicated();
      fetchAhead();
    }
    order();
    copyTheRest();
  }

private:
  /// Whether a kernel may write its result straight into the variable, as far as its own reads go.
  void chooseTargets() {
    for (AssignOp assign : assigns) {
      auto result = cast<OpResult>(memoryOf(assign.getX()));
      auto kernel = cast<KernelOp>(result.getOwner());
      bool taken = targets.count(result);
      bool safe = true;
      for (auto [index, input] : llvm::enumerate(kernel.getInputs())) {
        auto read = input.getDefiningOp<ReadOp>();
        if (read && read.getVariable() == assign.getVariable())
          safe &= readsPointwise(kernel, index, result.getType());
      }
      if (safe && !taken)
        targets[result] = assign;
    }
  }

  /// Among kernels whose operands are there and whose variables nobody still needs, the first that
  /// needs no barrier; else the first.
  void order() {
    SmallVector<KernelOp> waiting = kernels, ordered;
    llvm::SmallPtrSet<Operation *, 16> done;
    auto ready = [&](KernelOp kernel) {
      return llvm::all_of(kernel.getInputs(), [&](Value input) {
        auto source = memoryOf(input).getDefiningOp<KernelOp>();
        return !source || done.contains(source);
      });
    };
    auto overwrites = [&](KernelOp kernel) {
      return llvm::any_of(kernel.getResults(), [&](OpResult result) {
        auto target = targets.find(result);
        return target != targets.end() &&
               llvm::any_of(readers[target->second.getVariable()], [&](KernelOp reader) {
                 return reader != kernel && !done.contains(reader);
               });
      });
    };
    while (!waiting.empty()) {
      auto next = llvm::find_if(waiting, [&](KernelOp k) {
        return ready(k) && !overwrites(k) && waitBefore(k) == Wait::Nobody;
      });
      if (next == waiting.end())
        next = llvm::find_if(waiting, [&](KernelOp k) { return ready(k) && !overwrites(k); });
      if (next == waiting.end()) {
        next = llvm::find_if(waiting, ready);
        for (OpResult result : next->getResults())
          targets.erase(result);
      }
      done.insert(*next);
      ordered.push_back(*next);
      run(*next);
      waiting.erase(next);
    }
    Operation *end = firstFinal();
    for (KernelOp kernel : ordered)
      kernel->moveBefore(end);
  }

  Operation *firstFinal() {
    for (Operation &op : function.front())
      if (isa<AssignOp, OutputOp, func::ReturnOp, ReshapeOp>(op))
        return &op;
    llvm_unreachable("a function returns");
  }

  /// Assignments that cannot happen in place get a copying kernel at the end.
  void copyTheRest() {
    Operation *end = firstFinal();
    for (AssignOp assign : assigns) {
      auto result = cast<OpResult>(memoryOf(assign.getX()));
      auto target = targets.find(result);
      if (target != targets.end() && target->second == assign) {
        assign->setAttr("in_place", UnitAttr::get(assign.getContext()));
        continue;
      }
      OpBuilder b(end);
      auto kernel = KernelOp::create(b, assign.getLoc(), TypeRange{result.getType()},
                                     ValueRange{result}, "map", "map copy");
      Block &body = kernel.getBody().emplaceBlock();
      Value argument = body.addArgument(result.getType(), assign.getLoc());
      b.setInsertionPointToEnd(&body);
      Value copy = CopyOp::create(b, assign.getLoc(), argument);
      YieldOp::create(b, assign.getLoc(), copy);
      targets[cast<OpResult>(kernel.getResult(0))] = assign;
      run(kernel);
      assign->setAttr("in_place", UnitAttr::get(assign.getContext()));
      if (auto view = assign.getX().getDefiningOp<ReshapeOp>()) {
        b.setInsertionPoint(assign);
        assign.getXMutable().assign(
            ReshapeOp::create(b, assign.getLoc(), view.getType(), kernel.getResult(0)));
      } else {
        assign.getXMutable().assign(kernel.getResult(0));
      }
    }
  }

  /// The columns of a large weight belong to threads, forward and in the update, so that no core
  /// writes what another one has in its cache: moving a weight between cores in every step costs
  /// more than a barrier.
  static bool sharesColumns(KernelOp kernel) {
    constexpr int64_t kLeastBytes = 64 << 10;
    if (kernel.getKind() != "contract")
      return false;
    auto dot = *kernel.getBody().getOps<DotOp>().begin();
    auto result = cast<RankedTensorType>(dot.getY().getType());
    auto weight =
        cast<RankedTensorType>(isBatched(result) ? dot.getRhs().getType() : dot.getY().getType());
    return result.getRank() == 2 && weight.hasStaticShape() &&
           weight.getNumElements() * weight.getElementTypeBitWidth() / 8 >= kLeastBytes;
  }

  void markRows() {
    for (KernelOp kernel : kernels) {
      if (sharesColumns(kernel)) {
        kernel->setAttr("columns", UnitAttr::get(kernel.getContext()));
        continue;
      }
      bool partitioned =
          kernel.getKind() == "map" || kernel.getKind() == "rows" || kernel.getKind() == "contract";
      if (partitioned && llvm::all_of(kernel.getResultTypes(), [](Type t) { return isBatched(t); }))
        kernel->setAttr("rows", UnitAttr::get(kernel.getContext()));
    }
  }

  /// Marks kernels that few threads do each for itself.
  void markReplicated() {
    for (KernelOp kernel : kernels) {
      bool fromData = llvm::all_of(
          kernel.getInputs(), [](Value input) { return bool(input.getDefiningOp<InputOp>()); });
      bool cheap = llvm::all_of(kernel.getBody().front(), [](Operation &op) {
        return isa<CastOp, AddOp, SubOp, MulOp, MaxOp, MinOp, BroadcastOp, ConstantOp, YieldOp>(op);
      });
      bool readWhole = llvm::all_of(kernel->getUsers(), [](Operation *user) {
        return isa<KernelOp>(user) && user->hasAttr("columns");
      });
      if (kernel.getKind() == "map" && kernel->hasAttr("rows") && fromData && cheap && readWhole)
        kernel->setAttr("replicated", UnitAttr::get(kernel.getContext()));
    }
  }

  /// Lets products fetch the data that the kernel before them reads.
  void fetchAhead() {
    for (KernelOp kernel : kernels) {
      if (kernel.getKind() != "map" || !kernel->hasAttr("rows") || kernel.getInputs().size() != 1 ||
          !kernel.getInputs()[0].getDefiningOp<InputOp>())
        continue;
      auto reader = llvm::find_if(kernel->getUsers(), [&](Operation *user) {
        return isa<KernelOp>(user) && canFetch(cast<KernelOp>(user), kernel);
      });
      if (reader == kernel->getUsers().end())
        continue;
      auto product = cast<KernelOp>(*reader);
      product.getInputsMutable().append(kernel.getInputs()[0]);
      BlockArgument seen = kernel.getBody().front().getArgument(0);
      product.getBody().front().addArgument(seen.getType(), seen.getLoc());
      kernel->setAttr("fetched", UnitAttr::get(kernel.getContext()));
    }
  }

  /// Whether a product over the batch's rows takes long enough to ask for a line in each turn.
  static bool canFetch(KernelOp product, KernelOp maker) {
    constexpr int64_t kLeastBytes = 128, kMostBytes = 4096; // of a row
    if (product.getKind() != "contract")
      return false;
    auto dot = *product.getBody().getOps<DotOp>().begin();
    auto lhs = cast<RankedTensorType>(dot.getLhs().getType());
    auto argument = dyn_cast<BlockArgument>(dot.getLhs());
    if (!argument || product.getInputs()[argument.getArgNumber()].getDefiningOp() != maker ||
        lhs.getRank() != 2 || !isBatched(lhs) || dot.getLhsContract() != ArrayRef<int64_t>{1} ||
        cast<RankedTensorType>(dot.getY().getType()).getRank() != 2)
      return false;
    auto data = cast<RankedTensorType>(maker.getBody().front().getArgument(0).getType());
    int64_t bytes = std::max<int64_t>(data.getElementTypeBitWidth() / 8, 1);
    for (int64_t size : data.getShape().drop_front())
      bytes *= size;
    return bytes >= kLeastBytes && bytes <= kMostBytes && bytes <= 4 * lhs.getDimSize(1);
  }

  /// For whom a kernel has to wait: it touches what others may be at since the last barrier.
  enum class Wait { Nobody, SharersOfACopy, Everybody };
  Wait waitBefore(KernelOp kernel) {
    bool rows = kernel->hasAttr("rows");
    Wait wait = Wait::Nobody;
    for (Value input : kernel.getInputs()) {
      auto entry = written.find(memoryOf(input));
      if (entry == written.end() ||
          (rows && entry->second == Writer::Rows && isBatched(input.getType())))
        continue;
      if (entry->second != Writer::Copies)
        return Wait::Everybody;
      wait = Wait::SharersOfACopy;
    }
    bool overwritesRead = llvm::any_of(kernel.getResults(), [&](OpResult result) {
      auto target = targets.find(result);
      return target != targets.end() && read.contains(target->second.getVariable());
    });
    return overwritesRead ? Wait::Everybody : wait;
  }

  /// Takes the kernel as the next to run.
  void run(KernelOp kernel) {
    mlir::Builder b(kernel.getContext());
    switch (waitBefore(kernel)) {
    case Wait::Nobody:
      break;
    case Wait::SharersOfACopy:
      kernel->setAttr("barrier_beyond", b.getI64IntegerAttr(DLRT_MOST_COPIES));
      for (auto &entry : llvm::make_early_inc_range(written))
        if (entry.second == Writer::Copies)
          written.erase(entry.first);
      break;
    case Wait::Everybody:
      kernel->setAttr("barrier", b.getUnitAttr());
      written.clear();
      read.clear();
    }
    for (Value input : kernel.getInputs())
      if (auto source = input.getDefiningOp<ReadOp>())
        read[source.getVariable()] = true;
    for (OpResult result : kernel.getResults())
      written[result] = kernel->hasAttr("replicated") ? Writer::Copies
                        : kernel->hasAttr("rows")     ? Writer::Rows
                                                      : Writer::Anyhow;
  }

  func::FuncOp function;
  bool launches; // a kernel is a launch: nothing is shared among threads across kernels
  SmallVector<KernelOp> kernels;
  SmallVector<AssignOp> assigns;
  llvm::StringMap<SmallVector<KernelOp>> readers; // of each variable
  DenseMap<Value, AssignOp> targets; // a kernel's result -> the variable it is written into
  /// How a value's elements belong to threads.
  enum class Writer { Anyhow, Rows, Copies };
  DenseMap<Value, Writer> written; // since the last barrier
  llvm::StringMap<bool> read;      // variables read since the last barrier
};

struct ScheduleKernelsPass : dlc::impl::ScheduleKernelsPassBase<ScheduleKernelsPass> {
  using ScheduleKernelsPassBase::ScheduleKernelsPassBase;

  void runOnOperation() override {
    if (failed(verifyKernels(getOperation())))
      return signalPassFailure();
    Scheduler(getOperation(), launches).run();
  }
};

} // namespace

//===- GroupKernels.cpp - Group the graph into kernels ----------------------------------------===//
//
//   %p = dl.dot %x, %w; %b2 = dl.broadcast %b; %s = dl.add %p, %b2; %y = dl.max %s, %zero
// becomes
//   %y = dl.kernel "contract" (%x, %w, %b) { ^bb0(...): %p = dl.dot ...; ...; dl.yield %y }
//
// KernelClusters decides what belongs together; here the clusters become ops. A region argument may
// see its operand's memory under another shape of the same size: so reshapes cost nothing.
//
// On a device (option `launches`) costly scalars of @train that depend on the step alone are one
// kernel, marked `of_step` (unit): it can run before the step starts. And what is made of a table
// that rows are added into follows in the kernel that adds them.
//
//===------------------------------------------------------------------------------------------===//
#include "KernelClusters.h"
#include "dlc/IR/Builders.h"
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"

namespace dlc {
#define GEN_PASS_DEF_GROUPKERNELSPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

/// Operands that must lie in memory: those of ops that read them at other places than their own.
static bool needsMemory(Operation *op, bool fuseLoads) {
  if (isa<DotOp>(op))
    return !fuseLoads;
  return isa<ScatterAddOp, SegmentSumOp, GatherOp, PadOp, ConcatOp, AssignOp, OutputOp, ReshapeOp>(
      op);
}

/// Gives memory to operands that are re-indexed or known on the spot, by a copy.
static void insertCopies(func::FuncOp function, const AccessOps &access, bool fuseLoads) {
  for (Operation &op : llvm::make_early_inc_range(function.front())) {
    if (!needsMemory(&op, fuseLoads))
      continue;
    for (OpOperand &operand : op.getOpOperands()) {
      Operation *source = operand.get().getDefiningOp();
      bool view = isa<ReshapeOp>(source);
      bool final = isa<AssignOp, OutputOp>(op);
      Value base = view ? source->getOperand(0) : operand.get();
      bool copies = final ? isLeaf(base.getDefiningOp()) || (access.contains(source) && !view)
                          : access.contains(source) && !view;
      if (!copies)
        continue;
      OpBuilder b(&op);
      operand.set(CopyOp::create(b, op.getLoc(), operand.get()));
    }
  }
}

namespace {

class KernelBuilder {
public:
  KernelBuilder(func::FuncOp function, const AccessOps &access, ClusterGraph &graph)
      : function(function), access(access), graph(graph) {}

  void run() {
    for (Cluster *cluster : graph.inOrder())
      build(*cluster);
    rewireResults();
    eraseGrouped();
  }

private:
  /// True if anything outside the cluster sees the value.
  bool isVisible(Value value, const Cluster &cluster) {
    llvm::SmallSetVector<Value, 8> seen; // the value, and what access ops make of it
    seen.insert(value);
    for (size_t i = 0; i < seen.size(); ++i)
      for (Operation *user : seen[i].getUsers()) {
        if (isa<AssignOp, OutputOp>(user))
          return true;
        Cluster *other = graph.clusterOf(user);
        if (other && other != &cluster)
          return true;
        if (access.contains(user))
          seen.insert(user->getResult(0));
      }
    return false;
  }

  /// The value inside the kernel that is being built.
  Value inside(Value value) {
    if (Value mapped = map.lookupOrNull(value))
      return mapped;
    Operation *op = value.getDefiningOp();
    bool view = isa<ReshapeOp>(op);
    if (view || isLeaf(op) || graph.clusterOf(op)) {
      Value base = view ? op->getOperand(0) : value;
      inputs.push_back(memory.lookup(base) ? memory.lookup(base) : base);
      Value argument = body->addArgument(value.getType(), value.getLoc());
      map.map(value, argument);
      return argument;
    }
    for (Value operand : op->getOperands())
      inside(operand);
    OpBuilder b(function.getContext());
    b.setInsertionPointToEnd(body);
    return b.clone(*op, map)->getResult(0);
  }

  void build(Cluster &cluster) {
    SmallVector<Operation *> ops(cluster.ops.begin(), cluster.ops.end());
    llvm::sort(ops, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    map.clear();
    inputs.clear();
    Block block;
    body = &block;
    OpBuilder b(function.getContext());
    SmallVector<Value> results, yielded;
    SmallVector<Location> locations;
    for (Operation *op : ops) {
      for (Value operand : op->getOperands())
        inside(operand);
      b.setInsertionPointToEnd(body);
      b.clone(*op, map);
      locations.push_back(op->getLoc());
      if (isVisible(op->getResult(0), cluster))
        results.push_back(op->getResult(0));
    }
    if (results.empty())
      return; // nothing reads it
    for (Value result : results)
      yielded.push_back(map.lookup(result));
    b.setInsertionPointToEnd(body);
    YieldOp::create(b, locations.back(), yielded);

    b.setInsertionPoint(function.front().getTerminator());
    auto kernel = KernelOp::create(b, b.getFusedLoc(locations), ValueRange(results).getTypes(),
                                   inputs, stringify(cluster.kind), label(cluster, ops));
    if (cluster.ofStep)
      kernel->setAttr("of_step", b.getUnitAttr());
    kernel.getBody().emplaceBlock();
    Block &target = kernel.getBody().front();
    for (BlockArgument argument : block.getArguments())
      argument.replaceAllUsesWith(target.addArgument(argument.getType(), argument.getLoc()));
    target.getOperations().splice(target.end(), block.getOperations());
    for (auto [result, value] : llvm::zip_equal(results, kernel.getResults()))
      memory[result] = value;
  }

  /// For people: the kind, the space, and what is done.
  static std::string label(const Cluster &cluster, ArrayRef<Operation *> ops) {
    std::string text;
    llvm::raw_string_ostream os(text);
    os << stringify(cluster.kind) << (cluster.ofStep ? " of the step" : " ");
    auto dim = [&](int64_t size) {
      if (ShapedType::isDynamic(size))
        os << "batch";
      else
        os << size;
    };
    llvm::interleave(cluster.space, os, dim, "x");
    if (auto dot = dyn_cast<DotOp>(ops.front())) {
      os << " k=";
      llvm::interleave(
          dot.getLhsContract(), os,
          [&](int64_t d) { dim(cast<RankedTensorType>(dot.getLhs().getType()).getDimSize(d)); },
          "x");
    }
    llvm::SetVector<StringRef> names;
    for (Operation *op : ops)
      names.insert(op->getName().stripDialect());
    os << ':';
    for (StringRef name : ArrayRef(names.getArrayRef()).take_front(6))
      os << ' ' << name;
    if (names.size() > 6)
      os << " ...";
    return text;
  }

  /// Assignments and outputs take the kernels' results.
  void rewireResults() {
    Operation *end = function.front().getTerminator();
    SmallVector<Operation *> finals;
    for (Operation &op : function.front())
      if (isa<AssignOp, OutputOp>(op))
        finals.push_back(&op);
    for (Operation *op : finals) {
      Value value = op->getOperand(0);
      op->moveBefore(end);
      if (auto view = value.getDefiningOp<ReshapeOp>()) {
        OpBuilder b(op);
        Value base = memory.lookup(view.getX());
        op->setOperand(0, ReshapeOp::create(b, op->getLoc(), view.getType(), base));
      } else {
        op->setOperand(0, memory.lookup(value));
      }
    }
  }

  void eraseGrouped() {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.front())))
      if (op.use_empty() && !isa<KernelOp, AssignOp, OutputOp, func::ReturnOp>(op))
        op.erase();
  }

  func::FuncOp function;
  const AccessOps &access;
  ClusterGraph &graph;
  DenseMap<Value, Value> memory; // what a kernel wrote, by the value it stands for
  IRMapping map;
  SmallVector<Value> inputs;
  Block *body = nullptr;
};

struct GroupKernelsPass : dlc::impl::GroupKernelsPassBase<GroupKernelsPass> {
  using GroupKernelsPassBase::GroupKernelsPassBase;

  void runOnOperation() override {
    if (failed(verifyGraph(getOperation())))
      return signalPassFailure();
    AccessOps access(getOperation(), fuseLoads,
                     /*stepApart=*/launches && getOperation().getName() == "train");
    insertCopies(getOperation(), access, fuseLoads);
    ClusterGraph graph(getOperation(), access, /*fuseUpdates=*/launches);
    KernelBuilder(getOperation(), access, graph).run();
  }
};

} // namespace

//===- KernelClusters.cpp --------------------------------------------------------------------===//
#include "KernelClusters.h"

#include "llvm/ADT/STLExtras.h"

using namespace mlir;

namespace dlc {

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }
static ArrayRef<int64_t> shapeOf(Value value) { return typeOf(value).getShape(); }

StringRef stringify(KernelKind kind) {
  static constexpr StringRef names[] = {"map",     "rows", "reduce",  "contract",
                                        "scatter", "sort", "segments"};
  return names[static_cast<int>(kind)];
}

bool isLeaf(Operation *op) { return isa<ReadOp, InputOp>(op); }

/// x < 0 and its like: cheaper to do again than to store.
static bool isMask(Operation *op) {
  return isa<EqOp, NeOp, LtOp, LeOp, GtOp, GeOp>(op) && splatValue(op->getOperand(1));
}

/// To or from 16 bits: a product's operand on its way, see MixedPrecision.
static bool isHalfCast(Operation *op) {
  auto hasHalf = [](Value value) { return isHalf(typeOf(value).getElementType()); };
  return isa<CastOp>(op) && (hasHalf(op->getOperand(0)) || hasHalf(op->getResult(0)));
}

static bool isSimpleArithmetic(Operation *op) {
  return isa<CastOp, AddOp, SubOp, MulOp, DivOp>(op);
}

/// Whether only products read the value, and none so wide that it would be computed very often.
/// Each value is looked at once: scalar steps that use one twice would double the work at each.
bool AccessOps::isForProducts(Value value) {
  if (auto known = forProducts.find(value); known != forProducts.end())
    return known->second;
  constexpr int64_t kWidest = 1024;
  auto width = [](Value other, ArrayRef<int64_t> dims) {
    int64_t product = 1;
    for (int64_t d : dims)
      product *= typeOf(other).isDynamicDim(d) ? kWidest + 1 : typeOf(other).getDimSize(d);
    return product;
  };
  bool all = llvm::all_of(value.getUsers(), [&](Operation *user) {
    if (auto dot = dyn_cast<DotOp>(user))
      return (dot.getLhs() != value || width(dot.getRhs(), dot.getRhsFree()) <= kWidest) &&
             (dot.getRhs() != value || width(dot.getLhs(), dot.getLhsFree()) <= kWidest);
    return isSimpleArithmetic(user) && isForProducts(user->getResult(0));
  });
  forProducts[value] = all;
  return all;
}

AccessOps::AccessOps(func::FuncOp function, bool fuseLoads, bool stepApart) {
  if (stepApart)
    findOfStep(function);
  for (Operation &op : function.front())
    if (isAccess(&op) || (fuseLoads && preparesData(&op)))
      ops.insert(&op);
}

/// A step from data to an operand, as from pixels to numbers between 0 and 1: cheaper to do again
/// in each product than to store and wait for.
bool AccessOps::preparesData(Operation *op) {
  if (!isSimpleArithmetic(op))
    return false;
  bool ofData = false;
  bool known = llvm::all_of(op->getOperands(), [&](Value operand) {
    Operation *source = operand.getDefiningOp();
    bool view = isa<ReshapeOp>(source);
    Operation *base = view ? source->getOperand(0).getDefiningOp() : source;
    bool prepared = contains(source) && isSimpleArithmetic(source) && !view;
    ofData |= isa<InputOp>(base) || prepared;
    return isLeaf(base) || (contains(source) && !view);
  });
  return ofData && known && isForProducts(op->getResult(0));
}

/// Some hundred instructions where they are expanded in f64.
static bool isCostly(Operation *op) {
  return isa<PowOp, ExpOp, Expm1Op, LogOp, Log1pOp, SinOp, CosOp, TanhOp, SigmoidOp, ErfOp>(op);
}

void AccessOps::findOfStep(func::FuncOp function) {
  llvm::DenseSet<Operation *> known, varying; // before the step starts; from step to step
  for (Operation &op : function.front()) {
    bool scalar = op.getNumResults() == 1 && typeOf(op.getResult(0)).getRank() == 0;
    auto isIn = [](const llvm::DenseSet<Operation *> &set) {
      return [&set](Value operand) { return set.contains(operand.getDefiningOp()); };
    };
    if (auto number = dyn_cast<RuntimeOp>(op)) {
      if (number.getName() != "step" && number.getName() != "total_steps" &&
          number.getName() != "epoch")
        continue; // the batch's rows
      varying.insert(&op);
    } else if (!scalar || !(isa<ConstantOp>(op) || (isa<ElementwiseOpInterface>(op) &&
                                                    llvm::all_of(op.getOperands(), isIn(known))))) {
      continue;
    } else if (llvm::any_of(op.getOperands(), isIn(varying))) {
      varying.insert(&op);
      if (isCostly(&op) || llvm::any_of(op.getOperands(), isIn(ofStep)))
        ofStep.insert(&op);
    }
    known.insert(&op);
  }
}

bool AccessOps::isAccess(Operation *op) const {
  if (isOfStep(op))
    return false;
  if (isMask(op) || isHalfCast(op))
    return true;
  if (isa<BroadcastOp, TransposeOp, SliceOp, ReshapeOp, ConstantOp, IotaOp, RuntimeOp>(op))
    return true;
  return isa<ElementwiseOpInterface>(op) && !isa<CopyOp>(op) &&
         typeOf(op->getResult(0)).getRank() == 0 &&
         llvm::all_of(op->getOperands(), [&](Value operand) {
           Operation *source = operand.getDefiningOp();
           return isLeaf(source) || isOfStep(source) ||
                  (contains(source) && !isa<ReshapeOp, SliceOp>(source));
         });
}

/// How a use through `op` sees what the op's operands see.
static Use::How through(Operation *op, Use::How how) {
  if (auto repeat = dyn_cast<BroadcastOp>(op)) {
    ArrayRef<int64_t> from = shapeOf(repeat.getX());
    bool rows = how == Use::Direct &&
                llvm::equal(repeat.getDims(), llvm::seq<int64_t>(0, from.size())) &&
                shapeOf(repeat.getY()).take_front(from.size()) == from;
    return rows ? Use::RowBroadcast : Use::Other;
  }
  return isa<ElementwiseOpInterface>(op) ? how : Use::Other;
}

SmallVector<Use> ClusterGraph::findUses(Operation *op) const {
  // Each way to see a value is followed once: scalars that use one value twice would double the
  // work at each turn.
  llvm::SmallSetVector<std::pair<Value, int>, 8> seen;
  for (Value operand : op->getOperands())
    seen.insert({operand, Use::Direct});
  SmallVector<Use> found;
  for (size_t i = 0; i < seen.size(); ++i) {
    auto [value, how] = seen[i];
    Operation *source = value.getDefiningOp();
    if (!access.contains(source)) {
      found.push_back({Use::How(how), value});
      continue;
    }
    for (Value operand : source->getOperands())
      seen.insert({operand, through(source, Use::How(how))});
  }
  return found;
}

ClusterGraph::ClusterGraph(func::FuncOp function, const AccessOps &access, bool fuseUpdates)
    : access(access), fuseUpdates(fuseUpdates) {
  for (Operation &op : function.front().without_terminator())
    if (!isLeaf(&op) && !access.contains(&op) && !isa<AssignOp, OutputOp>(op)) {
      uses[&op] = findUses(&op);
      if (access.isOfStep(&op))
        placeOfStep(&op);
      else
        place(&op);
    }
}

void ClusterGraph::add(Cluster &cluster, Operation *op) {
  cluster.ops.insert(op);
  owner[op] = &cluster;
}

/// All of them are one kernel: their chains of instructions are independent and overlap.
void ClusterGraph::placeOfStep(Operation *op) {
  auto found = llvm::find_if(clusters, [](auto &cluster) { return cluster->ofStep; });
  Cluster &cluster = found == clusters.end() ? *createFor(op) : **found;
  cluster.ofStep = true;
  add(cluster, op);
}

void ClusterGraph::place(Operation *op) {
  SmallVector<Cluster *> candidates;
  for (const Use &use : usesOf(op))
    if (Cluster *cluster = clusterOf(use.base.getDefiningOp()))
      if (!llvm::is_contained(candidates, cluster))
        candidates.push_back(cluster);
  // Products, reductions and rows first: what joins them needs no memory. Then the latest.
  auto position = [&](Cluster *cluster) {
    return llvm::find_if(clusters, [&](auto &c) { return c.get() == cluster; }) - clusters.begin();
  };
  llvm::sort(candidates, [&](Cluster *a, Cluster *b) {
    bool mapA = a->kind == KernelKind::Map, mapB = b->kind == KernelKind::Map;
    return mapA != mapB ? mapB : position(a) > position(b);
  });

  for (Cluster *cluster : candidates) {
    bool cyclic = llvm::any_of(
        candidates, [&](Cluster *other) { return other != cluster && dependsOn(other, cluster); });
    if (cyclic)
      continue;
    if (canJoin(*cluster, op)) {
      if (auto reduction = dyn_cast<ReductionOpInterface>(op)) {
        cluster->kind = KernelKind::Rows;
        cluster->rowRank = cluster->space.size() - reduction.getReducedDims().size();
      }
      add(*cluster, op);
      return mergeProducers(*cluster, op);
    }
    if (becomesReduction(*cluster, op)) {
      cluster->kind = KernelKind::Reduce;
      cluster->resultSpace = llvm::to_vector(shapeOf(op->getResult(0)));
      return add(*cluster, op);
    }
  }
  add(*createFor(op), op);
}

Cluster *ClusterGraph::createFor(Operation *op) {
  Cluster &cluster = *clusters.emplace_back(std::make_unique<Cluster>());
  cluster.kind = KernelKind::Map;
  cluster.space = llvm::to_vector(shapeOf(op->getResult(0)));
  if (isa<DotOp>(op))
    cluster.kind = KernelKind::Contract;
  if (isa<ScatterAddOp>(op))
    cluster.kind = KernelKind::Scatter;
  if (isa<SortOp>(op))
    cluster.kind = KernelKind::Sort;
  if (isa<SegmentSumOp>(op))
    cluster.kind = KernelKind::Segments;
  if (auto reduction = dyn_cast<ReductionOpInterface>(op)) {
    ArrayRef<int64_t> dims = reduction.getReducedDims();
    int64_t rank = typeOf(reduction.getInput()).getRank(), rows = rank - dims.size();
    cluster.space = llvm::to_vector(shapeOf(reduction.getInput()));
    cluster.kind = KernelKind::Reduce;
    cluster.resultSpace = llvm::to_vector(shapeOf(op->getResult(0)));
    if (rows > 0 && llvm::equal(dims, llvm::seq<int64_t>(rows, rank))) {
      cluster.kind = KernelKind::Rows;
      cluster.rowRank = rows;
    }
  }
  return &cluster;
}

bool ClusterGraph::canJoin(const Cluster &cluster, Operation *op) const {
  if (cluster.ofStep)
    return false;
  if (isa<ReductionOpInterface>(op))
    return canJoinReduction(cluster, op);
  return isa<ElementwiseOpInterface>(op) && canJoinElementwise(cluster, op);
}

bool ClusterGraph::canJoinElementwise(const Cluster &cluster, Operation *op) const {
  ArrayRef<int64_t> shape = shapeOf(op->getResult(0)), space = cluster.space;
  bool rows = false;
  switch (cluster.kind) {
  case KernelKind::Sort:
    return false;
  case KernelKind::Scatter:
  case KernelKind::Segments:
    if (!fuseUpdates || shape != space)
      return false;
    break;
  case KernelKind::Contract:
    if (shape != space)
      return false;
    break;
  case KernelKind::Reduce:
    if (shape != ArrayRef<int64_t>(cluster.resultSpace))
      return false;
    break;
  case KernelKind::Map:
  case KernelKind::Rows:
    rows = cluster.rowRank && shape == space.take_front(*cluster.rowRank);
    if (!rows && shape != space)
      return false;
    break;
  }
  return llvm::all_of(usesOf(op), [&](const Use &use) {
    if (clusterOf(use.base.getDefiningOp()) != &cluster)
      return true;
    if (use.how == Use::Direct)
      return shapeOf(use.base) == shape;
    return use.how == Use::RowBroadcast && cluster.rowRank && !rows &&
           shapeOf(use.base) == space.take_front(*cluster.rowRank);
  });
}

bool ClusterGraph::canJoinReduction(const Cluster &cluster, Operation *op) const {
  auto reduction = cast<ReductionOpInterface>(op);
  ArrayRef<int64_t> dims = reduction.getReducedDims();
  int64_t rank = typeOf(reduction.getInput()).getRank(), rows = rank - dims.size();
  if (cluster.kind != KernelKind::Map && cluster.kind != KernelKind::Rows)
    return false;
  return rows > 0 && llvm::equal(dims, llvm::seq<int64_t>(rows, rank)) &&
         cluster.rowRank.value_or(rows) == rows &&
         shapeOf(reduction.getInput()) == ArrayRef<int64_t>(cluster.space) &&
         clusterOf(reduction.getInput().getDefiningOp()) == &cluster;
}

/// A map that only this reduction reads, and the reduction, are one kernel.
bool ClusterGraph::becomesReduction(Cluster &cluster, Operation *op) const {
  auto reduction = dyn_cast<ReductionOpInterface>(op);
  if (!reduction || cluster.kind != KernelKind::Map ||
      clusterOf(reduction.getInput().getDefiningOp()) != &cluster)
    return false;
  return llvm::all_of(cluster.ops, [&](Operation *member) {
    return isa<ElementwiseOpInterface>(member) &&
           llvm::all_of(member->getUsers(),
                        [&](Operation *user) { return user == op || clusterOf(user) == &cluster; });
  });
}

/// Draws elementwise clusters that feed `op` into its cluster, so that they need no memory.
void ClusterGraph::mergeProducers(Cluster &cluster, Operation *op) {
  if (!isa<ElementwiseOpInterface>(op))
    return;
  for (const Use &use : usesOf(op)) {
    Cluster *producer = clusterOf(use.base.getDefiningOp());
    if (use.how != Use::Direct || !producer || producer == &cluster ||
        !canMerge(*producer, cluster))
      continue;
    for (Operation *member : producer->ops)
      add(cluster, member);
    llvm::erase_if(clusters, [&](auto &c) { return c.get() == producer; });
  }
}

bool ClusterGraph::canMerge(Cluster &producer, Cluster &cluster) const {
  if (producer.kind != KernelKind::Map || producer.ofStep)
    return false;
  ArrayRef<int64_t> space = producer.space;
  ArrayRef<int64_t> stage =
      cluster.kind == KernelKind::Reduce ? ArrayRef(cluster.resultSpace) : ArrayRef(cluster.space);
  bool rows = cluster.rowRank && space == stage.take_front(*cluster.rowRank);
  if (space != stage && !rows)
    return false;
  if (!llvm::all_of(producer.ops, [](Operation *op) { return isa<ElementwiseOpInterface>(op); }))
    return false;
  // Members of the cluster may use the producer's results only at the same place.
  for (Operation *member : cluster.ops)
    for (const Use &use : usesOf(member))
      if (clusterOf(use.base.getDefiningOp()) == &producer && use.how == Use::Other)
        return false;
  return llvm::none_of(dependencies(&cluster), [&](Cluster *other) {
    return other != &producer && dependsOn(other, &producer);
  });
}

llvm::SmallSetVector<Cluster *, 4> ClusterGraph::dependencies(Cluster *cluster) const {
  llvm::SmallSetVector<Cluster *, 4> result;
  for (Operation *op : cluster->ops)
    for (const Use &use : usesOf(op))
      if (Cluster *other = clusterOf(use.base.getDefiningOp()); other && other != cluster)
        result.insert(other);
  return result;
}

bool ClusterGraph::dependsOn(Cluster *from, Cluster *to) const {
  llvm::SetVector<Cluster *> reached;
  reached.insert(from);
  for (size_t i = 0; i < reached.size(); ++i)
    for (Cluster *next : dependencies(reached[i])) {
      if (next == to)
        return true;
      reached.insert(next);
    }
  return false;
}

SmallVector<Cluster *> ClusterGraph::inOrder() {
  SmallVector<Cluster *> order;
  llvm::SmallPtrSet<Cluster *, 16> done;
  while (order.size() < clusters.size())
    for (auto &cluster : clusters)
      if (!done.contains(cluster.get()) &&
          llvm::all_of(dependencies(cluster.get()), [&](Cluster *c) { return done.contains(c); })) {
        done.insert(cluster.get());
        order.push_back(cluster.get());
        break;
      }
  return order;
}

} // namespace dlc

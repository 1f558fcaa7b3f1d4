//===- KernelClusters.h - Which ops run together ------------------------------------*- C++ -*-===//
#ifndef DLC_LIB_TRANSFORMS_KERNELCLUSTERS_H
#define DLC_LIB_TRANSFORMS_KERNELCLUSTERS_H

#include "dlc/IR/DL.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/MapVector.h"

namespace dlc {

enum class KernelKind { Map, Rows, Reduce, Contract, Scatter, Sort, Segments };
llvm::StringRef stringify(KernelKind kind);

/// Ops that will be one kernel.
struct Cluster {
  KernelKind kind;
  /// Shape of the elements that the kernel walks over; for a product its result, for a reduction
  /// what it reduces.
  llvm::SmallVector<int64_t> space;
  /// Rows: how many leading dimensions remain after its reductions. Otherwise unset.
  std::optional<int64_t> rowRank;
  /// Reduce: the shape of its result.
  llvm::SmallVector<int64_t> resultSpace;
  /// Scalars that the step's number gives (AccessOps::isOfStep). Nothing else joins them.
  bool ofStep = false;
  llvm::SetVector<mlir::Operation *> ops;
};

/// How an op uses a value that lies in memory or in a cluster.
struct Use {
  enum How { Direct, RowBroadcast, Other } how;
  mlir::Value base;
};

/// True for ops that name memory: dl.read, dl.input.
bool isLeaf(mlir::Operation *op);

/// The ops that are repeated in every kernel that uses them: re-indexing, constants, conversions to
/// and from 16 bits, and scalar arithmetic on what is known before the kernel starts. Where
/// products fuse loads, also what prepares data for them.
class AccessOps {
public:
  /// With `stepApart`, scalars of the step are not among them.
  AccessOps(mlir::func::FuncOp function, bool fuseLoads, bool stepApart);
  bool contains(mlir::Operation *op) const { return ops.contains(op); }
  /// True for costly scalars that depend on the step's number and constants alone, such as
  /// `1 - beta^step`, and what is made of them: thousands of threads need not all compute them.
  bool isOfStep(mlir::Operation *op) const { return ofStep.contains(op); }

private:
  bool isAccess(mlir::Operation *op) const;
  bool preparesData(mlir::Operation *op);
  bool isForProducts(mlir::Value value);
  void findOfStep(mlir::func::FuncOp function);

  llvm::DenseSet<mlir::Operation *> ops, ofStep;
  llvm::DenseMap<mlir::Value, bool> forProducts; // what isForProducts said
};

/// Groups the ops of a function into clusters, greedily and in order.
class ClusterGraph {
public:
  /// With `fuseUpdates`, what is made of a table follows in the kernel that adds it up.
  ClusterGraph(mlir::func::FuncOp function, const AccessOps &access, bool fuseUpdates);

  /// In an order in which each cluster follows what it depends on.
  llvm::SmallVector<Cluster *> inOrder();

  Cluster *clusterOf(mlir::Operation *op) const { return owner.lookup(op); }

private:
  void place(mlir::Operation *op);
  void placeOfStep(mlir::Operation *op);
  Cluster *createFor(mlir::Operation *op);
  bool canJoin(const Cluster &cluster, mlir::Operation *op) const;
  bool canJoinElementwise(const Cluster &cluster, mlir::Operation *op) const;
  bool canJoinReduction(const Cluster &cluster, mlir::Operation *op) const;
  bool becomesReduction(Cluster &cluster, mlir::Operation *op) const;
  void mergeProducers(Cluster &cluster, mlir::Operation *op);
  bool canMerge(Cluster &producer, Cluster &cluster) const;
  bool dependsOn(Cluster *from, Cluster *to) const;
  llvm::SmallSetVector<Cluster *, 4> dependencies(Cluster *cluster) const;
  void add(Cluster &cluster, mlir::Operation *op);
  /// What `op` uses, seen through the access ops.
  llvm::ArrayRef<Use> usesOf(mlir::Operation *op) const { return uses.find(op)->second; }
  llvm::SmallVector<Use> findUses(mlir::Operation *op) const;

  const AccessOps &access;
  bool fuseUpdates;
  llvm::SmallVector<std::unique_ptr<Cluster>> clusters;
  llvm::DenseMap<mlir::Operation *, Cluster *> owner;
  llvm::DenseMap<mlir::Operation *, llvm::SmallVector<Use>> uses;
};

} // namespace dlc

#endif

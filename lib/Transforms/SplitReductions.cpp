//===- SplitReductions.cpp - Few sums of many elements, by a whole device ---------------------===//
//
//   %y = dl.reduce_sum %x dims [0, 1] : tensor<784x128xf32> -> tensor<f32>
// becomes
//   %p = dl.reduce_sum %x dims [1] : tensor<784x128xf32> -> tensor<784xf32>
//   %y = dl.reduce_sum %p dims [0] : tensor<784xf32> -> tensor<f32>
// and a single long dimension is seen as two:
//   %v = dl.reshape %x : tensor<100000xf32> -> tensor<250x400xf32>
//
// On a GPU a block makes one result, or 32 beside each other: where results are few, most of the
// device looks on. The split is the one with the fewest turns, in which a thread reads one element
// after the other, if that saves more of them than another kernel is worth. A dimension whose size
// has no factor that pays stays whole, and so do the rows of a batch: all that is done with a row
// is one kernel. The order of a sum depends on shapes alone.
//
//===------------------------------------------------------------------------------------------===//
#include "dlc/IR/Builders.h"
#include "dlc/IR/Forms.h"
#include "dlc/Transforms/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "llvm/Support/MathExtras.h"

namespace dlc {
#define GEN_PASS_DEF_SPLITREDUCTIONSPASS
#include "dlc/Transforms/Passes.h.inc"
} // namespace dlc

using namespace mlir;
using namespace dlc;

constexpr int64_t kThreadsAtOnce = 1 << 18; // on a large GPU
constexpr int64_t kKernelTurns = 32;        // that another kernel is worth; assumed

static RankedTensorType typeOf(Value value) { return cast<RankedTensorType>(value.getType()); }

static Value reduceAlong(ImplicitLocOpBuilder &b, ReductionOpInterface like, Value input,
                         ArrayRef<int64_t> dims) {
  OperationState state(like.getLoc(), like->getName());
  state.addOperands(input);
  state.addAttribute("dims", b.getDenseI64ArrayAttr(dims));
  state.addTypes(reducedType(input.getType(), dims));
  return b.create(state)->getResult(0);
}

namespace {

/// What a value is computed from, element by element and for this value alone.
class Chain {
public:
  explicit Chain(Value value) {
    llvm::SetVector<Value> reached;
    reached.insert(value);
    for (size_t i = 0; i < reached.size(); ++i)
      if (isOwn(reached[i]))
        reached.insert_range(reached[i].getDefiningOp()->getOperands());
    values = reached.takeVector();
    llvm::sort(values, [](Value x, Value y) {
      return x.getDefiningOp()->isBeforeInBlock(y.getDefiningOp());
    });
  }

  /// Whether it can have another shape without being written to memory for it.
  bool canReshape() const {
    return llvm::none_of(values, [](Value value) {
      Operation *op = value.getDefiningOp();
      return isa<TransposeOp, SliceOp, IotaOp>(op) ||
             (isa<BroadcastOp>(op) && !isScalar(op->getOperand(0)));
    });
  }

  /// The value under that shape: what it is computed from takes it before.
  Value reshaped(ImplicitLocOpBuilder &b, ArrayRef<int64_t> shape) {
    DenseMap<Value, Value> views;
    for (Value value : values) {
      Operation *op = value.getDefiningOp();
      RankedTensorType type = typeOf(value).clone(shape);
      if (isOwn(value)) {
        IRMapping map;
        for (Value operand : op->getOperands())
          map.map(operand, views.lookup(operand));
        views[value] = b.clone(*op, map)->getResult(0);
        views[value].setType(type);
      } else if (isa<BroadcastOp>(op)) {
        views[value] = broadcast(b, op->getOperand(0), {}, type);
      } else if (auto constant = dyn_cast<ConstantOp>(op)) {
        auto elements = cast<DenseElementsAttr>(constant.getValue());
        views[value] = ConstantOp::create(b, type, elements.reshape(type));
      } else {
        auto view = dyn_cast<ReshapeOp>(op);
        views[value] = reshape(b, view ? view.getX() : value, type);
      }
    }
    return views.lookup(values.back());
  }

  void eraseUnused() {
    for (Value value : llvm::reverse(values))
      if (value.use_empty())
        value.getDefiningOp()->erase();
  }

private:
  static bool isOwn(Value value) {
    return isa<ElementwiseOpInterface>(value.getDefiningOp()) && llvm::all_equal(value.getUsers());
  }
  static bool isScalar(Value value) { return typeOf(value).getRank() == 0; }

  SmallVector<Value> values; // in the function's order
};

/// How a reduction is done in two.
struct Split {
  SmallVector<int64_t> shape;         // that the operand is seen in
  SmallVector<int64_t> first, second; // the dimensions that vanish, of the operand and after that
  int64_t turns = 0;
};

class Splitter {
public:
  Splitter(ReductionOpInterface op, int64_t batch)
      : op(op), batch(batch), shape(typeOf(op.getInput()).getShape()), dims(op.getReducedDims()) {}

  void run() {
    best.turns = turnsOf(shape, dims) - kKernelTurns;
    splitBetweenDims();
    Chain chain(op.getInput());
    if (dims.size() == 1 && !ShapedType::isDynamic(shape[dims[0]]) && chain.canReshape())
      splitDim();
    if (best.first.empty())
      return;
    ImplicitLocOpBuilder b(op.getLoc(), op);
    Value input = op.getInput();
    if (ArrayRef<int64_t>(best.shape) != shape)
      input = chain.reshaped(b, best.shape);
    Value parts = reduceAlong(b, op, input, best.first);
    op->getResult(0).replaceAllUsesWith(reduceAlong(b, op, parts, best.second));
    op.erase();
    chain.eraseUnused();
  }

private:
  int64_t sizeOf(int64_t size) const { return ShapedType::isDynamic(size) ? batch : size; }

  /// How many elements a thread reads one after the other, in all blocks that it works for.
  int64_t turnsOf(ArrayRef<int64_t> space, ArrayRef<int64_t> reduced) const {
    int64_t terms = 1, results = 1, last = space.size() - 1;
    for (auto [d, size] : llvm::enumerate(space))
      (llvm::is_contained(reduced, d) ? terms : results) *= sizeOf(size);
    // Those of Launch.cpp: warps share neighbouring results, a block or a warp a single one.
    int64_t team = !llvm::is_contained(reduced, last) ? 8 : terms > 512 ? 256 : 32;
    int64_t rounds = llvm::divideCeil(results * team, kThreadsAtOnce);
    int64_t each = llvm::divideCeil(terms, team);
    return rounds * each;
  }

  void consider(ArrayRef<int64_t> seen, ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
    RankedTensorType parts = reducedType(typeOf(op.getInput()).clone(seen), first);
    int64_t turns = turnsOf(seen, first) + turnsOf(parts.getShape(), second);
    if (turns < best.turns)
      best = {SmallVector<int64_t>(seen), SmallVector<int64_t>(first), SmallVector<int64_t>(second),
              turns};
  }

  /// Inner dimensions first: those that remain keep their numbers less the others' before them.
  void splitBetweenDims() {
    for (size_t n = 1; n < dims.size(); ++n)
      consider(shape, dims.drop_front(n), dims.take_front(n));
  }

  void splitDim() {
    int64_t dim = dims[0], size = shape[dim];
    auto intoParts = [&](int64_t parts) {
      SmallVector<int64_t> seen(shape);
      seen[dim] = size / parts;
      seen.insert(seen.begin() + dim, parts);
      consider(seen, {dim + 1}, {dim});
    };
    for (int64_t factor = 2; factor * factor <= size; ++factor)
      if (size % factor == 0) {
        intoParts(factor);
        intoParts(size / factor);
      }
  }

  ReductionOpInterface op;
  int64_t batch;
  ArrayRef<int64_t> shape, dims;
  Split best; // its turns are what one has to beat
};

struct SplitReductionsPass : dlc::impl::SplitReductionsPassBase<SplitReductionsPass> {
  void runOnOperation() override {
    if (failed(verifyGraph(getOperation())))
      return signalPassFailure();
    auto rows = getOperation()->getAttrOfType<IntegerAttr>("dl.batch");
    for (auto op : llvm::make_early_inc_range(getOperation().getOps<ReductionOpInterface>()))
      if (!isBatched(op->getResult(0).getType()))
        Splitter(op, rows ? rows.getInt() : 1).run();
  }
};
} // namespace

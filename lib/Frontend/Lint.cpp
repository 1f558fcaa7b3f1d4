//===- Lint.cpp - What is legal and most likely wrong ----------------------------------------===//
//
// Warnings about what a net computes. They look at the graph, not at names, so that functions of
// the program are seen like those of the library. A warning stands where the program asked for the
// op, and says what to do.
//
//===------------------------------------------------------------------------------------------===//
#include "Elaborator.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dlc {

/// `value` before it was cast, copied or given another shape.
static Value origin(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<ReshapeOp, BroadcastOp, TransposeOp, SliceOp, CastOp, CopyOp, StopGradientOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

template <typename Op> static Op originOf(Value value) { return origin(value).getDefiningOp<Op>(); }

/// e of sum(e), where e = exp(...): null for any other sum.
static ExpOp summedExponentials(Value sum) {
  auto reduce = originOf<ReduceSumOp>(sum);
  return reduce ? originOf<ExpOp>(reduce.getX()) : ExpOp();
}

/// z of log(sum(exp(z))), or of log(sum(exp(z - max(z)))); null for any other op.
static Value logSumExp(LogOp op) {
  ExpOp exponential = op ? summedExponentials(op.getX()) : ExpOp();
  if (!exponential)
    return {};
  auto shifted = originOf<SubOp>(exponential.getX());
  auto largest = shifted ? originOf<ReduceMaxOp>(shifted.getRhs()) : ReduceMaxOp();
  bool shift = largest && origin(largest.getX()) == origin(shifted.getLhs());
  return origin(shift ? shifted.getLhs() : exponential.getX());
}

/// What makes probabilities, or their logarithms, of scores: its name, or none.
static StringRef squashing(Value value) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<SigmoidOp>(op))
    return "sigmoid";
  if (auto quotient = dyn_cast_or_null<DivOp>(op)) {
    if (ExpOp summed = summedExponentials(quotient.getRhs()))
      return summed == originOf<ExpOp>(quotient.getLhs()) ? "softmax" : "";
    // 1 / (1 + exp(-x))
    auto below = originOf<AddOp>(quotient.getRhs());
    bool one = originOf<ConstantOp>(quotient.getLhs()) != nullptr;
    if (one && below)
      for (auto [a, b] :
           {std::pair{below.getLhs(), below.getRhs()}, {below.getRhs(), below.getLhs()}})
        if (auto power = originOf<ExpOp>(b); originOf<ConstantOp>(a) && power)
          return originOf<NegOp>(power.getX()) ? "sigmoid" : "";
    return "";
  }
  if (auto difference = dyn_cast_or_null<SubOp>(op))
    if (Value scores = logSumExp(originOf<LogOp>(difference.getRhs()))) {
      auto shifted = originOf<SubOp>(difference.getLhs());
      if (scores == origin(shifted ? shifted.getLhs() : difference.getLhs()))
        return "log_softmax";
    }
  return "";
}

/// The scores that a cross entropy starts from: z of log(sum(exp(z))), or of log(1 + exp(-|z|)).
static Value lossScores(Operation *op) {
  if (auto log = dyn_cast<LogOp>(op))
    return logSumExp(log);
  auto log1p = dyn_cast<Log1pOp>(op);
  auto power = log1p ? originOf<ExpOp>(log1p.getX()) : ExpOp();
  if (!power)
    return {};
  // -|z| may be written where(z > 0, -z, z), which has a derivative at 0.
  if (auto either = originOf<SelectOp>(power.getX())) {
    auto minus = originOf<NegOp>(either.getLhs());
    bool same = minus && origin(minus.getX()) == origin(either.getRhs());
    return same ? origin(either.getRhs()) : Value();
  }
  auto minus = originOf<NegOp>(power.getX());
  auto size = minus ? originOf<AbsOp>(minus.getX()) : AbsOp();
  return size ? origin(size.getX()) : Value();
}

namespace {
/// How many sigmoids follow one another up to a value, with nothing but linear ops between them;
/// -1 for what does not depend on the data.
class SigmoidRuns {
public:
  int at(Value value) {
    Operation *op = value.getDefiningOp();
    if (!op || isa<ReadOp>(op) || op->getNumOperands() == 0)
      return isa_and_nonnull<InputOp>(op) ? 0 : -1;
    auto known = runs.find(value);
    return known == runs.end() ? -1 : known->second;
  }
  /// To be called in the order of the ops.
  void add(Operation *op) {
    if (op->getNumResults() != 1 || op->getNumOperands() == 0)
      return;
    int least = -1;
    bool several = false; // operands that depend on the data
    for (Value operand : op->getOperands())
      if (int run = at(operand); run >= 0) {
        several |= least >= 0;
        least = least < 0 ? run : std::min(least, run);
      }
    bool linear = isa<ReshapeOp, BroadcastOp, TransposeOp, SliceOp, CastOp, CopyOp, NegOp, AddOp,
                      SubOp, PadOp, ConcatOp, ReduceSumOp>(op) ||
                  (isa<MulOp, DivOp, DotOp>(op) && !several);
    if (squashing(op->getResult(0)) == "sigmoid")
      runs[op->getResult(0)] = std::max(0, inside(op)) + 1;
    else
      runs[op->getResult(0)] = linear || least < 0 ? least : 0;
  }

private:
  /// Of what a sigmoid is taken, which may be written 1 / (1 + exp(-x)).
  int inside(Operation *op) {
    if (isa<SigmoidOp>(op))
      return at(op->getOperand(0));
    auto below = originOf<AddOp>(mlir::cast<DivOp>(op).getRhs());
    auto power = originOf<ExpOp>(below.getLhs());
    return at((power ? power : originOf<ExpOp>(below.getRhs())).getX());
  }

  DenseMap<Value, int> runs;
};
} // namespace

SetVector<Operation *> Elaborator::computedFrom(Value value) const {
  SetVector<Operation *> ops;
  SmallVector<Value> open{value};
  while (!open.empty()) {
    Operation *op = open.pop_back_val().getDefiningOp();
    if (!op || !ops.insert(op))
      continue;
    // With what is used inside of its regions.
    op->walk([&](Operation *inner) { llvm::append_range(open, inner->getOperands()); });
  }
  return ops;
}

SourceRange Elaborator::place(Operation *op) const { return places.lookup(op->getLoc()); }

void Elaborator::lintLoss(Value loss) {
  constexpr int tooMany = 5; // a quarter each: a thousandth of the gradient is left
  SetVector<Operation *> used = computedFrom(loss);
  SigmoidRuns runs;
  for (Operation &op : function.front()) {
    if (!used.contains(&op))
      continue;
    if (Value scores = lossScores(&op))
      if (StringRef name = squashing(scores); !name.empty())
        diagnostics
            .warning(place(&op), "this takes raw scores (logits), and they have been through " +
                                     name + " already")
            .note(name + " is applied here", place(scores.getDefiningOp()))
            .note("leave it out there, and apply it where probabilities are wanted, as in the "
                  "report");
    if (isa<DotOp>(op))
      for (Value operand : op.getOperands())
        if (auto input = originOf<InputOp>(operand);
            input && getElementTypeOrSelf(input.getType()).isInteger(8))
          diagnostics
              .warning(place(&op), "numbers from 0 to 255 go into a layer as they are, which makes "
                                   "training slow or fail")
              .note("bring '" + input.getField() + "' near 1 first: scale(" + input.getField() +
                    ", 1/255), or standardize");
    runs.add(&op);
    if (op.getNumResults() == 1 && squashing(op.getResult(0)) == "sigmoid" &&
        runs.at(op.getResult(0)) == tooMany)
      diagnostics
          .warning(place(&op), "this is the fifth sigmoid in a row: each lets at most a quarter of "
                               "the gradient through, so the "
                               "first layers hardly learn")
          .note(
              "between layers use relu with init = he_uniform, or tanh with init = glorot_uniform");
  }
}

void Elaborator::lintParameters(const NamedMap<Value> &gradients) {
  for (auto &[path, variable] : variables) {
    if (variable.kind != "param" || gradients.contains(path))
      continue;
    Value read = reads.lookup(path);
    bool called = read && isLibrary(variable.range.file); // declared by a function of the library
    diagnostics
        .warning(called ? place(read.getDefiningOp()) : variable.range,
                 "the loss does not depend on '" + path + "', so it is not trained")
        .note("use what is computed from it, or leave it out");
  }
}

void Elaborator::lintPrediction(Value prediction) {
  for (Operation *op : computedFrom(prediction)) {
    auto reduction = dyn_cast<ReductionOpInterface>(op);
    if (reduction && isBatched(reduction.getInput().getType()) &&
        llvm::is_contained(reduction.getReducedDims(), 0))
      diagnostics
          .warning(place(op),
                   "what is predicted for an example depends here on the others that it comes with")
          .note("'fit m = mean(x, over = batch)' is learned on the training part; a running mean "
                "is a 'state' that "
                "'if training' updates");
  }
}

} // namespace dlc

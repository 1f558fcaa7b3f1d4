//===- ElaborateTrain.cpp - train { ... }, the step, and what is fitted ----------------------===//
#include "Elaborator.h"

using namespace mlir;

namespace dlc {

const ast::Expr *Elaborator::trainEntry(StringRef name) const {
  if (const ast::Expr *value = trainOverrides.lookup(name))
    return value;
  for (const ast::StmtPtr &statement : program.train.body)
    if (statement->kind == ast::Stmt::Kind::Let && statement->names[0].text == name)
      return statement->value.get();
  return nullptr;
}

void Elaborator::elaborateTrainSettings() {
  TrainInfo &train = info.train;
  train.given = program.train.present;
  static constexpr StringRef known[] = {"loss",     "optimizer", "batch", "epochs", "steps",
                                        "validate", "keep",      "stop",  "seed",   "gradient"};
  llvm::StringMap<SourceRange> seen;
  for (const ast::StmtPtr &statement : program.train.body) {
    if (isMistake(*statement))
      continue;
    if (statement->kind != ast::Stmt::Kind::Let || statement->names.size() != 1) {
      diagnostics.error(statement->range, "'train' holds settings, as in 'epochs = 5'");
      continue;
    }
    const ast::Identifier &name = statement->names[0];
    if (!llvm::is_contained(known, StringRef(name.text)))
      diagnostics.error(name.range, "'train' has no setting '" + name.text + "'" +
                                        didYouMean(name.text, known));
    if (!seen.try_emplace(name.text, name.range).second)
      diagnostics.error(name.range, "'" + name.text + "' is set twice")
          .note("first here", seen[name.text]);
  }
  for (StringRef name : known)
    if (const ast::Expr *value = trainEntry(name); value && !llvm::isa<ast::Mistake>(value))
      elaborateTrainSetting(name.str(), *value);
  if (!train.given)
    return;
  if (!trainEntry("loss"))
    diagnostics.error(program.train.keyword.range,
                      "'train' needs a loss, as in 'loss = mse(model(x), y)'");
  if (!trainEntry("optimizer"))
    diagnostics.error(program.train.keyword.range,
                      "'train' needs an optimizer, as in 'optimizer = adam(lr = 1e-3)'");
  if (trainEntry("epochs") && trainEntry("steps") && !trainOverrides.contains("epochs") &&
      !trainOverrides.contains("steps"))
    diagnostics.error(trainEntry("steps")->range, "give either 'epochs' or 'steps'");
  if (trainOverrides.contains("steps"))
    train.epochs = 0;
  else if (trainOverrides.contains("epochs"))
    train.steps = 0;
  if (!trainEntry("epochs") && !trainEntry("steps"))
    train.epochs = 10;
}

void Elaborator::elaborateTrainSetting(const std::string &name, const ast::Expr &value) {
  TrainInfo &train = info.train;
  frames.assign(1, Frame{"", {}});
  auto count = [&](int64_t least) -> int64_t {
    std::optional<int64_t> number = evaluateInt(value, global, "'" + name + "'");
    if (number && (*number < least || *number > int64_t(1) << 40)) {
      diagnostics.error(value.range, "'" + name + "' is at least " + llvm::Twine(least));
      return least;
    }
    return number.value_or(least);
  };
  if (name == "batch") {
    auto *all = llvm::dyn_cast<ast::Name>(&value);
    train.batch = all && all->text == "all" ? 0 : count(1);
    constexpr int64_t most = 1 << 24;
    if (train.batch > most)
      diagnostics.error(value.range, "a batch has at most 2^24 examples");
  } else if (name == "epochs") {
    train.epochs = count(0);
  } else if (name == "steps") {
    train.steps = count(0);
  } else if (name == "seed") {
    train.seed = count(0);
  } else if (name == "validate") {
    train.validate = evaluateNumber(value, global, "'validate'").value_or(0);
    if (train.validate < 0 || train.validate >= 1)
      diagnostics.error(value.range, "the part to validate on is between 0% and 100%");
  } else if (name == "stop") {
    auto *call = llvm::dyn_cast<ast::Call>(&value);
    auto *callee = call ? llvm::dyn_cast<ast::Name>(call->callee.get()) : nullptr;
    if (!callee || callee->text != "patience" || call->arguments.size() != 1) {
      diagnostics.error(value.range,
                        "write 'stop = patience(3)': how many epochs without improvement to wait");
      return;
    }
    train.patience = evaluateInt(*call->arguments[0].value, global, "patience").value_or(1);
    if (train.patience < 1)
      diagnostics.error(call->arguments[0].value->range, "patience is at least 1 epoch");
  } else if (name == "keep") {
    elaborateKeep(value);
  }
}

/// keep = best(accuracy) | highest(x) | lowest(x)
void Elaborator::elaborateKeep(const ast::Expr &value) {
  auto *call = llvm::dyn_cast<ast::Call>(&value);
  auto *callee = call ? llvm::dyn_cast<ast::Name>(call->callee.get()) : nullptr;
  auto *metric = call && call->arguments.size() == 1
                     ? llvm::dyn_cast<ast::Name>(call->arguments[0].value.get())
                     : nullptr;
  if (!callee || !metric || !llvm::is_contained({"best", "highest", "lowest"}, callee->text)) {
    diagnostics.error(value.range,
                      "write 'keep = best(accuracy)', with 'loss' or a value of the report");
    return;
  }
  std::vector<StringRef> known{"loss"};
  for (const ast::StmtPtr &entry : program.report.body)
    if (entry->kind == ast::Stmt::Kind::Let)
      known.push_back(entry->names[0].text);
  if (!llvm::is_contained(known, StringRef(metric->text))) {
    diagnostics
        .error(metric->range,
               "the report has no value '" + metric->text + "'" + didYouMean(metric->text, known))
        .note("what is kept by must be 'loss' or a value of the report");
    return;
  }
  StringRef name = metric->text;
  bool less = name.contains("loss") || name.contains("error") || name.contains("mse") ||
              name.contains("mae") || name.contains("perplexity");
  info.train.keepMetric = metric->text;
  info.train.keepHighest = callee->text == "highest" || (callee->text == "best" && !less);
}

Value Elaborator::elaborateLoss() {
  const ast::Expr *expr = trainEntry("loss");
  if (!expr)
    return {};
  Object loss = evaluate(*expr, global);
  if (!loss.isPoison())
    loss = toTensor(loss, realType(), expr->range);
  if (loss.isPoison())
    return {};
  if (!shapeOf(loss).empty()) {
    fail(expr->range, "the loss must be one number for each example, found " + describe(loss))
        .isPoison();
    return {};
  }
  if (!isa<FloatType>(elementOf(loss)))
    loss = castTo(loss, realType());
  return loss.batched ? meanOf(loss.tensor, {0}) : loss.tensor;
}

NamedMap<Value> Elaborator::wrapGradient(Operation *marker, Value &loss) {
  Block &block = function.front();
  SmallVector<Operation *> moved;
  for (Operation &op :
       llvm::make_range(marker ? std::next(marker->getIterator()) : block.begin(), block.end()))
    if (!isa<ReadOp, InputOp>(op))
      moved.push_back(&op);
  SetVector<Operation *> used = computedFrom(loss);
  std::vector<std::string> paths;
  SmallVector<Value> operands;
  for (auto &[path, read] : reads) {
    if (variables[path].kind == "param" && used.contains(read.getDefiningOp())) {
      paths.push_back(path);
      operands.push_back(read);
    }
  }
  SmallVector<Value> yielded{loss};
  for (auto &[path, value] : updates)
    yielded.push_back(value);
  SmallVector<Type> types(ValueRange(yielded).getTypes());
  llvm::append_range(types, ValueRange(operands).getTypes());

  b.setInsertionPointToEnd(&block);
  OperationState state(b.getLoc(), GradOp::getOperationName());
  state.addOperands(operands);
  state.addTypes(types);
  Region *region = state.addRegion();
  Block *body = &region->emplaceBlock();
  for (Value operand : operands)
    body->addArgument(operand.getType(), b.getLoc());
  auto grad = mlir::cast<GradOp>(b.create(state));
  body = &grad.getBody().front();
  for (Operation *op : moved)
    op->moveBefore(body, body->end());
  for (auto [operand, argument] : llvm::zip_equal(operands, body->getArguments())) {
    operand.replaceUsesWithIf(
        argument, [&](OpOperand &use) { return grad->isProperAncestor(use.getOwner()); });
    for (Value &value : yielded)
      if (value == operand)
        value = argument;
  }
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(body);
    YieldOp::create(b, yielded);
  }
  loss = grad.getResult(0);
  size_t next = 1;
  for (auto &entry : updates)
    entry.second = grad.getResult(next++);
  NamedMap<Value> derivatives;
  for (const std::string &path : paths)
    derivatives[path] = grad.getResult(next++);
  return derivatives;
}

/// The function that 'optimizer' names, its arguments checked; `outCall` is its call, if it is one.
const ast::Function *Elaborator::findOptimizer(const ast::Call *&outCall) {
  const ast::Expr *expr = trainEntry("optimizer");
  if (!expr || llvm::isa<ast::Mistake>(expr))
    return nullptr;
  outCall = llvm::dyn_cast<ast::Call>(expr);
  auto *name = llvm::dyn_cast<ast::Name>(outCall ? outCall->callee.get() : expr);
  std::vector<StringRef> known;
  const ast::Function *optimizer = nullptr;
  for (const auto *table : {&standardFunctions, &userFunctions})
    for (const auto &entry : *table)
      if (entry.second->kind == ast::Function::Kind::Optimizer) {
        known.push_back(entry.getKey());
        if (name && entry.getKey() == name->text)
          optimizer = entry.second;
      }
  if (!optimizer) {
    diagnostics.error(outCall ? outCall->callee->range : expr->range,
                      name
                          ? "unknown optimizer '" + name->text + "'" + didYouMean(name->text, known)
                          : std::string("name an optimizer, as in adam(lr = 1e-3)"));
    return nullptr;
  }
  auto scope = std::make_shared<Scope>();
  return bindOptimizer(*optimizer, outCall, scope) ? optimizer : nullptr;
}

void Elaborator::elaborateTrain() {
  if (!program.train.present)
    return;
  int64_t rows =
      info.generatedRows
          ? int64_t(double(info.generatedRows) * (info.split.given ? info.split.train : 1) + 0.5)
          : options.trainRows;
  int64_t batch = info.train.batch ? info.train.batch : std::max<int64_t>(rows, 1);
  startFunction(Phase::Train, "train", batch);
  const ast::Call *call = nullptr;
  const ast::Function *optimizer = findOptimizer(call);
  Value loss = elaborateLoss();
  if (!loss || diagnostics.hasErrors())
    return finishFunction(function);
  lintLoss(loss);
  NamedMap<Value> gradients = wrapGradient(nullptr, loss);
  lintParameters(gradients);
  if (gradients.empty()) {
    diagnostics.error(trainEntry("loss")->range,
                      "there is nothing to train: the loss depends on no parameter");
    return finishFunction(function);
  }
  Value norm;
  if (trainEntry("gradient")) {
    for (auto &[path, gradient] : gradients) {
      int64_t rank = mlir::cast<RankedTensorType>(gradient.getType()).getRank();
      Value square =
          sum(b, mul(b, gradient, gradient), llvm::to_vector(llvm::seq<int64_t>(0, rank)));
      norm = norm ? add(b, norm, square) : square;
    }
    norm = SqrtOp::create(b, norm);
  }
  if (optimizer)
    for (auto &[path, gradient] : gradients) {
      Object transformed = transformGradient(path, gradient, norm);
      if (!transformed.isPoison())
        elaborateUpdate(path, transformed, *optimizer, call);
      if (diagnostics.hasErrors())
        break; // it would be said again for each parameter
    }
  output("loss", loss);
  emitUpdates();
  finishFunction(function);
}

Object Elaborator::transformGradient(const std::string &path, Value gradient, Value norm) {
  Object object = ofTensor(gradient, false);
  const ast::Expr *expr = trainEntry("gradient");
  if (!expr)
    return object;
  auto scope = std::make_shared<Scope>();
  scope->names["grad"] = object;
  gradientNorm = norm;
  Object result = toTensor(evaluate(*expr, scope), realType(), expr->range);
  gradientNorm = {};
  if (result.isPoison())
    return result;
  if (result.batched || shapeOf(result) != shapeOf(object))
    return fail(expr->range, "the gradient of '" + path + "' is " + describe(object) +
                                 ", but this gives " + describe(result));
  return result;
}

/// Puts the optimizer's arguments, from its call and from --set, into `scope`.
bool Elaborator::bindOptimizer(const ast::Function &optimizer, const ast::Call *call,
                               const ScopePtr &scope) {
  CallSite site;
  site.callee = optimizer.name.text;
  site.range = call ? call->range : trainEntry("optimizer")->range;
  llvm::StringMap<bool> overridden;
  for (auto &entry : optimizerOverrides) {
    overridden[entry.getKey()] = true;
    site.arguments.push_back(
        {entry.getKey().str(), evaluate(*entry.second, global), entry.second->range});
  }
  if (call)
    for (const ast::Argument &argument : call->arguments) {
      std::string name = argument.name ? argument.name->text : "";
      if (name.empty() && site.arguments.size() < optimizer.parameters.size() + overridden.size() &&
          !overridden.empty()) {
        size_t index = &argument - call->arguments.data();
        if (index < optimizer.parameters.size())
          name = optimizer.parameters[index].name.text;
      }
      if (overridden.contains(name))
        continue;
      site.arguments.push_back({name, evaluate(*argument.value, global), argument.value->range});
    }
  for (const CallSite::Argument &argument : site.arguments) {
    if (argument.value.isPoison())
      return false;
    if (argument.value.batched) {
      diagnostics.error(argument.range,
                        "an optimizer's setting cannot vary from example to example");
      return false;
    }
  }
  scope->library = isLibrary(optimizer.name.range.file);
  return bind(optimizer.parameters, site, scope, optimizer.name.range);
}

void Elaborator::elaborateUpdate(const std::string &path, const Object &gradient,
                                 const ast::Function &optimizer, const ast::Call *call) {
  auto scope = std::make_shared<Scope>();
  if (!bindOptimizer(optimizer, call, scope))
    return;
  size_t before = diagnostics.count();
  SourceRange named = trainEntry("optimizer")->range;
  Object parameter = ofTensor(readVariable(path), false);
  parameter.string = path;
  scope->names["param"] = parameter;
  scope->names["grad"] = gradient;
  setLocation(named);
  optimizedPath = path;
  optimizerName = optimizer.name.text;
  frames.push_back({optimizer.name.text, {}});
  evaluateBlock(optimizer.body, scope);
  frames.pop_back();
  optimizedPath.clear();
  diagnostics.moveTo(named, before, [&](uint32_t file) { return isLibrary(file); });
}

void Elaborator::elaborateFit() {
  bool any = llvm::any_of(variables, [](auto &entry) { return entry.second.kind == "fitted"; });
  if (!any || diagnostics.hasErrors())
    return;
  startFunction(Phase::Fit, "fit",
                std::max<int64_t>(64, std::min<int64_t>(info.train.batch, 1024)));
  elaborateLoss();
  emitUpdates();
  finishFunction(function);
}

} // namespace dlc

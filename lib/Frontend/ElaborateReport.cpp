//===- ElaborateReport.cpp - report { ... }, and predictions ---------------------------------===//
#include "Elaborator.h"

using namespace mlir;

namespace dlc {

static StringRef calleeName(const ast::Expr *expr) {
  auto *call = expr ? llvm::dyn_cast<ast::Call>(expr) : nullptr;
  auto *name = call ? llvm::dyn_cast<ast::Name>(call->callee.get()) : nullptr;
  return name ? StringRef(name->text) : StringRef();
}

bool Elaborator::isSeries(const ast::Stmt &statement) const {
  StringRef callee = calleeName(statement.value.get());
  return callee == "plot" || callee == "scatter";
}

/// Rows that are evaluated at a time.
static int64_t evaluationBatch(const ProgramInfo &info) {
  return std::max<int64_t>(64, std::min<int64_t>(info.train.batch, 1024));
}

void Elaborator::elaborateEvaluate() {
  if (!program.report.present && !program.train.present)
    return;
  startFunction(Phase::Evaluate, "evaluate", evaluationBatch(info));
  if (program.train.present)
    if (Value loss = elaborateLoss())
      output("loss", loss);
  llvm::StringMap<SourceRange> seen;
  for (const ast::StmtPtr &statement : program.report.body) {
    if (isMistake(*statement))
      continue;
    if (statement->kind == ast::Stmt::Kind::Let && statement->names.size() == 1) {
      const ast::Identifier &name = statement->names[0];
      if (!seen.try_emplace(name.text, name.range).second)
        diagnostics.error(name.range, "the report has '" + name.text + "' twice")
            .note("first here", seen[name.text]);
      if (name.text == "loss")
        diagnostics.error(name.range, "'loss' is always reported; choose another name");
      if (!isSeries(*statement))
        elaborateReportValue(*statement);
    } else if (statement->kind != ast::Stmt::Kind::Expr || !isSeries(*statement)) {
      diagnostics.error(statement->range, "the report holds values with a name, as in 'accuracy = "
                                          "accuracy(...)', plot(...) and scatter(...)");
    }
  }
  checkKept();
  finishFunction(function);
}

/// What epochs are compared by must be one number.
void Elaborator::checkKept() {
  const std::string &name = info.train.keepMetric;
  for (const ast::StmtPtr &statement : program.report.body) {
    if (statement->kind != ast::Stmt::Kind::Let || statement->names[0].text != name ||
        isMistake(*statement))
      continue;
    auto entry = llvm::find_if(info.report, [&](const ReportInfo &e) { return e.name == name; });
    bool number = entry != info.report.end() && entry->kind == "value";
    if (!number && (entry != info.report.end() || isSeries(*statement)))
      diagnostics
          .error(trainEntry("keep")->range,
                 "epochs are compared by one number, and '" + name + "' is more than one")
          .note("it is reported here", statement->names[0].range);
  }
}

void Elaborator::elaborateReportValue(const ast::Stmt &statement) {
  ReportInfo entry;
  entry.name = statement.names[0].text;
  Object value;
  if (calleeName(statement.value.get()) == "gradient_norms")
    value = gradientNorms(*llvm::cast<ast::Call>(statement.value.get()), entry);
  else
    value = evaluate(*statement.value, global);
  if (!value.isPoison())
    value = toTensor(value, realType(), statement.value->range);
  if (value.isPoison())
    return;
  if (!isa<FloatType>(elementOf(value)))
    value = castTo(value, realType());
  if (value.batched)
    value = ofTensor(meanOf(value.tensor, {0}), false);
  size_t rank = shapeOf(value).size();
  if (rank > 2) {
    fail(statement.value->range,
         "the report shows numbers, vectors and matrices, not " + describe(value));
    return;
  }
  static constexpr StringRef kinds[] = {"value", "vector", "matrix"};
  entry.kind = value.counts ? "counts" : kinds[rank].str();
  entry.outputs = {entry.name};
  output(entry.name, value.tensor);
  info.report.push_back(entry);
}

Object Elaborator::gradientNorms(const ast::Call &call, ReportInfo &entry) {
  Operation *marker = function.front().empty() ? nullptr : &function.front().back();
  Value loss;
  if (call.arguments.empty()) {
    loss = elaborateLoss();
  } else {
    Object value = toTensor(evaluate(*call.arguments[0].value, global), realType(), call.range);
    if (value.isPoison())
      return value;
    if (!shapeOf(value).empty())
      return fail(call.range, "only a scalar can be differentiated, found " + describe(value));
    loss = value.batched ? meanOf(value.tensor, {0}) : value.tensor;
  }
  if (!loss)
    return poison();
  NamedMap<Value> gradients = wrapGradient(marker, loss);
  SmallVector<Value> norms;
  auto one = RankedTensorType::get({1}, realType());
  for (auto &[path, gradient] : gradients) {
    int64_t rank = mlir::cast<RankedTensorType>(gradient.getType()).getRank();
    if (rank < 2)
      continue; // weights tell the story; biases would only repeat it
    Value square = sum(b, mul(b, gradient, gradient), llvm::to_vector(llvm::seq<int64_t>(0, rank)));
    norms.push_back(reshape(b, SqrtOp::create(b, square), one));
    entry.labels.push_back(path);
  }
  if (norms.empty())
    return fail(call.range, "there are no weight matrices to take the gradient of");
  return ofTensor(
      ConcatOp::create(b, RankedTensorType::get({int64_t(norms.size())}, realType()), norms, 0),
      false);
}

void Elaborator::elaborateSeries() {
  bool any = llvm::any_of(program.report.body, [&](auto &s) { return s->value && isSeries(*s); });
  if (!any)
    return;
  startFunction(Phase::Series, "series", evaluationBatch(info));
  int number = 0;
  for (const ast::StmtPtr &statement : program.report.body) {
    if (!statement->value || !isSeries(*statement))
      continue;
    auto &call = *llvm::cast<ast::Call>(statement->value.get());
    ReportInfo entry;
    entry.kind = calleeName(&call).str();
    entry.name = statement->kind == ast::Stmt::Kind::Let
                     ? statement->names[0].text
                     : entry.kind + (number ? "_" + std::to_string(number + 1) : "");
    ++number;
    size_t most = entry.kind == "scatter" ? 2 : 8;
    if (call.arguments.size() < 2 || call.arguments.size() > most)
      diagnostics.error(call.range, entry.kind == "scatter"
                                        ? "'scatter' takes two values: across and up"
                                        : "'plot' takes x and one to seven curves over it");
    for (const ast::Argument &argument : call.arguments) {
      Object value = toTensor(evaluate(*argument.value, global), realType(), argument.value->range);
      if (value.isPoison())
        continue;
      if (!shapeOf(value).empty()) {
        fail(argument.value->range,
             "a plot shows one number for each example, found " + describe(value));
        continue;
      }
      entry.outputs.push_back(entry.name + "." + std::to_string(entry.outputs.size()));
      entry.labels.push_back(argument.name ? argument.name->text
                                           : sources.text(argument.value->range).str());
      output(entry.outputs.back(), broadcastTo(castTo(value, realType()), {}, true));
    }
    info.report.push_back(entry);
  }
  finishFunction(function);
}

const ast::Call *Elaborator::findModelCall(const ast::Expr *expr) const {
  if (!expr)
    return nullptr;
  if (auto *call = llvm::dyn_cast<ast::Call>(expr)) {
    const ast::Function *function = userFunctions.lookup(calleeName(call));
    if (function && function->kind == ast::Function::Kind::Model)
      return call;
    for (const ast::Argument &argument : call->arguments)
      if (const ast::Call *found = findModelCall(argument.value.get()))
        return found;
  }
  if (auto *binary = llvm::dyn_cast<ast::Binary>(expr)) {
    const ast::Call *found = findModelCall(binary->lhs.get());
    return found ? found : findModelCall(binary->rhs.get());
  }
  if (auto *unary = llvm::dyn_cast<ast::Unary>(expr))
    return findModelCall(unary->operand.get());
  return nullptr;
}

void Elaborator::elaboratePredict() {
  const ast::Call *call = findModelCall(trainEntry("loss"));
  if (!call || diagnostics.hasErrors())
    return;
  startFunction(Phase::Predict, "predict", evaluationBatch(info));
  Object value = toTensor(evaluate(*call, global), realType(), call->range);
  if (value.isPoison())
    return;
  lintPrediction(value.tensor);
  Shape shape = shapeOf(value);
  output(calleeName(call), broadcastTo(value, shape, true));
  finishFunction(function);
}

} // namespace dlc

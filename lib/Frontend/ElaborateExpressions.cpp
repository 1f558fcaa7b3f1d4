//===- ElaborateExpressions.cpp - Expressions ------------------------------------------------===//
#include "Elaborator.h"

#include <cmath>

using namespace mlir;

namespace dlc {

Object Elaborator::fail(SourceRange range, const llvm::Twine &message) {
  diagnostics.error(range, message);
  return {};
}

Object Elaborator::evaluate(const ast::Expr &expr, const ScopePtr &scope) {
  constexpr unsigned deepest = 2000, most = 2000000;
  if (exhausted)
    return poison();
  exhausted = nesting >= deepest || work >= most;
  if (exhausted)
    return fail(expr.range, nesting >= deepest ? "this is nested too deeply"
                                               : "this program is too large to compile");
  ++nesting;
  ++work;
  Object value = evaluateKind(expr, scope);
  --nesting;
  return value;
}

Object Elaborator::evaluateKind(const ast::Expr &expr, const ScopePtr &scope) {
  setLocation(expr.range);
  switch (expr.kind) {
  case ast::Expr::Kind::Number: {
    auto *number = llvm::cast<ast::Number>(&expr);
    return Object::ofNumber(number->value, number->integer);
  }
  case ast::Expr::Kind::String: {
    Object text = Object::ofKind(Object::Kind::String);
    text.string = llvm::cast<ast::String>(&expr)->value;
    return text;
  }
  case ast::Expr::Kind::Bool:
    return Object::ofBool(llvm::cast<ast::Bool>(&expr)->value);
  case ast::Expr::Kind::Name:
    return evaluateName(*llvm::cast<ast::Name>(&expr), scope);
  case ast::Expr::Kind::Mistake:
    return poison();
  case ast::Expr::Kind::Ellipsis:
    return Object::ofKind(Object::Kind::Ellipsis);
  case ast::Expr::Kind::Unary:
    return evaluateUnary(*llvm::cast<ast::Unary>(&expr), scope);
  case ast::Expr::Kind::Binary:
    return evaluateBinary(*llvm::cast<ast::Binary>(&expr), scope);
  case ast::Expr::Kind::Call:
    return evaluateCall(*llvm::cast<ast::Call>(&expr), scope);
  case ast::Expr::Kind::Subscript:
    return evaluateSubscript(*llvm::cast<ast::Subscript>(&expr), scope);
  case ast::Expr::Kind::Member:
    return evaluateMember(*llvm::cast<ast::Member>(&expr));
  case ast::Expr::Kind::Tuple: {
    Object tuple = Object::ofKind(Object::Kind::Tuple);
    for (const ast::ExprPtr &element : llvm::cast<ast::Tuple>(&expr)->elements)
      tuple.elements.push_back(evaluate(*element, scope));
    bool poisoned = llvm::any_of(tuple.elements, [](const Object &e) { return e.isPoison(); });
    return poisoned ? poison() : tuple;
  }
  case ast::Expr::Kind::Lambda: {
    Object lambda = Object::ofKind(Object::Kind::Function);
    lambda.lambda = llvm::cast<ast::Lambda>(&expr);
    lambda.scope = scope;
    enclosing.push_back(scope);
    return lambda;
  }
  case ast::Expr::Kind::If:
    return evaluateIf(*llvm::cast<ast::If>(&expr), scope);
  }
  return poison();
}

Object Elaborator::evaluateName(const ast::Name &name, const ScopePtr &scope) {
  size_t before = diagnostics.errorCount();
  Object value = lookup(name.text, scope);
  if (value.isPoison() && phase == Phase::Generate && fieldRanges.contains(name.text) &&
      !generated.contains(name.text) && !wrongFields.contains(name.text))
    return fail(name.range, "'" + name.text +
                                "' is read from files, so no other field can be made "
                                "from it: compute that in the model");
  if (!value.is(Object::Kind::None) || diagnostics.errorCount() != before)
    return value;
  return unknownName(name, visibleNames(scope));
}

Object Elaborator::evaluateUnary(const ast::Unary &unary, const ScopePtr &scope) {
  Object operand = evaluate(*unary.operand, scope);
  if (operand.isPoison())
    return poison();
  if (unary.op == ast::UnaryOp::Negate) {
    if (operand.is(Object::Kind::Number))
      return Object::ofNumber(-operand.number, operand.integer);
    return elementwise("neg", {operand}, unary.range, "-", {unary.operand->range});
  }
  if (operand.is(Object::Kind::Bool))
    return Object::ofBool(!operand.boolean);
  return elementwise("not", {operand}, unary.range, "not", {unary.operand->range});
}

/// Arithmetic on numbers that are known.
static std::optional<Object> compute(ast::BinaryOp op, const Object &l, const Object &r) {
  double x = l.number, y = r.number;
  bool integer = l.integer && r.integer;
  switch (op) {
  case ast::BinaryOp::Add:
    return Object::ofNumber(x + y, integer);
  case ast::BinaryOp::Sub:
    return Object::ofNumber(x - y, integer);
  case ast::BinaryOp::Mul:
    return Object::ofNumber(x * y, integer);
  case ast::BinaryOp::Div:
    return Object::ofNumber(x / y, integer && y != 0 && std::fmod(x, y) == 0);
  case ast::BinaryOp::Pow:
    return Object::ofNumber(std::pow(x, y), integer && y >= 0);
  case ast::BinaryOp::Eq:
    return Object::ofBool(x == y);
  case ast::BinaryOp::Ne:
    return Object::ofBool(x != y);
  case ast::BinaryOp::Lt:
    return Object::ofBool(x < y);
  case ast::BinaryOp::Le:
    return Object::ofBool(x <= y);
  case ast::BinaryOp::Gt:
    return Object::ofBool(x > y);
  case ast::BinaryOp::Ge:
    return Object::ofBool(x >= y);
  default:
    return std::nullopt;
  }
}

static StringRef opName(ast::BinaryOp op) {
  switch (op) {
  case ast::BinaryOp::Or:
    return "or";
  case ast::BinaryOp::And:
    return "and";
  case ast::BinaryOp::Eq:
    return "eq";
  case ast::BinaryOp::Ne:
    return "ne";
  case ast::BinaryOp::Lt:
    return "lt";
  case ast::BinaryOp::Le:
    return "le";
  case ast::BinaryOp::Gt:
    return "gt";
  case ast::BinaryOp::Ge:
    return "ge";
  case ast::BinaryOp::Add:
    return "add";
  case ast::BinaryOp::Sub:
    return "sub";
  case ast::BinaryOp::Mul:
    return "mul";
  case ast::BinaryOp::Div:
    return "div";
  default:
    return "";
  }
}

Object Elaborator::evaluateBinary(const ast::Binary &binary, const ScopePtr &scope) {
  Object lhs = evaluate(*binary.lhs, scope), rhs = evaluate(*binary.rhs, scope);
  setLocation(binary.opRange);
  if (lhs.isPoison() || rhs.isPoison())
    return poison();
  if (binary.op == ast::BinaryOp::Range) {
    Object range = Object::ofKind(Object::Kind::Range);
    range.elements = {lhs, rhs};
    return range;
  }
  if (lhs.is(Object::Kind::Number) && rhs.is(Object::Kind::Number)) {
    std::optional<Object> value = compute(binary.op, lhs, rhs);
    constexpr double exactlyCounted = 9007199254740992.0; // 2^53
    if (value && value->is(Object::Kind::Number) &&
        (!std::isfinite(value->number) ||
         (value->integer && std::abs(value->number) > exactlyCounted)))
      return fail(binary.opRange, "this has no value that a number can hold");
    if (value)
      return *value;
  }
  if (lhs.is(Object::Kind::Bool) && rhs.is(Object::Kind::Bool)) {
    if (binary.op == ast::BinaryOp::And)
      return Object::ofBool(lhs.boolean && rhs.boolean);
    if (binary.op == ast::BinaryOp::Or)
      return Object::ofBool(lhs.boolean || rhs.boolean);
    if (binary.op == ast::BinaryOp::Eq)
      return Object::ofBool(lhs.boolean == rhs.boolean);
  }
  if (lhs.is(Object::Kind::String) && rhs.is(Object::Kind::String) &&
      binary.op == ast::BinaryOp::Eq)
    return Object::ofBool(lhs.string == rhs.string);
  if (binary.op == ast::BinaryOp::Matmul)
    return matmul(lhs, rhs, binary.opRange, binary.lhs->range, binary.rhs->range);
  SourceRange ranges[] = {binary.lhs->range, binary.rhs->range};
  if (binary.op == ast::BinaryOp::Pow)
    return power(lhs, rhs, binary.opRange, ranges);
  return elementwise(opName(binary.op), {lhs, rhs}, binary.opRange, ast::spelling(binary.op),
                     ranges);
}

/// cubic.a, classify.dense_1.w
Object Elaborator::evaluateMember(const ast::Member &member) {
  std::string path = member.name.text;
  const ast::Expr *base = member.base.get();
  while (auto *inner = llvm::dyn_cast<ast::Member>(base)) {
    path = inner->name.text + "." + path;
    base = inner->base.get();
  }
  auto *model = llvm::dyn_cast<ast::Name>(base);
  const ast::Function *function = model ? userFunctions.lookup(model->text) : nullptr;
  if (!function || function->kind != ast::Function::Kind::Model)
    return fail(base->range, "'.' names a parameter of a model, as in 'cubic.a'");
  path = model->text + "." + path;
  if (variables.contains(path))
    return ofTensor(readVariable(path), false);
  SmallVector<StringRef> known;
  std::string list;
  for (auto &[name, variable] : variables)
    if (StringRef(name).starts_with(model->text + ".")) {
      known.push_back(name);
      list += (list.empty() ? "" : ", ") + name;
    }
  if (list.empty() && diagnostics.hasErrors())
    return poison(); // it may be that mistakes kept the model from making it
  Diagnostic &d = diagnostics.error(member.range, "there is no parameter '" + path + "'" +
                                                      didYouMean(path, known));
  if (!list.empty())
    d.note("the model has " + list);
  return poison();
}

Object Elaborator::evaluateIf(const ast::If &choice, const ScopePtr &scope) {
  Object condition = evaluate(*choice.condition, scope);
  if (condition.isPoison())
    return poison();
  if (!condition.is(Object::Kind::Bool)) {
    Diagnostic &d = diagnostics.error(
        choice.condition->range,
        "'if' chooses while compiling and needs true or false, found " + describe(condition));
    if (condition.isTensor())
      d.note("to choose element by element write where(condition, a, b)");
    return poison();
  }
  if (condition.boolean)
    return evaluateBlock(choice.thenBody, scope);
  return choice.hasElse ? evaluateBlock(choice.elseBody, scope) : Object::none();
}

std::optional<int64_t> Elaborator::evaluateInt(const ast::Expr &expr, const ScopePtr &scope,
                                               StringRef what) {
  Object value = evaluate(expr, scope);
  if (value.isPoison())
    return std::nullopt;
  if (!value.is(Object::Kind::Number) || !value.integer) {
    fail(expr.range, what + " must be a whole number, found " + describe(value));
    return std::nullopt;
  }
  return int64_t(value.number);
}

std::optional<double> Elaborator::evaluateNumber(const ast::Expr &expr, const ScopePtr &scope,
                                                 StringRef what) {
  Object value = evaluate(expr, scope);
  if (value.isPoison())
    return std::nullopt;
  if (!value.is(Object::Kind::Number)) {
    fail(expr.range, what + " must be a number, found " + describe(value));
    return std::nullopt;
  }
  return value.number;
}

Object Elaborator::evaluateSubscript(const ast::Subscript &subscript, const ScopePtr &scope) {
  Object base = evaluate(*subscript.base, scope);
  if (base.isPoison())
    return poison();
  if (base.is(Object::Kind::Tuple)) {
    if (subscript.items.size() != 1 || subscript.items[0].slice)
      return fail(subscript.range, "a tuple is indexed by one whole number");
    std::optional<int64_t> i = evaluateInt(*subscript.items[0].index, scope, "an index");
    if (!i)
      return poison();
    int64_t size = base.elements.size(), at = *i < 0 ? *i + size : *i;
    if (at < 0 || at >= size)
      return fail(subscript.items[0].range,
                  "there is no element " + llvm::Twine(*i) + " in " + describe(base));
    return base.elements[at];
  }
  if (!base.isTensor())
    return fail(subscript.base->range, "cannot index " + describe(base));
  return subscriptTensor(subscript, base, scope);
}

Object Elaborator::subscriptTensor(const ast::Subscript &subscript, const Object &base,
                                   const ScopePtr &scope) {
  Shape shape = shapeOf(base);
  int64_t rank = shape.size(), given = 0;
  bool ellipsis = false;
  for (const ast::SubscriptItem &item : subscript.items) {
    if (item.index && llvm::isa<ast::Ellipsis>(item.index.get())) {
      if (ellipsis)
        return fail(item.range, "a subscript has at most one '...'");
      ellipsis = true;
    } else {
      ++given;
    }
  }
  if (given > rank)
    return fail(subscript.range,
                describe(base) + " has " + llvm::Twine(rank) +
                    (rank == 1 ? " dimension" : " dimensions") + ", and " +
                    (given == 1 ? "this is 1 subscript"
                                : "these are " + llvm::Twine(given) + " subscripts"));
  Shape starts(base.batched, 0), strides(base.batched, 1), sliced, kept;
  int64_t d = 0;
  auto whole = [&] {
    starts.push_back(0);
    strides.push_back(1);
    sliced.push_back(shape[d]);
    kept.push_back(shape[d]);
    ++d;
  };
  for (const ast::SubscriptItem &item : subscript.items) {
    if (item.index && llvm::isa<ast::Ellipsis>(item.index.get())) {
      for (int64_t n = rank - given; n > 0; --n)
        whole();
      continue;
    }
    int64_t size = shape[d];
    auto number = [&](const ast::ExprPtr &expr, int64_t fallback) -> std::optional<int64_t> {
      return expr ? evaluateInt(*expr, scope, "an index") : std::optional(fallback);
    };
    if (!item.slice) {
      std::optional<int64_t> index = number(item.index, 0);
      if (!index)
        return poison();
      int64_t at = *index < 0 ? *index + size : *index;
      if (at < 0 || at >= size)
        return fail(item.range, "index " + llvm::Twine(*index) +
                                    " is outside of a dimension of size " + llvm::Twine(size));
      starts.push_back(at);
      strides.push_back(1);
      sliced.push_back(1);
    } else {
      auto start = number(item.start, 0), stop = number(item.stop, size),
           step = number(item.step, 1);
      if (!start || !stop || !step)
        return poison();
      if (*step < 1)
        return fail(item.range, "a slice's step is at least 1");
      auto clamp = [&](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); };
      int64_t from = clamp(*start), to = clamp(*stop);
      if (to <= from)
        return fail(item.range,
                    "this slice of a dimension of size " + llvm::Twine(size) + " is empty");
      int64_t count = (to - from + *step - 1) / *step;
      starts.push_back(from);
      strides.push_back(*step);
      sliced.push_back(count);
      kept.push_back(count);
    }
    ++d;
  }
  while (d < rank)
    whole();
  Value part = base.tensor;
  RankedTensorType type = typeFor(sliced, base.batched, elementOf(base));
  if (type != part.getType())
    part = SliceOp::create(b, type, part, b.getDenseI64ArrayAttr(starts),
                           b.getDenseI64ArrayAttr(strides));
  return reshapeTo(ofTensor(part, base.batched), kept);
}

} // namespace dlc

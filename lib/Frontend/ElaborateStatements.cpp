//===- ElaborateStatements.cpp - Bodies, declarations, updates -------------------------------===//
#include "Elaborator.h"

#include "llvm/ADT/ScopeExit.h"

using namespace mlir;

namespace dlc {

Object Elaborator::evaluateBlock(const ast::Block &block, const ScopePtr &scope) {
  Object result = Object::none();
  blocks.push_back(&block);
  llvm::scope_exit leave([&] { blocks.pop_back(); });
  for (const ast::StmtPtr &statement : block) {
    result = Object::none();
    setLocation(statement->range);
    switch (statement->kind) {
    case ast::Stmt::Kind::Expr:
      result = evaluate(*statement->value, scope);
      break;
    case ast::Stmt::Kind::Let: {
      Object value = evaluate(*statement->value, scope);
      if (value.is(Object::Kind::None))
        value = fail(statement->value->range, "this gives no value");
      if (statement->names.size() == 1) {
        scope->names[statement->names[0].text] = value;
        break;
      }
      bool fits = value.is(Object::Kind::Tuple) && value.elements.size() == statement->names.size();
      if (!fits && !value.isPoison())
        diagnostics.error(statement->range, "cannot take " + describe(value) + " apart into " +
                                                llvm::Twine(statement->names.size()) + " names");
      for (auto [i, name] : llvm::enumerate(statement->names))
        scope->names[name.text] = fits ? value.elements[i] : poison();
      break;
    }
    case ast::Stmt::Kind::Declare:
      declare(*statement, scope);
      break;
    case ast::Stmt::Kind::Update:
      update(*statement, scope);
      break;
    case ast::Stmt::Kind::Repeat: {
      std::optional<int64_t> count = evaluateInt(*statement->value, scope, "a repeat count");
      constexpr int64_t most = 10000;
      if (count && (*count < 0 || *count > most)) {
        diagnostics.error(statement->value->range, "a repeat count is between 0 and 10000");
        break;
      }
      for (int64_t i = 0; count && i < *count && !exhausted; ++i, ++work) {
        frames.push_back(
            {frames.back().path + ".repeat_" + std::to_string(++frames.back().calls["repeat"]),
             {}});
        evaluateBlock(statement->body, scope); // names assigned inside go on from turn to turn
        frames.pop_back();
      }
      break;
    }
    }
  }
  return result;
}

void Elaborator::declare(const ast::Stmt &statement, const ScopePtr &scope) {
  for (const ast::Identifier &name : statement.names) {
    // The name stands for the variable from here on, not yet in its own type and value.
    Object declared = declareName(statement, name, scope);
    scope->names[name.text] = declared;
  }
}

Object Elaborator::declareName(const ast::Stmt &statement, const ast::Identifier &name,
                               const ScopePtr &scope) {
  const std::string &keyword = statement.keyword.text;
  if (frames.empty() || frames.back().path.empty())
    return fail(statement.keyword.range,
                "'" + keyword + "' belongs into a model or a function that one calls");
  std::string path = frames.back().path + "." + name.text;
  if (!optimizedPath.empty() && keyword == "state")
    path = optimizerName + "." + name.text + "." + optimizedPath;
  if (auto known = scope->names.find(name.text);
      known != scope->names.end() && known->second.string == path) {
    diagnostics.error(name.range, "'" + name.text + "' is declared twice")
        .note("the first declaration is here", variables[path].range);
    return poison();
  }
  if (keyword == "fit")
    return declareFitted(statement, name, path, scope);
  std::string kind = keyword == "param" ? "param" : "state";
  Type element = realType();
  Shape shape;
  if (!optimizedPath.empty() && keyword == "state") {
    // An optimizer's state has the shape of the parameter that it belongs to.
    RankedTensorType type = variables[optimizedPath].type;
    kind = "optimizer";
    element = type.getElementType();
    shape = Shape(type.getShape());
  } else if (statement.type) {
    element = elementType(statement.type->name.text);
    std::optional<Shape> declared = evaluateShape(*statement.type, scope);
    if (!declared)
      return poison();
    shape = *declared;
    if (!element || !statement.type->arguments.empty())
      return fail(statement.type->range, "a " + keyword + " has a type such as f32[3, 4]");
  }
  if (keyword == "param" && !isa<FloatType>(element)) {
    diagnostics.error(statement.type->range, "a parameter is trained, so it must be f32 or f64")
        .note("use 'state' for what is not trained");
    return poison();
  }
  Object variable = declareVariable(path, kind, shape, element, name.range);
  if (!variable.isPoison())
    initialise(path, statement.value.get(), scope, name.range);
  variable.string = path; // for '<-'
  return variable;
}

Object Elaborator::declareFitted(const ast::Stmt &statement, const ast::Identifier &name,
                                 const std::string &path, const ScopePtr &scope) {
  if (!statement.value)
    return fail(statement.range, "'fit' needs a value that is computed from the training data");
  // Only @fit computes it; the shape must be known everywhere, so the expression is looked at in
  // any phase.
  Object value = toTensor(evaluate(*statement.value, scope), realType(), statement.value->range);
  if (value.isPoison())
    return value;
  if (statement.type &&
      !checkType(value, *statement.type, scope, statement.value->range, "'" + name.text + "'"))
    return poison();
  if (value.batched) {
    diagnostics
        .error(statement.value->range, "what is fitted must not vary from example to example")
        .note("reduce it over the training data, as in mean(x, over = batch)");
    return poison();
  }
  Object variable = declareVariable(path, "fitted", shapeOf(value), elementOf(value), name.range);
  if (phase == Phase::Fit) {
    updates[path] = value.tensor;
    variable = value;
  }
  variable.string = path; // for what would declare it again
  return variable;
}

void Elaborator::update(const ast::Stmt &statement, const ScopePtr &scope) {
  const ast::Identifier &name = statement.names.front();
  Object target = lookup(name.text, scope);
  Object value = evaluate(*statement.value, scope);
  if (target.isPoison() || value.isPoison())
    return;
  auto variable = target.isTensor() ? variables.find(target.string) : variables.end();
  if (variable == variables.end() || variable->second.kind == "fitted") {
    diagnostics.error(name.range, "'<-' updates a state, and '" + name.text + "' is none")
        .note("declare it with 'state', or give a value a new name with '='");
    return;
  }
  if (variable->second.kind == "param" && optimizedPath.empty()) {
    diagnostics
        .error(name.range, "'" + name.text + "' is a parameter: only the optimizer changes it")
        .note("declare it with 'state' if it is to be updated here");
    return;
  }
  value = toTensor(value, variable->second.type.getElementType(), statement.value->range);
  if (value.isPoison())
    return;
  Shape shape = shapeOf(value);
  ArrayRef<int64_t> wanted = variable->second.type.getShape();
  bool fits =
      shape.size() <= wanted.size() && ArrayRef<int64_t>(shape) == wanted.take_back(shape.size());
  if (value.batched || !fits) {
    diagnostics.error(
        statement.value->range,
        value.batched ? "a " + variable->second.kind +
                            " is the same for all examples, but this value varies with the example"
                      : "'" + name.text + "' is " + describe(target) + ", but its new value is " +
                            describe(value));
    return;
  }
  Object whole = ofTensor(
      broadcastTo(castTo(value, variable->second.type.getElementType()), wanted, false), false);
  whole.string = target.string;
  scope->names[name.text] = whole;
  if (phase == Phase::Train)
    updates[target.string] = whole.tensor;
}

} // namespace dlc

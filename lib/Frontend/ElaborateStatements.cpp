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
  const std::string &keyword = statement.keyword.text;
  for (const ast::Identifier &name : statement.names) {
    Object &slot = scope->names[name.text];
    std::string before = slot.string;
    slot = poison();
    if (frames.empty() || frames.back().path.empty()) {
      diagnostics.error(statement.keyword.range,
                        "'" + keyword + "' belongs into a model or a function that one calls");
      continue;
    }
    std::string path = frames.back().path + "." + name.text;
    if (before == path) {
      diagnostics.error(name.range, "'" + name.text + "' is declared twice")
          .note("the first declaration is here", variables[path].range);
      continue;
    }
    if (!optimizedPath.empty() && keyword == "state") {
      // An optimizer's state has the shape of the parameter that it belongs to.
      RankedTensorType type = variables[optimizedPath].type;
      path = optimizerName + "." + name.text + "." + optimizedPath;
      slot = declareVariable(path, "optimizer", type.getShape(), type.getElementType(), name.range);
      if (!slot.isPoison())
        initialise(path, statement.value.get(), scope, name.range);
      slot.string = path;
      continue;
    }
    if (keyword == "fit") {
      if (!statement.value) {
        diagnostics.error(statement.range,
                          "'fit' needs a value that is computed from the training data");
        continue;
      }
      // Only @fit computes it; the shape must be known everywhere, so the expression is looked at
      // in any phase.
      Phase outer = phase;
      Object value =
          toTensor(evaluate(*statement.value, scope), realType(), statement.value->range);
      if (value.isPoison())
        continue;
      if (statement.type &&
          !checkType(value, *statement.type, scope, statement.value->range, "'" + name.text + "'"))
        continue;
      if (value.batched) {
        diagnostics
            .error(statement.value->range, "what is fitted must not vary from example to example")
            .note("reduce it over the training data, as in mean(x, over = batch)");
        continue;
      }
      slot = declareVariable(path, "fitted", shapeOf(value), elementOf(value), name.range);
      if (outer == Phase::Fit) {
        updates[path] = value.tensor;
        slot = value;
      }
      continue;
    }
    Type element = realType();
    Shape shape;
    if (statement.type) {
      element = elementType(statement.type->name.text);
      std::optional<Shape> declared = evaluateShape(*statement.type, scope);
      if (!declared)
        continue;
      shape = *declared;
      if (!element || !statement.type->arguments.empty()) {
        diagnostics.error(statement.type->range, "a " + keyword + " has a type such as f32[3, 4]");
        continue;
      }
    }
    if (keyword == "param" && !isa<FloatType>(element)) {
      diagnostics.error(statement.type->range, "a parameter is trained, so it must be f32 or f64")
          .note("use 'state' for what is not trained");
      continue;
    }
    slot =
        declareVariable(path, keyword == "param" ? "param" : "state", shape, element, name.range);
    if (!slot.isPoison())
      initialise(path, statement.value.get(), scope, name.range);
    slot.string = path; // for '<-'
  }
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

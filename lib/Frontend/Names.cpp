//===- Names.cpp - What a name stands for ----------------------------------------------------===//
#include "Elaborator.h"

using namespace mlir;

namespace dlc {

static bool holdsTensor(const Object &value) {
  return value.isTensor() || llvm::any_of(value.elements, holdsTensor);
}

Object Elaborator::lookup(StringRef name, const ScopePtr &scope) {
  bool library = false;
  for (const Scope *at = scope.get(); at; at = at->parent.get()) {
    library |= at->library;
    if (auto found = at->names.find(name); found != at->names.end())
      return found->second;
  }
  std::optional<Object> own = library ? std::nullopt : lookupProgram(name);
  return own ? *own : lookupBuiltIn(name);
}

/// A function, a setting or a field of the program.
std::optional<Object> Elaborator::lookupProgram(StringRef name) {
  Object function = Object::ofKind(Object::Kind::Function);
  if ((function.function = userFunctions.lookup(name)))
    return function;
  if (auto setting = settings.find(name); setting != settings.end()) {
    auto known = settingValues.find(name);
    if (settingsInProgress.lookup(name))
      return fail(setting->second->range, "the setting '" + name + "' depends on itself");
    if (known == settingValues.end()) {
      settingsInProgress[name] = true;
      Object value = evaluate(*setting->second, global);
      settingsInProgress[name] = false;
      // A tensor is an op of the function, and the region, that is being made: each use makes its
      // own.
      if (!holdsTensor(value))
        settingValues[name] = value;
      return value;
    }
    return known->second;
  }
  if (fieldRanges.contains(name))
    return inputField(name.str());
  return std::nullopt;
}

/// What every program has.
Object Elaborator::lookupBuiltIn(StringRef name) {
  Object function = Object::ofKind(Object::Kind::Function);
  if ((function.function = standardFunctions.lookup(name)))
    return function;
  if (auto primitive = primitives().find(name); primitive != primitives().end()) {
    function.primitive = &primitive->second;
    return function;
  }
  if (name == "training")
    return Object::ofBool(phase == Phase::Train);
  if (name == "batch")
    return Object::ofKind(Object::Kind::Batch);
  if (name == "pi")
    return Object::ofNumber(3.14159265358979323846);
  if (name == "e")
    return Object::ofNumber(2.71828182845904523536);
  if (name == "grad_norm" && gradientNorm)
    return ofTensor(gradientNorm, false);
  if (name == "step" || name == "epoch" || name == "total_steps")
    return ofTensor(runtimeNumber(b, name, realType()), false);
  if (auto op = RegisteredOperationName::lookup(("dl." + name).str(), &context);
      op && op->hasInterface<ElementwiseOpInterface>()) {
    function.elementwise = name.str();
    return function;
  }
  return Object::none();
}

std::vector<std::string> Elaborator::visibleNames(const ScopePtr &scope) {
  std::vector<std::string> names{"training", "batch", "pi", "e", "step", "epoch", "total_steps"};
  if (phase == Phase::Generate)
    names.insert(names.end(), {"column", "columns"});
  for (const Scope *at = scope.get(); at; at = at->parent.get())
    for (const auto &entry : at->names)
      names.push_back(entry.getKey().str());
  for (const auto *table : {&userFunctions, &standardFunctions})
    for (const auto &entry : *table)
      names.push_back(entry.getKey().str());
  for (const auto &entry : settings)
    names.push_back(entry.getKey().str());
  for (const auto &entry : fieldRanges)
    names.push_back(entry.getKey().str());
  for (const auto &entry : primitives())
    names.push_back(entry.getKey().str());
  for (RegisteredOperationName op : context.getRegisteredOperations())
    if (op.getDialectNamespace() == "dl" && op.hasInterface<ElementwiseOpInterface>())
      names.push_back(op.stripDialect().str());
  return names;
}

Object Elaborator::unknownName(const ast::Name &name, const std::vector<std::string> &known) {
  SmallVector<StringRef> candidates(known.begin(), known.end());
  Diagnostic &d = diagnostics.error(name.range, "unknown name '" + name.text + "'" +
                                                    didYouMean(name.text, candidates));
  if (elementType(name.text))
    d.note("as a value, a type stands in quotes: \"" + name.text + "\"");
  else if (fieldRanges.empty())
    d.note("the program has no fields: 'data { ... }' declares them");
  for (const ast::Block *block : blocks)
    for (const ast::StmtPtr &statement : *block)
      for (const ast::Identifier &later : statement->names)
        if (later.text == name.text && later.range.begin > name.range.begin) {
          d.note("'" + name.text + "' gets its value only later", later.range);
          return poison();
        }
  return poison();
}

} // namespace dlc

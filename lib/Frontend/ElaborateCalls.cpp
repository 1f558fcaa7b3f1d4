//===- ElaborateCalls.cpp - Functions, arguments, types ---------------------------------------===//
#include "Elaborator.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringSwitch.h"

#include <cmath>

using namespace mlir;

namespace dlc {

Object Elaborator::evaluateCall(const ast::Call &call, const ScopePtr &scope) {
  Object callee = evaluate(*call.callee, scope);
  CallSite site;
  site.range = call.range;
  site.callee = sources.text(call.callee->range).str();
  bool poisoned = callee.isPoison();
  for (const ast::Argument &argument : call.arguments) {
    Object value = evaluate(*argument.value, scope);
    if (value.is(Object::Kind::None))
      value = fail(argument.value->range, "this gives no value");
    poisoned |= value.isPoison();
    site.arguments.push_back(
        {argument.name ? argument.name->text : "", value,
         argument.name ? argument.name->range.to(argument.value->range) : argument.value->range,
         argument.value.get()});
  }
  if (poisoned)
    return poison();
  if (!callee.is(Object::Kind::Function))
    return fail(call.callee->range,
                llvm::isa<ast::Name>(call.callee.get())
                    ? "'" + site.callee + "' is " + describe(callee) + ", not a function"
                    : "cannot call " + describe(callee));
  // The place of a piped call is its function, not the whole chain before it.
  if (call.piped)
    site.range = {call.range.file, call.callee->range.begin, call.range.end};
  setLocation(site.range);
  return apply(callee, site);
}

Object Elaborator::apply(const Object &function, CallSite &site) {
  constexpr unsigned deepest = 500, mostTurns = 100;
  const void *body = function.function ? static_cast<const void *>(function.function)
                                       : static_cast<const void *>(function.lambda);
  if (exhausted || endless.contains(body))
    return poison();
  unsigned &turns = running[body];
  if (body && turns >= mostTurns) {
    endless.insert(body);
    return fail(site.range,
                "calls are nested too deeply here: does '" + site.callee + "' call itself?");
  }
  if (callDepth >= deepest) {
    exhausted = true;
    return fail(site.range, "calls are nested too deeply here");
  }
  ++turns;
  ++callDepth;
  size_t before = diagnostics.count();
  llvm::scope_exit leave([&] {
    --running[body];
    --callDepth;
    // A mistake that shows within the library is one of this call.
    if (!isLibrary(site.range.file))
      diagnostics.moveTo(site.range, before, [&](uint32_t file) { return isLibrary(file); });
  });
  if (function.differentiated)
    return applyGradient(*function.differentiated, site);
  if (function.function)
    return applyFunction(*function.function, site);
  if (function.lambda)
    return applyLambda(function, site);
  if (function.primitive)
    return applyPrimitive(*function.primitive, site);
  return applyElementwise(function.elementwise, site);
}

Object Elaborator::applyFunction(const ast::Function &function, CallSite &site) {
  if (function.kind == ast::Function::Kind::Optimizer)
    return fail(site.range, "an optimizer is named in 'train', as in optimizer = " +
                                function.name.text + "(...)");
  if (!function.understood)
    return poison();
  auto scope = std::make_shared<Scope>();
  scope->library = isLibrary(function.name.range.file);
  if (!bind(function.parameters, site, scope, function.name.range))
    return poison();
  const std::string &name = function.name.text;
  if (function.kind == ast::Function::Kind::Model)
    frames.push_back({name, {}});
  else
    frames.push_back({(frames.empty() ? "" : frames.back().path + ".") + name + "_" +
                          std::to_string(frames.empty() ? 1 : ++frames.back().calls[name]),
                      {}});
  bool rooted = function.kind == ast::Function::Kind::Model ||
                (frames.size() > 1 && !frames[frames.size() - 2].path.empty());
  if (!rooted)
    frames.back().path.clear(); // parameters belong to models
  size_t before = diagnostics.errorCount();
  Object result = evaluateBlock(function.body, scope);
  frames.pop_back();
  if (result.is(Object::Kind::None) && function.kind == ast::Function::Kind::Model)
    return fail(function.name.range,
                "the model '" + name + "' has no result: its last statement must be an expression");
  if (result.isPoison())
    return poison();
  // A wrong result is a mistake of the function, not of each of its calls.
  SourceRange at = function.body.empty() ? function.name.range : function.body.back()->range;
  if (diagnostics.errorCount() == before && function.result &&
      !checkType(result, *function.result, scope, at, "the result of '" + name + "'"))
    return poison();
  return result;
}

Object Elaborator::applyLambda(const Object &lambda, CallSite &site) {
  auto scope = std::make_shared<Scope>();
  scope->parent = lambda.scope;
  if (!bind(lambda.lambda->parameters, site, scope, lambda.lambda->range))
    return poison();
  return evaluateBlock(lambda.lambda->body, scope);
}

bool Elaborator::bind(const std::vector<ast::Parameter> &parameters, CallSite &site,
                      const ScopePtr &scope, SourceRange declared) {
  std::vector<const CallSite::Argument *> bound(parameters.size(), nullptr);
  size_t position = 0;
  bool good = true;
  auto mistake = [&](SourceRange range, const llvm::Twine &message) {
    diagnostics.error(range, message).note("'" + site.callee + "' is declared here", declared);
    good = false;
  };
  for (const CallSite::Argument &argument : site.arguments) {
    size_t index = position;
    if (argument.name.empty()) {
      ++position;
      if (index >= parameters.size()) {
        mistake(argument.range, "'" + site.callee + "' takes " + llvm::Twine(parameters.size()) +
                                    (parameters.size() == 1 ? " argument" : " arguments") +
                                    ", found " + llvm::Twine(site.arguments.size()));
        break;
      }
    } else {
      index = llvm::find_if(parameters, [&](auto &p) { return p.name.text == argument.name; }) -
              parameters.begin();
      if (index == parameters.size()) {
        SmallVector<StringRef> names;
        for (const ast::Parameter &p : parameters)
          names.push_back(p.name.text);
        mistake(argument.range, "'" + site.callee + "' has no parameter '" + argument.name + "'" +
                                    didYouMean(argument.name, names));
        continue;
      }
    }
    if (bound[index])
      mistake(argument.range, "'" + parameters[index].name.text + "' is given twice");
    bound[index] = &argument;
  }
  for (auto [parameter, argument] : llvm::zip_equal(parameters, bound)) {
    Object value;
    if (argument) {
      value = argument->value;
      if (parameter.type && !checkType(value, *parameter.type, scope, argument->range,
                                       "'" + parameter.name.text + "' of '" + site.callee + "'"))
        good = false;
    } else if (parameter.defaultValue) {
      value = evaluate(*parameter.defaultValue, scope);
    } else {
      if (good)
        mistake(site.range, "'" + site.callee + "' needs '" + parameter.name.text + "'");
    }
    scope->names[parameter.name.text] = value;
  }
  return good;
}

/// Matches a value against a declared type and binds the names of its dimensions.
bool Elaborator::checkType(const Object &value, const ast::Type &type, const ScopePtr &scope,
                           SourceRange at, StringRef what) {
  const std::string &name = type.name.text;
  auto wrong = [&](const llvm::Twine &wanted) {
    Diagnostic &d =
        diagnostics.error(at, what + " should be " + wanted + ", found " + describe(value));
    d.note("declared here", type.range);
    if (value.isTensor() && !type.hasDims &&
        llvm::all_of(shapeOf(value), [](int64_t size) { return size == 1; }))
      d.note("'|> scalar' makes one number of it");
    if (value.isTensor() && isa<IntegerType>(elementOf(value)) &&
        isa_and_nonnull<FloatType>(elementType(name)))
      d.note(elementOf(value).isInteger(8)
                 ? "scale(x, 1/255) or standardize(x) brings pixels near 1, as layers need them"
                 : "cast(x, \"" + name + "\") makes real numbers of it");
    return false;
  };
  bool number = value.is(Object::Kind::Number);
  if (name == "int")
    return (number && value.integer) || wrong("a whole number");
  if (name == "float")
    return number || wrong("a number");
  if (name == "bool" && !type.hasDims && value.is(Object::Kind::Bool))
    return true;
  if (name == "fn")
    return value.is(Object::Kind::Function) || wrong("a function");
  if (name == "string")
    return value.is(Object::Kind::String) || wrong("a text");
  bool classLabel = name == "class" || name == "token";
  Type element = classLabel ? Type(IntegerType::get(&context, 32)) : elementType(name);
  if (!element) {
    static constexpr StringRef known[] = {"f32",   "f64", "i32",    "u8",    "bool", "int",
                                          "float", "fn",  "string", "class", "token"};
    diagnostics.error(type.name.range, "unknown type '" + name + "'" + didYouMean(name, known));
    return false;
  }
  std::string declared = sources.text(type.range).str();
  if (number && !type.hasDims && isa<FloatType>(element))
    return true;
  if (!value.isTensor())
    return wrong(declared);
  if (elementOf(value) != element)
    return wrong(declared);
  Shape shape = shapeOf(value);
  size_t fixed =
      llvm::count_if(type.dims, [](auto &d) { return !llvm::isa<ast::Ellipsis>(d.get()); });
  bool open = fixed < type.dims.size();
  if (open ? shape.size() < fixed : shape.size() != fixed)
    return wrong(declared);
  size_t at_ = 0;
  for (const ast::ExprPtr &dim : type.dims) {
    if (llvm::isa<ast::Ellipsis>(dim.get())) {
      at_ += shape.size() - fixed;
      continue;
    }
    int64_t size = shape[at_++];
    auto *named = llvm::dyn_cast<ast::Name>(dim.get());
    if (named && lookup(named->text, scope).is(Object::Kind::None)) {
      scope->names[named->text] = Object::ofNumber(double(size), true);
      continue;
    }
    std::optional<int64_t> wanted = evaluateInt(*dim, scope, "a size");
    if (!wanted)
      return false;
    if (*wanted != size)
      return wrong(declared +
                   (named ? " with " + named->text + " = " + std::to_string(*wanted) : ""));
  }
  return true;
}

std::optional<Shape> Elaborator::evaluateShape(const ast::Type &type, const ScopePtr &scope) {
  Shape shape;
  for (const ast::ExprPtr &dim : type.dims) {
    if (llvm::isa<ast::Ellipsis>(dim.get())) {
      diagnostics.error(dim->range, "here every size must be known");
      return std::nullopt;
    }
    std::optional<int64_t> size = evaluateInt(*dim, scope, "a size");
    if (!size)
      return std::nullopt;
    if (*size < 1) {
      diagnostics.error(dim->range, "a size is at least 1, found " + llvm::Twine(*size));
      return std::nullopt;
    }
    shape.push_back(*size);
  }
  if (!checkSize(shape, type.range))
    return std::nullopt;
  return shape;
}

//===------------------------------------------------------------------------------------------===//
// What is built in
//===------------------------------------------------------------------------------------------===//

Object Elaborator::applyPrimitive(const Primitive &primitive, CallSite &site) {
  std::vector<StringRef> names;
  bool rest = false;
  for (StringRef parameter : primitive.parameters) {
    rest |= parameter.ends_with("*");
    names.push_back(parameter.rtrim("?*"));
  }
  site.values.assign(names.size(), Object::none());
  site.ranges.assign(names.size(), site.range);
  std::vector<bool> given(names.size(), false);
  size_t position = 0, restIndex = 0;
  while (rest && !primitive.parameters[restIndex].ends_with("*"))
    ++restIndex;
  if (rest)
    site.values[restIndex] = Object::ofKind(Object::Kind::Tuple);
  for (const CallSite::Argument &argument : site.arguments) {
    size_t index = llvm::find(names, argument.name) - names.begin();
    if (argument.name.empty()) {
      index = position++;
      if (rest && index >= restIndex) {
        site.values[restIndex].elements.push_back(argument.value);
        site.ranges[restIndex] = argument.range;
        continue;
      }
      if (index >= names.size())
        return fail(argument.range, "'" + site.callee + "' takes at most " +
                                        llvm::Twine(names.size()) + " arguments");
    } else if (index == names.size()) {
      Diagnostic &d = diagnostics.error(argument.range, "'" + site.callee + "' has no parameter '" +
                                                            argument.name + "'" +
                                                            didYouMean(argument.name, names));
      if (llvm::is_contained(names, "over") && llvm::is_contained({"axis", "dim"}, argument.name))
        d.note("what is reduced is said with 'over', as in over = -1 or over = (batch, ...)");
      return poison();
    }
    if (given[index])
      return fail(argument.range, "'" + names[index] + "' is given twice");
    given[index] = true;
    site.values[index] = argument.value;
    site.ranges[index] = argument.range;
  }
  for (auto [parameter, known] : llvm::zip_equal(primitive.parameters, given))
    if (!known && !parameter.ends_with("?") && !parameter.ends_with("*"))
      return fail(site.range, "'" + site.callee + "' needs '" + parameter + "'");
  return (this->*primitive.build)(site);
}

/// Elementwise ops on known numbers.
static std::optional<double> computeKnown(StringRef name, ArrayRef<double> x) {
  using Unary = double (*)(double);
  if (x.size() == 1) {
    Unary f = llvm::StringSwitch<Unary>(name)
                  .Case("sqrt", std::sqrt)
                  .Case("exp", std::exp)
                  .Case("log", std::log)
                  .Case("sin", std::sin)
                  .Case("cos", std::cos)
                  .Case("tanh", std::tanh)
                  .Case("abs", std::fabs)
                  .Case("floor", std::floor)
                  .Case("ceil", std::ceil)
                  .Case("round", std::nearbyint)
                  .Case("log1p", std::log1p)
                  .Case("expm1", std::expm1)
                  .Default(nullptr);
    if (f)
      return f(x[0]);
  }
  if (x.size() == 2 && name == "pow")
    return std::pow(x[0], x[1]);
  if (x.size() == 2 && name == "mod")
    return std::fmod(x[0], x[1]);
  return std::nullopt;
}

Object Elaborator::applyElementwise(const std::string &name, CallSite &site) {
  std::vector<Object> operands;
  std::vector<double> numbers;
  SmallVector<SourceRange> ranges;
  bool whole = true;
  for (const CallSite::Argument &argument : site.arguments) {
    if (!argument.name.empty())
      return fail(argument.range, "'" + name + "' takes its arguments by position");
    operands.push_back(argument.value);
    ranges.push_back(argument.range);
    if (argument.value.is(Object::Kind::Number)) {
      numbers.push_back(argument.value.number);
      whole &= argument.value.integer;
    }
  }
  // How many operands an op has is what its registration says: build it with one or two and look.
  bool binary = llvm::is_contained(
      {"add", "sub", "mul", "div", "max", "min", "pow", "mod", "eq", "ne", "lt", "le", "gt", "ge"},
      name);
  size_t arity = name == "select" ? 3 : binary ? 2 : 1;
  if (operands.size() != arity)
    return fail(site.range, "'" + name + "' takes " + llvm::Twine(arity) +
                                (arity == 1 ? " argument" : " arguments") + ", found " +
                                llvm::Twine(operands.size()));
  if (numbers.size() == operands.size())
    if (std::optional<double> value = computeKnown(name, numbers))
      return !std::isfinite(*value)
                 ? fail(site.range, "'" + name + "' has no value here that a number can hold")
                 : Object::ofNumber(*value, whole && (name == "abs" || name == "mod"));
  return elementwise(name, operands, site.range, name, ranges);
}

} // namespace dlc

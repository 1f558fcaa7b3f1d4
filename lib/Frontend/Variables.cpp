//===- Variables.cpp - Parameters, states, fields ---------------------------------------------===//
#include "Elaborator.h"

using namespace mlir;

namespace dlc {

void Elaborator::setLocation(SourceRange range) {
  if (isLibrary(range.file))
    return;
  auto position = sources.position(range.file, range.begin);
  b.setLoc(FileLineColLoc::get(&context, sources.name(range.file), position.line, position.column));
  places[b.getLoc()] = range;
}

Object Elaborator::declareVariable(const std::string &path, const std::string &kind,
                                   ArrayRef<int64_t> shape, Type element, SourceRange range) {
  auto type = RankedTensorType::get(shape, element);
  auto known = variables.find(path);
  if (known == variables.end()) {
    if (!checkSize(shape, range))
      return poison();
    variables[path] = {kind, type, range};
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(module->getBody());
    VariableOp::create(b, path, kind, type);
    // Variables stand in the order of their declaration.
    if (variables.size() > 1) {
      auto last = module->lookupSymbol(std::prev(variables.end(), 2)->first);
      module->lookupSymbol(path)->moveAfter(last);
    }
    if (kind == "param")
      info.parameters += type.getNumElements();
  } else if (known->second.type != type || known->second.kind != kind) {
    diagnostics.error(range, "'" + path + "' was declared differently before")
        .note("the other declaration is here", known->second.range)
        .note("a model must make the same parameters in training and elsewhere");
    return poison();
  }
  return ofTensor(readVariable(path), false);
}

Value Elaborator::readVariable(const std::string &path) {
  if (Value value = updates.lookup(path))
    return value;
  Value &read = reads[path];
  if (!read) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.front());
    auto &variable = variables[path];
    Location outer = b.getLoc();
    setLocation(variable.range);
    read = ReadOp::create(b, variable.type, path);
    b.setLoc(outer);
  }
  return read;
}

void Elaborator::initialise(const std::string &path, const ast::Expr *initial,
                            const ScopePtr &scope, SourceRange range) {
  if (initialised.lookup(path))
    return;
  initialised[path] = true;
  // In @init, with nothing of the function that is being made.
  OpBuilder::InsertionGuard guard(b);
  std::swap(function, initFunction);
  auto outerReads = std::exchange(reads, {});
  auto outerInputs = std::exchange(inputs, {});
  auto outerUpdates = std::exchange(updates, {});
  Phase outerPhase = std::exchange(phase, Phase::Init);
  b.setInsertionPoint(function.front().getTerminator());
  RankedTensorType type = variables[path].type;
  initialShape = Shape(type.getShape());

  Object value = Object::ofNumber(0);
  if (initial)
    value = evaluate(*initial, scope);
  SourceRange at = initial ? initial->range : range;
  for (int turns = 0; value.is(Object::Kind::Function) && turns < 4; ++turns) {
    // An initialiser is called with what it asks for of the shape's fan-in and fan-out.
    int64_t rank = type.getRank(), fanOut = rank ? type.getShape().back() : 1, fanIn = 1;
    for (int64_t d = 0; d + 1 < rank; ++d)
      fanIn *= type.getDimSize(d);
    const std::vector<ast::Parameter> *parameters = value.function ? &value.function->parameters
                                                    : value.lambda ? &value.lambda->parameters
                                                                   : nullptr;
    CallSite site{value.function ? value.function->name.text : "the initialiser", at, {}, {}, {}};
    for (const auto &[name, number] :
         {std::pair<StringRef, int64_t>{"fan_in", fanIn}, {"fan_out", fanOut}})
      if (parameters &&
          llvm::any_of(*parameters, [&, n = name](auto &p) { return p.name.text == n; }))
        site.arguments.push_back({name.str(), Object::ofNumber(double(number), true), at});
    value = apply(value, site);
  }
  value = toTensor(value, type.getElementType(), at);
  initialShape.reset();
  if (!value.isPoison()) {
    auto parent = value.tensor.getParentRegion()->getParentOfType<func::FuncOp>();
    Shape shape = shapeOf(value);
    if (value.batched || parent != function) {
      diagnostics.error(at, "an initial value cannot depend on the data or on other parameters");
    } else if (shape.size() > size_t(type.getRank()) ||
               ArrayRef<int64_t>(shape) != type.getShape().take_back(shape.size())) {
      diagnostics.error(at, "the initial value is " + describe(value) +
                                ", but the declared type is " +
                                describe(ofTensor(splat(b, type, 0), false)));
    }
    if (!diagnostics.hasErrors())
      AssignOp::create(b, path,
                       broadcastTo(castTo(value, type.getElementType()), type.getShape(), false));
  }
  std::swap(function, initFunction);
  reads = std::move(outerReads);
  inputs = std::move(outerInputs);
  updates = std::move(outerUpdates);
  phase = outerPhase;
}

Object Elaborator::inputField(const std::string &name) {
  if (phase == Phase::Generate)
    return generated.lookup(name);
  if (wrongFields.contains(name))
    return poison();
  const FieldInfo *field =
      &*llvm::find_if(info.fields, [&](const FieldInfo &f) { return f.name == name; });
  Value &input = inputs[name];
  if (!input) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(&function.front());
    input = InputOp::create(b, typeFor(field->shape, true, elementType(field->type)), name);
  }
  Object object = ofTensor(input, true);
  object.label = field->classes > 0;
  return object;
}

} // namespace dlc

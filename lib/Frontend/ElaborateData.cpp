//===- ElaborateData.cpp - data { ... } -------------------------------------------------------===//
#include "Elaborator.h"

#include "mlir/IR/TypeUtilities.h"

using namespace mlir;

namespace dlc {

static constexpr StringRef splitNames[] = {"train", "test", "seed", "shuffle"};

static StringRef calleeName(const ast::Expr *expr) {
  auto *call = expr ? llvm::dyn_cast<ast::Call>(expr) : nullptr;
  auto *name = call ? llvm::dyn_cast<ast::Name>(call->callee.get()) : nullptr;
  return name ? StringRef(name->text) : StringRef();
}

void Elaborator::elaborateData() {
  func::FuncOp generate = startFunction(Phase::Generate, "generate", 0);
  SourceRange split = program.data.keyword.range;
  for (const ast::StmtPtr &statement : program.data.body) {
    if (isMistake(*statement)) {
      for (const ast::Identifier &name : statement->names) {
        fieldRanges[name.text] = name.range;
        wrongFields[name.text] = true;
      }
      continue;
    }
    if (statement->kind == ast::Stmt::Kind::Expr) {
      split = statement->range;
      elaborateDataCall(*statement);
    } else if (statement->kind == ast::Stmt::Kind::Let ||
               (statement->kind == ast::Stmt::Kind::Declare && statement->keyword.text.empty())) {
      elaborateField(*statement);
    } else {
      diagnostics.error(statement->range,
                        "'data' declares fields, as in 'price: f32 = column(\"MEDV\")'");
    }
  }
  finishSplit(split);
  finishFunction(generate);
  if (llvm::none_of(info.fields, [](const FieldInfo &f) { return f.generated; }))
    generate.erase();
  if (program.data.present && info.fields.empty() && !diagnostics.hasErrors())
    diagnostics.error(program.data.keyword.range, "'data' has no fields");
}

void Elaborator::elaborateField(const ast::Stmt &statement) {
  for (const ast::Identifier &name : statement.names) {
    if (fieldRanges.contains(name.text)) {
      diagnostics.error(name.range, "the field '" + name.text + "' is declared twice")
          .note("the first declaration is here", fieldRanges[name.text]);
      continue;
    }
    size_t before = diagnostics.errorCount();
    FieldInfo field;
    field.name = name.text;
    field.type = "f32";
    if (statement.type) {
      const ast::Type &type = *statement.type;
      field.type = type.name.text;
      bool label = field.type == "class";
      if (label) {
        std::optional<int64_t> classes;
        if (type.arguments.size() == 1)
          classes = evaluateInt(*type.arguments[0].value, global, "the number of classes");
        else
          diagnostics.error(type.range, "write how many classes there are, as in class(10)");
        if (classes && (*classes < 2 || *classes > 1000000))
          diagnostics.error(type.arguments[0].value->range,
                            "a class has between 2 and 1000000 values");
        field.type = "i32";
        field.classes = classes.value_or(2);
      }
      if (!elementType(field.type)) {
        static constexpr StringRef known[] = {"f32", "f64", "i32", "u8", "bool", "class"};
        diagnostics
            .error(type.name.range,
                   "unknown type '" + field.type + "'" + didYouMean(field.type, known))
            .note("a field is f32, f64, i32, u8, bool or class(n)");
        field.type = "f32";
      }
      if (std::optional<Shape> shape = evaluateShape(type, global))
        field.shape.assign(shape->begin(), shape->end());
    }
    fieldRanges[name.text] = name.range;
    if (statement.value && !elaborateColumns(statement, field))
      generateField(statement, field);
    if (diagnostics.errorCount() > before)
      wrongFields[name.text] = true;
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(initFunction);
    FieldOp::create(b, StringRef(field.name),
                    RankedTensorType::get(field.shape, elementType(field.type)));
    info.fields.push_back(field);
  }
}

/// column("X", missing = "drop")
void Elaborator::elaborateMissing(const ast::Argument &argument, StringRef callee,
                                  FieldInfo &field) {
  static constexpr StringRef known[] = {"missing"};
  if (argument.name->text != "missing") {
    diagnostics.error(argument.name->range, "'" + callee + "' has no parameter '" +
                                                argument.name->text + "'" +
                                                didYouMean(argument.name->text, known));
    return;
  }
  Object value = evaluate(*argument.value, global);
  if (value.isPoison())
    return;
  if (!value.is(Object::Kind::String) || !llvm::is_contained({"drop", "keep"}, value.string)) {
    diagnostics
        .error(argument.value->range, "'missing' is \"drop\" or \"keep\", found " + describe(value))
        .note("\"drop\" leaves the row out; \"keep\" makes it nan, for 'impute' in the model");
    return;
  }
  field.missing = value.string;
  if (value.string == "keep" && !isa<FloatType>(elementType(field.type)))
    diagnostics.error(argument.value->range, "only f32 and f64 can hold a missing value, and '" +
                                                 field.name + "' is " +
                                                 (field.classes ? "a class" : field.type));
}

/// name = column("X") or columns("A".."B", ...): true if it is one of these.
bool Elaborator::elaborateColumns(const ast::Stmt &statement, FieldInfo &field) {
  StringRef callee = calleeName(statement.value.get());
  if (callee != "column" && callee != "columns")
    return false;
  auto &call = *llvm::cast<ast::Call>(statement.value.get());
  size_t before = diagnostics.errorCount();
  int64_t known = 0;
  bool countable = true;
  size_t places = 0;
  for (const ast::Argument &argument : call.arguments) {
    if (argument.name) {
      elaborateMissing(argument, callee, field);
      continue;
    }
    ++places;
    Object value = evaluate(*argument.value, global);
    auto number = [](const Object &o) {
      return o.is(Object::Kind::Number) && o.integer && o.number >= 0;
    };
    if (value.is(Object::Kind::String)) {
      field.columns.push_back(value.string);
      ++known;
    } else if (number(value)) {
      field.columnNumbers = {int64_t(value.number), int64_t(value.number)};
      ++known;
    } else if (value.is(Object::Kind::Range) && value.elements[0].is(Object::Kind::String) &&
               value.elements[1].is(Object::Kind::String)) {
      field.firstColumn = value.elements[0].string;
      field.lastColumn = value.elements[1].string;
      countable = false;
    } else if (value.is(Object::Kind::Range) && number(value.elements[0]) &&
               number(value.elements[1]) && value.elements[1].number >= value.elements[0].number) {
      field.columnNumbers = {int64_t(value.elements[0].number), int64_t(value.elements[1].number)};
      known += field.columnNumbers->second - field.columnNumbers->first + 1;
    } else if (!value.isPoison()) {
      diagnostics.error(argument.value->range,
                        "a column is a name, a number from 0, or a range of either, found " +
                            describe(value));
    }
  }
  if (places == 0)
    diagnostics.error(call.range, "'" + callee + "' needs the name of a column");
  if (places > 1 && (!countable || field.columnNumbers))
    diagnostics.error(call.range, "give either one range of columns or a list of names");
  int64_t wanted = 1;
  for (int64_t size : field.shape)
    wanted *= size;
  if (callee == "columns" && !statement.type)
    diagnostics.error(statement.names[0].range, "columns need a type that says how many they are")
        .note("for example '" + statement.names[0].text + ": f32[13] = columns(...)'");
  else if (countable && known != wanted && diagnostics.errorCount() == before)
    diagnostics.error(call.range, "'" + field.name + "' has " + llvm::Twine(wanted) +
                                      (wanted == 1 ? " number" : " numbers") +
                                      " for each example, and this names " + llvm::Twine(known) +
                                      (known == 1 ? " column" : " columns"));
  return true;
}

void Elaborator::generateField(const ast::Stmt &statement, FieldInfo &field) {
  Object value = toTensor(evaluate(*statement.value, global), realType(), statement.value->range);
  field.generated = true;
  generated[field.name] = poison(); // until it is known to be right
  if (value.isPoison())
    return;
  Shape shape = shapeOf(value);
  if (shape.empty()) {
    diagnostics
        .error(statement.value->range, "a field is a list of examples, but this is a single value")
        .note("linspace(-1, 1, 1000) makes a thousand of them")
        .note("a number to compute with, as in 'n = 1000', stands outside of 'data'");
    return;
  }
  if (info.generatedRows && shape[0] != info.generatedRows) {
    diagnostics.error(statement.value->range, "this field has " + llvm::Twine(shape[0]) +
                                                  " examples, the ones before have " +
                                                  llvm::Twine(info.generatedRows));
    return;
  }
  info.generatedRows = shape[0];
  Shape example(ArrayRef<int64_t>(shape).drop_front());
  if (statement.type && ArrayRef<int64_t>(field.shape) != ArrayRef<int64_t>(example)) {
    diagnostics.error(
        statement.value->range,
        "each example here is " +
            describe(
                ofTensor(splat(b, RankedTensorType::get(example, elementOf(value)), 0), false)) +
            ", but the field is declared as " + sources.text(statement.type->range));
    return;
  }
  field.shape.assign(example.begin(), example.end());
  value = castTo(value, elementType(field.type));
  generated[field.name] = value;
  output(field.name, value.tensor);
}

void Elaborator::elaborateDataCall(const ast::Stmt &statement) {
  StringRef callee = calleeName(statement.value.get());
  if (callee != "split" && callee != "shuffle") {
    static constexpr StringRef known[] = {"split", "shuffle"};
    diagnostics.error(statement.range, "'data' holds fields, 'split(...)' and 'shuffle(...)'" +
                                           didYouMean(callee, known));
    return;
  }
  if (callee == "split" && std::exchange(info.split.given, true))
    diagnostics.error(statement.range, "the data is split twice");
  for (const ast::Argument &argument : llvm::cast<ast::Call>(statement.value.get())->arguments) {
    std::string name = argument.name ? argument.name->text : "";
    if (!llvm::is_contained(splitNames, StringRef(name)) || (callee == "shuffle" && name != "seed"))
      diagnostics
          .error(argument.value->range, name.empty() ? "say what this is a share of"
                                                     : "'" + callee + "' has no setting '" + name +
                                                           "'" + didYouMean(name, splitNames))
          .note("write split(train = 80%, test = 20%, seed = 0)");
    else if (!splitOverrides.contains(name))
      elaborateSplitSetting(name, *argument.value);
  }
}

void Elaborator::elaborateSplitSetting(const std::string &name, const ast::Expr &expr) {
  if (name == "shuffle") {
    Object value = evaluate(expr, global);
    if (value.is(Object::Kind::Bool))
      info.split.shuffle = value.boolean;
    else if (!value.isPoison())
      diagnostics.error(expr.range, "'shuffle' is true or false");
    return;
  }
  std::optional<double> value = evaluateNumber(expr, global, "'" + name + "'");
  if (!value)
    return;
  if (name == "seed") {
    if (*value < 0 || *value > 9e15 || *value != double(int64_t(*value)))
      diagnostics.error(expr.range, "a seed is a whole number from 0");
    else
      info.split.seed = int64_t(*value);
    return;
  }
  if (*value < 0 || *value > 1)
    diagnostics.error(expr.range, "a share is between 0% and 100%");
  else if (name == "train" && *value == 0)
    diagnostics.error(expr.range, "nothing would be left to train on");
  else
    (name == "train" ? info.split.train : info.split.test) = *value;
}

/// What --set says, and what one part leaves for the other.
void Elaborator::finishSplit(SourceRange range) {
  for (const auto &entry : splitOverrides) {
    info.split.given |= entry.getKey() == "train" || entry.getKey() == "test";
    range = entry.second->range;
    elaborateSplitSetting(entry.getKey().str(), *entry.second);
  }
  SplitInfo &split = info.split;
  if (split.test == 0 && split.train < 1)
    split.test = 1 - split.train;
  if (split.train == 1 && split.test > 0)
    split.train = 1 - split.test;
  // Of two that do not fit, the one that is not set gives way.
  if (split.train + split.test > 1) {
    if (splitOverrides.contains("train") && !splitOverrides.contains("test"))
      split.test = 1 - split.train;
    else if (splitOverrides.contains("test") && !splitOverrides.contains("train"))
      split.train = 1 - split.test;
  }
  if (split.train + split.test > 1 + 1e-9)
    diagnostics.error(range, "the parts are more than the whole");
}

} // namespace dlc

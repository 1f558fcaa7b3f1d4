//===- Elaborator.cpp - The program as a whole ------------------------------------------------===//
#include "Elaborator.h"

#include "dlc/Frontend/Parser.h"
#include "dlc/Frontend/StandardLibrary.h"

#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace dlc {

OwningOpRef<ModuleOp> elaborate(const ast::Program &program, Sources &sources,
                                Diagnostics &diagnostics, MLIRContext &context,
                                const ElaborateOptions &options, ProgramInfo &info) {
  return Elaborator(program, sources, diagnostics, context, options, info).run();
}

Elaborator::Elaborator(const ast::Program &program, Sources &sources, Diagnostics &diagnostics,
                       MLIRContext &context, const ElaborateOptions &options, ProgramInfo &info)
    : program(program), sources(sources), diagnostics(diagnostics), context(context),
      options(options), info(info), b(UnknownLoc::get(&context), &context),
      module(ModuleOp::create(UnknownLoc::get(&context))), global(std::make_shared<Scope>()) {}

/// A scope that names a lambda made in it would keep itself alive.
Elaborator::~Elaborator() {
  for (const std::weak_ptr<Scope> &each : enclosing)
    if (ScopePtr scope = each.lock())
      scope->names.clear();
}

void Elaborator::registerFunctions(const ast::Program &source,
                                   llvm::StringMap<const ast::Function *> &table) {
  for (const auto &function : source.functions) {
    auto [entry, fresh] = table.try_emplace(function->name.text, function.get());
    if (!fresh)
      diagnostics.error(function->name.range, "'" + function->name.text + "' is defined twice")
          .note("the first definition is here", entry->second->name.range);
  }
}

bool Elaborator::isLibrary(uint32_t file) const { return libraryFiles.contains(file); }

void Elaborator::parseStandardLibrary() {
  for (const StandardSource &source : standardSources()) {
    uint32_t file = sources.add(source.name, source.text);
    libraryFiles.insert(file);
    libraries.push_back(parse(sources, file, diagnostics));
    registerFunctions(*libraries.back(), standardFunctions);
  }
}

static const ast::Call *callOf(const ast::Expr *expr) {
  return expr ? llvm::dyn_cast<ast::Call>(expr) : nullptr;
}

void Elaborator::applyOverrides() {
  static constexpr StringRef trainNames[] = {"batch", "epochs", "steps", "validate",  "seed",
                                             "keep",  "stop",   "loss",  "optimizer", "gradient"};
  static constexpr StringRef splitNames[] = {"split.train", "split.test", "split.seed",
                                             "split.shuffle"};
  // The optimizer's parameters come last: which they are may be set too.
  std::vector<const ast::Stmt *> others;
  for (const auto &[name, text] : options.overrides) {
    uint32_t file = sources.add("--set", name + " = " + text);
    ast::StmtPtr statement = parseSetting(sources, file, diagnostics);
    if (!statement)
      continue;
    const ast::Expr *value = statement->value.get();
    if (auto setting = settings.find(name); setting != settings.end())
      setting->second = value;
    else if (llvm::is_contained(trainNames, StringRef(name)))
      trainOverrides[name] = value;
    else if (llvm::is_contained(splitNames, StringRef(name)))
      splitOverrides[StringRef(name).drop_front(StringRef("split.").size())] = value;
    else
      others.push_back(statement.get());
    overrides.push_back(std::move(statement));
  }
  for (const ast::Stmt *statement : others) {
    const ast::Identifier &name = statement->names.front();
    std::vector<std::string> known;
    for (const auto &entry : settings)
      known.push_back(entry.getKey().str());
    llvm::append_range(known, trainNames);
    llvm::append_range(known, splitNames);
    const ast::Expr *optimizer = trainEntry("optimizer");
    const ast::Expr *callee = callOf(optimizer) ? callOf(optimizer)->callee.get() : optimizer;
    if (auto *called = callee ? llvm::dyn_cast<ast::Name>(callee) : nullptr) {
      const ast::Function *function = userFunctions.lookup(called->text);
      function = function ? function : standardFunctions.lookup(called->text);
      for (size_t i = 0; function && i < function->parameters.size(); ++i) {
        known.push_back(function->parameters[i].name.text);
        if (known.back() == name.text)
          optimizerOverrides[name.text] = statement->value.get();
      }
    }
    if (!optimizerOverrides.contains(name.text)) {
      llvm::sort(known);
      SmallVector<StringRef> names(known.begin(), known.end());
      diagnostics
          .error(name.range,
                 "the program has no setting '" + name.text + "'" + didYouMean(name.text, names))
          .note("it has " + llvm::join(known, ", "));
    }
  }
}

func::FuncOp Elaborator::startFunction(Phase newPhase, StringRef name, int64_t batch) {
  phase = newPhase;
  reads.clear();
  inputs.clear();
  updates.clear();
  settingValues.clear();
  frames.assign(1, Frame{"", {}});
  b.setLoc(UnknownLoc::get(&context));
  b.setInsertionPointToEnd(module->getBody());
  function = func::FuncOp::create(b, name, b.getFunctionType({}, {}));
  if (batch)
    function->setAttr("dl.batch", b.getI64IntegerAttr(batch));
  b.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

void Elaborator::emitUpdates() {
  for (auto &[path, value] : updates)
    AssignOp::create(b, path, value);
}

void Elaborator::finishFunction(func::FuncOp) { func::ReturnOp::create(b); }

void Elaborator::output(StringRef name, Value value) {
  OutputOp::create(b, b.getStringAttr(name), value);
}

OwningOpRef<ModuleOp> Elaborator::run() {
  parseStandardLibrary();
  registerFunctions(program, userFunctions);
  for (const ast::StmtPtr &setting : program.settings)
    for (const ast::Identifier &name : setting->names) {
      auto [entry, fresh] = settings.try_emplace(name.text, setting->value.get());
      if (!fresh)
        diagnostics.error(name.range, "the setting '" + name.text + "' is given twice");
    }
  applyOverrides();
  initFunction = startFunction(Phase::Init, "init", 0);
  finishFunction(initFunction);
  elaborateData();
  elaborateTrainSettings();
  elaborateTrain();
  // What only follows from mistakes in training would be reported again below.
  elaborateEvaluate();
  elaborateFit();
  elaboratePredict();
  elaborateSeries();
  checkNames();
  if (diagnostics.hasErrors())
    return {};
  return std::move(module);
}

} // namespace dlc

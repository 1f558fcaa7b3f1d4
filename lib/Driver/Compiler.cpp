//===- Compiler.cpp --------------------------------------------------------------------------===//
#include "dlc/Driver/Compiler.h"

#include "dlc/Frontend/Parser.h"
#include "dlc/IR/DL.h"
#include "dlc/Target/Linker.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Threading.h"
#include "llvm/Support/xxhash.h"

using namespace dlc;

Compiler::Compiler(const CompileOptions &options, llvm::raw_ostream &errors)
    : options(options), errors(errors), diagnostics(std::make_unique<Diagnostics>(sources)) {}

Compiler::~Compiler() = default;

bool Compiler::reportDiagnostics() {
  diagnostics->render(errors);
  bool good = !diagnostics->hasErrors();
  if (!good)
    errors << diagnostics->errorCount()
           << (diagnostics->errorCount() == 1 ? " error\n" : " errors\n");
  diagnostics = std::make_unique<Diagnostics>(sources);
  return good;
}

bool Compiler::parse(llvm::StringRef path) {
  if (llvm::sys::fs::is_directory(path)) {
    errors << "dlc: '" << path << "' is a folder, not a program\n";
    return false;
  }
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) {
    errors << "dlc: cannot read '" << path << "': " << buffer.getError().message() << '\n';
    return false;
  }
  constexpr size_t largest = 16 << 20;
  if ((*buffer)->getBufferSize() > largest) {
    errors << "dlc: '" << path << "' is larger than 16 MiB: not a program\n";
    return false;
  }
  name = llvm::sys::path::stem(path).str();
  ast = dlc::parse(sources, sources.add(path, (*buffer)->getBuffer()), *diagnostics);
  if (diagnostics->hasErrors() && ast->understood) {
    // Single statements could not be read: what is wrong with the others is said along with it.
    auto unused = createContext();
    ProgramInfo none;
    dlc::elaborate(*ast, sources, *diagnostics, *unused, options.elaborate, none);
  }
  return reportDiagnostics();
}

bool Compiler::checkDeviceOptions() {
  std::string device = target.isDevice ? target.cpu : options.secondTarget;
  if (options.loop != "auto" && device.empty()) {
    errors << "dlc: --gpu-loop " << options.loop << " is for a GPU: name one with --device gpu\n";
    return false;
  }
  if (options.products == "f32" || (!device.empty() && device != "sm_75"))
    return true;
  errors << "dlc: --precision " << options.products
         << (device.empty() ? " is for tensor cores: name a GPU with --device gpu\n"
                            : " needs a GPU of capability 8.0 or newer, and this is for sm_75\n");
  return false;
}

bool Compiler::elaborate() {
  auto described = describeTarget(options.target);
  if (!described) {
    errors << "dlc: " << llvm::toString(described.takeError()) << '\n';
    return false;
  }
  target = *described;
  target.loop = options.loop;
  target.products = options.products;
  context = createContext();
  module = dlc::elaborate(*ast, sources, *diagnostics, *context, options.elaborate, program);
  if (!reportDiagnostics() || !module)
    return false;
  if (mlir::Operation *generate = module->lookupSymbol("generate")) {
    std::string text;
    llvm::raw_string_ostream(text) << *generate;
    program.recipe = llvm::utohexstr(llvm::xxh3_64bits(text), /*LowerCase=*/true);
  }
  for (const std::string &function : options.leaveOut)
    if (mlir::Operation *unneeded = module->lookupSymbol(function))
      unneeded->erase();
  return true;
}

bool Compiler::needsTrainRows() const {
  return program.train.given && program.train.batch == 0 && program.generatedRows == 0;
}

void Compiler::setTrainRows(int64_t rows) {
  mlir::OpBuilder builder(context.get());
  if (auto train = module->lookupSymbol<mlir::func::FuncOp>("train"))
    train->setAttr("dl.batch", builder.getI64IntegerAttr(rows));
}

std::string Compiler::dataManifest() { return writeDataManifest(*module, program); }

bool Compiler::lowerFor(const TargetDescription &place, mlir::ModuleOp op, Phase from, Phase to) {
  if (succeeded(lower(op, place, from, to)))
    return true;
  errors << "dlc: internal error while compiling '" << name << "' for " << place.cpu
         << ": please report this program\n";
  return false;
}

bool Compiler::lowerTo(Phase next) {
  if (next > Phase::Step && !checkDeviceOptions())
    return false;
  auto step = [&](Phase to) {
    if (phase >= to || next < to)
      return true;
    if (!lowerFor(target, *module, phase, to))
      return false;
    phase = to;
    if (to == Phase::Kernels)
      table.manifest = writeManifest(*module, program, name, target,
                                     options.elaborate.doublePrecision, table.functions);
    return true;
  };
  return step(Phase::Step) && step(Phase::Kernels) && step(Phase::Loops) && step(Phase::LLVM);
}

bool Compiler::generate(CodeForm form, llvm::SmallVector<char, 0> &out) {
  if (!lowerTo(Phase::LLVM))
    return false;
  auto result = generateCode(*module, table, target, form);
  if (!result) {
    errors << "dlc: " << llvm::toString(result.takeError()) << '\n';
    return false;
  }
  out = std::move(*result);
  return true;
}

/// The program of one place, a GPU, in this process.
static dlrt_program programOf(const ProgramTable &table) {
  return {DLRT_ABI_VERSION,
          table.manifest.c_str(),
          nullptr,
          0,
          nullptr,
          0,
          table.image.data(),
          static_cast<int64_t>(table.image.size()),
          nullptr};
}

const dlrt_program *Compiler::loadForDevice() {
  if (!generate(CodeForm::Object, image))
    return nullptr;
  image.push_back(0); // PTX is a text, and ends with a zero
  table.image = {image.data(), image.size()};
  deviceProgram = programOf(table);
  return &deviceProgram;
}

const dlrt_program *Compiler::load() {
  if (target.isDevice)
    return loadForDevice();
  if (!lowerTo(Phase::LLVM))
    return nullptr;
  auto fail = [&](llvm::Error error) -> const dlrt_program * {
    errors << "dlc: cannot load the compiled program: " << llvm::toString(std::move(error)) << '\n';
    return nullptr;
  };
  constexpr unsigned mostParts = 4; // each is a translation of the whole module
  unsigned parts = std::min(llvm::hardware_concurrency().compute_thread_count(), mostParts);
  auto objects = generateObjects(*module, table, target, std::max(parts, 1u));
  if (!objects)
    return fail(objects.takeError());
  auto loaded = LoadedCode::load(std::move(*objects));
  if (!loaded)
    return fail(loaded.takeError());
  code = std::move(*loaded);
  auto entry = code->lookup("dl_program");
  if (!entry)
    return fail(entry.takeError());
  return reinterpret_cast<const dlrt_program *(*)()>(*entry)();
}

bool Compiler::describeGpu(TargetDescription &out) {
  out = target;
  if (target.isDevice)
    return true;
  auto described = describeTarget(options.secondTarget);
  if (!described) {
    errors << "dlc: " << llvm::toString(described.takeError()) << '\n';
    return false;
  }
  out = *described;
  out.loop = options.loop;
  out.products = options.products;
  return true;
}

bool Compiler::compileForDevice(mlir::ModuleOp module, const TargetDescription &device,
                                ProgramTable &table, llvm::SmallVector<char, 0> &image) {
  if (!lowerFor(device, module, Phase::Step, Phase::Kernels))
    return false;
  table.functions.clear();
  table.manifest = writeManifest(module, program, name, device, options.elaborate.doublePrecision,
                                 table.functions);
  if (!lowerFor(device, module, Phase::Kernels, Phase::LLVM))
    return false;
  auto result = generateCode(module, table, device, CodeForm::Object);
  if (!result) {
    errors << "dlc: " << llvm::toString(result.takeError()) << '\n';
    return false;
  }
  image = std::move(*result);
  image.push_back(0);
  table.image = {image.data(), image.size()};
  return true;
}

/// The program's other half is made of a copy of its step, before the way down differs.
bool Compiler::addSecondTarget() {
  TargetDescription device;
  if (!describeGpu(device) || !lowerTo(Phase::Step))
    return false;
  mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
  if (!compileForDevice(*copy, device, secondTable, secondImage))
    return false;
  table.other = &secondTable;
  return true;
}

bool Compiler::link(llvm::StringRef path, llvm::StringRef weights) {
  if (!options.secondTarget.empty() && !addSecondTarget())
    return false;
  table.weights = secondTable.weights = weights;
  llvm::SmallVector<char, 0> object;
  if (!generate(CodeForm::Object, target.isDevice ? image : object))
    return false;
  if (target.isDevice) {
    // Nothing but the table is code for the processor.
    image.push_back(0);
    table.image = {image.data(), image.size()};
    mlir::OwningOpRef<mlir::ModuleOp> empty =
        mlir::ModuleOp::create(mlir::UnknownLoc::get(context.get()));
    auto result = generateCode(*empty, table, *describeTarget("portable"), CodeForm::Object);
    if (!result) {
      errors << "dlc: " << llvm::toString(result.takeError()) << '\n';
      return false;
    }
    object = std::move(*result);
  }
  llvm::Error error = linkSharedLibrary(object, path);
  if (!error)
    return true;
  errors << "dlc: " << llvm::toString(std::move(error)) << '\n';
  return false;
}

//===------------------------------------------------------------------------------------------===//
// Tiles of products: see lib/Conversion/GPU/ProductTiles.h
//===------------------------------------------------------------------------------------------===//

mlir::OwningOpRef<mlir::ModuleOp> Compiler::copyForCandidate(size_t number) {
  mlir::OwningOpRef<mlir::ModuleOp> copy = module->clone();
  for (auto function : llvm::make_early_inc_range(copy->getOps<mlir::func::FuncOp>())) {
    llvm::StringRef name = function.getName();
    if (name != "train" && name != "init" && !name.starts_with("fit."))
      function.erase();
  }
  mlir::Builder b(context.get());
  (*copy)->setAttr("dl.candidate", b.getI64IntegerAttr(static_cast<int64_t>(number)));
  return copy;
}

bool Compiler::findProducts(std::vector<ProductChoices> &out) {
  TargetDescription device;
  if (!checkDeviceOptions() || !describeGpu(device) || !lowerTo(Phase::Step))
    return false;
  auto copy = copyForCandidate(0);
  if (!lowerFor(device, *copy, Phase::Step, Phase::Kernels))
    return false;
  auto train = copy->lookupSymbol<mlir::func::FuncOp>("train");
  if (!train)
    return true;
  for (auto [number, kernel] : llvm::enumerate(train.getOps<KernelOp>())) {
    auto choices = kernel->getAttrOfType<mlir::DictionaryAttr>("choices");
    if (!choices)
      continue;
    out.push_back({number, choices.getAs<mlir::StringAttr>("product").str(), {}});
    for (auto tile : choices.getAs<mlir::ArrayAttr>("tiles").getAsRange<mlir::StringAttr>())
      out.back().tiles.push_back(tile.str());
  }
  return true;
}

const dlrt_program *Compiler::loadCandidate(size_t number) {
  TargetDescription device;
  if (!describeGpu(device))
    return nullptr;
  auto copy = copyForCandidate(number);
  if (!compileForDevice(*copy, device, candidateTable, candidateImage))
    return nullptr;
  candidateProgram = programOf(candidateTable);
  return &candidateProgram;
}

void Compiler::setTiles(const std::map<std::string, std::string> &tiles) {
  mlir::Builder b(context.get());
  mlir::NamedAttrList list;
  for (const auto &[product, tile] : tiles)
    list.append(product, b.getStringAttr(tile));
  (*module)->setAttr("dl.tiles", list.getDictionary(context.get()));
}

void Compiler::printAST(llvm::raw_ostream &os) const { ast::print(*ast, os); }

void Compiler::printModule(llvm::raw_ostream &os) {
  mlir::ModuleOp op = *module;
  op.print(os);
  os << '\n';
}

//===- CodeGenerator.cpp ---------------------------------------------------------------------===//
#include "dlc/Target/CodeGenerator.h"

#include "DeviceCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

#include <mutex>
#include <thread>

using namespace dlc;

static llvm::Error failure(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<TargetDescription> dlc::describeTarget(llvm::StringRef name) {
  // 512-bit registers are worth using wherever they exist: the kernels keep them busy.
  static constexpr llvm::StringLiteral wide = "-prefer-256-bit";
  if (name == "avx512")
    return TargetDescription{"x86-64-v4", wide.str(), 64, 32, false};
  if (name == "avx2")
    return TargetDescription{"x86-64-v3", "", 32, 16};
  if (name == "portable")
    return TargetDescription{"x86-64", "", 16, 16};
  if (std::optional<TargetDescription> device = describeDevice(name))
    return *device;
  if (name != "native")
    return failure("unknown target '" + name +
                   "'; known are native, avx512, avx2, portable, and GPUs from sm_75 to sm_121");
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  TargetDescription target{llvm::sys::getHostCPUName().str(), "", 16, 16};
  for (const auto &feature : features)
    target.features += (target.features.empty() ? "" : ",") +
                       std::string(feature.getValue() ? "+" : "-") + feature.getKey().str();
  if (features.lookup("avx512f") && features.lookup("avx512vl") && features.lookup("avx512bw") &&
      features.lookup("avx512dq")) {
    target.vectorBytes = 64;
    target.registers = 32;
    target.features += "," + wide.str();
  } else if (features.lookup("avx2") && features.lookup("fma")) {
    target.vectorBytes = 32;
  }
  return target;
}

void dlc::registerTranslations(mlir::DialectRegistry &registry) {
  mlir::registerBuiltinDialectTranslation(registry);
  mlir::registerLLVMDialectTranslation(registry);
}

llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
dlc::createHostMachine(const TargetDescription &target) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  llvm::Triple triple(llvm::sys::getDefaultTargetTriple());
  std::string message;
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!found)
    return failure(message);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(
      found->createTargetMachine(triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                 std::nullopt, llvm::CodeGenOptLevel::Less));
}

using Parts = llvm::StringMap<unsigned>; // which part has a function's code

/// Keeps the code of one part; the rest becomes declarations.
static void keepPart(llvm::Module &code, const Parts &parts, unsigned part) {
  for (llvm::Function &function : code)
    if (!function.isDeclaration() && parts.lookup(function.getName()) != part)
      function.deleteBody();
  for (llvm::GlobalVariable &global : llvm::make_early_inc_range(code.globals()))
    if (global.hasLocalLinkage() && global.use_empty())
      global.eraseFromParent();
}

/// Gives each function to the part with the least to do, the longest functions first.
static Parts divide(mlir::ModuleOp module, unsigned count) {
  std::vector<std::pair<size_t, llvm::StringRef>> functions;
  for (auto function : module.getOps<mlir::LLVM::LLVMFuncOp>()) {
    size_t size = 0;
    function.walk([&](mlir::Operation *) { ++size; });
    functions.push_back({size, function.getName()});
  }
  llvm::sort(functions, [](auto &a, auto &b) {
    return std::pair(b.first, a.second) < std::pair(a.first, b.second);
  });
  Parts parts;
  std::vector<size_t> sizes(count, 0);
  for (auto [size, name] : functions) {
    auto least = llvm::min_element(sizes);
    parts[name] = least - sizes.begin();
    *least += size;
  }
  return parts;
}

/// One part of the module as code; the first part has the program's table.
static llvm::Expected<llvm::SmallVector<char, 0>>
generatePart(mlir::ModuleOp module, const ProgramTable &table, const TargetDescription &target,
             CodeForm form, const Parts &parts, unsigned part) {
  auto machine = createHostMachine(target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context);
  if (!code)
    return failure("cannot translate the program to LLVM IR");
  keepPart(*code, parts, part);
  if (part == 0)
    addProgramTable(*code, table);
  code->setDataLayout((*machine)->createDataLayout());
  code->setTargetTriple((*machine)->getTargetTriple());
  llvm::SmallVector<char, 0> result;
  llvm::raw_svector_ostream os(result);
  if (form == CodeForm::LLVM) {
    code->print(os, nullptr);
    return result;
  }
  llvm::legacy::PassManager passes;
  auto type = form == CodeForm::Assembly ? llvm::CodeGenFileType::AssemblyFile
                                         : llvm::CodeGenFileType::ObjectFile;
  if ((*machine)->addPassesToEmitFile(passes, os, nullptr, type))
    return failure("the target cannot emit this kind of file");
  passes.run(*code);
  return result;
}

llvm::Expected<llvm::SmallVector<char, 0>> dlc::generateCode(mlir::ModuleOp module,
                                                             const ProgramTable &table,
                                                             const TargetDescription &target,
                                                             CodeForm form) {
  if (target.isDevice)
    return generateDeviceCode(module, target, form);
  return generatePart(module, table, target, form, divide(module, 1), 0);
}

llvm::Expected<std::vector<llvm::SmallVector<char, 0>>>
dlc::generateObjects(mlir::ModuleOp module, const ProgramTable &table,
                     const TargetDescription &target, unsigned count) {
  module->getContext()->enableMultithreading(); // translation may make types
  Parts parts = divide(module, count);
  using Object = llvm::Expected<llvm::SmallVector<char, 0>>;
  std::vector<std::optional<Object>> results(count);
  auto generate = [&](unsigned part) {
    results[part].emplace(generatePart(module, table, target, CodeForm::Object, parts, part));
  };
  std::vector<std::thread> threads;
  for (unsigned part = 1; part < count; ++part)
    threads.emplace_back(generate, part);
  generate(0);
  for (std::thread &thread : threads)
    thread.join();
  std::vector<llvm::SmallVector<char, 0>> objects;
  llvm::Error error = llvm::Error::success();
  for (std::optional<Object> &result : results) {
    if (*result)
      objects.push_back(std::move(**result));
    else
      error = llvm::joinErrors(std::move(error), result->takeError());
  }
  if (error)
    return std::move(error);
  return objects;
}

LoadedCode::LoadedCode() = default;
LoadedCode::~LoadedCode() = default;

llvm::Expected<std::unique_ptr<LoadedCode>>
LoadedCode::load(std::vector<llvm::SmallVector<char, 0>> objects) {
  auto jit = llvm::orc::LLJITBuilder().create();
  if (!jit)
    return jit.takeError();
  std::unique_ptr<LoadedCode> code(new LoadedCode);
  code->jit = std::move(*jit);
  // f64 exp, log and their like come from this process's libm.
  auto libm = llvm::orc::DynamicLibrarySearchGenerator::GetForCurrentProcess(
      code->jit->getDataLayout().getGlobalPrefix());
  if (!libm)
    return libm.takeError();
  code->jit->getMainJITDylib().addGenerator(std::move(*libm));
  for (llvm::SmallVector<char, 0> &object : objects)
    if (llvm::Error error =
            code->jit->addObjectFile(std::make_unique<llvm::SmallVectorMemoryBuffer>(
                std::move(object), /*RequiresNullTerminator=*/false)))
      return std::move(error);
  return code;
}

llvm::Expected<void *> LoadedCode::lookup(llvm::StringRef name) {
  auto symbol = jit->lookup(name);
  if (!symbol)
    return symbol.takeError();
  return symbol->toPtr<void *>();
}

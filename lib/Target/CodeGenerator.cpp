//===- CodeGenerator.cpp ---------------------------------------------------------------------===//
#include "dlc/Target/CodeGenerator.h"

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

using namespace dlc;

static llvm::Error failure(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

llvm::Expected<TargetDescription> dlc::describeTarget(llvm::StringRef name) {
  // 512-bit registers are worth using wherever they exist: the kernels keep them busy.
  static constexpr llvm::StringLiteral wide = "-prefer-256-bit";
  if (name == "avx512")
    return TargetDescription{"x86-64-v4", wide.str(), 64, 32};
  if (name == "avx2")
    return TargetDescription{"x86-64-v3", "", 32, 16};
  if (name == "portable")
    return TargetDescription{"x86-64", "", 16, 16};
  if (name != "native")
    return failure("unknown target '" + name + "'; known are native, avx512, avx2 and portable");
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

static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createMachine(const TargetDescription &target) {
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

llvm::Expected<llvm::SmallVector<char, 0>> dlc::generateCode(mlir::ModuleOp module,
                                                             const ProgramTable &table,
                                                             const TargetDescription &target,
                                                             CodeForm form) {
  auto machine = createMachine(target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context);
  if (!code)
    return failure("cannot translate the program to LLVM IR");
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

LoadedCode::LoadedCode() = default;
LoadedCode::~LoadedCode() = default;

llvm::Expected<std::unique_ptr<LoadedCode>> LoadedCode::load(llvm::SmallVector<char, 0> object) {
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
  if (llvm::Error error = code->jit->addObjectFile(std::make_unique<llvm::SmallVectorMemoryBuffer>(
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

//===- DeviceCode.cpp -------------------------------------------------------------------------===//
#include "DeviceCode.h"
#include "Emulation.h"
#include "dlc/Target/Linker.h"

#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Target/TargetMachine.h"

#include <mutex>

using namespace dlc;

extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

/// The name of the device that test/Emulator plays.
static constexpr llvm::StringLiteral kEmulator = "emulator";

static llvm::Error failure(const llvm::Twine &message) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), message);
}

namespace {
struct Gpu {
  llvm::StringLiteral name, features;
  int capability;     // 10 * major + minor
  bool alone = false; // code for this capability and no later one
};
} // namespace

/// With the oldest version of PTX that knows the device, so that older drivers take it.
static constexpr Gpu gpus[] = {
    {"sm_75", "+ptx63", 75},        {"sm_80", "+ptx70", 80},   {"sm_86", "+ptx71", 86},
    {"sm_87", "+ptx74", 87},        {"sm_89", "+ptx78", 89},   {"sm_90", "+ptx78", 90},
    {"sm_90a", "+ptx80", 90, true}, {"sm_100", "+ptx86", 100}, {"sm_103", "+ptx88", 103},
    {"sm_120", "+ptx87", 120},      {"sm_121", "+ptx88", 121}};

static TargetDescription describe(llvm::StringRef name, llvm::StringRef features, int capability) {
  TargetDescription target{name.str(), features.str(), 0, 0, /*isDevice=*/true};
  target.earlyLaunches = capability >= 90;
  return target;
}

std::optional<TargetDescription> dlc::describeDevice(llvm::StringRef name) {
  if (name == kEmulator)
    return describe(kEmulator, "", /*capability=*/90);
  for (const Gpu &gpu : gpus)
    if (name == gpu.name)
      return describe(name, gpu.features, gpu.capability ? gpu.capability : 90);
  return std::nullopt;
}

bool dlc::isDeviceTarget(llvm::StringRef name) { return describeDevice(name).has_value(); }

std::string dlc::targetOfCapability(int major, int minor) {
  if (major == 0)
    return kEmulator.str();
  std::string best;
  for (const Gpu &gpu : gpus)
    if (gpu.alone ? gpu.capability == 10 * major + minor : gpu.capability <= 10 * major + minor)
      best = gpu.name.str();
  return best;
}

/// The emulator's kernels are made as for a real device, up to its machine code.
static llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createDeviceMachine(TargetDescription target) {
  if (target.cpu == kEmulator)
    target = *describeDevice("sm_90a");
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
  llvm::Triple triple("nvptx64-nvidia-cuda");
  std::string message;
  const llvm::Target *found = llvm::TargetRegistry::lookupTarget(triple, message);
  if (!found)
    return failure(message);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast;
  return std::unique_ptr<llvm::TargetMachine>(
      found->createTargetMachine(triple, target.cpu, target.features, options, std::nullopt,
                                 std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

/// The last `count` parameters of a kernel are tensor maps, of 128 bytes each.
static void markTensorMaps(llvm::Function &kernel, unsigned count) {
  llvm::LLVMContext &context = kernel.getContext();
  auto *map = llvm::ArrayType::get(llvm::Type::getInt8Ty(context), 128);
  for (unsigned n = kernel.arg_size() - count; n < kernel.arg_size(); ++n) {
    kernel.addParamAttr(n, llvm::Attribute::getWithByValType(context, map));
    kernel.addParamAttr(n, llvm::Attribute::getWithAlignment(context, llvm::Align(64)));
    kernel.addParamAttr(n, llvm::Attribute::get(context, "nvvm.grid_constant"));
  }
}

/// Every function that is not internal is a kernel. Subnormal numbers count as 0, as on the CPU.
static void markKernels(mlir::ModuleOp module, llvm::Module &code) {
  for (llvm::Function &function : code) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("denormal-fp-math-f32", "preserve-sign,preserve-sign");
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // What an instruction without an intrinsic does, all threads of a warp do together.
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction); call && call->isInlineAsm())
        call->setConvergent();
    if (function.hasLocalLinkage()) {
      function.addFnAttr(llvm::Attribute::AlwaysInline);
      continue;
    }
    function.setCallingConv(llvm::CallingConv::PTX_Kernel);
    auto op = module.lookupSymbol(function.getName());
    if (auto threads = op->getAttrOfType<mlir::IntegerAttr>("dl.threads"))
      function.addFnAttr("nvvm.maxntid", std::to_string(threads.getInt()));
    // Where one block on a multiprocessor is enough: else ptxas spills a register to have more of
    // them, and takes registers' exchange among warps for impossible.
    if (!op->hasAttr("dl.share_multiprocessor"))
      function.addFnAttr("nvvm.minctasm", "1");
    if (auto maps = op->getAttrOfType<mlir::IntegerAttr>("dl.tensor_maps"))
      markTensorMaps(function, static_cast<unsigned>(maps.getInt()));
  }
}

static void optimize(llvm::Module &code, llvm::TargetMachine &machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3).run(code, modules);
}

static llvm::Expected<llvm::SmallVector<char, 0>>
emit(llvm::Module &code, llvm::TargetMachine &machine, CodeForm form) {
  llvm::SmallVector<char, 0> result;
  llvm::raw_svector_ostream os(result);
  if (form == CodeForm::LLVM) {
    code.print(os, nullptr);
    return result;
  }
  bool isText = form == CodeForm::Assembly || machine.getTargetTriple().isNVPTX();
  auto type = isText ? llvm::CodeGenFileType::AssemblyFile : llvm::CodeGenFileType::ObjectFile;
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, nullptr, type))
    return failure("LLVM was built without this target");
  passes.run(code);
  return result;
}

llvm::Expected<llvm::SmallVector<char, 0>>
dlc::generateDeviceCode(mlir::ModuleOp module, const TargetDescription &target, CodeForm form) {
  auto machine = createDeviceMachine(target);
  if (!machine)
    return machine.takeError();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(module, context);
  if (!code)
    return failure("cannot translate the program to LLVM IR");
  code->setDataLayout((*machine)->createDataLayout());
  code->setTargetTriple((*machine)->getTargetTriple());
  markKernels(module, *code);
  optimize(*code, **machine);
  if (target.cpu == kEmulator) {
    machine = createHostMachine(*describeTarget("native"));
    if (!machine)
      return machine.takeError();
    if (llvm::Error error = retargetToEmulator(*code, **machine))
      return std::move(error);
  }
  auto result = emit(*code, **machine, form);
  if (!result || form != CodeForm::Object || target.cpu != kEmulator)
    return result;
  return linkImage(*result);
}

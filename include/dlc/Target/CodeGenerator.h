//===- CodeGenerator.h - From LLVM's dialect to machine code ------------------------*- C++ -*-===//
#ifndef DLC_TARGET_CODEGENERATOR_H
#define DLC_TARGET_CODEGENERATOR_H

#include "dlc/Target/ProgramTable.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace llvm::orc {
class LLJIT;
}

namespace mlir {
class DialectRegistry;
}

namespace dlc {

/// A processor or a device to compile for.
struct TargetDescription {
  std::string cpu;              // as LLVM names it
  std::string features;         // "+avx2,-avx512f,..."
  int64_t vectorBytes = 0;      // width of a vector register
  int64_t registers = 0;        // how many of them
  bool isDevice = false;        // a GPU: kernels are launched, not called
  std::string loop = "auto";    // on it, how steps follow each other: graph, persistent, auto
  bool earlyLaunches = false;   // on it, kernels can start before those before them have ended
  std::string products = "f32"; // on it, what products of f32 are made of: f32, tf32, bf16, f16

  /// Compiled code of equal text is equal code: for the manifest and for messages.
  std::string text() const { return cpu + (features.empty() ? "" : " " + features); }
};

/// Describes a processor: `native` is the one this program runs on; `avx512`, `avx2` and `portable`
/// (any x86-64) are levels that shared libraries can be compiled for; `sm_75` to `sm_121` are
/// NVIDIA's GPUs. Fails with a message on any other name.
llvm::Expected<TargetDescription> describeTarget(llvm::StringRef name);

/// True for the name of a GPU.
bool isDeviceTarget(llvm::StringRef name);

/// The target for a GPU of that compute capability: the newest one that it can run. Empty where
/// there is none.
std::string targetOfCapability(int major, int minor);

/// What generateCode needs to know how to translate.
void registerTranslations(mlir::DialectRegistry &registry);

enum class CodeForm { LLVM, Assembly, Object };

/// Translates a module of LLVM's dialect, adds the program's table, and generates code for
/// `target`: LLVM IR or assembly as text, or an object file. For a device the module holds kernels
/// alone and needs no table; its object is what the driver loads: PTX, or a shared library for the
/// emulator.
llvm::Expected<llvm::SmallVector<char, 0>> generateCode(mlir::ModuleOp module,
                                                        const ProgramTable &table,
                                                        const TargetDescription &target,
                                                        CodeForm form);

/// Generates `count` object files, each on a thread of its own, which together are the program.
llvm::Expected<std::vector<llvm::SmallVector<char, 0>>>
generateObjects(mlir::ModuleOp module, const ProgramTable &table, const TargetDescription &target,
                unsigned count);

/// Compiled code in this process.
class LoadedCode {
public:
  ~LoadedCode();
  static llvm::Expected<std::unique_ptr<LoadedCode>>
  load(std::vector<llvm::SmallVector<char, 0>> objects);
  /// The address of a function. Fails with the name if there is none.
  llvm::Expected<void *> lookup(llvm::StringRef name);

private:
  LoadedCode();
  std::unique_ptr<llvm::orc::LLJIT> jit;
};

} // namespace dlc

#endif

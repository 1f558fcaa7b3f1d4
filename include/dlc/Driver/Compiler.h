//===- Compiler.h - From a file to a program that runs ------------------------------*- C++ -*-===//
#ifndef DLC_DRIVER_COMPILER_H
#define DLC_DRIVER_COMPILER_H

#include "dlc/Driver/Pipeline.h"
#include "dlc/Frontend/Elaborate.h"

#include "dlrt/abi.h"

#include <map>

namespace dlc {

struct CompileOptions {
  ElaborateOptions elaborate;
  std::string target = "native"; // a processor or a GPU
  std::string secondTarget;      // a GPU that a shared library has code for as well; may be empty
  std::string products = "f32";  // what products of f32 are made of on a GPU: f32, tf32, bf16, f16
  std::string loop = "auto";     // of training steps on a GPU: graph, persistent or auto
  std::vector<std::string> leaveOut; // functions of the program that will not be called
};

/// A product of the training step on a GPU, and the tiles that it can have.
struct ProductChoices {
  size_t kernel = 0;              // its number in the step
  std::string product;            // of equal text are products whose code differs in the tile alone
  std::vector<std::string> tiles; // the one that is estimated to be best first
};

/// One program on its way through the compiler. Mistakes of the user are rendered to `errors`.
class Compiler {
public:
  Compiler(const CompileOptions &options, llvm::raw_ostream &errors);
  ~Compiler();

  /// Reads and parses the file. False after a mistake, which has been reported; so for the others.
  bool parse(llvm::StringRef path);
  /// Elaborates: types, shapes, the graph.
  bool elaborate();
  /// True after elaborate() where a batch is to hold all rows of data that only files know.
  bool needsTrainRows() const;
  /// Says how many rows the training part has at most.
  void setTrainRows(int64_t rows);
  /// The fields and their split, as in the manifest; after elaborate().
  std::string dataManifest();
  /// Goes on to a phase.
  bool lowerTo(Phase phase);
  /// The products of the training step on the GPU that is compiled for; after elaborate().
  bool findProducts(std::vector<ProductChoices> &out);
  /// Compiles a training step that has the n-th tile in each product with so many. The program is
  /// for measuring its kernels, and lives until the next call.
  const dlrt_program *loadCandidate(size_t number);
  /// Gives products their tiles; the others keep those that are estimated to be best.
  void setTiles(const std::map<std::string, std::string> &tiles);
  /// LLVM IR, assembly or an object file.
  bool generate(CodeForm form, llvm::SmallVector<char, 0> &out);
  /// Compiles in this process. The program lives as long as the compiler.
  const dlrt_program *load();
  /// Writes a shared library that holds the program, the runtime, and the bytes of a state file
  /// unless `weights` is empty.
  bool link(llvm::StringRef path, llvm::StringRef weights);

  void printAST(llvm::raw_ostream &os) const;
  void printModule(llvm::raw_ostream &os);
  const ProgramInfo &info() const { return program; }

private:
  bool reportDiagnostics();
  /// Takes a module, this program's or a copy of it, on its way to a place. A mistake is reported.
  bool lowerFor(const TargetDescription &place, mlir::ModuleOp op, Phase from, Phase to);
  const dlrt_program *loadForDevice();
  bool addSecondTarget();
  /// Makes of a module in Phase::Step, which is used up, what the runtime needs of a GPU's program.
  bool compileForDevice(mlir::ModuleOp module, const TargetDescription &device, ProgramTable &table,
                        llvm::SmallVector<char, 0> &image);
  /// The GPU that is compiled for, alone or beside a processor.
  bool describeGpu(TargetDescription &out);
  /// A copy of the training step and what it starts from, to be planned with its products' n-th
  /// tiles. Null after a mistake.
  mlir::OwningOpRef<mlir::ModuleOp> copyForCandidate(size_t number);
  /// False, reported, where what is asked of a GPU cannot be had of the target.
  bool checkDeviceOptions();

  CompileOptions options;
  llvm::raw_ostream &errors;
  Sources sources;
  std::unique_ptr<Diagnostics> diagnostics;
  std::unique_ptr<ast::Program> ast;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ProgramInfo program;
  TargetDescription target;
  Phase phase = Phase::Graph;
  std::string name;
  ProgramTable table; // complete after Phase::Kernels
  std::unique_ptr<LoadedCode> code;
  llvm::SmallVector<char, 0> image; // what deviceProgram points to; so below
  dlrt_program deviceProgram{};
  ProgramTable secondTable;
  llvm::SmallVector<char, 0> secondImage;
  ProgramTable candidateTable;
  llvm::SmallVector<char, 0> candidateImage;
  dlrt_program candidateProgram{};
};

/// What the runtime must know of a module in Phase::Kernels: see docs/RuntimeABI.md. Appends the
/// names of the functions to `functions`.
std::string writeManifest(mlir::ModuleOp module, const ProgramInfo &program, llvm::StringRef name,
                          const TargetDescription &target, bool doublePrecision,
                          std::vector<std::string> &functions);

/// The part of it that says what data the program reads; for a module in any phase.
std::string writeDataManifest(mlir::ModuleOp module, const ProgramInfo &program);

} // namespace dlc

#endif

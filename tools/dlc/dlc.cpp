//===- dlc.cpp - The command-line tool --------------------------------------------------------===//
#include "Autotune.h"
#include "CommandLine.h"
#include "Commands.h"
#include "DataLocations.h"
#include "Devices.h"
#include "Gpu/MemoryPlan.h"
#include "ReadAhead.h"
#include "Report.h"
#include "TrainingState.h"
#include "dlc/Driver/Compiler.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/BinaryFormat/Magic.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <fcntl.h>
#include <unistd.h>

using namespace dlc;

static int fail(const llvm::Twine &message) {
  llvm::errs() << "dlc: " << message << '\n';
  return 1;
}

static CompileOptions compileOptions(const CommandLine &line) {
  CompileOptions options;
  options.elaborate.doublePrecision = line.precision == "f64";
  if (line.precision != "f32" && line.precision != "f64")
    options.products = line.precision;
  options.elaborate.overrides = line.settings;
  // --target names a processor, a GPU, or one of each.
  for (llvm::StringRef name : wordsOf(line.target))
    (isDeviceTarget(name) ? options.secondTarget : options.target) = name.str();
  if (!options.secondTarget.empty() && line.command == "emit")
    options.target = std::exchange(options.secondTarget, "");
  options.loop = line.gpuLoop;
  return options;
}

static int check(const CommandLine &line) {
  Compiler compiler(compileOptions(line), llvm::errs());
  if (!compiler.parse(line.operands[0]) || !compiler.elaborate())
    return 1;
  llvm::outs() << line.operands[0] << ": no mistakes found, " << compiler.info().parameters
               << " parameters\n";
  return 0;
}

/// Whether a file is compiled already: by its name, or by its first bytes.
static bool isLibrary(llvm::StringRef path) {
  llvm::file_magic magic;
  return path.ends_with(".so") ||
         (!llvm::identify_magic(path, magic) && magic == llvm::file_magic::elf_shared_object);
}

/// A program whose batch is all rows needs to know how many there are, for its memory.
static bool countRows(const CommandLine &line, Compiler &compiler) {
  if (!compiler.needsTrainRows())
    return true;
  int64_t rows = 0;
  dlrt::Status status = dlrt::countTrainRows(compiler.dataManifest(), line.data, rows);
  if (!status.ok()) {
    fail(status.message());
    return false;
  }
  compiler.setTrainRows(rows);
  return true;
}

static int writeForm(const CommandLine &line, llvm::StringRef text) {
  std::error_code problem;
  llvm::raw_fd_ostream out(line.output.empty() ? "-" : line.output, problem);
  out << text;
  out.flush();
  if (!problem)
    problem = out.error();
  out.clear_error();
  if (problem)
    return fail("cannot write " +
                (line.output.empty() ? "standard output" : "'" + line.output + "'") + ": " +
                problem.message());
  return 0;
}

static int emit(const CommandLine &line) {
  std::string text;
  llvm::raw_string_ostream out(text);
  Compiler compiler(compileOptions(line), llvm::errs());
  if (!compiler.parse(line.operands[0]))
    return 1;
  if (line.emit == "ast") {
    compiler.printAST(out);
    return writeForm(line, text);
  }
  if (!compiler.elaborate())
    return 1;
  static constexpr std::pair<llvm::StringRef, Phase> phases[] = {{"dl", Phase::Graph},
                                                                 {"step", Phase::Step},
                                                                 {"kernels", Phase::Kernels},
                                                                 {"loops", Phase::Loops}};
  for (auto [name, phase] : phases)
    if (line.emit == name) {
      if (!compiler.lowerTo(phase))
        return 1;
      compiler.printModule(out);
      return writeForm(line, text);
    }
  static constexpr std::pair<llvm::StringRef, CodeForm> forms[] = {
      {"llvm", CodeForm::LLVM}, {"asm", CodeForm::Assembly}, {"obj", CodeForm::Object}};
  for (auto [name, form] : forms)
    if (line.emit == name) {
      llvm::SmallVector<char, 0> code;
      if (!compiler.generate(form, code))
        return 1;
      return writeForm(line, llvm::StringRef(code.data(), code.size()));
    }
  return fail("unknown form '" + line.emit +
              "'; known are ast, dl, step, kernels, loops, llvm, asm, obj and so");
}

static int listData() {
  std::vector<dlrt::DataSet> sets = dlrt::listDataSets();
  for (const dlrt::DataSet &set : sets) {
    std::string name = set.name;
    name.resize(std::max<size_t>(name.size() + 1, 24), ' ');
    llvm::outs() << name << dlrt::formatBytes(set.bytes) << "  " << set.path << '\n';
  }
  if (sets.empty()) {
    llvm::outs() << "no data sets found; these folders were searched:\n";
    for (const std::string &folder : dlrt::dataFolders())
      llvm::outs() << "  " << folder << '\n';
  }
  return 0;
}

/// Writes the shared library, then opens it as its users will, and only then gives it its name.
static int compileLibrary(const CommandLine &line) {
  std::unique_ptr<llvm::MemoryBuffer> weights;
  if (!line.weights.empty()) {
    auto buffer = llvm::MemoryBuffer::getFile(line.weights);
    if (!buffer)
      return fail("cannot read '" + line.weights + "': " + buffer.getError().message());
    weights = std::move(*buffer);
  }
  std::string output = line.output;
  if (output.empty())
    output = (llvm::sys::path::stem(line.operands[0]) + ".so").str();
  if (dlrt::Status status = dlrt::checkWritable(output); !status.ok())
    return fail(status.message());
  std::string draft = output + ".new." + std::to_string(getpid());
  llvm::FileRemover remover(draft);
  CompileOptions compile = compileOptions(line);
  dlrt::DeviceChoice choice;
  if (std::string problem = choosePlaces(line, compile, choice); !problem.empty())
    return fail(problem);
  Compiler compiler(compile, llvm::errs());
  if (!compiler.parse(line.operands[0]) || !compiler.elaborate() || !countRows(line, compiler) ||
      (line.autotune && !autotune(line, compiler, compile, /*device=*/0)) ||
      !compiler.link(draft, weights ? weights->getBuffer() : ""))
    return 1;
  std::unique_ptr<dlrt::Program> program;
  dlrt::Status status = dlrt::Program::open(draft, choice, program);
  dlrt::StateFile state;
  if (status.ok() && weights) // read once more by its own name, for the message
    status = state.read(line.weights, *program);
  if (!status.ok())
    return fail(status.message());
  if (std::error_code problem = llvm::sys::fs::rename(draft, output))
    return fail("cannot write '" + output + "': " + problem.message());
  uint64_t size = 0;
  llvm::sys::fs::file_size(output, size);
  int64_t tiles = program->measuredTiles;
  if (!line.quiet)
    llvm::outs()
        << output << ": " << dlrt::formatBytes(size) << ", "
        << dlrt::formatCount(program->parameters) << " parameters, arena "
        << dlrt::formatBytes(program->memoryBytes(1))
        << (program->isForDevice()
                ? " (" + dlrt::formatBytes(dlrt::planMemory(*program, 0, {}, 0).use().total()) +
                      " of a GPU's memory, besides the data)"
                : "")
        << ", for " << compile.target
        << (compile.target == "native" ? " (this processor and its like)" : "")
        << (compile.secondTarget.empty() ? "" : " and " + compile.secondTarget)
        << (tiles ? ", " + dlrt::tilesText(tiles) : "")
        << (weights ? ", with the weights of " + line.weights : "") << '\n';
  return 0;
}

/// run, eval, predict, bench: of a program in text, compiled here, or of a shared library.
static int execute(const CommandLine &line, double startTime) {
  dlrt::RunOptions options;
  options.data = line.data;
  options.seed = line.seed;
  options.threads = line.threads;
  options.save = line.save;
  options.saveEvery = line.saveEvery;
  options.resume = line.command == "run" ? line.resume : line.weights;
  options.plotFolder = line.plotFolder;
  options.json = line.json;
  options.quiet = line.quiet;
  options.startTime = startTime;
  auto call = [&](const auto &program) {
    dlrt::Status status = line.command == "run"     ? dlrt::runCommand(options, program)
                          : line.command == "eval"  ? dlrt::evalCommand(options, program)
                          : line.command == "bench" ? dlrt::benchCommand(options, program)
                                                    : dlrt::predictCommand(options, program);
    if (!status.ok())
      return fail(status.message());
    return dlrt::interruptSignal() ? 128 + dlrt::interruptSignal() : 0; // as a shell has it
  };
  if (isLibrary(line.operands[0])) {
    for (llvm::StringRef option : {"--set", "--precision", "--gpu-loop", "--autotune", "--target"})
      if (llvm::is_contained(line.given, option))
        return fail("'" + option + "' changes a program before it is compiled; '" +
                    line.operands[0] + "' is compiled already");
    std::unique_ptr<dlrt::Program> program;
    dlrt::DeviceChoice choice;
    dlrt::Status status =
        dlrt::DeviceChoice::parse(line.device.empty() ? "auto" : line.device, choice);
    if (!status.ok())
      return fail("'--device' " + status.message());
    if (status = dlrt::Program::open(line.operands[0], choice, program); !status.ok())
      return fail(status.message());
    if (!program->fallback.empty())
      llvm::errs() << "dlc: note: runs on the processor: " << program->fallback << '\n';
    return call(*program);
  }
  dlrt::ReadAhead readAhead(line.data); // beside the compiler
  options.readAhead = &readAhead;
  CompileOptions compile = compileOptions(line);
  if (dlrt::Status status = chooseDevice(line, compile, options); !status.ok())
    return fail(status.message());
  if (line.command == "run")
    compile.leaveOut = {"predict"};
  else if (line.command == "bench")
    compile.leaveOut = {"predict", "evaluate", "series"};
  else
    compile.leaveOut = {"train", line.command == "eval" ? "predict" : "evaluate"};
  Compiler compiler(compile, llvm::errs());
  if (!compiler.parse(line.operands[0]) || !compiler.elaborate())
    return 1;
  bool trains = line.command == "run" || line.command == "bench";
  if (trains && !countRows(line, compiler))
    return 1;
  if (line.autotune && !autotune(line, compiler, compile, options.device.number))
    return 1;
  const dlrt_program *program = compiler.load();
  if (!program)
    return 1;
  options.compileSeconds = dlrt::now() - startTime;
  return call(program);
}

/// A descriptor of the three that is closed is taken by something that refuses, or the next file
/// that is opened would get its number and the output.
static void keepDescriptors() {
  for (int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(descriptor, F_GETFD) < 0)
      open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
}

/// An output that did not reach its reader is an error, whatever the command came to.
static int finish(int code) {
  llvm::outs().flush();
  bool written = fflush(stdout) == 0 && !ferror(stdout) && !llvm::outs().has_error();
  llvm::outs().clear_error();
  return written || code ? code : fail("cannot write to standard output");
}

static int dispatch(const CommandLine &line, double startTime) {
  if (line.command == "version") {
    llvm::outs() << "dlc " << DLC_VERSION << ", LLVM " << LLVM_VERSION_STRING << ", ABI "
                 << DLRT_ABI_VERSION << '\n';
    return 0;
  }
  if (line.help || line.command == "help") {
    llvm::outs() << helpText(line.help               ? line.command
                             : line.operands.empty() ? ""
                                                     : line.operands[0]);
    return 0;
  }
  if (line.command == "data")
    return listData();
  if (line.command == "devices") {
    dlrt::Status status = listDevices(llvm::outs());
    return status.ok() ? 0 : fail(status.message());
  }
  bool executes = line.command != "check" && line.command != "compile" && line.command != "emit";
  if (executes)
    return execute(line, startTime);
  if (isLibrary(line.operands[0]))
    return fail("'" + line.operands[0] + "' is compiled already; '" + line.command +
                "' takes a program in text");
  if (line.command == "check")
    return check(line);
  return line.command == "compile" || line.emit == "so" ? compileLibrary(line) : emit(line);
}

int main(int argc, char **argv) {
  double startTime = dlrt::now();
  keepDescriptors();
  CommandLine line;
  std::string problem = parseCommandLine(llvm::ArrayRef(argv + 1, argv + argc), line);
  if (!problem.empty())
    return fail(problem) + 1;
  return finish(dispatch(line, startTime));
}

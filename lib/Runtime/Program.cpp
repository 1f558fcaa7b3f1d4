//===- Program.cpp - Compiled programs, opened and asked --------------------------------------===//
#include "Program.h"
#include "Gpu/Driver.h"
#include "Session.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace dlrt;

int64_t OutputInfo::elements(int64_t rows) const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size < 0 ? rows : size;
  return count;
}

const OutputInfo *FunctionInfo::output(const std::string &outputName) const {
  for (const OutputInfo &output : outputs)
    if (output.name == outputName)
      return &output;
  return nullptr;
}

Program::~Program() {
  if (library)
    dlclose(library);
}

const FunctionInfo *Program::function(const std::string &functionName) const {
  for (const FunctionInfo &function : functions)
    if (function.name == functionName)
      return &function;
  return nullptr;
}

const OutputInfo *Program::metric(const std::string &metricName) const {
  const FunctionInfo *evaluate = function("evaluate");
  if (!evaluate)
    return nullptr;
  // The report's names first: an output may have a name of the compiler's own.
  const OutputInfo *output = nullptr;
  for (const ReportEntry &entry : report)
    if (entry.name == metricName)
      output = evaluate->output(entry.outputs[0]);
  if (!output)
    output = evaluate->output(metricName);
  return output && output->shape.empty() ? output : nullptr;
}

int Program::fieldIndex(const std::string &fieldName) const {
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields[i].name == fieldName)
      return static_cast<int>(i);
  return -1;
}

std::vector<bool> Program::predictInputs() const {
  const FunctionInfo *predict = function("predict");
  return predict ? predict->reads : std::vector<bool>(fields.size(), false);
}

const FieldInfo *Program::predictedField(int64_t classes) const {
  std::vector<bool> inputs = predictInputs();
  const FieldInfo *found = nullptr;
  for (size_t i = 0; i < fields.size(); ++i)
    if (!inputs[i] && fields[i].classes > 1 && fields[i].classes == classes)
      found = &fields[i];
  return found;
}

std::string Program::signature() const {
  std::string text;
  for (const TensorInfo &tensor : tensors) {
    text += tensor.name + ":" + tensor.kind + ":" + elementName(tensor.type);
    for (int64_t size : tensor.shape)
      text += "," + std::to_string(size);
    text += ";";
  }
  return hashText(hashBytes(text.data(), text.size()));
}

/// Whether a library ends before the segments that its header promises. Loading it would map what
/// is not there, and the first touch of it end the process.
static bool isCutOff(const std::string &path) {
  struct stat info;
  int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  Elf64_Ehdr header;
  bool known = file >= 0 && fstat(file, &info) == 0 &&
               pread(file, &header, sizeof(header), 0) == sizeof(header) &&
               memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
               header.e_ident[EI_CLASS] == ELFCLASS64;
  bool cutOff = false;
  for (int i = 0; known && !cutOff && i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    off_t at = static_cast<off_t>(header.e_phoff + i * sizeof(segment));
    cutOff = pread(file, &segment, sizeof(segment), at) != sizeof(segment) ||
             segment.p_filesz > static_cast<uint64_t>(info.st_size) ||
             segment.p_offset > info.st_size - segment.p_filesz;
  }
  if (file >= 0)
    close(file);
  return cutOff;
}

Status Program::open(const std::string &path, const DeviceChoice &choice,
                     std::unique_ptr<Program> &out) {
  if (isCutOff(path))
    return Status::error("cannot load '" + path + "': it is cut off", StatusCode::Corrupt);
  // A name without a slash would be looked for in the system's folders.
  std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void *library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char *reason = dlerror();
    return Status::error("cannot load '" + path + "': " + (reason ? reason : "unknown reason"),
                         StatusCode::NotFound);
  }
  using Entry = const dlrt_program *(*)();
  Entry entry = reinterpret_cast<Entry>(dlsym(library, "dl_program"));
  Status status =
      entry ? create(entry(), choice, out)
            : Status::error("'" + path + "' is not a compiled program: it has no 'dl_program'",
                            StatusCode::Incompatible);
  if (status.ok())
    out->library = library;
  else
    dlclose(library);
  return status;
}

/// Of the program's code, that for the place that is chosen.
static Status choose(const dlrt_program *&table, DeviceChoice &choice, std::string &fallback) {
  const dlrt_program *ofProcessor = nullptr, *ofGpu = nullptr;
  for (const dlrt_program *part = table; part; part = part->other)
    (part->image ? ofGpu : ofProcessor) = part;
  if (choice.kind == DeviceChoice::Automatic) {
    cuda::DeviceInfo info;
    Status status = ofGpu ? cuda::findDevice(choice.number, info) : Status();
    if (ofGpu && !status.ok() && !ofProcessor)
      return status;
    if (ofGpu && !status.ok())
      fallback = status.message();
    choice.kind = ofGpu && status.ok() ? DeviceChoice::Gpu : DeviceChoice::Processor;
  }
  table = choice.kind == DeviceChoice::Gpu ? ofGpu : ofProcessor;
  if (table)
    return Status();
  return Status::error(choice.kind == DeviceChoice::Gpu
                           ? "the program has no code for a GPU: compile it with --device cpu,gpu"
                           : "the program has code for a GPU alone: compile it with --device "
                             "cpu,gpu",
                       StatusCode::Incompatible);
}

/// Code for a GPU that the one that is there cannot run, beside code for a processor.
static bool mustFallBack(const Program &program, const DeviceChoice &asked,
                         const dlrt_program *table, std::string &outReason) {
  if (asked.kind != DeviceChoice::Automatic || !program.isForDevice() || !table->other)
    return false;
  cuda::DeviceInfo gpu;
  Status status = cuda::findDevice(asked.number, gpu);
  if (status.ok())
    status = program.checkGpu(gpu);
  outReason = status.message();
  return !status.ok();
}

Status Program::create(const dlrt_program *table, const DeviceChoice &choice,
                       std::unique_ptr<Program> &out) {
  if (!table)
    return Status::error("there is no program");
  if (table->abi_version != DLRT_ABI_VERSION)
    return Status::error("the program was compiled for version " +
                             std::to_string(table->abi_version) +
                             " of the runtime's interface, and this runtime has version " +
                             std::to_string(DLRT_ABI_VERSION) + "; compile it again",
                         StatusCode::Incompatible);
  std::unique_ptr<Program> program(new Program());
  program->device = choice;
  const dlrt_program *chosen = table;
  Status status = choose(chosen, program->device, program->fallback);
  if (status.ok())
    status = program->parse(*chosen);
  if (std::string reason; status.ok() && mustFallBack(*program, choice, table, reason)) {
    status = create(table, {DeviceChoice::Processor}, program);
    program->fallback = reason;
  }
  if (status.ok())
    out = std::move(program);
  return status;
}

Status Program::checkGpu(const cuda::DeviceInfo &gpu) const {
  int needed = 0; // of the emulator's code, which runs there alone
  char suffix = 0;
  sscanf(target.c_str(), "sm_%d%c", &needed, &suffix);
  int capability = 10 * gpu.major + gpu.minor;
  if (needed == 0 || suffix == 'a' ? capability == needed : capability >= needed)
    return Status();
  return Status::error("'" + name + "' was compiled for " + target.substr(0, target.find(' ')) +
                           ", and " + gpu.name + " has compute capability " +
                           std::to_string(gpu.major) + "." + std::to_string(gpu.minor) +
                           ": compile it for that (--target; 'dlc devices' tells which)",
                       StatusCode::Incompatible);
}

Status Program::checkProcessor() const {
#if defined(__x86_64__)
  auto contains = [&](const std::string &word) {
    size_t at = target.find(word);
    return at != std::string::npos &&
           (at + word.size() == target.size() || target[at + word.size()] == ',');
  };
  std::string missing;
  // LLVM names a level of the architecture ("x86-64-v3") or single features ("+avx2,+fma").
  int level = target.rfind("x86-64-v", 0) == 0 ? target[8] - '0' : 0;
#define CHECK(feature, since)                                                                      \
  if ((level >= since || contains("+" feature)) && !__builtin_cpu_supports(feature))               \
    missing += (missing.empty() ? "" : ", ") + std::string(feature);
  CHECK("avx", 3)
  CHECK("avx2", 3)
  CHECK("fma", 3)
  CHECK("bmi2", 3)
  CHECK("avx512f", 4)
  CHECK("avx512bw", 4)
  CHECK("avx512dq", 4)
  CHECK("avx512vl", 4)
  CHECK("avx512vbmi", 9)
  CHECK("avx512vbmi2", 9)
  CHECK("avx512vnni", 9)
  CHECK("avx512bf16", 9)
  CHECK("gfni", 9)
#undef CHECK
  if (!missing.empty())
    return Status::error("'" + name + "' was compiled for a processor that has " + missing +
                             ", and this one has not; compile it here, or with '--target avx2' or "
                             "'--target portable'",
                         StatusCode::Incompatible);
#endif
  return Status();
}

//===- Program.cpp - A compiled program and what its manifest says --------------------------===//
#include "Program.h"
#include "Gpu/Driver.h"
#include "Session.h"

#include <algorithm>
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
  Status status = choose(table, program->device, program->fallback);
  if (status.ok())
    status = program->parse(*table);
  if (status.ok())
    out = std::move(program);
  return status;
}

namespace {
Status manifestError(const std::string &what) {
  return Status::error("the program's manifest is wrong: " + what, StatusCode::Incompatible);
}

std::vector<std::string> strings(const Json &json) {
  std::vector<std::string> out;
  for (const Json &element : json.array())
    out.push_back(element.string());
  return out;
}

/// Reads name, type, shape and offset of a tensor or output, and checks that it lies in the arena.
/// `rows` stands for the batch.
template <typename T>
Status parsePlace(const Json &json, int64_t rows, int64_t arenaBytes, T &out, int64_t &outBytes) {
  out.name = json["name"].string();
  if (Status status = parseElementType(json["type"].string(), out.type); !status.ok())
    return manifestError("'" + out.name + "': " + status.message());
  outBytes = elementSize(out.type);
  for (const Json &size : json["shape"].array()) {
    int64_t extent = size.integer(-2);
    out.shape.push_back(extent);
    if (extent < -1 || (extent == -1 && rows == 0) ||
        __builtin_mul_overflow(outBytes, extent == -1 ? rows : extent, &outBytes))
      return manifestError("'" + out.name + "' has a dimension that is not a size");
  }
  out.offset = json["offset"].integer(-1);
  if (out.offset < 0 || outBytes > arenaBytes || out.offset > arenaBytes - outBytes)
    return manifestError("'" + out.name + "' lies outside of the arena");
  return Status();
}

} // namespace

/// The launches of one function on a device.
static Status parseLaunches(const Json &json, int64_t fields, int64_t arenaBytes, Routine &out) {
  for (const Json &entry : json.array()) {
    LaunchInfo launch{entry["symbol"].string(),
                      entry["blocks"].integer(),
                      entry["threads"].integer(),
                      entry["shared_bytes"].integer(),
                      {}};
    for (const Json &place : entry["places"].array()) {
      launch.places.push_back(place.integer(INT64_MIN));
      if (launch.places.back() < -fields || launch.places.back() >= arenaBytes)
        return manifestError("a launch of '" + out.name + "' works outside of the arena");
    }
    if (launch.symbol.empty() || launch.blocks < 1 || launch.threads < 1 || launch.sharedBytes < 0)
      return manifestError("a launch of '" + out.name + "' has no grid");
    out.launches.push_back(std::move(launch));
  }
  return Status();
}

Status Program::parseRoutines(const dlrt_program &table) {
  for (int64_t i = 0; i < table.symbol_count; ++i)
    routines.push_back(
        std::make_unique<Routine>(Routine{table.symbols[i].name, table.symbols[i].function, {}}));
  for (const auto &[routineName, launches] : manifest["routines"].members()) {
    routines.push_back(std::make_unique<Routine>(Routine{routineName, nullptr, {}}));
    Status status =
        parseLaunches(launches, static_cast<int64_t>(fields.size()), arenaBytes, *routines.back());
    if (!status.ok())
      return status;
  }
  return Status();
}

/// An absent name gives null.
Status Program::findRoutine(const Json &routineName, const Routine *&out) const {
  out = nullptr;
  if (routineName.isNull())
    return Status();
  for (const std::unique_ptr<Routine> &routine : routines)
    if (routine->name == routineName.string())
      out = routine.get();
  return out ? Status()
             : manifestError("the program has no function '" + routineName.string() + "'");
}

Status Program::parseFunction(const Json &json, FunctionInfo &out) const {
  out.batch = json["batch"].integer();
  out.rows = json["rows"].integer();
  Status status = findRoutine(json["symbol"], out.single);
  if (status.ok())
    status = findRoutine(json["reset"], out.reset);
  if (status.ok())
    status = findRoutine(json["final"], out.final);
  for (const std::unique_ptr<Routine> &routine : routines) {
    if (routine->name == out.name + ".advance")
      out.advance = routine.get();
    if (routine->name == out.name + ".loop")
      out.loop = routine.get();
  }
  for (size_t i = 0; i < json["passes"].array().size() && status.ok(); ++i) {
    out.passes.push_back(nullptr);
    status = findRoutine(json["passes"][i], out.passes.back());
  }
  for (size_t i = 0; i < json["kernels"].array().size() && status.ok(); ++i) {
    const Json &kernel = json["kernels"][i];
    out.kernels.push_back(
        {kernel["name"].string(), kernel["flop"].integer(), kernel["bytes"].integer(), nullptr});
    status = findRoutine(kernel["symbol"], out.kernels.back().routine);
  }
  for (size_t i = 0; i < json["outputs"].array().size() && status.ok(); ++i) {
    int64_t bytes = 0;
    OutputInfo output;
    status = parsePlace(json["outputs"][i], out.batch, arenaBytes, output, bytes);
    out.outputs.push_back(std::move(output));
  }
  if (!status.ok())
    return status;
  bool streamed = out.reset || out.final || !out.passes.empty();
  if (out.single ? streamed : !streamed)
    return manifestError("'" + out.name + "' must have either a symbol or passes");
  bool onRows = out.name != "generate" && out.name != "init";
  if (onRows && out.batch < 1)
    return manifestError("'" + out.name + "' has no batch size");
  return Status();
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

Status Program::parse(const dlrt_program &table) {
  if (!table.manifest)
    return manifestError("it is missing");
  if (Status status = Json::parse(table.manifest, manifest); !status.ok())
    return manifestError(status.message());
  if (manifest["abi"].integer(-1) != DLRT_ABI_VERSION)
    return manifestError("it is of version " + std::to_string(manifest["abi"].integer(-1)) +
                         ", and this runtime reads version " + std::to_string(DLRT_ABI_VERSION));
  name = manifest["name"].string();
  precision = manifest["precision"].string();
  arenaBytes = manifest["arena_bytes"].integer(-1);
  copyBytes = manifest["copy_bytes"].integer();
  parameters = manifest["parameters"].integer();
  flop = manifest["flop"].integer();
  if (arenaBytes < 0)
    return manifestError("it has no 'arena_bytes'");
  if (copyBytes < 0 || arenaBytes > INT64_MAX / 2 || copyBytes > INT64_MAX / 16)
    return manifestError("its sizes make no sense");
  target = manifest["target"].string();
  weights = table.weights;
  weightBytes = table.weight_bytes;
  image = table.image;
  imageBytes = table.image_bytes;
  Status status = parseFields(manifest, fields);
  if (status.ok())
    status = parseTensors();
  if (status.ok())
    status = parseRoutines(table);
  if (status.ok())
    status = parseFunctions();
  if (status.ok())
    status = parseReport();
  parseTrain();
  return status;
}

Status Program::parseTensors() {
  for (const Json &json : manifest["tensors"].array()) {
    TensorInfo tensor;
    tensor.kind = json["kind"].string();
    if (Status status = parsePlace(json, 0, arenaBytes, tensor, tensor.bytes); !status.ok())
      return status;
    tensor.panel = json["panel"].integer();
    if (tensor.panel < 0 ||
        (tensor.panel > 0 && (tensor.shape.size() != 2 || tensor.shape[1] % tensor.panel != 0)))
      return manifestError("'" + tensor.name + "' cannot be divided into its panels");
    tensors.push_back(std::move(tensor));
  }
  return Status();
}

Status Program::parseFunctions() {
  for (const auto &[functionName, json] : manifest["functions"].members()) {
    FunctionInfo function;
    function.name = functionName;
    Status status = parseFunction(json, function);
    if (status.ok())
      status = parseInputs(json["inputs"], function);
    if (!status.ok())
      return status;
    functions.push_back(std::move(function));
  }
  return Status();
}

/// Where the manifest does not say what a function reads, it may be anything.
Status Program::parseInputs(const Json &inputs, FunctionInfo &function) const {
  function.reads.assign(fields.size(), !inputs.isArray());
  for (const Json &input : inputs.array()) {
    int index = fieldIndex(input.string());
    if (index < 0)
      return manifestError("'" + function.name + "' reads the field '" + input.string() +
                           "', which it does not have");
    function.reads[index] = true;
  }
  return Status();
}

void Program::parseTrain() {
  const Json &json = manifest["train"];
  train.batch = json["batch"].integer();
  train.epochs = json["epochs"].integer();
  train.steps = json["steps"].integer();
  train.validate = json["validate"].number();
  train.shuffle = json["shuffle"].boolean(true);
  train.seed = static_cast<uint64_t>(json["seed"].integer());
  train.keepMetric = json["keep"]["metric"].string();
  train.keepHighest = json["keep"]["best"].string() == "highest";
  train.patience = json["patience"].integer();
}

Status Program::parseReport() {
  for (const Json &json : manifest["report"].array()) {
    ReportEntry entry;
    entry.name = json["name"].string();
    entry.kind = json["kind"].string();
    entry.outputs = strings(json["outputs"]);
    entry.labels = strings(json["labels"]);
    bool plot = entry.kind == "plot" || entry.kind == "scatter";
    bool number = entry.kind == "value" || entry.kind == "vector" || entry.kind == "matrix" ||
                  entry.kind == "counts";
    if (!plot && !number)
      return manifestError("'" + entry.name + "' is to be reported as '" + entry.kind +
                           "', which is unknown");
    if (entry.outputs.size() < (plot ? 2u : 1u))
      return manifestError("'" + entry.name + "' has too few outputs for a " + entry.kind);
    report.push_back(std::move(entry));
  }
  return Status();
}

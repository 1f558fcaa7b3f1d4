//===- Manifest.cpp - Reading what a program says of itself ---------------------------------===//
#include "Program.h"

#include <algorithm>
#include <cstring>

using namespace dlrt;

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

/// What a tensor map of a launch says. The driver checks the rest when the map is made.
Status parseTensorMap(const Json &json, int64_t arenaBytes, TensorMapInfo &out) {
  out.place = json["place"].integer(-1);
  out.bfloat = json["type"].string() == "bf16";
  const std::vector<Json> &sizes = json["sizes"].array(), &box = json["box"].array();
  if (out.place < 0 || out.place >= arenaBytes || sizes.size() != 3 || box.size() != 3 ||
      (!out.bfloat && json["type"].string() != "f16"))
    return manifestError("a launch has a tensor map that describes no tensor");
  for (size_t d = 0; d < 3; ++d) {
    out.sizes[d] = sizes[d].integer();
    out.box[d] = box[d].integer();
    if (out.sizes[d] == 0 || out.box[d] < 1 || out.box[d] > 256)
      return manifestError("a launch has a tensor map without a size");
  }
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
                      {},
                      {},
                      entry["of_step"].boolean(),
                      {}};
    for (const Json &place : entry["places"].array()) {
      launch.places.push_back(place.integer(INT64_MIN));
      if (launch.places.back() < -fields || launch.places.back() >= arenaBytes)
        return manifestError("a launch of '" + out.name + "' works outside of the arena");
    }
    for (const Json &map : entry["tensor_maps"].array()) {
      launch.tensorMaps.emplace_back();
      if (Status status = parseTensorMap(map, arenaBytes, launch.tensorMaps.back()); !status.ok())
        return status;
    }
    for (const Json &resident : entry["resident"].array()) {
      launch.residents.push_back({resident["blocks"].integer(), resident["bytes"].integer()});
      if (launch.residents.back().blocks < 1 || launch.residents.back().bytes < 1)
        return manifestError("the loop of '" + out.name + "' keeps what has no size");
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
  out.recipe = json["recipe"].string();
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
  measuredTiles = manifest["measured_tiles"].integer();
  loopForced = manifest["loop_forced"].boolean();
  earlyLaunches = manifest["early_launches"].boolean();
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

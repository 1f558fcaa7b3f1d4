//===- TrainingState.cpp - A run's state in a file ------------------------------------------===//
#include "TrainingState.h"
#include "JsonText.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace dlrt;

namespace {
const char kLive[] = "live.";

/// Exact: 17 digits read back as the same bits.
std::string exactText(double value) {
  char buffer[40];
  snprintf(buffer, sizeof(buffer), "%.17g", value);
  return buffer;
}

std::string shapeText(ElementType type, const std::vector<int64_t> &shape) {
  std::string text = std::string(elementName(type)) + "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

using NamesByField = std::map<std::string, std::vector<std::string>>;

/// An object with an array of names for each field.
std::string jsonNames(const NamesByField &fields) {
  std::string text;
  for (const auto &[field, names] : fields) {
    text += (text.empty() ? "{" : ",") + jsonString(field) + ":[";
    for (const std::string &name : names)
      text += (&name == &names[0] ? "" : ",") + jsonString(name);
    text += "]";
  }
  return text + "}";
}

void readNames(const Metadata &metadata, const char *key, NamesByField &out) {
  auto found = metadata.find(key);
  Json json;
  if (found != metadata.end() && Json::parse(found->second, json).ok())
    for (const auto &[field, names] : json.members())
      for (const Json &name : names.array())
        out[field].push_back(name.string());
}

Metadata describe(const Program &program, const RunState &state) {
  Metadata out;
  out["dlrt.program"] = program.name;
  out["dlrt.signature"] = program.signature();
  out["dlrt.seed"] = std::to_string(state.seed);
  out["dlrt.step"] = std::to_string(state.train.step);
  out["dlrt.epoch"] = std::to_string(state.train.epoch);
  out["dlrt.position"] = std::to_string(state.train.position);
  out["dlrt.loss_sum"] = exactText(state.train.lossSum);
  out["dlrt.best_value"] = exactText(state.train.bestValue);
  out["dlrt.best_epoch"] = std::to_string(state.train.bestEpoch);
  out["dlrt.waited"] = std::to_string(state.train.waited);
  out["dlrt.judged"] = std::to_string(state.train.judged);
  out["dlrt.data"] = state.fingerprint;
  if (!state.classes.empty())
    out["dlrt.classes"] = jsonNames(state.classes);
  if (!state.columns.empty())
    out["dlrt.columns"] = jsonNames(state.columns);
  return out;
}

/// Takes numbers and texts out of the metadata; remembers whether one was missing.
struct MetadataReader {
  const Metadata &metadata;
  bool complete = true;

  const std::string &text(const char *key) {
    static const std::string none;
    auto found = metadata.find(key);
    if (found != metadata.end())
      return found->second;
    complete = false;
    return none;
  }
  int64_t integer(const char *key) {
    const std::string &value = text(key);
    char *end = nullptr;
    int64_t number = strtoll(value.c_str(), &end, 10);
    complete &= !value.empty() && *end == 0 && number >= 0;
    return number;
  }
  double number(const char *key) { return strtod(text(key).c_str(), nullptr); }
};

bool readState(const Metadata &metadata, RunState &out) {
  MetadataReader reader{metadata};
  out.seed = strtoull(reader.text("dlrt.seed").c_str(), nullptr, 10);
  out.train.step = reader.integer("dlrt.step");
  out.train.epoch = reader.integer("dlrt.epoch");
  out.train.position = reader.integer("dlrt.position");
  out.train.lossSum = reader.number("dlrt.loss_sum");
  out.train.bestValue = reader.number("dlrt.best_value");
  out.train.bestEpoch = reader.integer("dlrt.best_epoch");
  out.train.waited = reader.integer("dlrt.waited");
  out.train.judged = reader.integer("dlrt.judged");
  out.fingerprint = reader.text("dlrt.data");
  out.trained = true;
  readNames(metadata, "dlrt.classes", out.classes);
  readNames(metadata, "dlrt.columns", out.columns);
  return reader.complete;
}

/// Adds views of all variables, which lie one after the other in `values`.
void addViews(const Program &program, const std::vector<uint8_t> &values, const char *prefix,
              std::vector<TensorView> &out) {
  size_t from = 0;
  for (const TensorInfo &tensor : program.tensors) {
    out.push_back({prefix + tensor.name, tensor.type, tensor.shape, values.data() + from});
    from += tensor.bytes;
  }
}

/// Copies all variables of the program whose names have `prefix`, one after the other.
Status gather(const Program &program, const Checkpoint &checkpoint, const std::string &path,
              const std::string &prefix, std::vector<uint8_t> &out) {
  auto refuse = [&](const std::string &why) {
    return Status::error("'" + path + "' is of another program than '" + program.name + "': " + why,
                         StatusCode::Incompatible);
  };
  for (const TensorInfo &tensor : program.tensors) {
    const LoadedTensor *loaded = checkpoint.find(prefix + tensor.name);
    if (!loaded)
      return refuse("it has no '" + prefix + tensor.name + "'");
    if (loaded->type != tensor.type || loaded->shape != tensor.shape ||
        loaded->bytes != static_cast<size_t>(tensor.bytes))
      return refuse("'" + tensor.name + "' is " + shapeText(loaded->type, loaded->shape) +
                    " there and " + shapeText(tensor.type, tensor.shape) + " here" +
                    (loaded->type == tensor.type        ? ""
                     : loaded->type == ElementType::F64 ? "; it was trained with --precision f64"
                                                        : "; it was trained with other types"));
    out.insert(out.end(), loaded->data, loaded->data + loaded->bytes);
  }
  return Status();
}
} // namespace

Status dlrt::saveState(const std::string &path, const Session &session, const RunState &state,
                       const std::vector<uint8_t> &best) {
  std::vector<uint8_t> live;
  session.copyVariables(live);
  Status status = session.health();
  return status.ok() ? saveState(path, session.getProgram(), state, live, best) : status;
}

Status dlrt::saveState(const std::string &path, const Program &program, const RunState &state,
                       const std::vector<uint8_t> &live, const std::vector<uint8_t> &best) {
  std::vector<TensorView> views;
  addViews(program, best.empty() ? live : best, "", views);
  if (!best.empty())
    addViews(program, live, kLive, views);
  return saveCheckpoint(path, views, describe(program, state));
}

Status StateFile::read(const std::string &path, const Program &program) {
  Checkpoint checkpoint;
  Status status = loadCheckpoint(path, checkpoint);
  return status.ok() ? take(checkpoint, path, program) : status;
}

Status StateFile::readOwn(const Program &program) {
  Buffer bytes;
  if (program.weightBytes < 0 || !bytes.allocate(program.weightBytes))
    return Status::error("there is no memory for the weights of '" + program.name + "'",
                         StatusCode::OutOfMemory);
  memcpy(bytes.data(), program.weights, program.weightBytes);
  Checkpoint checkpoint;
  Status status = parseCheckpoint(std::move(bytes), program.weightBytes, program.name, checkpoint);
  return status.ok() ? take(checkpoint, program.name, program) : status;
}

Status StateFile::take(const Checkpoint &checkpoint, const std::string &path,
                       const Program &program) {
  auto signature = checkpoint.metadata.find("dlrt.signature");
  if (signature == checkpoint.metadata.end())
    return Status::error("'" + path + "' was not saved by a run of a program",
                         StatusCode::Incompatible);
  if (Status status = gather(program, checkpoint, path, "", used); !status.ok())
    return status;
  if (signature->second != program.signature())
    return Status::error("'" + path + "' is of another program than '" + program.name +
                             "': its variables are others",
                         StatusCode::Incompatible);
  if (!readState(checkpoint.metadata, runState))
    return Status::error("'" + path + "' lacks a part of the training state", StatusCode::Corrupt);
  if (program.tensors.empty() || !checkpoint.find(kLive + program.tensors[0].name))
    return Status();
  return gather(program, checkpoint, path, kLive, live);
}

void StateFile::restore(Session &session, std::vector<uint8_t> *best) const {
  bool goesOn = best && !live.empty();
  session.restoreVariables(goesOn ? live : used);
  if (goesOn)
    *best = used;
}

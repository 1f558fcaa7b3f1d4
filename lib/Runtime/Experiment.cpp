//===- Experiment.cpp - A program, its data and its state, together -------------------------===//
#include "Experiment.h"
#include "DataLocations.h"

using namespace dlrt;

Status Experiment::open(bool ownWeights) {
  state.seed = options.seed.value_or(program.train.seed);
  if (!options.resume.empty()) {
    file = std::make_unique<StateFile>();
    if (Status status = file->read(options.resume, program); !status.ok())
      return status;
    state.seed = file->state().seed;
    if (options.seed && *options.seed != state.seed)
      return Status::error("'" + options.resume + "' is from a run with seed " +
                           std::to_string(state.seed) + ", not " + std::to_string(*options.seed));
  } else if (ownWeights && program.weights) {
    file = std::make_unique<StateFile>();
    if (Status status = file->readOwn(program); !status.ok())
      return status;
    state.seed = file->state().seed;
  }
  if (file)
    static_cast<DataNames &>(state) = file->state();
  int threads = options.threads > 0 ? options.threads : defaultThreads(program);
  return Session::create(program, {threads, /*mayPin=*/true, program.device.number}, session);
}

Status Experiment::generate(GeneratedFields &out) {
  const FunctionInfo *function = program.function("generate");
  if (!function)
    return Status();
  session->getFrame().seed = state.seed;
  if (Status status = session->call(*function); !status.ok())
    return status;
  for (const OutputInfo &output : function->outputs) {
    std::vector<uint8_t> &values = out[output.name];
    values.resize(output.elements(0) * elementSize(output.type));
    session->read(output.offset, static_cast<int64_t>(values.size()), values.data());
  }
  return Status();
}

/// Finds and loads what `name` says, which may be empty where all fields are generated.
static Status load(const Json &manifest, const std::vector<FieldInfo> &fields,
                   const std::string &name, const GeneratedFields &generated,
                   const DataNames &trained, Data &out, ReadAhead *ahead) {
  bool needsFile = false;
  for (const FieldInfo &field : fields)
    needsFile |= field.sourceKind != "generated";
  std::string path;
  if (!needsFile && !name.empty())
    return Status::error(
        "the program makes all of its data itself: there is nothing to read from '" + name + "'");
  if (!name.empty())
    if (Status status = findData(name, path); !status.ok())
      return status;
  return loadData(manifest, fields, path, generated, trained, out, ahead);
}

Status dlrt::countTrainRows(const std::string &manifest, const std::string &data,
                            int64_t &outRows) {
  Json json;
  std::vector<FieldInfo> fields;
  Data rows;
  Status status = Json::parse(manifest, json);
  if (status.ok())
    status = parseFields(json, fields);
  if (status.ok())
    status = load(json, fields, data, {}, {}, rows, nullptr);
  outRows = static_cast<int64_t>(rows.train.size());
  return status;
}

Status Experiment::loadRows() {
  GeneratedFields generated;
  if (Status status = generate(generated); !status.ok())
    return status;
  Status status = load(program.manifest, program.fields, options.data, generated, state, data,
                       options.readAhead);
  if (!status.ok())
    return status;
  for (const Buffer &array : data.arrays)
    fieldPointers.push_back(array.data());
  parts = Parts::make(data.train, data.test, program.train.validate, state.seed);
  static_cast<DataNames &>(state) = data;
  return session->setFields(fieldPointers.data(), data.rows);
}

Status Experiment::makeUpRows(int64_t rows) {
  uint64_t state = 1;
  auto next = [&] { return state = state * 6364136223846793005u + 1442695040888963407u; };
  for (const FieldInfo &field : program.fields) {
    int64_t count = rows * field.elements();
    Buffer array;
    if (!array.allocate(count * elementSize(field.type)))
      return Status::error("there is no memory for " + std::to_string(rows) + " rows",
                           StatusCode::OutOfMemory);
    for (int64_t i = 0; i < count; ++i) {
      uint32_t random = static_cast<uint32_t>(next() >> 33);
      if (field.type == ElementType::F32)
        reinterpret_cast<float *>(array.data())[i] = static_cast<float>(random) * 0x1p-31f;
      else if (field.type == ElementType::F64)
        reinterpret_cast<double *>(array.data())[i] = random * 0x1p-31;
      else if (field.type == ElementType::I32)
        reinterpret_cast<int32_t *>(array.data())[i] =
            static_cast<int32_t>(random % std::max<int64_t>(field.classes, 1));
      else
        array.data()[i] = field.type == ElementType::Bool ? random & 1 : random & 255;
    }
    data.arrays.push_back(std::move(array));
    fieldPointers.push_back(data.arrays.back().data());
  }
  data.rows = rows;
  parts.train = RowList::firstRows(rows);
  return session->setFields(fieldPointers.data(), rows);
}

Status Experiment::initialize() {
  dlrt_frame &frame = session->getFrame();
  frame.seed = state.seed;
  frame.step = frame.epoch = 0;
  if (const FunctionInfo *init = program.function("init"))
    if (Status status = session->call(*init); !status.ok())
      return status;
  if (const FunctionInfo *fit = program.function("fit"))
    return session->stream(*fit, parts.train);
  return Status();
}

Status Experiment::checkWeights() const {
  if (file)
    return Status();
  return Status::error("'" + program.name +
                       "' has no weights: name the file that was saved with --weights FILE, or "
                       "compile it with one");
}

Status Experiment::restore(std::vector<uint8_t> *best) {
  if (Status status = checkWeights(); !status.ok())
    return status;
  if (best && !file->state().fingerprint.empty() && file->state().fingerprint != fingerprint())
    return Status::error("'" + options.resume +
                             "' was trained on other rows than these; resuming needs the same "
                             "data, split and validation part",
                         StatusCode::Incompatible);
  if (best && file->state().train.position > parts.train.size())
    return Status::error("'" + options.resume + "' is from a training with more rows",
                         StatusCode::Incompatible);
  DataNames names = state;
  state = file->state();
  if (state.columns.empty())
    state.columns = std::move(names.columns);
  if (state.classes.empty())
    state.classes = std::move(names.classes);
  file->restore(*session, best);
  return Status();
}

std::string Experiment::fingerprint() const {
  uint64_t hash =
      hashBytes(parts.train.data(), static_cast<size_t>(parts.train.size()) * sizeof(int32_t));
  for (size_t i = 0; i < program.fields.size(); ++i) {
    const FieldInfo &field = program.fields[i];
    // What is generated differs from place to place by roundings.
    if (field.sourceKind == "generated") {
      const std::string &recipe = program.function("generate")->recipe;
      hash = hashBytes(recipe.data(), recipe.size(), hash);
      continue;
    }
    size_t bytes = static_cast<size_t>(data.rows * field.elements() * elementSize(field.type));
    hash = hashBytes(data.arrays[i].data(), bytes, hash);
  }
  return hashText(hash);
}

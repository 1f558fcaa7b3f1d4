//===- CApi.cpp - The interface for embedding -----------------------------------------------===//
#include "CApi.h"

#include <new>

using namespace dlrt;

dlrt_status dlrt::report(dlrt_net *net, dlrt_status code, std::string message) {
  net->message = std::move(message);
  return code;
}

dlrt_status dlrt::report(dlrt_net *net, const Status &status, dlrt_status code) {
  if (status.ok())
    return report(net, DLRT_OK, "");
  if (status.code() == StatusCode::OutOfMemory)
    code = DLRT_OUT_OF_MEMORY;
  if (status.code() == StatusCode::DeviceError)
    code = DLRT_DEVICE_FAILED;
  return report(net, code, status.message());
}

namespace {
constexpr int64_t kMostThreads = 1024;

dlrt_status start(dlrt_net *net, Status status, int64_t threads) {
  if (!status.ok())
    return report(net, status, DLRT_OPEN_FAILED);
  if (threads < 0 || threads > kMostThreads)
    return report(net, DLRT_INVALID,
                  "there cannot be " + std::to_string(threads) + " threads: 1 to " +
                      std::to_string(kMostThreads) + ", or 0 for as many as suit");
  std::unique_ptr<Session> session;
  int count = threads > 0 ? static_cast<int>(threads) : defaultThreads(*net->program);
  status = Session::create(*net->program, {count, /*mayPin=*/false, net->program->device.number},
                           session);
  if (!status.ok())
    return report(net, status, DLRT_OPEN_FAILED);
  if (net->program->weights) {
    StateFile file;
    if (status = file.readOwn(*net->program); !status.ok())
      return report(net, status, DLRT_OPEN_FAILED);
    file.restore(*session, nullptr);
    if (status = session->health(); !status.ok())
      return report(net, status, DLRT_OPEN_FAILED);
    net->state = file.state();
  }
  net->session = std::move(session);
  net->device =
      net->program->isForDevice() ? "gpu:" + std::to_string(net->program->device.number) : "cpu";
  return DLRT_OK;
}

/// Checks what all calls on rows have in common, and points the frame at the caller's arrays.
dlrt_status begin(dlrt_net *net, const FunctionInfo *function, const char *what,
                  const void *const *fields, int64_t rows) {
  if (dlrt_status status = checkReady(net))
    return status;
  if (!function)
    return report(net, DLRT_UNSUPPORTED,
                  "'" + net->program->name + "' has no function to " + std::string(what));
  if (!fields || rows < 1 || rows > INT32_MAX)
    return report(net, DLRT_INVALID, "there are no rows, or more than 2^31 - 1");
  for (size_t i = 0; i < function->reads.size(); ++i) {
    const FieldInfo &field = net->program->fields[i];
    if (!function->reads[i])
      continue;
    if (!fields[i])
      return report(net, DLRT_INVALID, "the rows lack field '" + field.name + "'");
    if (net->worksInPlace())
      continue;
    if (Status status = checkLabels(field, fields[i], rows, "the rows"); !status.ok())
      return report(net, status, DLRT_INVALID);
  }
  if (net->rows.size() != rows)
    net->rows = RowList::firstRows(rows);
  Status status = net->memory == DLRT_DEVICE ? net->session->useFields(fields, rows)
                                             : net->session->setFields(fields, rows);
  if (!status.ok())
    return report(net, status, DLRT_INVALID);
  net->session->getFrame().seed = net->state.seed;
  net->message.clear();
  return DLRT_OK;
}

const FunctionInfo *find(dlrt_net *net, const char *name) {
  return net && net->session ? net->program->function(name) : nullptr;
}

dlrt_type typeOf(ElementType type) {
  switch (type) {
  case ElementType::F32:
    return DLRT_F32;
  case ElementType::F64:
    return DLRT_F64;
  case ElementType::I32:
    return DLRT_I32;
  case ElementType::U8:
    return DLRT_U8;
  case ElementType::Bool:
    break;
  }
  return DLRT_BOOL;
}

int64_t product(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}
} // namespace

extern "C" {

int64_t dlrt_abi_version(void) { return DLRT_ABI_VERSION; }

dlrt_status dlrt_net_open(const char *path, int64_t threads, dlrt_net **out_net) {
  return dlrt_net_open_on(path, "auto", threads, out_net);
}

dlrt_status dlrt_net_open_on(const char *path, const char *device, int64_t threads,
                             dlrt_net **out_net) {
  if (!out_net)
    return DLRT_INVALID;
  dlrt_net *net = *out_net = new (std::nothrow) dlrt_net;
  if (!net)
    return DLRT_OUT_OF_MEMORY;
  if (!path)
    return report(net, DLRT_INVALID, "there is no path");
  DeviceChoice choice;
  if (Status status = DeviceChoice::parse(device ? device : "", choice); !status.ok())
    return report(net, DLRT_INVALID, "the device " + status.message());
  return start(net, Program::open(path, choice, net->program), threads);
}

dlrt_status dlrt_net_create(const dlrt_program *program, int64_t threads, dlrt_net **out_net) {
  if (!out_net)
    return DLRT_INVALID;
  dlrt_net *net = *out_net = new (std::nothrow) dlrt_net;
  if (!net)
    return DLRT_OUT_OF_MEMORY;
  if (!program)
    return report(net, DLRT_INVALID, "there is no program");
  return start(net, Program::create(program, {}, net->program), threads);
}

void dlrt_net_release(dlrt_net *net) { delete net; }

const char *dlrt_net_message(const dlrt_net *net) {
  return net ? net->message.c_str() : "there is no net";
}

const char *dlrt_net_device(const dlrt_net *net) {
  return net && net->session ? net->device.c_str() : "";
}

const char *dlrt_net_fallback(const dlrt_net *net) {
  return net && net->session ? net->program->fallback.c_str() : "";
}

const char *dlrt_net_name(const dlrt_net *net) {
  return net && net->program ? net->program->name.c_str() : "";
}

int64_t dlrt_net_parameter_count(const dlrt_net *net) {
  return net && net->program ? net->program->parameters : 0;
}

int64_t dlrt_net_batch(const dlrt_net *net) {
  const FunctionInfo *train = net && net->program ? net->program->function("train") : nullptr;
  return train ? train->batch : 0;
}

int64_t dlrt_net_field_count(const dlrt_net *net) {
  return net && net->program ? static_cast<int64_t>(net->program->fields.size()) : 0;
}

dlrt_status dlrt_net_field_info(dlrt_net *net, int64_t index, dlrt_field *out_field) {
  if (!net || !out_field)
    return DLRT_INVALID;
  if (index < 0 || index >= dlrt_net_field_count(net))
    return report(net, DLRT_INVALID, "there is no field " + std::to_string(index));
  const FieldInfo &field = net->program->fields[index];
  bool isInput = net->program->predictInputs()[index];
  *out_field = {field.name.c_str(),
                typeOf(field.type),
                static_cast<int64_t>(field.shape.size()),
                field.shape.data(),
                product(field.shape),
                field.classes,
                isInput};
  return report(net, DLRT_OK, "");
}

int64_t dlrt_net_tensor_count(const dlrt_net *net) {
  return net && net->program ? static_cast<int64_t>(net->program->tensors.size()) : 0;
}

dlrt_status dlrt_net_tensor_info(dlrt_net *net, int64_t index, dlrt_tensor *out_tensor) {
  if (!net || !out_tensor)
    return DLRT_INVALID;
  if (!net->session || index < 0 || index >= dlrt_net_tensor_count(net))
    return report(net, DLRT_INVALID, "there is no tensor " + std::to_string(index));
  const TensorInfo &tensor = net->program->tensors[index];
  *out_tensor = {tensor.name.c_str(), tensor.kind.c_str(),
                 typeOf(tensor.type), static_cast<int64_t>(tensor.shape.size()),
                 tensor.shape.data(), product(tensor.shape)};
  return report(net, DLRT_OK, "");
}

dlrt_status dlrt_net_tensor_read(dlrt_net *net, int64_t index, void *out_values) {
  if (!net || !out_values)
    return DLRT_INVALID;
  if (!net->session || index < 0 || index >= dlrt_net_tensor_count(net))
    return report(net, DLRT_INVALID, "there is no tensor " + std::to_string(index));
  if (dlrt_status status = checkReady(net))
    return status;
  net->session->readVariable(net->program->tensors[index], static_cast<uint8_t *>(out_values));
  return report(net, net->session->health(), DLRT_DEVICE_FAILED);
}

dlrt_status dlrt_net_tensor_write(dlrt_net *net, int64_t index, const void *values) {
  if (!net || !values)
    return DLRT_INVALID;
  if (!net->session || index < 0 || index >= dlrt_net_tensor_count(net))
    return report(net, DLRT_INVALID, "there is no tensor " + std::to_string(index));
  if (dlrt_status status = checkReady(net))
    return status;
  net->session->writeVariable(net->program->tensors[index], static_cast<const uint8_t *>(values));
  return report(net, net->session->health(), DLRT_DEVICE_FAILED);
}

dlrt_status dlrt_net_init(dlrt_net *net, uint64_t seed, int64_t steps) {
  if (!net)
    return DLRT_INVALID;
  const FunctionInfo *init = find(net, "init");
  if (!init)
    return report(net, DLRT_UNSUPPORTED, "the net was not opened, or has no first values");
  if (steps < 1)
    return report(net, DLRT_INVALID, "'steps' must be at least 1");
  if (dlrt_status status = checkReady(net))
    return status;
  dlrt_frame &frame = net->session->getFrame();
  frame.seed = seed;
  frame.step = frame.epoch = 0;
  frame.total_steps = net->totalSteps = steps;
  if (Status status = net->session->call(*init); !status.ok())
    return report(net, status, DLRT_DEVICE_FAILED);
  net->state = RunState();
  net->state.seed = seed;
  return report(net, DLRT_OK, "");
}

dlrt_status dlrt_net_fit(dlrt_net *net, const void *const *fields, int64_t rows) {
  if (!net)
    return DLRT_INVALID;
  const FunctionInfo *fit = find(net, "fit");
  if (net->session && !fit)
    return report(net, DLRT_OK, "");
  if (dlrt_status status = begin(net, fit, "fit", fields, rows))
    return status;
  return report(net, net->session->stream(*fit, net->rows), DLRT_INVALID);
}

dlrt_status dlrt_net_train(dlrt_net *net, const void *const *fields, int64_t rows,
                           double *out_loss) {
  const FunctionInfo *train = find(net, "train");
  if (dlrt_status status = begin(net, train, "train", fields, rows))
    return status;
  if (rows > train->batch)
    return report(net, DLRT_INVALID,
                  "a step takes at most " + std::to_string(train->batch) + " rows, not " +
                      std::to_string(rows));
  dlrt_frame &frame = net->session->getFrame();
  frame.indices = net->rows.data();
  frame.rows = frame.total_rows = rows;
  // These rows are no part of an epoch that `dlc run` knows of: only the step goes on.
  int64_t step = net->state.train.step + 1;
  net->state.train = TrainState();
  net->state.train.step = frame.step = step;
  net->state.fingerprint.clear();
  frame.epoch = 1;
  frame.total_steps = net->totalSteps;
  if (Status status = net->session->run(*train->single); !status.ok())
    return report(net, status, DLRT_DEVICE_FAILED);
  const OutputInfo *loss = train->output("loss");
  if (out_loss && loss)
    *out_loss = net->session->scalar(*loss);
  return report(net, net->session->health(), DLRT_DEVICE_FAILED);
}

dlrt_status dlrt_net_evaluate(dlrt_net *net, const void *const *fields, int64_t rows,
                              double *out_loss) {
  const FunctionInfo *evaluate = find(net, "evaluate");
  if (dlrt_status status = begin(net, evaluate, "evaluate", fields, rows))
    return status;
  Status status = net->session->stream(*evaluate, net->rows);
  if (!status.ok())
    return report(net, status, DLRT_INVALID);
  // The next call may overwrite the outputs.
  net->metrics.clear();
  auto keep = [&](const std::string &name) {
    if (const OutputInfo *output = net->program->metric(name))
      net->metrics[name] = net->session->scalar(*output);
  };
  for (const OutputInfo &output : evaluate->outputs)
    keep(output.name);
  for (const ReportEntry &entry : net->program->report)
    keep(entry.name);
  if (const OutputInfo *loss = evaluate->output("loss"); out_loss && loss)
    *out_loss = net->session->scalar(*loss);
  return report(net, net->session->health(), DLRT_DEVICE_FAILED);
}

dlrt_status dlrt_net_metric(dlrt_net *net, const char *name, double *out_value) {
  if (!net || !name || !out_value)
    return net ? report(net, DLRT_INVALID, "there is no name, or no room for the value")
               : DLRT_INVALID;
  if (!find(net, "evaluate"))
    return report(net, DLRT_UNSUPPORTED, "there is no evaluation");
  auto found = net->metrics.find(name);
  if (found == net->metrics.end())
    return report(net, DLRT_INVALID,
                  net->metrics.empty()
                      ? "nothing was evaluated yet"
                      : "no number of the evaluation is named '" + std::string(name) + "'");
  *out_value = found->second;
  return report(net, DLRT_OK, "");
}

int64_t dlrt_net_predict_width(const dlrt_net *net) {
  const FunctionInfo *predict = net && net->program ? net->program->function("predict") : nullptr;
  return predict && !predict->outputs.empty() ? predict->outputs[0].elements(1) : 0;
}

dlrt_status dlrt_net_predict(dlrt_net *net, const void *const *fields, int64_t rows,
                             float *out_values) {
  const FunctionInfo *predict = find(net, "predict");
  if (predict && predict->outputs.empty())
    predict = nullptr;
  if (dlrt_status status = begin(net, predict, "predict", fields, rows))
    return status;
  if (!out_values)
    return report(net, DLRT_INVALID, "there is no room for the values");
  if (net->worksInPlace())
    return predictInPlace(net, *predict, out_values);
  std::vector<double> values;
  Status status = collect(*net->session, *predict, net->rows, {&predict->outputs[0]}, {&values});
  for (size_t i = 0; i < values.size(); ++i)
    out_values[i] = static_cast<float>(values[i]);
  return report(net, status, DLRT_INVALID);
}

dlrt_status dlrt_net_save(dlrt_net *net, const char *path) {
  if (!net || !path || !net->session)
    return net ? report(net, DLRT_INVALID, "there is no path, or no open net") : DLRT_INVALID;
  if (dlrt_status status = checkReady(net))
    return status;
  return report(net, saveState(path, *net->session, net->state, {}), DLRT_FILE_FAILED);
}

dlrt_status dlrt_net_load(dlrt_net *net, const char *path) {
  if (!net || !path || !net->session)
    return net ? report(net, DLRT_INVALID, "there is no path, or no open net") : DLRT_INVALID;
  if (dlrt_status status = checkReady(net))
    return status;
  StateFile file;
  Status status = file.read(path, *net->program);
  if (!status.ok())
    return report(net, status, DLRT_FILE_FAILED);
  file.restore(*net->session, nullptr);
  net->state = file.state();
  return report(net, net->session->health(), DLRT_DEVICE_FAILED);
}

} // extern "C"

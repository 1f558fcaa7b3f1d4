//===- GpuSession.cpp -----------------------------------------------------------------------===//
#include "Gpu/GpuSession.h"

#include <algorithm>
#include <cstring>

using namespace dlrt;
using namespace dlrt::cuda;

namespace {
/// Steps in one graph: enough that its launch costs little for each.
constexpr int64_t kGraphSteps = 16;

/// Makes a context the thread's current one, and gives the thread its own back.
class Current {
public:
  Current(const Driver &driver, Context context)
      : driver(driver), result(driver.cuCtxPushCurrent_v2(context)) {}
  ~Current() {
    Context before = nullptr;
    if (result == 0)
      driver.cuCtxPopCurrent_v2(&before);
  }
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;

private:
  const Driver &driver;

public:
  const Result result;
};
} // namespace

Status GpuSession::create(const Program &program, const SessionOptions &options,
                          std::unique_ptr<Session> &out) {
  const Driver *driver = nullptr;
  DeviceInfo info;
  if (Status status = findDevice(options.device, info); !status.ok())
    return status;
  if (Status status = Driver::open(driver); !status.ok())
    return status;
  std::unique_ptr<GpuSession> session(new GpuSession(program, *driver));
  session->deviceText = "gpu:" + std::to_string(options.device) + " (" + info.name + ")";
  if (Status status = session->open(options.device); !status.ok())
    return status;
  out = std::move(session);
  return Status();
}

Status GpuSession::open(int number) {
  Status status =
      driver.check(driver.cuDeviceGet(&handle, number), "use GPU " + std::to_string(number));
  if (status.ok())
    status = driver.check(driver.cuDevicePrimaryCtxRetain(&context, handle),
                          "open GPU " + std::to_string(number));
  if (!status.ok())
    return status;
  Current current(driver, context);
  status = driver.check(current.result, "use the GPU's context");
  if (status.ok())
    status = driver.check(driver.cuStreamCreate(&stream, /*non-blocking*/ 1), "make a stream");
  if (status.ok())
    status = loadFunctions();
  if (status.ok())
    status = reserve(arena, program.memoryBytes(1), "its tensors");
  if (status.ok())
    status =
        check(driver.cuMemsetD8Async(arena.address, 0, arena.bytes, stream), "clear the arena");
  if (status.ok())
    status = reserve(deviceFrame, sizeof(dlrt_frame), "its frame");
  fields.resize(program.fields.size());
  return status;
}

Status GpuSession::loadFunctions() {
  Status status =
      driver.check(driver.cuModuleLoadDataEx(&module, program.image, 0, nullptr, nullptr),
                   "load the code of '" + program.name + "'");
  for (const std::unique_ptr<Routine> &routine : program.routines)
    for (const LaunchInfo &launch : routine->launches) {
      if (!status.ok() || functions.count(launch.symbol))
        continue;
      Function &function = functions[launch.symbol];
      status = driver.check(driver.cuModuleGetFunction(&function, module, launch.symbol.c_str()),
                            "find '" + launch.symbol + "' in the code");
      // What is more than any kernel gets unasked must be asked for.
      constexpr int64_t kUnasked = 48 << 10;
      if (status.ok() && launch.sharedBytes > kUnasked)
        status = driver.check(driver.cuFuncSetAttribute(function, kDynamicSharedBytes,
                                                        static_cast<int>(launch.sharedBytes)),
                              "give a kernel " + std::to_string(launch.sharedBytes) +
                                  " bytes of shared memory");
    }
  return status;
}

GpuSession::~GpuSession() {
  if (!context)
    return;
  {
    Current current(driver, context);
    if (stream)
      driver.cuStreamSynchronize(stream);
    forgetGraph();
    for (Memory &memory : fields)
      release(memory);
    release(order);
    release(indices);
    release(deviceFrame);
    release(arena);
    if (module)
      driver.cuModuleUnload(module);
    if (stream)
      driver.cuStreamDestroy_v2(stream);
  }
  driver.cuDevicePrimaryCtxRelease_v2(handle);
}

Status GpuSession::reserve(Memory &memory, size_t bytes, const std::string &what) {
  bytes = std::max<size_t>(bytes, 64);
  if (memory.bytes >= bytes)
    return Status();
  release(memory);
  Status status = check(driver.cuMemAlloc_v2(&memory.address, bytes),
                        "get " + std::to_string(bytes) + " bytes of the GPU's memory for " + what);
  if (status.ok())
    memory.bytes = bytes;
  return status;
}

void GpuSession::release(Memory &memory) {
  if (memory.bytes)
    driver.cuMemFree_v2(memory.address);
  memory = Memory();
}

Status GpuSession::check(Result result, const std::string &what) const {
  Status status = driver.check(result, what);
  if (!status.ok() && failure.ok())
    failure = status;
  return status;
}

Status GpuSession::setFields(const void *const *from, int64_t rows) {
  Current current(driver, context);
  Status status = check(current.result, "use the GPU's context");
  for (size_t i = 0; i < fields.size() && status.ok(); ++i) {
    const FieldInfo &field = program.fields[i];
    size_t bytes = static_cast<size_t>(rows * field.elements() * elementSize(field.type));
    if (!from[i] || bytes == 0)
      continue;
    if (bytes > fields[i].bytes)
      forgetGraph(); // it has the old address
    status = reserve(fields[i], bytes, "field '" + field.name + "'");
    if (status.ok())
      status = check(driver.cuMemcpyHtoDAsync_v2(fields[i].address, from[i], bytes, stream),
                     "copy field '" + field.name + "' to the GPU");
  }
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "copy the data to the GPU");
  return status;
}

Status GpuSession::uploadRowNumbers() {
  if (!frame.indices || frame.rows == 0)
    return Status();
  size_t bytes = static_cast<size_t>(frame.rows) * sizeof(int32_t);
  Status status = reserve(indices, bytes, "the numbers of the batch's rows");
  return status.ok()
             ? check(driver.cuMemcpyHtoDAsync_v2(indices.address, frame.indices, bytes, stream),
                     "copy the numbers of the batch's rows")
             : status;
}

Status GpuSession::uploadFrame(Address rowNumbers) {
  dlrt_frame copy = frame;
  copy.arena = reinterpret_cast<uint8_t *>(arena.address);
  copy.fields = nullptr;
  copy.barrier = nullptr;
  copy.pool = nullptr;
  copy.loss_sum = 0;
  copy.arrived = copy.hung = 0;
  copy.indices = reinterpret_cast<const int32_t *>(rowNumbers);
  return check(driver.cuMemcpyHtoDAsync_v2(deviceFrame.address, &copy, sizeof(copy), stream),
               "copy the frame");
}

void GpuSession::addPlaces(const LaunchInfo &launch, std::vector<Address> &values) const {
  for (int64_t place : launch.places)
    values.push_back(place >= 0 ? arena.address + place : fields[-1 - place].address);
}

Status GpuSession::launch(const LaunchInfo &launch) {
  std::vector<Address> values{deviceFrame.address, static_cast<Address>(frame.rows)};
  addPlaces(launch, values);
  std::vector<void *> arguments;
  for (Address &value : values)
    arguments.push_back(&value);
  return check(driver.cuLaunchKernel(
                   functions.at(launch.symbol), static_cast<unsigned>(launch.blocks), 1, 1,
                   static_cast<unsigned>(launch.threads), 1, 1,
                   static_cast<unsigned>(launch.sharedBytes), stream, arguments.data(), nullptr),
               "launch '" + launch.symbol + "'");
}

Status GpuSession::run(const Routine &routine) {
  Current current(driver, context);
  Status status = failure;
  if (status.ok())
    status = check(current.result, "use the GPU's context");
  if (status.ok())
    status = uploadRowNumbers();
  if (status.ok())
    status = uploadFrame(indices.address);
  for (const LaunchInfo &one : routine.launches)
    if (status.ok())
      status = launch(one);
  return status;
}

Status GpuSession::runSequence(Next next, void *nextContext) {
  while (const Routine *routine = next(nextContext, frame))
    if (Status status = run(*routine); !status.ok())
      return status;
  if (!failure.ok())
    return failure;
  Current current(driver, context);
  return check(driver.cuStreamSynchronize(stream), "run the program on the GPU");
}

//===----------------------------------------------------------------------------------------===//
// Steps one after the other
//===----------------------------------------------------------------------------------------===//

bool GpuSession::runsSteps() const {
  const FunctionInfo *train = program.function("train");
  return train && train->advance;
}

Status GpuSession::runSteps(const Steps &steps, double &lossSum) {
  if (!failure.ok())
    return failure;
  Current current(driver, context);
  Status status = check(current.result, "use the GPU's context");
  if (status.ok() && orderNumber != steps.orderNumber) {
    size_t bytes = static_cast<size_t>(steps.order.size()) * sizeof(int32_t);
    status = reserve(order, bytes, "the order of the rows");
    if (status.ok())
      status = check(driver.cuMemcpyHtoDAsync_v2(order.address, steps.order.data(), bytes, stream),
                     "copy the order of the rows");
    orderNumber = steps.orderNumber;
  }
  if (status.ok())
    status = uploadFrame(order.address + steps.first * sizeof(int32_t));
  if (status.ok())
    status = steps.train.loop && !steps.train.loop->launches.empty()
                 ? launchLoop(steps.train.loop->launches.front(), steps.count)
                 : launchSteps(steps);
  dlrt_frame after{};
  if (status.ok())
    status = check(driver.cuMemcpyDtoHAsync_v2(&after, deviceFrame.address, sizeof(after), stream),
                   "copy the frame from the GPU");
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "run the program on the GPU");
  if (status.ok() && after.hung)
    status = failure = Status::error(
        "the training kernel gave up waiting at a barrier: its blocks do not all run at once. "
        "Is the GPU shared with another program? --gpu-loop graph needs no barriers",
        StatusCode::DeviceError);
  if (status.ok())
    lossSum += after.loss_sum;
  return status;
}

/// Whole graphs as long as there are steps for them, then one launch after the other.
Status GpuSession::launchSteps(const Steps &steps) {
  int64_t left = steps.count;
  Status status;
  if (left >= kGraphSteps && graphRows != steps.rows)
    status = recordSteps(steps.train, steps.rows);
  for (; left >= kGraphSteps && status.ok(); left -= kGraphSteps)
    status = check(driver.cuGraphLaunch(graph, stream), "launch the training steps");
  for (; left > 0 && status.ok(); --left)
    status = launchStep(steps.train);
  return status;
}

/// One kernel for all of the steps, with at most as many blocks as can run at once: one on each
/// multiprocessor, as they wait for each other more cheaply the fewer they are.
Status GpuSession::launchLoop(const LaunchInfo &loop, int64_t steps) {
  Function function = functions.at(loop.symbol);
  int multiprocessors = 0, each = 0;
  Status status =
      check(driver.cuDeviceGetAttribute(&multiprocessors, kMultiprocessors, handle), "ask the GPU");
  if (status.ok())
    status = check(
        driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
            &each, function, static_cast<int>(loop.threads), static_cast<size_t>(loop.sharedBytes)),
        "ask the GPU");
  if (status.ok() && each < 1)
    status = failure = Status::error(
        "the training kernel does not fit this GPU; --gpu-loop graph needs less of it",
        StatusCode::DeviceError);
  std::vector<Address> values{deviceFrame.address, static_cast<Address>(frame.rows),
                              static_cast<Address>(steps)};
  addPlaces(loop, values);
  std::vector<void *> arguments;
  for (Address &value : values)
    arguments.push_back(&value);
  unsigned blocks = static_cast<unsigned>(std::min<int64_t>(multiprocessors, loop.blocks));
  if (status.ok())
    status = check(driver.cuLaunchCooperativeKernel(
                       function, blocks, 1, 1, static_cast<unsigned>(loop.threads), 1, 1,
                       static_cast<unsigned>(loop.sharedBytes), stream, arguments.data()),
                   "launch the training kernel");
  return status;
}

Status GpuSession::launchStep(const FunctionInfo &train) {
  Status status;
  for (const Routine *routine : {train.single, train.advance})
    for (const LaunchInfo &one : routine->launches)
      if (status.ok())
        status = launch(one);
  return status;
}

Status GpuSession::recordSteps(const FunctionInfo &train, int64_t rows) {
  forgetGraph();
  Status status = check(driver.cuStreamBeginCapture_v2(stream, /*thread-local*/ 1),
                        "record the training steps");
  if (!status.ok())
    return status;
  for (int64_t step = 0; step < kGraphSteps && status.ok(); ++step)
    status = launchStep(train);
  Graph recorded = nullptr; // also ends a recording that went wrong
  Status ended = check(driver.cuStreamEndCapture(stream, &recorded), "record the training steps");
  if (status.ok())
    status = ended;
  if (status.ok())
    status = check(driver.cuGraphInstantiateWithFlags(&graph, recorded, 0),
                   "prepare the training steps");
  if (recorded)
    driver.cuGraphDestroy(recorded);
  if (status.ok())
    graphRows = rows;
  return status;
}

void GpuSession::forgetGraph() {
  if (graph)
    driver.cuGraphExecDestroy(graph);
  graph = nullptr;
  graphRows = 0;
}

void GpuSession::read(int64_t offset, int64_t bytes, void *out) const {
  memset(out, 0, bytes);
  Current current(driver, context);
  Status status = check(driver.cuMemcpyDtoHAsync_v2(out, arena.address + offset, bytes, stream),
                        "copy from the GPU");
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "run the program on the GPU");
  if (!status.ok())
    memset(out, 0, bytes);
}

void GpuSession::write(int64_t offset, int64_t bytes, const void *from) {
  Current current(driver, context);
  Status status = check(driver.cuMemcpyHtoDAsync_v2(arena.address + offset, from, bytes, stream),
                        "copy to the GPU");
  if (status.ok())
    status = check(driver.cuStreamSynchronize(stream), "copy to the GPU");
}

//===- GpuSteps.cpp - Steps one after the other ---------------------------------------------===//
#include "Gpu/GpuSession.h"

#include <algorithm>
#include <cstddef>

using namespace dlrt;
using namespace dlrt::cuda;

bool GpuSession::runsSteps() const {
  const FunctionInfo *train = program.function("train");
  return train && train->advance;
}

/// The kernel that stays, where the program has one and the device can run its blocks all at once:
/// one on each multiprocessor, as they wait for each other more cheaply the fewer they are.
Status GpuSession::chooseLoop() {
  const FunctionInfo *train = program.function("train");
  if (!train)
    return Status();
  loopText = driver.hasGraphs() ? "graph" : "launches (this driver has no graphs)";
  if (!train->loop || train->loop->launches.empty())
    return Status();
  const LaunchInfo &kernel = train->loop->launches.front();
  int cooperative = 0, multiprocessors = 0, most = 0;
  Status status;
  for (auto [attribute, value] : {std::pair(kCooperativeLaunch, &cooperative),
                                  {kMultiprocessors, &multiprocessors},
                                  {kSharedBytesPerBlock, &most}})
    if (status.ok())
      status = driver.check(driver.cuDeviceGetAttribute(value, attribute, handle), "ask the GPU");
  loopBlocks = std::min<int64_t>(multiprocessors, kernel.blocks);
  std::string staying = "persistent";
  if (status.ok())
    status = shareMemory(kernel, most, staying);
  if (!status.ok())
    return status;
  if (program.loopForced || (cooperative && loopSharedBytes)) {
    loopKernel = &kernel;
    loopText = staying;
  } else {
    loopText += cooperative ? ", as the kernel of all steps does not fit this GPU"
                            : ", as this GPU has no cooperative launches";
  }
  return Status();
}

/// Chooses the shared memory of a block of the loop, at most `most` bytes: what its kernels need
/// and, behind that, room for what they keep from step to step, as `text` comes to say. None where
/// it cannot run.
Status GpuSession::shareMemory(const LaunchInfo &loop, int64_t most, std::string &text) {
  int64_t all = loop.sharedBytes;
  for (const ResidentInfo &resident : loop.residents)
    all += (resident.blocks + loopBlocks - 1) / loopBlocks * resident.bytes;
  for (int64_t bytes : {std::min(all, most), loop.sharedBytes}) {
    bool fits = false;
    if (Status status = fitsOnce(loop, bytes, fits); !status.ok())
      return status;
    if (!fits)
      continue;
    loopSharedBytes = bytes;
    if (bytes > loop.sharedBytes)
      text += bytes == all ? ", state in shared memory" : ", part of the state in shared memory";
    break;
  }
  return Status();
}

/// Whether a multiprocessor can run a block with so much shared memory, which its kernel then has.
Status GpuSession::fitsOnce(const LaunchInfo &loop, int64_t sharedBytes, bool &out) const {
  Function function = functions.at(loop.symbol);
  int each = 0;
  Status status;
  if (sharedBytes > kUnaskedSharedBytes)
    status = driver.check(
        driver.cuFuncSetAttribute(function, kDynamicSharedBytes, static_cast<int>(sharedBytes)),
        "give the training kernel " + std::to_string(sharedBytes) + " bytes of shared memory");
  if (status.ok())
    status = driver.check(
        driver.cuOccupancyMaxActiveBlocksPerMultiprocessor(
            &each, function, static_cast<int>(loop.threads), static_cast<size_t>(sharedBytes)),
        "ask the GPU");
  out = each > 0;
  return status;
}

Status GpuSession::runSteps(const Steps &steps, double &lossSum) {
  if (!failure.ok())
    return failure;
  Current current(driver, context);
  Status status = check(current.result, "use the GPU's context");
  for (int64_t done = 0; status.ok() && done < steps.count;) {
    Steps piece{steps.train, steps.order,       steps.orderNumber, steps.first + done * steps.rows,
                steps.rows,  steps.count - done};
    status = runPiece(piece, done);
    done += piece.count;
  }
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

/// Runs the steps whose rows are on the device, and sets the count to how many these are. `before`
/// of the same run have been made.
Status GpuSession::runPiece(Steps &piece, int64_t before) {
  Address rowNumbers = 0;
  Status status = provideRows(piece, rowNumbers, piece.count);
  if (status.ok())
    status = uploadFrame(rowNumbers, before);
  if (status.ok())
    status = loopKernel ? launchLoop(*loopKernel, piece.count) : launchSteps(piece);
  if (status.ok() && fieldStream)
    status = note(fieldStream->used());
  if (status.ok() && fieldStream) // while the device works
    status = note(fieldStream->loadNext(piece));
  return status;
}

/// A graph has at most so many steps, and fewer where it would have more kernels than that: it
/// takes longer to prepare the larger it is. Few steps still make its launch cheap for each.
static int64_t stepsOfGraph(const FunctionInfo &train) {
  constexpr int64_t kMostSteps = 64, kLeastSteps = 16, kEnoughKernels = 256;
  size_t kernels = train.single->launches.size() + train.advance->launches.size();
  int64_t steps = kMostSteps;
  while (steps > kLeastSteps && steps * static_cast<int64_t>(kernels) > kEnoughKernels)
    steps /= 2;
  return steps;
}

/// The largest graphs first; what is left over has graphs of 1, 2, 4, ... steps. All of them are
/// kept: an epoch is like the one before, its last batch with its own number of rows as well.
Status GpuSession::launchSteps(const Steps &steps) {
  Status status = launchScalars(steps.train);
  if (!driver.hasGraphs()) {
    for (int64_t step = 0; step < steps.count && status.ok(); ++step)
      status = launchStep(steps.train);
    return status;
  }
  int64_t count = stepsOfGraph(steps.train);
  for (int64_t left = steps.count; left > 0 && status.ok(); left -= count) {
    while (count > left)
      count /= 2;
    GraphExec &graph = graphs[{steps.rows, count}];
    if (!graph)
      status = recordSteps(steps.train, count, graph);
    if (status.ok())
      status = check(driver.cuGraphLaunch(graph, stream), "launch the training steps");
  }
  return status;
}

/// One kernel for all of the steps.
Status GpuSession::launchLoop(const LaunchInfo &loop, int64_t steps) {
  if (!loopSharedBytes)
    return note(Status::error(
        "the training kernel does not fit this GPU; --gpu-loop graph needs less of it",
        StatusCode::DeviceError));
  std::vector<Address> values{deviceFrame.address, static_cast<Address>(frame.rows),
                              static_cast<Address>(steps), static_cast<Address>(*loopSharedBytes)};
  addPlaces(loop, values);
  std::vector<void *> arguments;
  for (Address &value : values)
    arguments.push_back(&value);
  return check(driver.cuLaunchCooperativeKernel(
                   functions.at(loop.symbol), static_cast<unsigned>(loopBlocks), 1, 1,
                   static_cast<unsigned>(loop.threads), 1, 1,
                   static_cast<unsigned>(*loopSharedBytes), stream, arguments.data()),
               "launch the training kernel");
}

/// The scalars of the first step; those of each further one come from the `advance` before it.
Status GpuSession::launchScalars(const FunctionInfo &train) {
  Status status;
  for (const LaunchInfo &one : train.single->launches)
    if (one.ofStep && status.ok())
      status = launch(one);
  return status;
}

Status GpuSession::launchStep(const FunctionInfo &train) {
  Status status;
  for (const Routine *routine : {train.single, train.advance})
    for (const LaunchInfo &one : routine->launches)
      if (!one.ofStep && status.ok())
        status = launch(one);
  return status;
}

Status GpuSession::recordSteps(const FunctionInfo &train, int64_t count, GraphExec &out) {
  Status status = check(driver.cuStreamBeginCapture_v2(stream, /*thread-local*/ 1),
                        "record the training steps");
  if (!status.ok())
    return status;
  for (int64_t step = 0; step < count && status.ok(); ++step)
    status = launchStep(train);
  Graph recorded = nullptr; // also ends a recording that went wrong
  Status ended = check(driver.cuStreamEndCapture(stream, &recorded), "record the training steps");
  if (status.ok())
    status = ended;
  if (status.ok())
    status =
        check(driver.cuGraphInstantiateWithFlags(&out, recorded, 0), "prepare the training steps");
  if (recorded)
    driver.cuGraphDestroy(recorded);
  if (status.ok())
    status = check(driver.cuGraphUpload(out, stream), "prepare the training steps");
  return status;
}

/// What is recorded holds addresses: where a field moves, it is of no use.
void GpuSession::forgetGraphs() {
  for (auto &[key, graph] : graphs)
    if (graph)
      driver.cuGraphExecDestroy(graph);
  graphs.clear();
}

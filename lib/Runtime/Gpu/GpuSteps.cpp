//===- GpuSteps.cpp - Steps one after the other ---------------------------------------------===//
#include "Gpu/GpuSession.h"

#include <algorithm>
#include <cstddef>

using namespace dlrt;
using namespace dlrt::cuda;

/// Steps in one graph: enough that its launch costs little for each.
constexpr int64_t kGraphSteps = 16;

bool GpuSession::runsSteps() const {
  const FunctionInfo *train = program.function("train");
  return train && train->advance;
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
    status = piece.train.loop && !piece.train.loop->launches.empty()
                 ? launchLoop(piece.train.loop->launches.front(), piece.count)
                 : launchSteps(piece);
  if (status.ok() && fieldStream)
    status = note(fieldStream->used());
  if (status.ok() && fieldStream) // while the device works
    status = note(fieldStream->loadNext(piece));
  return status;
}

/// Whole graphs as long as there are steps for them, then one launch after the other.
Status GpuSession::launchSteps(const Steps &steps) {
  int64_t left = steps.count;
  Status status = launchScalars(steps.train);
  if (status.ok() && left >= kGraphSteps && graphRows != steps.rows)
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

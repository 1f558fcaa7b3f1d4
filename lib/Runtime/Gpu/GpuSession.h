//===- GpuSession.h - A program on a GPU ----------------------------------------------------===//
//
// The arena, the frame and the data live on the device. A routine is a list of launches in one
// stream; the host waits only where it reads.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_GPU_GPUSESSION_H
#define DLRT_GPU_GPUSESSION_H

#include "Gpu/Driver.h"
#include "Gpu/FieldStream.h"
#include "Gpu/MemoryPlan.h"

#include <functional>
#include <map>
#include <optional>

namespace dlrt {

/// Makes a context the thread's current one, and gives the thread its own back.
class Current {
public:
  Current(const cuda::Driver &driver, cuda::Context context)
      : result(driver.cuCtxPushCurrent_v2(context)), driver(driver) {}
  ~Current() {
    cuda::Context before = nullptr;
    if (result == 0)
      driver.cuCtxPopCurrent_v2(&before);
  }
  Current(const Current &) = delete;
  Current &operator=(const Current &) = delete;

  const cuda::Result result;

private:
  const cuda::Driver &driver;
};

class GpuSession final : public Session {
public:
  static Status create(const Program &program, const SessionOptions &options,
                       std::unique_ptr<Session> &out);
  ~GpuSession() override;

  std::string device() const override { return deviceText; }
  std::string loop() const override { return loopText; }
  MemoryUse memory() const override { return plan.use(); }
  Status setFields(const void *const *fields, int64_t rows) override;
  Status useFields(const void *const *fields, int64_t rows) override;
  Status checkArray(const void *array, int64_t bytes, int64_t alignment,
                    const std::string &what) const override;
  uint8_t *address(int64_t offset) const override;
  Status copyOut(int64_t offset, int64_t bytes, void *to) override;
  Status setStream(void *stream) override;
  Status checkStream() const override;
  Status synchronize() override;
  Status runSequence(Next next, void *context) override;
  Status run(const Routine &routine) override;
  Status health() const override { return failure; }
  void read(int64_t offset, int64_t bytes, void *out) const override;
  void write(int64_t offset, int64_t bytes, const void *from) override;
  Status measure(const Routine &routine, int64_t calls, double &outSeconds) override;
  Status measureCopy(double &outRate) override;
  bool runsSteps() const override;
  Status runSteps(const Steps &steps, double &lossSum) override;

private:
  /// What is more than any kernel gets unasked must be asked for.
  static constexpr int64_t kUnaskedSharedBytes = 48 << 10;
  /// A piece of the device's memory.
  struct Memory {
    cuda::Address address = 0;
    size_t bytes = 0;
  };
  GpuSession(const Program &program, const cuda::Driver &driver)
      : Session(program), driver(driver) {}
  Status open(int device);
  Status findContext();
  Status loadFunctions();
  Status chooseLoop();
  Status shareMemory(const LaunchInfo &loop, int64_t most, std::string &text);
  Status fitsOnce(const LaunchInfo &loop, int64_t sharedBytes, bool &out) const;
  /// Decides what is where in the device's memory. An error where it does not fit.
  Status makePlan(int64_t rows, std::vector<bool> given);
  /// Gets the memory for so many rows of the fields that are given, where it is not there already.
  Status reserveData(int64_t rows, std::vector<bool> given);
  void forgetData();
  Status reserve(Memory &memory, size_t bytes, const std::string &what);
  void release(Memory &memory);
  Status timeOf(const std::function<Status()> &enqueue, double &outSeconds);
  Status check(cuda::Result result, const std::string &what) const;
  /// Keeps the first error.
  Status note(Status status) const;
  /// Copies the frame to the device, whose row numbers start at `rowNumbers` there, where so many
  /// steps of the same run have been made before.
  Status uploadFrame(cuda::Address rowNumbers, int64_t stepsBefore = 0);
  /// Whether a routine works on rows of the data.
  static bool readsData(const Routine &routine);
  /// Has the frame's rows on the device, and their numbers from `out` on.
  Status provideRows(cuda::Address &out);
  /// The same for the rows of steps, or of as many of them as `outCount` tells.
  Status provideRows(const Steps &steps, cuda::Address &out, int64_t &outCount);
  Status runPiece(Steps &piece, int64_t before);
  Status launchSteps(const Steps &steps);
  Status launchLoop(const LaunchInfo &loop, int64_t steps);
  Status launchStep(const FunctionInfo &train);
  Status launchScalars(const FunctionInfo &train);
  Status recordSteps(const FunctionInfo &train, int64_t count, cuda::GraphExec &out);
  void forgetGraphs();
  Status launch(const LaunchInfo &launch);
  Status encode(const TensorMapInfo &info, cuda::TensorMap &out) const;
  void addPlaces(const LaunchInfo &launch, std::vector<cuda::Address> &values) const;

  const cuda::Driver &driver;
  std::string deviceText, loopText;
  const LaunchInfo *loopKernel = nullptr; // of all steps; null: by graphs
  int64_t loopBlocks = 0;
  std::optional<int64_t> loopSharedBytes; // of a block; none where it does not fit
  cuda::Device handle = 0;
  cuda::Context context = nullptr;
  bool isPrimary = false; // the context, retained here; else the caller's
  cuda::Module module = nullptr;
  cuda::Stream ownStream = nullptr;
  cuda::Stream stream = nullptr; // that, or the caller's
  std::map<std::string, cuda::Function> functions;
  MemoryPlan plan;
  int64_t plannedRows = 0;
  std::vector<bool> plannedFields;
  Memory arena, deviceFrame, indices;
  std::vector<Memory> fields;
  std::vector<cuda::Address> callersFields; // used in place of `fields`; or empty
  std::unique_ptr<FieldStream> fieldStream; // where the data does not fit
  Memory order;                             // the row numbers of an epoch
  int64_t orderNumber = -1;                 // of what is in `order`
  /// Steps recorded as a graph, by the rows of a step and their number.
  std::map<std::pair<int64_t, int64_t>, cuda::GraphExec> graphs;
  /// Whether kernels may start before those before them have ended: they wait by themselves.
  bool earlyLaunches = false;
  /// What the device answered first that was not success.
  mutable Status failure;
};

} // namespace dlrt
#endif // DLRT_GPU_GPUSESSION_H

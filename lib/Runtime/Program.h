//===- Program.h - A compiled program and what its manifest says ----------------------------===//
#ifndef DLRT_PROGRAM_H
#define DLRT_PROGRAM_H

#include "Dataset.h"
#include "DeviceChoice.h"
#include "Json.h"
#include "Status.h"
#include "dlrt/abi.h"

#include <array>
#include <memory>
#include <string>
#include <vector>

namespace dlrt {

/// A variable: what lives across calls. All variables together are the training state.
struct TensorInfo {
  std::string name;
  std::string kind; /// "param", "state", "optimizer" or "fitted"
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape;
  int64_t offset = 0, bytes = 0; /// in the arena
  int64_t panel = 0; /// columns of a matrix that lie together in the arena; 0: row-major
};

/// A result of a function, valid until the next call of any function.
struct OutputInfo {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape; /// -1 is the batch
  int64_t offset = 0;

  /// Number of elements where the batch has `rows` rows.
  int64_t elements(int64_t rows) const;
  bool isBatched() const { return !shape.empty() && shape[0] < 0; }
};

/// A tensor of 16-bit elements that a kernel copies from, a box at a time. From the innermost
/// dimension on; a size below 0 is so many for each row of the batch.
struct TensorMapInfo {
  int64_t place = 0;   /// in the arena
  bool bfloat = false; /// else f16
  std::array<int64_t, 3> sizes{}, box{};
};

/// Shared memory that each block of a kernel can use from step to step.
struct ResidentInfo {
  int64_t blocks = 0, bytes = 0;
};

/// One kernel's launch on a device.
struct LaunchInfo {
  std::string symbol; /// of the program's image
  int64_t blocks = 0, threads = 0, sharedBytes = 0;
  /// For each pointer that it takes behind the frame and the rows: a place in the arena or, below
  /// 0, -1 - the number of a field.
  std::vector<int64_t> places;
  std::vector<TensorMapInfo> tensorMaps; /// which it takes behind the pointers
  /// Computes what depends on the step's number alone: `advance` does the same for the next step.
  bool ofStep = false;
  std::vector<ResidentInfo> residents; /// of a kernel of all steps: behind `sharedBytes`
};

/// What a session runs: on a processor a compiled function, on a device launches.
struct Routine {
  std::string name;
  dlrt_function function = nullptr;
  std::vector<LaunchInfo> launches;
};

/// A part of the training step, callable alone, for measuring.
struct KernelInfo {
  std::string name;
  int64_t flop = 0, bytes = 0; /// computed and moved on a full batch
  const Routine *routine = nullptr;
};

/// A function of the program: a single one, or one in passes over chunks.
struct FunctionInfo {
  std::string name;
  int64_t batch = 0;  /// rows of one call at most
  int64_t rows = 0;   /// of generate: how many it makes
  std::string recipe; /// of generate: names what it makes, wherever it runs
  const Routine *single = nullptr;
  const Routine *reset = nullptr, *final = nullptr;
  std::vector<const Routine *> passes;
  std::vector<OutputInfo> outputs;
  std::vector<KernelInfo> kernels;
  std::vector<bool> reads; /// for each field, whether the function reads it

  const Routine *advance = nullptr; /// of train on a device: goes on to the next step
  const Routine *loop = nullptr;    /// of train on a device: many steps in one kernel; may be null

  /// The output of that name, or null.
  const OutputInfo *output(const std::string &outputName) const;
};

/// How the program wants to be trained.
struct TrainSettings {
  int64_t batch = 0;  /// 0: all rows
  int64_t epochs = 0; /// 0: not given
  int64_t steps = 0;  /// 0: not given
  double validate = 0;
  bool shuffle = true;
  uint64_t seed = 0;
  std::string keepMetric; /// empty: the last variables are kept, not the best
  bool keepHighest = false;
  int64_t patience = 0; /// 0: none
};

/// What is to be reported.
struct ReportEntry {
  std::string name, kind;
  std::vector<std::string> outputs, labels;
};

namespace cuda {
struct DeviceInfo;
}

/// A program, ready to be given memory by a Session. Immutable; any number of threads may read it.
class Program {
public:
  /// Loads the shared library `path`, which stays loaded as long as the program lives. Of its code,
  /// takes that for the place that is chosen.
  static Status open(const std::string &path, const DeviceChoice &choice,
                     std::unique_ptr<Program> &out);
  /// Reads the table of a program in memory, which must stay there.
  static Status create(const dlrt_program *table, const DeviceChoice &choice,
                       std::unique_ptr<Program> &out);
  ~Program();
  Program(const Program &) = delete;
  Program &operator=(const Program &) = delete;

  /// The function of that name, or null.
  const FunctionInfo *function(const std::string &functionName) const;
  /// The single number of `evaluate` that a report's name or an output's own name means, or null.
  const OutputInfo *metric(const std::string &metricName) const;
  /// The number of the field of that name, or -1.
  int fieldIndex(const std::string &fieldName) const;
  /// For each field, whether `predict` reads it.
  std::vector<bool> predictInputs() const;
  /// The field with `classes` classes that predictions of so many numbers are about, or null: one
  /// that they do not read.
  const FieldInfo *predictedField(int64_t classes) const;
  /// True if it runs on a device and not on a processor.
  bool isForDevice() const { return image != nullptr; }
  /// Refuses code for instructions that this processor does not have, instead of dying of one.
  Status checkProcessor() const;
  /// Refuses code that the GPU has not the capability for, which its driver would take for broken.
  Status checkGpu(const cuda::DeviceInfo &gpu) const;
  /// What the arena and the copies take on `threads` threads: all memory that calls ever use.
  int64_t memoryBytes(int threads) const {
    return arenaBytes + copyBytes * (threads <= DLRT_MOST_COPIES ? threads : 1);
  }
  /// A hash of names, kinds, types and shapes of all variables: equal where a checkpoint of one
  /// program fits another.
  std::string signature() const;

  std::string name, precision;
  DeviceChoice device;    /// where it runs: Processor or Gpu
  std::string fallback;   /// why it runs on the processor though it has code for a GPU; else empty
  std::string target;     /// processor and features that it was compiled for
  int64_t arenaBytes = 0; /// for everything that the threads share
  int64_t copyBytes = 0;  /// for what each of a few threads has for itself
  int64_t parameters = 0;
  int64_t flop = 0; /// of one training step
  Json manifest;
  std::vector<FieldInfo> fields;
  std::vector<TensorInfo> tensors;
  std::vector<FunctionInfo> functions;
  std::vector<std::unique_ptr<Routine>> routines;
  const void *image = nullptr; /// what a device's driver loads; null for a processor
  int64_t imageBytes = 0;
  int64_t measuredTiles = 0;  /// on a device: products whose tiles were measured there
  bool loopForced = false;    /// on a device: in one kernel or not at all
  bool earlyLaunches = false; /// on a device: kernels wait by themselves for those before them
  TrainSettings train;
  std::vector<ReportEntry> report;
  const void *weights = nullptr; /// the bytes of a state file that the program came with, or null
  int64_t weightBytes = 0;

private:
  Program() = default;
  Status parse(const dlrt_program &table);
  Status parseTensors();
  Status parseRoutines(const dlrt_program &table);
  Status parseFunctions();
  Status parseFunction(const Json &json, FunctionInfo &out) const;
  Status findRoutine(const Json &routineName, const Routine *&out) const;
  Status parseInputs(const Json &inputs, FunctionInfo &function) const;
  Status parseReport();
  void parseTrain();

  void *library = nullptr;
};

} // namespace dlrt
#endif // DLRT_PROGRAM_H

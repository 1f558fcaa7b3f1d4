//===- Bench.cpp - How long a training step takes, and where --------------------------------===//
#include "Commands.h"
#include "Experiment.h"
#include "JsonText.h"
#include "Peak.h"
#include "Trainer.h"

#include <algorithm>

using namespace dlrt;

namespace {
/// Seconds of many calls of one function.
struct Samples {
  std::vector<double> seconds;

  double median() {
    auto middle = seconds.begin() + seconds.size() / 2;
    std::nth_element(seconds.begin(), middle, seconds.end());
    return *middle;
  }
  double least() const { return *std::min_element(seconds.begin(), seconds.end()); }
};

/// Calls functions one after the other, round and round over the batches of the rows, and takes the
/// time of each call, waiting of the threads for each other included.
class Loop {
public:
  Loop(const RowList &rows, int64_t batch, std::vector<const Routine *> functions)
      : samples(functions.size()), rows(rows), batch(std::min(batch, rows.size())),
        functions(std::move(functions)) {}

  /// Goes on for about `duration` seconds, and at least some rounds.
  Status run(Session &session, double duration) {
    for (Samples &sample : samples)
      sample.seconds.clear();
    calls = 0;
    end = now() + duration;
    return session.runSequence(next, this);
  }

  std::vector<Samples> samples;

private:
  static const Routine *next(void *self, dlrt_frame &frame) {
    return static_cast<Loop *>(self)->next(frame);
  }

  const Routine *next(dlrt_frame &frame) {
    double time = now();
    size_t number = calls % functions.size();
    if (calls > 0)
      samples[(calls - 1) % functions.size()].seconds.push_back(time - last);
    if (number == 0) {
      constexpr size_t kLeastRounds = 20;
      if (time >= end && calls >= kLeastRounds * functions.size())
        return nullptr;
      first = first + 2 * batch <= rows.size() ? first + batch : 0;
      frame.indices = rows.data() + first;
      frame.rows = frame.total_rows = batch;
      ++frame.step;
      frame.epoch = 1;
    }
    const Routine *routine = functions[number];
    ++calls;
    last = now();
    return routine;
  }

  const RowList &rows;
  int64_t batch, first = 0;
  std::vector<const Routine *> functions;
  size_t calls = 0;
  double last = 0, end = 0;
};

struct Bench {
  std::string program, device, loop; // `loop` of a device: how steps follow each other
  int64_t measuredTiles = 0;         // products whose tiles were measured
  int threads = 1;
  double peak = 0; // GFLOP/s, of a processor
  double copy = 0; // bytes a second that a device's copy reads and writes
  int64_t flop = 0;
  double median = 0, least = 0; // seconds
  struct Row {
    const KernelInfo *kernel;
    double seconds;
  };
  std::vector<Row> rows;
  bool onDevice() const { return !loop.empty(); }
};

double gflops(int64_t flop, double seconds) { return flop / seconds * 1e-9; }

/// The share of a copy's bandwidth that an elementwise kernel reaches; below 0 for another.
double copyShare(const Bench &bench, const Bench::Row &row) {
  bool elementwise = row.kernel->name.rfind("map", 0) == 0;
  return elementwise && bench.copy > 0 ? row.kernel->bytes / row.seconds / bench.copy : -1;
}

void writeText(FILE *out, const Bench &bench) {
  std::string where = bench.onDevice() ? " on " + bench.device : "";
  std::string how = bench.onDevice() ? " by --gpu-loop " + bench.loop : "";
  if (bench.measuredTiles)
    how += ", " + tilesText(bench.measuredTiles);
  fprintf(out, "%s%s: %.2f us a step%s (median; least %.2f), %s FLOP, %.1f GFLOP/s\n",
          bench.program.c_str(), where.c_str(), bench.median * 1e6, how.c_str(), bench.least * 1e6,
          formatCount(bench.flop).c_str(), gflops(bench.flop, bench.median));
  if (bench.onDevice())
    fprintf(out, "a copy on the device, measured here: %.1f GB/s read and written\n\n",
            bench.copy * 1e-9);
  else
    fprintf(out, "peak measured here: %.1f GFLOP/s on %d thread%s; the step reaches %.1f %%\n\n",
            bench.peak, bench.threads, bench.threads == 1 ? "" : "s",
            100 * gflops(bench.flop, bench.median) / bench.peak);
  fprintf(out, "%10s %7s %9s %7s %8s  %s\n", "us", "share", "GFLOP/s",
          bench.onDevice() ? "copy" : "peak", "GB/s", "kernel");
  double total = 0;
  for (const Bench::Row &row : bench.rows)
    total += row.seconds;
  for (const Bench::Row &row : bench.rows) {
    double rate = gflops(row.kernel->flop, row.seconds);
    double part = bench.onDevice() ? copyShare(bench, row) : rate / bench.peak;
    char share[32] = "";
    if (part >= 0)
      snprintf(share, sizeof(share), "%.1f %%", 100 * part);
    fprintf(out, "%10.2f %5.1f %% %9.1f %7s %8.1f  %s\n", row.seconds * 1e6,
            100 * row.seconds / total, rate, share, gflops(row.kernel->bytes, row.seconds),
            row.kernel->name.c_str());
  }
}

void writeJson(FILE *out, const Bench &bench) {
  std::string text = "{\"event\":\"bench\",\"program\":" + jsonString(bench.program) +
                     ",\"threads\":" + std::to_string(bench.threads) +
                     ",\"device\":" + jsonString(bench.device) +
                     ",\"step_us_median\":" + jsonNumber(bench.median * 1e6) +
                     ",\"step_us_min\":" + jsonNumber(bench.least * 1e6) +
                     ",\"flop\":" + std::to_string(bench.flop) +
                     ",\"gflops\":" + jsonNumber(gflops(bench.flop, bench.median));
  text += bench.onDevice() ? ",\"measured_tiles\":" + std::to_string(bench.measuredTiles) +
                                 ",\"loop\":" + jsonString(bench.loop) +
                                 ",\"copy_gbs\":" + jsonNumber(bench.copy * 1e-9)
                           : ",\"peak_gflops\":" + jsonNumber(bench.peak);
  text += ",\"kernels\":[";
  for (const Bench::Row &row : bench.rows) {
    text += std::string(&row == &bench.rows[0] ? "" : ",") +
            "{\"name\":" + jsonString(row.kernel->name) +
            ",\"us\":" + jsonNumber(row.seconds * 1e6) +
            ",\"flop\":" + std::to_string(row.kernel->flop) +
            ",\"bytes\":" + std::to_string(row.kernel->bytes) +
            ",\"gflops\":" + jsonNumber(gflops(row.kernel->flop, row.seconds));
    if (double share = copyShare(bench, row); share >= 0)
      text += ",\"copy_share\":" + jsonNumber(share);
    text += "}";
  }
  fprintf(out, "%s]}\n", text.c_str());
}

/// On the processor: steps, and then the kernels of a step one after the other.
Status measureProcessor(Session &session, const FunctionInfo &train, const RowList &rows,
                        Bench &bench) {
  Loop steps(rows, train.batch, {train.single});
  // Until the clock is up, and the pages are there.
  if (Status status = steps.run(session, 0.2); !status.ok())
    return status;
  double peak = session.measurePeak();
  if (Status status = steps.run(session, 1.0); !status.ok())
    return status;
  bench.peak = std::max(peak, session.measurePeak());
  bench.median = steps.samples[0].median();
  bench.least = steps.samples[0].least();
  std::vector<const Routine *> functions;
  for (const KernelInfo &kernel : train.kernels)
    functions.push_back(kernel.routine);
  if (functions.empty())
    return Status();
  Loop kernels(rows, train.batch, functions);
  if (Status status = kernels.run(session, 1.0); !status.ok())
    return status;
  for (size_t i = 0; i < functions.size(); ++i)
    bench.rows.push_back({&train.kernels[i], kernels.samples[i].median()});
  return Status();
}

/// The first rows, for calls of kernels and the steps that are measured.
int64_t setFirstBatch(Session &session, const FunctionInfo &train, const RowList &rows) {
  dlrt_frame &frame = session.getFrame();
  frame.indices = rows.data();
  frame.rows = frame.total_rows = std::min(train.batch, rows.size());
  frame.step = frame.epoch = 1;
  return frame.rows;
}

/// The median of some measurements of a kernel on a device, of as many launches each as take some
/// milliseconds. A kernel that takes long is measured less often: it scatters less.
Status measureKernel(Session &session, const Routine &routine, double &outSeconds) {
  constexpr int kMeasurements = 5;
  constexpr double kDuration = 0.004, kEnough = 0.1;
  double seconds = 0, total = 0;
  Status status = session.measure(routine, 1, seconds);
  int64_t calls = std::max<int64_t>(1, static_cast<int64_t>(kDuration / std::max(seconds, 1e-6)));
  Samples samples;
  for (int i = 0; i < kMeasurements && total < kEnough && status.ok(); ++i) {
    status = session.measure(routine, calls, seconds);
    samples.seconds.push_back(seconds);
    total += seconds * static_cast<double>(calls);
  }
  outSeconds = status.ok() ? samples.median() : 0;
  return status;
}

/// On a device: steps as a training makes them, by the host's clock, and many launches of each
/// kernel by the device's.
Status measureDevice(Session &session, const FunctionInfo &train, const RowList &rows,
                     Bench &bench) {
  bench.loop = session.loop();
  dlrt_frame &frame = session.getFrame();
  int64_t batch = setFirstBatch(session, train, rows);
  int64_t count = std::min(Session::kStepsAtOnce, rows.size() / batch);
  Samples samples;
  double lossSum = 0, begin = now();
  constexpr size_t kLeastRuns = 5; // the first of which only warms up
  for (size_t run = 0; run < kLeastRuns || now() - begin < 1.0; ++run) {
    double start = now();
    Session::Steps steps{train, rows, /*orderNumber=*/1, /*first=*/0, batch, count};
    if (Status status = session.runSteps(steps, lossSum); !status.ok())
      return status;
    if (run > 0)
      samples.seconds.push_back((now() - start) / static_cast<double>(count));
    frame.step += count;
  }
  bench.median = samples.median();
  bench.least = samples.least();
  for (const KernelInfo &kernel : train.kernels) {
    double seconds = 0;
    if (Status status = measureKernel(session, *kernel.routine, seconds); !status.ok())
      return status;
    bench.rows.push_back({&kernel, seconds});
  }
  return session.measureCopy(bench.copy);
}

/// Rows for some steps: for as many as follow each other on a device, if that is not too much.
int64_t rowsToMakeUp(const Program &program, int64_t batch) {
  constexpr int64_t kFew = 8, kMostBytes = int64_t(256) << 20;
  int64_t bytes = batch;
  for (const FieldInfo &field : program.fields)
    bytes += batch * field.elements() * elementSize(field.type);
  int64_t most = program.isForDevice() ? Session::kStepsAtOnce : kFew;
  return batch * std::max(kFew, std::min(most, kMostBytes / bytes));
}

/// A session with first weights and rows, which the program makes up where none are named.
Status prepare(Experiment &experiment, const FunctionInfo &train) {
  Status status = experiment.open();
  if (status.ok())
    status = experiment.options.data.empty()
                 ? experiment.makeUpRows(rowsToMakeUp(experiment.program, train.batch))
                 : experiment.loadRows();
  if (status.ok())
    status = experiment.initialize();
  if (status.ok())
    experiment.session->getFrame().total_steps = 1'000'000;
  return status;
}
} // namespace

Status dlrt::benchCommand(const RunOptions &options, const Program &program) {
  const FunctionInfo *train = program.function("train");
  if (!train)
    return Status::error("'" + program.name + "' has no training step to measure");
  Experiment experiment(options, program);
  if (Status status = prepare(experiment, *train); !status.ok())
    return status;
  Session &session = *experiment.session;
  Bench bench;
  bench.program = program.name;
  bench.device = session.device();
  bench.measuredTiles = program.measuredTiles;
  bench.threads = session.threads();
  bench.flop = program.flop;
  // In the order of an epoch: rows that lie anywhere are a part of a step's cost.
  const RowList &given = experiment.parts.train;
  std::vector<int32_t> shuffled(given.begin(), given.end());
  shuffleRows(shuffled.data(), given.size(), 0, 1, 0);
  RowList rows(std::move(shuffled));
  Status status = session.runsSteps() ? measureDevice(session, *train, rows, bench)
                                      : measureProcessor(session, *train, rows, bench);
  if (status.ok())
    options.json ? writeJson(options.out, bench) : writeText(options.out, bench);
  return status;
}

Status dlrt::benchCommand(const RunOptions &options, const dlrt_program *table) {
  std::unique_ptr<Program> program;
  Status status = Program::create(table, options.device, program);
  return status.ok() ? benchCommand(options, *program) : status;
}

Status dlrt::measureKernels(const RunOptions &options, const dlrt_program *table,
                            const std::vector<bool> &wanted, std::vector<double> &outSeconds) {
  std::unique_ptr<Program> program;
  if (Status status = Program::create(table, options.device, program); !status.ok())
    return status;
  const FunctionInfo *train = program->function("train");
  Experiment experiment(options, *program);
  Status status = prepare(experiment, *train);
  if (status.ok())
    setFirstBatch(*experiment.session, *train, experiment.parts.train);
  outSeconds.assign(wanted.size(), 0);
  for (size_t i = 0; i < wanted.size() && status.ok(); ++i)
    if (wanted[i])
      status = measureKernel(*experiment.session, *train->kernels[i].routine, outSeconds[i]);
  return status;
}

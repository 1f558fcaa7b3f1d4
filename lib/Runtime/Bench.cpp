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
  std::string program;
  int threads = 1;
  double peak = 0; // GFLOP/s
  int64_t flop = 0;
  double median = 0, least = 0; // seconds
  struct Row {
    const KernelInfo *kernel;
    double seconds;
  };
  std::vector<Row> rows;
};

double gflops(int64_t flop, double seconds) { return flop / seconds * 1e-9; }

void writeText(FILE *out, const Bench &bench) {
  fprintf(out, "%s: %.2f us a step (median; least %.2f), %s FLOP, %.1f GFLOP/s\n",
          bench.program.c_str(), bench.median * 1e6, bench.least * 1e6,
          formatCount(bench.flop).c_str(), gflops(bench.flop, bench.median));
  fprintf(out, "peak measured here: %.1f GFLOP/s on %d thread%s; the step reaches %.1f %%\n\n",
          bench.peak, bench.threads, bench.threads == 1 ? "" : "s",
          100 * gflops(bench.flop, bench.median) / bench.peak);
  fprintf(out, "%10s %7s %9s %7s %8s  %s\n", "us", "share", "GFLOP/s", "peak", "GB/s", "kernel");
  double total = 0;
  for (const Bench::Row &row : bench.rows)
    total += row.seconds;
  for (const Bench::Row &row : bench.rows) {
    double rate = gflops(row.kernel->flop, row.seconds);
    fprintf(out, "%10.2f %5.1f %% %9.1f %5.1f %% %8.1f  %s\n", row.seconds * 1e6,
            100 * row.seconds / total, rate, 100 * rate / bench.peak,
            gflops(row.kernel->bytes, row.seconds), row.kernel->name.c_str());
  }
}

void writeJson(FILE *out, const Bench &bench) {
  std::string text = "{\"event\":\"bench\",\"program\":" + jsonString(bench.program) +
                     ",\"threads\":" + std::to_string(bench.threads) +
                     ",\"step_us_median\":" + jsonNumber(bench.median * 1e6) +
                     ",\"step_us_min\":" + jsonNumber(bench.least * 1e6) +
                     ",\"flop\":" + std::to_string(bench.flop) +
                     ",\"gflops\":" + jsonNumber(gflops(bench.flop, bench.median)) +
                     ",\"peak_gflops\":" + jsonNumber(bench.peak) + ",\"kernels\":[";
  for (const Bench::Row &row : bench.rows)
    text += std::string(&row == &bench.rows[0] ? "" : ",") +
            "{\"name\":" + jsonString(row.kernel->name) +
            ",\"us\":" + jsonNumber(row.seconds * 1e6) +
            ",\"flop\":" + std::to_string(row.kernel->flop) +
            ",\"bytes\":" + std::to_string(row.kernel->bytes) +
            ",\"gflops\":" + jsonNumber(gflops(row.kernel->flop, row.seconds)) + "}";
  fprintf(out, "%s]}\n", text.c_str());
}
} // namespace

Status dlrt::benchCommand(const RunOptions &options, const Program &program) {
  const FunctionInfo *train = program.function("train");
  if (!train)
    return Status::error("'" + program.name + "' has no training step to measure");
  Experiment experiment(options, program);
  Status status = experiment.open();
  if (status.ok())
    status = options.data.empty() ? experiment.makeUpRows(8 * train->batch) : experiment.loadRows();
  if (status.ok())
    status = experiment.initialize();
  if (!status.ok())
    return status;
  Session &session = *experiment.session;
  session.getFrame().total_steps = 1'000'000;

  Bench bench;
  bench.program = program.name;
  bench.threads = session.threads();
  bench.flop = program.flop;
  // In the order of an epoch: rows that lie anywhere are a part of a step's cost.
  const RowList &given = experiment.parts.train;
  std::vector<int32_t> shuffled(given.begin(), given.end());
  shuffleRows(shuffled.data(), given.size(), 0, 1, 0);
  RowList rows(std::move(shuffled));
  Loop steps(rows, train->batch, {train->single});
  // Until the clock is up, and the pages are there.
  if (status = steps.run(session, 0.2); !status.ok())
    return status;
  double peak = session.measurePeak();
  if (status = steps.run(session, 1.0); !status.ok())
    return status;
  bench.peak = std::max(peak, session.measurePeak());
  bench.median = steps.samples[0].median();
  bench.least = steps.samples[0].least();
  std::vector<const Routine *> functions;
  for (const KernelInfo &kernel : train->kernels)
    functions.push_back(kernel.routine);
  if (!functions.empty()) {
    Loop kernels(rows, train->batch, functions);
    if (status = kernels.run(session, 1.0); !status.ok())
      return status;
    for (size_t i = 0; i < functions.size(); ++i)
      bench.rows.push_back({&train->kernels[i], kernels.samples[i].median()});
  }
  options.json ? writeJson(options.out, bench) : writeText(options.out, bench);
  return Status();
}

Status dlrt::benchCommand(const RunOptions &options, const dlrt_program *table) {
  std::unique_ptr<Program> program;
  Status status = Program::create(table, options.device, program);
  return status.ok() ? benchCommand(options, *program) : status;
}

//===- Events.h - What a run tells while it goes --------------------------------------------===//
//
// The runtime never prints. It calls an observer, and what is shown is the observer's affair. All
// calls come from the thread that runs the session, some of them between two steps: they should be
// short.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_EVENTS_H
#define DLRT_EVENTS_H

#include "Report.h"
#include "Session.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace dlrt {

/// Before the first step.
struct PlanEvent {
  std::string program;
  int64_t parameters = 0;
  MemoryUse memory;
  double compileSeconds = 0; /// 0 where the program was compiled before
  int threads = 1;
  std::string device = "cpu"; /// or the GPU, by number and name
  std::string precision;      /// of f32 in the program, and of products
  std::string loop;           /// on a GPU, how steps follow each other
  int64_t measuredTiles = 0;  /// on it, products whose tiles were measured
  int64_t trainRows = 0, validationRows = 0, testRows = 0;
};

/// Now and then between two steps.
struct ProgressEvent {
  int64_t step = 0, steps = 0; /// steps done, steps in all
  int64_t epoch = 0, epochs = 0;
  double loss = 0;        /// mean of the epoch so far
  double rate = 0;        /// steps in a second
  double secondsLeft = 0; /// until the last step, at that rate
};

/// After an epoch.
struct EpochEvent {
  int64_t epoch = 0, epochs = 0; /// epochs is 0 where the program counts steps
  int64_t step = 0, steps = 0;
  double loss = 0; /// mean over the training rows of the epoch
  std::vector<std::pair<std::string, double>> validation; /// scalar outputs on the validation part
  double seconds = 0;                                     /// since the last such event
  bool best = false; /// the best one so far by what 'keep' names
};

/// At the end.
struct ReportEvent {
  const Report *report = nullptr;
  std::string part; /// on what it was computed: "test" or "all"
  int64_t rows = 0;
  double trainSeconds = 0, totalSeconds = 0;
  std::string stateHash; /// 64 bits in hex, of all parameters
  bool interrupted = false;
};

/// Somebody who wants to know. Every call may be left out.
class Events {
public:
  virtual ~Events() = default;
  virtual void plan(const PlanEvent &) {}
  virtual void progress(const ProgressEvent &) {}
  virtual void epoch(const EpochEvent &) {}
  virtual void report(const ReportEvent &) {}
  /// The training state was written to `path` after `step` steps.
  virtual void saved(const std::string &, int64_t) {}
  /// The run was asked to stop and did so after `step` of `steps` steps; its state is in `path`,
  /// which is empty where it was not to be kept.
  virtual void interrupted(int64_t, int64_t, const std::string &) {}
  /// A file was written beside the training state, such as a plot.
  virtual void wrote(const std::string &) {}
};

/// Lines for a person. On a terminal a progress line is kept up to date on `err`.
class ConsoleEvents : public Events {
public:
  /// `out` gets the lines, `err` the progress; with `quiet` nothing but the report is written.
  ConsoleEvents(FILE *out, FILE *err, bool quiet = false);
  ~ConsoleEvents() override;
  void plan(const PlanEvent &event) override;
  void progress(const ProgressEvent &event) override;
  void epoch(const EpochEvent &event) override;
  void report(const ReportEvent &event) override;
  void saved(const std::string &path, int64_t step) override;
  void interrupted(int64_t step, int64_t steps, const std::string &path) override;
  void wrote(const std::string &path) override;

private:
  void clearProgress();

  FILE *out;
  FILE *err;
  bool quiet, outIsTerminal, errIsTerminal;
  bool progressShown = false;
  std::string savedTo;
  double lastLine = 0; // when the last line was written, where there is no terminal
};

/// One JSON object a line, for a program.
class JsonEvents : public Events {
public:
  explicit JsonEvents(FILE *out) : out(out) {}
  void plan(const PlanEvent &event) override;
  void epoch(const EpochEvent &event) override;
  void report(const ReportEvent &event) override;
  void saved(const std::string &path, int64_t step) override;
  void interrupted(int64_t step, int64_t steps, const std::string &path) override;

private:
  void line(const std::string &text);
  FILE *out;
};

/// Seconds of a clock that only moves forward.
double now();

/// What is said of a program some of whose products have tiles that were measured.
std::string tilesText(int64_t products);

} // namespace dlrt
#endif // DLRT_EVENTS_H

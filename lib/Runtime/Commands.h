//===- Commands.h - run, eval, predict, bench ------------------------------------------------===//
//
// The same for a program from a .dl file (compiled in memory) and from a shared library.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_COMMANDS_H
#define DLRT_COMMANDS_H

#include "Events.h"
#include "Program.h"
#include "ReadAhead.h"
#include "Status.h"

#include <atomic>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

namespace dlrt {

/// How a command is to go.
struct RunOptions {
  std::string data;             /// name or path of the data; empty where the program makes its own
  std::optional<uint64_t> seed; /// instead of the program's
  int threads = 0;              /// 0: as many as suit the program
  DeviceChoice device;          /// where to run, of the places that a program in memory is for
  std::string save;             /// where to keep the training state
  int64_t saveEvery = 0;        /// steps between saves, besides those after epochs
  std::string resume;     /// the state to go on from (run), or the weights to use (eval, predict)
  std::string plotFolder; /// where plots are written as SVG
  bool json = false;      /// events as JSON lines instead of text
  bool quiet = false;     /// of text, only the report
  double compileSeconds = 0;      /// for the plan event
  ReadAhead *readAhead = nullptr; /// what began to read `data`; null: nothing did
  double startTime = 0;           /// by now(), when the process started; 0: when the command does
  FILE *in = stdin;               /// rows to predict
  FILE *out = stdout;
  FILE *err = stderr;
  Events *events = nullptr; /// who is told instead of `out` and `err`
  const std::atomic<bool> *stop =
      nullptr; /// asks run to end after the step; null: signals do, such as that of Ctrl-C
};

/// Trains, keeps the best, evaluates and reports. A run that was asked to stop ends well, with what
/// it has.
Status runCommand(const RunOptions &options, const Program &program);
Status runCommand(const RunOptions &options, const dlrt_program *program);

/// How many rows the training part of the data has, for a program whose batch is all of them: its
/// memory is laid out for that many. `manifest` needs no more than the fields and the split.
Status countTrainRows(const std::string &manifest, const std::string &data, int64_t &outRows);

/// The signal that made the last run of this process end before its last step; 0: none did.
int interruptSignal();

/// Evaluates weights that were saved on the test part, or on all data where there is none, and
/// reports.
Status evalCommand(const RunOptions &options, const Program &program);
Status evalCommand(const RunOptions &options, const dlrt_program *program);

/// Predicts raw rows: CSV from `in`, or what `data` names. Writes CSV to `out`.
Status predictCommand(const RunOptions &options, const Program &program);
Status predictCommand(const RunOptions &options, const dlrt_program *program);

/// Measures training steps and each kernel of theirs, beside the peak of the machine. Without
/// `data`, on rows of made-up numbers.
Status benchCommand(const RunOptions &options, const Program &program);
Status benchCommand(const RunOptions &options, const dlrt_program *program);

/// The seconds that each kernel of the training step takes on a device; 0 for those that are not
/// `wanted`. Without `data`, on rows of made-up numbers.
Status measureKernels(const RunOptions &options, const dlrt_program *program,
                      const std::vector<bool> &wanted, std::vector<double> &outSeconds);

} // namespace dlrt
#endif // DLRT_COMMANDS_H

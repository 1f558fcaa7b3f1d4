//===- Experiment.h - A program, its data and its state, together ---------------------------===//
#ifndef DLRT_EXPERIMENT_H
#define DLRT_EXPERIMENT_H

#include "Commands.h"
#include "Dataset.h"
#include "Evaluation.h"
#include "Session.h"
#include "Trainer.h"
#include "TrainingState.h"

#include <memory>

namespace dlrt {

/// What the commands have in common: a session with the data of the program in it, split into
/// parts.
class Experiment {
public:
  Experiment(const RunOptions &options, const Program &program)
      : options(options), program(program) {}

  /// Reads the file to resume or load from, if there is one, and makes the session. With
  /// `ownWeights`, those that the program came with serve where no file is named.
  Status open(bool ownWeights = false);
  /// Makes or reads the data and splits it.
  Status loadRows();
  /// Makes up to `rows` rows of random numbers instead, whatever the data should be; all of them
  /// are for training.
  Status makeUpRows(int64_t rows);
  /// Gives the variables their first values, from the seed and the training part.
  Status initialize();
  /// Says what to do where there are no weights, neither in a file nor in the program.
  Status checkWeights() const;
  /// Takes the variables from the file; with `best`, those from which training goes on. An error
  /// where there is no file.
  Status restore(std::vector<uint8_t> *best);

  /// A hash of all rows of all fields, and of which of them are for training.
  std::string fingerprint() const;

  const RunOptions &options;
  const Program &program;
  std::unique_ptr<Session> session;
  Data data;
  Parts parts;
  RunState state;

private:
  Status generate(GeneratedFields &out);

  std::unique_ptr<StateFile> file;
  std::vector<const void *> fieldPointers;
};

} // namespace dlrt
#endif // DLRT_EXPERIMENT_H

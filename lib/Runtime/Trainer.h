//===- Trainer.h - The training loop --------------------------------------------------------===//
#ifndef DLRT_TRAINER_H
#define DLRT_TRAINER_H

#include "Events.h"
#include "Session.h"
#include "Status.h"

#include <atomic>
#include <string>
#include <vector>

namespace dlrt {

/// The parts of the data, as rows of it. Validation and test parts may be empty.
struct Parts {
  RowList train, validation, test, all;

  /// Cuts the share `validate` of `train`, chosen by a shuffle with `seed`, off for validation.
  /// Both keep the order of the data. At least one row stays for training.
  static Parts make(std::vector<int32_t> train, std::vector<int32_t> test, double validate,
                    uint64_t seed);
  /// What the report is computed on: the test part, or all data where there is none.
  const RowList &reportRows() const { return test.size() ? test : all; }
};

/// Shuffles `rows` by Philox, keyed by seed, epoch and what it is for (Fisher and Yates).
void shuffleRows(int32_t *rows, int64_t count, uint64_t seed, uint64_t epoch, uint32_t purpose);

/// Where a training stands between two steps. With the variables it is all that the next step
/// depends on: the order of the rows follows from seed and epoch.
struct TrainState {
  int64_t step = 0;      /// steps done
  int64_t epoch = 1;     /// the epoch that goes on
  int64_t position = 0;  /// training rows of it that were used
  double lossSum = 0;    /// over these rows
  double bestValue = 0;  /// of what 'keep' names
  int64_t bestEpoch = 0; /// 0: none yet
  int64_t waited = 0;    /// evaluations since
  int64_t judged = 0;    /// steps done at the last evaluation
};

/// A training at one moment: all that is needed to go on from there.
struct Snapshot {
  TrainState state;
  std::vector<uint8_t> variables, best; /// of `best`, see Trainer
};

/// How a training is to go.
struct TrainerOptions {
  uint64_t seed = 0;
  std::string savePath;  /// where to keep the state; empty: nowhere
  int64_t saveEvery = 0; /// steps between saves; 0: after epochs and at the end only
  const std::atomic<bool> *stop = nullptr; /// looked at after each step
  Events *events = nullptr;                /// who wants to know; may be null
};

/// Runs the steps of a program: shuffled batches, evaluation after epochs, the best kept, patience,
/// saves.
class Trainer {
public:
  /// Writes a snapshot to a file; set by whoever knows the format.
  using Save = Status (*)(void *context, const std::string &path, const Snapshot &snapshot);

  Trainer(Session &session, const Parts &parts, const TrainerOptions &options);

  /// Says what is missing in the program for training with these parts.
  Status check() const;
  void onSave(Save newSave, void *context) {
    save = newSave;
    saveContext = context;
  }

  /// Trains from `state` on until the last step, until patience ends, or until asked to stop.
  /// A save that fails ends it too. Where the device fails and there is a file to save to, what was
  /// kept on the host goes there: the state at the end of the last whole epoch or at the last save.
  /// The best variables are in the arena afterwards, where the program keeps the best.
  Status run();

  bool interrupted() const { return wasInterrupted; }
  /// Whether there is nothing left to train.
  bool finished() const;
  int64_t totalSteps() const { return steps; }
  int64_t stepsPerEpoch() const { return (trainRows() + batch - 1) / batch; }

  TrainState state;
  /// The variables at the best evaluation; empty while there is none, or where the best is not
  /// kept.
  std::vector<uint8_t> best;

private:
  static const Routine *nextStep(void *self, dlrt_frame &frame);
  const Routine *nextStep(dlrt_frame &frame);
  Status runOnDevice();
  void finishStep();
  void startEpoch();
  void nextEpoch();
  Status finishEpoch();
  Status evaluate(std::vector<std::pair<std::string, double>> &out);
  void judge(double loss, EpochEvent &event);
  void showProgress();
  /// Takes a snapshot as the one that is kept. After an error it is still that of before.
  Status keep();
  Status saveNow();
  Status saveKept();
  /// Saves what is kept after an error of the device, and adds to the error what came of it.
  Status rescue(const Status &error);

  int64_t trainRows() const { return parts.train.size(); }
  bool stopRequested() const {
    return options.stop && options.stop->load(std::memory_order_relaxed);
  }
  bool evaluationDue() const;
  bool saveDue() const;

  Session &session;
  const Program &program;
  const Parts &parts;
  TrainerOptions options;
  const FunctionInfo *train;
  const OutputInfo *lossOutput = nullptr;
  int64_t batch = 1, steps = 0, epochs = 0;
  int64_t epochsBetweenEvaluations = 1;
  bool keepsBest = false;

  RowList order; // of the epoch that goes on
  std::vector<int32_t> shuffled;
  int64_t orderEpoch = 0;
  int64_t orderNumber = 0;  // grows with each new order
  int64_t rowsInFlight = 0; // of the step that was handed out
  Save save = nullptr;
  void *saveContext = nullptr;
  Snapshot kept;
  int64_t lastSavedStep = -1;
  bool wasInterrupted = false;
  int64_t firstStep = 0; // of this run, for the rate
  double startTime = 0, lastEvaluation = 0, lastProgress = 0, lastSave = -1e9;
};

} // namespace dlrt
#endif // DLRT_TRAINER_H

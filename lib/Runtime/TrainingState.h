//===- TrainingState.h - A run's state in a file --------------------------------------------===//
//
// The variables stand in the file under their own names, with the values that the model is to be
// used with: the best so far where the program keeps the best. Where training goes on from others,
// those are there as "live.<name>", and a resumed training starts from them.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_TRAININGSTATE_H
#define DLRT_TRAININGSTATE_H

#include "Checkpoint.h"
#include "Session.h"
#include "Status.h"
#include "Trainer.h"

#include <string>
#include <vector>

namespace dlrt {

/// What a file holds besides the variables.
struct RunState : DataNames {
  TrainState train;
  uint64_t seed = 0;
  std::string fingerprint; /// of the data; empty: not known
};

/// Writes the session's variables and `state`. `best` are the variables at the best evaluation, or
/// empty.
Status saveState(const std::string &path, const Session &session, const RunState &state,
                 const std::vector<uint8_t> &best);
/// The same, of variables that were copied out of a session.
Status saveState(const std::string &path, const Program &program, const RunState &state,
                 const std::vector<uint8_t> &live, const std::vector<uint8_t> &best);

/// A file that was read and found to be whole and to fit the program.
class StateFile {
public:
  Status read(const std::string &path, const Program &program);
  /// The same for the state that the program came with; it must have one.
  Status readOwn(const Program &program);

  const RunState &state() const { return runState; }
  /// Puts the variables into the session: those to use, or with `best` those from which training
  /// goes on, and into `best` the best so far, if the file has them.
  void restore(Session &session, std::vector<uint8_t> *best) const;

private:
  Status take(const Checkpoint &checkpoint, const std::string &name, const Program &program);

  RunState runState;
  std::vector<uint8_t> used, live; // all variables one after the other; live may be empty
};

} // namespace dlrt
#endif // DLRT_TRAININGSTATE_H

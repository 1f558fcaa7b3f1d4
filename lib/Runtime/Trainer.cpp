//===- Trainer.cpp - The training loop ------------------------------------------------------===//
#include "Trainer.h"
#include "Philox.h"

#include <algorithm>
#include <cmath>

using namespace dlrt;

namespace {
/// What a shuffle is for: a word of the Philox counter, so that the shuffles differ.
constexpr uint32_t kForEpoch = 0x65706f63, kForValidation = 0x76616c69;
/// A program that counts steps is evaluated about that often, whatever its epochs.
constexpr int64_t kEvaluations = 20;
/// Seconds between two calls of Events::progress, and between two saves after epochs.
constexpr double kProgressInterval = 0.1, kSaveInterval = 0.25;

bool isBetter(double value, double than, bool highest) {
  if (std::isnan(value) || std::isnan(than))
    return !std::isnan(value);
  return highest ? value > than : value < than;
}
} // namespace

Parts Parts::make(std::vector<int32_t> train, std::vector<int32_t> test, double validate,
                  uint64_t seed) {
  Parts parts;
  std::vector<int32_t> all(train);
  all.insert(all.end(), test.begin(), test.end());
  std::sort(all.begin(), all.end());
  parts.all.assign(std::move(all));
  int64_t rows = static_cast<int64_t>(train.size());
  int64_t held = std::min<int64_t>(std::llround(validate * rows), rows - 1);
  if (held > 0) {
    std::vector<int32_t> chosen(train);
    shuffleRows(chosen.data(), rows, seed, 0, kForValidation);
    std::sort(chosen.begin(), chosen.begin() + held);
    std::sort(chosen.begin() + held, chosen.end());
    parts.validation.assign({chosen.begin(), chosen.begin() + held});
    train.assign(chosen.begin() + held, chosen.end());
  }
  parts.train.assign(std::move(train));
  parts.test.assign(std::move(test));
  return parts;
}

Trainer::Trainer(Session &session, const Parts &parts, const TrainerOptions &options)
    : session(session), program(session.getProgram()), parts(parts), options(options),
      train(program.function("train")) {
  const TrainSettings &settings = program.train;
  int64_t rows = std::max<int64_t>(1, trainRows());
  batch = settings.batch > 0 ? std::min(settings.batch, rows) : rows;
  epochs = settings.epochs;
  if (settings.steps > 0)
    epochs = 0;
  steps = epochs > 0 ? epochs * stepsPerEpoch() : settings.steps;
  if (epochs == 0)
    epochsBetweenEvaluations = std::max<int64_t>(1, steps / stepsPerEpoch() / kEvaluations);
  keepsBest = !settings.keepMetric.empty();
  if (train)
    lossOutput = train->output("loss");
}

Status Trainer::check() const {
  const std::string &name = program.name;
  if (!train || !train->single || !lossOutput)
    return Status::error(
        "'" + name +
        "' does not say what to train: it needs a 'train { ... }' with a loss and an optimizer");
  if (trainRows() == 0)
    return Status::error("the training part of the data has no rows");
  if (batch > train->batch)
    return Status::error("'" + name + "' was compiled for batches of at most " +
                         std::to_string(train->batch) + " rows, and this batch has " +
                         std::to_string(batch));
  if (parts.validation.size() == 0)
    return Status();
  const FunctionInfo *evaluate = program.function("evaluate");
  if (!evaluate)
    return Status::error("'" + name +
                         "' holds rows out for validation but has nothing to evaluate");
  const std::string &metric = program.train.keepMetric;
  if (!metric.empty() && !program.metric(metric))
    return Status::error("'" + name + "' keeps the best by '" + metric +
                         "', which is not a single number of its evaluation");
  return Status();
}

bool Trainer::finished() const {
  int64_t patience = program.train.patience;
  return (state.step >= steps && state.judged == state.step) ||
         (patience > 0 && state.waited >= patience);
}

bool Trainer::evaluationDue() const {
  return state.step >= steps || state.epoch % epochsBetweenEvaluations == 0;
}

bool Trainer::saveDue() const {
  return save && !options.savePath.empty() && options.saveEvery > 0 &&
         state.step % options.saveEvery == 0 && state.step != lastSavedStep;
}

Status Trainer::run() {
  if (Status status = check(); !status.ok())
    return status;
  startTime = lastEvaluation = lastProgress = now();
  firstStep = state.step;
  lastSavedStep = state.step;
  orderEpoch = 0;
  dlrt_frame &frame = session.getFrame();
  frame.seed = options.seed;
  frame.total_steps = steps;
  Status status;
  while (status.ok() && !finished()) {
    status = session.runsSteps() ? runOnDevice() : session.runSequence(nextStep, this);
    if (status.ok() && stopRequested()) {
      wasInterrupted = true;
      break;
    }
    if (status.ok() && saveDue())
      status = saveNow();
    if (status.ok() && (state.position == trainRows() || state.step >= steps))
      status = finishEpoch();
  }
  frame.step = frame.epoch = 0;
  if (status.ok() && !options.savePath.empty())
    status = saveNow();
  if (Status health = session.health(); !health.ok())
    return rescue(health);
  if (status.ok() && wasInterrupted && options.events)
    options.events->interrupted(state.step, steps, options.savePath);
  if (!best.empty())
    session.restoreVariables(best);
  return status;
}

const Routine *Trainer::nextStep(void *self, dlrt_frame &frame) {
  return static_cast<Trainer *>(self)->nextStep(frame);
}

const Routine *Trainer::nextStep(dlrt_frame &frame) {
  if (rowsInFlight > 0)
    finishStep();
  if (stopRequested() || state.step >= steps || saveDue())
    return nullptr;
  if (state.position == trainRows()) {
    if (evaluationDue())
      return nullptr;
    nextEpoch();
  }
  if (orderEpoch != state.epoch)
    startEpoch();
  rowsInFlight = std::min(batch, trainRows() - state.position);
  frame.indices = order.data() + state.position;
  frame.rows = frame.total_rows = rowsInFlight;
  frame.step = state.step + 1;
  frame.epoch = state.epoch;
  return train->single;
}

/// As nextStep() does, but for many steps at once: the host looks up between them only often enough
/// to show progress and to be stopped.
Status Trainer::runOnDevice() {
  dlrt_frame &frame = session.getFrame();
  while (!stopRequested() && state.step < steps && !saveDue()) {
    if (state.position == trainRows()) {
      if (evaluationDue())
        return Status();
      nextEpoch();
    }
    if (orderEpoch != state.epoch)
      startEpoch();
    int64_t left = trainRows() - state.position, rows = std::min(batch, left);
    int64_t count = std::min({left / rows, steps - state.step, Session::kStepsAtOnce});
    if (save && options.saveEvery > 0)
      count = std::min(count, options.saveEvery - state.step % options.saveEvery);
    frame.rows = frame.total_rows = rows;
    frame.step = state.step + 1;
    frame.epoch = state.epoch;
    Session::Steps next{*train, order, orderNumber, state.position, rows, count};
    if (Status status = session.runSteps(next, state.lossSum); !status.ok())
      return status;
    state.position += rows * count;
    state.step += count;
    showProgress();
  }
  return Status();
}

void Trainer::finishStep() {
  state.lossSum += session.scalar(*lossOutput) * static_cast<double>(rowsInFlight);
  state.position += rowsInFlight;
  ++state.step;
  rowsInFlight = 0;
  showProgress();
}

void Trainer::startEpoch() {
  orderEpoch = state.epoch;
  // A batch of all rows is the same in any order.
  if (!program.train.shuffle || batch >= trainRows()) {
    if (order.size() == 0) {
      order = parts.train;
      ++orderNumber;
    }
    return;
  }
  ++orderNumber;
  shuffled.assign(parts.train.begin(), parts.train.end());
  shuffleRows(shuffled.data(), trainRows(), options.seed, state.epoch, kForEpoch);
  order.assign(shuffled);
}

void Trainer::nextEpoch() {
  ++state.epoch;
  state.position = 0;
  state.lossSum = 0;
}

Status Trainer::finishEpoch() {
  // From a device that fails nothing can be read any more.
  if (session.runsSteps() && save && !options.savePath.empty())
    if (Status status = keep(); !status.ok())
      return status;
  EpochEvent event;
  event.epoch = state.epoch;
  event.epochs = epochs;
  event.step = state.step;
  event.steps = steps;
  event.loss = state.lossSum / static_cast<double>(std::max<int64_t>(1, state.position));
  if (parts.validation.size() > 0)
    if (Status status = evaluate(event.validation); !status.ok())
      return status;
  if (Status status = session.health(); !status.ok())
    return status;
  judge(event.loss, event);
  state.judged = state.step;
  if (state.position == trainRows()) // else the last step was within an epoch
    nextEpoch();
  double time = now();
  event.seconds = time - lastEvaluation;
  lastEvaluation = time;
  if (options.events)
    options.events->epoch(event);
  if (options.savePath.empty() || finished() || time - lastSave < kSaveInterval)
    return Status();
  return saveNow();
}

Status Trainer::evaluate(std::vector<std::pair<std::string, double>> &out) {
  const FunctionInfo &function = *program.function("evaluate");
  if (Status status = session.stream(function, parts.validation); !status.ok())
    return status;
  if (const OutputInfo *loss = program.metric("loss"))
    out.emplace_back("loss", session.scalar(*loss));
  for (const ReportEntry &entry : program.report)
    if (const OutputInfo *output = program.metric(entry.name); output && entry.name != "loss")
      out.emplace_back(entry.name, session.scalar(*output));
  return Status();
}

void Trainer::judge(double loss, EpochEvent &event) {
  const TrainSettings &settings = program.train;
  if (!keepsBest && settings.patience == 0)
    return;
  double value = loss;
  bool highest = false;
  if (!event.validation.empty()) {
    std::string metric = keepsBest ? settings.keepMetric : "loss";
    highest = keepsBest && settings.keepHighest;
    for (const auto &[name, validated] : event.validation)
      if (name == metric)
        value = validated;
  }
  if (state.bestEpoch > 0 && !isBetter(value, state.bestValue, highest)) {
    ++state.waited;
    return;
  }
  event.best = true;
  state.bestValue = value;
  state.bestEpoch = state.epoch;
  state.waited = 0;
  if (keepsBest)
    session.copyVariables(best);
}

void Trainer::showProgress() {
  if (!options.events)
    return;
  double time = now();
  if (time - lastProgress < kProgressInterval)
    return;
  lastProgress = time;
  ProgressEvent event;
  event.step = state.step;
  event.steps = steps;
  event.epoch = state.epoch;
  event.epochs = epochs;
  event.loss = state.lossSum / static_cast<double>(std::max<int64_t>(1, state.position));
  event.rate = static_cast<double>(state.step - firstStep) / (time - startTime);
  event.secondsLeft = static_cast<double>(steps - state.step) / event.rate;
  options.events->progress(event);
}

Status Trainer::keep() {
  std::vector<uint8_t> variables;
  session.copyVariables(variables);
  if (Status status = session.health(); !status.ok())
    return status;
  kept = {state, std::move(variables), best};
  return Status();
}

Status Trainer::saveNow() {
  if (!save)
    return Status();
  Status status = keep();
  if (status.ok())
    status = saveKept();
  if (!session.runsSteps())
    kept = Snapshot(); // on a processor nothing is lost
  return status;
}

Status Trainer::saveKept() {
  if (Status status = save(saveContext, options.savePath, kept); !status.ok())
    return status;
  lastSavedStep = kept.state.step;
  lastSave = now();
  if (options.events)
    options.events->saved(options.savePath, kept.state.step);
  return Status();
}

Status Trainer::rescue(const Status &error) {
  if (!save || options.savePath.empty())
    return error;
  if (kept.variables.empty())
    return Status::error(error.message() + "; no epoch was at its end, so nothing was saved",
                         error.code());
  const TrainState &state = kept.state;
  bool atStart = state.position == 0, atEnd = state.position == trainRows();
  std::string which = (atStart || atEnd ? "after epoch " : "in epoch ") +
                      std::to_string(state.epoch - atStart) + " (step " +
                      std::to_string(state.step) + ")";
  Status saved = lastSavedStep == state.step ? Status() : saveKept();
  return Status::error(
      error.message() + "; the state " + which +
          (saved.ok() ? " is in " + options.savePath + ": go on with --resume " + options.savePath
                      : " could not be saved: " + saved.message()),
      error.code());
}

void dlrt::shuffleRows(int32_t *rows, int64_t count, uint64_t seed, uint64_t epoch,
                       uint32_t purpose) {
  uint32_t words[4];
  for (int64_t left = count; left > 1; --left) {
    uint64_t draw = static_cast<uint64_t>(count - left);
    if (draw % 4 == 0)
      philox(draw / 4, epoch, purpose, seed, words);
    // A word scaled to 0 ... left - 1: the bias is below left / 2^32.
    uint64_t other = words[draw % 4] * static_cast<uint64_t>(left) >> 32;
    std::swap(rows[left - 1], rows[other]);
  }
}

//===- Commands.cpp - run and eval ----------------------------------------------------------===//
#include "Commands.h"
#include "Experiment.h"

#include <csignal>

using namespace dlrt;

namespace {
std::atomic<bool> interruptRequested{false};
std::atomic<int> signalReceived{0};
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<int>::is_always_lock_free,
              "they are set in a signal handler");

/// Makes the signals that end a process ask for the end after the step: Ctrl-C and SIGTERM, the
/// loss of the terminal, and of whoever reads the output. A second one ends the process as usual,
/// and those that are to be ignored still are.
class InterruptScope {
public:
  explicit InterruptScope(bool active) : active(active) {
    if (!active)
      return;
    interruptRequested = false;
    signalReceived = 0;
    struct sigaction action{};
    action.sa_handler = [](int signal) {
      signalReceived.store(signal, std::memory_order_relaxed);
      interruptRequested.store(true, std::memory_order_relaxed);
    };
    action.sa_flags = SA_RESETHAND | SA_RESTART;
    for (int i = 0; i < kSignals; ++i) {
      sigaction(numbers[i], nullptr, &old[i]);
      if (old[i].sa_handler != SIG_IGN)
        sigaction(numbers[i], &action, nullptr);
    }
  }
  ~InterruptScope() {
    for (int i = 0; i < kSignals && active; ++i)
      sigaction(numbers[i], &old[i], nullptr);
  }

private:
  static constexpr int kSignals = 4;
  static constexpr int numbers[kSignals] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  const bool active;
  struct sigaction old[kSignals] = {};
};

/// The observer that the options ask for.
std::unique_ptr<Events> makeEvents(const RunOptions &options) {
  if (options.events)
    return nullptr;
  if (options.json)
    return std::make_unique<JsonEvents>(options.out);
  return std::make_unique<ConsoleEvents>(options.out, options.err, options.quiet);
}

/// One call of a command: its experiment and whom to tell.
struct Command {
  Command(const RunOptions &options, const Program &program)
      : options(options), start(options.startTime > 0 ? options.startTime : now()),
        experiment(options, program), owned(makeEvents(options)),
        events(options.events ? *options.events : *owned) {}

  void tellPlan() {
    const Program &program = experiment.program;
    PlanEvent plan;
    plan.program = program.name;
    plan.parameters = program.parameters;
    plan.memory = experiment.session->memory();
    plan.compileSeconds = options.compileSeconds;
    plan.threads = experiment.session->threads();
    plan.device = experiment.session->device();
    plan.precision = program.precision;
    plan.loop = experiment.session->loop();
    plan.measuredTiles = program.measuredTiles;
    plan.trainRows = experiment.parts.train.size();
    plan.validationRows = experiment.parts.validation.size();
    plan.testRows = experiment.parts.test.size();
    events.plan(plan);
  }

  Status tellReport(const Series *untrained, double trainSeconds, bool interrupted) {
    const RowList &rows = experiment.parts.reportRows();
    Report report;
    Status status = makeReport(*experiment.session, rows, untrained, experiment.state, report);
    if (!status.ok())
      return status;
    if (Status health = experiment.session->health(); !health.ok())
      return health;
    std::vector<std::string> plots;
    if (!options.plotFolder.empty())
      status = writePlots(report, options.plotFolder, plots);
    ReportEvent event;
    event.report = &report;
    event.part = experiment.parts.test.size() ? "test" : "all";
    event.rows = rows.size();
    event.trainSeconds = trainSeconds;
    event.totalSeconds = now() - start;
    event.stateHash = experiment.session->stateHash();
    event.interrupted = interrupted;
    if (Status health = experiment.session->health(); !health.ok())
      return health;
    events.report(event);
    for (const std::string &plot : plots)
      events.wrote(plot);
    return status;
  }

  const RunOptions &options;
  double start;
  Experiment experiment;
  std::unique_ptr<Events> owned;
  Events &events;
};

/// What the trainer's save needs.
struct SaveContext {
  Experiment &experiment;

  static Status save(void *self, const std::string &path, const Snapshot &snapshot) {
    Experiment &experiment = static_cast<SaveContext *>(self)->experiment;
    experiment.state.train = snapshot.state;
    return saveState(path, experiment.program, experiment.state, snapshot.variables, snapshot.best);
  }
};

bool hasPlot(const Program &program) {
  for (const ReportEntry &entry : program.report)
    if (entry.kind == "plot")
      return true;
  return false;
}

template <typename Run>
Status withProgram(const dlrt_program *table, const DeviceChoice &device, Run run) {
  std::unique_ptr<Program> program;
  Status status = Program::create(table, device, program);
  return status.ok() ? run(*program) : status;
}
} // namespace

Status dlrt::runCommand(const RunOptions &options, const Program &program) {
  Command command(options, program);
  Experiment &experiment = command.experiment;
  std::optional<InterruptScope> interrupts(std::in_place, !options.stop);
  Status status = options.save.empty() ? Status() : checkWritable(options.save);
  if (status.ok())
    status = experiment.open();
  if (status.ok())
    status = experiment.loadRows();
  if (!status.ok())
    return status;

  TrainerOptions trainerOptions;
  trainerOptions.seed = experiment.state.seed;
  trainerOptions.savePath = options.save;
  trainerOptions.saveEvery = options.saveEvery;
  trainerOptions.stop = options.stop ? options.stop : &interruptRequested;
  trainerOptions.events = &command.events;
  Trainer trainer(*experiment.session, experiment.parts, trainerOptions);
  experiment.session->getFrame().total_steps = trainer.totalSteps();
  status = trainer.check();
  if (status.ok())
    status = experiment.initialize();
  Series untrained;
  if (status.ok() && hasPlot(program))
    status = computeSeries(*experiment.session, experiment.parts.reportRows(), untrained);
  if (status.ok() && !options.resume.empty())
    status = experiment.restore(&trainer.best);
  if (!status.ok())
    return status;
  if (!options.save.empty())
    experiment.state.fingerprint = experiment.fingerprint();
  command.tellPlan();

  trainer.state = experiment.state.train;
  SaveContext context{experiment};
  trainer.onSave(SaveContext::save, &context);
  double trainStart = now();
  status = trainer.run();
  interrupts.reset();
  double trainSeconds = now() - trainStart;
  if (!trainer.interrupted())
    signalReceived = 0; // it came too late to end anything
  // What a training came to is reported even if it could not be saved; not after an error of the
  // device, which nothing can be read from any more.
  Status reported = command.tellReport(&untrained, trainSeconds, !trainer.finished());
  return status.ok() ? reported : status;
}

int dlrt::interruptSignal() { return signalReceived; }

Status dlrt::evalCommand(const RunOptions &options, const Program &program) {
  Command command(options, program);
  Experiment &experiment = command.experiment;
  Status status = experiment.open(/*ownWeights=*/true);
  if (status.ok())
    status = experiment.checkWeights();
  if (status.ok())
    status = experiment.loadRows();
  if (status.ok())
    status = experiment.restore(nullptr);
  if (!status.ok())
    return status;
  return command.tellReport(nullptr, 0, false);
}

Status dlrt::runCommand(const RunOptions &options, const dlrt_program *table) {
  return withProgram(table, options.device,
                     [&](const Program &program) { return runCommand(options, program); });
}

Status dlrt::evalCommand(const RunOptions &options, const dlrt_program *table) {
  return withProgram(table, options.device,
                     [&](const Program &program) { return evalCommand(options, program); });
}

Status dlrt::predictCommand(const RunOptions &options, const dlrt_program *table) {
  return withProgram(table, options.device,
                     [&](const Program &program) { return predictCommand(options, program); });
}

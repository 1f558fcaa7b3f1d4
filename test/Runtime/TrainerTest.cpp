//===- TrainerTest.cpp - Every example once an epoch, and the same bits after any resume
//---------===//
#include "Commands.h"
#include "Experiment.h"
#include "FakeProgram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include <unistd.h>

using namespace dlrt;

namespace {
const char kPlain[] = R"("batch": 16, "epochs": 4, "seed": 7)";
const char kValidated[] =
    R"("batch": 16, "epochs": 6, "seed": 7, "validate": 0.2, "keep": {"metric": "score", "best": "highest"})";

/// Collects what a run tells.
struct Recorder : Events {
  std::vector<EpochEvent> epochs;
  std::vector<std::string> saves;
  Report finalReport;
  std::string hash, part;
  int64_t reportRows = 0;
  bool wasInterrupted = false;
  int64_t interruptedAt = -1;
  PlanEvent lastPlan;
  void plan(const PlanEvent &event) override { lastPlan = event; }
  void epoch(const EpochEvent &event) override { epochs.push_back(event); }
  void saved(const std::string &path, int64_t) override { saves.push_back(path); }
  void interrupted(int64_t step, int64_t, const std::string &) override { interruptedAt = step; }
  void report(const ReportEvent &event) override {
    finalReport = *event.report;
    hash = event.stateHash;
    part = event.part;
    reportRows = event.rows;
    wasInterrupted = event.interrupted;
  }
};

std::atomic<bool> stop{false};

class TrainerTest : public ::testing::Test {
protected:
  void SetUp() override {
    fake::clear();
    stop = false;
    folder = ::testing::TempDir() + "dlrt-trainer-" + std::to_string(getpid()) + "-";
  }
  void TearDown() override {
    for (const std::string &file : files)
      unlink(file.c_str());
  }
  std::string file(const std::string &name) {
    files.insert(folder + name);
    return folder + name;
  }

  Status run(const std::string &train, Recorder &recorder, RunOptions options = {},
             const std::string &split = "") {
    std::string manifest = fake::manifest(train, split);
    dlrt_program program = fake::program(manifest);
    options.events = &recorder;
    options.stop = &stop;
    return runCommand(options, &program);
  }

  std::string folder;
  std::set<std::string> files;
};

TEST_F(TrainerTest, UsesEveryExampleOnceAnEpoch) {
  Recorder recorder;
  Status status = run(kPlain, recorder);
  ASSERT_TRUE(status.ok()) << status.message();
  ASSERT_EQ(fake::steps.size(), 4u * 7);
  std::vector<std::vector<int32_t>> orders;
  for (int64_t epoch = 1; epoch <= 4; ++epoch) {
    std::vector<int32_t> rows;
    for (const fake::Step &step : fake::steps)
      if (step.epoch == epoch)
        rows.insert(rows.end(), step.indices.begin(), step.indices.end());
    orders.push_back(rows);
    std::sort(rows.begin(), rows.end());
    ASSERT_EQ(rows.size(), static_cast<size_t>(fake::kRows));
    for (int32_t row = 0; row < fake::kRows; ++row)
      ASSERT_EQ(rows[row], row);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_EQ(recorder.epochs.size(), 4u);
  EXPECT_LT(recorder.epochs[3].loss, recorder.epochs[0].loss);
}

TEST_F(TrainerTest, TheLastBatchIsSmaller) {
  Recorder recorder;
  ASSERT_TRUE(run(kPlain, recorder).ok());
  for (const fake::Step &step : fake::steps)
    EXPECT_EQ(step.rows, step.step % 7 == 0 ? 103 - 6 * 16 : 16);
}

TEST_F(TrainerTest, StepsEndInsideAnEpoch) {
  Recorder recorder;
  ASSERT_TRUE(run(R"("batch": 16, "steps": 10)", recorder).ok());
  ASSERT_EQ(fake::steps.size(), 10u);
  EXPECT_EQ(fake::steps.back().epoch, 2);
  EXPECT_EQ(recorder.epochs.back().step, 10);
}

TEST_F(TrainerTest, KeepsTheOrderWhereNoShuffleIsWanted) {
  Recorder recorder;
  ASSERT_TRUE(run(R"("batch": 16, "epochs": 2, "shuffle": false)", recorder).ok());
  for (const fake::Step &step : fake::steps)
    EXPECT_EQ(step.indices[0], (step.step - 1) % 7 * 16);
}

TEST_F(TrainerTest, PartsDoNotOverlap) {
  Recorder recorder;
  ASSERT_TRUE(
      run(kValidated, recorder, {}, R"("train": 0.8, "test": 0.2, "seed": 3, "shuffle": true)")
          .ok());
  std::set<int32_t> trained, validated, tested;
  for (const fake::Step &step : fake::steps)
    trained.insert(step.indices.begin(), step.indices.end());
  ASSERT_EQ(fake::evaluated.size(), 7u); // six epochs and the report
  validated.insert(fake::evaluated[0].begin(), fake::evaluated[0].end());
  tested.insert(fake::evaluated[6].begin(), fake::evaluated[6].end());
  EXPECT_EQ(fake::evaluated[0], fake::evaluated[5]);
  EXPECT_EQ(validated.size(), static_cast<size_t>(recorder.lastPlan.validationRows));
  EXPECT_EQ(tested.size(), fake::evaluated[6].size());
  EXPECT_EQ(trained.size() + validated.size() + tested.size(), static_cast<size_t>(fake::kRows));
  trained.insert(validated.begin(), validated.end());
  trained.insert(tested.begin(), tested.end());
  EXPECT_EQ(trained.size(), static_cast<size_t>(fake::kRows));
  EXPECT_EQ(recorder.part, "test");
  EXPECT_NEAR(static_cast<double>(tested.size()), 20.6, 1);
}

TEST_F(TrainerTest, KeepsTheBest) {
  fake::scores = {0.1f, 0.9f, 0.3f, 0.2f, 0.1f, 0.4f};
  Recorder recorder;
  ASSERT_TRUE(run(kValidated, recorder).ok());
  ASSERT_EQ(recorder.epochs.size(), 6u);
  EXPECT_TRUE(recorder.epochs[1].best);
  EXPECT_FALSE(recorder.epochs[2].best);
  // The same as two epochs alone, but for the schedule, which this program does not use.
  fake::clear();
  Recorder two;
  ASSERT_TRUE(run(R"("batch": 16, "epochs": 2, "seed": 7, "validate": 0.2)", two).ok());
  EXPECT_EQ(recorder.hash, two.hash);
}

TEST_F(TrainerTest, PatienceEnds) {
  fake::scores = {0.1f, 0.9f, 0.3f, 0.2f, 0.95f, 0.4f};
  Recorder recorder;
  ASSERT_TRUE(run(std::string(kValidated) + R"(, "patience": 2)", recorder).ok());
  EXPECT_EQ(recorder.epochs.size(), 4u);
}

TEST_F(TrainerTest, ThreadsDoNotChangeTheBits) {
  std::string hash;
  for (int threads : {1, 2, 3, 5}) {
    fake::clear();
    Recorder recorder;
    RunOptions options;
    options.threads = threads;
    ASSERT_TRUE(run(kValidated, recorder, options).ok());
    if (hash.empty())
      hash = recorder.hash;
    EXPECT_EQ(recorder.hash, hash) << threads << " threads";
  }
}

TEST_F(TrainerTest, SeedsChangeTheBits) {
  Recorder first, second;
  RunOptions options;
  options.seed = 8;
  ASSERT_TRUE(run(kPlain, first).ok());
  ASSERT_TRUE(run(kPlain, second, options).ok());
  EXPECT_NE(first.hash, second.hash);
}

/// Stops after each step in turn, resumes, and compares with a run that was never stopped.
class ResumeTest : public TrainerTest, public ::testing::WithParamInterface<const char *> {};

int64_t stopAfter = 0;

TEST_P(ResumeTest, GivesTheSameBitsFromAnyStep) {
  const std::vector<float> scores = {0.1f, 0.9f, 0.3f, 0.95f, 0.1f, 0.4f, 0.2f};
  fake::scores = scores;
  Recorder whole;
  ASSERT_TRUE(run(GetParam(), whole).ok());
  int64_t steps = fake::steps.back().step;
  for (stopAfter = 1; stopAfter < steps; ++stopAfter) {
    fake::clear();
    fake::scores = scores;
    fake::afterStep = [](int64_t step) {
      if (step == stopAfter)
        stop = true;
    };
    Recorder first, second;
    RunOptions options;
    options.save = file("state");
    ASSERT_TRUE(run(GetParam(), first, options).ok());
    ASSERT_TRUE(first.wasInterrupted);
    ASSERT_EQ(first.interruptedAt, stopAfter);
    stop = false;
    // The report of the first run has used up a score that is not the training's.
    size_t used = first.epochs.size();
    fake::clear();
    fake::scores.assign(scores.begin() + used, scores.end());
    RunOptions resume;
    resume.resume = file("state");
    resume.threads = 1 + stopAfter % 2;
    Status status = run(GetParam(), second, resume);
    ASSERT_TRUE(status.ok()) << status.message();
    ASSERT_EQ(fake::steps.front().step, stopAfter + 1);
    ASSERT_EQ(second.hash, whole.hash) << "stopped after step " << stopAfter;
    ASSERT_EQ(second.epochs.back().loss, whole.epochs.back().loss);
    ASSERT_EQ(first.epochs.size() + second.epochs.size(), whole.epochs.size());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Settings, ResumeTest,
    ::testing::Values(
        kPlain, kValidated, R"("batch": 16, "steps": 25)",
        R"("batch": 16, "epochs": 6, "validate": 0.2, "keep": {"metric": "score", "best": "highest"}, "patience": 2)"));

TEST_F(TrainerTest, SavesEverySoManySteps) {
  Recorder recorder;
  RunOptions options;
  options.save = file("often");
  options.saveEvery = 5;
  ASSERT_TRUE(run(kPlain, recorder, options).ok());
  EXPECT_GE(recorder.saves.size(), 28u / 5 + 1);
}

TEST_F(TrainerTest, AFinishedRunMayBeReportedAgain) {
  Recorder first, second;
  RunOptions options;
  options.save = file("done");
  ASSERT_TRUE(run(kValidated, first, options).ok());
  RunOptions resume;
  resume.resume = file("done");
  fake::steps.clear();
  ASSERT_TRUE(run(kValidated, second, resume).ok());
  EXPECT_TRUE(fake::steps.empty());
  EXPECT_EQ(first.hash, second.hash);
}

TEST_F(TrainerTest, RefusesAForeignCheckpoint) {
  Recorder recorder;
  RunOptions options;
  options.save = file("foreign");
  ASSERT_TRUE(run(kPlain, recorder, options).ok());
  std::string manifest = fake::manifest(kPlain);
  std::string shape = R"("shape": [3], "offset": 12)";
  manifest.replace(manifest.find(shape), shape.size(), R"("shape": [2], "offset": 12)");
  dlrt_program program = fake::program(manifest);
  RunOptions resume;
  resume.resume = file("foreign");
  resume.events = &recorder;
  fake::clear();
  Status status = runCommand(resume, &program);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("'sgd.momentum' is f32[3] there and f32[2] here"),
            std::string::npos)
      << status.message();
  EXPECT_TRUE(fake::steps.empty());
}

TEST_F(TrainerTest, RefusesOtherData) {
  Recorder recorder;
  RunOptions options;
  options.save = file("other");
  ASSERT_TRUE(run(kPlain, recorder, options).ok());
  options.resume = options.save;
  options.save.clear();
  options.seed = 99;
  Status status = run(kPlain, recorder, options);
  EXPECT_NE(status.message().find("is from a run with seed 7, not 99"), std::string::npos);
}

TEST_F(TrainerTest, LearnsTheLine) {
  Recorder recorder;
  ASSERT_TRUE(run(R"("batch": 16, "epochs": 200)", recorder).ok());
  const ReportItem *mse = recorder.finalReport.find("mse");
  ASSERT_NE(mse, nullptr);
  EXPECT_LT(mse->values[0], 1e-4);
  EXPECT_EQ(recorder.part, "all");
  EXPECT_EQ(recorder.reportRows, fake::kRows);
  EXPECT_NEAR(recorder.finalReport.find("norms")->values[1], 3, 0.02);
  const ReportItem *plot = recorder.finalReport.find("plot");
  ASSERT_EQ(plot->plot.curves.size(), 3u);
  EXPECT_EQ(plot->plot.curves[2].label, "line(x), untrained");
  EXPECT_TRUE(std::is_sorted(plot->plot.x.begin(), plot->plot.x.end()));
  EXPECT_EQ(plot->plot.x.size(), static_cast<size_t>(fake::kRows));
}

TEST(Shuffle, IsAPermutationThatDependsOnEverything) {
  auto shuffled = [](uint64_t seed, uint64_t epoch, uint32_t purpose) {
    std::vector<int32_t> rows(1000);
    for (int i = 0; i < 1000; ++i)
      rows[i] = i;
    shuffleRows(rows.data(), 1000, seed, epoch, purpose);
    return rows;
  };
  std::vector<int32_t> base = shuffled(1, 1, 1);
  EXPECT_EQ(base, shuffled(1, 1, 1));
  EXPECT_NE(base, shuffled(2, 1, 1));
  EXPECT_NE(base, shuffled(1, 2, 1));
  EXPECT_NE(base, shuffled(1, 1, 2));
  std::sort(base.begin(), base.end());
  for (int i = 0; i < 1000; ++i)
    ASSERT_EQ(base[i], i);
}
} // namespace

//===- CApiTest.cpp - The interface for embedding ---------------------------------------------===//
#include "FakeProgram.h"
#include "dlrt/dlrt.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include <sched.h>
#include <unistd.h>

namespace {
const char kTrain[] = R"("batch": 16, "epochs": 3, "validate": 0.1)";

TEST(CApi, TrainsPredictsSavesAndLoads) {
  std::string manifest = fake::manifest(kTrain);
  dlrt_program program = fake::program(manifest);
  dlrt_net *net = nullptr, *other = nullptr;
  ASSERT_EQ(dlrt_net_create(&program, 2, &net), DLRT_OK) << dlrt_net_message(net);
  ASSERT_EQ(dlrt_net_create(&program, 1, &other), DLRT_OK);
  ASSERT_EQ(dlrt_net_field_count(net), 2);
  dlrt_field field;
  ASSERT_EQ(dlrt_net_field_info(net, 0, &field), DLRT_OK);
  EXPECT_STREQ(field.name, "x");
  EXPECT_EQ(field.elements, 2);
  EXPECT_EQ(field.predict_in, 1);
  EXPECT_EQ(dlrt_net_field_info(net, 2, &field), DLRT_INVALID);
  EXPECT_NE(std::string(dlrt_net_message(net)), "");

  std::vector<float> x, y;
  for (int i = 0; i < 48; ++i) {
    x.push_back(std::sin(i * 0.37f));
    x.push_back(std::cos(i * 1.9f));
    y.push_back(x[2 * i] + 2 * x[2 * i + 1]);
  }
  const void *fields[] = {x.data(), y.data()};
  ASSERT_EQ(dlrt_net_init(net, 5, 300), DLRT_OK);
  ASSERT_EQ(dlrt_net_fit(net, fields, 48), DLRT_OK);
  double loss = 0;
  for (int step = 0; step < 300; ++step) {
    const void *batch[] = {x.data() + step % 3 * 32, y.data() + step % 3 * 16};
    ASSERT_EQ(dlrt_net_train(net, batch, 16, &loss), DLRT_OK) << dlrt_net_message(net);
  }
  EXPECT_EQ(dlrt_net_train(net, fields, 17, &loss), DLRT_INVALID);
  ASSERT_EQ(dlrt_net_evaluate(net, fields, 48, &loss), DLRT_OK);
  EXPECT_LT(loss, 1e-4);
  double metric = 0;
  ASSERT_EQ(dlrt_net_metric(net, "mse", &metric), DLRT_OK);
  EXPECT_EQ(metric, loss);
  EXPECT_EQ(dlrt_net_metric(net, "nothing", &metric), DLRT_INVALID);

  std::string path = ::testing::TempDir() + "dlrt-capi-" + std::to_string(getpid());
  ASSERT_EQ(dlrt_net_save(net, path.c_str()), DLRT_OK) << dlrt_net_message(net);
  ASSERT_EQ(dlrt_net_load(other, path.c_str()), DLRT_OK) << dlrt_net_message(other);
  std::vector<float> first(48), second(48);
  const void *inputs[] = {x.data(), nullptr};
  ASSERT_EQ(dlrt_net_predict(net, inputs, 48, first.data()), DLRT_OK);
  ASSERT_EQ(dlrt_net_predict(other, inputs, 48, second.data()), DLRT_OK);
  EXPECT_EQ(first, second);
  EXPECT_NEAR(first[47], y[47], 0.02);
  EXPECT_EQ(dlrt_net_evaluate(net, inputs, 48, &loss), DLRT_INVALID);
  EXPECT_EQ(dlrt_net_load(other, "/nonexistent"), DLRT_FILE_FAILED);
  unlink(path.c_str());
  dlrt_net_release(net);
  dlrt_net_release(other);

  ASSERT_EQ(dlrt_net_open("/nonexistent.so", 0, &net), DLRT_OPEN_FAILED);
  EXPECT_NE(std::string(dlrt_net_message(net)), "");
  EXPECT_EQ(dlrt_net_predict(net, fields, 1, first.data()), DLRT_INVALID);
  EXPECT_EQ(dlrt_net_init(net, 0, 1), DLRT_UNSUPPORTED);
  dlrt_net_release(net);
  dlrt_net_release(nullptr);
}

/// A net of the fake program, whose y is a class of two where asked, with rows for it.
class NetTest : public ::testing::Test {
protected:
  void open(bool classes = false, int64_t threads = 1) {
    manifest = fake::manifest(kTrain);
    size_t at = manifest.find(R"("name": "y", "type": "f32", "shape": [])");
    if (classes)
      manifest.replace(at, 39, R"("name": "y", "type": "i32", "shape": [], "classes": 2)");
    program = fake::program(manifest);
    status = dlrt_net_create(&program, threads, &net);
  }
  void TearDown() override { dlrt_net_release(net); }
  std::string message() const { return dlrt_net_message(net); }

  std::string manifest;
  dlrt_program program;
  dlrt_net *net = nullptr;
  dlrt_status status = DLRT_OK;
  float x[32] = {}, y[16] = {};
  const void *fields[2] = {x, y};
  double value = -1;
};

TEST_F(NetTest, KeepsTheNumbersOfTheLastEvaluation) {
  open();
  ASSERT_EQ(dlrt_net_init(net, 5, 10), DLRT_OK);
  EXPECT_EQ(dlrt_net_metric(net, "mse", &value), DLRT_INVALID);
  EXPECT_EQ(message(), "nothing was evaluated yet");
  for (int i = 0; i < 16; ++i)
    y[i] = i;
  double loss = 0;
  ASSERT_EQ(dlrt_net_evaluate(net, fields, 16, &loss), DLRT_OK);
  // What other calls leave in memory does not matter.
  ASSERT_EQ(dlrt_net_train(net, fields, 16, nullptr), DLRT_OK);
  ASSERT_EQ(dlrt_net_metric(net, "mse", &value), DLRT_OK);
  EXPECT_EQ(value, loss);
  ASSERT_EQ(dlrt_net_metric(net, "loss", &value), DLRT_OK);
  EXPECT_EQ(value, loss);
  EXPECT_EQ(dlrt_net_metric(net, "confusion", &value), DLRT_INVALID);
  EXPECT_EQ(message(), "no number of the evaluation is named 'confusion'");
}

TEST_F(NetTest, RefusesNumbersThatAreNoClasses) {
  open(/*classes=*/true);
  ASSERT_EQ(status, DLRT_OK) << message();
  ASSERT_EQ(dlrt_net_init(net, 5, 10), DLRT_OK);
  int32_t labels[16] = {};
  fields[1] = labels;
  EXPECT_EQ(dlrt_net_train(net, fields, 16, &value), DLRT_OK);
  for (int32_t wrong : {2, -1}) {
    labels[7] = wrong;
    EXPECT_EQ(dlrt_net_train(net, fields, 16, &value), DLRT_INVALID);
    EXPECT_EQ(message(), "the rows, example 7: the label " + std::to_string(wrong) +
                             " is not in class(2) of 'y'");
    EXPECT_EQ(dlrt_net_evaluate(net, fields, 16, &value), DLRT_INVALID);
  }
  EXPECT_EQ(dlrt_net_evaluate(net, fields, 7, &value), DLRT_OK);
}

TEST_F(NetTest, RefusesAnImpossibleNumberOfThreads) {
  for (int64_t threads : {int64_t(-1), int64_t(1) << 32 | 1}) {
    open(false, threads);
    EXPECT_EQ(status, DLRT_INVALID);
    EXPECT_NE(message().find("1 to 1024"), std::string::npos) << message();
    dlrt_net_release(net);
  }
  EXPECT_EQ(dlrt_net_create(nullptr, 1, &net), DLRT_INVALID);
  EXPECT_EQ(message(), "there is no program");
}

TEST_F(NetTest, LeavesTheCallersCpusAlone) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  open(false, CPU_COUNT(&before));
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST_F(NetTest, SavesToFilesOnly) {
  open();
  ASSERT_EQ(dlrt_net_init(net, 5, 10), DLRT_OK);
  EXPECT_EQ(dlrt_net_save(net, "/dev/null"), DLRT_FILE_FAILED);
  EXPECT_NE(message().find("a device"), std::string::npos) << message();
}
} // namespace

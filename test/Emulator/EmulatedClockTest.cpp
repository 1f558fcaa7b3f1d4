//===- EmulatedClockTest.cpp - Times that are known beforehand --------------------------------===//
#include "EmulatorTesting.h"

using namespace emulator;

namespace {
class EmulatedClock : public EmulatorTest {
protected:
  void TearDown() override {
    unsetenv("DLC_EMULATOR_CLOCK");
    EmulatorTest::TearDown();
  }

  /// The milliseconds of a launch of so many blocks, by a clock of that rule.
  float measure(const char *rule, unsigned blocks) {
    setenv("DLC_EMULATOR_CLOCK", rule, 1);
    start();
    void *events[2];
    for (void *&event : events)
      EXPECT_EQ(cuda().cuEventCreate(&event, 0), CUDA_SUCCESS);
    std::vector<int> numbers(32 * blocks);
    EXPECT_EQ(cuda().cuEventRecord(events[0], nullptr), CUDA_SUCCESS);
    EXPECT_EQ(launch("reverseBlocks", {blocks, 32, 32 * sizeof(int)}, upload(numbers),
                     upload(numbers), 0),
              CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuEventRecord(events[1], nullptr), CUDA_SUCCESS);
    EXPECT_EQ(cuda().cuEventSynchronize(events[1]), CUDA_SUCCESS);
    float milliseconds = -1;
    EXPECT_EQ(cuda().cuEventElapsedTime(&milliseconds, events[0], events[1]), CUDA_SUCCESS);
    return milliseconds;
  }
};

TEST_F(EmulatedClock, MakesUpTimes) {
  EXPECT_FLOAT_EQ(measure("few", 3), 30);
  EXPECT_FLOAT_EQ(measure("few", 5), 50);
  EXPECT_FLOAT_EQ(measure("many", 4), 2500);
  EXPECT_FLOAT_EQ(measure("many", 5), 2000);
}

TEST_F(EmulatedClock, RefusesOtherRules) {
  setenv("DLC_EMULATOR_CLOCK", "slow", 1);
  cuda().dlc_emulator_reset();
  ::testing::internal::CaptureStderr();
  EXPECT_EQ(cuda().cuInit(0), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "dlc emulator: DLC_EMULATOR_CLOCK: expects few or many, found 'slow'\n");
}
} // namespace

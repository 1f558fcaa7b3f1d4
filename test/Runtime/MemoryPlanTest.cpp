//===- MemoryPlanTest.cpp - Data that fits lies on the device, other data streams -----------===//
#include "Gpu/MemoryPlan.h"
#include "FakeProgram.h"

#include <gtest/gtest.h>

using namespace dlrt;

namespace {
class MemoryPlanTest : public ::testing::Test {
protected:
  void SetUp() override {
    manifest = fake::manifest(R"("batch": 16, "epochs": 4, "seed": 7)");
    table = fake::program(manifest);
    Status status = Program::create(&table, {}, program);
    ASSERT_TRUE(status.ok()) << status.message();
  }
  MemoryPlan plan(int64_t rows, size_t room) {
    return planMemory(*program, rows, std::vector<bool>(program->fields.size(), true), room);
  }

  std::string manifest;
  dlrt_program table;
  std::unique_ptr<Program> program;
};

TEST_F(MemoryPlanTest, DataThatFitsLiesOnTheDevice) {
  MemoryPlan whole = plan(100'000, SIZE_MAX);
  EXPECT_EQ(whole.windowRows, 0);
  EXPECT_EQ(whole.pinned, 0u);
  EXPECT_GE(whole.use().data, 100'000 * 12); // two numbers and one
  EXPECT_LT(whole.use().data, 100'000 * 12 + 1024);
  size_t total = static_cast<size_t>(whole.use().total());
  EXPECT_EQ(plan(100'000, total).windowRows, 0);
  EXPECT_GT(plan(100'000, total - 1).windowRows, 0);
}

TEST_F(MemoryPlanTest, WindowsHoldWholeBatchesAndShrinkWithTheRoom) {
  MemoryPlan large = plan(100'000, size_t(1) << 20);
  EXPECT_EQ(large.windowRows, Session::kStepsAtOnce * 16);
  EXPECT_EQ(large.pinned, 2u * large.windowRows * 12);
  EXPECT_LE(large.use().total(), 1 << 20);
  MemoryPlan smaller = plan(100'000, large.use().total() - 1);
  EXPECT_LT(smaller.windowRows, large.windowRows);
  EXPECT_EQ(smaller.windowRows % 16, 0);
  EXPECT_LT(smaller.use().total(), large.use().total());
  // With no room at all it is what takes least, for the caller to refuse.
  EXPECT_EQ(plan(100'000, 0).windowRows, 16);
}

TEST_F(MemoryPlanTest, FewRowsAreNeverStreamedThroughMoreThanTheyTake) {
  EXPECT_EQ(plan(16, 0).windowRows, 0);
}

TEST_F(MemoryPlanTest, FieldsThatAreNotGivenTakeNothing) {
  MemoryPlan none = planMemory(*program, 1000, {false, false}, SIZE_MAX);
  EXPECT_EQ(none.use().data, 0);
  EXPECT_GE(none.indices, 16 * sizeof(int32_t));
}

TEST(MemoryPlan, TheDriverKeepsSome) {
  EXPECT_EQ(roomOf(3200, 3200), 3100u);
  EXPECT_EQ(roomOf(50, 3200), 0u);
  size_t large = size_t(80) << 30;
  EXPECT_EQ(roomOf(large, large), large - (size_t(512) << 20));
}
} // namespace

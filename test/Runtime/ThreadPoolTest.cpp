//===- ThreadPoolTest.cpp - Every thread runs, barriers hold ----------------------------------===//
#include "ThreadPool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstring>

#include <unistd.h>

using namespace dlrt;

namespace {
struct Counts {
  std::vector<int> calls; // per thread, each written by its thread alone
  int64_t threads = 0;
};

void countCall(void *context, int64_t thread, int64_t threads) {
  Counts *counts = static_cast<Counts *>(context);
  ++counts->calls[thread];
  if (thread == 0)
    counts->threads = threads;
}

/// Each thread writes its cell, waits, and adds up all cells: wrong as soon as a barrier lets one
/// through.
struct Relay {
  ThreadPool *pool;
  std::vector<int64_t> cells;
  std::atomic<int64_t> mistakes{0};
  int rounds;
};

void relay(void *context, int64_t thread, int64_t threads) {
  Relay *state = static_cast<Relay *>(context);
  for (int round = 1; round <= state->rounds; ++round) {
    state->cells[thread] = round;
    state->pool->barrier();
    int64_t sum = 0;
    for (int64_t i = 0; i < threads; ++i)
      sum += state->cells[i];
    if (sum != round * threads)
      ++state->mistakes;
    state->pool->barrier();
  }
}

class ThreadPoolTest : public ::testing::TestWithParam<int> {};

/// The bits of a subnormal number, halved where the compiler cannot see it. As numbers they would
/// all be equal to 0 where a flush has leaked.
uint32_t halvedSubnormal() {
  volatile float small = 1e-39f;
  float half = small * 0.5f;
  uint32_t bits;
  memcpy(&bits, &half, sizeof(bits));
  return bits;
}

TEST_P(ThreadPoolTest, SubnormalNumbersAreZeroInARunAndNotAfterIt) {
  ThreadPool pool(GetParam());
  std::vector<uint32_t> seen(GetParam(), 1);
  pool.run(
      [](void *context, int64_t thread, int64_t) {
        (*static_cast<std::vector<uint32_t> *>(context))[thread] = halvedSubnormal();
      },
      &seen);
  for (uint32_t bits : seen)
    EXPECT_EQ(bits, 0u);
  EXPECT_NE(halvedSubnormal(), 0u);
}

TEST_P(ThreadPoolTest, CallsEveryThreadOncePerRun) {
  ThreadPool pool(GetParam());
  ASSERT_EQ(pool.threads(), GetParam());
  Counts counts;
  counts.calls.assign(GetParam(), 0);
  for (int i = 0; i < 1000; ++i)
    pool.run(countCall, &counts);
  EXPECT_EQ(counts.threads, GetParam());
  for (int calls : counts.calls)
    EXPECT_EQ(calls, 1000);
}

TEST_P(ThreadPoolTest, BarrierHoldsEveryThread) {
  ThreadPool pool(GetParam());
  Relay state{&pool, std::vector<int64_t>(GetParam()), {}, 2000};
  pool.run(relay, &state);
  EXPECT_EQ(state.mistakes, 0);
}

TEST_P(ThreadPoolTest, WakesAfterSleep) {
  ThreadPool pool(GetParam());
  Relay state{&pool, std::vector<int64_t>(GetParam()), {}, 3};
  for (int i = 0; i < 20; ++i) {
    usleep(2000); // long enough for the workers to fall asleep
    pool.run(relay, &state);
  }
  EXPECT_EQ(state.mistakes, 0);
}

INSTANTIATE_TEST_SUITE_P(Threads, ThreadPoolTest, ::testing::Values(1, 2, 3, 8));

TEST(ThreadPool, StartsAndEndsManyTimes) {
  for (int i = 0; i < 200; ++i) {
    ThreadPool pool(1 + i % 4);
    Counts counts;
    counts.calls.assign(4, 0);
    if (i % 3)
      pool.run(countCall, &counts);
  }
}

TEST(ThreadPool, GivesTheCallersCpusBack) {
  cpu_set_t before, after;
  ASSERT_EQ(sched_getaffinity(0, sizeof(before), &before), 0);
  {
    ThreadPool pool(CPU_COUNT(&before), /*mayPin=*/true);
  }
  ASSERT_EQ(sched_getaffinity(0, sizeof(after), &after), 0);
  EXPECT_TRUE(CPU_EQUAL(&before, &after));
}

TEST(ThreadPool, RunsACompiledFunction) {
  ThreadPool pool(3);
  dlrt_frame frame{};
  int64_t sums[3] = {};
  frame.arena = reinterpret_cast<uint8_t *>(sums);
  pool.run(
      [](dlrt_frame *frame, int64_t thread, int64_t threads) {
        int64_t *cells = reinterpret_cast<int64_t *>(frame->arena);
        cells[thread] = thread + 1;
        frame->barrier(frame, thread);
        if (thread == 0)
          cells[0] += cells[1] + cells[2] + 10 * threads;
      },
      &frame);
  EXPECT_EQ(sums[0], 36);
}
} // namespace

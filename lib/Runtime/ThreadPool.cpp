//===- ThreadPool.cpp - Threads that run one function together ------------------------------===//
#include "ThreadPool.h"

#include "FlushSubnormals.h"

#include <algorithm>
#include <cstdio>

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace dlrt;

namespace {
/// Turns of the waiting loop before a thread sleeps: between barriers, and between runs. About 50
/// and 200 us.
constexpr int kBarrierSpins = 2000;
constexpr int kDispatchSpins = 8000;
/// Where threads have to share CPUs, spinning keeps the one that is waited for from running.
constexpr int kCrowdedSpins = 10;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

void futexWait(std::atomic<uint32_t> &word, uint32_t expected) {
  static_assert(sizeof(word) == sizeof(uint32_t), "a futex is a plain 32-bit word");
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAIT_PRIVATE, expected, nullptr,
          nullptr, 0);
}

void futexWakeAll(std::atomic<uint32_t> &word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t *>(&word), FUTEX_WAKE_PRIVATE, 0x7fffffff, nullptr,
          nullptr, 0);
}

/// Waits until `word` is no longer `old`: spins, then sleeps.
void waitForChange(std::atomic<uint32_t> &word, uint32_t old, std::atomic<uint32_t> &sleepers,
                   int spins) {
  for (int i = 0; i < spins; ++i) {
    if (word.load(std::memory_order_acquire) != old)
      return;
    pause();
  }
  // Announce first, look again, sleep: the other side changes the word, then looks for sleepers.
  // Both in one total order, so one of the two sees the other.
  sleepers.fetch_add(1, std::memory_order_seq_cst);
  while (word.load(std::memory_order_seq_cst) == old)
    futexWait(word, old);
  sleepers.fetch_sub(1, std::memory_order_relaxed);
}

/// Sets `word` and wakes who sleeps on it.
void change(std::atomic<uint32_t> &word, uint32_t value, std::atomic<uint32_t> &sleepers) {
  word.store(value, std::memory_order_seq_cst);
  if (sleepers.load(std::memory_order_seq_cst) != 0)
    futexWakeAll(word);
}

/// CPUs that the cgroup's quota is worth, rounded up; 0 where there is no quota.
int quotaCpus() {
  FILE *file = fopen("/sys/fs/cgroup/cpu.max", "re");
  if (!file)
    return 0;
  long quota = 0, period = 0;
  int read = fscanf(file, "%ld %ld", &quota, &period); // "max 100000" reads no number
  fclose(file);
  return read == 2 && quota > 0 && period > 0 ? static_cast<int>((quota + period - 1) / period) : 0;
}

int affinityCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return sched_getaffinity(0, sizeof(set), &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

void setAffinity(pthread_t thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  pthread_setaffinity_np(thread, sizeof(set), &set); // a hint: failure changes only the speed
}

void frameBarrier(dlrt_frame *frame, int64_t) { static_cast<ThreadPool *>(frame->pool)->barrier(); }

struct FrameCall {
  dlrt_function function;
  dlrt_frame *frame;
};
} // namespace

int dlrt::availableCpus() {
  int quota = quotaCpus();
  int cpus = affinityCpus();
  return quota > 0 ? std::min(quota, cpus) : cpus;
}

void Barrier::wait() {
  uint32_t old = generation.load(std::memory_order_relaxed);
  if (arrived.fetch_add(1, std::memory_order_acq_rel) + 1 == threads) {
    arrived.store(0, std::memory_order_relaxed);
    change(generation, old + 1, sleepers);
    return;
  }
  waitForChange(generation, old, sleepers, spins);
}

ThreadPool::ThreadPool(int threads, bool mayPin) {
  bool crowded = threads > availableCpus();
  spins = crowded ? kCrowdedSpins : kDispatchSpins;
  for (int number = 1; number < threads; ++number) {
    auto worker = std::make_unique<Worker>();
    worker->pool = this;
    worker->number = number;
    if (pthread_create(&worker->handle, nullptr, enter, worker.get()) != 0)
      break;
    workers.push_back(std::move(worker));
  }
  // The workers look at what follows only after the first ticket.
  count = static_cast<int>(workers.size()) + 1;
  inner.configure(count, crowded ? kCrowdedSpins : kBarrierSpins);
  done.configure(count, crowded ? kCrowdedSpins : kBarrierSpins);
  if (mayPin && count > 1 && count == affinityCpus())
    pin();
}

ThreadPool::~ThreadPool() {
  if (count > 1) {
    body = nullptr;
    change(ticket, ticket.load(std::memory_order_relaxed) + 1, sleepers);
  }
  for (auto &worker : workers)
    pthread_join(worker->handle, nullptr);
  if (pinned)
    pthread_setaffinity_np(pthread_self(), sizeof(callersCpus), &callersCpus);
}

void ThreadPool::pin() {
  CPU_ZERO(&callersCpus);
  if (sched_getaffinity(0, sizeof(callersCpus), &callersCpus) != 0)
    return;
  pinned = true;
  int number = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE && number < count; ++cpu) {
    if (!CPU_ISSET(cpu, &callersCpus))
      continue;
    setAffinity(number == 0 ? pthread_self() : workers[number - 1]->handle, cpu);
    ++number;
  }
}

void *ThreadPool::enter(void *argument) {
  Worker *worker = static_cast<Worker *>(argument);
  worker->pool->work(worker->number);
  return nullptr;
}

void ThreadPool::work(int thread) {
  FlushSubnormals flush;
  // The pool's first run has ticket 1; a worker that starts late finds it already there.
  for (uint32_t last = 0;; ++last) {
    waitForChange(ticket, last, sleepers, last == 0 ? 0 : spins);
    if (!body)
      return;
    body(context, thread, count);
    done.wait();
  }
}

void ThreadPool::run(Body newBody, void *newContext) {
  FlushSubnormals flush;
  if (count == 1) {
    newBody(newContext, 0, 1);
    return;
  }
  body = newBody;
  context = newContext;
  change(ticket, ticket.load(std::memory_order_relaxed) + 1, sleepers);
  newBody(newContext, 0, count);
  done.wait();
}

void ThreadPool::attach(dlrt_frame *frame) {
  frame->barrier = frameBarrier;
  frame->pool = this;
}

void ThreadPool::run(dlrt_function function, dlrt_frame *frame) {
  attach(frame);
  FrameCall call{function, frame};
  run(
      [](void *context, int64_t thread, int64_t threads) {
        FrameCall *call = static_cast<FrameCall *>(context);
        call->function(call->frame, thread, threads);
      },
      &call);
}

//===- ThreadPool.h - Threads that run one function together --------------------------------===//
//
// A step is SPMD: every thread calls the same function with its number. The caller is thread 0.
// Threads spin for a short while between calls and then sleep on a futex, so a run that follows
// closely on the last one starts in well under a microsecond and an idle pool costs nothing.
//
//===----------------------------------------------------------------------------------------===//
#ifndef DLRT_THREADPOOL_H
#define DLRT_THREADPOOL_H

#include "dlrt/abi.h"

#include <atomic>
#include <memory>
#include <vector>

#include <pthread.h>
#include <sched.h>

namespace dlrt {

/// Number of CPUs that this process may use: its affinity mask, and its cgroup's quota where there
/// is one.
int availableCpus();

/// A place where all threads wait for each other. Reusable at once: the generation is the sense.
class Barrier {
public:
  /// Sets for how many threads it is and how long one spins before it sleeps. Before the first
  /// wait().
  void configure(int threadCount, int spinCount) {
    threads = static_cast<uint32_t>(threadCount);
    spins = spinCount;
  }
  /// Returns in every thread after all of them have called it; what each wrote before is then
  /// visible.
  void wait();

private:
  uint32_t threads = 1;
  int spins = 0;
  alignas(64) std::atomic<uint32_t> arrived{0};
  alignas(64) std::atomic<uint32_t> generation{0};
  std::atomic<uint32_t> sleepers{0};
};

/// A fixed set of threads. One thread at a time may call run(); the body must not call it again.
class ThreadPool {
public:
  /// What all threads run: body(context, thread, threads).
  using Body = void (*)(void *context, int64_t thread, int64_t threads);

  /// Starts threads - 1 workers. With `mayPin`, they and the caller's thread are pinned, one to a
  /// CPU, where the pool takes every CPU that the process may use; a smaller pool is left to the
  /// scheduler, which knows what else runs here. If the system refuses to start a thread, the pool
  /// is smaller than asked: see threads().
  explicit ThreadPool(int threads, bool mayPin = false);
  ~ThreadPool();
  ThreadPool(const ThreadPool &) = delete;
  ThreadPool &operator=(const ThreadPool &) = delete;

  int threads() const { return count; }

  /// Calls body(context, t, threads()) once on every thread and returns when all are done. In
  /// there, subnormal numbers count as 0.
  void run(Body body, void *context);

  /// The same for a compiled function. Sets the frame's barrier and pool.
  void run(dlrt_function function, dlrt_frame *frame);

  /// Makes `frame` usable by compiled functions that are called from inside a run() of this pool.
  void attach(dlrt_frame *frame);

  /// Waits for all threads of the current run().
  void barrier() {
    if (count > 1)
      inner.wait();
  }

private:
  struct Worker {
    ThreadPool *pool;
    int number;
    pthread_t handle;
  };
  static void *enter(void *worker);
  void work(int thread);
  void pin();

  int count = 1;
  int spins = 0;
  Barrier inner;                               // between kernels of one run
  Barrier done;                                // the end of a run
  alignas(64) std::atomic<uint32_t> ticket{0}; // raised by one for each run
  std::atomic<uint32_t> sleepers{0};
  Body body = nullptr; // null asks the workers to end
  void *context = nullptr;
  std::vector<std::unique_ptr<Worker>> workers;
  cpu_set_t callersCpus; // to give back to the caller's thread
  bool pinned = false;
};

} // namespace dlrt
#endif // DLRT_THREADPOOL_H

//===- Fibers.h - One stack for each GPU thread -----------------------------------------------===//
//
// A fiber runs until it suspends itself; the scheduler's own stack is the thread that resumes it.
// Only one host thread at a time uses fibers: the driver's lock sees to that.
//
//===------------------------------------------------------------------------------------------===//
#ifndef EMULATOR_FIBERS_H
#define EMULATOR_FIBERS_H

#include <cstddef>

namespace emulator {

class Fiber {
public:
  /// Takes the stack with that number from the pool (made on first use, kept for ever), and lets
  /// the next resume() call `entry`, which must never return: it suspends for good.
  void start(size_t stackNumber, void (*entry)());
  /// Runs the fiber until it suspends.
  void resume();
  /// From within a fiber: back to where it was resumed.
  void suspend();
  /// Whether the guard words at the stack's end are whole. Mends them.
  bool checkGuard();

private:
  void *stackPointer = nullptr;
  char *stack = nullptr;
};

} // namespace emulator
#endif // EMULATOR_FIBERS_H

//===- Fibers.cpp - One stack for each GPU thread ---------------------------------------------===//
#include "Fibers.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <sys/mman.h>

using namespace emulator;

// Saves what a called function must keep, swaps stacks, restores.
extern "C" void dlcEmulatorSwitch(void **from, void *to);
asm(R"(
  .text
  .globl dlcEmulatorSwitch
  .hidden dlcEmulatorSwitch
  .type dlcEmulatorSwitch, @function
dlcEmulatorSwitch:
  push %rbp
  push %rbx
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbx
  pop %rbp
  ret
  .size dlcEmulatorSwitch, . - dlcEmulatorSwitch
)");

namespace {
constexpr size_t kStackBytes = 32 << 10;
constexpr size_t kPage = 4096;
constexpr size_t kStacksPerChunk = 256;
constexpr size_t kGuardWords = 16;
constexpr uint64_t kGuard = 0x57ac6a2d57ac6a2d;

std::vector<char *> chunks; // never given back: a run uses the same stacks again and again
void *schedulerStackPointer;

void writeGuard(char *stack) {
  for (size_t i = 0; i < kGuardWords; ++i)
    reinterpret_cast<uint64_t *>(stack)[i] = kGuard;
}

char *stackAt(size_t number) {
  while (number >= chunks.size() * kStacksPerChunk) {
    size_t bytes = kStackBytes * kStacksPerChunk;
    void *mapping =
        mmap(nullptr, kPage + bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    char *chunk = static_cast<char *>(mapping) + kPage; // the page below the first stack faults
    if (mapping == MAP_FAILED || mprotect(chunk, bytes, PROT_READ | PROT_WRITE)) {
      std::perror("dlc emulator: no memory for the stacks of threads");
      std::abort();
    }
    chunks.push_back(chunk);
    for (size_t i = 0; i < kStacksPerChunk; ++i)
      writeGuard(chunks.back() + i * kStackBytes);
  }
  return chunks[number / kStacksPerChunk] + number % kStacksPerChunk * kStackBytes;
}
} // namespace

void Fiber::start(size_t stackNumber, void (*entry)()) {
  stack = stackAt(stackNumber);
  // Neighbours begin in different cache sets; else all of them would share a few.
  void **top = reinterpret_cast<void **>(stack + kStackBytes - stackNumber % 64 * 64);
  *--top = nullptr; // where entry would return to
  *--top = reinterpret_cast<void *>(entry);
  for (int i = 0; i < 6; ++i)
    *--top = nullptr;
  stackPointer = top;
}

void Fiber::resume() { dlcEmulatorSwitch(&schedulerStackPointer, stackPointer); }

void Fiber::suspend() { dlcEmulatorSwitch(&stackPointer, schedulerStackPointer); }

bool Fiber::checkGuard() {
  for (size_t i = 0; i < kGuardWords; ++i)
    if (reinterpret_cast<uint64_t *>(stack)[i] != kGuard) {
      writeGuard(stack);
      return false;
    }
  return true;
}

//===- CpuSession.cpp - A program on threads of the processor -------------------------------===//
#include "CpuSession.h"
#include "Peak.h"

#include <algorithm>
#include <cstring>

#include <sys/mman.h>

using namespace dlrt;

CpuSession::CpuSession(const Program &program, const SessionOptions &options)
    : Session(program), pool(std::max(1, options.threads), options.mayPin) {}

CpuSession::~CpuSession() {
  if (mapping)
    munmap(mapping, mappingBytes);
}

Status CpuSession::create(const Program &program, const SessionOptions &options,
                          std::unique_ptr<Session> &out) {
  if (Status status = program.checkProcessor(); !status.ok())
    return status;
  std::unique_ptr<CpuSession> session(new CpuSession(program, options));
  if (Status status = session->allocate(); !status.ok())
    return status;
  session->pool.attach(&session->frame);
  session->frame.arena = session->arena;
  out = std::move(session);
  return Status();
}

MemoryUse CpuSession::memory() const {
  MemoryUse use;
  use.arena = program.memoryBytes(threads());
  return use;
}

Status CpuSession::allocate() {
  // Pages come zeroed. From a few MiB on, aligned so that the kernel can back them by huge pages: a
  // step walks through all of the weights, and with small ones it misses the TLB at every page.
  constexpr size_t kHugePage = size_t(2) << 20;
  size_t bytes = std::max<size_t>(static_cast<size_t>(program.memoryBytes(threads())), 64);
  bool huge = bytes >= kHugePage / 8;
  mappingBytes = huge ? (bytes + kHugePage - 1) / kHugePage * kHugePage + kHugePage : bytes;
  void *pages =
      mmap(nullptr, mappingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (pages == MAP_FAILED)
    return Status::error("'" + program.name + "' needs " + std::to_string(bytes) +
                             " bytes of memory for its tensors, which the system refuses",
                         StatusCode::OutOfMemory);
  mapping = pages;
  uintptr_t start = reinterpret_cast<uintptr_t>(pages);
  if (huge) {
    start = (start + kHugePage - 1) / kHugePage * kHugePage;
    madvise(reinterpret_cast<void *>(start), mappingBytes - kHugePage, MADV_HUGEPAGE); // a hint
  }
  arena = reinterpret_cast<uint8_t *>(start);
  return Status();
}

void CpuSession::runBody(void *self, int64_t thread, int64_t threads) {
  CpuSession &session = *static_cast<CpuSession *>(self);
  for (;;) {
    if (thread == 0)
      session.current = session.next(session.context, session.frame);
    session.pool.barrier();
    const Routine *routine = session.current;
    if (!routine)
      return;
    routine->function(&session.frame, thread, threads);
    session.pool.barrier();
  }
}

Status CpuSession::runSequence(Next newNext, void *newContext) {
  next = newNext;
  context = newContext;
  pool.run(runBody, this);
  return Status();
}

Status CpuSession::run(const Routine &routine) {
  pool.run(routine.function, &frame);
  return Status();
}

double CpuSession::measurePeak() { return dlrt::measurePeak(pool, program.precision == "f64"); }

Status CpuSession::setFields(const void *const *fields, int64_t) {
  frame.fields = fields;
  return Status();
}

void CpuSession::read(int64_t offset, int64_t bytes, void *out) const {
  memcpy(out, arena + offset, bytes);
}

Status CpuSession::copyOut(int64_t offset, int64_t bytes, void *to) {
  read(offset, bytes, to);
  return Status();
}

void CpuSession::write(int64_t offset, int64_t bytes, const void *from) {
  memcpy(arena + offset, from, bytes);
}

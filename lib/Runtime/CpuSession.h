//===- CpuSession.h - A program on threads of the processor ---------------------------------===//
#ifndef DLRT_CPUSESSION_H
#define DLRT_CPUSESSION_H

#include "Session.h"
#include "ThreadPool.h"

namespace dlrt {

class CpuSession final : public Session {
public:
  static Status create(const Program &program, const SessionOptions &options,
                       std::unique_ptr<Session> &out);
  ~CpuSession() override;

  int threads() const override { return pool.threads(); }
  MemoryUse memory() const override;
  Status setFields(const void *const *fields, int64_t rows) override;
  /// The threads are woken only once.
  Status runSequence(Next next, void *context) override;
  Status run(const Routine &routine) override;
  double measurePeak() override;
  uint8_t *address(int64_t offset) const override { return arena + offset; }
  Status copyOut(int64_t offset, int64_t bytes, void *to) override;
  void read(int64_t offset, int64_t bytes, void *out) const override;
  void write(int64_t offset, int64_t bytes, const void *from) override;

private:
  CpuSession(const Program &program, const SessionOptions &options);
  Status allocate();
  static void runBody(void *self, int64_t thread, int64_t threads);

  ThreadPool pool;
  uint8_t *arena = nullptr;
  void *mapping = nullptr; // what to unmap; the arena starts at an aligned place in it
  size_t mappingBytes = 0;

  // What runSequence works on.
  Next next = nullptr;
  void *context = nullptr;
  const Routine *current = nullptr;
};

} // namespace dlrt
#endif // DLRT_CPUSESSION_H

//===- Session.h - A program with its memory, threads and data ------------------------------===//
#ifndef DLRT_SESSION_H
#define DLRT_SESSION_H

#include "Program.h"
#include "Status.h"
#include "ThreadPool.h"

#include <memory>
#include <string>
#include <vector>

namespace dlrt {

/// Numbers of rows of the data, in the order in which they are used. Behind the last one stand as
/// many copies of it as compiled code may read past the end.
class RowList {
public:
  RowList() = default;
  explicit RowList(std::vector<int32_t> rows) { assign(std::move(rows)); }
  void assign(std::vector<int32_t> rows);
  /// The rows 0 ... count - 1.
  static RowList firstRows(int64_t count);

  int64_t size() const { return count; }
  const int32_t *data() const { return padded.data(); }
  const int32_t *begin() const { return padded.data(); }
  const int32_t *end() const { return padded.data() + count; }

private:
  std::vector<int32_t> padded;
  int64_t count = 0;
};

/// The arena of a program, the threads that work on it, and the frame that its functions get. One
/// thread at a time may use a session; several sessions of one program are independent of each
/// other.
class Session {
public:
  /// Makes the arena, zeroed, and the threads, which may be pinned, the caller's among them, where
  /// the process has nothing else to do. The program must outlive the session.
  static Status create(const Program &program, int threads, bool mayPin,
                       std::unique_ptr<Session> &out);
  ~Session();
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  const Program &getProgram() const { return program; }
  dlrt_frame &getFrame() { return frame; }
  uint8_t *getArena() { return arena; }
  const uint8_t *getArena() const { return arena; }
  int threads() const { return pool.threads(); }

  /// Hands out what to call next: sets the frame and returns the function, or null at the end.
  /// Called by thread 0 alone, while no other thread is in a compiled function.
  using Next = dlrt_function (*)(void *context, dlrt_frame &frame);

  /// Calls on all threads what `next` hands out until it returns null; the threads are woken only
  /// once.
  void runSequence(Next next, void *context);

  /// Calls a function that works on no rows: generate, init, or what gives weights.
  void call(const FunctionInfo &function);

  /// Calls a training step on the rows that the frame was set to.
  void callStep(const FunctionInfo &function) { pool.run(function.single, &frame); }

  /// Calls `function` over `rows` in chunks of its batch: a streamed one with all its passes, any
  /// other once for each chunk. After each call of the latter, `onChunk(context, first, count)` may
  /// take the outputs.
  using OnChunk = void (*)(void *context, int64_t first, int64_t count);
  Status stream(const FunctionInfo &function, const RowList &rows, OnChunk onChunk = nullptr,
                void *context = nullptr);

  /// What the machine can do at most, on this session's threads, in GFLOP/s of the program's type.
  double measurePeak();

  /// The value of an output without dimensions.
  double scalar(const OutputInfo &output) const;
  /// Adds the values of an output to `out`; of a batched one, those of its first `rows` rows.
  void appendValues(const OutputInfo &output, int64_t rows, std::vector<double> &out) const;

  /// Copies one variable out of the arena or into it: `bytes` of the tensor, row-major. Nobody else
  /// need know how the program lays its variables out.
  void readVariable(const TensorInfo &tensor, uint8_t *out) const;
  void writeVariable(const TensorInfo &tensor, const uint8_t *from);
  /// The same for all variables (parameters, states, fitted values), one after the other.
  void copyVariables(std::vector<uint8_t> &out) const;
  void restoreVariables(const std::vector<uint8_t> &saved);

  /// 64 bits over the values of all parameters, as 16 hexadecimal digits.
  std::string stateHash() const;

private:
  Session(const Program &program, int threads, bool mayPin);
  Status allocate();
  static void runBody(void *self, int64_t thread, int64_t threads);

  const Program &program;
  ThreadPool pool;
  dlrt_frame frame{};
  uint8_t *arena = nullptr;
  void *mapping = nullptr; // what to unmap; the arena starts at an aligned place in it
  size_t mappingBytes = 0;

  // What runSequence works on.
  Next next = nullptr;
  void *context = nullptr;
  dlrt_function current = nullptr;
};

/// Calls a function once for each chunk of `rows` and puts the values of batched `outputs` one
/// after the other into the vectors of the same number in `sinks`.
Status collect(Session &session, const FunctionInfo &function, const RowList &rows,
               const std::vector<const OutputInfo *> &outputs,
               const std::vector<std::vector<double> *> &sinks);

/// As many threads as suit the program: one for small steps, where waiting for each other costs
/// more than it gains, else all CPUs.
int defaultThreads(const Program &program);

/// A number of type `type` at `place`.
double readNumber(ElementType type, const void *place);

/// A fast 64-bit hash of bytes, for telling states and data apart (not against an adversary). The
/// result of one call may seed the next.
uint64_t hashBytes(const void *data, size_t size, uint64_t seed = 0);
/// `hash` as 16 hexadecimal digits.
std::string hashText(uint64_t hash);

} // namespace dlrt
#endif // DLRT_SESSION_H

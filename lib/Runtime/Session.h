//===- Session.h - A program with its memory, threads and data ------------------------------===//
#ifndef DLRT_SESSION_H
#define DLRT_SESSION_H

#include "Program.h"
#include "Status.h"

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

/// How a session works.
struct SessionOptions {
  int threads = 1;     /// on a processor
  bool mayPin = false; /// threads, the caller's among them, to CPUs: where the process has nothing
                       /// else to do
  int device = 0;      /// which GPU, for a program that is made for one
};

/// The memory that a session takes of its device, in bytes. On a processor it is the arena alone:
/// the data stays where it is.
struct MemoryUse {
  int64_t arena = 0, data = 0, rowNumbers = 0, frame = 0;
  int64_t windowRows = 0; /// of each of two windows, where the data does not fit; else 0
  int64_t pinned = 0;     /// of the host's memory, from which the windows are filled

  int64_t total() const { return arena + data + rowNumbers + frame; }
};

/// The arena of a program, what works on it, and the frame that its functions get. One thread at a
/// time may use a session; several sessions of one program are independent of each other. On a
/// processor (CpuSession.h) or on a device (Gpu/GpuSession.h).
class Session {
public:
  /// Makes the arena, zeroed, and what works on it. The program must outlive the session.
  static Status create(const Program &program, const SessionOptions &options,
                       std::unique_ptr<Session> &out);
  virtual ~Session() = default;
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  const Program &getProgram() const { return program; }
  dlrt_frame &getFrame() { return frame; }
  /// How many threads of the processor share the work.
  virtual int threads() const { return 1; }

  /// Where it runs: "cpu", or the GPU by number and name.
  virtual std::string device() const { return "cpu"; }

  /// How training steps follow each other on a GPU: "graph", "persistent", or why not the one that
  /// the program prefers.
  virtual std::string loop() const { return ""; }

  /// What it takes of its device's memory, the data that it was given included.
  virtual MemoryUse memory() const = 0;

  /// Says where the data's `rows` rows lie: an array for each field, which may be null where no
  /// function that is called reads it. They must stay there.
  virtual Status setFields(const void *const *fields, int64_t rows) = 0;

  /// The same for arrays in the device's memory, which are used in place. Refuses others.
  virtual Status useFields(const void *const *fields, int64_t rows) {
    return setFields(fields, rows);
  }
  /// Refuses an array that does not have `bytes` in the device's memory, aligned so.
  virtual Status checkArray(const void *, int64_t /*bytes*/, int64_t /*alignment*/,
                            const std::string & /*what*/) const {
    return Status();
  }
  /// Where a place of the arena is in the device's memory.
  virtual uint8_t *address(int64_t offset) const = 0;
  /// Copies from the arena to an array in the device's memory, after all that has been run, and
  /// need not wait for it.
  virtual Status copyOut(int64_t offset, int64_t bytes, void *to) = 0;
  /// Has all further work done in a stream of the device's driver, or if null in the session's own.
  virtual Status setStream(void *stream);
  /// Refuses to work while the stream is being recorded.
  virtual Status checkStream() const { return Status(); }
  /// Waits for all that has been run.
  virtual Status synchronize() { return Status(); }

  /// Hands out what to run next: sets the frame and returns the routine, or null at the end.
  /// Nothing else runs meanwhile.
  using Next = const Routine *(*)(void *context, dlrt_frame &frame);

  /// Runs what `next` hands out until it returns null. An error is the device's.
  virtual Status runSequence(Next next, void *context) = 0;

  /// Runs one routine on the frame as it is.
  virtual Status run(const Routine &routine) = 0;

  /// Steps of a training that follow each other, each on the next `rows` rows of `order` from
  /// `first` on.
  struct Steps {
    const FunctionInfo &train;
    const RowList &order;
    int64_t orderNumber; /// differs where the order does
    int64_t first, rows, count;
  };
  /// Steps that a device makes at most between two looks of the host: some hundred microseconds of
  /// small ones.
  static constexpr int64_t kStepsAtOnce = 64;
  /// True where it is the device that goes from step to step: runSteps() then, in place of
  /// runSequence().
  virtual bool runsSteps() const { return false; }
  /// Runs steps, the first of which the frame counts. `lossSum` grows by the loss times the rows of
  /// each.
  virtual Status runSteps(const Steps &steps, double &lossSum);

  /// Calls a function that works on no rows: generate, init, or what gives weights.
  Status call(const FunctionInfo &function);

  /// Calls `function` over `rows` in chunks of its batch: a streamed one with all its passes, any
  /// other once for each chunk. After each call of the latter, `onChunk(context, first, count)` may
  /// take the outputs.
  using OnChunk = void (*)(void *context, int64_t first, int64_t count);
  Status stream(const FunctionInfo &function, const RowList &rows, OnChunk onChunk = nullptr,
                void *context = nullptr);

  /// What the processor can do at most, on this session's threads, in GFLOP/s of the program's
  /// type; 0 where that is not known.
  virtual double measurePeak() { return 0; }

  /// The seconds that a device takes for one of `calls` runs of a routine that follow each other,
  /// on the frame as it is.
  virtual Status measure(const Routine &routine, int64_t calls, double &outSeconds);
  /// How many bytes a second a device reads and writes, both together, where it copies its memory;
  /// 0 where there is no room for that.
  virtual Status measureCopy(double &outRate);

  /// What went wrong on the device since the session was made: what is read after that is 0.
  virtual Status health() const { return Status(); }

  /// Copies bytes of the arena, after all that has been run.
  virtual void read(int64_t offset, int64_t bytes, void *out) const = 0;
  virtual void write(int64_t offset, int64_t bytes, const void *from) = 0;

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

protected:
  explicit Session(const Program &program) : program(program) {}

  const Program &program;
  dlrt_frame frame{};

private:
  void copyAtOnce(std::vector<uint8_t> &out) const;
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

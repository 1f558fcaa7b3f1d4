//===- Session.cpp - A program with its memory, threads and data ----------------------------===//
#include "Session.h"
#include "Peak.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

#include <sys/mman.h>

using namespace dlrt;

void RowList::assign(std::vector<int32_t> rows) {
  count = static_cast<int64_t>(rows.size());
  padded = std::move(rows);
  // A batch may start at any place, so a whole tile may be read from the last row on, and as many
  // rows behind the batch as are in it.
  padded.resize(2 * padded.size() + DLRT_ROW_TILE, count ? padded.back() : 0);
}

RowList RowList::firstRows(int64_t count) {
  std::vector<int32_t> rows(count);
  for (int64_t i = 0; i < count; ++i)
    rows[i] = static_cast<int32_t>(i);
  return RowList(std::move(rows));
}

Session::Session(const Program &program, int threads, bool mayPin)
    : program(program), pool(threads, mayPin) {}

Session::~Session() {
  if (mapping)
    munmap(mapping, mappingBytes);
}

Status Session::create(const Program &program, int threads, bool mayPin,
                       std::unique_ptr<Session> &out) {
  if (Status status = program.checkProcessor(); !status.ok())
    return status;
  std::unique_ptr<Session> session(new Session(program, std::max(1, threads), mayPin));
  if (Status status = session->allocate(); !status.ok())
    return status;
  session->pool.attach(&session->frame);
  session->frame.arena = session->arena;
  out = std::move(session);
  return Status();
}

Status Session::allocate() {
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

void Session::runBody(void *self, int64_t thread, int64_t threads) {
  Session &session = *static_cast<Session *>(self);
  for (;;) {
    if (thread == 0)
      session.current = session.next(session.context, session.frame);
    session.pool.barrier();
    dlrt_function function = session.current;
    if (!function)
      return;
    function(&session.frame, thread, threads);
    session.pool.barrier();
  }
}

void Session::runSequence(Next newNext, void *newContext) {
  next = newNext;
  context = newContext;
  pool.run(runBody, this);
}

double Session::measurePeak() { return dlrt::measurePeak(pool, program.precision == "f64"); }

void Session::call(const FunctionInfo &function) {
  frame.rows = frame.total_rows = function.rows;
  pool.run(function.single, &frame);
}

namespace {
/// Walks through the calls of a function over its rows.
struct Stream {
  const FunctionInfo &function;
  const RowList &rows;
  Session::OnChunk onChunk;
  void *context;
  bool started = false;
  bool ended = false;
  size_t pass = 0;
  int64_t first = 0, count = 0;

  static dlrt_function next(void *self, dlrt_frame &frame) {
    return static_cast<Stream *>(self)->next(frame);
  }

  dlrt_function next(dlrt_frame &frame) {
    if (!started) {
      started = true;
      frame.rows = frame.total_rows = rows.size();
      frame.indices = rows.data();
      if (function.reset)
        return function.reset;
    }
    if (count > 0 && onChunk && function.single)
      onChunk(context, first, count);
    first += count;
    if (first == rows.size()) {
      first = count = 0;
      ++pass;
    }
    size_t passes = function.single ? 1 : function.passes.size();
    if (pass < passes && rows.size() > 0) {
      count = std::min(function.batch, rows.size() - first);
      frame.indices = rows.data() + first;
      frame.rows = count;
      if (function.single)
        frame.total_rows = count;
      return function.single ? function.single : function.passes[pass];
    }
    if (ended || !function.final)
      return nullptr;
    ended = true;
    frame.rows = rows.size();
    return function.final;
  }
};
} // namespace

Status Session::stream(const FunctionInfo &function, const RowList &rows, OnChunk onChunk,
                       void *chunkContext) {
  bool takesAll = !function.single || onChunk || rows.size() <= function.batch;
  if (!takesAll)
    return Status::error("'" + function.name + "' of '" + program.name + "' takes at most " +
                         std::to_string(function.batch) + " rows, not " +
                         std::to_string(rows.size()));
  Stream stream{function, rows, onChunk, chunkContext};
  frame.step = frame.epoch = 0;
  runSequence(Stream::next, &stream);
  return Status();
}

Status dlrt::collect(Session &session, const FunctionInfo &function, const RowList &rows,
                     const std::vector<const OutputInfo *> &outputs,
                     const std::vector<std::vector<double> *> &sinks) {
  struct Collector {
    Session &session;
    const std::vector<const OutputInfo *> &outputs;
    const std::vector<std::vector<double> *> &sinks;
  } collector{session, outputs, sinks};
  for (size_t i = 0; i < outputs.size(); ++i)
    sinks[i]->reserve(sinks[i]->size() + outputs[i]->elements(rows.size()));
  return session.stream(
      function, rows,
      [](void *context, int64_t, int64_t count) {
        Collector &collector = *static_cast<Collector *>(context);
        for (size_t i = 0; i < collector.outputs.size(); ++i)
          collector.session.appendValues(*collector.outputs[i], count, *collector.sinks[i]);
      },
      &collector);
}

int dlrt::defaultThreads(const Program &program) {
  constexpr int64_t kSmallStep = 4000000; // FLOP: about 20 us on one thread
  return program.flop < kSmallStep ? 1 : availableCpus();
}

double dlrt::readNumber(ElementType type, const void *place) {
  switch (type) {
  case ElementType::F32: {
    float value;
    memcpy(&value, place, sizeof(value));
    return value;
  }
  case ElementType::F64: {
    double value;
    memcpy(&value, place, sizeof(value));
    return value;
  }
  case ElementType::I32: {
    int32_t value;
    memcpy(&value, place, sizeof(value));
    return value;
  }
  case ElementType::U8:
  case ElementType::Bool:
    break;
  }
  return *static_cast<const uint8_t *>(place);
}

double Session::scalar(const OutputInfo &output) const {
  return readNumber(output.type, arena + output.offset);
}

void Session::appendValues(const OutputInfo &output, int64_t rows, std::vector<double> &out) const {
  int64_t count = output.elements(rows);
  int64_t size = elementSize(output.type);
  for (int64_t i = 0; i < count; ++i)
    out.push_back(readNumber(output.type, arena + output.offset + i * size));
}

/// Calls `copy(offset in row-major order, offset in the arena, bytes)` for each piece of a variable
/// that lies together in both.
template <typename Copy> static void forEachPiece(const TensorInfo &tensor, Copy copy) {
  if (tensor.panel == 0)
    return copy(0, 0, tensor.bytes);
  int64_t rows = tensor.shape[0], panels = tensor.shape[1] / tensor.panel;
  int64_t piece = tensor.panel * elementSize(tensor.type);
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t panel = 0; panel < panels; ++panel)
      copy((row * panels + panel) * piece, (panel * rows + row) * piece, piece);
}

void Session::readVariable(const TensorInfo &tensor, uint8_t *out) const {
  forEachPiece(tensor, [&](int64_t outside, int64_t inside, int64_t bytes) {
    memcpy(out + outside, arena + tensor.offset + inside, bytes);
  });
}

void Session::writeVariable(const TensorInfo &tensor, const uint8_t *from) {
  forEachPiece(tensor, [&](int64_t outside, int64_t inside, int64_t bytes) {
    memcpy(arena + tensor.offset + inside, from + outside, bytes);
  });
}

void Session::copyVariables(std::vector<uint8_t> &out) const {
  out.clear();
  for (const TensorInfo &tensor : program.tensors) {
    out.resize(out.size() + tensor.bytes);
    readVariable(tensor, out.data() + out.size() - tensor.bytes);
  }
}

void Session::restoreVariables(const std::vector<uint8_t> &saved) {
  size_t from = 0;
  for (const TensorInfo &tensor : program.tensors) {
    writeVariable(tensor, saved.data() + from);
    from += tensor.bytes;
  }
}

std::string Session::stateHash() const {
  uint64_t hash = 0;
  std::vector<uint8_t> values;
  for (const TensorInfo &tensor : program.tensors) {
    if (tensor.kind != "param")
      continue;
    values.resize(tensor.bytes);
    readVariable(tensor, values.data());
    hash = hashBytes(values.data(), tensor.bytes, hash);
  }
  return hashText(hash);
}

namespace {
constexpr uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F;

uint64_t mix(uint64_t hash) {
  hash ^= hash >> 33;
  hash *= kPrime2;
  hash ^= hash >> 29;
  hash *= kPrime1;
  return hash ^ hash >> 32;
}

uint64_t round(uint64_t lane, uint64_t word) {
  lane += word * kPrime2;
  lane = lane << 31 | lane >> 33;
  return lane * kPrime1;
}
} // namespace

uint64_t dlrt::hashBytes(const void *data, size_t size, uint64_t seed) {
  // Four lanes in the manner of xxHash, so that it runs at the speed of memory.
  const uint8_t *bytes = static_cast<const uint8_t *>(data);
  uint64_t lanes[4] = {seed + kPrime1, seed ^ kPrime2, seed, seed - kPrime1};
  size_t at = 0;
  for (; at + 32 <= size; at += 32)
    for (int lane = 0; lane < 4; ++lane) {
      uint64_t word;
      memcpy(&word, bytes + at + 8 * lane, 8);
      lanes[lane] = round(lanes[lane], word);
    }
  uint64_t hash = seed + size;
  for (uint64_t lane : lanes)
    hash = (hash ^ round(0, lane)) * kPrime1 + kPrime2;
  for (; at < size; ++at)
    hash = mix(hash ^ bytes[at]);
  return mix(hash);
}

std::string dlrt::hashText(uint64_t hash) {
  char buffer[20];
  snprintf(buffer, sizeof(buffer), "%016llx", static_cast<unsigned long long>(hash));
  return buffer;
}

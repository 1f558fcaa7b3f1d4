//===- Session.cpp - A program with its memory, threads and data ----------------------------===//
#include "Session.h"
#include "CpuSession.h"
#include "Gpu/GpuSession.h"
#include "ThreadPool.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

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

Status Session::create(const Program &program, const SessionOptions &options,
                       std::unique_ptr<Session> &out) {
  return program.isForDevice() ? GpuSession::create(program, options, out)
                               : CpuSession::create(program, options, out);
}

Status Session::runSteps(const Steps &, double &) {
  return Status::error("this session does not go from step to step by itself",
                       StatusCode::Internal);
}

Status Session::setStream(void *stream) {
  return stream ? Status::error("the net runs on the processor, which has no streams") : Status();
}

Status Session::measure(const Routine &, int64_t, double &) {
  return Status::error("this session has no clock of its own", StatusCode::Internal);
}

Status Session::measureCopy(double &) {
  return Status::error("this session has no memory of its own", StatusCode::Internal);
}

Status Session::call(const FunctionInfo &function) {
  frame.rows = frame.total_rows = function.rows;
  return run(*function.single);
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

  static const Routine *next(void *self, dlrt_frame &frame) {
    return static_cast<Stream *>(self)->next(frame);
  }

  const Routine *next(dlrt_frame &frame) {
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
  return runSequence(Stream::next, &stream);
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
  if (program.isForDevice())
    return 1;
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
  uint8_t bytes[8];
  read(output.offset, elementSize(output.type), bytes);
  return readNumber(output.type, bytes);
}

void Session::appendValues(const OutputInfo &output, int64_t rows, std::vector<double> &out) const {
  int64_t count = output.elements(rows);
  int64_t size = elementSize(output.type);
  std::vector<uint8_t> bytes(count * size);
  read(output.offset, count * size, bytes.data());
  for (int64_t i = 0; i < count; ++i)
    out.push_back(readNumber(output.type, bytes.data() + i * size));
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
    read(tensor.offset + inside, bytes, out + outside);
  });
}

void Session::writeVariable(const TensorInfo &tensor, const uint8_t *from) {
  forEachPiece(tensor, [&](int64_t outside, int64_t inside, int64_t bytes) {
    write(tensor.offset + inside, bytes, from + outside);
  });
}

/// Variables lie beside each other, and each read of a device is a wait.
void Session::copyAtOnce(std::vector<uint8_t> &out) const {
  int64_t first = program.arenaBytes, end = 0;
  for (const TensorInfo &tensor : program.tensors) {
    first = std::min(first, tensor.offset);
    end = std::max(end, tensor.offset + tensor.bytes);
  }
  std::vector<uint8_t> all(std::max<int64_t>(end - first, 0));
  if (!all.empty())
    read(first, end - first, all.data());
  for (const TensorInfo &tensor : program.tensors) {
    auto from = all.begin() + (tensor.offset - first);
    out.insert(out.end(), from, from + tensor.bytes);
  }
}

void Session::copyVariables(std::vector<uint8_t> &out) const {
  out.clear();
  if (program.isForDevice())
    return copyAtOnce(out);
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

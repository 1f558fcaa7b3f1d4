//===- RuntimeTargets.cpp - Readers of data, state files and manifests ----------------------===//
#include "Targets.h"

#include "Checkpoint.h"
#include "Dataset.h"
#include "Json.h"

#include <cstdlib>
#include <cstring>

using namespace dlrt;

/// The bytes as the readers get them: in a buffer of exactly their size.
static Buffer bufferOf(const uint8_t *data, size_t size) {
  Buffer buffer;
  if (!buffer.allocate(size))
    abort();
  if (size)
    memcpy(buffer.data(), data, size);
  return buffer;
}

/// A mistake comes with words for the user.
static void expectWords(const Status &status) {
  if (!status.ok() && status.message().empty())
    abort();
}

/// What was read can be read to its last element.
static void touch(const Array &array) {
  double sum = 0;
  for (int64_t i = 0; i < array.elements(); ++i)
    sum += array.data()[i * elementSize(array.type)];
  volatile double sink = sum;
  (void)sink;
}

void fuzzCsv(const uint8_t *data, size_t size) {
  Table table;
  Status status = parseCsv(reinterpret_cast<const char *>(data), size, "table", table);
  expectWords(status);
  if (!status.ok())
    return;
  double value = 0;
  for (const auto &row : table.rows) {
    if (row.size() != table.rows[0].size())
      abort();
    for (const std::string &cell : row)
      parseCell(cell, value);
  }
}

void fuzzIdx(const uint8_t *data, size_t size) {
  Array array;
  Status status = parseIdx(bufferOf(data, size), size, "array", array);
  expectWords(status);
  if (status.ok())
    touch(array);
}

void fuzzNpy(const uint8_t *data, size_t size) {
  Array array;
  Status status = parseNpy(bufferOf(data, size), size, "array", array);
  expectWords(status);
  if (status.ok())
    touch(array);
}

void fuzzSafetensors(const uint8_t *data, size_t size) {
  Checkpoint checkpoint;
  Status status = parseCheckpoint(bufferOf(data, size), size, "state", checkpoint);
  expectWords(status);
  if (!status.ok())
    return;
  unsigned sum = 0;
  for (const LoadedTensor &tensor : checkpoint.tensors)
    for (size_t i = 0; i < tensor.bytes; ++i)
      sum += tensor.data[i];
  volatile unsigned sink = sum;
  (void)sink;
}

void fuzzJson(const uint8_t *data, size_t size) {
  Json json;
  expectWords(Json::parse(std::string(reinterpret_cast<const char *>(data), size), json));
}

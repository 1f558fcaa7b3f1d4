//===- RuntimeTargets.cpp - Readers of data, state files and manifests ----------------------===//
#include "Targets.h"

#include "Checkpoint.h"
#include "Dataset.h"
#include "Json.h"
#include "JsonText.h"
#include "TableFields.h"

#include <cstring>

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, size) ((void)(address), (void)(size))
#endif

using namespace dlrt;

/// The bytes as the readers get them. The slack around them, which a reader has to leave alone, is
/// out of bounds for the sanitizer.
static Buffer bufferOf(const uint8_t *data, size_t size) {
  Buffer buffer;
  require(buffer.allocate(size), "there is memory for an input");
  if (size)
    memcpy(buffer.data(), data, size);
  ASAN_POISON_MEMORY_REGION(buffer.data() - Buffer::slack, Buffer::slack);
  ASAN_POISON_MEMORY_REGION(buffer.data() + size, Buffer::slack);
  return buffer;
}

/// A mistake comes with words for the user.
static bool accepted(const Status &status) {
  require(status.ok() == status.message().empty(), "a refusal has a reason");
  return status.ok();
}

/// What was read can be read to its last byte.
static void touch(const uint8_t *data, size_t size) {
  static volatile uint8_t sink;
  uint8_t all = 0;
  for (size_t i = 0; i < size; ++i)
    all ^= data[i];
  sink = all;
}

/// Reads every column, once as numbers and once as the words of classes.
static void readColumns(Table &table) {
  DataNames trained, learned;
  const std::string name = "table";
  FieldInfo number, word;
  word.type = ElementType::I32;
  word.classes = 3;
  TableFields fields(table, name, trained, learned);
  for (size_t column = 0; column < table.rows[0].size(); ++column)
    for (const FieldInfo &field : {number, word}) {
      Buffer values;
      if (accepted(fields.fill(field, {column}, values)))
        touch(values.data(), table.rows.size() * elementSize(field.type));
    }
}

void fuzzCsv(const uint8_t *data, size_t size) {
  Table table;
  if (!accepted(parseCsv(reinterpret_cast<const char *>(data), size, "table", table)))
    return;
  require(!table.rows.empty() && table.rows.size() == table.lines.size(), "every row has a line");
  size_t width = table.rows[0].size();
  require(table.header.empty() || table.header.size() == width, "every column has a name");
  for (const auto &row : table.rows)
    require(row.size() == width, "all rows are equally wide");
  readColumns(table);
}

using ArrayReader = Status (*)(Buffer &&, size_t, const std::string &, Array &);

static void fuzzArray(ArrayReader read, const uint8_t *data, size_t size) {
  Array array;
  if (!accepted(read(bufferOf(data, size), size, "array", array)))
    return;
  size_t bytes = static_cast<size_t>(array.elements() * elementSize(array.type));
  require(array.offset + bytes <= array.buffer.size(), "the elements lie in the buffer");
  touch(array.data(), bytes);
}

void fuzzIdx(const uint8_t *data, size_t size) { fuzzArray(parseIdx, data, size); }

void fuzzNpy(const uint8_t *data, size_t size) { fuzzArray(parseNpy, data, size); }

void fuzzSafetensors(const uint8_t *data, size_t size) {
  Checkpoint checkpoint;
  if (!accepted(parseCheckpoint(bufferOf(data, size), size, "state", checkpoint)))
    return;
  for (const LoadedTensor &tensor : checkpoint.tensors) {
    int64_t bytes = elementSize(tensor.type);
    for (int64_t dimension : tensor.shape)
      bytes *= dimension;
    require(bytes >= 0 && static_cast<size_t>(bytes) == tensor.bytes, "shape and size agree");
    require(checkpoint.find(tensor.name) == &tensor, "a tensor is found by its name");
    touch(tensor.data, tensor.bytes);
  }
}

static std::string write(const Json &json) {
  std::string text;
  switch (json.kind()) {
  case Json::Kind::Null:
    return "null";
  case Json::Kind::Bool:
    return json.boolean() ? "true" : "false";
  case Json::Kind::Number:
    return jsonNumber(json.number());
  case Json::Kind::String:
    return jsonString(json.string());
  case Json::Kind::Array:
    for (const Json &element : json.array())
      text += (text.empty() ? "" : ",") + write(element);
    return "[" + text + "]";
  case Json::Kind::Object:
    for (const auto &[name, value] : json.members())
      text += (text.empty() ? "" : ",") + jsonString(name) + ":" + write(value);
    return "{" + text + "}";
  }
}

void fuzzJson(const uint8_t *data, size_t size) {
  Json json, again, settled;
  if (!accepted(Json::parse(std::string(reinterpret_cast<const char *>(data), size), json)))
    return;
  // Bytes that are no UTF-8 become replacement characters; from then on nothing changes any more.
  require(Json::parse(write(json), again).ok(), "what is written can be read");
  std::string text = write(again);
  require(Json::parse(text, settled).ok() && write(settled) == text, "and reads back the same");
}

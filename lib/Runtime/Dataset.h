//===- Dataset.h - Fields of data, resident in memory ---------------------------------------===//
#ifndef DLRT_DATASET_H
#define DLRT_DATASET_H

#include "Json.h"
#include "Status.h"

#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace dlrt {

enum class ElementType { F32, F64, I32, U8, Bool };

/// Bytes of one element.
int64_t elementSize(ElementType type);
/// "f32", "f64", "i32", "u8" or "bool".
const char *elementName(ElementType type);
Status parseElementType(const std::string &name, ElementType &out);

/// One field of the data: what the program says of it.
struct FieldInfo {
  std::string name;
  ElementType type = ElementType::F32;
  std::vector<int64_t> shape; /// of one example
  int64_t classes = 0;        /// of a class label; else 0
  std::string sourceKind;     /// "array", "columns" or "generated"
  Json source;
  std::string missing; /// of missing cells: "drop" the row, "keep" them as NaN; else a mistake

  /// Elements of one example.
  int64_t elements() const;
};

/// The fields of a manifest.
Status parseFields(const Json &manifest, std::vector<FieldInfo> &out);

/// Memory for large arrays: aligned to cache lines, not zeroed.
class Buffer {
public:
  /// Room for `bytes` behind a slack of 64 bytes. Null if the system refuses.
  bool allocate(size_t bytes);
  uint8_t *data() { return memory.get() ? memory.get() + slack : nullptr; }
  const uint8_t *data() const { return memory.get() ? memory.get() + slack : nullptr; }
  size_t size() const { return bytes; }
  static constexpr size_t slack = 64;

private:
  struct Free {
    void operator()(uint8_t *p) const { free(p); }
  };
  std::unique_ptr<uint8_t, Free> memory;
  size_t bytes = 0;
};

/// What a training learns of the names in its data, and keeps with the weights.
struct DataNames {
  bool trained = false; /// whether a training was here; else there is nothing to go by yet
  /// The classes of a field that were given in words, in the order of their numbers, by the field's
  /// name.
  std::map<std::string, std::vector<std::string>> classes;
  /// The columns of a field that takes a range of them, by the field's name: other files may have
  /// them in another order.
  std::map<std::string, std::vector<std::string>> columns;
};

/// All rows of all fields, and which rows are for what.
struct Data : DataNames {
  std::vector<Buffer> arrays; /// one per field, row-major, in the field's type
  int64_t rows = 0;
  std::vector<int32_t> train, test; /// row numbers; test may be empty
};

class ReadAhead;

/// Generated fields by name: rows * elements numbers of the field's type.
using GeneratedFields = std::map<std::string, std::vector<uint8_t>>;

/// Loads the fields from the folder or file `path` (unused where all are generated) and splits the
/// rows as the manifest says. Words of a class are numbered as in `trained`, or, where it has none,
/// in sorted order. Files that were read ahead are taken from there.
Status loadData(const Json &manifest, const std::vector<FieldInfo> &fields, const std::string &path,
                const GeneratedFields &generated, const DataNames &trained, Data &out,
                ReadAhead *ahead = nullptr);

/// Refuses rows of a field with classes where one is not the number of a class; `name` is the
/// file's or whatever the rows are from.
Status checkLabels(const FieldInfo &field, const void *rows, int64_t count,
                   const std::string &name);

/// Puts a number into element `index` of an array; false if the type cannot hold it.
bool storeNumber(ElementType type, uint8_t *array, int64_t index, double value);

//===--- Readers; each refuses damaged input with the reason ---===//

/// Reads a whole file; one that ends in .gz is inflated.
Status readFile(const std::string &path, Buffer &out, size_t &outSize);

/// Inflates gzip data of any number of members.
Status inflate(const uint8_t *data, size_t size, const std::string &name, Buffer &out,
               size_t &outSize);

/// An array as a file holds it.
struct Array {
  ElementType type = ElementType::U8;
  std::vector<int64_t> shape;
  Buffer buffer; // the elements begin at buffer.data() + offset
  size_t offset = 0;
  const uint8_t *data() const { return buffer.data() + offset; }
  int64_t elements() const;
};

/// IDX: big-endian arrays of the MNIST family. Types that have no counterpart here are widened.
Status parseIdx(Buffer &&bytes, size_t size, const std::string &name, Array &out);
/// NumPy's .npy, versions 1 to 3.
Status parseNpy(Buffer &&bytes, size_t size, const std::string &name, Array &out);

/// A table of text cells.
struct Table {
  std::vector<std::string> header; // empty without one
  std::vector<std::vector<std::string>> rows;
  std::vector<int64_t> lines; // where each row stands in the file, from 1
};
/// Text that is not UTF-8 is taken as Latin-1.
Status parseCsv(const char *text, size_t size, const std::string &name, Table &out);

/// A cell as a number: 1 if it is one, 0 if it is missing (empty, NA, NaN, ?, null), -1 if it is
/// something else, also if it is infinite.
int parseCell(const std::string &cell, double &out);
/// The same for a cell of `field`: true and false are 1 and 0 where it is a bool.
int parseCell(const FieldInfo &field, const std::string &cell, double &out);

} // namespace dlrt
#endif // DLRT_DATASET_H

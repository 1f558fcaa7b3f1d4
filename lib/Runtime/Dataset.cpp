//===- Dataset.cpp - From files to resident fields ------------------------------------------===//
#include "Dataset.h"
#include "DataLocations.h"
#include "ReadAhead.h"
#include "Trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>
#include <thread>

using namespace dlrt;

int64_t dlrt::elementSize(ElementType type) {
  switch (type) {
  case ElementType::F64:
    return 8;
  case ElementType::F32:
  case ElementType::I32:
    return 4;
  default:
    return 1;
  }
}

const char *dlrt::elementName(ElementType type) {
  static const char *const names[] = {"f32", "f64", "i32", "u8", "bool"};
  return names[static_cast<int>(type)];
}

Status dlrt::parseElementType(const std::string &name, ElementType &out) {
  for (int i = 0; i < 5; ++i)
    if (name == elementName(static_cast<ElementType>(i))) {
      out = static_cast<ElementType>(i);
      return Status();
    }
  return Status::error("unknown element type '" + name + "' in the manifest",
                       StatusCode::Incompatible);
}

bool dlrt::keepsMissing(const FieldInfo &field) {
  return field.source["missing"].string() == "keep";
}

int64_t FieldInfo::elements() const {
  int64_t count = 1;
  for (int64_t size : shape)
    count *= size;
  return count;
}

Status dlrt::parseFields(const Json &manifest, std::vector<FieldInfo> &out) {
  out.clear();
  for (const Json &json : manifest["fields"].array()) {
    FieldInfo &field = out.emplace_back();
    field.name = json["name"].string();
    if (Status status = parseElementType(json["type"].string(), field.type); !status.ok())
      return status;
    for (const Json &size : json["shape"].array())
      field.shape.push_back(size.integer(-1));
    field.classes = json["classes"].integer();
    field.source = json["source"];
    field.sourceKind = field.source["kind"].string();
    constexpr int64_t most = int64_t(1) << 33;
    int64_t count = 1;
    for (int64_t size : field.shape) {
      if (size < 1 || count > most / size)
        return Status::error("the shape of field '" + field.name + "' makes no sense",
                             StatusCode::Incompatible);
      count *= size;
    }
  }
  return Status();
}

bool dlrt::storeNumber(ElementType type, uint8_t *array, int64_t index, double value) {
  switch (type) {
  case ElementType::F32: {
    float number = static_cast<float>(value);
    memcpy(array + 4 * index, &number, 4);
    return true;
  }
  case ElementType::F64:
    memcpy(array + 8 * index, &value, 8);
    return true;
  case ElementType::I32: {
    int32_t number =
        value >= -2147483648.0 && value <= 2147483647.0 ? static_cast<int32_t>(value) : 0;
    memcpy(array + 4 * index, &number, 4);
    return number == value;
  }
  case ElementType::U8:
    array[index] = value >= 0 && value <= 255 ? static_cast<uint8_t>(value) : 0;
    return array[index] == value;
  case ElementType::Bool:
    array[index] = value != 0;
    return value == 0 || value == 1;
  }
  return false;
}

namespace {

class Loader {
public:
  Loader(const std::vector<FieldInfo> &fields, const std::string &path, const DataNames &trained,
         Data &out, ReadAhead *ahead)
      : fields(fields), path(path), trained(trained), out(out), ahead(ahead) {}

  Status run(const Json &manifest, const GeneratedFields &generated) {
    out.arrays.resize(fields.size());
    bool needsFiles = false;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].sourceKind != "generated") {
        needsFiles = true;
        continue;
      }
      if (Status status = takeGenerated(i, generated); !status.ok())
        return status;
    }
    if (needsFiles)
      if (Status status = loadFiles(); !status.ok())
        return status;
    if (out.rows == 0)
      return error("holds no examples");
    if (out.rows > INT32_MAX - 64)
      return error("holds more than 2^31 examples");
    return split(manifest["split"]);
  }

private:
  Status error(const std::string &what) {
    return Status::error((path.empty() ? "the data" : "'" + path + "'") + " " + what,
                         StatusCode::DataError);
  }

  bool takeRows(int64_t rows) {
    if (out.rows && out.rows != rows)
      return false;
    out.rows = rows;
    return true;
  }

  Status takeGenerated(size_t i, const GeneratedFields &generated) {
    auto found = generated.find(fields[i].name);
    if (found == generated.end())
      return Status::error("the program did not make the field '" + fields[i].name + "'",
                           StatusCode::Internal);
    int64_t row = fields[i].elements() * elementSize(fields[i].type);
    if (!takeRows(static_cast<int64_t>(found->second.size()) / row))
      return error("the generated fields differ in their number of examples");
    if (!out.arrays[i].allocate(found->second.size()))
      return Status::error("no memory for the data", StatusCode::OutOfMemory);
    memcpy(out.arrays[i].data(), found->second.data(), found->second.size());
    return Status();
  }

  Status loadFiles() {
    if (path.empty())
      return Status::error("this program needs data: name a set or a file with --data ('dlc data "
                           "list' shows what there is)");
    if (!isFolder(path))
      return loadFile(path);
    std::vector<std::string> files = listFolder(path);
    auto holds = [&](const std::string &name) {
      return std::find(files.begin(), files.end(), name) != files.end();
    };
    for (const char *suffix : {"", ".gz"})
      if (holds(std::string("train-images-idx3-ubyte") + suffix))
        return loadMnist(suffix);
    if (holds(fields[0].name + ".npy"))
      return loadNpyFolder();
    std::vector<std::string> tables;
    for (const std::string &file : files)
      if (endsWith(file, ".csv") || endsWith(file, ".csv.gz"))
        tables.push_back(file);
    if (tables.size() == 1)
      return loadFile(path + "/" + tables[0]);
    if (tables.empty())
      return error("holds no data that is known: MNIST's IDX files, a CSV file, or FIELD.npy for "
                   "each field");
    std::string list;
    for (const std::string &table : tables)
      list += (list.empty() ? "" : ", ") + table;
    return error("holds several tables (" + list + "); name one of them with --data");
  }

  Status loadFile(const std::string &file) {
    if (endsWith(file, ".npy")) {
      Array array;
      if (Status status = readNpy(file, array); !status.ok())
        return status;
      return takeArray(0, std::move(array), file, nullptr, "");
    }
    if (endsWith(file, "-ubyte") || endsWith(file, "-ubyte.gz") || endsWith(file, ".idx"))
      return Status::error("give the folder of the IDX files, not '" + file + "' alone");
    return loadCsv(file);
  }

  //===--- Arrays ---===//

  Status readNpy(const std::string &file, Array &array) {
    Buffer bytes;
    size_t size = 0;
    if (Status status = readFile(ahead, file, bytes, size); !status.ok())
      return status;
    return parseNpy(std::move(bytes), size, file, array);
  }

  Status readIdx(const std::string &file, Array &array) {
    Buffer bytes;
    size_t size = 0;
    if (Status status = readFile(ahead, file, bytes, size); !status.ok())
      return status;
    return parseIdx(std::move(bytes), size, file, array);
  }

  Status loadNpyFolder() {
    int64_t trainRows = -1;
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].sourceKind == "generated")
        continue;
      Array array, test;
      std::string file = path + "/" + fields[i].name + ".npy",
                  testFile = path + "/" + fields[i].name + "_test.npy";
      if (Status status = readNpy(file, array); !status.ok())
        return status;
      bool hasTest = isFile(testFile);
      if (hasTest)
        if (Status status = readNpy(testFile, test); !status.ok())
          return status;
      trainRows = array.shape.empty() ? 0 : array.shape[0];
      if (Status status = takeArray(i, std::move(array), file, hasTest ? &test : nullptr, testFile);
          !status.ok())
        return status;
      testRowsGiven |= hasTest;
    }
    firstTestRow = trainRows;
    return Status();
  }

  Status loadMnist(const std::string &suffix) {
    Array arrays[4];
    Status states[4];
    const char *names[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                            "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};
    bool hasTest = isFile(path + "/" + names[2] + suffix) && isFile(path + "/" + names[3] + suffix);
    auto read = [&](int i) { states[i] = readIdx(path + "/" + names[i] + suffix, arrays[i]); };
    // The large file on this thread, the others beside it.
    std::thread others([&] {
      read(1);
      if (hasTest) {
        read(2);
        read(3);
      }
    });
    read(0);
    others.join();
    for (const Status &status : states)
      if (!status.ok())
        return status;
    firstTestRow = arrays[0].shape.empty() ? 0 : arrays[0].shape[0];
    testRowsGiven = hasTest;
    bool used[2] = {false, false};
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].sourceKind == "generated")
        continue;
      int which = fields[i].shape.empty() ? 1 : 0;
      if (used[which])
        return error("has images and labels; the field '" + fields[i].name +
                     "' is neither, or a second one");
      used[which] = true;
      if (Status status = takeArray(i, std::move(arrays[which]), path + "/" + names[which] + suffix,
                                    hasTest ? &arrays[which + 2] : nullptr,
                                    path + "/" + names[which + 2] + suffix);
          !status.ok())
        return status;
    }
    return Status();
  }

  /// Makes an array (and behind it a test part) the rows of a field.
  Status takeArray(size_t i, Array &&array, const std::string &file, Array *test,
                   const std::string &testFile) {
    const FieldInfo &field = fields[i];
    auto fits = [&](const Array &a) {
      return a.shape.size() == field.shape.size() + 1 &&
             std::equal(field.shape.begin(), field.shape.end(), a.shape.begin() + 1);
    };
    for (const auto &[a, where] :
         {std::pair<const Array *, const std::string &>(&array, file), {test, testFile}})
      if (a && !fits(*a))
        return Status::error("'" + where + "' holds an array of shape " + shapeText(a->shape, 0) +
                                 ", but the field '" + field.name + "' needs " +
                                 shapeText(field.shape, -1),
                             StatusCode::DataError);
    int64_t trainRows = array.shape[0], rows = trainRows + (test ? test->shape[0] : 0);
    if (!takeRows(rows))
      return error("'" + file + "' has " + std::to_string(rows) +
                   " examples, the fields before have " + std::to_string(out.rows));
    int64_t per = field.elements();
    Buffer &target = out.arrays[i];
    if (!target.allocate(rows * per * elementSize(field.type)))
      return Status::error("no memory for the data", StatusCode::OutOfMemory);
    for (auto [a, first] : {std::pair<Array *, int64_t>(&array, 0), {test, trainRows}}) {
      if (!a)
        continue;
      int64_t count = a->elements(), size = elementSize(a->type);
      if (a->type == field.type) {
        memcpy(target.data() + first * per * size, a->data(), count * size);
        continue;
      }
      for (int64_t k = 0; k < count; ++k) {
        double value = readNumber(a->type, a->data() + k * size);
        if (!storeNumber(field.type, target.data(), first * per + k, value))
          return Status::error("'" + file + "', example " + std::to_string(k / per) + ": " +
                                   std::to_string(value) + " is no " + elementName(field.type),
                               StatusCode::DataError);
      }
    }
    return checkLabels(i, file);
  }

  static std::string shapeText(const std::vector<int64_t> &shape, int rowsFirst) {
    std::string text = rowsFirst < 0 ? "[rows" : "[";
    for (int64_t size : shape)
      text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
  }

  Status checkLabels(size_t i, const std::string &file) {
    if (!fields[i].classes)
      return Status();
    const int32_t *labels = reinterpret_cast<const int32_t *>(out.arrays[i].data());
    for (int64_t r = 0; r < out.rows; ++r)
      if (labels[r] < 0 || labels[r] >= fields[i].classes)
        return Status::error("'" + file + "', example " + std::to_string(r) + ": the label " +
                                 std::to_string(labels[r]) + " is not in class(" +
                                 std::to_string(fields[i].classes) + ") of '" + fields[i].name +
                                 "'",
                             StatusCode::DataError);
    return Status();
  }

  //===--- Tables ---===//

  Status loadCsv(const std::string &file) {
    Buffer bytes;
    size_t size = 0;
    if (Status status = readFile(ahead, file, bytes, size); !status.ok())
      return status;
    Table table;
    if (Status status = parseCsv(reinterpret_cast<const char *>(bytes.data()), size, file, table);
        !status.ok())
      return status;
    if (Status status = dropRows(table, file); !status.ok())
      return status;
    if (!takeRows(static_cast<int64_t>(table.rows.size())))
      return error("'" + file + "' has " + std::to_string(table.rows.size()) +
                   " rows, the generated fields have " + std::to_string(out.rows));
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].sourceKind == "generated")
        continue;
      std::vector<size_t> columns;
      if (Status status = findColumns(fields[i], table, file, columns); !status.ok())
        return status;
      Status status = fields[i].classes ? fillClasses(i, table, file, columns[0])
                                        : fillNumbers(i, table, file, columns);
      if (!status.ok())
        return status;
    }
    return Status();
  }

  /// Leaves out the rows where a cell is missing that a field wants to have.
  Status dropRows(Table &table, const std::string &file) {
    std::vector<bool> drop(table.rows.size(), false);
    for (const FieldInfo &field : fields) {
      if (field.source["missing"].string() != "drop")
        continue;
      std::vector<size_t> columns;
      if (Status status = findColumns(field, table, file, columns); !status.ok())
        return status;
      double value = 0;
      for (size_t r = 0; r < table.rows.size(); ++r)
        for (size_t column : columns)
          drop[r] = drop[r] || parseCell(table.rows[r][column], value) == 0;
    }
    size_t kept = 0;
    for (size_t r = 0; r < table.rows.size(); ++r) {
      if (drop[r])
        continue;
      std::swap(table.rows[kept], table.rows[r]);
      table.lines[kept++] = table.lines[r];
    }
    if (kept == 0)
      return error("has something missing in every row, and the program drops such rows");
    table.rows.resize(kept);
    table.lines.resize(kept);
    return Status();
  }

  Status findColumn(const Table &table, const Json &which, const std::string &field,
                    const std::string &file, size_t &column) {
    size_t width = table.rows[0].size();
    if (which.isNumber()) {
      column = static_cast<size_t>(which.integer(-1));
      if (which.integer(-1) < 0 || column >= width)
        return Status::error("'" + file + "' has the columns 0 to " + std::to_string(width - 1) +
                                 "; the field '" + field + "' asks for " +
                                 std::to_string(which.integer(-1)),
                             StatusCode::DataError);
      return Status();
    }
    return findColumn(table, which.string(), field, file, column);
  }

  static Status findColumn(const Table &table, const std::string &name, const std::string &field,
                           const std::string &file, size_t &column) {
    auto found = std::find(table.header.begin(), table.header.end(), name);
    if (found != table.header.end()) {
      column = found - table.header.begin();
      return Status();
    }
    std::string known;
    for (const std::string &each : table.header)
      known += (known.empty() ? "" : ", ") + each;
    return Status::error(
        "'" + file + "' has no column '" + name + "' for the field '" + field + "'; it has " +
            (known.empty() ? "no names: give numbers from 0, as in column(3)" : known),
        StatusCode::DataError);
  }

  Status findColumns(const FieldInfo &field, const Table &table, const std::string &file,
                     std::vector<size_t> &columns) {
    const Json &source = field.source;
    std::vector<Json> names(source["names"].array());
    if (field.sourceKind == "array")
      names.push_back(source["name"]);
    auto known = trained.columns.find(field.name);
    if (names.empty() && known != trained.columns.end() && !table.header.empty()) {
      for (const std::string &name : known->second)
        if (Status status = findColumn(table, name, field.name, file, columns.emplace_back());
            !status.ok())
          return status;
      out.columns[field.name] = known->second;
    } else if (names.empty()) {
      size_t first = 0, last = 0;
      if (Status status = findColumn(table, source["first"], field.name, file, first); !status.ok())
        return status;
      if (Status status = findColumn(table, source["last"], field.name, file, last); !status.ok())
        return status;
      if (last < first)
        return Status::error("in '" + file + "', column " + columnName(table, last) +
                                 " stands before " + columnName(table, first) + ", so the field '" +
                                 field.name + "' has no range from one to the other",
                             StatusCode::DataError);
      std::vector<std::string> named;
      for (size_t c = first; c <= last; ++c) {
        columns.push_back(c);
        if (!table.header.empty())
          named.push_back(table.header[c]);
      }
      if (!named.empty())
        out.columns[field.name] = named;
    }
    for (const Json &name : names)
      if (Status status = findColumn(table, name, field.name, file, columns.emplace_back());
          !status.ok())
        return status;
    int64_t wanted = field.classes ? 1 : field.elements();
    if (static_cast<int64_t>(columns.size()) != wanted)
      return Status::error("the field '" + field.name + "' takes " +
                               std::to_string(columns.size()) + " columns of '" + file +
                               "', but its type has " + std::to_string(wanted) + " elements",
                           StatusCode::DataError);
    return Status();
  }

  static std::string columnName(const Table &table, size_t column) {
    return column < table.header.size() ? "'" + table.header[column] + "'" : std::to_string(column);
  }

  Status fillNumbers(size_t i, const Table &table, const std::string &file,
                     const std::vector<size_t> &columns) {
    const FieldInfo &field = fields[i];
    if (!out.arrays[i].allocate(out.rows * field.elements() * elementSize(field.type)))
      return Status::error("no memory for the data", StatusCode::OutOfMemory);
    int64_t index = 0;
    for (size_t r = 0; r < table.rows.size(); ++r)
      for (size_t column : columns) {
        double value = 0;
        const std::string &cell = table.rows[r][column];
        int kind = parseCell(cell, value);
        auto refuse = [&](const std::string &why) {
          return Status::error("'" + file + "', line " + std::to_string(table.lines[r]) +
                                   ", column " + columnName(table, column) + ": " + why,
                               StatusCode::DataError);
        };
        if (kind == 0 && keepsMissing(field))
          value = NAN;
        else if (kind == 0)
          return refuse("the value is missing; missing = \"drop\" leaves such rows out, \"keep\" "
                        "makes it nan for impute");
        if (kind < 0)
          return refuse("'" + cell.substr(0, 40) + "' is not a number");
        if (!storeNumber(field.type, out.arrays[i].data(), index++, value))
          return refuse(cell.substr(0, 40) + " is no " + elementName(field.type));
      }
    return Status();
  }

  /// The label of each row by the names that the weights were trained with.
  Status fillKnownClasses(size_t i, const Table &table, const std::string &file, size_t column) {
    for (size_t r = 0; r < table.rows.size(); ++r) {
      const std::string &cell = table.rows[r][column];
      auto known = std::find(trained.classNames.begin(), trained.classNames.end(), cell);
      if (known == trained.classNames.end()) {
        std::string list;
        for (const std::string &name : trained.classNames)
          list += (list.empty() ? "" : ", ") + name;
        return Status::error("'" + file + "', line " + std::to_string(table.lines[r]) +
                                 ", column " + columnName(table, column) + ": '" +
                                 cell.substr(0, 40) + "' is none of the classes trained: " + list,
                             StatusCode::DataError);
      }
      storeNumber(ElementType::I32, out.arrays[i].data(), static_cast<int64_t>(r),
                  static_cast<double>(known - trained.classNames.begin()));
    }
    out.classNames = trained.classNames;
    return Status();
  }

  /// Labels are the integers from 0, or any words (or other integers), numbered in sorted order.
  Status fillClasses(size_t i, const Table &table, const std::string &file, size_t column) {
    const FieldInfo &field = fields[i];
    if (!out.arrays[i].allocate(out.rows * 4))
      return Status::error("no memory for the data", StatusCode::OutOfMemory);
    std::set<std::string> words;
    bool numbers = true;
    for (size_t r = 0; r < table.rows.size(); ++r) {
      double value = 0;
      const std::string &cell = table.rows[r][column];
      int kind = parseCell(cell, value);
      if (kind == 0)
        return Status::error("'" + file + "', line " + std::to_string(table.lines[r]) +
                                 ", column " + columnName(table, column) + ": the label is missing",
                             StatusCode::DataError);
      numbers &= kind > 0 && value == std::floor(value) && value >= 0 && value < field.classes;
      words.insert(cell);
    }
    bool known = std::any_of(trained.classNames.begin(), trained.classNames.end(),
                             [&](const std::string &name) { return words.count(name) > 0; });
    if (!trained.classNames.empty() && (known || !numbers))
      return fillKnownClasses(i, table, file, column);
    if (!numbers && static_cast<int64_t>(words.size()) > field.classes)
      return Status::error("'" + file + "', column " + columnName(table, column) + " has " +
                               std::to_string(words.size()) + " different labels, but '" +
                               field.name + "' is declared as class(" +
                               std::to_string(field.classes) + ")",
                           StatusCode::DataError);
    if (!numbers)
      out.classNames.assign(words.begin(), words.end());
    for (size_t r = 0; r < table.rows.size(); ++r) {
      const std::string &cell = table.rows[r][column];
      double value = 0;
      if (numbers)
        parseCell(cell, value);
      else
        value = static_cast<double>(std::distance(words.begin(), words.find(cell)));
      storeNumber(ElementType::I32, out.arrays[i].data(), static_cast<int64_t>(r), value);
    }
    return Status();
  }

  //===--- Parts ---===//

  Status split(const Json &settings) {
    std::vector<int32_t> all(out.rows);
    for (int64_t r = 0; r < out.rows; ++r)
      all[r] = static_cast<int32_t>(r);
    if (testRowsGiven) {
      out.train.assign(all.begin(), all.begin() + firstTestRow);
      out.test.assign(all.begin() + firstTestRow, all.end());
      return Status();
    }
    if (!settings.isObject()) {
      out.train = std::move(all);
      return Status();
    }
    constexpr uint32_t forSplit = 0x73706c74; // tells this shuffle from the others
    if (settings["shuffle"].boolean(true))
      shuffleRows(all.data(), out.rows, static_cast<uint64_t>(settings["seed"].integer()), 0,
                  forSplit);
    // Down, as int(n * share) is cut elsewhere; a hair more, for shares such as 0.29 that have no
    // exact form.
    auto part = [&](const char *name) {
      return static_cast<int64_t>(std::floor(out.rows * settings[name].number() + 1e-9));
    };
    int64_t train = std::clamp<int64_t>(part("train"), 1, out.rows);
    bool rest = settings["train"].number() + settings["test"].number() > 1 - 1e-9;
    int64_t test = rest ? out.rows - train : std::min(part("test"), out.rows - train);
    out.train.assign(all.begin(), all.begin() + train);
    out.test.assign(all.begin() + train, all.begin() + train + test);
    return Status();
  }

  const std::vector<FieldInfo> &fields;
  const std::string &path;
  const DataNames &trained;
  Data &out;
  ReadAhead *ahead;
  bool testRowsGiven = false;
  int64_t firstTestRow = 0;
};

} // namespace

Status dlrt::loadData(const Json &manifest, const std::vector<FieldInfo> &fields,
                      const std::string &path, const GeneratedFields &generated,
                      const DataNames &trained, Data &out, ReadAhead *ahead) {
  out = Data();
  if (fields.empty())
    return Status::error("the program declares no data: add a 'data { ... }' with its fields");
  return Loader(fields, path, trained, out, ahead).run(manifest, generated);
}

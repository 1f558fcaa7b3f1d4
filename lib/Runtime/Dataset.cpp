//===- Dataset.cpp - From files to resident fields ------------------------------------------===//
#include "Dataset.h"
#include "DataLocations.h"
#include "ReadAhead.h"
#include "TableFields.h"
#include "Trainer.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>

using namespace dlrt;

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
    return checkLabels(fields[i], out.arrays[i].data(), out.rows, "the generated data");
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
    auto file = [&](int i) { return path + "/" + names[i] + suffix; };
    const FieldInfo *users[2] = {nullptr, nullptr}; // of the images and of the labels
    for (const FieldInfo &field : fields) {
      if (field.sourceKind == "generated")
        continue;
      const FieldInfo *&user = users[field.shape.empty() ? 1 : 0];
      if (user)
        return error("has images and labels; the field '" + field.name +
                     "' is neither, or a second one");
      user = &field;
    }
    bool hasTest = isFile(file(2)) && isFile(file(3));
    auto read = [&](int i) {
      if (users[i % 2] && (i < 2 || hasTest))
        states[i] = readIdx(file(i), arrays[i]);
    };
    // The large file on this thread, the others beside it.
    std::thread others([&] {
      read(1);
      read(2);
      read(3);
    });
    read(0);
    others.join();
    for (const Status &status : states)
      if (!status.ok())
        return status;
    testRowsGiven = hasTest;
    for (int i = 0; i < 2; ++i) {
      if (!users[i])
        continue;
      firstTestRow = arrays[i].shape.empty() ? 0 : arrays[i].shape[0];
      Status status = takeArray(static_cast<size_t>(users[i] - &fields[0]), std::move(arrays[i]),
                                file(i), hasTest ? &arrays[i + 2] : nullptr, file(i + 2));
      if (!status.ok())
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
      return Status::error("'" + file + "' has " + std::to_string(rows) +
                               " examples, the fields before have " + std::to_string(out.rows),
                           StatusCode::DataError);
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
    return checkLabels(field, target.data(), out.rows, "'" + file + "'");
  }

  static std::string shapeText(const std::vector<int64_t> &shape, int rowsFirst) {
    std::string text = rowsFirst < 0 ? "[rows" : "[";
    for (int64_t size : shape)
      text += (text.size() > 1 ? ", " : "") + std::to_string(size);
    return text + "]";
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
    TableFields reader(table, file, trained, out);
    if (Status status = reader.dropRows(fields); !status.ok())
      return status;
    if (!takeRows(static_cast<int64_t>(table.rows.size())))
      return error("'" + file + "' has " + std::to_string(table.rows.size()) +
                   " rows, the generated fields have " + std::to_string(out.rows));
    for (size_t i = 0; i < fields.size(); ++i) {
      if (fields[i].sourceKind == "generated")
        continue;
      std::vector<size_t> columns;
      Status status = reader.findColumns(fields[i], columns);
      if (status.ok())
        status = reader.fill(fields[i], columns, out.arrays[i]);
      if (!status.ok())
        return status;
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

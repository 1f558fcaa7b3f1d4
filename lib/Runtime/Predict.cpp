//===- Predict.cpp - Raw rows in, predictions out -------------------------------------------===//
#include "DataLocations.h"
#include "Experiment.h"

#include <algorithm>
#include <cmath>
#include <cstring>

using namespace dlrt;

namespace {
Status badRows(const std::string &what) { return Status::error(what, StatusCode::DataError); }

/// The rows to predict: an array for each field that predictions read, null for the others.
struct InputRows {
  std::vector<Buffer> arrays;
  std::vector<const void *> pointers;
  int64_t rows = 0;
};

/// Finds the table's columns that make up each input field.
class ColumnFinder {
public:
  ColumnFinder(const Program &program, const Table &table, const DataNames &trained)
      : program(program), table(table), trained(trained) {}

  Status find(const std::vector<bool> &inputs, std::vector<std::vector<size_t>> &out) {
    out.resize(program.fields.size());
    bool numbered = false;
    for (size_t i = 0; i < inputs.size(); ++i)
      numbered |= inputs[i] && program.fields[i].source["first"].isNumber();
    bool inputsAlone = static_cast<int64_t>(table.rows[0].size()) == countElements(inputs);
    if (table.header.empty() && (inputsAlone || !numbered))
      return findByPlace(inputs, inputsAlone, out);
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i])
        if (Status status = findByName(program.fields[i], out[i]); !status.ok())
          return status;
    return Status();
  }

private:
  int64_t countElements(const std::vector<bool> &which) const {
    int64_t count = 0;
    for (size_t i = 0; i < which.size(); ++i)
      count += which[i] ? program.fields[i].elements() : 0;
    return count;
  }

  /// A column by its name, or by its number from 0 as in the training data.
  Status findColumn(const Json &which, size_t &out) const {
    out = static_cast<size_t>(which.integer(0));
    if (which.isNumber() && out < table.rows[0].size())
      return Status();
    if (which.isNumber())
      return badRows("the rows have no column " + std::to_string(out));
    return findColumn(which.string(), out);
  }

  Status findColumn(const std::string &name, size_t &out) const {
    auto found = std::find(table.header.begin(), table.header.end(), name);
    if (found == table.header.end())
      return badRows("the rows have no column '" + name + "'");
    out = static_cast<size_t>(found - table.header.begin());
    return Status();
  }

  Status findByName(const FieldInfo &field, std::vector<size_t> &out) const {
    const Json &source = field.source;
    size_t first = 0, last = 0;
    for (const Json &name : source["names"].array()) {
      if (Status status = findColumn(name, first); !status.ok())
        return status;
      out.push_back(first);
    }
    if (source["names"].isArray())
      return checkCount(field, out);
    auto known = trained.columns.find(field.name);
    if (known != trained.columns.end() && !table.header.empty()) {
      for (const std::string &name : known->second) {
        if (Status status = findColumn(name, first); !status.ok())
          return status;
        out.push_back(first);
      }
      return checkCount(field, out);
    }
    bool range = !source["first"].isNull();
    Status status = range ? findColumn(source["first"], first) : findColumn(field.name, first);
    last = first + static_cast<size_t>(field.elements()) - 1;
    if (status.ok() && range)
      status = findColumn(source["last"], last);
    for (size_t column = first; status.ok() && column <= last && column < table.rows[0].size();
         ++column)
      out.push_back(column);
    return status.ok() ? checkCount(field, out) : status;
  }

  static Status checkCount(const FieldInfo &field, const std::vector<size_t> &columns) {
    if (static_cast<int64_t>(columns.size()) == field.elements())
      return Status();
    return badRows("field '" + field.name + "' has " + std::to_string(field.elements()) +
                   " numbers, and the rows have " + std::to_string(columns.size()) +
                   " columns for it");
  }

  /// Without a header: the inputs alone, or all fields, in the program's order.
  Status findByPlace(const std::vector<bool> &inputs, bool inputsAlone,
                     std::vector<std::vector<size_t>> &out) const {
    int64_t needed = countElements(inputs);
    int64_t all = countElements(std::vector<bool>(inputs.size(), true));
    int64_t columns = static_cast<int64_t>(table.rows[0].size());
    if (!inputsAlone && columns != all)
      return badRows("the rows have " + std::to_string(columns) + " columns, and '" + program.name +
                     "' needs " + std::to_string(needed) +
                     " (with a header, others may be there too)");
    size_t next = 0;
    for (size_t i = 0; i < inputs.size(); ++i)
      for (int64_t j = 0; j < program.fields[i].elements(); ++j) {
        if (inputs[i])
          out[i].push_back(next);
        next += inputs[i] || !inputsAlone;
      }
    return Status();
  }

  const Program &program;
  const Table &table;
  const DataNames &trained;
};

Status readCells(const Table &table, const FieldInfo &field, const std::vector<size_t> &columns,
                 uint8_t *to) {
  int64_t index = 0;
  for (size_t row = 0; row < table.rows.size(); ++row)
    for (size_t column : columns) {
      double number = 0;
      const std::string &cell = table.rows[row][column];
      std::string where =
          "line " + std::to_string(table.lines[row]) + ", column " +
          (table.header.empty() ? std::to_string(column) : "'" + table.header[column] + "'") + ": ";
      int kind = parseCell(cell, number);
      if (kind == 0 && keepsMissing(field))
        number = NAN;
      else if (kind == 0)
        return badRows(where + "the value is missing");
      if (kind < 0)
        return badRows(where + "'" + cell.substr(0, 40) + "' is not a number");
      if (!storeNumber(field.type, to, index++, number))
        return badRows(where + cell.substr(0, 40) + " is no " + elementName(field.type) +
                       ", as field '" + field.name + "' has");
    }
  return Status();
}

Status readTable(const Experiment &experiment, const std::vector<bool> &inputs, const Table &table,
                 InputRows &out) {
  const Program &program = experiment.program;
  std::vector<std::vector<size_t>> columns;
  if (table.rows.empty())
    return badRows("there are no rows to predict");
  if (Status status = ColumnFinder(program, table, experiment.state).find(inputs, columns);
      !status.ok())
    return status;
  out.rows = static_cast<int64_t>(table.rows.size());
  out.arrays.resize(inputs.size());
  out.pointers.assign(inputs.size(), nullptr);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i])
      continue;
    const FieldInfo &field = program.fields[i];
    if (!out.arrays[i].allocate(out.rows * field.elements() * elementSize(field.type)))
      return Status::error("there is no memory for the rows", StatusCode::OutOfMemory);
    if (Status status = readCells(table, field, columns[i], out.arrays[i].data()); !status.ok())
      return status;
    out.pointers[i] = out.arrays[i].data();
  }
  return Status();
}

Status readStream(FILE *in, const std::string &name, Table &out) {
  std::string text;
  char buffer[1 << 16];
  while (size_t count = fread(buffer, 1, sizeof(buffer), in))
    text.append(buffer, count);
  if (ferror(in))
    return Status::error("cannot read " + name, StatusCode::IoError);
  return parseCsv(text.data(), text.size(), name, out);
}

/// A file with the array of the one field that predictions read.
Status readArray(const Program &program, const std::vector<bool> &inputs, const std::string &path,
                 InputRows &out) {
  size_t input = std::find(inputs.begin(), inputs.end(), true) - inputs.begin();
  if (std::count(inputs.begin(), inputs.end(), true) != 1)
    return badRows("'" + path + "' has one array, and '" + program.name + "' reads several fields");
  const FieldInfo &field = program.fields[input];
  Buffer bytes;
  size_t size = 0;
  if (Status status = readFile(path, bytes, size); !status.ok())
    return status;
  Array array;
  bool npy = size >= 6 && memcmp(bytes.data(), "\x93NUMPY", 6) == 0;
  Status status = npy ? parseNpy(std::move(bytes), size, path, array)
                      : parseIdx(std::move(bytes), size, path, array);
  if (!status.ok())
    return status;
  if (array.shape.empty() || array.elements() != array.shape[0] * field.elements())
    return badRows("the array in '" + path + "' does not have " + std::to_string(field.elements()) +
                   " numbers a row, as field '" + field.name + "' has");
  out.rows = array.shape[0];
  out.arrays.resize(inputs.size());
  out.pointers.assign(inputs.size(), nullptr);
  int64_t from = elementSize(array.type);
  if (!out.arrays[input].allocate(array.elements() * elementSize(field.type)))
    return Status::error("there is no memory for the rows", StatusCode::OutOfMemory);
  for (int64_t i = 0; i < array.elements(); ++i)
    if (double value = readNumber(array.type, array.data() + i * from);
        !storeNumber(field.type, out.arrays[input].data(), i, value))
      return badRows("'" + path + "', row " + std::to_string(i / field.elements()) + ": " +
                     std::to_string(value) + " is no " + elementName(field.type));
  out.pointers[input] = out.arrays[input].data();
  return Status();
}

/// The rows that the options mean: standard input, a CSV file, an array file, or a whole data set.
Status readRows(const RunOptions &options, Experiment &experiment, InputRows &out) {
  const Program &program = experiment.program;
  std::vector<bool> inputs = program.predictInputs();
  Table table;
  std::string path;
  if (options.data.empty()) {
    Status status = readStream(options.in, "standard input", table);
    return status.ok() ? readTable(experiment, inputs, table, out) : status;
  }
  if (Status status = findData(options.data, path); !status.ok())
    return status;
  if (isFile(path) && !endsWith(path, ".csv") && !endsWith(path, ".csv.gz"))
    return readArray(program, inputs, path, out);
  if (isFile(path)) {
    Buffer bytes;
    size_t size = 0;
    Status status = readFile(path, bytes, size);
    if (status.ok())
      status = parseCsv(reinterpret_cast<const char *>(bytes.data()), size, path, table);
    return status.ok() ? readTable(experiment, inputs, table, out) : status;
  }
  Status status = experiment.loadRows();
  out.rows = experiment.data.rows;
  for (const Buffer &array : experiment.data.arrays)
    out.pointers.push_back(array.data());
  return status;
}

/// As few digits as tell the number from its neighbours in `type`.
std::string numberText(double value, ElementType type) {
  char buffer[40];
  bool wide = type == ElementType::F64;
  for (int digits = 6; digits <= (wide ? 17 : 9); ++digits) {
    snprintf(buffer, sizeof(buffer), "%.*g", digits, value);
    if (wide ? strtod(buffer, nullptr) == value
             : strtof(buffer, nullptr) == static_cast<float>(value))
      break;
  }
  return buffer;
}

/// A word for a CSV cell.
std::string cellText(const std::string &text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos)
    return text;
  std::string out = "\"";
  for (char c : text)
    out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

/// A column for each number; before them, for a classifier, the class with the highest one.
void writePredictions(FILE *out, const Experiment &experiment, const OutputInfo &output,
                      const std::vector<double> &values) {
  const Program &program = experiment.program;
  int64_t width = output.elements(1);
  const FieldInfo *target = nullptr;
  for (const FieldInfo &field : program.fields)
    if (width > 1 && field.classes == width)
      target = &field;
  auto name = [&](int64_t column) {
    const std::vector<std::string> &names = experiment.state.classNames;
    return target && static_cast<int64_t>(names.size()) == width ? names[column]
                                                                 : std::to_string(column);
  };
  std::string line = target ? cellText(target->name) : "";
  for (int64_t column = 0; column < width; ++column)
    line += (line.empty() ? "" : ",") +
            cellText(width == 1 ? output.name : output.name + "_" + name(column));
  fprintf(out, "%s\n", line.c_str());
  for (size_t row = 0; row + width <= values.size(); row += width) {
    line.clear();
    if (target)
      line = cellText(name(std::max_element(values.begin() + row, values.begin() + row + width) -
                           (values.begin() + row)));
    for (int64_t column = 0; column < width; ++column)
      line += (line.empty() ? "" : ",") + numberText(values[row + column], output.type);
    fprintf(out, "%s\n", line.c_str());
  }
}
} // namespace

Status dlrt::predictCommand(const RunOptions &options, const Program &program) {
  const FunctionInfo *predict = program.function("predict");
  if (!predict || predict->outputs.empty() || !predict->outputs[0].isBatched())
    return Status::error("'" + program.name + "' has nothing to predict");
  Experiment experiment(options, program);
  Status status = experiment.open(/*ownWeights=*/true);
  if (status.ok())
    status = experiment.checkWeights();
  InputRows rows;
  if (status.ok())
    status = readRows(options, experiment, rows);
  if (status.ok())
    status = experiment.restore(nullptr);
  if (!status.ok())
    return status;
  experiment.session->getFrame().fields = rows.pointers.data();
  std::vector<double> values;
  status = collect(*experiment.session, *predict, RowList::firstRows(rows.rows),
                   {&predict->outputs[0]}, {&values});
  if (status.ok())
    writePredictions(options.out, experiment, predict->outputs[0], values);
  if (status.ok() && (fflush(options.out) != 0 || ferror(options.out)))
    return Status::error("cannot write the predictions", StatusCode::IoError);
  return status;
}

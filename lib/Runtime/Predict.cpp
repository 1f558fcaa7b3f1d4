//===- Predict.cpp - Raw rows in, predictions out -------------------------------------------===//
#include "DataLocations.h"
#include "Experiment.h"
#include "TableFields.h"

#include <algorithm>
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

/// Elements of one row of these fields together.
int64_t countElements(const Program &program, const std::vector<bool> &which) {
  int64_t count = 0;
  for (size_t i = 0; i < which.size(); ++i)
    count += which[i] ? program.fields[i].elements() : 0;
  return count;
}

/// Whether the columns go by their place and not by name or number.
bool goesByPlace(const Program &program, const std::vector<bool> &inputs, const Table &table) {
  bool inputsAlone = static_cast<int64_t>(table.rows[0].size()) == countElements(program, inputs);
  bool numbered = false, spread = false;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const FieldInfo &field = program.fields[i];
    numbered |= inputs[i] && field.source["first"].isNumber();
    spread |= inputs[i] && field.sourceKind != "columns" && field.elements() > 1;
  }
  // The elements of an array have no names that a header could have: the program says none.
  return spread || (table.header.empty() && (inputsAlone || !numbered));
}

/// The inputs alone, or, without a header, all fields, in the program's order.
Status findByPlace(const Program &program, const std::vector<bool> &inputs, const Table &table,
                   const std::string &name, std::vector<std::vector<size_t>> &out) {
  int64_t needed = countElements(program, inputs);
  int64_t all = countElements(program, std::vector<bool>(inputs.size(), true));
  int64_t columns = static_cast<int64_t>(table.rows[0].size());
  bool inputsAlone = columns == needed;
  if (!inputsAlone && (columns != all || !table.header.empty()))
    return badRows("'" + name + "' has " + std::to_string(columns) + " columns, and '" +
                   program.name + "' needs " + std::to_string(needed));
  size_t next = 0;
  for (size_t i = 0; i < inputs.size(); ++i)
    for (int64_t j = 0; j < program.fields[i].elements(); ++j) {
      if (inputs[i])
        out[i].push_back(next);
      next += inputs[i] || !inputsAlone;
    }
  return Status();
}

Status readTable(const Experiment &experiment, const std::vector<bool> &inputs,
                 const std::string &name, Table &table, InputRows &out) {
  const Program &program = experiment.program;
  DataNames learned;
  TableFields reader(table, name, experiment.state, learned);
  std::vector<std::vector<size_t>> columns(inputs.size());
  Status status;
  if (goesByPlace(program, inputs, table))
    status = findByPlace(program, inputs, table, name, columns);
  else
    for (size_t i = 0; i < inputs.size() && status.ok(); ++i)
      if (inputs[i])
        status = reader.findColumns(program.fields[i], columns[i]);
  out.rows = static_cast<int64_t>(table.rows.size());
  for (size_t i = 0; i < inputs.size() && status.ok(); ++i)
    if (inputs[i]) {
      status = reader.fill(program.fields[i], columns[i], out.arrays[i]);
      out.pointers[i] = out.arrays[i].data();
    }
  return status;
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

/// The array of the one field that predictions read.
Status readArray(const Program &program, const std::vector<bool> &inputs, const std::string &path,
                 const Array &array, InputRows &out) {
  size_t input = std::find(inputs.begin(), inputs.end(), true) - inputs.begin();
  if (std::count(inputs.begin(), inputs.end(), true) != 1)
    return badRows("'" + path + "' has one array, and '" + program.name + "' reads several fields");
  const FieldInfo &field = program.fields[input];
  if (array.shape.empty() || array.elements() != array.shape[0] * field.elements())
    return badRows("the array in '" + path + "' does not have " + std::to_string(field.elements()) +
                   " numbers a row, as field '" + field.name + "' has");
  out.rows = array.shape[0];
  if (out.rows == 0)
    return badRows("the array in '" + path + "' has no rows");
  uint8_t *to = out.arrays[input].allocate(array.elements() * elementSize(field.type))
                    ? out.arrays[input].data()
                    : nullptr;
  if (!to)
    return Status::error("there is no memory for the rows", StatusCode::OutOfMemory);
  int64_t from = elementSize(array.type);
  for (int64_t i = 0; i < array.elements(); ++i)
    if (double value = readNumber(array.type, array.data() + i * from);
        !storeNumber(field.type, to, i, value))
      return badRows("'" + path + "', row " + std::to_string(i / field.elements()) + ": " +
                     numberText(value, ElementType::F32) + " is no " + elementName(field.type));
  out.pointers[input] = to;
  return checkLabels(field, to, out.rows, "'" + path + "'");
}

/// A file: what it holds shows in its first bytes.
Status readRowsFile(const Experiment &experiment, const std::vector<bool> &inputs,
                    const std::string &path, InputRows &out) {
  Buffer bytes;
  size_t size = 0;
  if (Status status = readFile(path, bytes, size); !status.ok())
    return status;
  bool npy = size >= 6 && memcmp(bytes.data(), "\x93NUMPY", 6) == 0;
  bool idx = size >= 4 && bytes.data()[0] == 0 && bytes.data()[1] == 0;
  if (npy || idx) {
    Array array;
    Status status = npy ? parseNpy(std::move(bytes), size, path, array)
                        : parseIdx(std::move(bytes), size, path, array);
    return status.ok() ? readArray(experiment.program, inputs, path, array, out) : status;
  }
  Table table;
  Status status = parseCsv(reinterpret_cast<const char *>(bytes.data()), size, path, table);
  return status.ok() ? readTable(experiment, inputs, path, table, out) : status;
}

/// A folder, of which only the fields that predictions read have to be there: all of its rows.
Status readFolder(const Experiment &experiment, const std::vector<bool> &inputs,
                  const std::string &path, InputRows &out) {
  const Program &program = experiment.program;
  std::vector<FieldInfo> fields;
  for (size_t i = 0; i < inputs.size(); ++i)
    if (inputs[i]) {
      FieldInfo &field = fields.emplace_back(program.fields[i]);
      if (field.sourceKind == "generated")
        field.sourceKind = "array";
      if (field.missing == "drop")
        field.missing.clear(); // there is a prediction for every row
    }
  Data data;
  Status status = loadData(program.manifest, fields, path, {}, experiment.state, data);
  out.rows = data.rows;
  for (size_t i = 0, next = 0; i < inputs.size() && status.ok(); ++i)
    if (inputs[i]) {
      out.arrays[i] = std::move(data.arrays[next++]);
      out.pointers[i] = out.arrays[i].data();
    }
  return status;
}

/// The rows that the options mean: standard input, a table or an array in a file, or a folder.
Status readRows(const RunOptions &options, Experiment &experiment, InputRows &out) {
  const Program &program = experiment.program;
  std::vector<bool> inputs = program.predictInputs();
  out.arrays.resize(inputs.size());
  out.pointers.assign(inputs.size(), nullptr);
  if (options.data.empty()) {
    Table table;
    const std::string name = "standard input";
    Status status = readStream(options.in, name, table);
    return status.ok() ? readTable(experiment, inputs, name, table, out) : status;
  }
  std::string path;
  if (Status status = findData(options.data, path); !status.ok())
    return status;
  return isFolder(path) ? readFolder(experiment, inputs, path, out)
                        : readRowsFile(experiment, inputs, path, out);
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
  const FieldInfo *target = program.predictedField(width);
  auto found =
      target ? experiment.state.classes.find(target->name) : experiment.state.classes.end();
  const std::vector<std::string> *names =
      found == experiment.state.classes.end() ? nullptr : &found->second;
  auto name = [&](int64_t column) {
    return names && column < static_cast<int64_t>(names->size()) ? (*names)[column]
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
  std::vector<double> values;
  status = experiment.session->setFields(rows.pointers.data(), rows.rows);
  if (status.ok())
    status = collect(*experiment.session, *predict, RowList::firstRows(rows.rows),
                     {&predict->outputs[0]}, {&values});
  if (status.ok())
    writePredictions(options.out, experiment, predict->outputs[0], values);
  if (status.ok() && (fflush(options.out) != 0 || ferror(options.out)))
    return Status::error("cannot write the predictions", StatusCode::IoError);
  return status;
}

//===- TableFields.cpp ----------------------------------------------------------------------===//
#include "TableFields.h"

#include <algorithm>
#include <cmath>
#include <set>

using namespace dlrt;

Status TableFields::error(const std::string &what) const {
  return Status::error("'" + name + "'" + what, StatusCode::DataError);
}

Status TableFields::errorAt(size_t row, size_t column, const std::string &what) const {
  return error(", line " + std::to_string(table.lines[row]) + ", column " + columnName(column) +
               ": " + what);
}

std::string TableFields::columnName(size_t column) const {
  return column < table.header.size() ? "'" + table.header[column] + "'" : std::to_string(column);
}

Status TableFields::dropRows(const std::vector<FieldInfo> &fields) {
  std::vector<bool> drop(table.rows.size(), false);
  for (const FieldInfo &field : fields) {
    if (field.missing != "drop")
      continue;
    std::vector<size_t> columns;
    if (Status status = findColumns(field, columns); !status.ok())
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
    return error(" has something missing in every row, and the program drops such rows");
  table.rows.resize(kept);
  table.lines.resize(kept);
  return Status();
}

Status TableFields::findColumn(const Json &which, const std::string &field, size_t &column) const {
  size_t width = table.rows[0].size();
  if (which.isNumber()) {
    column = static_cast<size_t>(which.integer(-1));
    if (which.integer(-1) < 0 || column >= width)
      return error(" has the columns 0 to " + std::to_string(width - 1) + "; the field '" + field +
                   "' asks for " + std::to_string(which.integer(-1)));
    return Status();
  }
  return findColumn(which.string(), field, column);
}

Status TableFields::findColumn(const std::string &which, const std::string &field,
                               size_t &column) const {
  auto found = std::find(table.header.begin(), table.header.end(), which);
  if (found != table.header.end()) {
    column = found - table.header.begin();
    return Status();
  }
  std::string known;
  for (const std::string &each : table.header)
    known += (known.empty() ? "" : ", ") + each;
  return error(" has no column '" + which + "' for the field '" + field + "'; it has " +
               (known.empty() ? "no names: give numbers from 0, as in column(3)" : known));
}

Status TableFields::findColumns(const FieldInfo &field, std::vector<size_t> &columns) {
  const Json &source = field.source;
  bool range = !source["first"].isNull();
  if (range)
    if (Status status = findRange(field, columns); !status.ok())
      return status;
  for (const Json &each : source["names"].array())
    if (Status status = findColumn(each, field.name, columns.emplace_back()); !status.ok())
      return status;
  // A field that the program does not look for in columns: one of its own name.
  if (!range && !source["names"].isArray())
    if (Status status = findColumn(field.name, field.name, columns.emplace_back()); !status.ok())
      return status;
  int64_t wanted = field.classes ? 1 : field.elements();
  if (static_cast<int64_t>(columns.size()) != wanted)
    return Status::error("the field '" + field.name + "' takes " + std::to_string(columns.size()) +
                             " columns of '" + name + "', but its type has " +
                             std::to_string(wanted) + " elements",
                         StatusCode::DataError);
  return Status();
}

Status TableFields::findRange(const FieldInfo &field, std::vector<size_t> &columns) {
  auto known = trained.columns.find(field.name);
  if (known != trained.columns.end() && !table.header.empty()) {
    for (const std::string &each : known->second)
      if (Status status = findColumn(each, field.name, columns.emplace_back()); !status.ok())
        return status;
    learned.columns[field.name] = known->second;
    return Status();
  }
  size_t first = 0, last = 0;
  if (Status status = findColumn(field.source["first"], field.name, first); !status.ok())
    return status;
  if (Status status = findColumn(field.source["last"], field.name, last); !status.ok())
    return status;
  if (last < first)
    return Status::error("in '" + name + "', column " + columnName(last) + " stands before " +
                             columnName(first) + ", so the field '" + field.name +
                             "' has no range from one to the other",
                         StatusCode::DataError);
  std::vector<std::string> named;
  for (size_t c = first; c <= last; ++c) {
    columns.push_back(c);
    if (!table.header.empty())
      named.push_back(table.header[c]);
  }
  if (!named.empty())
    learned.columns[field.name] = named;
  return Status();
}

Status TableFields::fill(const FieldInfo &field, const std::vector<size_t> &columns, Buffer &out) {
  size_t rows = table.rows.size();
  if (!out.allocate(rows * field.elements() * elementSize(field.type)))
    return Status::error("no memory for the data", StatusCode::OutOfMemory);
  return field.classes ? fillClasses(field, columns[0], out) : fillNumbers(field, columns, out);
}

Status TableFields::fillNumbers(const FieldInfo &field, const std::vector<size_t> &columns,
                                Buffer &out) {
  int64_t index = 0;
  for (size_t r = 0; r < table.rows.size(); ++r)
    for (size_t column : columns) {
      double value = 0;
      const std::string &cell = table.rows[r][column];
      int kind = parseCell(field, cell, value);
      if (kind == 0 && field.missing == "keep")
        value = NAN;
      else if (kind == 0)
        return errorAt(r, column,
                       "the value is missing; missing = \"drop\" leaves such rows out, \"keep\" "
                       "makes it nan for impute");
      if (kind < 0)
        return errorAt(r, column, "'" + cell.substr(0, 40) + "' is not a number");
      if (!storeNumber(field.type, out.data(), index++, value))
        return errorAt(r, column, cell.substr(0, 40) + " is no " + elementName(field.type));
    }
  return Status();
}

/// The label of each row by the names that the weights were trained with.
Status TableFields::fillKnownClasses(const std::vector<std::string> &classes, size_t column,
                                     Buffer &out) {
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const std::string &cell = table.rows[r][column];
    auto known = std::find(classes.begin(), classes.end(), cell);
    if (known == classes.end()) {
      std::string list;
      for (const std::string &each : classes)
        list += (list.empty() ? "" : ", ") + each;
      return errorAt(r, column,
                     "'" + cell.substr(0, 40) + "' is none of the classes trained: " + list);
    }
    storeNumber(ElementType::I32, out.data(), static_cast<int64_t>(r),
                static_cast<double>(known - classes.begin()));
  }
  return Status();
}

/// Labels are the integers from 0, or any words (or other integers), numbered in sorted order.
Status TableFields::fillClasses(const FieldInfo &field, size_t column, Buffer &out) {
  std::set<std::string> words;
  bool numbers = true;
  size_t firstWord = 0;
  for (size_t r = 0; r < table.rows.size(); ++r) {
    double value = 0;
    const std::string &cell = table.rows[r][column];
    int kind = parseCell(cell, value);
    if (kind == 0)
      return errorAt(r, column, "the label is missing");
    bool number = kind > 0 && value == std::floor(value) && value >= 0 && value < field.classes;
    if (numbers && !number)
      firstWord = r;
    numbers &= number;
    words.insert(cell);
  }
  auto trainedClasses = trained.classes.find(field.name);
  if (trainedClasses != trained.classes.end()) {
    const std::vector<std::string> &classes = trainedClasses->second;
    learned.classes[field.name] = classes;
    bool known = std::any_of(classes.begin(), classes.end(),
                             [&](const std::string &each) { return words.count(each) > 0; });
    if (known || !numbers)
      return fillKnownClasses(classes, column, out);
  } else if (!numbers && trained.trained) {
    return errorAt(firstWord, column,
                   "'" + table.rows[firstWord][column].substr(0, 40) +
                       "' is none of the classes trained: whole numbers from 0 to " +
                       std::to_string(field.classes - 1));
  }
  if (!numbers && static_cast<int64_t>(words.size()) > field.classes)
    return error(", column " + columnName(column) + " has " + std::to_string(words.size()) +
                 " different labels, but '" + field.name + "' is declared as class(" +
                 std::to_string(field.classes) + ")");
  if (!numbers)
    learned.classes[field.name].assign(words.begin(), words.end());
  for (size_t r = 0; r < table.rows.size(); ++r) {
    const std::string &cell = table.rows[r][column];
    double value = 0;
    if (numbers)
      parseCell(cell, value);
    else
      value = static_cast<double>(std::distance(words.begin(), words.find(cell)));
    storeNumber(ElementType::I32, out.data(), static_cast<int64_t>(r), value);
  }
  return Status();
}

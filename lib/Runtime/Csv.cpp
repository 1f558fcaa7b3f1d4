//===- Csv.cpp - Tables as text (RFC 4180) --------------------------------------------------===//
//
// Cells may be separated by ';' or tabs instead of ','; the first line tells. Blanks around a cell
// do not count.
//
//===----------------------------------------------------------------------------------------===//
#include "Dataset.h"
#include "Utf8.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

using namespace dlrt;

int dlrt::parseCell(const std::string &cell, double &out) {
  size_t begin = cell.find_first_not_of(" \t"), end = cell.find_last_not_of(" \t");
  if (begin == std::string::npos)
    return 0;
  const char *first = cell.data() + begin, *last = cell.data() + end + 1;
  if (*first == '+' && last - first > 1)
    ++first;
  size_t length = last - first;
  static const char *const missing[] = {"NA", "N/A", "NaN", "nan", "?", "null", "NULL", "None"};
  for (const char *word : missing)
    if (length == strlen(word) && memcmp(first, word, length) == 0)
      return 0;
  auto [stop, error] = std::from_chars(first, last, out);
  return error == std::errc() && stop == last && std::isfinite(out) ? 1 : -1;
}

int dlrt::parseCell(const FieldInfo &field, const std::string &cell, double &out) {
  if (field.type == ElementType::Bool)
    for (const char *word : {"false", "False", "FALSE", "true", "True", "TRUE"})
      if (cell == word) {
        out = cell.size() == strlen("true");
        return 1;
      }
  return parseCell(cell, out);
}

namespace {
class CsvParser {
public:
  CsvParser(const char *text, size_t size, const std::string &name)
      : at(text), end(text + size), name(name) {}

  Status run(Table &out) {
    if (at < end && memchr(at, 0, end - at))
      return Status::error("'" + name + "' is no table: it is not text", StatusCode::DataError);
    if (end - at >= 3 && memcmp(at, "\xEF\xBB\xBF", 3) == 0)
      at += 3; // a byte-order mark
    findSeparator();
    size_t columns = 0;
    while (at < end) {
      int64_t start = line;
      std::vector<std::string> row;
      row.reserve(columns);
      if (Status status = parseRow(row); !status.ok())
        return status;
      if (row.size() == 1 && row[0].empty())
        continue; // an empty line
      if (columns && row.size() != columns)
        return error(start, "has " + std::to_string(row.size()) + " cells, the rows before have " +
                                std::to_string(columns));
      columns = row.size();
      out.rows.push_back(std::move(row));
      out.lines.push_back(start);
    }
    if (out.rows.empty())
      return Status::error("'" + name + "' holds no rows", StatusCode::DataError);
    takeHeader(out);
    if (out.rows.empty())
      return Status::error("'" + name + "' holds the names of its columns and no rows",
                           StatusCode::DataError);
    return Status();
  }

private:
  Status error(int64_t where, const std::string &what) {
    return Status::error("'" + name + "', line " + std::to_string(where) + ": " + what,
                         StatusCode::DataError);
  }

  /// ',' if the first line has one outside of quotes; else ';', or a tab.
  void findSeparator() {
    bool quoted = false, semicolon = false, tab = false;
    for (const char *c = at; c < end && (quoted || (*c != '\n' && *c != '\r')); ++c) {
      quoted ^= *c == '"';
      if (!quoted && *c == ',')
        return;
      semicolon |= !quoted && *c == ';';
      tab |= !quoted && *c == '\t';
    }
    separator = semicolon ? ';' : tab ? '\t' : ',';
  }

  bool atBlank() const { return at < end && (*at == ' ' || *at == '\t') && *at != separator; }
  bool atCellEnd() const { return at == end || *at == separator || *at == '\n' || *at == '\r'; }

  Status parseRow(std::vector<std::string> &row) {
    for (;;) {
      std::string &cell = row.emplace_back();
      while (atBlank())
        ++at;
      if (at < end && *at == '"') {
        if (Status status = parseQuoted(cell); !status.ok())
          return status;
      } else {
        const char *begin = at;
        while (!atCellEnd())
          ++at;
        cell.assign(begin, at);
        cell.erase(cell.find_last_not_of(" \t") + 1);
      }
      if (at < end && *at == separator) {
        ++at;
        continue;
      }
      if (at < end && *at == '\r')
        ++at;
      if (at < end && *at == '\n')
        ++at;
      ++line;
      return Status();
    }
  }

  Status parseQuoted(std::string &cell) {
    int64_t start = line;
    ++at;
    for (;;) {
      if (at == end)
        return error(start, "a quoted cell does not end");
      if (*at == '"') {
        ++at;
        if (at == end || *at != '"')
          break;
      }
      line += *at == '\n';
      cell += *at++;
    }
    while (atBlank())
      ++at;
    if (!atCellEnd())
      return error(line, "text behind the closing quote of a cell");
    return Status();
  }

  /// The first row names the columns if none of its cells is a number and not all are missing.
  static void takeHeader(Table &out) {
    double number;
    auto count = [&](int kind) {
      return std::count_if(out.rows[0].begin(), out.rows[0].end(), [&](const std::string &cell) {
        return parseCell(cell, number) == kind;
      });
    };
    if (count(1) > 0 || count(-1) == 0)
      return;
    out.header = std::move(out.rows[0]);
    out.rows.erase(out.rows.begin());
    out.lines.erase(out.lines.begin());
  }

  const char *at, *end;
  const std::string &name;
  int64_t line = 1;
  char separator = ',';
};
} // namespace

static bool isUtf8(const char *text, size_t size) {
  for (size_t at = 0, length; at < size; at += length) {
    length = utf8Length(text + at, size - at);
    if (length == 0)
      return false;
  }
  return true;
}

/// A byte above 127 of Latin-1 has the number of its character.
static std::string fromLatin1(const char *text, size_t size) {
  std::string out;
  for (size_t i = 0; i < size; ++i) {
    unsigned char byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80)
      out += text[i];
    else
      out += {static_cast<char>(0xC0 | byte >> 6), static_cast<char>(0x80 | (byte & 0x3F))};
  }
  return out;
}

Status dlrt::parseCsv(const char *text, size_t size, const std::string &name, Table &out) {
  out = Table();
  if (isUtf8(text, size))
    return CsvParser(text, size, name).run(out);
  std::string decoded = fromLatin1(text, size);
  return CsvParser(decoded.data(), decoded.size(), name).run(out);
}

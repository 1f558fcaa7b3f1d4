//===- Report.cpp - What a run found out, as text and JSON ----------------------------------===//
#include "Report.h"
#include "JsonText.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

using namespace dlrt;

const ReportItem *Report::find(const std::string &name) const {
  for (const ReportItem &item : items)
    if (item.name == name)
      return &item;
  return nullptr;
}

std::string dlrt::formatNumber(double value) {
  char buffer[40];
  snprintf(buffer, sizeof(buffer), "%.6g", std::isnan(value) ? NAN : value); // without its sign
  return buffer;
}

std::string dlrt::formatCount(int64_t value) {
  std::string text = std::to_string(value);
  int first = value < 0 ? 1 : 0;
  for (int i = static_cast<int>(text.size()) - 3; i > first; i -= 3)
    text.insert(i, ",");
  return text;
}

std::string dlrt::formatBytes(int64_t bytes) {
  if (bytes < 1024)
    return std::to_string(bytes) + " B";
  const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
  double size = bytes / 1024.0;
  int unit = 0;
  for (; size >= 1024 && unit < 3; ++unit)
    size /= 1024;
  char buffer[40];
  snprintf(buffer, sizeof(buffer), "%.1f %s", size, units[unit]);
  return buffer;
}

namespace {
/// Width of UTF-8 text in characters.
size_t width(const std::string &text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; });
}

std::string padLeft(const std::string &text, size_t columns) {
  return std::string(columns - std::min(columns, width(text)), ' ') + text;
}

std::string padRight(const std::string &text, size_t columns) {
  return text + std::string(columns - std::min(columns, width(text)), ' ');
}

std::string label(const ReportItem &item, int64_t index) {
  return index < static_cast<int64_t>(item.labels.size()) ? item.labels[index]
                                                          : std::to_string(index);
}

std::string renderVector(const ReportItem &item) {
  size_t columns = 0;
  for (size_t i = 0; i < item.values.size(); ++i)
    columns = std::max(columns, width(label(item, i)));
  std::string text = item.name + "\n";
  for (size_t i = 0; i < item.values.size(); ++i)
    text += "  " + padRight(label(item, i), columns) + "  " + formatNumber(item.values[i]) + "\n";
  return text;
}

/// A matrix as a table. One of counts has a row for each true class, a column for each predicted
/// one, and the share of the row that is on the diagonal.
std::string renderMatrix(const ReportItem &item) {
  int64_t rows = item.shape[0], columns = item.shape[1];
  bool counts = item.kind == "counts" && rows == columns;
  std::vector<std::string> cells(rows * columns);
  size_t head = 0, cell = 1;
  for (int64_t i = 0; i < rows * columns; ++i) {
    cells[i] = formatNumber(item.values[i]);
    cell = std::max(cell, cells[i].size());
  }
  for (int64_t i = 0; i < rows; ++i)
    head = std::max(head, width(label(item, i)));
  for (int64_t i = 0; counts && i < columns; ++i)
    cell = std::max(cell, width(label(item, i)));

  std::string text = item.name + (counts ? " (rows: true, columns: predicted)\n" : "\n");
  text += "  " + std::string(head, ' ');
  for (int64_t column = 0; column < columns; ++column)
    text += " " + padLeft(counts ? label(item, column) : std::to_string(column), cell);
  text += counts ? "   recall\n" : "\n";
  for (int64_t row = 0; row < rows; ++row) {
    text += "  " + padRight(label(item, row), head);
    double sum = 0;
    for (int64_t column = 0; column < columns; ++column) {
      text += " " + padLeft(cells[row * columns + column], cell);
      sum += item.values[row * columns + column];
    }
    char recall[24] = "        -";
    if (counts && sum > 0)
      snprintf(recall, sizeof(recall), "  %5.1f %%", 100 * item.values[row * columns + row] / sum);
    text += counts ? std::string(recall) + "\n" : "\n";
  }
  return text;
}

/// `values` as nested arrays of `shape`, from `axis` on.
std::string arrayJson(const ReportItem &item, size_t axis, size_t &next) {
  if (axis == item.shape.size())
    return jsonNumber(item.values[next++]);
  std::string text = "[";
  for (int64_t i = 0; i < item.shape[axis]; ++i)
    text += (i ? "," : "") + arrayJson(item, axis + 1, next);
  return text + "]";
}
} // namespace

std::string dlrt::renderReport(const Report &report, const ReportStyle &style) {
  size_t columns = 0;
  for (const ReportItem &item : report.items)
    if (item.shape.empty() && item.kind == "value")
      columns = std::max(columns, width(item.name));
  std::string text;
  for (const ReportItem &item : report.items) {
    if (item.kind == "plot" || item.kind == "scatter")
      text += item.name + "\n" + renderText(item.plot, style.columns, style.rows, style.color);
    else if (item.shape.size() == 2)
      text += renderMatrix(item);
    else if (item.shape.empty())
      text += padRight(item.name, columns) + "  " + formatNumber(item.values[0]) + "\n";
    else
      text += renderVector(item);
  }
  return text;
}

std::string dlrt::reportJson(const Report &report) {
  std::string text = "{";
  for (const ReportItem &item : report.items) {
    if (item.kind == "plot" || item.kind == "scatter")
      continue;
    size_t next = 0;
    text += (text.size() > 1 ? "," : "") + jsonString(item.name) + ":" + arrayJson(item, 0, next);
  }
  return text + "}";
}

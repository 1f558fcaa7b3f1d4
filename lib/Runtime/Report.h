//===- Report.h - What a run found out ------------------------------------------------------===//
#ifndef DLRT_REPORT_H
#define DLRT_REPORT_H

#include "Plot.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dlrt {

/// One entry of a report: a number, a vector, a matrix or a plot.
struct ReportItem {
  std::string name;
  std::string
      kind; /// "value", "vector", "matrix", "counts", "plot" or "scatter", as in the manifest
  std::vector<int64_t> shape;      /// of `values`; empty for a single number
  std::vector<double> values;      /// row-major
  std::vector<std::string> labels; /// of a vector's elements, or of a matrix's rows and columns
  Plot plot;                       /// of plots and scatters
};

/// All entries, in the order in which the program lists them.
struct Report {
  std::vector<ReportItem> items;
  const ReportItem *find(const std::string &name) const;
};

/// How a report is drawn.
struct ReportStyle {
  int columns = 72; /// of a plot
  int rows = 18;
  bool color = false;
};

/// `value` with six significant digits.
std::string formatNumber(double value);
/// `value` with its digits in groups: 101,770.
std::string formatCount(int64_t value);
/// A number of bytes in B, KiB, MiB or GiB.
std::string formatBytes(int64_t bytes);

/// The report as lines of text.
std::string renderReport(const Report &report, const ReportStyle &style);

/// The report's numbers as a JSON object by name; plots are left out, numbers that are not finite
/// are null.
std::string reportJson(const Report &report);

} // namespace dlrt
#endif // DLRT_REPORT_H

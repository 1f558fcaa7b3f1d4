//===- Evaluation.h - From a trained program to its report ----------------------------------===//
#ifndef DLRT_EVALUATION_H
#define DLRT_EVALUATION_H

#include "Report.h"
#include "Session.h"
#include "Status.h"

#include <map>
#include <string>
#include <vector>

namespace dlrt {

/// The values of the outputs of `series`, by name, one number for each row.
using Series = std::map<std::string, std::vector<double>>;

/// Computes all series over `rows`; nothing where the program has none.
Status computeSeries(Session &session, const RowList &rows, Series &out);

/// Evaluates the program on `rows` and fills in its report. Of `untrained`, if there is one, plots
/// show the curves that training changed. The names of the classes label matrices of that size.
Status makeReport(Session &session, const RowList &rows, const Series *untrained,
                  const DataNames &names, Report &out);

/// Writes each plot of the report as DIR/name.svg; makes the folder. `outPaths` gets the files.
Status writePlots(const Report &report, const std::string &folder,
                  std::vector<std::string> &outPaths);

} // namespace dlrt
#endif // DLRT_EVALUATION_H

//===- Evaluation.cpp - From a trained program to its report --------------------------------===//
#include "Evaluation.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

#include <sys/stat.h>

using namespace dlrt;

Status dlrt::computeSeries(Session &session, const RowList &rows, Series &out) {
  const FunctionInfo *function = session.getProgram().function("series");
  if (!function)
    return Status();
  std::vector<const OutputInfo *> outputs;
  std::vector<std::vector<double> *> sinks;
  for (const OutputInfo &output : function->outputs)
    if (output.isBatched() && output.elements(1) == 1) {
      outputs.push_back(&output);
      sinks.push_back(&out[output.name]);
    }
  return collect(session, *function, rows, outputs, sinks);
}

namespace {
Status missing(const ReportEntry &entry, const std::string &output) {
  return Status::error("the report's '" + entry.name + "' needs '" + output +
                           "', which the program does not compute",
                       StatusCode::Incompatible);
}

Status fillNumbers(const Session &session, const FunctionInfo *evaluate, const ReportEntry &entry,
                   const DataNames &names, ReportItem &item) {
  for (const std::string &name : entry.outputs) {
    const OutputInfo *output = evaluate ? evaluate->output(name) : nullptr;
    if (!output || output->isBatched())
      return missing(entry, name);
    item.shape = output->shape;
    session.appendValues(*output, 0, item.values);
  }
  if (entry.outputs.size() > 1)
    item.shape = {static_cast<int64_t>(item.values.size())};
  const FieldInfo *target = item.kind == "counts" && item.shape.size() == 2
                                ? session.getProgram().predictedField(item.shape[0])
                                : nullptr;
  auto classes = target ? names.classes.find(target->name) : names.classes.end();
  if (item.labels.empty() && classes != names.classes.end())
    item.labels = classes->second;
  return Status();
}

Status fillPlot(const Series &series, const Series *untrained, const ReportEntry &entry,
                ReportItem &item) {
  Plot &plot = item.plot;
  plot.name = entry.name;
  plot.scatter = entry.kind == "scatter";
  std::vector<Curve> before;
  for (size_t i = 0; i < entry.outputs.size(); ++i) {
    const std::string &name = entry.outputs[i];
    auto found = series.find(name);
    if (found == series.end())
      return missing(entry, name);
    std::string label = i < entry.labels.size() ? entry.labels[i] : name;
    if (i == 0) {
      plot.x = found->second;
      plot.xLabel = label;
      continue;
    }
    plot.curves.push_back({label, found->second, false});
    if (!untrained || plot.scatter)
      continue;
    auto old = untrained->find(name);
    if (old != untrained->end() && old->second != found->second)
      before.push_back({label + ", untrained", old->second, true});
  }
  plot.curves.insert(plot.curves.end(), before.begin(), before.end());
  if (!plot.scatter)
    plot.sort();
  item.labels.clear();
  return Status();
}
} // namespace

Status dlrt::makeReport(Session &session, const RowList &rows, const Series *untrained,
                        const DataNames &names, Report &out) {
  const Program &program = session.getProgram();
  const FunctionInfo *evaluate = program.function("evaluate");
  if (evaluate)
    if (Status status = session.stream(*evaluate, rows); !status.ok())
      return status;
  // The numbers first: computing the series overwrites them.
  bool anyPlot = false;
  for (const ReportEntry &entry : program.report) {
    ReportItem item;
    item.name = entry.name;
    item.kind = entry.kind;
    item.labels = entry.labels;
    bool plot = entry.kind == "plot" || entry.kind == "scatter";
    anyPlot |= plot;
    if (!plot)
      if (Status status = fillNumbers(session, evaluate, entry, names, item); !status.ok())
        return status;
    out.items.push_back(std::move(item));
  }
  if (!anyPlot)
    return Status();
  Series series;
  Status status = computeSeries(session, rows, series);
  for (size_t i = 0; i < out.items.size() && status.ok(); ++i)
    if (out.items[i].kind == "plot" || out.items[i].kind == "scatter")
      status = fillPlot(series, untrained, program.report[i], out.items[i]);
  return status;
}

namespace {
Status cannotWrite(const std::string &path) {
  return Status::error("cannot write '" + path + "': " + strerror(errno), StatusCode::IoError);
}

/// `name` with what may not stand in a file name replaced.
std::string fileName(const std::string &name) {
  std::string out;
  for (char c : name)
    out += isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '.' ? c : '_';
  return out.empty() || out[0] == '.' ? "plot" + out : out;
}
} // namespace

Status dlrt::writePlots(const Report &report, const std::string &folder,
                        std::vector<std::string> &outPaths) {
  // Each folder on the way, from the left; what exists already is no mistake.
  for (size_t slash = folder.find('/', 1);; slash = folder.find('/', slash + 1)) {
    if (mkdir(folder.substr(0, slash).c_str(), 0777) != 0 && errno != EEXIST &&
        slash == std::string::npos)
      return cannotWrite(folder);
    if (slash == std::string::npos)
      break;
  }
  for (const ReportItem &item : report.items) {
    if (item.kind != "plot" && item.kind != "scatter")
      continue;
    std::string path = folder + "/" + fileName(item.name) + ".svg";
    FILE *file = fopen(path.c_str(), "we");
    if (!file)
      return cannotWrite(path);
    std::string text = renderSvg(item.plot);
    bool written = fwrite(text.data(), 1, text.size(), file) == text.size();
    if (fclose(file) != 0 || !written)
      return cannotWrite(path);
    outPaths.push_back(path);
  }
  return Status();
}

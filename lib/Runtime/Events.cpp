//===- Events.cpp - A run on the console and as JSON lines ----------------------------------===//
#include "Events.h"
#include "JsonText.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

using namespace dlrt;

double dlrt::now() {
  timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::string dlrt::tilesText(int64_t products) {
  return "measured tiles in " + std::to_string(products) +
         (products == 1 ? " product" : " products");
}

namespace {
/// Seconds between two progress lines where there is no terminal.
constexpr double kPlainInterval = 10;

std::string format(const char *pattern, ...) __attribute__((format(printf, 1, 2)));
std::string format(const char *pattern, ...) {
  char buffer[256];
  va_list arguments;
  va_start(arguments, pattern);
  vsnprintf(buffer, sizeof(buffer), pattern, arguments);
  va_end(arguments);
  return buffer;
}

int terminalColumns(FILE *file) {
  winsize size{};
  return ioctl(fileno(file), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0)
    return "?";
  if (seconds < 1)
    return format("%.3g ms", seconds * 1000);
  int64_t whole = static_cast<int64_t>(seconds);
  if (whole >= 3600)
    return format("%d h %02d min", static_cast<int>(whole / 3600),
                  static_cast<int>(whole / 60 % 60));
  if (whole >= 60)
    return format("%d min %02d s", static_cast<int>(whole / 60), static_cast<int>(whole % 60));
  return format(seconds < 10 ? "%.2f s" : "%.0f s", seconds);
}

/// A value as text in a line: "loss 0.1234".
std::string named(const std::string &name, double value) {
  return name + format(" %.4g", std::isnan(value) ? NAN : value); // a NaN's sign says nothing
}

/// What matters most first: a narrow terminal cuts the end off.
std::string progressText(const ProgressEvent &event) {
  constexpr int kBar = 16;
  double share = event.steps > 0 ? static_cast<double>(event.step) / event.steps : 0;
  int filled = static_cast<int>(share * kBar);
  std::string bar = std::string(filled, '=') + (filled < kBar ? ">" : "");
  bar.resize(kBar, ' ');
  std::string text =
      "[" + bar + format("] %3d %%  ", static_cast<int>(share * 100)) +
      duration(event.secondsLeft) + " left" + "  " +
      (event.rate < 1000 ? format("%.3g", event.rate) : formatCount(std::llround(event.rate))) +
      " steps/s";
  if (event.epochs > 0)
    text += format("  epoch %lld/%lld", static_cast<long long>(event.epoch),
                   static_cast<long long>(event.epochs));
  else
    text += "  step " + formatCount(event.step) + "/" + formatCount(event.steps);
  return text + "  " + named("loss", event.loss);
}

std::string memoryText(const MemoryUse &memory) {
  std::string text = "takes " + formatBytes(memory.total()) + " of the device's memory: arena " +
                     formatBytes(memory.arena) + ", data " + formatBytes(memory.data) +
                     ", row numbers " + formatBytes(memory.rowNumbers) + ", frame " +
                     formatBytes(memory.frame);
  if (memory.windowRows > 0)
    text += "\nthe data does not fit: it streams through two windows of " +
            formatCount(memory.windowRows) + " rows, from " + formatBytes(memory.pinned) +
            " of pinned memory";
  return text;
}
} // namespace

ConsoleEvents::ConsoleEvents(FILE *out, FILE *err, bool quiet)
    : out(out), err(err), quiet(quiet), outIsTerminal(isatty(fileno(out))),
      errIsTerminal(isatty(fileno(err))), lastLine(now()) {}

ConsoleEvents::~ConsoleEvents() { clearProgress(); }

void ConsoleEvents::clearProgress() {
  if (progressShown)
    fputs("\r\033[K", err);
  progressShown = false;
  fflush(err);
}

void ConsoleEvents::plan(const PlanEvent &event) {
  if (quiet)
    return;
  std::string text =
      event.program + ": " + formatCount(event.parameters) + " parameters, arena " +
      formatBytes(event.memory.arena) +
      (event.device == "cpu" ? format(", %d thread%s", event.threads, event.threads == 1 ? "" : "s")
                             : ", on " + event.device + " in " + event.precision +
                                   (event.loop.empty() ? "" : ", loop: " + event.loop));
  if (event.measuredTiles)
    text += ", " + tilesText(event.measuredTiles);
  if (event.compileSeconds > 0)
    text += format(", compiled in %.0f ms", event.compileSeconds * 1000);
  if (event.device != "cpu")
    text += "\n" + memoryText(event.memory);
  text += "\n" + formatCount(event.trainRows) + " training rows";
  if (event.validationRows)
    text += ", " + formatCount(event.validationRows) + " for validation";
  if (event.testRows)
    text += ", " + formatCount(event.testRows) + " for the test";
  fprintf(out, "%s\n", text.c_str());
  fflush(out);
}

void ConsoleEvents::progress(const ProgressEvent &event) {
  if (quiet)
    return;
  std::string text = progressText(event);
  if (errIsTerminal) {
    size_t columns = static_cast<size_t>(terminalColumns(err));
    fprintf(err, "\r%s\033[K", text.substr(0, columns - 1).c_str());
    fflush(err);
    progressShown = true;
    return;
  }
  if (now() - lastLine < kPlainInterval)
    return;
  lastLine = now();
  fprintf(err, "%s\n", text.c_str());
  fflush(err);
}

void ConsoleEvents::epoch(const EpochEvent &event) {
  if (quiet)
    return;
  clearProgress();
  std::string text;
  if (event.epochs > 0) {
    std::string last = std::to_string(event.epochs);
    text = format("epoch %*lld/%s", static_cast<int>(last.size()),
                  static_cast<long long>(event.epoch), last.c_str());
  } else {
    std::string last = formatCount(event.steps);
    text = format("step %*s/%s", static_cast<int>(last.size()), formatCount(event.step).c_str(),
                  last.c_str());
  }
  text += "  " + named("loss", event.loss);
  for (size_t i = 0; i < event.validation.size(); ++i)
    text +=
        (i ? ", " : "  validation ") + named(event.validation[i].first, event.validation[i].second);
  text += "  " + duration(event.seconds);
  fprintf(out, "%s%s\n", text.c_str(), event.best ? "  best" : "");
  fflush(out);
  lastLine = now();
}

void ConsoleEvents::report(const ReportEvent &event) {
  clearProgress();
  ReportStyle style;
  style.color = outIsTerminal;
  if (outIsTerminal)
    style.columns = std::max(20, std::min(100, terminalColumns(out) - 12));
  if (!quiet) {
    fprintf(out, "\nreport on %s rows (%s)\n", formatCount(event.rows).c_str(),
            event.part == "test" ? "test part" : "all data");
  }
  fputs(renderReport(*event.report, style).c_str(), out);
  if (!quiet) {
    if (event.trainSeconds > 0)
      fprintf(out, "trained in %s, ", duration(event.trainSeconds).c_str());
    fprintf(out, "%s in all; state %s%s%s\n", duration(event.totalSeconds).c_str(),
            event.stateHash.c_str(), savedTo.empty() ? "" : (", saved to " + savedTo).c_str(),
            event.interrupted ? "; interrupted" : "");
  }
  fflush(out);
}

/// Said once, with the report: there may be many a second.
void ConsoleEvents::saved(const std::string &path, int64_t) { savedTo = path; }

void ConsoleEvents::interrupted(int64_t step, int64_t steps, const std::string &path) {
  clearProgress();
  std::string next = path.empty()
                         ? "nothing was kept: name a file with --save to go on another time"
                         : "saved to " + path + ": go on with --resume " + path;
  fprintf(err, "interrupted after step %s of %s; %s\n", formatCount(step).c_str(),
          formatCount(steps).c_str(), next.c_str());
  fflush(err);
}

void ConsoleEvents::wrote(const std::string &path) {
  if (!quiet)
    fprintf(out, "wrote %s\n", path.c_str());
}

/// The device's memory as members of the plan's object.
static std::string jsonMemory(const MemoryUse &memory) {
  return ",\"device_bytes\":" + std::to_string(memory.total()) +
         ",\"data_bytes\":" + std::to_string(memory.data) +
         ",\"row_number_bytes\":" + std::to_string(memory.rowNumbers) +
         ",\"frame_bytes\":" + std::to_string(memory.frame) +
         ",\"window_rows\":" + std::to_string(memory.windowRows) +
         ",\"pinned_bytes\":" + std::to_string(memory.pinned);
}

void JsonEvents::line(const std::string &text) {
  fprintf(out, "{\"event\":%s}\n", text.c_str());
  fflush(out);
}

void JsonEvents::plan(const PlanEvent &event) {
  line("\"plan\",\"program\":" + jsonString(event.program) + ",\"parameters\":" +
       std::to_string(event.parameters) + ",\"arena_bytes\":" + std::to_string(event.memory.arena) +
       ",\"compile_seconds\":" + jsonNumber(event.compileSeconds) +
       ",\"threads\":" + std::to_string(event.threads) + ",\"device\":" + jsonString(event.device) +
       ",\"precision\":" + jsonString(event.precision) +
       (event.loop.empty() ? "" : ",\"loop\":" + jsonString(event.loop)) +
       (event.device == "cpu" ? "" : ",\"measured_tiles\":" + std::to_string(event.measuredTiles)) +
       (event.device == "cpu" ? "" : jsonMemory(event.memory)) +
       ",\"train_rows\":" + std::to_string(event.trainRows) + ",\"validation_rows\":" +
       std::to_string(event.validationRows) + ",\"test_rows\":" + std::to_string(event.testRows));
}

void JsonEvents::epoch(const EpochEvent &event) {
  std::string text = "\"epoch\",\"epoch\":" + std::to_string(event.epoch) +
                     ",\"step\":" + std::to_string(event.step) +
                     ",\"loss\":" + jsonNumber(event.loss);
  if (!event.validation.empty()) {
    text += ",\"validation\":{";
    for (size_t i = 0; i < event.validation.size(); ++i)
      text += (i ? "," : "") + jsonString(event.validation[i].first) + ":" +
              jsonNumber(event.validation[i].second);
    text += "}";
  }
  line(text + ",\"seconds\":" + jsonNumber(event.seconds));
}

void JsonEvents::report(const ReportEvent &event) {
  std::string text = "\"report\",\"values\":" + reportJson(*event.report) +
                     ",\"part\":" + jsonString(event.part) +
                     ",\"rows\":" + std::to_string(event.rows) +
                     ",\"train_seconds\":" + jsonNumber(event.trainSeconds) +
                     ",\"total_seconds\":" + jsonNumber(event.totalSeconds) +
                     ",\"state_hash\":" + jsonString(event.stateHash);
  line(text + (event.interrupted ? ",\"interrupted\":true" : ""));
}

void JsonEvents::saved(const std::string &path, int64_t step) {
  line("\"saved\",\"path\":" + jsonString(path) + ",\"step\":" + std::to_string(step));
}

void JsonEvents::interrupted(int64_t step, int64_t steps, const std::string &path) {
  std::string text =
      "\"interrupted\",\"step\":" + std::to_string(step) + ",\"steps\":" + std::to_string(steps);
  line(text + (path.empty() ? "" : ",\"path\":" + jsonString(path)));
}

//===- Svg.cpp - Plots as SVG documents -----------------------------------------------------===//
#include "Plot.h"

#include <algorithm>
#include <cmath>
#include <cstdarg>
#include <cstdio>

using namespace dlrt;

namespace {
// The document, in pixels; the legend stands to the right of the frame.
constexpr double kWidth = 760, kHeight = 460;
constexpr double kLeft = 72, kRight = 180, kTop = 48, kBottom = 58;
constexpr double kFrameWidth = kWidth - kLeft - kRight, kFrameHeight = kHeight - kTop - kBottom;
/// More points than this cannot be told apart; of a longer series every n-th is drawn.
constexpr size_t kMaxPoints = 4000;
/// Colours that stay apart for colour-blind readers (Okabe and Ito, 2008).
const char *const kColors[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"};
constexpr size_t kColorCount = 6;

void append(std::string &out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void append(std::string &out, const char *format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(buffer, sizeof(buffer), format, arguments);
  va_end(arguments);
  out += buffer;
}

/// `text` for use between tags. Control characters, which XML has no way to write, become blanks.
std::string escape(const std::string &text) {
  std::string out;
  for (char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else
      out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  }
  return out;
}

/// Maps values to pixels of the frame.
struct Frame {
  Axis x, y;
  double left(double value) const { return kLeft + x.place(value) * kFrameWidth; }
  double top(double value) const { return kTop + (1 - y.place(value)) * kFrameHeight; }
};

void drawAxes(std::string &out, const Plot &plot, const Frame &frame) {
  double right = kLeft + kFrameWidth, bottom = kTop + kFrameHeight;
  out += "<g stroke=\"#e3e3e3\" stroke-width=\"1\">\n";
  for (double tick : frame.x.ticks)
    append(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", frame.left(tick), kTop,
           frame.left(tick), bottom);
  for (double tick : frame.y.ticks)
    append(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", kLeft, frame.top(tick),
           right, frame.top(tick));
  out += "</g>\n<g font-size=\"12\" fill=\"#444\">\n";
  for (double tick : frame.x.ticks)
    append(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", frame.left(tick),
           bottom + 18, frame.x.text(tick).c_str());
  for (double tick : frame.y.ticks)
    append(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", kLeft - 8,
           frame.top(tick) + 4, frame.y.text(tick).c_str());
  out += "</g>\n";
  append(out,
         "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"none\" "
         "stroke=\"#888\"/>\n",
         kLeft, kTop, kFrameWidth, kFrameHeight);
  append(out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"13\" text-anchor=\"middle\">",
         kLeft + kFrameWidth / 2, kHeight - 16);
  out += escape(plot.xLabel) + "</text>\n";
  if (plot.curves.size() != 1)
    return;
  append(out,
         "<text transform=\"translate(20 %.1f) rotate(-90)\" font-size=\"13\" "
         "text-anchor=\"middle\">",
         kTop + kFrameHeight / 2);
  out += escape(plot.curves[0].label) + "</text>\n";
}

void drawPoints(std::string &out, const Plot &plot, const Frame &frame, size_t curve) {
  size_t stride = plot.x.size() / kMaxPoints + 1;
  append(out, "<g fill=\"%s\" fill-opacity=\"0.55\">\n", kColors[curve % kColorCount]);
  for (size_t i = 0; i < plot.x.size(); i += stride) {
    double x = frame.left(plot.x[i]), y = frame.top(plot.curves[curve].y[i]);
    if (std::isfinite(x) && std::isfinite(y))
      append(out, "<circle cx=\"%.2f\" cy=\"%.2f\" r=\"3\"/>\n", x, y);
  }
  out += "</g>\n";
}

void drawCurve(std::string &out, const Plot &plot, const Frame &frame, size_t curve) {
  size_t stride = plot.x.size() / kMaxPoints + 1;
  append(out, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" stroke-linejoin=\"round\" d=\"",
         kColors[curve % kColorCount]);
  bool down = false; // a value that is not finite interrupts the line
  for (size_t i = 0; i < plot.x.size(); i += stride) {
    double x = frame.left(plot.x[i]), y = frame.top(plot.curves[curve].y[i]);
    bool drawn = std::isfinite(x) && std::isfinite(y);
    if (drawn)
      append(out, "%s%.2f %.2f", down ? " L" : down || i == 0 ? "M" : " M", x, y);
    down = drawn;
  }
  out += "\"/>\n";
}

void drawLegend(std::string &out, const Plot &plot) {
  double x = kLeft + kFrameWidth + 16, y = kTop + 12;
  auto label = [&](const std::string &text) {
    append(out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"12\">", x + 26, y + 4);
    out += escape(text) + "</text>\n";
    y += 22;
  };
  for (size_t i = 0; i < plot.curves.size(); ++i) {
    const char *color = kColors[i % kColorCount];
    if (plot.scatter)
      append(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"/>\n", x + 10, y, color);
    else
      append(out,
             "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" "
             "stroke-width=\"2.5\"/>\n",
             x, y, x + 20, y, color);
    label(plot.curves[i].label);
  }
  if (!plot.scatter)
    return;
  append(out,
         "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#555\" "
         "stroke-dasharray=\"5 4\"/>\n",
         x, y, x + 20, y);
  label("y = x");
}
} // namespace

std::string dlrt::renderSvg(const Plot &plot) {
  Frame frame;
  makeAxes(plot, 6, 6, frame.x, frame.y);
  std::string out;
  append(
      out,
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%g\" height=\"%g\" viewBox=\"0 0 %g %g\" "
      "font-family=\"Helvetica, Arial, sans-serif\" fill=\"#222\">\n",
      kWidth, kHeight, kWidth, kHeight);
  out += "<title>" + escape(plot.name) +
         "</title>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n";
  append(out,
         "<text x=\"%.1f\" y=\"28\" font-size=\"16\" font-weight=\"bold\" text-anchor=\"middle\">",
         kLeft + kFrameWidth / 2);
  out += escape(plot.name) + "</text>\n";
  drawAxes(out, plot, frame);
  if (plot.scatter)
    append(out,
           "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#555\" "
           "stroke-dasharray=\"5 4\"/>\n",
           kLeft, kTop + kFrameHeight, kLeft + kFrameWidth, kTop);
  // A curve may leave the frame; the points of a scatter never do, and keep their whole circles.
  append(out,
         "<clipPath id=\"frame\"><rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>"
         "</clipPath>\n<g%s>\n",
         kLeft, kTop, kFrameWidth, kFrameHeight, plot.scatter ? "" : " clip-path=\"url(#frame)\"");
  for (size_t curve = 0; curve < plot.curves.size(); ++curve)
    if (plot.scatter)
      drawPoints(out, plot, frame, curve);
    else
      drawCurve(out, plot, frame, curve);
  out += "</g>\n";
  drawLegend(out, plot);
  return out + "</svg>\n";
}

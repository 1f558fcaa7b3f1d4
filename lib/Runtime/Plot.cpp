//===- Plot.cpp - Curves and points on a terminal -------------------------------------------===//
#include "Plot.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <numeric>

using namespace dlrt;

void Plot::sort() {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), 0);
  // NaNs go last: the sort relies on a strict order.
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    if (std::isnan(x[a]) != std::isnan(x[b]))
      return std::isnan(x[b]);
    return x[a] < x[b] || (!(x[b] < x[a]) && a < b);
  });
  auto permute = [&](std::vector<double> &values) {
    std::vector<double> sorted(order.size());
    for (size_t i = 0; i < order.size(); ++i)
      sorted[i] = values[order[i]];
    values = std::move(sorted);
  };
  for (Curve &curve : curves)
    permute(curve.y);
  permute(x);
}

Axis Axis::make(double low, double high, int count) {
  if (!(low <= high)) // no finite value at all
    low = 0, high = 1;
  if (low == high) {
    double margin = low == 0 ? 1 : std::fabs(low) * 0.5;
    low -= margin, high += margin;
  }
  double raw = (high - low) / std::max(1, count);
  double power = std::pow(10, std::floor(std::log10(raw)));
  double fraction = raw / power;
  Axis axis;
  axis.step = power * (fraction < 1.5 ? 1 : fraction < 3 ? 2 : fraction < 7 ? 5 : 10);
  double first = std::floor(low / axis.step + 1e-9), last = std::ceil(high / axis.step - 1e-9);
  axis.low = first * axis.step;
  axis.high = last * axis.step;
  for (double tick = first; tick <= last; ++tick)
    axis.ticks.push_back(tick * axis.step);
  return axis;
}

std::string Axis::text(double tick) const {
  char buffer[64];
  double largest = std::max(std::fabs(low), std::fabs(high));
  int decimals = std::max(0, static_cast<int>(-std::floor(std::log10(step) + 1e-9)));
  if (largest >= 1e6 || decimals > 4)
    snprintf(buffer, sizeof(buffer), "%.3g", tick);
  else
    snprintf(buffer, sizeof(buffer), "%.*f", decimals, tick == 0 ? 0.0 : tick);
  return buffer;
}

void dlrt::makeAxes(const Plot &plot, int xTicks, int yTicks, Axis &outX, Axis &outY) {
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  auto include = [&](int axis, const std::vector<double> &values) {
    for (double value : values)
      if (std::isfinite(value)) {
        low[axis] = std::min(low[axis], value);
        high[axis] = std::max(high[axis], value);
      }
  };
  include(0, plot.x);
  for (const Curve &curve : plot.curves)
    if (!curve.aside)
      include(1, curve.y);
  double margin = low[1] <= high[1] ? 0.5 * (high[1] - low[1]) : INFINITY;
  double lowest = low[1] - margin, highest = high[1] + margin;
  for (const Curve &curve : plot.curves)
    if (curve.aside)
      include(1, curve.y);
  if (low[1] <= high[1]) {
    low[1] = std::max(low[1], lowest);
    high[1] = std::min(high[1], highest);
  }
  if (plot.scatter) {
    low[0] = low[1] = std::min(low[0], low[1]);
    high[0] = high[1] = std::max(high[0], high[1]);
  }
  outX = Axis::make(low[0], high[0], xTicks);
  outY = Axis::make(low[1], high[1], yTicks);
}

namespace {
/// A grid of braille cells, 2 dots wide and 4 high; each cell knows the curve drawn last in it.
class Canvas {
public:
  Canvas(int columns, int rows)
      : columns(columns), rows(rows), dots(columns * rows, 0), owner(columns * rows, -1) {}

  int width() const { return columns * 2; }
  int height() const { return rows * 4; }

  /// Sets the dot at (x, y), y upwards from 0.
  void set(int x, int y, int curve) {
    if (x < 0 || y < 0 || x >= width() || y >= height())
      return;
    static const uint8_t bits[4][2] = {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}};
    y = height() - 1 - y;
    int cell = y / 4 * columns + x / 2;
    dots[cell] |= bits[y % 4][x % 2];
    owner[cell] = curve;
  }

  void line(double x0, double y0, double x1, double y1, int curve) {
    int steps = static_cast<int>(std::max(std::fabs(x1 - x0), std::fabs(y1 - y0))) + 1;
    for (int i = 0; i <= steps; ++i)
      set(static_cast<int>(std::lround(x0 + (x1 - x0) * i / steps)),
          static_cast<int>(std::lround(y0 + (y1 - y0) * i / steps)), curve);
  }

  /// The text of the cells in `row`, from the top.
  std::string row(int row, bool color) const;

private:
  int columns, rows;
  std::vector<uint8_t> dots;
  std::vector<int> owner;
};

const char *const kColors[] = {"\033[34m", "\033[33m", "\033[32m",
                               "\033[31m", "\033[35m", "\033[36m"};
/// Without colours every third column of the second and later curves is one of these.
const char *const kMarks[] = {"", "o", "+", "x", "*", "#"};
constexpr int kStyles = 6;

std::string braille(uint8_t dots) {
  int code = 0x2800 + dots;
  return {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
          static_cast<char>(0x80 | (code & 0x3F))};
}

std::string mark(uint8_t dots, int curve, bool color) {
  int style = curve % kStyles;
  if (color)
    return kColors[style] + braille(dots) + "\033[0m";
  return style == 0 ? braille(dots) : kMarks[style];
}

std::string Canvas::row(int row, bool color) const {
  std::string text;
  size_t end = 0; // blanks at the end are cut
  for (int column = 0; column < columns; ++column) {
    int cell = row * columns + column;
    bool plain = !color && column % 3 != 0;
    text += owner[cell] < 0 ? " "
            : plain         ? braille(dots[cell])
                            : mark(dots[cell], owner[cell], color);
    if (owner[cell] >= 0)
      end = text.size();
  }
  return text.substr(0, end);
}

void drawCurves(const Plot &plot, const Axis &xAxis, const Axis &yAxis, Canvas &canvas) {
  double width = canvas.width() - 1, height = canvas.height() - 1;
  if (plot.scatter) // the line y = x, as the second curve
    canvas.line(0, 0, width, height, 1);
  for (size_t number = 0; number < plot.curves.size(); ++number) {
    double lastX = NAN, lastY = NAN;
    for (size_t i = 0; i < plot.x.size(); ++i) {
      double x = xAxis.place(plot.x[i]) * width;
      double y = yAxis.place(plot.curves[number].y[i]) * height;
      if (std::isfinite(y)) // what is far outside need not be drawn to its end
        y = std::clamp(y, -height, 2 * height);
      bool drawn = std::isfinite(x) && std::isfinite(y);
      if (drawn && !plot.scatter && std::isfinite(lastX) && std::isfinite(lastY))
        canvas.line(lastX, lastY, x, y, static_cast<int>(number));
      else if (drawn)
        canvas.set(static_cast<int>(std::lround(x)), static_cast<int>(std::lround(y)),
                   static_cast<int>(number));
      lastX = x, lastY = y;
    }
  }
}

std::string legend(const Plot &plot, bool color, size_t indent) {
  std::string text(indent, ' ');
  for (size_t i = 0; i < plot.curves.size(); ++i)
    text += (i ? "   " : "") + mark(0x24, static_cast<int>(i), color) + " " + plot.curves[i].label;
  if (plot.scatter)
    text += "   " + mark(0x24, 1, color) + " y = x";
  return text + "\n";
}

/// The line below the axis: each tick's text centred under it, where it does not touch its
/// neighbour.
std::string tickLine(const Axis &axis, int columns, size_t indent) {
  std::string line(indent + columns + 8, ' ');
  size_t free = 0;
  for (double tick : axis.ticks) {
    std::string text = axis.text(tick);
    size_t centre = indent + static_cast<size_t>(std::lround(axis.place(tick) * (columns - 1)));
    size_t start = centre >= text.size() / 2 ? centre - text.size() / 2 : 0;
    if (start < free || start + text.size() > line.size())
      continue;
    line.replace(start, text.size(), text);
    free = start + text.size() + 1;
  }
  return line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}
} // namespace

std::string dlrt::renderText(const Plot &plot, int columns, int rows, bool color) {
  Axis xAxis, yAxis;
  makeAxes(plot, std::max(2, columns / 10), std::max(2, rows / 4), xAxis, yAxis);
  Canvas canvas(columns, rows);
  drawCurves(plot, xAxis, yAxis, canvas);

  std::vector<std::string> labels(rows);
  size_t margin = 0;
  for (double tick : yAxis.ticks) {
    std::string text = yAxis.text(tick);
    labels[rows - 1 - static_cast<int>(std::lround(yAxis.place(tick) * (rows - 1)))] = text;
    margin = std::max(margin, text.size());
  }
  std::string text = legend(plot, color, margin + 3);
  for (int row = 0; row < rows; ++row)
    text += std::string(margin + 1 - labels[row].size(), ' ') + labels[row] +
            (labels[row].empty() ? " │" : " ┤") + canvas.row(row, color) + "\n";
  text += std::string(margin + 2, ' ') + "└";
  for (int column = 0; column < columns; ++column)
    text += "─";
  text += "\n" + tickLine(xAxis, columns, margin + 3);
  size_t centre = margin + 3 + columns / 2;
  size_t half = plot.xLabel.size() / 2;
  return text + std::string(centre > half ? centre - half : 0, ' ') + plot.xLabel + "\n";
}

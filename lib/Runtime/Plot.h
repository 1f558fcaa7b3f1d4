//===- Plot.h - Curves and points, for the terminal and as SVG ------------------------------===//
#ifndef DLRT_PLOT_H
#define DLRT_PLOT_H

#include <string>
#include <vector>

namespace dlrt {

/// One curve of a plot: y[i] belongs to the plot's x[i]. Values that are not finite are left out.
struct Curve {
  std::string label;
  std::vector<double> y;
  /// Drawn for comparison: it widens the axis by half at most on each side and is cut off there.
  bool aside = false;
};

/// A plot (curves over x) or a scatter (one curve's values against x, beside the line y = x).
struct Plot {
  std::string name;
  bool scatter = false;
  std::string xLabel;
  std::vector<double> x;
  std::vector<Curve> curves;

  /// Brings the points into the order of x.
  void sort();
};

/// An axis: a range that ends at round numbers, and round numbers in it.
struct Axis {
  double low = 0, high = 1, step = 1;
  std::vector<double> ticks;

  /// The axis for values from `low` to `high` with about `count` ticks.
  static Axis make(double low, double high, int count);
  /// Where `value` lies, 0 at low and 1 at high.
  double place(double value) const { return (value - low) / (high - low); }
  /// The text of a tick: as many decimals as the step needs.
  std::string text(double tick) const;
};

/// Finds the axes of a plot with about that many ticks; a scatter gets the same range in both
/// directions.
void makeAxes(const Plot &plot, int xTicks, int yTicks, Axis &outX, Axis &outY);

/// Draws the plot in `columns` x `rows` characters of braille, with axes and a legend. With
/// `color`, curves are told apart by ANSI colours, else by marks. Every line ends in a newline.
std::string renderText(const Plot &plot, int columns, int rows, bool color);

/// Draws the plot as a complete SVG document.
std::string renderSvg(const Plot &plot);

} // namespace dlrt
#endif // DLRT_PLOT_H

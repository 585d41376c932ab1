// Lines, points and histograms in one picture, drawn by gnuplot.
//
//   Plot({.title = "Learning curve", .x_label = "epoch", .y_label = "loss", .log_y = true})
//       .line({.label = "train", .y = train_losses})
//       .line({.label = "test", .y = test_losses, .error = deviations})
//       .write(run.out + "/loss.svg");
#pragma once

#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace bijou::support {

struct PlotOptions {
  std::string title = "", x_label = "", y_label = "";
  bool log_x = false, log_y = false;
  bool equal_axes = false;        // one unit is as long on both axes: for points in the plane
  int width = 720, height = 450;  // in the units of an SVG; a PNG has twice as many pixels, for sharp slides
};

struct Series {
  std::string label = "";      // in the legend; none where empty
  std::vector<double> x = {};  // none: 1, 2, 3, ...
  std::vector<double> y = {};
  std::vector<double> error = {};  // none, or the band y - error .. y + error is shaded
};

class Plot {
 public:
  explicit Plot(const PlotOptions& options) : options_(options) {}

  // Each adds one series, in the next colour, and throws where its lengths differ. What is not finite is left out.
  Plot& line(const Series& series);
  Plot& points(const Series& series);
  Plot& points(const std::string& label, const Tensor& xy);  // [n, 2]
  // How often the values fall into each of `bins` equal intervals, as a density: the area is 1.
  Plot& histogram(const std::string& label, const std::vector<double>& values, int bins = 50);

  // Writes an .svg or a .png. Where gnuplot is not installed it says so and writes the data beside it as .csv instead.
  // Returns the path of what it wrote; throws where there is nothing to draw.
  std::string write(const std::string& path) const;

  std::string csv() const;                                // the data: series,x,y,error
  std::string script(const std::string& terminal) const;  // what gnuplot is told

 private:
  enum class Style { kLine, kPoints, kArea };
  struct Drawn {
    Series series;
    Style style;
  };
  Plot& add(Series series, Style style);

  PlotOptions options_;
  std::vector<Drawn> drawn_;
};

}  // namespace bijou::support

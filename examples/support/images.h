// Pictures of tensors as PNG files. An image is a Tensor [h, w], [1, h, w] (grey) or [3, h, w] (red, green, blue) with
// values in [0, 1]; what lies outside is clamped.
//
//   write_png("digits.png", image_grid(batch.images), 2);
//   write_png("density.png", heat_map(density), 4);
#pragma once

#include <string>

#include "tensor/tensor.h"

namespace bijou::support {

// Each pixel becomes a square of scale x scale.
void write_png(const std::string& path, const Tensor& image, int scale = 1);

struct GridOptions {
  int columns = 0;      // 0: as square as possible
  int padding = 2;      // pixels around each image
  real background = 1;  // white
};
// [n, c, h, w] -> [c, H, W]: the images side by side, row by row.
Tensor image_grid(const Tensor& images, const GridOptions& options = {});

struct HeatOptions {
  double low = 0, high = 0;  // the values shown darkest and brightest; where they are equal, the smallest and largest
};
// [h, w] of any numbers -> [3, h, w]: dark violet to bright yellow, evenly in lightness. NaN is grey.
Tensor heat_map(const Tensor& values, const HeatOptions& options = {});

// The colour of t in [0, 1] on that scale, as red, green, blue in [0, 1].
struct Color {
  double red, green, blue;
};
Color heat_color(double t);

}  // namespace bijou::support

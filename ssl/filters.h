// Augmentations that take detail away: blur, and cut-out (T. DeVries, G. Taylor, "Improved regularization of
// convolutional neural networks with cutout", 2017).
#pragma once

#include "ssl/augmentation.h"

namespace bijou::ssl {

// A Gaussian of std sigma pixels, drawn between two bounds, with probability p. SimCLR's for ImageNet are the defaults;
// for images of 32 x 32 its authors leave blur out.
struct BlurOptions {
  double p = 0.5;
  std::array<double, 2> sigma = {0.1, 2};
};
Augmentation gaussian_blur(BlurOptions options = {});

// A square of size x size pixels around a random pixel becomes `fill`; part of it may lie outside.
struct CutoutOptions {
  int64_t size = 8;
  real fill = 0;
};
Augmentation cutout(CutoutOptions options = {});

// One image, in place.
void blur(real* image, const ImageSize& size, double sigma);
void cut(real* image, const ImageSize& size, int64_t row, int64_t column, const CutoutOptions& options);

}  // namespace bijou::ssl

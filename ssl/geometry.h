// Augmentations that bend and move the image. However many of them are wanted together (crop, flip, rotation, ...),
// they are one map of the plane, and the image is sampled once, bilinearly:
//
//   out(p) = in(m + A (p - m) + t),    m the image's middle
//
// Crops: C. Szegedy et al., "Going deeper with convolutions", CVPR 2015; as in SimCLR, but the crop's corners need not
// fall on pixels. Elastic: P. Simard et al., "Best practices for convolutional neural networks applied to visual
// document analysis", ICDAR 2003.
#pragma once

#include "ssl/augmentation.h"

namespace bijou::ssl {

enum class Border { kZero, kEdge };  // what lies beyond the image: black, or its outermost pixels for ever

// Everything is drawn evenly between its bounds; what is left out stays as it is.
struct AffineOptions {
  double rotation = 0;                                    // degrees, to either side
  double log_scale = 0;                                   // the size changes by a factor between exp(-s) and exp(s)
  double log_aspect = 0;                                  // width by exp(a), height by exp(-a)
  double shear = 0;                                       // pixels sideways for each pixel down, to either side
  double shift = 0;                                       // part of the width and of the height, to either side
  std::array<double, 2> crop = {1, 1};                    // part of the area that is cut out and enlarged to the whole
  std::array<double, 2> crop_ratio = {3.0 / 4, 4.0 / 3};  // its width by its height, in the image's own proportion
  double flip = 0;                                        // the probability that left and right change places
  Border border = Border::kZero;
};
Augmentation affine(const AffineOptions& options);
inline Augmentation random_resized_crop(double least_area = 0.08, double flip = 0.5) {
  return affine({.crop = {least_area, 1}, .flip = flip, .border = Border::kEdge});
}

// Each pixel comes from a place up to a few pixels away: a field of noise in [-1, 1], blurred by a Gaussian of std
// sigma pixels, times alpha pixels. The defaults are the paper's for digits.
struct ElasticOptions {
  double sigma = 4, alpha = 34;
  Border border = Border::kZero;
};
Augmentation elastic(ElasticOptions options = {});

// The map p -> m + A (p - m) + t of the plane, in pixels, x to the right and y down.
struct AffineMap {
  double xx = 1, xy = 0, yx = 0, yy = 1;  // A: x from x and y, y from x and y
  double tx = 0, ty = 0;
};
AffineMap operator*(const AffineMap& outer, const AffineMap& inner);  // outer(inner(p))

// out(p) = in(map(p)), for one image.
void warp(const real* in, const ImageSize& size, const AffineMap& map, Border border, real* out);

}  // namespace bijou::ssl

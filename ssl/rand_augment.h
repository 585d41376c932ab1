// RandAugment: a few operations drawn from a list, all at one strength, instead of a policy that was searched for.
//
//   x <- op_k(x; magnitude),   k drawn anew each of N times
//
// E. Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", CVPR Workshops
// 2020. The magnitude is of 10 as in its released code, and may go beyond (noisy student takes 27 for its largest
// network). As there, it is no strength for colour, contrast, brightness and sharpness, but their factor,
// 0.1 + 0.18 magnitude: 5 leaves an image as it is, 0 makes it almost black, or grey, or smooth.
//
// Identity, auto-contrast, equalise, rotate, posterise, solarise, colour, contrast, brightness, sharpness, shear and
// translate in x and y: the 14 operations of the paper, on images of values in [0, 1]. Strengths that the original
// counts in pixels of its large images are parts of the width here.
#pragma once

#include "ssl/geometry.h"

namespace bijou::ssl {

struct RandAugmentOptions {
  int operations = 2;    // N
  double magnitude = 9;  // of 10
  Border border = Border::kZero;
};
Augmentation rand_augment(RandAugmentOptions options = {});

constexpr int kRandOperations = 14;
// Operation k of the list above, in its order, on one image. sign is -1 or 1: to which side it turns or moves.
void rand_operation(int k, const real* in, const ImageSize& size, double magnitude, double sign, Border border,
                    real* out);

}  // namespace bijou::ssl

// Augmentations that change colours and leave every pixel where it is. Images of one channel have brightness and
// contrast only; what is of colours leaves them alone.
//
// T. Chen et al., "A simple framework for contrastive learning of visual representations", ICML 2020, appendix A: with
// strength s, brightness, contrast, saturation 0.8 s and hue 0.2 s in random order, for four images out of five; then
// one in five turns grey.
#pragma once

#include "ssl/augmentation.h"

namespace bijou::ssl {

struct ColorJitterOptions {
  double brightness = 0.8, contrast = 0.8, saturation = 0.8;  // each by a factor in [max(0, 1 - b), 1 + b]
  double hue = 0.2;                                           // turned by up to this part of the circle, to either side
  double p = 0.8;                                             // the probability that anything happens at all
};
Augmentation color_jitter(ColorJitterOptions options = {});
inline Augmentation color_jitter(double strength) {
  return color_jitter({0.8 * strength, 0.8 * strength, 0.8 * strength, 0.2 * strength});
}
Augmentation gray_scale(double p = 0.2);
Augmentation fading(double least);  // every image times a factor in [least, 1]

Augmentation inversion();  // 2 variants, which can be undone: x, 1 - x

// One image, in place; results are held to [0, 1].
void adjust_brightness(real* image, const ImageSize& size, double factor);
void adjust_contrast(real* image, const ImageSize& size, double factor);    // towards the mean of its grey
void adjust_saturation(real* image, const ImageSize& size, double factor);  // towards grey
void adjust_hue(real* image, const ImageSize& size, double turn);           // in HSV

}  // namespace bijou::ssl

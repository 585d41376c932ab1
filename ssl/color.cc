#include "ssl/color.h"

#include <cmath>

namespace bijou::ssl {

namespace {

real unit(real x) { return std::min(std::max(x, real(0)), real(1)); }

real gray(const real* image, int64_t channels, int64_t plane, int64_t p) {  // ITU-R 601's weights of red, green, blue
  if (channels != 3) return image[p];
  return real(0.299) * image[p] + real(0.587) * image[plane + p] + real(0.114) * image[2 * plane + p];
}

// The channel of this hue (in sixths of the circle), between the darkest and the brightest channel.
real channel_of_hue(real hue, real offset, real low, real high) {
  const real k = offset + hue < 6 ? offset + hue : offset + hue - 6;
  return high - (high - low) * unit(std::min(k, 4 - k));
}

}  // namespace

void adjust_brightness(real* image, const ImageSize& s, double factor) {
  for (int64_t i = 0; i < s.numel(); ++i) image[i] = unit(image[i] * real(factor));
}

void adjust_contrast(real* image, const ImageSize& s, double factor) {
  double sum = 0;
  for (int64_t p = 0; p < s.plane(); ++p) sum += double(gray(image, s.channels, s.plane(), p));
  const real mean = real(sum / double(s.plane()));
  for (int64_t i = 0; i < s.numel(); ++i) image[i] = unit(mean + real(factor) * (image[i] - mean));
}

void adjust_saturation(real* image, const ImageSize& s, double factor) {
  if (s.channels != 3) return;
  for (int64_t p = 0; p < s.plane(); ++p) {
    const real mean = gray(image, 3, s.plane(), p);
    for (int64_t c = 0; c < 3; ++c) {
      real& x = image[c * s.plane() + p];
      x = unit(mean + real(factor) * (x - mean));
    }
  }
}

void adjust_hue(real* image, const ImageSize& s, double turn) {
  if (s.channels != 3 || turn == 0) return;
  real *red = image, *green = red + s.plane(), *blue = green + s.plane();
  for (int64_t p = 0; p < s.plane(); ++p) {
    const real r = red[p], g = green[p], b = blue[p];
    const real high = std::max({r, g, b}), low = std::min({r, g, b}), range = high - low;
    if (range <= 0) continue;
    const real sixth = high == r ? (g - b) / range : high == g ? 2 + (b - r) / range : 4 + (r - g) / range;
    const real turned = sixth + 6 * real(turn), hue = turned - 6 * std::floor(turned / 6);
    red[p] = channel_of_hue(hue, 5, low, high);
    green[p] = channel_of_hue(hue, 3, low, high);
    blue[p] = channel_of_hue(hue, 1, low, high);
  }
}

Augmentation color_jitter(ColorJitterOptions o) {
  return drawn_in_place(8, [o](real* image, const ImageSize& s, const real* u) {
    if (u[0] >= o.p) return;
    auto factor = [](double most, real v) {
      const double low = std::max(0.0, 1 - most);
      return low + (1 + most - low) * double(v);
    };
    int order[4] = {0, 1, 2, 3};
    for (int i = 3; i > 0; --i) std::swap(order[i], order[int(u[4 + i] * real(i + 1))]);
    for (const int what : order) switch (what) {
        case 0: adjust_brightness(image, s, factor(o.brightness, u[1])); break;
        case 1: adjust_contrast(image, s, factor(o.contrast, u[2])); break;
        case 2: adjust_saturation(image, s, factor(o.saturation, u[3])); break;
        case 3: adjust_hue(image, s, o.hue * (2 * double(u[4]) - 1)); break;
      }
  });
}

Augmentation gray_scale(double p) {
  return drawn_in_place(1, [p](real* image, const ImageSize& s, const real* u) {
    if (u[0] < p) adjust_saturation(image, s, 0);
  });
}

Augmentation fading(double least) {
  return drawn_in_place(1, [least](real* image, const ImageSize& s, const real* u) {
    adjust_brightness(image, s, least + (1 - least) * double(u[0]));
  });
}

Augmentation inversion() {
  auto invert = [](const Tensor& x, const Indices& ids) {
    const int64_t n = image_size(x).numel();
    return each_image(x, [&](int64_t i, const real* in, real* out) {
      for (int64_t k = 0; k < n; ++k) out[k] = ids.data()[i] ? 1 - in[k] : in[k];
    });
  };
  return {.variants = 2,
          .apply = [invert](const Tensor& x, const Indices& ids, Generator&) { return invert(x, ids); },
          .undo = invert};
}

}  // namespace bijou::ssl

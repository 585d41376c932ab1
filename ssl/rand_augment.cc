#include "ssl/rand_augment.h"

#include <cmath>

#include "ssl/color.h"

namespace bijou::ssl {

namespace {

// Darkest to 0 and brightest to 1, each channel by itself.
void auto_contrast(real* plane, int64_t n) {
  const auto [low, high] = std::minmax_element(plane, plane + n);
  const real dark = *low, range = *high - dark;
  if (range <= 0) return;
  for (int64_t p = 0; p < n; ++p) plane[p] = (plane[p] - dark) / range;
}

// Every grey level (of 256) as frequent as any other: x becomes the part of the pixels that are darker, as in PIL,
// which leaves the last pixels at 1.
void equalize(real* plane, int64_t n) {
  int64_t count[256] = {}, below[256];
  auto level = [](real x) { return std::clamp(int(std::lround(double(x) * 255)), 0, 255); };
  int brightest = 0;
  for (int64_t p = 0; p < n; ++p) ++count[level(plane[p])], brightest = std::max(brightest, level(plane[p]));
  const int64_t others = n - count[brightest];
  if (others == 0) return;
  int64_t sum = 0;
  for (int k = 0; k < 256; ++k) below[k] = sum, sum += count[k];
  for (int64_t p = 0; p < n; ++p) plane[p] = std::min<real>(1, real(below[level(plane[p])]) / real(others));
}

// Away from a smoothed copy (factor > 1) or towards it; the border stays, as in PIL.
void sharpen(const real* in, const ImageSize& s, double factor, real* out) {
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t y = 1; y + 1 < s.height; ++y)
      for (int64_t x = 1; x + 1 < s.width; ++x) {
        const int64_t p = (c * s.height + y) * s.width + x;
        real around = 4 * in[p];
        for (int64_t dy = -1; dy <= 1; ++dy)
          for (int64_t dx = -1; dx <= 1; ++dx) around += in[p + dy * s.width + dx];
        const real smooth = around / 13;
        out[p] = std::clamp<real>(smooth + real(factor) * (in[p] - smooth), 0, 1);
      }
}

}  // namespace

void rand_operation(int k, const real* in, const ImageSize& s, double magnitude, double sign, Border border,
                    real* out) {
  const double m = magnitude / 10, angle = sign * m * M_PI / 6, enhance = 1.8 * m + 0.1;
  const double shear = sign * m * 0.3, shift = sign * m * 0.3;
  std::copy_n(in, s.numel(), out);
  auto planes = [&](auto f) {
    for (int64_t c = 0; c < s.channels; ++c) f(out + c * s.plane(), s.plane());
  };
  auto pixels = [&](auto f) {
    for (int64_t i = 0; i < s.numel(); ++i) out[i] = f(out[i]);
  };
  auto moved = [&](const AffineMap& map) { warp(in, s, map, border, out); };
  switch (k) {
    case 0: break;
    case 1: planes(auto_contrast); break;
    case 2: planes(equalize); break;
    case 3: moved({std::cos(angle), -std::sin(angle), std::sin(angle), std::cos(angle)}); break;
    case 4: {  // posterise: fewer bits, of eight
      const real levels = real(1 << std::clamp(8 - int(4 * m), 1, 8)), step = 256 / levels;
      pixels([=](real x) { return std::floor(std::round(x * 255) / step) * step / 255; });
      break;
    }
    case 5: {  // solarise: what is brighter than a threshold is inverted
      const real threshold = real(std::max(0.0, 1 - m));
      pixels([=](real x) { return x < threshold ? x : 1 - x; });
      break;
    }
    case 6: adjust_saturation(out, s, enhance); break;
    case 7: adjust_contrast(out, s, enhance); break;
    case 8: adjust_brightness(out, s, enhance); break;
    case 9: sharpen(in, s, enhance, out); break;
    case 10: moved({.xy = shear}); break;
    case 11: moved({.yx = shear}); break;
    case 12: moved({.tx = shift * double(s.width)}); break;
    case 13: moved({.ty = shift * double(s.height)}); break;
    default: fail("rand_operation: there is no operation ", k, " among ", kRandOperations);
  }
}

Augmentation rand_augment(RandAugmentOptions o) {
  check(o.operations >= 0 && o.magnitude >= 0, "rand_augment: ", o.operations, " operations of magnitude ",
        o.magnitude);
  const int64_t draws = 2 * o.operations;
  return drawn_in_place(draws, [o](real* image, const ImageSize& s, const real* u) {
    thread_local std::vector<real> before;
    for (int i = 0; i < o.operations; ++i, u += 2) {
      before.assign(image, image + s.numel());
      rand_operation(int(u[0] * kRandOperations), before.data(), s, o.magnitude, u[1] < real(0.5) ? -1 : 1, o.border,
                     image);
    }
  });
}

}  // namespace bijou::ssl

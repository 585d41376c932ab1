#include "ssl/filters.h"

#include <cmath>

namespace bijou::ssl {

namespace {

// exp(-k² / 2σ²) for k = 0 .. 3σ, such that both sides add up to 1.
std::vector<real> gaussian(double sigma, int64_t most) {
  std::vector<double> weights;
  for (int64_t k = 0; k <= std::min(most, int64_t(std::ceil(3 * sigma))); ++k)
    weights.push_back(std::exp(-double(k * k) / (2 * sigma * sigma)));
  double sum = weights[0];
  for (size_t k = 1; k < weights.size(); ++k) sum += 2 * weights[k];
  std::vector<real> result;
  for (const double w : weights) result.push_back(real(w / sum));
  return result;
}

// Along columns: every row becomes a weighted sum of rows; beyond the border, the border's row is repeated.
void blur_columns(const real* in, int64_t h, int64_t w, const std::vector<real>& weights, real* out) {
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) out[y * w + x] = weights[0] * in[y * w + x];
    for (int64_t k = 1; k < int64_t(weights.size()); ++k) {
      const real *above = in + std::max<int64_t>(y - k, 0) * w, *below = in + std::min(y + k, h - 1) * w;
      const real weight = weights[size_t(k)];
      for (int64_t x = 0; x < w; ++x) out[y * w + x] += weight * (above[x] + below[x]);
    }
  }
}

void transpose_plane(const real* in, int64_t h, int64_t w, real* out) {
  for (int64_t y = 0; y < h; ++y)
    for (int64_t x = 0; x < w; ++x) out[x * h + y] = in[y * w + x];
}

}  // namespace

void blur(real* image, const ImageSize& size, double sigma) {
  const int64_t h = size.height, w = size.width;
  if (sigma <= 0) return;
  const std::vector<real> down = gaussian(sigma, h - 1), across = gaussian(sigma, w - 1);
  thread_local std::vector<real> a, b;
  a.resize(size_t(size.plane())), b.resize(size_t(size.plane()));
  for (int64_t c = 0; c < size.channels; ++c) {
    real* plane = image + c * size.plane();
    blur_columns(plane, h, w, down, a.data());
    transpose_plane(a.data(), h, w, b.data());
    blur_columns(b.data(), w, h, across, a.data());
    transpose_plane(a.data(), w, h, plane);
  }
}

void cut(real* image, const ImageSize& s, int64_t row, int64_t column, const CutoutOptions& o) {
  const int64_t top = row - o.size / 2, left = column - o.size / 2;
  const int64_t first = std::max<int64_t>(left, 0), last = std::min(left + o.size, s.width);
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t y = std::max<int64_t>(top, 0); y < std::min(top + o.size, s.height); ++y)
      if (first < last) std::fill_n(image + (c * s.height + y) * s.width + first, last - first, o.fill);
}

Augmentation gaussian_blur(BlurOptions o) {
  return drawn_in_place(2, [o](real* image, const ImageSize& size, const real* u) {
    if (u[0] < o.p) blur(image, size, o.sigma[0] + (o.sigma[1] - o.sigma[0]) * u[1]);
  });
}

Augmentation cutout(CutoutOptions o) {
  return drawn_in_place(2, [o](real* image, const ImageSize& s, const real* u) {
    cut(image, s, int64_t(u[0] * real(s.height)), int64_t(u[1] * real(s.width)), o);
  });
}

}  // namespace bijou::ssl

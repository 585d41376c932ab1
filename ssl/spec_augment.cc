#include "ssl/spec_augment.h"

#include <cmath>

namespace bijou::ssl {
namespace {

constexpr int64_t kMostMasks = 20;

real mean_of(const real* x, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += double(x[i]);
  return real(sum / double(n));
}

void mask_rows(real* image, const ImageSize& size, Span rows, real value) {
  for (int64_t c = 0; c < size.channels; ++c)
    std::fill_n(image + (c * size.height + rows.start) * size.width, rows.length * size.width, value);
}

void mask_columns(real* image, const ImageSize& size, Span columns, real value) {
  for (int64_t row = 0; row < size.channels * size.height; ++row)
    std::fill_n(image + row * size.width + columns.start, columns.length, value);
}

// u: two numbers for the warp, then two for each mask.
void augment(real* image, const ImageSize& size, const SpecPolicy& policy, const real* u) {
  const double warp = double(policy.warp), last = double(size.width - 1);
  if (policy.warp > 0) time_warp(image, size, warp + double(u[0]) * (last - 2 * warp), warp * (1 - 2 * double(u[1])));
  u += 2;
  const real mean = mean_of(image, size.numel());
  for (int64_t k = 0; k < policy.frequency_masks; ++k, u += 2)
    mask_rows(image, size, draw_span(size.height, policy.frequency, u[0], u[1]), mean);
  const TimeMasks masks = time_masks(policy, size.width);
  for (int64_t k = 0; k < masks.count; ++k, u += 2)
    mask_columns(image, size, draw_span(size.width, masks.longest, u[0], u[1]), mean);
}

}  // namespace

// The map from t back to s has two straight pieces, s = t w0 / (w0 + w) and its mirror image from the other end.
void time_warp(real* image, const ImageSize& size, double w0, double w) {
  const double last = double(size.width - 1), to = w0 + w;
  check(w0 > 0 && w0 < last && to > 0 && to < last, "time_warp: frame ", w0, " to ", to, " of 0 to ", last);
  const std::vector<real> before(image, image + size.numel());
  for (int64_t t = 0; t < size.width; ++t) {
    const double s = double(t) <= to ? double(t) * w0 / to : last - (last - double(t)) * (last - w0) / (last - to);
    const int64_t left = std::clamp<int64_t>(int64_t(s), 0, size.width - 2);
    const real part = real(s - double(left));
    for (int64_t row = 0; row < size.channels * size.height; ++row) {
      const real* in = before.data() + row * size.width + left;
      image[row * size.width + t] = in[0] + part * (in[1] - in[0]);
    }
  }
}

Span draw_span(int64_t of, int64_t longest, real length, real start) {
  const int64_t n = int64_t(double(length) * double(std::min(longest, of) + 1));
  return {int64_t(double(start) * double(of - n + 1)), n};
}

TimeMasks time_masks(const SpecPolicy& p, int64_t frames) {
  const auto part = [&](double share) { return int64_t(share * double(frames) + 1e-9); };  // 0.2 of 70 are 14
  const int64_t longest = p.adaptive_time > 0 ? part(p.adaptive_time) : p.time;
  const int64_t count = p.adaptive_masks > 0 ? std::min(kMostMasks, part(p.adaptive_masks)) : p.time_masks;
  return {count, std::min(longest, part(p.longest))};
}

Augmentation spec_augment(const SpecPolicy& p) {
  check(p.warp >= 0 && p.frequency >= 0 && p.frequency_masks >= 0 && p.time >= 0 && p.time_masks >= 0 &&
            p.longest >= 0 && p.adaptive_time >= 0 && p.adaptive_masks >= 0,
        "spec_augment: there are negative numbers in the policy");
  const int64_t masks = p.frequency_masks + (p.adaptive_masks > 0 ? kMostMasks : p.time_masks);
  const Augmentation drawn = drawn_in_place(
      2 + 2 * masks, [p](real* image, const ImageSize& size, const real* u) { augment(image, size, p, u); });
  return {.apply = [=](const Tensor& x, const Indices& ids, Generator& g) {
    check(p.warp == 0 || 2 * p.warp + 1 < x.size(3), "spec_augment: a warp of up to ", p.warp,
          " frames needs more than the ", x.size(3), " that there are");
    return drawn.apply(x, ids, g);
  }};
}

Augmentation time_shift(int64_t frames) {
  check(frames >= 0, "time_shift: ", frames, " frames");
  return drawn_in_place(1, [=](real* image, const ImageSize& size, const real* u) {
    const int64_t by = int64_t(double(u[0]) * double(2 * frames + 1)) - frames, width = size.width;
    const int64_t kept = std::max<int64_t>(0, width - std::abs(by)), from = std::max<int64_t>(0, -by);
    for (int64_t row = 0; row < size.channels * size.height; ++row, image += width) {
      const std::vector<real> before(image, image + width);
      std::fill_n(image, width, real(0));
      std::copy_n(before.data() + std::min(from, width), kept, image + std::clamp<int64_t>(by, 0, width));
    }
  });
}

}  // namespace bijou::ssl

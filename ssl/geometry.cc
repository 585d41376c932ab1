#include "ssl/geometry.h"

#include <cmath>

#include "ssl/filters.h"

namespace bijou::ssl {

namespace {

// The image in a frame: one pixel on the left and on top, two on the right and below, so that the four neighbours of
// any place from -1 to the size are there to be read.
const real* framed(const real* in, const ImageSize& s, Border border) {
  thread_local std::vector<real> frame;
  const int64_t pitch = s.width + 3;
  frame.assign(size_t(s.channels * (s.height + 3) * pitch), 0);
  for (int64_t c = 0; c < s.channels; ++c)
    for (int64_t y = -1; y < s.height + 2; ++y) {
      real* row = frame.data() + (c * (s.height + 3) + y + 1) * pitch + 1;
      if (border == Border::kZero && (y < 0 || y >= s.height)) continue;
      const real* from = in + (c * s.height + std::clamp<int64_t>(y, 0, s.height - 1)) * s.width;
      std::copy_n(from, s.width, row);
      if (border == Border::kEdge) row[-1] = from[0], row[s.width] = row[s.width + 1] = from[s.width - 1];
    }
  return frame.data();
}

// places(y, xs, ys) says where the pixels of row y come from.
template <class Places>
void sample(const real* in, const ImageSize& s, Border border, real* out, const Places& places) {
  const int64_t w = s.width, pitch = w + 3, plane = (s.height + 3) * pitch;
  const real* frame = framed(in, s, border);
  thread_local std::vector<real> row_of_x, row_of_y;
  thread_local std::vector<int32_t> row_of_at;
  row_of_x.resize(size_t(w)), row_of_y.resize(size_t(w)), row_of_at.resize(size_t(w));
  real *const xs = row_of_x.data(), *const ys = row_of_y.data();
  int32_t* const at = row_of_at.data();
  for (int64_t y = 0; y < s.height; ++y) {
    places(y, xs, ys);
    for (int64_t x = 0; x < w; ++x) {  // a place becomes its upper left neighbour and the distance from there
      const real px = std::min(std::max(xs[x], real(-1)), real(w)),
                 py = std::min(std::max(ys[x], real(-1)), real(s.height));
      const real left = std::floor(px), top = std::floor(py);
      at[x] = (int32_t(top) + 1) * int32_t(pitch) + int32_t(left) + 1;
      xs[x] = px - left, ys[x] = py - top;
    }
    for (int64_t c = 0; c < s.channels; ++c) {
      const real *above = frame + c * plane, *below = above + pitch;
      real* to = out + (c * s.height + y) * w;
      for (int64_t x = 0; x < w; ++x) {
        const real upper = above[at[x]] + xs[x] * (above[at[x] + 1] - above[at[x]]);
        const real lower = below[at[x]] + xs[x] * (below[at[x] + 1] - below[at[x]]);
        to[x] = upper + ys[x] * (lower - upper);
      }
    }
  }
}

constexpr int64_t kAffineDraws = 11;

// From a pixel of the result to its place in the image: first out of the flip, then out of the crop, then out of the
// rest.
AffineMap draw_map(const AffineOptions& o, const ImageSize& s, const real* u) {
  auto between = [&u](double low, double high) { return low + (high - low) * double(*u++); };
  auto either = [&](double most) { return between(-most, most); };
  const double w = double(s.width), h = double(s.height);
  const double angle = either(o.rotation) * M_PI / 180, scale = either(o.log_scale), aspect = either(o.log_aspect);
  const double shear = either(o.shear), tx = either(o.shift) * w, ty = either(o.shift) * h;
  const double area = between(o.crop[0], o.crop[1]);
  const double ratio = area < 1 ? std::exp(between(std::log(o.crop_ratio[0]), std::log(o.crop_ratio[1]))) : (++u, 1);
  const double crop_w = std::min(std::sqrt(area * ratio), 1.0), crop_h = std::min(std::sqrt(area / ratio), 1.0);
  const double crop_x = either((1 - crop_w) / 2) * w, crop_y = either((1 - crop_h) / 2) * h;
  const double side = between(0, 1) < o.flip ? -1 : 1;

  const double cosine = std::cos(angle), sine = std::sin(angle);
  const AffineMap rotate{.xx = cosine, .xy = -sine, .yx = sine, .yy = cosine, .tx = tx, .ty = ty};
  const AffineMap stretch{.xx = std::exp(-scale - aspect), .xy = shear, .yy = std::exp(-scale + aspect)};
  const AffineMap crop{.xx = crop_w * side, .yy = crop_h, .tx = crop_x, .ty = crop_y};
  return rotate * stretch * crop;
}

}  // namespace

AffineMap operator*(const AffineMap& a, const AffineMap& b) {
  return {.xx = a.xx * b.xx + a.xy * b.yx,
          .xy = a.xx * b.xy + a.xy * b.yy,
          .yx = a.yx * b.xx + a.yy * b.yx,
          .yy = a.yx * b.xy + a.yy * b.yy,
          .tx = a.xx * b.tx + a.xy * b.ty + a.tx,
          .ty = a.yx * b.tx + a.yy * b.ty + a.ty};
}

void warp(const real* in, const ImageSize& s, const AffineMap& m, Border border, real* out) {
  const double middle_x = double(s.width - 1) / 2, middle_y = double(s.height - 1) / 2;
  sample(in, s, border, out, [&](int64_t y, real* xs, real* ys) {
    const double dy = double(y) - middle_y;
    const real x0 = real(middle_x + m.tx + m.xy * dy - m.xx * middle_x);
    const real y0 = real(middle_y + m.ty + m.yy * dy - m.yx * middle_x);
    const real step_x = real(m.xx), step_y = real(m.yx);
    for (int64_t x = 0; x < s.width; ++x) xs[x] = x0 + step_x * real(x), ys[x] = y0 + step_y * real(x);
  });
}

Augmentation affine(const AffineOptions& o) {
  check(0 < o.crop[0] && o.crop[0] <= o.crop[1] && o.crop[1] <= 1, "affine: the crop's area must be in (0, 1], not ",
        o.crop[0], " .. ", o.crop[1]);
  check(0 < o.crop_ratio[0] && o.crop_ratio[0] <= o.crop_ratio[1], "affine: the crop's ratio must be above 0, not ",
        o.crop_ratio[0], " .. ", o.crop_ratio[1]);
  return {.apply = [o](const Tensor& x, const Indices&, Generator& g) {
    const ImageSize size = image_size(x);
    const Tensor u = rand({x.size(0), kAffineDraws}, g);
    return each_image(x, [&](int64_t i, const real* in, real* out) {
      warp(in, size, draw_map(o, size, u.data() + i * kAffineDraws), o.border, out);
    });
  }};
}

Augmentation elastic(ElasticOptions o) {
  return {.apply = [o](const Tensor& x, const Indices&, Generator& g) {
    const ImageSize size = image_size(x), field_size{2, size.height, size.width};
    Tensor fields = uniform({x.size(0), 2, size.height, size.width}, -1, 1, g);
    real* all = fields.mutable_data();
    return each_image(x, [&](int64_t i, const real* in, real* out) {
      real *dx = all + i * field_size.numel(), *dy = dx + size.plane();
      blur(dx, field_size, o.sigma);
      sample(in, size, o.border, out, [&](int64_t y, real* xs, real* ys) {
        for (int64_t x = 0; x < size.width; ++x) {
          xs[x] = real(x) + real(o.alpha) * dx[y * size.width + x];
          ys[x] = real(y) + real(o.alpha) * dy[y * size.width + x];
        }
      });
    });
  }};
}

}  // namespace bijou::ssl

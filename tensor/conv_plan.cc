#include "tensor/conv_plan.h"

namespace bijou::detail {
namespace {
constexpr int64_t kRoom = (128 << 10) / sizeof(real);  // numbers in the planes, and in the panels, of a band
}

ConvSizes::ConvSizes(const Shape& xs, const Shape& ws, const Shape& ys, const ConvOptions& o)
    : n(xs[0]),
      groups(o.groups),
      in(ws[1]),
      out(ws[0] / o.groups),
      x(xs[2], xs[3]),
      y(ys[2], ys[3]),
      kernel(ws[2], ws[3]),
      options(o) {}

double ConvSizes::flops() const {
  return 2.0 * double(n * groups) * double(out * in) * double(taps()) * double(y.h * y.w);
}

Axis::Axis(Direction direction, int64_t x, int64_t y, int64_t kernel, int64_t s, int64_t padding, int64_t dilation) {
  const bool forward = direction == Direction::kForward;
  source = forward ? x : y, target = forward ? y : x;
  stride = forward ? s : 1, step = forward ? 1 : s;
  int64_t high = INT64_MIN;
  low = INT64_MAX;
  for (int64_t f = 0; f < std::min(step, target); ++f) {
    phases.push_back({(target - f + step - 1) / step, f, {}});
    for (int64_t k = 0; k < kernel; ++k) {
      const int64_t at = forward ? k * dilation - padding : f + padding - k * dilation;
      if (at % step) continue;
      phases.back().taps.push_back({k, at / step});
      low = std::min(low, at / step), high = std::max(high, at / step);
    }
  }
  if (low > high) low = high = 0;  // no pixel sees anything
  reach = high - low + 1;
}

Plan::Plan(const ConvSizes& s, Direction direction)
    : y(direction, s.x.h, s.y.h, s.kernel.h, s.options.stride.h, s.options.padding.h, s.options.dilation.h),
      x(direction, s.x.w, s.y.w, s.kernel.w, s.options.stride.w, s.options.padding.w, s.options.dilation.w) {
  const bool forward = direction == Direction::kForward;
  by_lane = s.groups > 1 && s.in == 1 && s.out == 1;
  blocks = by_lane ? panels_for(s.groups) : s.groups;
  sources = by_lane ? kPanel : forward ? s.in : s.out;
  targets = by_lane ? kPanel : forward ? s.out : s.in;
  all_sources = s.groups * (forward ? s.in : s.out);
  all_targets = s.groups * (forward ? s.out : s.in);
  w_block = by_lane ? kPanel * s.taps() : s.out * s.in * s.taps();
  w_target = forward ? s.in * s.taps() : s.taps();
  w_source = forward ? s.taps() : s.in * s.taps();
  cut_bands(s.n);
  check(std::max(plane * sources, w_block) < INT32_MAX, "conv2d: images of ", s.x, " with ", s.in,
        " channels are too large");
  for (const Phase& u : y.phases)
    for (const Phase& v : x.phases) phases.push_back(lists(u, v, s.kernel.w));
}

// As many rows as leave room in the cache; bands of even height. A single image is cut for the sake of the threads.
void Plan::cut_bands(int64_t images) {
  const int64_t most = (y.target + y.step - 1) / y.step;
  pitch = x.window((x.target + x.step - 1) / x.step);
  const int64_t by_source = (kRoom / std::max<int64_t>(sources * pitch, 1) - y.reach) / y.stride + 1;
  const int64_t by_target = kRoom / std::max<int64_t>(targets * y.step * x.target, 1);
  const int64_t by_thread = most / std::max<int64_t>(4 / std::max<int64_t>(images, 1), 1);
  rows = std::clamp<int64_t>(std::min({by_source, by_target, by_thread}), 1, std::max<int64_t>(most, 1));
  bands = (most + rows - 1) / rows;
  rows = bands ? (most + bands - 1) / bands : 1;
  // An odd number of cache lines from channel to channel: or they would compete for few places in the cache.
  constexpr int64_t line = 64 / sizeof(real);
  plane = ((y.window(rows) * pitch + line - 1) / line | 1) * line;
}

Lists Plan::lists(const Phase& u, const Phase& v, int64_t kernel_w) const {
  Lists p{u.count, v.count, {}, {}, {}, {}};
  for (int64_t i = 0; i < std::min(rows, u.count); ++i)
    for (int64_t j = 0; j < v.count; ++j) {
      p.patch.push_back(int32_t(i * y.stride * pitch + j * x.stride));
      p.to.push_back(int32_t((i * y.step + u.first) * x.target + j * x.step + v.first));
    }
  for (int64_t c = 0; c < (by_lane ? 1 : sources); ++c)
    for (const auto& a : u.taps)
      for (const auto& b : v.taps) {
        p.tap.push_back(int32_t(c * plane + (a.shift - y.low) * pitch + b.shift - x.low));
        p.weight.push_back(int32_t(c * w_source + a.k * kernel_w + b.k));
      }
  return p;
}

}  // namespace bijou::detail

// How convolutions become patch products (tensor/patch_product.h).
//
// A band of rows of an image is copied into planes that fit the second-level cache, with the padding around it. Then
// every patch is inside, and the address of a pixel is that of the patch plus that of the tap. The product is made in
// panels and transposed into place.
//
// The gradient of the input is a convolution as well. With stride s, pixel r of x met tap k at output (r + p - k d) / s,
// where that is whole. So pixels of equal r mod s, a phase, see the same taps of the kernel, and pixel r = s q + f sees
// g at q + (f + p - k d) / s: a convolution of stride 1. There are s phases along an axis; forward there is one.
#include "tensor/conv_passes.h"

#include <bit>
#include <numeric>

#include "tensor/map.h"
#include "tensor/patch_product.h"

namespace bijou::detail {
namespace {

constexpr int64_t kRoom = (128 << 10) / sizeof(real);  // numbers in the planes, and in the panels, of a band
constexpr double kParallelFlops = 4e6;                 // less is not worth a thread
constexpr int64_t kPixelsPerPart = 1024;               // that many, at least, share a partial sum of the weight gradient
constexpr int64_t kMostParts = 16;

using List = std::vector<int32_t>;

List count_up(int64_t n) {
  List list(size_t(n), 0);
  std::iota(list.begin(), list.end(), 0);
  return list;
}

// ---- Which pixel sees which ------------------------------------------------------------------------------------------

// Along one axis: target q step + first sees the source at q stride + shift, for each tap k of the kernel.
struct Phase {
  struct Tap {
    int64_t k, shift;
  };
  int64_t count, first;
  std::vector<Tap> taps;
};

struct Axis {
  int64_t source, target;      // pixels
  int64_t stride, step;
  int64_t low = 0, reach = 1;  // from q stride + low on, all phases look at `reach` pixels of the source
  std::vector<Phase> phases;

  Axis(Direction direction, int64_t x, int64_t y, int64_t kernel, int64_t s, int64_t padding, int64_t dilation) {
    const bool forward = direction == Direction::kForward;
    source = forward ? x : y, target = forward ? y : x;
    stride = forward ? s : 1, step = forward ? 1 : s;
    int64_t high = INT64_MIN;
    low = INT64_MAX;
    for (int64_t f = 0; f < step; ++f) {
      phases.push_back({(target - f + step - 1) / step, f, {}});
      for (int64_t k = 0; k < kernel; ++k) {
        const int64_t at = forward ? k * dilation - padding : f + padding - k * dilation;
        if (at % step) continue;
        phases.back().taps.push_back({k, at / step});
        low = std::min(low, at / step), high = std::max(high, at / step);
      }
    }
    reach = high - low + 1;
  }
  // Pixels of the source that the first n targets of every phase look at.
  int64_t window(int64_t n) const { return (n - 1) * stride + reach; }
};

// One phase of the image, as lists for a PatchProduct; patches in rows.
struct Lists {
  int64_t rows, columns;
  List patch, tap, to;
  List weight;  // where a target channel's weight for each tap is, in w
};

// A pass is made for one block of channels after the other: a group, or, in a depthwise convolution, a panel's width.
struct Plan {
  bool by_lane;
  int64_t blocks, sources, targets;  // blocks; their source and target channels
  int64_t all_sources, all_targets;
  int64_t w_block, w_target, w_source;  // from a block to the next in w, and from a target, a source channel to the next
  Axis y, x;
  int64_t bands, rows;   // bands of an image; rows of a band, each `step` rows of the target
  int64_t pitch, plane;  // of the copied band: numbers in a row, in a channel
  std::vector<Lists> phases;

  Plan(const ConvSizes& s, Direction direction)
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
    cut_bands();
    check(std::max(plane * sources, w_block) < INT32_MAX, "conv2d: images of ", s.x, " with ", s.in, " channels are too large");
    for (const Phase& u : y.phases)
      for (const Phase& v : x.phases) phases.push_back(lists(u, v, s.kernel.w));
  }

  int64_t panels() const { return panels_for(targets); }
  int64_t targets_in(int64_t block) const { return std::min(targets, all_targets - block * targets); }
  int64_t band_pixels() const { return rows * y.step * x.target; }

  // The memory one thread works in: planes, the same by lane, and a block of panels.
  int64_t planes_size() const { return sources * plane; }
  int64_t scratch_size() const { return planes_size() * (by_lane ? 2 : 1) + panels() * kPanel * band_pixels(); }

 private:
  // As many rows as leave room in the cache; bands of even height.
  void cut_bands() {
    const int64_t most = (y.target + y.step - 1) / y.step;
    pitch = x.window((x.target + x.step - 1) / x.step);
    const int64_t by_source = (kRoom / std::max<int64_t>(sources * pitch, 1) - y.reach) / y.stride + 1;
    const int64_t by_target = kRoom / std::max<int64_t>(targets * y.step * x.target, 1);
    rows = std::clamp<int64_t>(std::min(by_source, by_target), 1, std::max<int64_t>(most, 1));
    bands = (most + rows - 1) / rows;
    rows = bands ? (most + bands - 1) / bands : 1;
    // An odd number of cache lines from channel to channel: or they would compete for few places in the cache.
    constexpr int64_t line = 64 / sizeof(real);
    plane = ((y.window(rows) * pitch + line - 1) / line | 1) * line;
  }

  Lists lists(const Phase& u, const Phase& v, int64_t kernel_w) const {
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
};

// ---- A band of an image, copied --------------------------------------------------------------------------------------

void copy_row(const real* from, int64_t n, real* to) {  // rows are short: inline
  for (; n >= kLanes; n -= kLanes, from += kLanes, to += kLanes) Lane::load(from).store(to);
  if (n > 0) Lane::load(from, first_lanes(n)).store(to, first_lanes(n));
}

// The source rows of band `band`, zero outside of the image.
void copy_planes(const Plan& plan, const real* from, int64_t channels, int64_t band, real* planes) {
  const Axis &y = plan.y, &x = plan.x;
  const int64_t top = band * plan.rows * y.stride + y.low, bottom = top + y.window(plan.rows), right = x.low + plan.pitch;
  const int64_t y0 = std::max<int64_t>(top, 0), y1 = std::min(bottom, y.source);
  const int64_t x0 = std::max<int64_t>(x.low, 0), x1 = std::min(right, x.source);
  if (y0 != top || y1 != bottom || x0 != x.low || x1 != right) std::fill_n(planes, channels * plan.plane, real(0));
  const bool whole_rows = plan.pitch == x.source && x0 == x.low;
  for (int64_t c = 0; c < channels; ++c) {
    const real* rows = from + (c * y.source + y0) * x.source + x0;
    real* to = planes + c * plan.plane + (y0 - top) * plan.pitch + x0 - x.low;
    if (whole_rows) copy_row(rows, (y1 - y0) * x.source, to);
    else
      for (int64_t i = y0; i < y1; ++i, rows += x.source, to += plan.pitch) copy_row(rows, x1 - x0, to);
  }
}

struct Band {
  int64_t image, block;
  int64_t row;           // the first, in the rows of the phases
  int64_t pixel, pixels; // the first and how many, in the target's channels
  real* source;          // as a PatchProduct wants it
  real* panels;          // room for the target
};

// Calls body(band) for each block of channels of band number `unit`.
template <class Body>
void for_each_block(const Plan& plan, const real* source, int64_t unit, real* scratch, const Body& body) {
  Band b;
  b.image = unit / plan.bands;
  b.row = unit % plan.bands * plan.rows;
  b.pixel = b.row * plan.y.step * plan.x.target;
  b.pixels = std::min(plan.band_pixels(), plan.y.target * plan.x.target - b.pixel);
  b.source = scratch + (plan.by_lane ? plan.planes_size() : 0);
  b.panels = b.source + plan.planes_size();
  for (b.block = 0; b.block < plan.blocks; ++b.block) {
    const int64_t first = b.block * plan.sources, channels = std::min(plan.sources, plan.all_sources - first);
    const real* from = source + (b.image * plan.all_sources + first) * plan.y.source * plan.x.source;
    copy_planes(plan, from, channels, unit % plan.bands, scratch);
    if (plan.by_lane) to_panels(scratch, channels, plan.plane, plan.plane, b.source);
    body(b);
  }
}

// Calls body(unit, scratch) for all units, on as many threads as the work is worth.
template <class Body>
void for_each_unit(int64_t units, double flops, int64_t scratch_size, const Body& body) {
  const int64_t most = std::min<int64_t>(threads(), units);
  const int64_t workers = std::max<int64_t>(1, std::min(most, int64_t(flops / kParallelFlops)));
  Tensor memory({workers, scratch_size});
  real* scratch = memory.mutable_data();
  parallel_for(workers, 1, [&](int64_t worker, int64_t end) {
    for (; worker < end; ++worker)
      for (int64_t unit = units * worker / workers; unit < units * (worker + 1) / workers; ++unit)
        body(unit, scratch + worker * scratch_size);
  });
}

Offsets first(const List& list, int64_t n) { return Offsets(list).first(size_t(std::max<int64_t>(n, 0))); }

// Calls body(number in w, number in panels [panels][taps][kPanel]) for the weights of a block.
template <class Body>
void for_each_weight(const Plan& plan, int64_t block, const List& weight, const Body& body) {
  const int64_t taps = int64_t(weight.size());
  for (int64_t i = 0; i < plan.targets_in(block); ++i)
    for (int64_t k = 0; k < taps; ++k)
      body(block * plan.w_block + i * plan.w_target + weight[size_t(k)], (i / kPanel * taps + k) * kPanel + i % kPanel);
}

}  // namespace

// ---- The passes ------------------------------------------------------------------------------------------------------

void convolve(const ConvSizes& s, Direction direction, const real* source, const real* w, const Tensor& bias, real* target) {
  const Plan plan(s, direction);
  const int64_t width = plan.panels() * kPanel, target_size = plan.y.target * plan.x.target;
  Tensor start = zeros({plan.blocks, width});
  std::vector<Tensor> weights;  // of each phase, in panels
  for (const Lists& phase : plan.phases) weights.push_back(zeros({plan.blocks, int64_t(phase.tap.size()) * width}));
  for (int64_t block = 0; block < plan.blocks; ++block) {
    if (bias.numel())
      std::copy_n(bias.data() + block * plan.targets, plan.targets_in(block), start.mutable_data() + block * width);
    for (size_t k = 0; k < weights.size(); ++k) {
      real* v = weights[k].mutable_data() + block * weights[k].size(1);
      for_each_weight(plan, block, plan.phases[k].weight, [&](int64_t from, int64_t to) { v[to] = w[from]; });
    }
  }
  for_each_unit(s.n * plan.bands, s.flops(), plan.scratch_size(), [&](int64_t unit, real* scratch) {
    for_each_block(plan, source, unit, scratch, [&](const Band& b) {
      for (size_t k = 0; k < weights.size(); ++k) {
        const Lists& phase = plan.phases[k];
        const int64_t patches = std::min(plan.rows, phase.rows - b.row) * phase.columns;
        multiply({.x = b.source, .patch = first(phase.patch, patches), .tap = phase.tap,
                  .v = weights[k].data() + b.block * weights[k].size(1), .start = start.data() + b.block * width,
                  .c = b.panels, .to = first(phase.to, patches), .c_rows = b.pixels, .panels = plan.panels(),
                  .by_lane = plan.by_lane});
      }
      from_panels(b.panels, plan.targets_in(b.block), target_size, b.pixels,
                  target + (b.image * plan.all_targets + b.block * plan.targets) * target_size + b.pixel);
    });
  });
}

// Bands are shared out over parts, whose number depends on the sizes alone; each part has a sum of its own, and the sums
// are added up in order. So the result is the same on any number of threads.
void correlate(const ConvSizes& s, const real* x, const real* g, real* dw) {
  const Plan plan(s, Direction::kForward);
  const Lists& phase = plan.phases[0];
  const int64_t taps = int64_t(phase.tap.size()), size = taps * plan.panels() * kPanel, all = plan.blocks * size;
  const int64_t units = s.n * plan.bands, pixels = plan.y.target * plan.x.target;
  const int64_t wanted = std::clamp<int64_t>(s.n * pixels / kPixelsPerPart, 1, kMostParts);
  const int64_t parts = int64_t(std::bit_floor(uint64_t(std::min(wanted, units))));
  const Tensor start = zeros({plan.panels() * kPanel});
  const List rows = count_up(taps);
  Tensor sums({parts, all});
  real* sum = sums.mutable_data();
  for_each_unit(parts, s.flops(), plan.scratch_size(), [&](int64_t part, real* scratch) {
    const int64_t begin = units * part / parts, end = units * (part + 1) / parts;
    for (int64_t unit = begin; unit < end; ++unit)
      for_each_block(plan, x, unit, scratch, [&](const Band& b) {
        to_panels(g + (b.image * plan.all_targets + b.block * plan.targets) * pixels + b.pixel, plan.targets_in(b.block),
                  pixels, b.pixels, b.panels);
        multiply({.x = b.source, .patch = phase.tap, .tap = first(phase.patch, b.pixels), .v = b.panels,
                  .start = unit == begin ? start.data() : nullptr, .c = sum + part * all + b.block * size, .to = rows,
                  .c_rows = taps, .panels = plan.panels(), .by_lane = plan.by_lane});
      });
  });
  Tensor total = parts ? sums.row(0) : zeros({all});
  for (int64_t part = 1; part < parts; ++part) {
    const Tensor more = sums.row(part);
    update<1>([](Lane& a, Lane b) { a = a + b; }, total, more);
  }
  for (int64_t block = 0; block < plan.blocks; ++block)
    for_each_weight(plan, block, phase.weight,
                    [&](int64_t to, int64_t from) { dw[to] = total.data()[block * size + from]; });
}

}  // namespace bijou::detail

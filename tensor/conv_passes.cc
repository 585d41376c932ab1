#include "tensor/conv_passes.h"

#include <bit>
#include <numeric>

#include "tensor/map.h"

namespace bijou::detail {
namespace {

constexpr double kParallelFlops = 4e6;    // less is not worth a thread
constexpr int64_t kPixelsPerPart = 1024;  // that many, at least, share a partial sum of the weight gradient
constexpr int64_t kMostParts = 16;

// The source rows of band `band`, zero outside of the image.
void copy_planes(const Plan& plan, const real* from, int64_t channels, int64_t band, real* planes) {
  const Axis &y = plan.y, &x = plan.x;
  const int64_t top = band * plan.rows * y.stride + y.low, bottom = top + y.window(plan.rows),
                right = x.low + plan.pitch;
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
  int64_t row;            // the first, in the rows of the phases
  int64_t pixel, pixels;  // the first and how many, in the target's channels
  real* source;           // as a PatchProduct wants it
  real* panels;           // room for the target
};

// Calls body(band) for each block of channels of band number `unit`.
template <class Body>
void for_each_block(const Plan& plan, const real* source, int64_t unit, real* scratch, const Body& body) {
  Band b;
  b.image = unit / plan.bands;
  b.row = unit % plan.bands * plan.rows;
  b.pixel = b.row * plan.y.step * plan.x.target;
  b.pixels = std::min(plan.band_pixels(), plan.target_pixels() - b.pixel);
  b.source = scratch + (plan.by_lane ? plan.planes_size() : 0);
  b.panels = b.source + plan.planes_size();
  for (b.block = 0; b.block < plan.blocks; ++b.block) {
    const int64_t first = b.image * plan.all_sources + b.block * plan.sources, channels = plan.sources_in(b.block);
    const real* from = source + first * plan.y.source * plan.x.source;
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

// Calls body(place in w, place in panels [panels][taps][kPanel]) for the weights of a block.
template <class Body>
void for_each_weight(const Plan& plan, int64_t block, const List& weight, const Body& body) {
  const int64_t taps = int64_t(weight.size());
  for (int64_t i = 0; i < plan.targets_in(block); ++i)
    for (int64_t k = 0; k < taps; ++k)
      body(block * plan.w_block + i * plan.w_target + weight[size_t(k)], (i / kPanel * taps + k) * kPanel + i % kPanel);
}

}  // namespace

void convolve(const ConvSizes& s, Direction direction, const real* source, const real* w, const Tensor& bias,
              real* target) {
  const Plan plan(s, direction);
  Tensor start = zeros({plan.blocks, plan.width()});
  std::vector<Tensor> weights;  // of each phase, in panels
  for (const Lists& p : plan.phases) weights.push_back(zeros({plan.blocks, int64_t(p.tap.size()) * plan.width()}));
  for (int64_t block = 0; block < plan.blocks; ++block) {
    if (bias.numel())
      std::copy_n(bias.data() + block * plan.targets, plan.targets_in(block),
                  start.mutable_data() + block * plan.width());
    for (size_t k = 0; k < weights.size(); ++k) {
      real* v = weights[k].mutable_data() + block * weights[k].size(1);
      for_each_weight(plan, block, plan.phases[k].weight, [&](int64_t from, int64_t to) { v[to] = w[from]; });
    }
  }
  for_each_unit(s.n * plan.bands, s.flops(), plan.scratch_size(), [&](int64_t unit, real* scratch) {
    for_each_block(plan, source, unit, scratch, [&](const Band& b) {
      const int64_t channels = plan.targets_in(b.block);
      for (size_t k = 0; k < weights.size(); ++k) {
        const Lists& p = plan.phases[k];
        const int64_t patches = std::min(plan.rows, p.rows - b.row) * p.columns;
        multiply({.x = b.source,
                  .patch = first(p.patch, patches),
                  .tap = p.tap,
                  .v = weights[k].data() + b.block * weights[k].size(1),
                  .start = start.data() + b.block * plan.width(),
                  .c = b.panels,
                  .c_row = kPanel,
                  .c_panel = b.pixels * kPanel,
                  .to = first(p.to, patches),
                  .channels = channels,
                  .by_lane = plan.by_lane});
      }
      const int64_t first_channel = b.image * plan.all_targets + b.block * plan.targets;
      from_panels(b.panels, channels, plan.target_pixels(), b.pixels,
                  target + first_channel * plan.target_pixels() + b.pixel);
    });
  });
}

// Bands are shared out over parts, whose number depends on the sizes alone; each part has a sum of its own, and the
// sums are added up in order. So the result is the same on any number of threads.
void correlate(const ConvSizes& s, const real* x, const real* g, real* dw) {
  const Plan plan(s, Direction::kForward);
  const Lists& p = plan.phases[0];
  const int64_t taps = int64_t(p.tap.size()), size = taps * plan.width(), units = s.n * plan.bands;
  const int64_t wanted = std::clamp<int64_t>(s.n * plan.target_pixels() / kPixelsPerPart, 1, kMostParts);
  const int64_t parts = int64_t(std::bit_floor(uint64_t(std::min(wanted, units))));
  const Tensor nothing = zeros({plan.width()});
  List rows(size_t(taps), 0);
  std::iota(rows.begin(), rows.end(), 0);
  Tensor sums({parts, plan.blocks * size});
  real* sum = sums.mutable_data();
  for_each_unit(parts, s.flops(), plan.scratch_size(), [&](int64_t part, real* scratch) {
    const int64_t begin = units * part / parts, end = units * (part + 1) / parts;
    for (int64_t unit = begin; unit < end; ++unit)
      for_each_block(plan, x, unit, scratch, [&](const Band& b) {
        const int64_t channels = plan.targets_in(b.block);
        const int64_t first_channel = b.image * plan.all_targets + b.block * plan.targets;
        to_panels(g + first_channel * plan.target_pixels() + b.pixel, channels, plan.target_pixels(), b.pixels,
                  b.panels);
        multiply({.x = b.source,
                  .patch = p.tap,
                  .tap = first(p.patch, b.pixels),
                  .v = b.panels,
                  .start = unit == begin ? nothing.data() : nullptr,
                  .c = sum + (part * plan.blocks + b.block) * size,
                  .c_row = kPanel,
                  .c_panel = taps * kPanel,
                  .to = rows,
                  .channels = channels,
                  .by_lane = plan.by_lane});
      });
  });
  Tensor total = parts ? sums.row(0) : zeros({plan.blocks * size});
  for (int64_t part = 1; part < parts; ++part) {
    const Tensor more = sums.row(part);
    update<1>([](Lane& a, Lane b) { a = a + b; }, total, more);
  }
  for (int64_t block = 0; block < plan.blocks; ++block)
    for_each_weight(plan, block, p.weight,
                    [&](int64_t to, int64_t from) { dw[to] = total.data()[block * size + from]; });
}

}  // namespace bijou::detail

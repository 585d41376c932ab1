#include "tensor/patch_product.h"

namespace bijou::detail {
namespace {

constexpr int kTileRows = kAvx512 ? 8 : 6;  // of two registers

// R rows and W registers of one panel of C: `start` and the products of these taps; without a start, C and the
// products. (Not begun with C, since a sum of sums is the more accurate.)
template <bool kByLane, int W, int R>
void tile(const real* x, const int32_t* patch, Offsets taps, const real* v, const real* start, real* c, int64_t c_row,
          const int32_t* to) {
  const int64_t step = kByLane ? kPanel : 1;
  const real* pixel[R];
  Lane sum[R][W];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    pixel[r] = x + patch[r] * step;
    for (int k = 0; k < W; ++k)  // by the time it is written it is near
      __builtin_prefetch(c + to[r] * c_row + k * kLanes, 1);
    for (int k = 0; k < W; ++k) sum[r][k] = start ? Lane::load(start + k * kLanes) : Lane(0);
  }
#pragma GCC unroll 1  // the sums, a row of V and one of x fill the sixteen registers of AVX2
  for (const int32_t tap : taps) {
    const int64_t offset = tap * step;
    Lane weight[W];
    for (int k = 0; k < W; ++k) weight[k] = Lane::load(v + k * kLanes);
    v += kPanel;
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const real* p = pixel[r] + offset;
      for (int k = 0; k < W; ++k)
        sum[r][k] = fma(kByLane ? Lane::load(p + k * kLanes) : Lane(*p), weight[k], sum[r][k]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r)
    for (int k = 0; k < W; ++k) {
      real* out = c + to[r] * c_row + k * kLanes;
      (start ? sum[r][k] : Lane::load(out) + sum[r][k]).store(out);
    }
}

// One panel of C: its rows are shared out evenly over tiles of at most kRows.
template <bool kByLane, int W, int kRows>
void panel(const PatchProduct& p, Offsets taps, const real* v, const real* start, real* c) {
  constexpr auto tiles = []<int... R>(std::integer_sequence<int, R...>) {
    return std::array{tile<kByLane, W, R + 1>...};
  }
  (std::make_integer_sequence<int, kRows>());
  const int64_t rows = int64_t(p.patch.size()), count = (rows + kRows - 1) / kRows;
  for (int64_t t = 0, first = 0; t < count; ++t) {
    const int64_t last = rows * (t + 1) / count;
    tiles[size_t(last - first - 1)](p.x, p.patch.data() + first, taps, v, start, c, p.c_row, p.to.data() + first);
    first = last;
  }
}

// How many patches from `first` on lie side by side, up to kOverread.
int64_t run_length(Offsets patch, int64_t first) {
  int64_t n = 1;
  while (n < kOverread && first + n < int64_t(patch.size()) && patch[size_t(first + n)] == patch[size_t(first)] + n)
    ++n;
  return n;
}

// The C channels of a panel that is almost empty: runs of patches in the lanes.
template <int C>
void thin_panel(const PatchProduct& p, Offsets taps, const real* v, const real* start, real* c) {
  constexpr int N = 4;  // registers for a run
  alignas(64) real result[N * kLanes];
  for (int64_t first = 0, run; first < int64_t(p.patch.size()); first += run) {
    run = run_length(p.patch, first);
    Lane sum[C][N];
    for (int k = 0; k < C; ++k)
      for (int n = 0; n < N; ++n) sum[k][n] = 0;
    const real* weight = v;
    for (const int32_t tap : taps) {
      const real* x = p.x + p.patch[size_t(first)] + tap;
      for (int n = 0; n < N; ++n)
        for (int k = 0; k < C; ++k) sum[k][n] = fma(Lane::load(x + n * kLanes), Lane(weight[k]), sum[k][n]);
      weight += kPanel;
    }
    for (int k = 0; k < C; ++k) {
      for (int n = 0; n < N; ++n) sum[k][n].store(result + n * kLanes);
      for (int64_t i = 0; i < run; ++i) {
        real& to = c[p.to[size_t(first + i)] * p.c_row + k];
        to = (start ? start[k] : to) + result[i];
      }
    }
  }
}

// ---- Between [channels][pixels], as images are, and panels [pixels][kPanel] -----------------------------------------
//
// Four channels (two of doubles) at a time, along as many pixels as a register holds. What is written to an image, or
// read from one, is so in whole registers, and few channels at a time: the lines of many, a power of two apart, would
// compete for the same places in the cache.

constexpr int64_t kRows = HWY_TARGET == HWY_SCALAR ? 1 : 16 / int64_t(sizeof(real));

#if HWY_TARGET == HWY_SCALAR  // registers of one number, which is a block
template <class D>
hn::Vec<D> load_blocks(D d, const real* from, int64_t) {
  return hn::LoadU(d, from);
}
template <class D, class V>
void store_blocks(D d, V x, real* to, int64_t) {
  hn::StoreU(x, d, to);
}
template <class D, class Load, class Store>
void transpose_blocks(D, const Load& load, const Store& store) {
  store(load(0), 0);
}
#else
// The 16-byte blocks of a register: block b is at row kRows b of memory with that stride.
template <class D>
hn::Vec<D> load_blocks(D d, const real* from, int64_t stride) {
  if constexpr (hn::MaxLanes(d) <= size_t(kRows)) return hn::LoadU(d, from);
  else {
    const hn::Half<D> half;
    const auto low = load_blocks(half, from, stride);
    return hn::Combine(d, load_blocks(half, from + int64_t(hn::MaxLanes(half)) * stride, stride), low);
  }
}
template <class D, class V>
void store_blocks(D d, V x, real* to, int64_t stride) {
  if constexpr (hn::MaxLanes(d) <= size_t(kRows)) hn::StoreU(x, d, to);
  else {
    const hn::Half<D> half;
    store_blocks(half, hn::LowerHalf(half, x), to, stride);
    store_blocks(half, hn::UpperHalf(half, x), to + int64_t(hn::MaxLanes(half)) * stride, stride);
  }
}

// kRows registers of blocks, transposed block by block: from load(i) to store(register, i).
template <class D, class Load, class Store>
void transpose_blocks(D d, const Load& load, const Store& store) {
  const auto x0 = load(0), x1 = load(1);
  const auto low = hn::InterleaveLower(d, x0, x1), high = hn::InterleaveUpper(d, x0, x1);
  if constexpr (kRows == 2) {
    store(low, 0);
    store(high, 1);
  } else {
    // Pairs of numbers now move as doubles.
    const hn::Repartition<double, D> pairs;
    auto pair = [&](auto x) { return hn::BitCast(pairs, x); };
    auto back = [&](auto x) { return hn::BitCast(d, x); };
    const auto x2 = load(2), x3 = load(3);
    const auto low2 = hn::InterleaveLower(d, x2, x3), high2 = hn::InterleaveUpper(d, x2, x3);
    store(back(hn::InterleaveLower(pairs, pair(low), pair(low2))), 0);
    store(back(hn::InterleaveUpper(pairs, pair(low), pair(low2))), 1);
    store(back(hn::InterleaveLower(pairs, pair(high), pair(high2))), 2);
    store(back(hn::InterleaveUpper(pairs, pair(high), pair(high2))), 3);
  }
}
#endif

// Calls strip(d, channel, pixel) for kRows channels and a register of pixels, and single(channel, pixel) for the rest.
template <class Strip, class Single>
void for_each_strip(int64_t channels, int64_t length, const Strip& strip, const Single& single) {
  constexpr hn::CappedTag<real, size_t(kRows)> block;
  int64_t c = 0;
  for (; c + kRows <= channels; c += kRows) {
    int64_t p = 0;
    auto strips = [&](auto d) {
      for (constexpr int64_t kWidth = int64_t(hn::MaxLanes(decltype(d)())); p + kWidth <= length; p += kWidth)
        strip(d, c, p);
    };
    strips(kLane), strips(block);
    for (; p < length; ++p)
      for (int64_t i = c; i < c + kRows; ++i) single(i, p);
  }
  for (; c < channels; ++c)
    for (int64_t p = 0; p < length; ++p) single(c, p);
}

}  // namespace

void multiply(const PatchProduct& p) {
  if (p.patch.empty()) return;
  const int64_t taps = int64_t(p.tap.size()), pieces = std::max<int64_t>((taps + kDepth - 1) / kDepth, 1);
  for (int64_t piece = 0; piece < pieces; ++piece) {  // one, at least, so that C gets its start
    const int64_t first = taps * piece / pieces, last = taps * (piece + 1) / pieces;
    const Offsets some = p.tap.subspan(size_t(first), size_t(last - first));
    for (int64_t k = 0; k < panels_for(p.channels); ++k) {
      const real* v = p.v + (k * taps + first) * kPanel;
      const real* start = p.start && piece == 0 ? p.start + k * kPanel : nullptr;
      real* c = p.c + k * p.c_panel;
      const int64_t channels = std::min(kPanel, p.channels - k * kPanel);
      const bool thin = channels <= 3 && run_length(p.patch, 0) >= kLanes;
      if (p.by_lane) panel<true, 2, kTileRows>(p, some, v, start, c);
      else if (thin)
        (channels == 1 ? thin_panel<1> : channels == 2 ? thin_panel<2> : thin_panel<3>)(p, some, v, start, c);
      else if (channels <= kLanes) panel<false, 1, 8>(p, some, v, start, c);
      else panel<false, 2, kTileRows>(p, some, v, start, c);
    }
  }
}

void to_panels(const real* image, int64_t channels, int64_t stride, int64_t length, real* panels) {
  for (int64_t first = 0; first < channels; first += kPanel, image += kPanel * stride, panels += kPanel * length) {
    const int64_t here = std::min(kPanel, channels - first);
    if (here < kPanel) std::fill_n(panels, kPanel * length, real(0));
    auto strip = [&](auto d, int64_t c, int64_t p) {
      transpose_blocks(
          d, [&](int64_t i) { return hn::LoadU(d, image + (c + i) * stride + p); },
          [&](auto x, int64_t i) { store_blocks(d, x, panels + (p + i) * kPanel + c, kPanel); });
    };
    for_each_strip(here, length, strip, [&](int64_t c, int64_t p) { panels[p * kPanel + c] = image[c * stride + p]; });
  }
}

void from_panels(const real* panels, int64_t channels, int64_t stride, int64_t length, real* image) {
  for (int64_t first = 0; first < channels; first += kPanel, image += kPanel * stride, panels += kPanel * length) {
    auto strip = [&](auto d, int64_t c, int64_t p) {
      transpose_blocks(
          d, [&](int64_t i) { return load_blocks(d, panels + (p + i) * kPanel + c, kPanel); },
          [&](auto x, int64_t i) { hn::StoreU(x, d, image + (c + i) * stride + p); });
    };
    const int64_t here = std::min(kPanel, channels - first);
    for_each_strip(here, length, strip, [&](int64_t c, int64_t p) { image[c * stride + p] = panels[p * kPanel + c]; });
  }
}

}  // namespace bijou::detail

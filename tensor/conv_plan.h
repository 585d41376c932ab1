// Which pixel sees which: a convolution, or its gradient with respect to the image, laid out as lists of addresses for
// patch products (tensor/patch_product.h).
//
// A band of rows of an image is copied into planes that fit the second-level cache, with the padding around it. Then
// every patch is inside, and the address of a pixel is that of the patch plus that of the tap.
//
// The gradient of the image is a convolution as well. With stride s, pixel r of x met tap k at output (r + p - k d) /
// s, where that is whole. So pixels of equal r mod s, a phase, see the same taps of the kernel, and pixel r = s q + f
// sees g at q + (f + p - k d) / s: a convolution of stride 1. There are s phases along an axis; forward there is one.
#pragma once

#include "tensor/conv.h"
#include "tensor/patch_product.h"

namespace bijou::detail {

// A convolution that has been checked: x [n, groups in, x.h, x.w], w [groups out, in, kernel.h, kernel.w],
// y [n, groups out, y.h, y.w].
struct ConvSizes {
  int64_t n, groups, in, out;
  HW x, y, kernel;
  ConvOptions options;

  ConvSizes(const Shape& x, const Shape& w, const Shape& y, const ConvOptions& options);
  int64_t taps() const { return kernel.h * kernel.w; }
  double flops() const;
};

// A pass reads a source and writes a target: x and y forward, dL/dy and dL/dx backward.
enum class Direction { kForward, kBackward };

// Along one axis: pixel q step + first of the target sees the source at q stride + shift, for each tap k of the kernel.
struct Phase {
  struct Tap {
    int64_t k, shift;
  };
  int64_t count, first;
  std::vector<Tap> taps;
};

struct Axis {
  int64_t source, target;  // pixels
  int64_t stride, step;
  int64_t low, reach;  // from q stride + low on, all phases look at `reach` pixels of the source
  std::vector<Phase> phases;

  Axis(Direction direction, int64_t x, int64_t y, int64_t kernel, int64_t s, int64_t padding, int64_t dilation);
  // Pixels of the source that the first n targets of every phase look at.
  int64_t window(int64_t n) const { return (n - 1) * stride + reach; }
};

using List = std::vector<int32_t>;

// One phase of a band, for a PatchProduct; patches in rows.
struct Lists {
  int64_t rows, columns;
  List patch, tap, to;
  List weight;  // where a target channel's weight for each tap is, in w
};

// A pass is made for one block of channels after the other: a group, or, in a depthwise convolution, a panel's width.
struct Plan {
  bool by_lane;                      // depthwise
  int64_t blocks, sources, targets;  // blocks, and the channels of one; the last may have fewer
  int64_t all_sources, all_targets;
  int64_t w_block, w_source, w_target;  // from a block, a source channel, a target channel to the next in w
  Axis y, x;
  int64_t bands, rows;   // bands of an image; rows of a band, each `step` rows of the target
  int64_t pitch, plane;  // of the copied band: numbers in a row, in a channel
  std::vector<Lists> phases;

  Plan(const ConvSizes& sizes, Direction direction);

  int64_t sources_in(int64_t block) const { return std::min(sources, all_sources - block * sources); }
  int64_t targets_in(int64_t block) const { return std::min(targets, all_targets - block * targets); }
  int64_t width() const { return panels_for(targets) * kPanel; }  // of the panels of a block
  int64_t target_pixels() const { return y.target * x.target; }
  int64_t band_pixels() const { return rows * y.step * x.target; }
  int64_t planes_size() const { return sources * plane; }
  // The memory one thread works in: planes, the same by lane, and the panels of a block.
  int64_t scratch_size() const { return planes_size() * (by_lane ? 2 : 1) + width() * band_pixels() + kOverread; }

 private:
  void cut_bands(int64_t images);
  Lists lists(const Phase& u, const Phase& v, int64_t kernel_w) const;
};

}  // namespace bijou::detail

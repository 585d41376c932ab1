// The one product behind every convolution, and behind the matrix product (tensor/product.cc).
//
// Write each patch of an image that a kernel looks at as a row of a matrix X (im2col), and a convolution is the product
// of X with the weights V. X is large, but its entry for patch r and tap s lies in the image at an address that is a
// sum,
//
//   X[r][s] = x[patch[r] + tap[s]],   C = X V,   C[r][o] = sum over s of X[r][s] V[s][o]
//
// so X need not be written out: the kernel reads the image itself, through the two lists. Three things follow.
//   Stride and dilation only change the numbers in the lists.
//   The transpose of X is the same with the lists swapped, so the gradient of the weights, Xᵀ G, is this product.
//   The gradient of the image is again a convolution (tensor/conv_passes.cc), so it is this product, too.
//
// The columns of V and C are channels, and lie in SIMD lanes. They are kept in panels of kPanel channels, two
// registers: a panel is [rows][kPanel], so that the innermost loop reads V straight through. The kernel holds 6 x 2
// registers of C (8 x 2 of AVX-512's) and does 12 multiply-adds for 2 loads from V and 6 from x: at the speed of a good
// matrix product. A panel at most half full is worked on in its first register only, 8 rows at a time; and where there
// are no more than three channels, as in the last layer of a decoder, neighbouring patches lie in the lanes instead.
#pragma once

#include <span>

#include "tensor/lane.h"

namespace bijou::detail {

constexpr int64_t kPanel = 2 * kLanes;
inline int64_t panels_for(int64_t channels) { return (channels + kPanel - 1) / kPanel; }

constexpr bool kAvx512 = kLanes * sizeof(real) == 64;  // 32 registers of 512 bits
constexpr int64_t kDepth = 192;  // taps in one go: that much of a panel of V stays in the first-level cache
constexpr int64_t kOverread = 4 * kLanes;

using Offsets = std::span<const int32_t>;

struct PatchProduct {
  const real* x;  // kOverread more numbers can be read after the last
  Offsets patch, tap;
  const real* v;      // [panels][taps][kPanel]
  const real* start;  // what the rows of C begin with, [panels][kPanel]; null: with what is there
  real* c;            // panel p of row r of C lies at c + p c_panel + r c_row
  int64_t c_row, c_panel;
  Offsets to;            // the row of C for each patch
  int64_t channels;      // in all panels
  bool by_lane = false;  // depthwise: x is a panel itself, [pixels][kPanel], and each lane has an image of its own
};

void multiply(const PatchProduct& product);

// n numbers, copied or added; inline, since rows are short.
inline void copy_row(const real* from, int64_t n, real* to, bool adds = false) {
  for (; n >= kLanes; n -= kLanes, from += kLanes, to += kLanes)
    (adds ? Lane::load(to) + Lane::load(from) : Lane::load(from)).store(to);
  if (n <= 0) return;
  const Mask some = first_lanes(n);
  (adds ? Lane::load(to, some) + Lane::load(from, some) : Lane::load(from, some)).store(to, some);
}

// An image [channels][length], its channels `stride` apart, to panels [panels][length][kPanel], with zeros for missing
// channels; and back.
void to_panels(const real* image, int64_t channels, int64_t stride, int64_t length, real* panels);
void from_panels(const real* panels, int64_t channels, int64_t stride, int64_t length, real* image);

}  // namespace bijou::detail

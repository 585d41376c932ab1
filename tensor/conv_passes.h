// The two passes over images that convolutions are made of.
#pragma once

#include "tensor/conv.h"

namespace bijou::detail {

// A convolution that has been checked: x [n, groups in, x.h, x.w], w [groups out, in, kernel.h, kernel.w],
// y [n, groups out, y.h, y.w].
struct ConvSizes {
  int64_t n, groups, in, out;
  HW x, y, kernel;
  ConvOptions options;

  ConvSizes(const Shape& xs, const Shape& ws, const Shape& ys, const ConvOptions& o)
      : n(xs[0]), groups(o.groups), in(ws[1]), out(ws[0] / o.groups), x(xs[2], xs[3]), y(ys[2], ys[3]),
        kernel(ws[2], ws[3]), options(o) {}
  int64_t taps() const { return kernel.h * kernel.w; }
  double flops() const { return 2.0 * double(n * groups) * double(out * in) * double(taps()) * double(y.h * y.w); }
};

enum class Direction { kForward, kBackward };

// Forward: target y = bias + conv(source x, w). Backward: target dL/dx = bias + what source dL/dy gives through w.
// A bias may be empty.
void convolve(const ConvSizes& sizes, Direction direction, const real* source, const real* w, const Tensor& bias,
              real* target);

// dw = dL/dw from x and g = dL/dy.
void correlate(const ConvSizes& sizes, const real* x, const real* g, real* dw);

}  // namespace bijou::detail

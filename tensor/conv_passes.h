// The two passes over images that convolutions are made of: patch products (tensor/patch_product.h) after a plan
// (tensor/conv_plan.h), shared out over threads.
#pragma once

#include "tensor/conv_plan.h"

namespace bijou::detail {

// Forward: target y = bias + conv(source x, w). Backward: target dL/dx = bias + what source dL/dy gives through w.
// A bias may be empty.
void convolve(const ConvSizes& sizes, Direction direction, const real* source, const real* w, const Tensor& bias,
              real* target);

// dw = dL/dw from x and g = dL/dy.
void correlate(const ConvSizes& sizes, const real* x, const real* g, real* dw);

}  // namespace bijou::detail

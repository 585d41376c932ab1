// Pooling: the largest number of each window of an image, or the mean. Images are [n, c, h, w]; the mean over all of an
// image is mean(x, {2, 3}).
#pragma once

#include "tensor/conv.h"    // HW
#include "tensor/reduce.h"  // ValuesAndIndices

namespace bijou {

struct PoolOptions {
  HW kernel;
  HW stride = -1;  // -1: the kernel, so that windows lie side by side
  HW padding = 0;  // at most half of the kernel
};

// [n, c, h', w'] with h' = (h + 2 padding - kernel) / stride + 1. Throws where the options don't fit.
Shape pool2d_shape(const Shape& x, const PoolOptions& options);

// The largest, and its place i w + j in the image. The first of equals; NaN where there is one. Padding never wins.
ValuesAndIndices<Tensor> max_pool2d(const Tensor& x, const PoolOptions& options);

// The mean, padding counted as zeros; and its adjoint: each number of g, shared out over its window.
Tensor avg_pool2d(const Tensor& x, const PoolOptions& options);
Tensor avg_pool2d_input_grad(const Tensor& g, const Shape& x_shape, const PoolOptions& options);

}  // namespace bijou

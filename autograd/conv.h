// Convolution and pooling on Vars. Layouts, options and what throws are those of tensor/conv.h and tensor/pool.h; a
// bias may be absent: {}.
#pragma once

#include "autograd/var.h"
#include "tensor/conv.h"
#include "tensor/pool.h"

namespace bijou {

Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {});
Var conv2d_input_grad(const Var& g, const Var& w, const Shape& x_shape, const ConvOptions& options = {});
Var conv2d_weight_grad(const Var& x, const Var& g, const Shape& w_shape, const ConvOptions& options = {});
Var conv_transpose2d(const Var& x, const Var& w, const Var& bias, const ConvTransposeOptions& options = {});

Var max_pool2d(const Var& x, const PoolOptions& options);
Var avg_pool2d(const Var& x, const PoolOptions& options);
Var avg_pool2d_input_grad(const Var& g, const Shape& x_shape, const PoolOptions& options);

// Along one axis, through images of one row: x [n, c, l], w [out, in / groups, k]; of the options, widths count.
Var conv1d(const Var& x, const Var& w, const Var& bias, const ConvOptions& options = {});
Var conv_transpose1d(const Var& x, const Var& w, const Var& bias, const ConvTransposeOptions& options = {});
Var max_pool1d(const Var& x, const PoolOptions& options);
Var avg_pool1d(const Var& x, const PoolOptions& options);

}  // namespace bijou

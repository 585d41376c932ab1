#include "autograd/conv.h"

#include "autograd/ops.h"

namespace bijou {

// ---- Convolution ----------------------------------------------------------------------------------------------------
// L = g · conv(x, w) is linear in each of x, w and g; each of the three maps has the other two as its derivatives.

Var conv2d(const Var& x, const Var& w, const Var& bias, const ConvOptions& o) {
  return record("conv2d", conv2d(x.value(), w.value(), bias ? bias.value() : Tensor(), o), {x, w, bias},
                [o](const Node& y, const Var& g, Grads& d) {
                  if (d.wants(0)) d[0] = conv2d_input_grad(g, y.in(1), y.in_shape(0), o);
                  if (d.wants(1)) d[1] = conv2d_weight_grad(y.in(0), g, y.in_shape(1), o);
                  if (d.wants(2)) d[2] = sum(g, {0, 2, 3});
                });
}

Var conv2d_input_grad(const Var& g, const Var& w, const Shape& x_shape, const ConvOptions& o) {
  return record("conv2d_input_grad", conv2d_input_grad(g.value(), w.value(), x_shape, o), {g, w},
                [o](const Node& y, const Var& x, Grads& d) {
                  if (d.wants(0)) d[0] = conv2d(x, y.in(1), {}, o);
                  if (d.wants(1)) d[1] = conv2d_weight_grad(x, y.in(0), y.in_shape(1), o);
                });
}

Var conv2d_weight_grad(const Var& x, const Var& g, const Shape& w_shape, const ConvOptions& o) {
  return record("conv2d_weight_grad", conv2d_weight_grad(x.value(), g.value(), w_shape, o), {x, g},
                [o](const Node& y, const Var& w, Grads& d) {
                  if (d.wants(0)) d[0] = conv2d_input_grad(y.in(1), w, y.in_shape(0), o);
                  if (d.wants(1)) d[1] = conv2d(y.in(0), w, {}, o);
                });
}

// The input gradient of a convolution, under its other name.
Var conv_transpose2d(const Var& x, const Var& w, const Var& bias, const ConvTransposeOptions& o) {
  return record("conv_transpose2d", conv_transpose2d(x.value(), w.value(), bias ? bias.value() : Tensor(), o),
                {x, w, bias},
                [conv = ConvOptions{o.stride, o.padding, o.dilation, o.groups}](const Node& y, const Var& g, Grads& d) {
                  if (d.wants(0)) d[0] = conv2d(g, y.in(1), {}, conv);
                  if (d.wants(1)) d[1] = conv2d_weight_grad(g, y.in(0), y.in_shape(1), conv);
                  if (d.wants(2)) d[2] = sum(g, {0, 2, 3});
                });
}

// ---- Pooling --------------------------------------------------------------------------------------------------------

// The gradient goes to the place of the largest.
Var max_pool2d(const Var& x, const PoolOptions& o) {
  auto [largest, place] = max_pool2d(x.value(), o);
  return record("max_pool2d", largest, {x},
                [place = place.reshape({x.size(0), x.size(1), place.size(2) * place.size(3)})](const Node& y,
                                                                                               const Var& g, Grads& d) {
                  const Shape& s = y.in_shape(0);
                  d[0] = reshape(scatter_add({s[0], s[1], s[2] * s[3]}, 2, place, reshape(g, place.shape())), s);
                });
}

Var avg_pool2d(const Var& x, const PoolOptions& o) {
  return record("avg_pool2d", avg_pool2d(x.value(), o), {x},
                [o](const Node& y, const Var& g, Grads& d) { d[0] = avg_pool2d_input_grad(g, y.in_shape(0), o); });
}

Var avg_pool2d_input_grad(const Var& g, const Shape& x_shape, const PoolOptions& o) {
  return record("avg_pool2d_input_grad", avg_pool2d_input_grad(g.value(), x_shape, o), {g},
                [o](const Node&, const Var& x, Grads& d) { d[0] = avg_pool2d(x, o); });
}

// ---- One dimension --------------------------------------------------------------------------------------------------

namespace {
Var as_row(const char* op, const Var& x) {
  check(x.dim() == 3, op, ": three axes expected, not the shape ", x.shape());
  return reshape(x, {x.size(0), x.size(1), 1, x.size(2)});
}
Var without_row(const Var& y) { return reshape(y, {y.size(0), y.size(1), y.size(3)}); }
PoolOptions along_row(const PoolOptions& o) { return {{1, o.kernel.w}, {1, o.stride.w}, {0, o.padding.w}}; }
}  // namespace

Var conv1d(const Var& x, const Var& w, const Var& bias, const ConvOptions& o) {
  return without_row(conv2d(as_row("conv1d", x), as_row("conv1d", w), bias,
                            {{1, o.stride.w}, {0, o.padding.w}, {1, o.dilation.w}, o.groups}));
}
Var conv_transpose1d(const Var& x, const Var& w, const Var& bias, const ConvTransposeOptions& o) {
  return without_row(
      conv_transpose2d(as_row("conv_transpose1d", x), as_row("conv_transpose1d", w), bias,
                       {{1, o.stride.w}, {0, o.padding.w}, {0, o.output_padding.w}, {1, o.dilation.w}, o.groups}));
}
Var max_pool1d(const Var& x, const PoolOptions& o) {
  return without_row(max_pool2d(as_row("max_pool1d", x), along_row(o)));
}
Var avg_pool1d(const Var& x, const PoolOptions& o) {
  return without_row(avg_pool2d(as_row("avg_pool1d", x), along_row(o)));
}

}  // namespace bijou

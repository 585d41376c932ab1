// Convolutions, and the two products that differentiate them. Layouts are PyTorch's: images [n, channels, h, w],
// weights [out, in / groups, kh, kw]. As in all of deep learning, the kernel is not flipped:
//
//   y[n, o, i, j] = b[o] + sum over c, u, v of  w[o, c, u, v] x[n, c, i s + u d - p, j s + v d - p]     (0 outside of
//   x)
//
// with stride s, padding p and dilation d. The sum of y times some g is linear in x, in w and in g. Leaving one of the
// three out gives three maps, and each one's derivatives are the other two, so that convolutions can be differentiated
// any number of times (autograd/conv.cc):
//
//   conv2d(x, w)               without g:  y
//   conv2d_input_grad(g, w)    without x:  dL/dx for g = dL/dy, also known as the transposed convolution
//   conv2d_weight_grad(x, g)   without w:  dL/dw
#pragma once

#include "tensor/tensor.h"

namespace bijou {

// A number for height and one for width; a single number is both.
struct HW {
  int64_t h, w;
  HW(int64_t both) : h(both), w(both) {}
  HW(int64_t h, int64_t w) : h(h), w(w) {}
};
std::string to_string(const HW& size);  // "3 x 3"

struct ConvOptions {
  HW stride = 1;
  HW padding = 0;      // zeros around x, on both sides
  HW dilation = 1;     // distance between the taps of the kernel
  int64_t groups = 1;  // output channels of a group see the input channels of that group only
};

// x [n, in, h, w], w [out, in / groups, kh, kw], bias [out] or Tensor(): [n, out, h', w'] with
// h' = (h + 2 padding - dilation (kh - 1) - 1) / stride + 1. Throws where shapes and options don't fit.
Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& options = {});
// g [n, out, h', w'] -> x_shape.
Tensor conv2d_input_grad(const Tensor& g, const Tensor& w, const Shape& x_shape, const ConvOptions& options = {});
// -> w_shape.
Tensor conv2d_weight_grad(const Tensor& x, const Tensor& g, const Shape& w_shape, const ConvOptions& options = {});

// The shape of conv2d(x, w). Throws where x, w and the options don't fit.
Shape conv2d_shape(const Shape& x, const Shape& w, const ConvOptions& options);

struct ConvTransposeOptions {
  HW stride = 1;
  HW padding = 0;
  HW output_padding = 0;  // rows and columns more at the end: a strided convolution maps several sizes to one
  HW dilation = 1;
  int64_t groups = 1;
};

// x [n, in, h, w], w [in, out / groups, kh, kw], bias [out] or Tensor(): [n, out, h', w'] with
// h' = (h - 1) stride - 2 padding + dilation (kh - 1) + 1 + output_padding.
Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTransposeOptions& options = {});
Shape conv_transpose2d_shape(const Shape& x, const Shape& w, const ConvTransposeOptions& options);

}  // namespace bijou

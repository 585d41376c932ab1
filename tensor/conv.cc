// What may be convolved with what; the work is done in tensor/conv_passes.cc.
#include "tensor/conv.h"

#include "tensor/conv_passes.h"

namespace bijou {

using detail::ConvSizes;
using detail::Direction;

std::string to_string(const HW& size) { return std::to_string(size.h) + " x " + std::to_string(size.w); }

namespace {

// ---- Checks ---------------------------------------------------------------------------------------------------------

void check_options(const char* op, const HW& stride, const HW& padding, const HW& dilation, int64_t groups) {
  check(stride.h >= 1 && stride.w >= 1, op, ": a stride of ", stride, "; it must be at least 1");
  check(padding.h >= 0 && padding.w >= 0, op, ": a padding of ", padding, "; it cannot be negative");
  check(dilation.h >= 1 && dilation.w >= 1, op, ": a dilation of ", dilation, "; it must be at least 1");
  check(groups >= 1, op, ": ", groups, " groups; there must be at least 1");
}

int64_t output_size(const char* what, int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  const int64_t reach = dilation * (kernel - 1) + 1;
  check(kernel >= 1 && reach <= in + 2 * padding, "conv: a kernel of ", what, " ", kernel, " with dilation ", dilation,
        " reaches over ", reach, " pixels, but the input has ", in, " + 2 x ", padding, " of padding");
  return (in + 2 * padding - reach) / stride + 1;
}

ConvSizes check_all(const char* op, const Shape& x, const Shape& w, const Shape& y, const ConvOptions& o) {
  const Shape want = conv2d_shape(x, w, o);
  check(y == want, op, ": a gradient of shape ", y, " for x ", x, " and w ", w, ", whose result has the shape ", want);
  return ConvSizes(x, w, y, o);
}

void check_bias(const char* op, const Tensor& bias, int64_t channels) {
  check(bias.numel() == 0 || bias.shape() == Shape{channels}, op, ": bias of shape ", bias.shape(), " for ", channels,
        " output channels");
}

}  // namespace

// ---- The interface --------------------------------------------------------------------------------------------------

Shape conv2d_shape(const Shape& x, const Shape& w, const ConvOptions& o) {
  check(x.rank() == 4 && w.rank() == 4, "conv2d: x [n, in, h, w] and w [out, in / groups, kh, kw] expected, not ", x,
        " and ", w);
  check_options("conv2d", o.stride, o.padding, o.dilation, o.groups);
  check(x[1] == w[1] * o.groups, "conv2d: x ", x, " has ", x[1], " channels, but w ", w, " with ", o.groups,
        " groups takes ", w[1] * o.groups);
  check(w[0] % o.groups == 0, "conv2d: ", w[0], " output channels do not divide into ", o.groups, " groups");
  return {x[0], w[0], output_size("height", x[2], w[2], o.stride.h, o.padding.h, o.dilation.h),
          output_size("width", x[3], w[3], o.stride.w, o.padding.w, o.dilation.w)};
}

Tensor conv2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvOptions& o) {
  Tensor y(conv2d_shape(x.shape(), w.shape(), o));
  check_bias("conv2d", bias, w.size(0));
  const ConvSizes s(x.shape(), w.shape(), y.shape(), o);
  convolve(s, Direction::kForward, x.data(), w.data(), bias, y.mutable_data());
  return y;
}

Tensor conv2d_input_grad(const Tensor& g, const Tensor& w, const Shape& x_shape, const ConvOptions& o) {
  const ConvSizes s = check_all("conv2d_input_grad", x_shape, w.shape(), g.shape(), o);
  Tensor x(x_shape);
  convolve(s, Direction::kBackward, g.data(), w.data(), Tensor(), x.mutable_data());
  return x;
}

Tensor conv2d_weight_grad(const Tensor& x, const Tensor& g, const Shape& w_shape, const ConvOptions& o) {
  const ConvSizes s = check_all("conv2d_weight_grad", x.shape(), w_shape, g.shape(), o);
  Tensor w(w_shape);
  correlate(s, x.data(), g.data(), w.mutable_data());
  return w;
}

Shape conv_transpose2d_shape(const Shape& x, const Shape& w, const ConvTransposeOptions& o) {
  check(x.rank() == 4 && w.rank() == 4,
        "conv_transpose2d: x [n, in, h, w] and w [in, out / groups, kh, kw] expected, not ", x, " and ", w);
  check_options("conv_transpose2d", o.stride, o.padding, o.dilation, o.groups);
  check(x[1] == w[0], "conv_transpose2d: x ", x, " has ", x[1], " channels, but w ", w, " takes ", w[0]);
  check(w[0] % o.groups == 0, "conv_transpose2d: ", w[0], " input channels do not divide into ", o.groups, " groups");
  auto size = [](int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, int64_t more) {
    check(more >= 0 && (more < stride || more < dilation), "conv_transpose2d: an output padding of ", more,
          "; it must be less than the stride ", stride, " or the dilation ", dilation);
    const int64_t out = (in - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1 + more;
    check(in >= 1 && kernel >= 1 && out >= 1, "conv_transpose2d: an input of ", in, " with kernel ", kernel,
          ", stride ", stride, ", padding ", padding, " and dilation ", dilation, " gives an output of ", out);
    return out;
  };
  return {x[0], w[1] * o.groups, size(x[2], w[2], o.stride.h, o.padding.h, o.dilation.h, o.output_padding.h),
          size(x[3], w[3], o.stride.w, o.padding.w, o.dilation.w, o.output_padding.w)};
}

Tensor conv_transpose2d(const Tensor& x, const Tensor& w, const Tensor& bias, const ConvTransposeOptions& o) {
  Tensor y(conv_transpose2d_shape(x.shape(), w.shape(), o));
  check_bias("conv_transpose2d", bias, y.size(1));
  const ConvSizes s(y.shape(), w.shape(), x.shape(), {o.stride, o.padding, o.dilation, o.groups});
  convolve(s, Direction::kBackward, x.data(), w.data(), bias, y.mutable_data());
  return y;
}

}  // namespace bijou

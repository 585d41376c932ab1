#include "nn/conv.h"

#include "nn/init.h"

namespace bijou::nn {
namespace {

// A weight [first, second / groups, kernel...] and its bias, as PyTorch begins them: fan_in is what lies behind the
// first axis, for a transposed convolution too.
void begin(const char* name, int64_t first, int64_t second, std::initializer_list<int64_t> kernel, int64_t groups,
           int64_t biases, Var& weight, Var& bias) {
  check(first > 0 && second > 0, name, ": channels ", first, " and ", second, " must be positive");
  check(groups > 0 && first % groups == 0 && second % groups == 0, name, ": ", groups, " groups do not divide ", first,
        " and ", second, " channels");
  Shape shape{first, second / groups};
  for (int64_t size : kernel) {
    check(size > 0, name, ": a kernel of size ", size);
    shape.push_back(size);
  }
  weight = parameter(init::default_weight(shape));
  if (biases) bias = parameter(init::default_bias(biases, shape.product(1, shape.rank())));
}

}  // namespace

Conv2d::Conv2d(Options o)
    : options{.stride = o.stride, .padding = o.padding, .dilation = o.dilation, .groups = o.groups} {
  begin("Conv2d", o.out, o.in, {o.kernel.h, o.kernel.w}, o.groups, o.bias ? o.out : 0, weight, bias);
}

Conv1d::Conv1d(Options o)
    : options{.stride = {1, o.stride}, .padding = {0, o.padding}, .dilation = {1, o.dilation}, .groups = o.groups} {
  begin("Conv1d", o.out, o.in, {o.kernel}, o.groups, o.bias ? o.out : 0, weight, bias);
}

ConvTranspose2d::ConvTranspose2d(Options o)
    : options{.stride = o.stride,
              .padding = o.padding,
              .output_padding = o.output_padding,
              .dilation = o.dilation,
              .groups = o.groups} {
  begin("ConvTranspose2d", o.in, o.out, {o.kernel.h, o.kernel.w}, o.groups, o.bias ? o.out : 0, weight, bias);
}

}  // namespace bijou::nn

#include "autograd/conv.h"
#include "peer.h"

namespace bijou::peer {
namespace {

HW pair(Draw& d, int64_t low, int64_t high) { return {d.size(low, high), d.size(low, high)}; }
Tensor height_and_width(const HW& size) { return peer::list(std::vector<int64_t>{size.h, size.w}); }
// A width alone, as the ops along one axis take it.
Tensor last(const HW& size) { return number(double(size.w)); }

// How long x must be at least for one window of a kernel.
int64_t room(int64_t kernel, int64_t dilation, int64_t padding) {
  return std::max<int64_t>(1, dilation * (kernel - 1) + 1 - 2 * padding);
}

struct Convolution {
  int64_t n, in, out, groups;
  HW kernel = 1, stride = 1, padding = 0, dilation = 1, size = 1;

  explicit Convolution(Draw& d) : n(d.size(1, 3)), groups(d.size(1, 3)) {
    in = groups * d.size(1, 3), out = groups * d.size(1, 3);
    kernel = pair(d, 1, 4), stride = pair(d, 1, 3), padding = pair(d, 0, 2), dilation = pair(d, 1, 2);
    size = {room(kernel.h, dilation.h, padding.h) + d.size(0, 6), room(kernel.w, dilation.w, padding.w) + d.size(0, 6)};
  }
  ConvOptions options() const { return {.stride = stride, .padding = padding, .dilation = dilation, .groups = groups}; }
  NamedTensors numbers() const {
    return {{"stride", height_and_width(stride)},
            {"padding", height_and_width(padding)},
            {"dilation", height_and_width(dilation)},
            {"groups", number(double(groups))}};
  }
  NamedTensors numbers_of_width() const {
    return {{"stride", last(stride)},
            {"padding", last(padding)},
            {"dilation", last(dilation)},
            {"groups", number(double(groups))}};
  }
};

Problem convolution(Draw& d) {
  const Convolution c(d);
  return {{d.normal({c.n, c.in, c.size.h, c.size.w}), d.normal({c.out, c.in / c.groups, c.kernel.h, c.kernel.w}),
           d.normal({c.out})},
          [=](const Vars& x) -> Vars { return {conv2d(x[0], x[1], x[2], c.options())}; },
          c.numbers()};
}

Problem convolution_along_one_axis(Draw& d) {
  const Convolution c(d);
  return {{d.normal({c.n, c.in, c.size.w}), d.normal({c.out, c.in / c.groups, c.kernel.w}), d.normal({c.out})},
          [=](const Vars& x) -> Vars { return {conv1d(x[0], x[1], x[2], c.options())}; },
          c.numbers_of_width()};
}

// The two gradients as ops of their own: of x, and of w.
Problem convolution_grads(Draw& d) {
  const Convolution c(d);
  const Shape x{c.n, c.in, c.size.h, c.size.w}, w{c.out, c.in / c.groups, c.kernel.h, c.kernel.w};
  const ConvOptions o = c.options();
  NamedTensors numbers = c.numbers();
  return {{d.normal(x), d.normal(w), d.normal(conv2d_shape(x, w, o))},
          [=](const Vars& v) -> Vars {
            return {conv2d_input_grad(v[2], v[1], x, o), conv2d_weight_grad(v[0], v[2], w, o)};
          },
          numbers};
}

struct Transposed : Convolution {
  HW output_padding = 0;

  explicit Transposed(Draw& d) : Convolution(d) {
    stride = pair(d, 2, 3), output_padding = pair(d, 0, 1);
    padding = {std::min(padding.h, dilation.h * (kernel.h - 1) / 2),
               std::min(padding.w, dilation.w * (kernel.w - 1) / 2)};
    size = pair(d, 1, 6);
  }
  ConvTransposeOptions options() const {
    return {
        .stride = stride, .padding = padding, .output_padding = output_padding, .dilation = dilation, .groups = groups};
  }
};

Problem transposed_convolution(Draw& d) {
  const Transposed c(d);
  NamedTensors numbers = c.numbers();
  numbers.emplace_back("output_padding", height_and_width(c.output_padding));
  return {{d.normal({c.n, c.in, c.size.h, c.size.w}), d.normal({c.in, c.out / c.groups, c.kernel.h, c.kernel.w}),
           d.normal({c.out})},
          [=](const Vars& x) -> Vars { return {conv_transpose2d(x[0], x[1], x[2], c.options())}; },
          numbers};
}

Problem transposed_convolution_along_one_axis(Draw& d) {
  const Transposed c(d);
  NamedTensors numbers = c.numbers_of_width();
  numbers.emplace_back("output_padding", last(c.output_padding));
  return {{d.normal({c.n, c.in, c.size.w}), d.normal({c.in, c.out / c.groups, c.kernel.w}), d.normal({c.out})},
          [=](const Vars& x) -> Vars { return {conv_transpose1d(x[0], x[1], x[2], c.options())}; },
          numbers};
}

// Pooling of images, or (flat) of sequences.
Problem pooling(Draw& d, Var (*f)(const Var&, const PoolOptions&), bool flat) {
  const HW kernel = pair(d, 1, 4), stride = pair(d, 1, 3);
  const HW padding{d.size(0, kernel.h / 2), d.size(0, kernel.w / 2)};
  const HW size{kernel.h + d.size(0, 6), kernel.w + d.size(0, 6)};
  Shape shape{d.size(1, 3), d.size(1, 3)};
  if (!flat) shape.push_back(size.h);
  shape.push_back(size.w);
  const auto numbers = [&](const HW& hw) { return flat ? last(hw) : height_and_width(hw); };
  return {{d.normal(shape)},
          [=](const Vars& x) -> Vars { return {f(x[0], {.kernel = kernel, .stride = stride, .padding = padding})}; },
          {{"kernel", numbers(kernel)}, {"stride", numbers(stride)}, {"padding", numbers(padding)}}};
}

}  // namespace

void image_cases(Cases& cases) {
  cases.insert(cases.end(), {
                                {"conv2d", convolution},
                                {"conv1d", convolution_along_one_axis},
                                {"conv2d_grads", convolution_grads},
                                {"conv_transpose2d", transposed_convolution},
                                {"conv_transpose1d", transposed_convolution_along_one_axis},
                                {"max_pool2d", [](Draw& d) { return pooling(d, max_pool2d, false); }},
                                {"avg_pool2d", [](Draw& d) { return pooling(d, avg_pool2d, false); }},
                                {"max_pool1d", [](Draw& d) { return pooling(d, max_pool1d, true); }},
                                {"avg_pool1d", [](Draw& d) { return pooling(d, avg_pool1d, true); }},
                            });
}

}  // namespace bijou::peer

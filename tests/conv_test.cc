// Convolution against its definition as plain loops; the three products as each other's adjoints; derivatives of first
// to third order.
#include "autograd/conv.h"

#include <cstring>
#include <random>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/map.h"
#include "tests/support.h"

namespace bijou::testing {
namespace {

// Calls body(number in x, in w, in y) for each product in y = conv2d(x, w).
template <class Body>
void for_each_term(const Shape& x, const Shape& w, const Shape& y, const ConvOptions& o, const Body& body) {
  const int64_t out = w[0] / o.groups;
  for (int64_t n = 0; n < y[0]; ++n)
    for (int64_t k = 0; k < y[1]; ++k)
      for (int64_t i = 0; i < y[2]; ++i)
        for (int64_t j = 0; j < y[3]; ++j)
          for (int64_t c = 0; c < w[1]; ++c)
            for (int64_t u = 0; u < w[2]; ++u)
              for (int64_t v = 0; v < w[3]; ++v) {
                const int64_t r = i * o.stride.h + u * o.dilation.h - o.padding.h;
                const int64_t s = j * o.stride.w + v * o.dilation.w - o.padding.w;
                if (r < 0 || r >= x[2] || s < 0 || s >= x[3]) continue;
                body(((n * x[1] + k / out * w[1] + c) * x[2] + r) * x[3] + s, ((k * w[1] + c) * w[2] + u) * w[3] + v,
                     ((n * y[1] + k) * y[2] + i) * y[3] + j);
              }
}

// What fill(numbers) makes of zeros, summed in double.
template <class Fill>
Tensor sum_terms(const Shape& result, const Fill& fill) {
  std::vector<double> sums(size_t(result.numel()), 0.0);
  fill(sums);
  Tensor t(result);
  std::copy(sums.begin(), sums.end(), t.mutable_data());
  return t;
}

struct Case {
  Shape x, w;
  ConvOptions options = {};
};

std::string describe(const Case& c) {
  const ConvOptions& o = c.options;
  return "x " + to_string(c.x) + ", w " + to_string(c.w) + ", stride " + to_string(o.stride) + ", padding " +
         to_string(o.padding) + ", dilation " + to_string(o.dilation) + ", groups " + std::to_string(o.groups);
}

// All three products against their loops, and against each other.
void check_case(const Case& c) {
  SCOPED_TRACE(describe(c));
  const Shape shape = conv2d_shape(c.x, c.w, c.options);
  auto scaled = [](const Tensor& t, int64_t n) {  // keeps sums of n products near 1
    return map([s = 1 / std::sqrt(real(n + 1))](Lane a) { return a * s; }, t);
  };
  const Tensor x = random(c.x, 1), bias = random({c.w[0]}, 4);
  const Tensor w = scaled(random(c.w, 2), c.w.product(1, 4));
  const Tensor g = scaled(random(shape, 3), shape[0] * shape[2] * shape[3]);
  const Tensor y = conv2d(x, w, {}, c.options);
  const Tensor dx = conv2d_input_grad(g, w, c.x, c.options), dw = conv2d_weight_grad(x, g, c.w, c.options);
  auto loops = [&](const auto& add) { for_each_term(c.x, c.w, shape, c.options, add); };
  expect_close(y, sum_terms(shape, [&](auto& s) {
                 loops([&](auto ix, auto iw, auto iy) { s[size_t(iy)] += double(x.data()[ix]) * w.data()[iw]; });
               }));
  expect_close(dx, sum_terms(c.x, [&](auto& s) {
                 loops([&](auto ix, auto iw, auto iy) { s[size_t(ix)] += double(g.data()[iy]) * w.data()[iw]; });
               }));
  expect_close(dw, sum_terms(c.w, [&](auto& s) {
                 loops([&](auto ix, auto iw, auto iy) { s[size_t(iw)] += double(g.data()[iy]) * x.data()[ix]; });
               }));
  expect_close(conv2d(x, w, bias, c.options),
               map([](Lane a, Lane b) { return a + b; }, y, bias.reshape({1, -1, 1, 1})));
}

double dot(const Tensor& a, const Tensor& b) {
  double sum = 0;
  for (int64_t i = 0; i < a.numel(); ++i) sum += double(a.data()[i]) * double(b.data()[i]);
  return sum;
}

TEST(Conv, IsTheSumOverTheKernelsWindow) {
  for (const Case& c : std::vector<Case>{
           {{1, 1, 1, 1}, {1, 1, 1, 1}},
           {{2, 3, 7, 9}, {5, 3, 3, 3}, {.padding = 1}},
           {{2, 3, 9, 7}, {17, 3, 3, 2}, {.stride = 2, .padding = 1}},
           {{3, 2, 11, 13}, {4, 2, 3, 3}, {.stride = 3, .padding = 2, .dilation = 2}},
           {{1, 4, 8, 8}, {6, 2, 3, 3}, {.padding = 1, .groups = 2}},
           {{2, 5, 6, 7}, {33, 5, 1, 1}},
           {{2, 5, 6, 7}, {3, 5, 1, 1}, {.stride = 2}},
           {{1, 2, 2, 3}, {2, 2, 2, 2}, {.padding = 5}},       // more padding than image
           {{1, 2, 3, 3}, {2, 2, 7, 5}, {.padding = {2, 1}}},  // a kernel larger than the image
           {{2, 1, 5, 19}, {3, 1, 1, 4}, {.stride = {1, 3}, .padding = {0, 2}}},
           {{1, 3, 9, 4}, {2, 3, 4, 1}, {.stride = {2, 1}, .dilation = {2, 3}}},
           {{1, 2, 4, 4}, {2, 2, 2, 2}, {.stride = 5}},                // pixels that nothing looks at
           {{2, 7, 6, 5}, {7, 1, 3, 3}, {.padding = 1, .groups = 7}},  // depthwise
           {{1, 37, 7, 7}, {37, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 37}},
           {{1, 4, 5, 5}, {12, 1, 3, 3}, {.padding = 1, .groups = 4}},  // depthwise, three to a channel
       })
    check_case(c);
}

TEST(Conv, IsRightForRandomSizes) {
  std::mt19937 generator(7);
  auto pick = [&](int low, int high) { return int64_t(low + int(generator() % unsigned(high - low + 1))); };
  int checked = 0;
  while (checked < 300) {
    const int64_t groups = pick(1, 3), in = pick(1, 5), out = pick(1, checked % 4 ? 4 : 40);
    const Case c{{pick(0, 3), in * groups, pick(1, 12), pick(1, 12)},
                 {out * groups, in, pick(1, 4), pick(1, 4)},
                 {{pick(1, 3), pick(1, 3)}, {pick(0, 4), pick(0, 4)}, {pick(1, 2), pick(1, 2)}, groups}};
    auto fits = [](int64_t size, int64_t padding, int64_t kernel, int64_t dilation) {
      return dilation * (kernel - 1) < size + 2 * padding;
    };
    if (!fits(c.x[2], c.options.padding.h, c.w[2], c.options.dilation.h)) continue;
    if (!fits(c.x[3], c.options.padding.w, c.w[3], c.options.dilation.w)) continue;
    check_case(c);
    ++checked;
  }
}

// Images that are worked on in bands, and sums that are cut into pieces.
TEST(Conv, IsRightForLargeImagesAndManyChannels) {
  check_case({{2, 3, 150, 140}, {4, 3, 3, 3}, {.padding = 1}});
  check_case({{1, 2, 301, 133}, {3, 2, 5, 3}, {.stride = {3, 2}, .padding = {4, 1}, .dilation = {2, 1}}});
  check_case({{1, 6, 201, 140}, {6, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 6}});
  check_case({{3, 70, 9, 8}, {65, 70, 3, 3}, {.stride = 2, .padding = 1}});
  check_case({{2, 300, 3, 3}, {8, 300, 1, 1}});
}

TEST(Conv, IsBilinearAndItsThreeProductsAreAdjoint) {
  const ConvOptions o{.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2};
  const Tensor x = random({3, 6, 9, 11}, 1), w = random({8, 3, 3, 2}, 2);
  const Tensor y = conv2d(x, w, {}, o), g = random(y.shape(), 3);
  const double want = dot(y, g), tolerance = kTolerance * (1 + std::abs(want));
  EXPECT_NEAR(dot(x, conv2d_input_grad(g, w, x.shape(), o)), want, tolerance);
  EXPECT_NEAR(dot(w, conv2d_weight_grad(x, g, w.shape(), o)), want, tolerance);
}

TEST(Conv, OfNothingIsNothing) {
  EXPECT_EQ(conv2d(zeros({0, 2, 5, 5}), ones({3, 2, 3, 3}), {}).shape(), Shape({0, 3, 3, 3}));
  expect_close(conv2d_weight_grad(zeros({0, 2, 5, 5}), zeros({0, 3, 3, 3}), {3, 2, 3, 3}), zeros({3, 2, 3, 3}));
  expect_close(conv2d(zeros({1, 0, 4, 4}), zeros({2, 0, 3, 3}), tensor({1, 2})),  // no channels: the bias
               Tensor::from(std::vector<real>{1, 1, 1, 1, 2, 2, 2, 2}, {1, 2, 2, 2}));
  EXPECT_EQ(conv2d(zeros({1, 2, 4, 4}), zeros({0, 2, 3, 3}), {}).shape(), Shape({1, 0, 2, 2}));
}

TEST(Conv, KeepsInfinityAndNaNWhereTheyAre) {
  Tensor x = ones({1, 1, 1, 9});
  x.mutable_data()[4] = kInfinity;
  const Tensor y = conv2d(x, ones({1, 1, 1, 3}), {});
  for (int64_t i = 0; i < 7; ++i) EXPECT_EQ(y.data()[i], i >= 2 && i <= 4 ? kInfinity : real(3)) << i;
}

template <class F>
void expect_same_bits(const F& f) {
  const int before = threads();
  set_threads(1);
  const Tensor one = f();
  for (int n : {2, 3}) {
    set_threads(n);
    const Tensor many = f();
    EXPECT_EQ(std::memcmp(one.data(), many.data(), size_t(one.numel()) * sizeof(real)), 0) << n << " threads";
  }
  set_threads(before);
}

TEST(Conv, HasTheSameBitsOnAnyNumberOfThreads) {
  for (int64_t groups : {1, 2, 16}) {
    const ConvOptions o{.stride = 2, .padding = 1, .groups = groups};
    const Tensor x = random({9, 16, 41, 40}, 1), w = random({16, 16 / groups, 3, 3}, 2), g = random({9, 16, 21, 20}, 3);
    expect_same_bits([&] { return conv2d(x, w, {}, o); });
    expect_same_bits([&] { return conv2d_input_grad(g, w, x.shape(), o); });
    expect_same_bits([&] { return conv2d_weight_grad(x, g, w.shape(), o); });
  }
}

// Each pixel of x puts a copy of the kernel, times itself, into y.
TEST(ConvTranspose, PaintsTheKernel) {
  for (const ConvTransposeOptions& o :
       std::vector<ConvTransposeOptions>{{},
                                         {.stride = 2},
                                         {.stride = 3, .padding = 1, .output_padding = {2, 1}},
                                         {.stride = {1, 2}, .dilation = {2, 1}},
                                         {.stride = 2, .padding = {2, 0}, .output_padding = 1, .groups = 2},
                                         {.dilation = 3, .groups = 4}}) {
    const Shape xs{2, 4, 4, 5}, ws{4, 3, 3, 2};
    const Shape ys = conv_transpose2d_shape(xs, ws, o);
    EXPECT_EQ(ys[2], 3 * o.stride.h - 2 * o.padding.h + 2 * o.dilation.h + 1 + o.output_padding.h);
    const Tensor x = random(xs, 1), w = random(ws, 2), bias = random({ys[1]}, 3);
    const Tensor want = sum_terms(ys, [&](auto& s) {
      for (int64_t k = 0; k < ys.numel(); ++k) s[size_t(k)] = bias.data()[k / (ys[2] * ys[3]) % ys[1]];
      for_each_term(ys, ws, xs, {o.stride, o.padding, o.dilation, o.groups},
                    [&](auto iy, auto iw, auto ix) { s[size_t(iy)] += double(x.data()[ix]) * w.data()[iw]; });
    });
    expect_close(conv_transpose2d(x, w, bias, o), want);
  }
}

TEST(Conv1d, IsConv2dOfOneRow) {
  const Tensor x = random({2, 4, 15}, 1), w = random({6, 2, 3}, 2), b = random({6}, 3);
  const ConvOptions o{.stride = 2, .padding = 1, .dilation = 2, .groups = 2};
  const Tensor want = conv2d(x.reshape({2, 4, 1, 15}), w.reshape({6, 2, 1, 3}), b,
                             {.stride = {1, 2}, .padding = {0, 1}, .dilation = {1, 2}, .groups = 2});
  expect_close(conv1d(x, w, b, o), want.reshape({2, 6, 7}));
  expect_close(conv1d(tensor({1, 4, 9, 16, 25}).reshape({1, 1, 5}), tensor({-1, 1}).reshape({1, 1, 2}), {}),
               tensor({3, 5, 7, 9}).reshape({1, 1, 4}));
  expect_close(
      conv_transpose1d(tensor({1, 2}).reshape({1, 1, 2}), tensor({1, 10, 100}).reshape({1, 1, 3}), {}, {.stride = 2}),
      tensor({1, 10, 102, 20, 200}).reshape({1, 1, 5}));
}

TEST(Conv, HasFirstAndSecondDerivatives) {
  SKIP_IN_FLOAT();
  for (const Case& c : std::vector<Case>{
           {{2, 3, 5, 4}, {4, 3, 3, 3}, {.padding = 1}},
           {{2, 2, 7, 6}, {3, 2, 3, 2}, {.stride = {2, 3}, .padding = {2, 1}, .dilation = {2, 1}}},
           {{1, 4, 5, 5}, {6, 2, 2, 3}, {.stride = 2, .groups = 2}},
           {{2, 3, 5, 5}, {3, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 3}},
           {{2, 3, 4, 4}, {5, 3, 1, 1}},
       }) {
    SCOPED_TRACE(describe(c));
    const ConvOptions& o = c.options;
    const Tensor x = random(c.x, 1), w = random(c.w, 2), b = random({c.w[0]}, 3);
    const Tensor g = random(conv2d_shape(c.x, c.w, o), 4);
    expect_gradients([&](const std::vector<Var>& v) { return conv2d(v[0], v[1], v[2], o); }, {x, w, b});
    expect_gradients([&](const std::vector<Var>& v) { return conv2d(v[0], v[1], {}, o); }, {x, w});
    expect_gradients([&](const std::vector<Var>& v) { return conv2d_input_grad(v[0], v[1], c.x, o); }, {g, w});
    expect_gradients([&](const std::vector<Var>& v) { return conv2d_weight_grad(v[0], v[1], c.w, o); }, {x, g});
  }
  const ConvTransposeOptions t{.stride = 2, .padding = 1, .output_padding = {1, 0}, .groups = 2};
  expect_gradients([&](const std::vector<Var>& v) { return conv_transpose2d(v[0], v[1], v[2], t); },
                   {random({2, 4, 3, 4}, 1), random({4, 3, 3, 2}, 2), random({6}, 3)});
  expect_gradients([&](const std::vector<Var>& v) { return conv1d(v[0], v[1], v[2], {.stride = 2, .padding = 1}); },
                   {random({2, 3, 8}, 1), random({4, 3, 3}, 2), random({4}, 3)});
  expect_gradients(
      [&](const std::vector<Var>& v) { return conv_transpose1d(v[0], v[1], v[2], {.stride = 2, .padding = 1}); },
      {random({2, 3, 5}, 1), random({3, 4, 3}, 2), random({4}, 3)});
}

// A third derivative: L = sum (x * w)^3 has d3L/dt3 = 6 sum (x * u)^3 along w + t u, whatever w.
TEST(Conv, HasThirdDerivatives) {
  SKIP_IN_FLOAT();
  const Tensor x = random({1, 2, 5, 5}, 1), u = random({3, 2, 3, 3}, 3);
  const Var w = parameter(random({3, 2, 3, 3}, 2));
  const Var y = conv2d(x, w, {}, {.stride = 2, .padding = 1});
  Var slope = sum(y * y * y);
  for (int order = 1; order <= 3; ++order) slope = sum(grad(slope, {w}, {.create_graph = true})[0] * Var(u));
  const Tensor z = conv2d(x, u, {}, {.stride = 2, .padding = 1});
  double want = 0;
  for (real v : z) want += 6 * std::pow(double(v), 3);
  EXPECT_NEAR(slope.item(), want, 1e-9 * std::abs(want));
}

TEST(Conv, RefusesWhatDoesNotFit) {
  const Tensor x = zeros({2, 4, 5, 6}), w = zeros({6, 2, 3, 3});
  expect_error([&] { conv2d(zeros({4, 5, 6}), w, {}); }, "[4, 5, 6]");
  expect_error([&] { conv2d(x, zeros({6, 4, 3}), {}); }, "[6, 4, 3]");
  expect_error([&] { conv2d(x, w, {}); }, "4 channels");
  expect_error([&] { conv2d(x, w, {}, {.groups = 3}); }, "takes 6");
  expect_error([&] { conv2d(x, zeros({5, 2, 3, 3}), {}, {.groups = 2}); }, "5 output channels");
  expect_error([&] { conv2d(x, w, {}, {.groups = 0}); }, "0 groups");
  expect_error([&] { conv2d(x, w, {}, {.stride = {1, 0}, .groups = 2}); }, "stride of 1 x 0");
  expect_error([&] { conv2d(x, w, {}, {.padding = -1, .groups = 2}); }, "padding of -1 x -1");
  expect_error([&] { conv2d(x, w, {}, {.dilation = 0, .groups = 2}); }, "dilation of 0 x 0");
  expect_error([&] { conv2d(x, w, {}, {.dilation = 3, .groups = 2}); }, "reaches over 7");
  expect_error([&] { conv2d(x, zeros({6, 2, 0, 3}), {}, {.groups = 2}); }, "height 0");
  expect_error([&] { conv2d(x, w, zeros({5}), {.groups = 2}); }, "bias of shape [5]");
  expect_error([&] { conv2d_input_grad(zeros({2, 6, 3, 3}), w, x.shape(), {.groups = 2}); }, "[2, 6, 3, 3]");
  expect_error([&] { conv2d_weight_grad(x, zeros({1, 6, 3, 4}), w.shape(), {.groups = 2}); }, "[1, 6, 3, 4]");
  expect_error([&] { conv_transpose2d(x, w, {}); }, "takes 6");
  expect_error(
      [&] {
        conv_transpose2d(x, zeros({4, 2, 3, 3}), {}, {.stride = 2, .output_padding = 2});
      },
      "output padding of 2");
  expect_error([&] { conv_transpose2d(x, zeros({4, 2, 1, 1}), {}, {.padding = 3}); }, "output of -1");
  expect_error([&] { conv_transpose2d(x, zeros({4, 2, 3, 3}), zeros({4})); }, "bias of shape [4]");
  expect_error([&] { conv1d(x, zeros({6, 4, 3}), {}); }, "three axes");
}

}  // namespace
}  // namespace bijou::testing

// Layers that wrap an op: what they add to it. The ops themselves are tested where they are.
#include <gtest/gtest.h>

#include <cmath>

#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

// ---- Activations ----------------------------------------------------------------------------------------------------

TEST(Activations, AreTheirFormulas) {
  const Tensor x = random({50});
  auto expect_formula = [&](const AnyModule& module, double (*f)(double)) {
    Tensor want(x.shape());
    for (int64_t i = 0; i < x.numel(); ++i) want.mutable_data()[i] = real(f(x.data()[i]));
    expect_close(module(x), want);
  };
  expect_formula(ReLU(), [](double v) { return v > 0 ? v : 0; });
  expect_formula(LeakyReLU(), [](double v) { return v > 0 ? v : 0.01 * v; });
  expect_formula(LeakyReLU({.slope = real(0.2)}), [](double v) { return v > 0 ? v : 0.2 * v; });
  expect_formula(ELU(), [](double v) { return v > 0 ? v : std::exp(v) - 1; });
  expect_formula(ELU({.alpha = 2}), [](double v) { return v > 0 ? v : 2 * std::exp(v) - 2; });
  expect_formula(GELU(), [](double v) { return v * 0.5 * std::erfc(-v / std::sqrt(2.0)); });
  expect_formula(GELU({.approximate = true}),
                 [](double v) { return 0.5 * v * (1 + std::tanh(std::sqrt(2 / M_PI) * (v + 0.044715 * v * v * v))); });
  expect_formula(SiLU(), [](double v) { return v / (1 + std::exp(-v)); });
  expect_formula(Softplus(), [](double v) { return std::log(1 + std::exp(v)); });
  expect_formula(Sigmoid(), [](double v) { return 1 / (1 + std::exp(-v)); });
  expect_formula(Tanh(), [](double v) { return std::tanh(v); });
}

TEST(Activations, SoftmaxIsOverTheLastAxis) {
  const Tensor y = Softmax()(random({2, 3, 4})).value();
  expect_close(sum(y, -1), ones({2, 3}));
}

TEST(Activations, FlattenKeepsTheExamples) {
  EXPECT_EQ(Flatten()(Tensor({2, 3, 4, 5})).shape(), Shape({2, 60}));
  EXPECT_EQ(Flatten()(Tensor({7})).shape(), Shape({7, 1}));
  EXPECT_EQ(Flatten()(Tensor({0, 3, 4})).shape(), Shape({0, 12}));
  expect_error([] { Flatten()(scalar(1)); }, "[]");
}

// ---- Convolution, pooling -------------------------------------------------------------------------------------------

TEST(ConvLayers, PassTheirOptionsOn) {
  const Tensor x = random({2, 4, 9, 8});
  const Conv2d conv(
      {.in = 4, .out = 6, .kernel = {3, 2}, .stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .groups = 2});
  EXPECT_EQ(conv.weight.shape(), Shape({6, 2, 3, 2}));
  EXPECT_EQ(conv.bias.shape(), Shape({6}));
  expect_close(
      conv(x),
      conv2d(Var(x), conv.weight, conv.bias, {.stride = {2, 1}, .padding = 1, .dilation = {1, 2}, .groups = 2}).value(),
      0);

  const ConvTranspose2d up(
      {.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2});
  EXPECT_EQ(up.weight.shape(), Shape({4, 3, 3, 3}));
  EXPECT_EQ(up.bias.shape(), Shape({6}));
  EXPECT_EQ(up(x).shape(), Shape({2, 6, 18, 16}));

  const Conv1d line({.in = 4, .out = 3, .kernel = 3, .stride = 2, .padding = 2, .dilation = 2});
  const Tensor signal = random({2, 4, 11});
  EXPECT_EQ(line.weight.shape(), Shape({3, 4, 3}));
  expect_close(line(signal),
               conv1d(Var(signal), line.weight, line.bias, {.stride = 2, .padding = 2, .dilation = 2}).value(), 0);

  EXPECT_FALSE(bool(Conv2d({.in = 1, .out = 1, .kernel = 1, .bias = false}).bias));
  EXPECT_EQ(Conv1d({.in = 1, .out = 1, .kernel = 1, .bias = false}).parameters().size(), 1u);
}

TEST(ConvLayers, HaveTheirGradients) {
  SKIP_IN_FLOAT();
  auto expect_layer_gradients = [](const auto& layer, const Shape& x) {
    expect_gradients(
        [&](const std::vector<Var>& in) {
          auto l = layer;
          l.weight = in[1], l.bias = in[2];
          return l(in[0]);
        },
        {random(x, 1), layer.weight.value(), layer.bias.value()});
  };
  expect_layer_gradients(Conv2d({.in = 2, .out = 4, .kernel = 3, .stride = 2, .padding = 1, .groups = 2}),
                         {2, 2, 5, 4});
  expect_layer_gradients(Conv1d({.in = 2, .out = 3, .kernel = 3, .padding = 2, .dilation = 2}), {2, 2, 6});
  expect_layer_gradients(ConvTranspose2d({.in = 2, .out = 3, .kernel = 2, .stride = 2}), {2, 2, 3, 2});
}

TEST(ConvLayers, RefuseWhatMakesNoSense) {
  expect_error([] { Conv2d({.in = 3, .out = 4, .kernel = 3, .groups = 2}); },
               "2 groups do not divide 4 and 3 channels");
  expect_error([] { Conv2d({.in = 0, .out = 4, .kernel = 3}); }, "must be positive");
  expect_error([] { Conv1d({.in = 3, .out = 4, .kernel = 0}); }, "kernel of size 0");
  expect_error([] { ConvTranspose2d({.in = 3, .out = 4, .kernel = {3, -1}}); }, "kernel of size -1");
  const Conv2d conv({.in = 3, .out = 4, .kernel = 3});
  expect_error([&] { conv(Tensor({2, 2, 8, 8})); }, "[2, 2, 8, 8]");
}

TEST(PoolLayers, TakeWindows) {
  const Tensor x = arange(16).reshape({1, 1, 4, 4});
  expect_close(MaxPool2d({.kernel = 2})(x), tensor({5, 7, 13, 15}).reshape({1, 1, 2, 2}), 0);
  expect_close(AvgPool2d({.kernel = 2})(x), tensor({2.5, 4.5, 10.5, 12.5}).reshape({1, 1, 2, 2}), 0);
  EXPECT_EQ(MaxPool2d({.kernel = 3, .stride = 1, .padding = 1})(x).shape(), x.shape());
}

// ---- Dropout, DropPath ----------------------------------------------------------------------------------------------

TEST(Dropout, ZeroesItsShareAndKeepsTheMean) {
  const int64_t n = 100'000;
  for (double p : {0.1, 0.5, 0.9}) {
    manual_seed(1);
    const Tensor y = Dropout({.p = p})(ones({n})).value();
    int64_t zeros = 0;
    for (real v : y) {
      zeros += v == 0;
      ASSERT_NEAR(v, v == 0 ? 0 : 1 / (1 - p), 1e-5);
    }
    EXPECT_NEAR(double(zeros) / n, p, 5 * std::sqrt(p * (1 - p) / n));
  }
}

TEST(Dropout, IsTheSameForTheSameSeed) {
  const Dropout drop({.p = 0.5});
  const Tensor x = random({100});
  manual_seed(7);
  const Tensor a = drop(x).value(), b = drop(x).value();
  manual_seed(7);
  expect_close(drop(x), a, 0);
  EXPECT_GT(max_difference(a, b), 0.1);
}

TEST(Dropout, PassesTheGradientOfWhatItKept) {
  const Var x = parameter(ones({1000}));
  const Var y = Dropout({.p = 0.25})(x);
  backward(sum(y));
  expect_close(x.grad(), y.value(), 0);
}

TEST(Dropout, DoesNothingInEvaluation) {
  Dropout drop({.p = 0.5});
  drop.eval();
  const Generator::State before = default_generator().state();
  const Tensor x = random({100});
  expect_close(drop(x), x, 0);
  EXPECT_EQ(default_generator().state(), before);
  expect_close(Dropout({.p = 0})(x), x, 0);
  expect_close(Dropout({.p = 1})(x), zeros({100}), 0);
  expect_error([] { Dropout({.p = 1.5}); }, "p = 1.5");
  expect_error([] { DropPath({.p = -0.5}); }, "p = -0.5");
}

TEST(DropPath, DropsWholeExamples) {
  const int64_t n = 10'000;
  const Tensor y = DropPath({.p = 0.25})(ones({n, 2, 3})).value();
  int64_t dropped = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bool gone = y.at({i, 0, 0}) == 0;
    dropped += gone;
    for (real v : y.row(i)) ASSERT_NEAR(v, gone ? 0 : 1 / 0.75, 1e-6);
  }
  EXPECT_NEAR(double(dropped) / n, 0.25, 5 * std::sqrt(0.25 * 0.75 / n));
}

TEST(DropPath, LeavesResidualBlocksOut) {
  Residual block(Sequential([](const Var& x) { return x * 3; }, DropPath({.p = 0.5})));
  const Tensor y = block(ones({1000})).value();
  for (real v : y) ASSERT_TRUE(v == 1 || v == 7) << v;
  block.eval();
  expect_close(block(ones({5})), full({5}, 4), 0);
}

// ---- Embedding ------------------------------------------------------------------------------------------------------

TEST(Embedding, LooksTokensUp) {
  const Embedding table({.count = 5, .dim = 3});
  const Var y = table(indices({4, 0, 4, 1}).reshape({2, 2}));
  EXPECT_EQ(y.shape(), Shape({2, 2, 3}));
  expect_close(y.value().row(0).row(0), table.weight.value().row(4), 0);
  backward(sum(y));
  expect_close(sum(table.weight.grad().value(), 1), tensor({3, 3, 0, 0, 6}), 0);
  expect_error([&] { table(indices({5})); }, "5");
  expect_error([] { Embedding({.count = 0, .dim = 3}); }, "count = 0");
}

}  // namespace
}  // namespace bijou::nn

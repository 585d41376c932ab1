// Flows for images: squeeze, levels, Glow and RealNVP, and dequantisation.
#include "autograd/elementwise.h"
#include "flows/coupling.h"
#include "flows/dequantize.h"
#include "flows/elementwise.h"
#include "flows/glow.h"
#include "flows/linear.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

using namespace bijou;
using namespace bijou::flows;
using namespace bijou::testing;

namespace {

// All parameters moved away from where they begin, where many a term is zero.
template <class M>
M shaken(M module, real scale, uint64_t seed = 1) {
  Generator g(seed);
  for (Var p : module.parameters()) p.mutable_value().copy_from((p + normal(p.shape(), 0, scale, g)).value());
  return module;
}

TEST(Squeeze, OrdersChannelsByBlocksOfTwoByTwo) {
  const Tensor x = arange(16).reshape({1, 1, 4, 4});  // row y, column x: 4 y + x
  const Tensor z = Squeeze().forward(x).z.value();
  const Tensor table = tensor({0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15});
  expect_close(z, table.reshape({1, 4, 2, 2}), 0);
  const Tensor two =
      concat({x, x + real(100)}, 1);  // the channels of the second channel come behind those of the first
  expect_close(slice(Squeeze().forward(two).z.value(), 1, 4, 8), z + real(100), 0);
  expect_close(Squeeze().inverse(z).x, x, 0);
  expect_error([] { Squeeze().latent_shape({1, 3, 4}); }, "even height and width");
  expect_error([] { Squeeze().forward(zeros({2, 1, 3, 4})); }, "Squeeze: images");
  expect_error([] { Squeeze().inverse(zeros({2, 6, 2, 2})); }, "Squeeze: [B, 4 C, H, W] expected");
}

TEST(Glow, IsABijector) {
  SKIP_IN_FLOAT();
  manual_seed(1);
  Multiscale flow = glow({.image = {1, 4, 4}, .levels = 2, .steps = 1, .width = 3});
  const Tensor x = random({3, 1, 4, 4});
  flow.forward(x);  // initialises the actnorms
  expect_bijector(flow, x, {.scales = {0.1, 0.3}});
}

TEST(Glow, IsABijectorAfterTraining) {
  SKIP_IN_FLOAT();
  manual_seed(1);
  const Tensor x = random({20, 1, 4, 4}) * real(0.5) + 1;
  expect_bijector(after_training(glow({.image = {1, 4, 4}, .levels = 2, .steps = 1, .width = 3}), x), x.rows(0, 3),
                  {.scales = {0}});
}

TEST(Glow, LearnsTheSameFromReversibleLevels) {
  SKIP_IN_FLOAT();
  const Tensor x = random({3, 1, 4, 4});
  std::vector<Tensor> gradients[2];
  for (const bool reversible : {false, true}) {
    manual_seed(1);
    const Multiscale flow =
        shaken(glow({.image = {1, 4, 4}, .levels = 2, .steps = 1, .width = 3, .reversible = reversible}), real(0.1));
    const Latent l = flow.forward(x);
    for (const Var& g : grad(sum(square(l.z)) - sum(l.log_det), flow.parameters()))
      gradients[reversible].push_back(g.value());
  }
  ASSERT_EQ(gradients[0].size(), gradients[1].size());
  for (size_t i = 0; i < gradients[0].size(); ++i) expect_close(gradients[1][i], gradients[0][i], 1e-9);
  expect_error([] { glow({.image = {1, 4, 4}, .dropout = 0.1, .reversible = true}); }, "cannot have dropout");
}

TEST(RealNvp, OfImagesIsABijector) {
  SKIP_IN_FLOAT();
  manual_seed(2);
  Multiscale flow = real_nvp({.image = {2, 4, 4}, .levels = 2, .width = 3});
  const Tensor x = random({2, 2, 4, 4});
  flow.forward(x);
  expect_bijector(flow, x, {.scales = {0.1, 0.3}});
}

TEST(RealNvp, IsABijectorUnderEveryContextAndHearsOfIt) {
  manual_seed(2);
  Multiscale flow = real_nvp({.image = {1, 4, 4}, .levels = 2, .width = 3, .context = 2});
  const Tensor x = random({2, 1, 4, 4}), context = random({2, 2}, 5);
  flow.forward(x, context);
  if (kDouble) expect_bijector(flow, x, {.context = context, .scales = {0.1, 0.3}});
  const Multiscale other = shaken(flow, real(0.3));
  const Latent a = other.forward(x, context), b = other.forward(x, -context);
  EXPECT_GT(max_difference(a.z.value(), b.z.value()), 1e-3);
  EXPECT_GT(max_difference(a.log_det.value(), b.log_det.value()), 1e-3);
}

// Couplings whose parity never changed would be bijectors too, of which half of the pixels depends on nothing else.
TEST(RealNvp, EveryPixelDependsOnItsNeighbours) {
  manual_seed(3);
  const Multiscale flow = shaken(real_nvp({.image = {1, 2, 2}, .levels = 1, .width = 4}), real(0.5));
  const Tensor j = jacobian([&](const Var& x) { return flow.forward(x).z; }, random({1, 1, 2, 2}));
  for (const real d : j) EXPECT_NE(d, 0);
}

// The half that leaves is seen through its prior: (h₂ - μ(h₁)) / σ(h₁), so that N(z; 0, 1) |dz/dh₂| = N(h₂; μ, σ).
TEST(Multiscale, WhatLeavesEarlyHasTheConditionalPriorsDensity) {
  manual_seed(3);
  Chain level(Squeeze{});
  const Coupling::Options halves{.features = 4};
  const AffineCoupling prior = shaken(AffineCoupling(halves, convnet({.in = 2, .out = 4, .hidden = {}})), real(0.3));
  level.add(prior);
  Multiscale flow({1, 4, 4});
  flow.add(level).add(Chain(Squeeze{}));
  const Tensor x = random({2, 1, 4, 4});
  const Latent l = flow.forward(x);
  const Var h = Squeeze().forward(x).z, h1 = slice(h, 1, 0, 2), h2 = slice(h, 1, 2, 4), net = prior.conditioner(h1);
  const Var s = tanh(slice(net, 1, 0, 2)) * reshape(prior.bound, {2, 1, 1}), t = slice(net, 1, 2, 4);
  const nn::Normal given{-t * exp(-s), exp(-s)}, standard{real(0), real(1)};
  const Var z2 = slice(l.z, 1, 0, 8), direct = given.log_prob_rows(h2);
  expect_close(standard.log_prob_rows(z2) + l.log_det, direct.value(), kDouble ? 1e-10 : 1e-4);
  expect_close(slice(l.z, 1, 8, 16), Squeeze().forward(h1).z.value().reshape({2, 8}), 0);
}

TEST(Multiscale, ThrowsWhereALevelDoesNotFit) {
  expect_error([] { Multiscale({1, 2, 2}).add(Squeeze()).add(Squeeze()); }, "even height and width");
  expect_error([] { glow({.image = {1, 6, 6}, .levels = 2}); }, "halved 2 times");
  const Multiscale flow = glow({.image = {1, 4, 4}, .levels = 1, .steps = 1});
  expect_error([&] { flow.forward(zeros({2, 1, 8, 8})); }, "Multiscale: images [1, 4, 4] expected");
  expect_error([&] { flow.inverse(zeros({2, 32})); }, "Multiscale: [B, 16] expected");
}

// The density of a flow over images of 1 x 2 x 2 integrates to one: importance sampling from a wider normal.
TEST(Glow, DensityOfATinyImageIntegratesToOne) {
  manual_seed(4);
  Multiscale flow = glow({.image = {1, 2, 2}, .levels = 1, .steps = 2, .width = 4});
  Generator g(5);
  const int64_t n = 200'000;
  const Tensor x = normal({n, 1, 2, 2}, 0, 2, g);
  flow.forward(x.rows(0, 100) * real(0.5));
  shaken(flow, real(0.1));
  const NoGrad guard;
  const nn::Normal standard{real(0), real(1)}, wide{real(0), real(2)};
  const Latent l = flow.forward(x);
  const Tensor weights = exp(standard.log_prob_rows(l.z) + l.log_det - wide.log_prob_rows(x)).value();
  const double mean_weight = double(mean(weights).item());
  const double error = std::sqrt(double(mean(square(weights - real(mean_weight))).item()) / double(n));
  EXPECT_LT(error, 0.01);
  EXPECT_NEAR(mean_weight, 1, 5 * error);
}

// ---- Whole numbers --------------------------------------------------------------------------------------------------

TEST(Dequantize, FillsTheIntervalOfEveryLevelEvenly) {
  Generator g(6);
  const Tensor x = to_tensor(randint({200, 50}, 0, 256, g));
  const Dequantized d = dequantize(x, 256, g);
  const Tensor u = d.v.value() * real(256) - x;
  EXPECT_GE(double(min(u).item()), -1e-4);
  EXPECT_LE(double(max(u).item()), 1 + 1e-4);
  EXPECT_NEAR(double(mean(u).item()), 0.5, 0.02);
  expect_close(floor(d.v.value() * real(256)), x, 0);
  expect_error([] { dequantize(full({2, 2}, real(0.5))); }, "whole numbers from 0 to 255");
}

// Noise of uniform density on [0, 256) is 8 bits a pixel, whichever way v came to be.
TEST(ShrunkLogit, UniformNoiseHasEightBitsAPixel) {
  Generator g(7);
  const int64_t d = 20;
  const Tensor x = to_tensor(randint({100, d}, 0, 256, g));
  const Latent y = ShrunkLogit({.lambda = real(0.05)}).forward(dequantize(x, 256, g).v);
  // What the uniform density of v becomes for y: -log |dy/dv|. So log p(v) = log p(y) + log |dy/dv| = 0.
  const nn::Logistic logistic{real(0), real(1)};
  const Var log_p_v = logistic.log_prob_rows(y.z) + y.log_det - real(double(d) * std::log(1 - 2 * 0.05));
  expect_close(log_p_v, zeros({100}), 1e-3);
}

TEST(ShrunkLogit, IsABijectorOnTheUnitInterval) {
  SKIP_IN_FLOAT();
  expect_bijector(ShrunkLogit({.lambda = real(0.05)}), random_between(real(0.01), real(0.99), {4, 5}));
  expect_error([] { ShrunkLogit({.lambda = real(0.5)}); }, "between 0 and 1/2");
  EXPECT_THROW(ShrunkLogit({.lambda = real(0.05)}).forward(full({2, 3}, 255)), OutsideDomain);
  EXPECT_TRUE(all_finite(ShrunkLogit({.lambda = real(1e-6)}).forward(tensor({0, 1})).z.value()));
}

// E_q[1 / q(u | x)] is the length of the interval, 1, whatever the flow.
TEST(VariationalDequantizer, SaysTheDensityOfItsNoise) {
  manual_seed(8);
  const Coupling::Options first{.features = 2}, second{.features = 2, .flip = true};
  Chain chain(AffineCoupling(first, mlp({.in = 3, .out = 2, .hidden = {8}, .zero = false})),
              AffineCoupling(second, mlp({.in = 3, .out = 2, .hidden = {8}, .zero = false})));
  const VariationalDequantizer q(chain, 4);
  Generator g(9);
  const int64_t n = 100'000;
  const Tensor x = broadcast_to(matrix({{0, 3}}), {n, 2});
  const NoGrad guard;
  const Dequantized d = q(x, g);
  expect_close(floor(d.v.value() * real(4)), x, 0);
  const Tensor weights = exp(-d.log_q.value());
  const double mean_weight = double(mean(weights).item());
  const double error = std::sqrt(double(mean(square(weights - real(mean_weight))).item()) / double(n));
  EXPECT_LT(error, 0.02);
  EXPECT_NEAR(mean_weight, 1, 5 * error);
}

// Of two pixels that are independent: y normal, so P(x) is a difference of two values of its distribution function.
TEST(LogProbOfLevels, IsABoundThatManySamplesCloseForAnyNoise) {
  manual_seed(10);
  const real lambda = real(0.05);
  const int64_t levels = 4, n = 200;
  const Flow flow(ShrunkLogit({.lambda = lambda}), StandardNormal({1, 1, 2}));
  const Tensor x = broadcast_to(matrix({{0, 2}}).reshape({1, 1, 1, 2}), {n, 1, 1, 2});
  auto below = [&](double v) {
    const double p = double(lambda) + (1 - 2 * double(lambda)) * v;
    return 0.5 * std::erfc(-std::log(p / (1 - p)) / std::sqrt(2.0));
  };
  const double exact = std::log(below(0.25) - below(0)) + std::log(below(0.75) - below(0.5));
  const VariationalDequantizer variational = shaken(image_dequantizer({1, 1, 2}, 4, levels), real(0.1));
  const Dequantizer uniform = [&](const Tensor& x, Generator& g) { return dequantize(x, levels, g); };
  const NoGrad guard;
  for (const Dequantizer& q : {uniform, Dequantizer(variational)}) {
    Generator g(11);
    const Tensor one = log_prob_of_levels(flow, q, x, levels, 1, g).value(),
                 many = log_prob_of_levels(flow, q, x, levels, 64, g).value();
    auto error = [&](const Tensor& t) { return 5 * double(stddev(Var(t), 0).item()) / std::sqrt(double(n)); };
    EXPECT_LT(double(mean(one).item()), exact + error(one));
    EXPECT_LT(double(mean(one).item()), double(mean(many).item()));
    EXPECT_NEAR(double(mean(many).item()), exact, error(many) + 0.01);
  }
}

}  // namespace

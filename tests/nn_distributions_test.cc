// Distributions: densities that integrate to one, entropies and divergences as integrals, samples that follow them.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "autograd/elementwise.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"
#include "tensor/lane.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

// A grid of numbers so wide and fine that sums over it are integrals.
constexpr int64_t kGrid = 40'001;
const Tensor& grid() {
  static const Tensor x = linspace(-60, 60, kGrid);
  return x;
}
double integral(const Tensor& f) {
  double total = 0;
  for (real v : f) total += v;
  return total * 120 / (kGrid - 1);
}
// -∫ p log p
double entropy_of(const Tensor& log_p) { return -integral(exp(log_p) * log_p); }

constexpr double kIntegral = kDouble ? 1e-9 : 2e-4;

TEST(Normal, HasItsDensity) {
  const Tensor x = random({4, 5}, 1), m = random({5}, 2), s = random_between(0.5, 2, {4, 1}, 3);
  const Normal p{m, s};
  Tensor want({4, 5});
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t j = 0; j < 5; ++j) {
      const double u = (x.at({i, j}) - m.at({j})) / s.at({i, 0});
      want.mutable_data()[i * 5 + j] = real(std::log(std::exp(-u * u / 2) / std::sqrt(2 * M_PI) / s.at({i, 0})));
    }
  expect_close(p.log_prob(x), want);
  expect_close(p.log_prob_rows(x), sum(want, 1));
}

TEST(Normal, IsADensityWithItsEntropy) {
  const Normal p{Var(real(1.5)), Var(real(0.7))};
  const Tensor log_p = p.log_prob(grid()).value();
  EXPECT_NEAR(integral(exp(log_p)), 1, kIntegral);
  EXPECT_NEAR(p.entropy().item(), entropy_of(log_p), kIntegral);
}

TEST(Normal, DivergesFromAnotherByTheIntegral) {
  const Normal p{Var(real(1.5)), Var(real(0.7))}, q{Var(real(-0.5)), Var(real(2))};
  const Tensor log_p = p.log_prob(grid()).value(), log_q = q.log_prob(grid()).value();
  EXPECT_NEAR(kl_divergence(p, q).item(), integral(exp(log_p) * (log_p - log_q)), 2 * kIntegral);
  EXPECT_EQ(kl_divergence(p, p).item(), 0);
}

TEST(Logistic, IsADensityWithItsEntropy) {
  const Logistic p{Var(real(-2)), Var(real(0.8))};
  const Tensor log_p = p.log_prob(grid()).value();
  EXPECT_NEAR(integral(exp(log_p)), 1, kIntegral);
  EXPECT_NEAR(p.entropy().item(), entropy_of(log_p), 5 * kIntegral);
}

TEST(Logistic, IsTheSlopeOfTheSigmoid) {
  const Var x = parameter(random({7}, 1)), m(random({7}, 2)), s(random_between(0.5, 2, {7}, 3));
  backward(sum(sigmoid((x - m) / s)));
  expect_close(exp(Logistic{m, s}.log_prob(x)), x.grad().value());
  expect_close(Logistic{m, s}.log_prob_rows(x.value().reshape({7, 1})),
               sum(Logistic{m, s}.log_prob(x.value().reshape({7, 1})), 1).value());
}

TEST(Logistic, SurvivesItsTails) {
  const Logistic p{Var(real(0)), Var(real(1))};
  expect_close(p.log_prob(tensor({-1000, 1000})), tensor({-1000, -1000}));
}

TEST(Bernoulli, HasItsProbabilities) {
  const Tensor l = random({6});
  const Bernoulli p{l};
  expect_close(exp(p.log_prob(ones({6}))), sigmoid(l));
  expect_close(exp(p.log_prob(ones({6}))) + exp(p.log_prob(zeros({6}))), ones({6}));
  const Tensor q = sigmoid(l);
  expect_close(p.entropy(), -q * log(q) - (1 - q) * log(1 - q));
  expect_close(p.log_prob_rows(ones({3, 6})), full({3}, sum(p.log_prob(ones({6}))).item()));
  expect_close(Bernoulli{tensor({1000, -1000})}.log_prob(tensor({1, 1})), tensor({0, -1000}));
}

TEST(Categorical, HasItsProbabilities) {
  const Tensor l = random({2, 3, 5});
  const Categorical p{l};
  Tensor total = zeros({2, 3}), entropy = zeros({2, 3});
  for (index k = 0; k < 5; ++k) {
    Indices ks({2, 3});
    ks.fill(k);
    const Tensor log_p = p.log_prob(ks).value();
    total = total + exp(log_p);
    entropy = entropy - exp(log_p) * log_p;
  }
  expect_close(total, ones({2, 3}));
  expect_close(p.entropy(), entropy);
}

TEST(Categorical, TakesImpossibleClasses) {
  const Var l = parameter(tensor({0, -kInfinity, 0}));
  const Var h = Categorical{l}.entropy();
  EXPECT_NEAR(h.item(), std::log(2.0), kTolerance);
  const Var slope = grad(h, {l}, {.create_graph = true})[0];
  EXPECT_TRUE(all_finite(grad(sum(square(slope)), {l})[0].value()));
  const Indices k = Categorical{l}.sample();
  EXPECT_EQ(k.shape(), Shape());
  EXPECT_NE(k.item(), 1);
  expect_error([&] { Categorical{l}.log_prob(indices({0, 1})); }, "classes [2] for logits [3]");
}

Mixture<Normal> mixture() { return {Var(tensor({0, 1, -1})), {Var(tensor({-3, 0, 4})), Var(tensor({0.5, 1, 2}))}}; }

TEST(Mixture, IsAWeightedSumOfDensities) {
  const auto p = mixture();
  const Tensor x = random({4}), w = softmax(p.logits.value(), 0);
  Tensor want = zeros({4});
  for (int64_t k = 0; k < 3; ++k) {
    const Normal part{Var(p.components.mean.value().row(k)), Var(p.components.std.value().row(k))};
    want = want + exp(part.log_prob(x).value()) * w.row(k);
  }
  expect_close(exp(p.log_prob(x)), want);
  EXPECT_NEAR(integral(exp(p.log_prob(grid()).value())), 1, kIntegral);
}

// ---- Samples --------------------------------------------------------------------------------------------------------

// Mean and variance of a sample, against those of a density on the grid, within five standard deviations.
void expect_moments(const Tensor& sample, const Tensor& log_p) {
  const Tensor p = exp(log_p), x = grid();
  const double n = double(sample.numel()), m = integral(p * x), centred = integral(p * square(x - real(m)));
  const double fourth = integral(p * square(square(x - real(m))));
  double mean = 0, variance = 0;
  for (real v : sample) mean += v / n;
  for (real v : sample) variance += (v - m) * (v - m) / n;
  EXPECT_NEAR(mean, m, 5 * std::sqrt(centred / n));
  EXPECT_NEAR(variance, centred, 5 * std::sqrt((fourth - centred * centred) / n));
}

TEST(Distributions, SamplesHaveTheirMoments) {
  const int64_t n = 20'000;
  Generator g(1);
  const Normal normal{Var(full({n}, 1)), Var(real(2))};
  expect_moments(normal.sample(g), Normal{Var(real(1)), Var(real(2))}.log_prob(grid()).value());
  const Logistic logistic{Var(full({n}, -1)), Var(real(0.5))};
  expect_moments(logistic.sample(g), Logistic{Var(real(-1)), Var(real(0.5))}.log_prob(grid()).value());
  auto m = mixture();
  const Tensor log_p = m.log_prob(grid()).value();
  m.logits = broadcast_to(m.logits, {n, 3});
  m.components = {broadcast_to(m.components.mean, {n, 3}), broadcast_to(m.components.std, {n, 3})};
  const Tensor sample = m.sample(g);
  EXPECT_EQ(sample.shape(), Shape({n}));
  expect_moments(sample, log_p);
}

TEST(Distributions, DiscreteSamplesHaveTheirFrequencies) {
  const int64_t n = 20'000;
  Generator g(2);
  const double p = 1 / (1 + std::exp(-0.8));
  EXPECT_NEAR(mean(Bernoulli{Var(full({n}, real(0.8)))}.sample(g)).item(), p, 5 * std::sqrt(p * (1 - p) / n));
  const Tensor l = tensor({0, 1, 2});
  const Indices k = Categorical{broadcast_to(Var(l), {n, 3})}.sample(g);
  const Tensor q = softmax(l, 0), counts = mean(one_hot(k, 3), 0);
  for (int64_t i = 0; i < 3; ++i)
    EXPECT_NEAR(counts.at({i}), q.at({i}), 5 * std::sqrt(q.at({i}) * (1 - q.at({i})) / n));
}

TEST(Distributions, SamplesFollowTheGenerator) {
  Generator a(3), b(3);
  const Normal p{Var(zeros({10})), Var(real(1))};
  const Tensor first = p.sample(a);
  expect_close(first, p.sample(b), 0);
  EXPECT_GT(max_difference(first, p.sample(a)), 0.1);
}

TEST(Distributions, ReparametrisedSamplesHaveGradients) {
  Generator g(4);
  const Var m = parameter(zeros({5})), s = parameter(ones({5}));
  const Var normal = Normal{m, s}.rsample(g), logistic = Logistic{m, s}.rsample(g);
  for (const Var& x : {normal, logistic}) {
    const auto d = grad(sum(x), {m, s}, {.retain_graph = true});
    expect_close(d[0], ones({5}));
    expect_close(d[1], x.value());  // mean 0, scale 1: x is the noise itself
  }
}

TEST(Distributions, HaveTheirGradients) {
  SKIP_IN_FLOAT();
  const Tensor x = random({3, 4}, 1), m = random({4}, 2), s = random_between(0.5, 2, {3, 1}, 3), l = random({3, 4}, 4);
  expect_gradients([](const auto& in) { return Normal{in[1], in[2]}.log_prob(in[0]); }, {x, m, s});
  expect_gradients([](const auto& in) { return Normal{in[1], in[2]}.log_prob_rows(in[0]); }, {x, m, s});
  expect_gradients([](const auto& in) { return Logistic{in[1], in[2]}.log_prob(in[0]); }, {x, m, s});
  expect_gradients([](const auto& in) { return Logistic{in[1], in[2]}.log_prob_rows(in[0]); }, {x, m, s});
  expect_gradients([](const auto& in) { return Bernoulli{in[1]}.log_prob(in[0]); }, {x, l});
  expect_gradients([](const auto& in) { return Bernoulli{in[0]}.entropy(); }, {l});
  expect_gradients([](const auto& in) { return Categorical{in[0]}.log_prob(indices({3, 0, 1})); }, {l});
  expect_gradients([](const auto& in) { return Categorical{in[0]}.entropy(); }, {l});
  expect_gradients([](const auto& in) { return Normal{in[0], in[1]}.entropy(); }, {m, s});
  expect_gradients([](const auto& in) { return Logistic{in[0], in[1]}.entropy(); }, {m, s});
  expect_gradients(
      [](const auto& in) {
        return kl_divergence(Normal{in[0], in[1]}, Normal{in[2], in[3]});
      },
      {m, s, random({4}, 5), random_between(0.5, 2, {3, 1}, 6)});
  expect_gradients(
      [](const auto& in) {
        return Mixture<Logistic>{in[1], {in[2], in[3]}}.log_prob(in[0]);
      },
      {random({3}, 5), l, m, s});
}

}  // namespace
}  // namespace bijou::nn

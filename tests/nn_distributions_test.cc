// Distributions: densities that integrate to one, entropies as expectations, samples with the right cumulative
// distribution, and gradients.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/gradcheck.h"
#include "nn/distributions.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

// The integrals of p and of -p log p over [-60, 60], by the trapezoid rule, which is exact to rounding for such tails.
template <class D>
std::pair<double, double> mass_and_entropy(const D& d) {
  const int64_t n = 24001;
  const Tensor log_p = d.log_prob(Var(linspace(-60, 60, n))).value();
  double mass = 0, entropy = 0;
  for (real l : log_p) mass += std::exp(double(l)) * 0.005, entropy -= std::exp(double(l)) * double(l) * 0.005;
  return {mass, entropy};
}

const double kTolerance = std::is_same_v<real, double> ? 1e-9 : 1e-4;

TEST(Distributions, DensitiesIntegrateToOneAndEntropyIsMinusTheMeanLogDensity) {
  for (const real s : {real(0.5), real(1.7)}) {
    const Normal normal{real(0.3), s};
    EXPECT_NEAR(mass_and_entropy(normal).first, 1, kTolerance);
    EXPECT_NEAR(mass_and_entropy(normal).second, normal.entropy().item(), kTolerance);
    const Logistic logistic{real(0.3), s};
    EXPECT_NEAR(mass_and_entropy(logistic).first, 1, kTolerance);
    EXPECT_NEAR(mass_and_entropy(logistic).second, logistic.entropy().item(), kTolerance * 10);
  }
}

TEST(Distributions, MixtureOfNormalsIntegratesToOne) {
  const Mixture<Normal> mixture{tensor({real(0.1), -1, 2}), {tensor({-3, 0, 4}), tensor({real(0.5), 1, 2})}};
  EXPECT_NEAR(mass_and_entropy(mixture).first, 1, kTolerance);
}

TEST(Distributions, BernoulliAndCategoricalSumToOneAndMatchTheirEntropy) {
  const Bernoulli b{real(0.7)};
  const double p = std::exp(b.log_prob(Var(1)).item()), q = std::exp(b.log_prob(Var(0)).item());
  EXPECT_NEAR(p + q, 1, 1e-6);
  EXPECT_NEAR(b.entropy().item(), -p * std::log(p) - q * std::log(q), 1e-6);
  const Categorical c{tensor({real(0.2), -1, 3, 0})};
  double sum = 0, entropy = 0;
  for (index k = 0; k < 4; ++k) {
    const double l = c.log_prob(indices({k}).reshape({})).item();
    sum += std::exp(l), entropy -= std::exp(l) * l;
  }
  EXPECT_NEAR(sum, 1, 1e-6);
  EXPECT_NEAR(c.entropy().item(), entropy, 1e-5);
}

// Kolmogorov and Smirnov: the largest distance between the samples' and the true cumulative distribution.
template <class Cdf>
double ks_distance(const Tensor& samples, const Cdf& cdf) {
  std::vector<real> x(samples.begin(), samples.end());
  std::sort(x.begin(), x.end());
  double d = 0;
  for (size_t i = 0; i < x.size(); ++i)
    d = std::max({d, std::fabs(cdf(x[i]) - double(i) / double(x.size())),
                  std::fabs(double(i + 1) / double(x.size()) - cdf(x[i]))});
  return d;
}

TEST(Distributions, SamplesFollowTheirCumulativeDistribution) {
  Generator g(5);
  const int64_t n = 20000;
  const double limit = 1.95 / std::sqrt(double(n));  // exceeded once in a thousand
  auto phi = [](double u) { return 0.5 * std::erfc(-u / std::sqrt(2.0)); };
  EXPECT_LT(ks_distance(Normal{full({n}, 2), full({n}, 3)}.sample(g), [&](double x) { return phi((x - 2) / 3); }),
            limit);
  EXPECT_LT(ks_distance(Logistic{full({n}, -1), full({n}, 2)}.sample(g),
                        [](double x) { return 1 / (1 + std::exp(-(x + 1) / 2)); }),
            limit);
  const Mixture<Normal> mixture{
      broadcast_to(Var(tensor({0, std::log(real(3))})), {n, 2}),
      {broadcast_to(Var(tensor({-2, 1})), {n, 2}), broadcast_to(Var(tensor({1, real(0.5)})), {n, 2})}};
  EXPECT_LT(ks_distance(mixture.sample(g), [&](double x) { return 0.25 * phi(x + 2) + 0.75 * phi((x - 1) / 0.5); }),
            limit);
  const Tensor coins = Bernoulli{full({n}, std::log(real(0.3) / real(0.7)))}.sample(g);
  EXPECT_NEAR(sum(coins).item() / real(n), 0.3, 0.011);
}

TEST(Distributions, GradientsOfLogDensitiesAndSamples) {
  SKIP_IN_FLOAT();
  const Tensor x = tensor({real(-0.3), real(0.2), real(1.5)}), m = tensor({real(0.1), 0, 1}),
               s = tensor({real(0.7), real(1.1), 2});
  auto density = [](auto make) { return [make](const std::vector<Var>& v) { return make(v).log_prob(v[0]); }; };
  auto normal = density([](const std::vector<Var>& v) { return Normal{v[1], v[2]}; });
  auto logistic = density([](const std::vector<Var>& v) { return Logistic{v[1], v[2]}; });
  gradcheck(normal, {x, m, s}), gradgradcheck(normal, {x, m, s});
  gradcheck(logistic, {x, m, s}), gradgradcheck(logistic, {x, m, s});
  auto mixture = [](const std::vector<Var>& v) { return Mixture<Logistic>{v[1], {v[2], v[3]}}.log_prob(v[0]); };
  gradcheck(mixture, {tensor({real(0.3), -2, 0}), m, x, s});
  auto sample = [](const std::vector<Var>& v) {
    Generator g(1);
    return Normal{v[0], v[1]}.rsample(g) + Logistic{v[0], v[1]}.rsample(g);
  };
  gradcheck(sample, {m, s});
}

}  // namespace
}  // namespace bijou::nn

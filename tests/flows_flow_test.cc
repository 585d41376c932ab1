// The frame of flows: bases are densities that draw what they say, chains and inverses are what their formulas say.
#include "flows/flow.h"

#include "autograd/elementwise.h"
#include "autograd/map.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tests/support.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

struct Doubling : Bijector {  // z = 2 x
 protected:
  Latent f(const Var& x, const Var&) const override {
    return {x * 2, full({x.size(0)}, real(x.numel() / x.size(0) * std::log(2.0)))};
  }
  Data g(const Var& z, const Var&) const override {
    return {z / 2, full({z.size(0)}, real(-z.numel() / z.size(0) * std::log(2.0)))};
  }
};
struct Raising : Bijector {  // z = x + 1, from data to latent only
 protected:
  Latent f(const Var& x, const Var&) const override { return {x + 1, zeros({x.size(0)})}; }
  Data g(const Var&, const Var&) const override { throw NotInvertible("Raising: no way back"); }
};
struct Careless : Bijector {  // a log-determinant of the wrong shape
 protected:
  Latent f(const Var& x, const Var&) const override { return {x, scalar(0)}; }
  Data g(const Var& z, const Var&) const override { return {z, scalar(0)}; }
};

TEST(Chain, AppliesItsBijectorsInTheOrderTheyAreListed) {
  const Tensor x = random({3, 2});
  expect_close(Chain(Doubling(), Raising()).forward(x).z, x * 2 + 1);
  expect_close(Chain(Raising(), Doubling()).forward(x).z, (x + 1) * 2);
  expect_close(Chain(Doubling(), Doubling()).inverse(x).x, x / 4);
  expect_close(Chain(Doubling(), Doubling()).forward(x).log_det, full({3}, real(4 * std::log(2.0))));
  expect_close(Chain().forward(x).z, x);
}

TEST(Chain, SaysSoWhereItCannotBeInverted) {
  EXPECT_THROW(Chain(Doubling(), Raising()).inverse(random({3, 2})), NotInvertible);
}

TEST(Bijector, RefusesWhatIsNoBatchAndOtherContexts) {
  expect_error([] { Doubling().forward(scalar(1)); }, "[batch, ...] expected");
  expect_error([] { Doubling().forward(zeros({3, 2}), zeros({4, 1})); }, "for a batch of 3");
  expect_error([] { Careless().forward(zeros({3, 2})); }, "log-determinant of shape [] for 3 rows");
}

TEST(Inverse, ExchangesBothDirections) {
  const Tensor x = random({3, 2});
  expect_close(Inverse(Doubling()).forward(x).z, x / 2);
  expect_close(Inverse(Doubling()).forward(x).log_det, full({3}, real(-2 * std::log(2.0))));
  expect_close(Inverse(AnyBijector(Inverse(Doubling()))).forward(x).z, x * 2);
}

// The integral of exp(log_prob) over [-9, 9]², by the trapezoid rule.
double integral(const Base& p) {
  constexpr int64_t n = 512;
  const Tensor axis = linspace(-9, 9, n);
  Tensor grid({n * n, 2});
  for (int64_t i = 0; i < n * n; ++i) {
    grid.mutable_data()[2 * i] = axis.data()[i / n];
    grid.mutable_data()[2 * i + 1] = axis.data()[i % n];
  }
  const NoGrad guard;
  return double(sum(exp(p.log_prob(grid).value())).item()) * (18.0 / (n - 1)) * (18.0 / (n - 1));
}

// Log-densities integrate to one; samples have the moments that the density says; so do those at a temperature.
void expect_density(Base& p, Caller at = Caller::here()) {
  SCOPED_TRACE(at.line);
  Generator g(1);
  for (Var& w : p.parameters()) w.mutable_value().copy_from(normal(w.shape(), 0, real(0.5), g));
  if (dynamic_cast<Uniform*>(&p)) return;
  EXPECT_NEAR(integral(p), 1, 1e-4);
}

TEST(Base, DensitiesIntegrateToOne) {
  DiagonalNormal diagonal({2});
  FullNormal full_normal(2);
  NormalMixture mixture(3, 2);
  StandardNormal standard({2});
  expect_density(diagonal), expect_density(full_normal), expect_density(mixture), expect_density(standard);
  const Uniform box({2}, -1, 3);
  expect_close(box.log_prob(zeros({4, 2})), full({4}, real(-std::log(16.0))));
  EXPECT_EQ(box.log_prob(full({1, 2}, 4)).item(), -std::numeric_limits<real>::infinity());
}

// E log p(x) over samples is minus the entropy, in closed form for normals.
TEST(Base, SamplesAreDrawnFromTheDensity) {
  constexpr int64_t n = 100000;
  Generator g(3);
  FullNormal p(3);
  for (Var& w : p.parameters()) w.mutable_value().copy_from(normal(w.shape(), 0, real(0.5), g));
  const Tensor x = p.sample(n, 1, g).value();
  const double entropy = 1.5 * (1 + std::log(2 * M_PI)) + double(sum(p.log_diagonal).item());
  EXPECT_NEAR(mean(p.log_prob(x)).item(), -entropy, 5 * std::sqrt(1.5 / n));
  const Tensor cold = p.sample(n, 0.5, g).value() - p.mean.value();
  const Tensor covariance = matmul(cold, cold, {.transpose_a = true}) / real(n);
  const Tensor l = p.cholesky().value(), want = matmul(l, l, {.transpose_b = true}) / 4;
  expect_close(covariance, want, 0.03);
  const Uniform box({1}, 2, 6);
  const Tensor u = box.sample(n, 1, g).value();
  EXPECT_NEAR(mean(u).item(), 4, 0.02);
  EXPECT_NEAR(var(u, {0}).item(), 16.0 / 12, 0.02);
}

TEST(FullNormal, FittedHasTheMomentsOfTheData) {
  const Tensor x = matmul(random({500, 3}), random({3, 3}, 1)) + 1;
  const FullNormal p = FullNormal::fitted(x);
  const Tensor centred = x - mean(x, 0), l = p.cholesky().value();
  expect_close(p.mean, mean(x, 0));
  expect_close(matmul(l, l, {.transpose_b = true}), matmul(centred, centred, {.transpose_a = true}) / 500, 1e-4);
}

TEST(Flow, LogProbAndSamplesBelongTogether) {
  const Flow flow(Doubling(), StandardNormal({2}));
  Generator g(2), h(2);
  const auto [x, log_prob] = flow.sample_and_log_prob(50, {}, g);
  expect_close(flow.log_prob(x), log_prob.value());
  expect_close(flow.sample(50, {}, h), x.value());
  // N(0, I / 4)
  expect_close(log_prob,
               map_sum([](auto x) { return x * x * real(-2) - real(0.91893853320467 - std::log(2.0)); }, 1, x.value()));
}

TEST(Flow, ReverseKlIsZeroForTheFlowsOwnDensityAndKnowsTheConstant) {
  const Flow flow(Doubling(), StandardNormal({2}));
  Generator g(2);
  const Var kl = reverse_kl(
      flow, 20, [&](const Var& x) { return flow.log_prob(x) + 3; }, g);
  expect_close(kl, scalar(-3));
}

TEST(Flow, InterpolationEndsAtBothImages) {
  const Flow flow(Doubling(), StandardNormal({2}));
  const Tensor a = random({4, 2}, 1), b = random({4, 2}, 2), path = interpolate(flow, a, b, 5);
  expect_close(path.row(0), a);
  expect_close(path.row(4), b);
  expect_close(path.row(2), (a + b) / 2);
}

TEST(BitsPerDim, OfUniformDensitiesAreTheirLevels) {
  const Uniform bytes({12}, 0, 256), unit({12}, 0, 1);
  expect_close(bits_per_dim(bytes.log_prob(full({1, 12}, 99)).value(), 12), full({1}, 8));
  expect_close(bits_per_dim(unit.log_prob(full({1, 12}, 0.5)).value(), 12, 32), full({1}, 5));
}

}  // namespace
}  // namespace bijou::flows

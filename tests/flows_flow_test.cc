// The frame of flows: bases are densities that draw what they say, chains and inverses are what their formulas say.
#include "flows/flow.h"

#include "autograd/elementwise.h"
#include "autograd/map.h"
#include "autograd/ops.h"
#include "flows/continuous.h"
#include "flows/coupling.h"
#include "flows/elementwise.h"
#include "flows/maf.h"
#include "flows/planar.h"
#include "flows/radial.h"
#include "flows/residual.h"
#include "flows/sylvester.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tests/flows_density.h"

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
struct Shifting : Bijector {  // z = x - context
 protected:
  Latent f(const Var& x, const Var& context) const override { return {x - context, zeros({x.size(0)})}; }
  Data g(const Var& z, const Var& context) const override { return {z + context, zeros({z.size(0)})}; }
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

TEST(Base, DensitiesIntegrateToOneAndAreDrawnFrom) {
  manual_seed(1);
  auto expect = [](const auto& base, Caller at = Caller::here()) {
    expect_density(Flow(Chain(), moved(base, 0.5)), 10, 400, 1e-4, at);
  };
  expect(StandardNormal({2})), expect(DiagonalNormal({2})), expect(FullNormal(2)), expect(NormalMixture(3, 2));
  const Uniform box({2}, -1, 3);
  expect_close(box.log_prob(zeros({4, 2})), full({4}, real(-std::log(16.0))));
  EXPECT_EQ(box.log_prob(full({1, 2}, 4)).item(), -std::numeric_limits<real>::infinity());
}

// At half the temperature they come half as far from the mean.
TEST(Base, ATemperatureScalesTheDistancesFromTheMean) {
  auto expect = [](const auto& base, const Tensor& mean) {
    Generator g(4), h(4);
    const Tensor cold = base.sample(20, 0.5, g).value(), warm = base.sample(20, 1, h).value();
    expect_close(cold - mean, (warm - mean) / 2);
  };
  const auto diagonal = moved(DiagonalNormal({3}), 0.5);
  const auto full_normal = moved(FullNormal(3), 0.5);
  const auto mixture = moved(NormalMixture(1, 3), 0.5);  // of one component: its mean is the mean
  expect(StandardNormal({3}), zeros({3})), expect(diagonal, diagonal.mean.value());
  expect(full_normal, full_normal.mean.value()), expect(mixture, mixture.mean.value());
  expect(Uniform({3}, 2, 6), full({3}, 4));
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

TEST(Flow, HearsOfTheContextAndOfTheTemperature) {
  const Flow flow(Chain(Shifting(), Doubling()), StandardNormal({2}));
  const Tensor context = random({50, 2}, 1);
  Generator g(2), h(2), noise(2);
  const Tensor want = randn({50, 2}, noise) / 4 + context;  // half as warm, and half as far by Doubling
  const SampleOptions o{.context = context, .temperature = 0.5};
  expect_close(flow.sample(50, o, g), want);
  const auto [x, log_prob] = flow.sample_and_log_prob(50, o, h);
  expect_close(x, want);
  expect_close(log_prob, flow.log_prob(x, context).value());
  expect_close(flow.log_prob(x, context), flow.log_prob(x.value() - context, zeros({50, 2})).value());
}

TEST(Flow, ReverseKlAndInterpolationHearOfTheContext) {
  const Flow flow(Shifting(), StandardNormal({2}));
  const Tensor context = random({20, 2}, 1);
  Generator g(2);
  const Var kl = reverse_kl(
      flow, 20, [&](const Var& x) { return flow.log_prob(x, context) + 3; }, context, g);
  expect_close(kl, scalar(-3));
  expect_close(interpolate(flow, context, context + 1, 3, context).row(1), context + real(0.5));
}

TEST(Bijector, LayersRefuseAContextThatTheyWereNotMadeFor) {
  const Tensor x = random({3, 2}), context = random({3, 1});
  auto expect = [&](const Bijector& without, const Bijector& with, Caller at = Caller::here()) {
    const ::testing::ScopedTrace trace(at.file, at.line, "");
    for (const bool back : {false, true}) {
      auto call = [&](const Bijector& b, const Var& c) { back ? void(b.inverse(x, c)) : void(b.forward(x, c)); };
      EXPECT_THROW(call(without, context), Error);
      EXPECT_THROW(call(with, {}), Error);
      EXPECT_THROW(call(with, random({3, 2})), Error);
      call(without, {}), call(with, context);
    }
  };
  expect(Maf({.features = 2, .hidden = {8}}), Maf({.features = 2, .hidden = {8}, .context = 1}));
  expect(Planar({.features = 2}), Planar({.features = 2, .context = 1}));
  expect(Radial({.features = 2}), Radial({.features = 2, .context = 1}));
  expect(Sylvester({.features = 2, .hidden = 1}), Sylvester({.features = 2, .hidden = 1, .context = 1}));
  expect(Residual({.features = 2}), Residual({.features = 2, .context = 1}));
  expect(Continuous({.features = 2}), Continuous({.features = 2, .context = 1}));
  expect(AffineCoupling({.features = 2}, mlp({.in = 1, .out = 2})),
         AffineCoupling({.features = 2}, mlp({.in = 2, .out = 2})));
  EXPECT_NO_THROW(Affine({2}).forward(x, context));  // it could never have been made for one
}

TEST(Flow, ReverseKlIsZeroForTheFlowsOwnDensityAndKnowsTheConstant) {
  const Flow flow(Doubling(), StandardNormal({2}));
  Generator g(2);
  const Var kl = reverse_kl(
      flow, 20, [&](const Var& x) { return flow.log_prob(x) + 3; }, {}, g);
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

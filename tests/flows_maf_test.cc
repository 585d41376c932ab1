// Autoregressive flows: bijectors whose Jacobian is triangular, and inverses that are one pass.
#include "flows/batchnorm.h"
#include "flows/coupling.h"
#include "flows/maf.h"
#include "tests/flows_battery.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

// Numerical inverses of random networks multiply rounding errors.
BatteryOptions battery(const Tensor& context = Tensor()) {
  return {.context = context, .scales = {0, 0.1, 0.5}, .inverse = kDouble ? 1e-9 : 1e-3};
}

TEST(Maf, IsABijectorForEveryNumberOfFeaturesAndOrdering) {
  for (int64_t d : {1, 2, 5, 8}) {
    std::vector<int64_t> reversed;
    for (int64_t i = d; i-- > 0;) reversed.push_back(i);
    expect_bijector(Maf({.features = d, .hidden = {16, 16}, .activation = nn::Tanh()}), random({4, d}), battery());
    expect_bijector(Maf({.features = d, .hidden = {16}, .ordering = reversed, .activation = nn::Tanh()}),
                    random({4, d}), battery());
  }
}

TEST(Maf, DependsOnAContext) {
  expect_bijector(Maf({.features = 3, .hidden = {16}, .context = 2, .activation = nn::Tanh()}), random({4, 3}),
                  battery(random({4, 2}, 5)));
}

TEST(Iaf, IsAMafTheOtherWayRound) {
  expect_bijector(Inverse(Maf({.features = 4, .hidden = {16}, .activation = nn::Tanh()})), random({4, 4}), battery());
}

TEST(SplineAutoregressive, IsABijector) {
  expect_bijector(SplineAutoregressive({.features = 3, .hidden = {16}, .activation = nn::Tanh()}, 5), random({4, 3}),
                  {.scales = {0, 0.1, 0.5}, .inverse = kDouble ? 1e-9 : 1e-3, .log_det = 1e-8, .differences = 1e-4});
}

// The determinant of a triangular Jacobian knows its diagonal alone; what stands below it, and the parameters, too.
TEST(Maf, GradientsThroughItsInverseAreThoseOfDifferences) {
  SKIP_IN_FLOAT();
  Maf maf({.features = 4, .hidden = {8}, .activation = nn::Tanh()});
  for (Var& p : maf.parameters()) p.mutable_value().copy_from(random(p.shape(), 3) * real(0.5));
  const Tensor weights = random({2, 4}, 4);
  auto f = [&](const std::vector<Var>& in) {
    maf.made.layers[0].weight = in[0], maf.made.layers[1].bias = in[1];
    const Data d = maf.inverse(in[2]);
    return sum(d.x * Var(weights)) + sum(square(d.log_det));
  };
  gradcheck(f, {random({8, 4}, 5), random({8}, 6), random({2, 4}, 7)});
}

TEST(SplineAutoregressive, DependsOnAContext) {
  expect_bijector(SplineAutoregressive({.features = 3, .hidden = {16}, .context = 2, .activation = nn::Tanh()}, 5),
                  random({4, 3}),
                  {.context = random({4, 2}, 5),
                   .scales = {0.1, 0.5},
                   .inverse = kDouble ? 1e-9 : 1e-3,
                   .log_det = 1e-8,
                   .differences = 1e-4});
}

// The battery would pass for a layer that ignores its context.
TEST(ConditionalFlows, MoveWithTheirContext) {
  const Tensor x = random({1, 3});
  const Var a = random({1, 2}, 1), b = random({1, 2}, 2);
  manual_seed(4);
  auto moves = [&](auto layer) {
    for (Var& p : layer.parameters()) p.mutable_value().copy_from(random(p.shape(), 3) * real(0.3));
    EXPECT_GT(max_difference(layer.forward(x, a).z.value(), layer.forward(x, b).z.value()), 1e-3);
    EXPECT_GT(max_difference(layer.inverse(x, a).x.value(), layer.inverse(x, b).x.value()), 1e-3);
    Chain chain(layer, Inverse(layer));  // through what wraps it
    expect_close(chain.forward(x, a).z, x, kDouble ? 1e-9 : 1e-3);
  };
  const nn::Made::Options made{.features = 3, .hidden = {16}, .context = 2};
  moves(Maf(made)), moves(SplineAutoregressive(made, 5));
  const Coupling::Options half{.features = 3};
  auto net = [&](int64_t params) {
    return mlp({.in = half.kept() + 2, .out = params * half.moved(), .hidden = {8}, .zero = false});
  };
  moves(AdditiveCoupling(half, net(1))), moves(AffineCoupling(half, net(2))), moves(SplineCoupling(half, net(23)));
}

TEST(MixtureMade, IntegratesToOneAndIsDrawnFrom) {
  Generator g(1);
  MixtureMade p({.features = 2, .hidden = {16}, .activation = nn::Tanh()}, 3);
  for (Var& w : p.parameters()) w.mutable_value().copy_from(normal(w.shape(), 0, real(0.4), g));
  constexpr int64_t n = 512;
  const Tensor axis = linspace(-14, 14, n);
  Tensor grid({n * n, 2});
  for (int64_t i = 0; i < n * n; ++i)
    grid.mutable_data()[2 * i] = axis.data()[i / n], grid.mutable_data()[2 * i + 1] = axis.data()[i % n];
  const NoGrad guard;
  const Tensor density = exp(p.log_prob(grid).value());
  const double cell = 28.0 / (n - 1) * 28.0 / (n - 1);
  EXPECT_NEAR(double(sum(density).item()) * cell, 1, 1e-4);
  const Tensor want = sum(grid * density.reshape({-1, 1}), 0) * real(cell), x = p.sample(20000, 1, g).value();
  expect_close(mean(x, 0), want, 0.05);
}

TEST(BatchNorm, IsABijectorByItsStoredStatistics) {
  const Tensor x = random({6, 3}) * 2 + 1;
  BatchNorm norm({.features = 3});
  norm.running_mean.copy_from(random({3}, 2));
  norm.running_var.copy_from(random_between(0.5, 2, {3}, 3));
  expect_bijector(norm, x);
}

TEST(BatchNorm, TakesTheStatisticsOfAWholeTrainingSet) {
  const Tensor x = random({50, 3}) * 2 + 1;
  Chain chain(BatchNorm({.features = 3}), BatchNorm({.features = 3}));
  use_statistics_of(chain, x);
  chain.eval();
  const NoGrad guard;
  const Tensor z = chain.forward(x).z.value();
  expect_close(mean(z, 0), zeros({3}), 1e-4);
  expect_close(mean(z * z, 0), ones({3}), 1e-4);
}

}  // namespace
}  // namespace bijou::flows

// Autoregressive flows: bijectors whose Jacobian is triangular, and inverses that are one pass.
#include "flows/batchnorm.h"
#include "flows/coupling.h"
#include "flows/linear.h"
#include "flows/maf.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

// Numerical inverses of random networks multiply rounding errors.
BatteryOptions battery(const Tensor& context = Tensor()) {
  return {.context = context, .scales = {0, 0.1, 0.5}, .inverse = kDouble ? 1e-12 : 1e-3};
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
                  {.scales = {0, 0.1, 0.5}, .inverse = kDouble ? 1e-9 : 1e-3, .differences = 1e-4});
}

// The backward pass of an inverse computes the layer's parameters once more.
TEST(Maf, GradientsThroughItsInverseOutliveIt) {
  const Var z = parameter(random({2, 3}));
  auto expect = [&](const auto& layer) {
    auto loss = [&](const Bijector& b) {
      const Data d = b.inverse(z);
      return sum(square(d.x)) + sum(d.log_det);
    };
    auto own = std::make_unique<std::decay_t<decltype(layer)>>(layer);
    const Tensor want = grad(loss(*own), {z})[0].value();
    const Var l = loss(*own);
    own.reset();
    expect_close(grad(l, {z})[0], want);
  };
  expect(moved(Maf({.features = 3, .hidden = {8}}), 0.3));
  expect(moved(SplineAutoregressive({.features = 3, .hidden = {8}}, 5), 0.3));
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
  expect_bijector(
      SplineAutoregressive({.features = 3, .hidden = {16}, .context = 2, .activation = nn::Tanh()}, 5), random({4, 3}),
      {.context = random({4, 2}, 5), .scales = {0.1, 0.5}, .inverse = kDouble ? 1e-9 : 1e-3, .differences = 1e-4});
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

TEST(AutoregressiveFlows, AreBijectorsAfterTraining) {
  const Tensor x = random({200, 3}) * tensor({real(0.3), 1, 2}) + 1, few = x.rows(0, 4);
  manual_seed(3);
  const nn::Made::Options forth{.features = 3, .hidden = {16}};
  const nn::Made::Options back{.features = 3, .hidden = {16}, .ordering = {2, 1, 0}};
  expect_bijector(after_training(Chain(Maf(forth), BatchNorm({.features = 3}), Maf(back)), x), few,
                  {.scales = {0}, .inverse = kDouble ? 1e-12 : 1e-4});
  expect_bijector(after_training(Inverse(Maf(forth)), x), few, {.scales = {0}, .inverse = kDouble ? 1e-12 : 1e-4});
  expect_bijector(after_training(Chain(SplineAutoregressive(forth, 5), SplineAutoregressive(back, 5)), x), few,
                  {.scales = {0}, .inverse = kDouble ? 1e-9 : 1e-4});
}

TEST(AutoregressiveFlows, DensitiesIntegrateToOneAndAreDrawnFrom) {
  manual_seed(7);
  auto expect = [](auto layer, Caller at = Caller::here()) {
    const Chain chain(moved(layer, 0.1, 1), reverse(2), moved(layer, 0.1, 2));
    expect_density(Flow(chain, StandardNormal({2})), 14, 600, 1e-4, at);
  };
  const nn::Made::Options made{.features = 2, .hidden = {16}, .activation = nn::Tanh()};
  expect(Maf(made)), expect(Inverse(Maf(made))), expect(SplineAutoregressive(made, 5));
}

TEST(MixtureMade, IntegratesToOneAndIsDrawnFrom) {
  manual_seed(1);
  const MixtureMade p({.features = 2, .hidden = {16}, .activation = nn::Tanh()}, 3);
  expect_density(Flow(Chain(), moved(p, 0.3)), 14, 600);
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

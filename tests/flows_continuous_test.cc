// Continuous flows: the solver against closed forms, and the flow as a bijector.
#include "flows/continuous.h"
#include "tensor/elementwise.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

// Solved nearly to the last digit, both ways come together.
constexpr double kFine = kDouble ? 1e-11 : 1e-6;

TEST(Continuous, IsABijectorAlsoWithAContext) {
  BatteryOptions o{.scales = {0.5}, .inverse = kDouble ? 1e-9 : 1e-4, .log_det = 1e-8};
  manual_seed(1);
  expect_bijector(Continuous({.features = 3, .hidden = {4}, .tolerance = kFine}), random({2, 3}), o);
  o.context = random({2, 2}, 1);
  expect_bijector(Continuous({.features = 2, .hidden = {4}, .context = 2, .tolerance = kFine}), random({2, 2}), o);
}

TEST(Continuous, IsABijectorAfterTraining) {
  const Tensor x = random({50, 2}) * tensor({real(0.3), 1}) + 1;
  manual_seed(3);
  Continuous c = after_training(Continuous({.features = 2, .hidden = {4}}), x, {}, 5);
  c.options.tolerance = kFine;
  expect_bijector(c, x.rows(0, 2), {.scales = {0}, .inverse = kDouble ? 1e-9 : 1e-4, .log_det = 1e-8});
}

// dx/dt = A x / 2: a rotation by a right angle for A = ((0, -π), (π, 0)), a stretch for a diagonal A.
TEST(Continuous, SolvesLinearEquations) {
  Continuous c({.features = 2, .hidden = {}, .tolerance = kFine});
  for (Var& p : c.parameters()) p.mutable_value().fill(0);
  c.layers[0].layer.weight.mutable_value().copy_from(matrix({{0, real(-M_PI)}, {real(M_PI), 0}}));
  const Tensor x = matrix({{1, 0}, {real(0.3), -2}});
  expect_close(c.forward(x).z, matrix({{0, 1}, {2, real(0.3)}}), kDouble ? 1e-9 : 1e-5);
  expect_close(c.forward(x).log_det, zeros({2}));
  c.layers[0].layer.weight.mutable_value().copy_from(matrix({{1, 0}, {0, -3}}));
  const Latent l = c.forward(x);
  const real a = real(std::exp(0.5)), b = real(std::exp(-1.5));
  expect_close(l.z, matrix({{a, 0}, {real(0.3) * a, -2 * b}}), kDouble ? 1e-9 : 1e-5);
  expect_close(l.log_det, full({2}, -1), kDouble ? 1e-10 : 1e-5);
  expect_close(c.inverse(l.z).log_det, full({2}, 1), kDouble ? 1e-9 : 1e-5);
}

// A step of order 5: with ten times the tolerance the error grows about as much.
TEST(Continuous, IsAsExactAsItsToleranceSays) {
  SKIP_IN_FLOAT();
  manual_seed(2);
  Continuous c = moved(Continuous({.features = 2, .hidden = {8}, .tolerance = 1e-12}), 1);
  const Tensor x = random({10, 2}), exact = c.forward(x).z.value();
  for (const double tolerance : {1e-3, 1e-5, 1e-7}) {
    c.options.tolerance = tolerance;
    const double error = max_difference(c.forward(x).z.value(), exact);
    EXPECT_LE(error, 30 * tolerance);
    EXPECT_GE(error, tolerance / 1000);  // it took no more trouble than it was asked for
  }
}

TEST(Continuous, GradientsByWeightsTimeAndInputAreThoseOfDifferences) {
  SKIP_IN_FLOAT();
  manual_seed(4);
  const Continuous base({.features = 2, .hidden = {5}, .tolerance = 1e-10});
  auto f = [&](const std::vector<Var>& in) -> Outputs {
    Continuous c = base;
    c.layers[0].layer.weight = in[1], c.layers[1].gate.weight = in[2];
    const Latent l = c.forward(in[0]);
    const Data d = c.inverse(in[0]);
    return std::vector<Var>{l.z, l.log_det, d.x, d.log_det};
  };
  gradcheck(f, {random({3, 2}), random({5, 2}, 1), random({2, 1}, 2)}, {.eps = 1e-3, .tolerance = 1e-6});
}

TEST(Continuous, HutchinsonIsRightOnAverage) {
  manual_seed(5);
  Continuous c = moved(Continuous({.features = 3, .hidden = {6}}), 0.5);
  const NoGrad guard;
  const Tensor row = random({1, 3});
  const double want = double(c.forward(row).log_det.item());
  c.options.hutchinson = true;
  const Var estimates = c.forward(broadcast_to(row, {2000, 3})).log_det;
  const double error = std::sqrt(double(var(estimates, 0).item()) / 2000);
  EXPECT_NEAR(double(mean(estimates).item()), want, 5 * error + 1e-4);
  EXPECT_GT(error, 1e-4);
}

TEST(Continuous, DensitiesIntegrateToOneAndAreDrawnFrom) {
  manual_seed(7);
  const Continuous c = moved(Continuous({.features = 2, .hidden = {8}}), 0.5);
  expect_density(Flow(c, StandardNormal({2})), 8, 100, 1e-4);
}

TEST(Continuous, FarAwayItStaysFinite) {
  Continuous c = moved(Continuous({.features = 2, .hidden = {8}}), 1);
  const Var x = parameter(random({10, 2}) * 1e3);
  const Latent l = c.forward(x);
  backward(mean(l.z) + mean(l.log_det));
  EXPECT_TRUE(all_finite(l.z.value()) && all_finite(l.log_det.value()) && all_finite(x.grad().value()));
}

TEST(Continuous, SaysSoWhereItsVelocityIsTooWild) {
  Continuous c({.features = 1, .hidden = {}});
  for (Var& p : c.parameters()) p.mutable_value().fill(std::numeric_limits<real>::quiet_NaN());
  EXPECT_THROW(c.inverse(zeros({1, 1})), NotInvertible);
}

TEST(Continuous, SaysWhatItExpects) {
  expect_error([] { Continuous({.features = 0}); }, "0 features");
  expect_error([] { Continuous({.features = 2}).forward(zeros({3, 4})); }, "[B, 2] expected");
}

}  // namespace
}  // namespace bijou::flows

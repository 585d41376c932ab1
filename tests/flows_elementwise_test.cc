// The change of variables on one variable: bijectors, their log-slopes where naive formulas break, and their domains.
#include "autograd/ops.h"
#include "flows/elementwise.h"
#include "flows/flow.h"
#include "tests/flows_battery.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

const BatteryOptions kExact{.inverse = kDouble ? 1e-12 : 1e-4};

TEST(ElementwiseBijectors, MapsAreBijectors) {
  const Tensor x = random({4, 3});
  expect_bijector(Affine({3}), x, kExact);
  expect_bijector(Exp(), x, kExact);
  expect_bijector(Softplus(), x, kExact);
  expect_bijector(Sigmoid(), x, kExact);
  expect_bijector(Tanh(), x, kExact);
  expect_bijector(LeakyRelu(real(0.2)), x, kExact);
  expect_bijector(Asinh(), x, kExact);
  expect_bijector(Exp(), random({3, 2, 2}), kExact);
}

TEST(ElementwiseBijectors, TheOtherDirectionsAreBijectorsOfWhatTheMapReaches) {
  const Tensor positive = random_between(real(0.1), 3, {4, 3}), inside = random_between(real(0.1), real(0.9), {4, 3});
  expect_bijector(Inverse(Exp()), positive, kExact);
  expect_bijector(Inverse(Softplus()), positive, kExact);
  expect_bijector(Inverse(Sigmoid()), inside, kExact);
  expect_bijector(Inverse(Tanh()), inside, kExact);
  expect_bijector(Inverse(Asinh()), random({4, 3}), kExact);
  expect_bijector(Inverse(LeakyRelu(2)), random({4, 3}), kExact);
}

TEST(ElementwiseBijectors, ExpOfANormalIsTheLogNormal) {
  const Flow flow(Inverse(Exp()), StandardNormal({1}));
  for (const double y : {0.1, 1.0, 2.5}) {
    const double l = std::log(y), want = -0.5 * l * l - 0.91893853320467 - l;
    EXPECT_NEAR(double(flow.log_prob(full({1, 1}, real(y))).item()), want, 1e-6);
  }
}

// Closed forms of log f' for large |x|: both tails, where 1 - tanh² and the like have long been 0.
TEST(ElementwiseBijectors, LogSlopesKeepTheirDigitsInTheTails) {
  for (const double x : {9.0, 30.0, 1e4}) {
    const Tensor right = full({1, 1}, real(x)), left = full({1, 1}, real(-x));
    const double tolerance = x * (kDouble ? 1e-15 : 1e-6);
    for (const Tensor& at : {right, left}) {
      EXPECT_NEAR(double(Tanh().forward(at).log_det.item()), 2 * (M_LN2 - x) - 2 * std::log1p(std::exp(-2 * x)),
                  tolerance);
      EXPECT_NEAR(double(Sigmoid().forward(at).log_det.item()), -x - 2 * std::log1p(std::exp(-x)), tolerance);
      EXPECT_NEAR(double(Asinh().forward(at).log_det.item()), -0.5 * std::log1p(x * x), tolerance);
    }
    EXPECT_NEAR(double(Softplus().forward(left).log_det.item()), -x - std::log1p(std::exp(-x)), tolerance);
    EXPECT_NEAR(double(Softplus().forward(right).log_det.item()), -std::log1p(std::exp(-x)), tolerance);
  }
}

TEST(ElementwiseBijectors, ExtremeInputsGiveFiniteNumbersAndGradients) {
  const Tensor far = tensor({-10'000, -50, 0, real(1e-8), 50, 10'000}).reshape({6, 1});
  auto expect_finite = [&](const Bijector& b) {
    const Var x = parameter(far);
    const Latent l = b.forward(x);
    EXPECT_TRUE(all_finite(l.z.value()) && all_finite(l.log_det.value()));
    backward(sum(l.z) + sum(l.log_det));
    EXPECT_TRUE(all_finite(x.grad().value()));
  };
  expect_finite(Affine({1})), expect_finite(Softplus()), expect_finite(Sigmoid()), expect_finite(Tanh());
  expect_finite(LeakyRelu(real(0.01))), expect_finite(Asinh());
}

TEST(Asinh, IsThatOfTheLibraryFromTinyToHuge) {
  for (const double x : {0.0, 1e-30, 1e-7, 0.3, 5.0, 1e7, 2e8, 1e30})
    for (const double sign : {-1, 1}) {
      const double want = std::asinh(double(real(sign * x)));
      EXPECT_NEAR(double(Asinh().forward(full({1, 1}, real(sign * x))).z.item()), want,
                  std::abs(want) * (kDouble ? 1e-14 : 1e-6));
    }
}

TEST(Softplus, ComesBackFromNextToNothingAndFromFarAway) {
  for (const double x : {-80.0, -1.0, 1.0, 80.0, 1e4})
    EXPECT_NEAR(double(Softplus().inverse(Softplus().forward(full({1, 1}, real(x))).z).x.item()), x,
                std::abs(x) * (kDouble ? 1e-14 : 1e-5));
}

TEST(ElementwiseBijectors, WhatNoXIsMappedToIsOutsideOfTheDomain) {
  EXPECT_THROW(Exp().inverse(tensor({1, 2, -1})), OutsideDomain);
  EXPECT_THROW(Exp().inverse(tensor({0})), OutsideDomain);
  EXPECT_THROW(Inverse(Exp()).forward(tensor({-1})), OutsideDomain);
  EXPECT_THROW(Softplus().inverse(tensor({0})), OutsideDomain);
  EXPECT_THROW(Sigmoid().inverse(tensor({real(0.5), 1})), OutsideDomain);
  EXPECT_THROW(Tanh().inverse(tensor({-1})), OutsideDomain);
  EXPECT_THROW(Tanh().inverse(tensor({std::numeric_limits<real>::quiet_NaN()})), OutsideDomain);
  expect_error([] { Sigmoid().inverse(tensor({real(1.5)})); }, "no x has z = 1.5: numbers between 0 and 1 expected");
  expect_error([] { LeakyRelu(0); }, "a positive number");
}

TEST(Affine, RefusesWhatItWouldHaveToBroadcast) {
  expect_error([] { Affine({1}).forward(zeros({2, 5})); }, "[B] and then [1] expected, not [2, 5]");
  expect_error([] { Affine({5}).inverse(zeros({2, 1})); }, "[B] and then [5] expected, not [2, 1]");
}

// ∫ p(x) dx for p(x) = |dz/dx| p(z), by the trapezoid rule: each map under a normal base, in the direction that has all
// numbers as data, and the other over the interval that it reaches.
TEST(ElementwiseBijectors, DensitiesIntegrateToOne) {
  auto integral = [](const Bijector& b, double from, double to, bool back) {
    const int64_t n = 200'001;
    const Tensor x = linspace(real(from), real(to), n).rows(1, n - 1).reshape({n - 2, 1});
    const NoGrad guard;
    const Var z = back ? b.inverse(x).x : b.forward(x).z, log_det = back ? b.inverse(x).log_det : b.forward(x).log_det;
    double total = 0;
    for (real l : (StandardNormal({1}).log_prob(z) + log_det).value()) total += std::exp(double(l));
    return total * (to - from) / double(n - 1);
  };
  EXPECT_NEAR(integral(Asinh(), -400, 400, false), 1, 1e-4);
  EXPECT_NEAR(integral(LeakyRelu(real(0.5)), -14, 7, false), 1, 1e-4);
  EXPECT_NEAR(integral(Exp(), 0, 300, true), 1, 1e-4);
  EXPECT_NEAR(integral(Softplus(), 0, 8, true), 1, 1e-4);
  EXPECT_NEAR(integral(Sigmoid(), 0, 1, true), 1, 1e-4);
  EXPECT_NEAR(integral(Tanh(), -1, 1, true), 1, 1e-4);
}

}  // namespace
}  // namespace bijou::flows

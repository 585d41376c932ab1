// The rational-quadratic spline as a function of one variable.
#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "flows/spline.h"
#include "tests/support.h"

using namespace bijou;
using namespace bijou::flows;
using namespace bijou::testing;

namespace {

constexpr int64_t kBins = 8, kParams = 3 * kBins - 1;

TEST(RqSpline, IsTheIdentityAtParamsOfZero) {
  const Tensor x = linspace(-4, 4, 101);
  const Splined y = rq_spline(x, zeros({101, kParams}));
  expect_close(y.value, x);
  expect_close(y.log_slope, zeros({101}));
}

TEST(RqSpline, InverseUndoesItAndNegatesTheLogSlope) {
  SKIP_IN_FLOAT();
  for (const real scale : {real(0.3), real(1), real(3)}) {
    const Tensor x = random_between(-4, 4, {20'000}), params = normal({20'000, kParams}, 0, scale);
    const Splined y = rq_spline(x, params), back = rq_spline_inverse(y.value, params);
    expect_close(back.value, x, 1e-9);
    expect_close(back.log_slope + y.log_slope, zeros({20'000}), 1e-7);
    const Splined again = rq_spline(back.value, params);
    expect_close(again.value, y.value.value(), 1e-12);
  }
}

TEST(RqSpline, LogSlopeIsThatOfADifferenceQuotient) {
  SKIP_IN_FLOAT();
  const real h = real(1e-6);
  const Tensor x = random_between(-4, 4, {2'000}), params = random({2'000, kParams});
  auto value = [&](const Var& at) { return rq_spline(at, params).value; };
  const Var slope = (value(Var(x) + h) - value(Var(x) - h)) * (1 / (2 * h));
  expect_close(log(slope), rq_spline(x, params).log_slope.value(), 1e-5);
}

TEST(RqSpline, IsMonotoneContinuousAndKeepsTheEnds) {
  Generator g(3);
  const int64_t n = 2001;
  for (int trial = 0; trial < 20; ++trial) {
    const Var params = broadcast_to(Var(normal({1, kParams}, 0, 3, g)), {n, kParams});
    const Splined y = rq_spline(linspace(real(-3.0001), real(3.0001), n), params);
    const real* v = y.value.value().data();
    for (int64_t i = 1; i < n; ++i) ASSERT_LE(v[i - 1], v[i]);
    EXPECT_NEAR(double(v[0]), -3.0001, 1e-6);
    EXPECT_NEAR(double(v[n - 1]), 3.0001, 1e-6);
  }
  const Splined ends = rq_spline(tensor({real(-2.9999999), real(2.9999999)}), random({2, kParams}));
  expect_close(ends.log_slope, zeros({2}), 1e-3);  // slope 1 at both ends
}

// Value and log-slope, both directions: hand-written rules against differences, and against the composition in ops.
TEST(RqSpline, GradientsAreThoseOfDifferencesAndSoAreGradientsOfGradients) {
  SKIP_IN_FLOAT();
  const Tensor x = random_between(-4, 4, {40}, 1), params = random({40, kParams}, 2);
  for (const bool inverse : {false, true}) {
    auto f = [&](const std::vector<Var>& in) -> Outputs {
      const Splined y = inverse ? rq_spline_inverse(in[0], in[1]) : rq_spline(in[0], in[1]);
      return std::vector<Var>{y.value, y.log_slope};
    };
    gradcheck(f, {x, params}, {.eps = 1e-5, .tolerance = 1e-6});
    gradgradcheck(f, {x, params}, {.eps = 1e-5, .tolerance = 1e-5});
  }
}

// Ten times steeper than any trained network makes it, far outside, at the ends and at knots.
TEST(RqSpline, FuzzedItNeverGivesNaNNeitherValuesNorGradients) {
  Generator g(7);
  for (const bool inverse : {false, true}) {
    const int64_t n = 500'000;
    Tensor at = normal({n}, 0, 2, g), params = normal({n, kParams}, 0, 10, g);
    real* x = at.mutable_data();
    for (int64_t i = 0; i < n; i += 10) x[i] = real(g.uniform() * 2e4 - 1e4);
    for (int64_t i = 1; i < n; i += 10) x[i] = real(i % 3 - 1) * 3;
    for (int64_t i = 2; i < n; i += 10) x[i] = std::nextafter(real(3), real(i % 20));
    const Var leaf = parameter(at), free = parameter(params);
    const Splined y = inverse ? rq_spline_inverse(leaf, free) : rq_spline(leaf, free);
    ASSERT_TRUE(all_finite(y.value.value()) && all_finite(y.log_slope.value()));
    backward(sum(y.value) + sum(y.log_slope));
    ASSERT_TRUE(all_finite(leaf.grad().value()) && all_finite(free.grad().value()));
  }
}

// The error of a root, in z, is what the storage of x makes of it: eps |x| dz/dx and no more.
TEST(RqSpline, InverseIsAsExactAsStorageAllows) {
  Generator g(8);
  const int64_t n = 100'000;
  const Tensor z = uniform({n}, -3, 3, g), params = normal({n, kParams}, 0, 3, g);
  const Splined x = rq_spline_inverse(z, params), again = rq_spline(x.value, params);
  const Var residual = abs(again.value - z) / maximum(exp(again.log_slope), Var(real(1)));
  EXPECT_LE(double(max(residual).item()), kDouble ? 1e-12 : 1e-6);
}

TEST(RqSpline, ShapesThatDoNotFitAreRefused) {
  expect_error([] { rq_spline(zeros({3}), zeros({3, 7})); }, "3 bins - 1");
  expect_error([] { rq_spline(zeros({3}), zeros({2, 8})); }, "[2, 8] for numbers [3]");
}

}  // namespace

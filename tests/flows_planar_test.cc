// Planar flows: the paper's constraint, and a way back that no library has.
#include "flows/planar.h"
#include "flows/tanh_root.h"
#include "nn/checkpoint.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

BatteryOptions exact() {
  if (!kDouble) return {.scales = {0, 0.1}, .inverse = 1e-5};
  return {.inverse = 1e-12};
}

// To come back to z, digits of x are divided by a slope that may be 1e-3, and multiplied by the length of û, which is
// great where w is short: among the w of random contexts some are.
BatteryOptions from_z(const Tensor& context = {}) {
  if (!kDouble) return {.context = context, .scales = {0, 0.1}, .inverse = 1e-4};
  return {.context = context, .scales = {0, 0.1, 1}, .inverse = 1e-11};
}

TEST(Planar, IsABijectorWithTanhAndWithALeakyRelu) {
  for (const Planar::F f : {Planar::F::kTanh, Planar::F::kLeakyRelu})
    for (const int64_t d : {1, 2, 5}) {
      manual_seed(uint64_t(d));
      expect_bijector(Planar({.features = d, .f = f}), random({4, d}), exact());
      expect_bijector(Inverse(Planar({.features = d, .f = f})), random({4, d}), from_z());
      expect_bijector(Planar({.features = d, .context = 3, .f = f}), random({4, d}), from_z(random({4, 3}, 1)));
    }
}

TEST(Planar, IsABijectorAfterTraining) {
  const Tensor x = random({200, 2}) * tensor({real(0.3), 1}) + 1, context = random({200, 2}, 5);
  manual_seed(3);
  for (const Planar::F f : {Planar::F::kTanh, Planar::F::kLeakyRelu}) {
    const Planar plain({.features = 2, .f = f}), conditional({.features = 2, .context = 2, .f = f});
    expect_bijector(after_training(plain, x), x.rows(0, 4), {.scales = {0}, .inverse = kDouble ? 1e-12 : 1e-5});
    expect_bijector(after_training(conditional, x, context), x.rows(0, 4),
                    {.context = context.rows(0, 4), .scales = {0}, .inverse = kDouble ? 1e-12 : 1e-5});
  }
}

// By hand: D = 2, w = (1, 2), u = (-3, 0.5), so a = -2.
TEST(Planar, IsTheFormulaOfThePaper) {
  Planar p({.features = 2});
  p.w.mutable_value().copy_from(matrix({{1, 2}}));
  p.u.mutable_value().copy_from(matrix({{-3, real(0.5)}}));
  p.b.mutable_value().fill(real(0.7));
  const double a = -2, m = -1 + std::log1p(std::exp(a)) + 1e-3, u1 = -3 + (m - a) / 5, u2 = 0.5 + (m - a) * 2 / 5;
  const double s = 0.4 + 2 * -0.1 + 0.7, t = std::tanh(s);
  const Data d = p.inverse(matrix({{real(0.4), real(-0.1)}}));
  expect_close(d.x, matrix({{real(0.4 + u1 * t), real(-0.1 + u2 * t)}}));
  expect_close(d.log_det, tensor({real(std::log1p((u1 + 2 * u2) * (1 - t * t)))}));
}

TEST(Planar, IsNearTheIdentityAtFirstAndExactlyItAlongPlanes) {
  manual_seed(4);
  const Planar p({.features = 3});
  const Tensor z = random({20, 3}), x = p.inverse(z).x.value();
  EXPECT_LT(max_difference(x, z), 0.1);
  // What is orthogonal to w moves z, not s: the displacement is the same.
  const real* w = p.w.value().data();
  const Tensor along = tensor({w[1], -w[0], 0}), moved = p.inverse((Var(z) + along).value()).x.value();
  expect_close((Var(moved) - along), x, kDouble ? 1e-12 : 1e-5);
}

// 200,000 equations of every kind: c just above -1 to 1000, t from nothing to 10,000.
TEST(TanhRoot, SolvesItsEquationToTheLastDigit) {
  Generator g(5);
  const int64_t n = 200'000;
  Tensor t = normal({n}, 0, 1, g), c = normal({n}, 0, 1, g);
  real *to_t = t.mutable_data(), *to_c = c.mutable_data();
  for (int64_t i = 0; i < n; ++i) {
    to_t[i] *= real(std::pow(10, g.uniform() * 12 - 8));
    const double size = std::pow(10, g.uniform() * 9 - 6);
    to_c[i] = real(i % 2 ? size : -1 + std::min(size, 0.999));
  }
  const Tensor s = tanh_root(t, c).value();
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double x = double(s.data()[i]), left = x + double(c.data()[i]) * std::tanh(x), right = double(t.data()[i]);
    worst = std::max(worst, std::abs(left - right) / std::max({1.0, std::abs(double(c.data()[i])), std::abs(right)}));
  }
  EXPECT_LE(worst, kDouble ? 1e-15 : 5e-7);
}

TEST(TanhRoot, HasTheDerivativesOfTheSolutionAndThoseOfThese) {
  SKIP_IN_FLOAT();
  expect_gradients([](const std::vector<Var>& in) { return tanh_root(in[0], in[1]); },
                   {random({30}), random_between(real(-0.8), 5, {30})});
}

// As wild as nobody trains them; and where w vanishes, which has no direction.
TEST(Planar, FuzzedItComesBackAndGradientsAreFinite) {
  Generator g(6);
  for (const Planar::F f : {Planar::F::kTanh, Planar::F::kLeakyRelu})
    for (int trial = 0; trial < 20; ++trial) {
      Planar p({.features = 2, .f = f}, g);
      const real scale = real(std::pow(10, trial % 5 - 3));
      for (Var& w : p.parameters()) w.mutable_value().copy_from(normal(w.shape(), 0, scale, g));
      if (trial == 0) p.w.mutable_value().fill(0);
      const Var z = parameter(normal({5000, 2}, 0, real(trial % 3 == 0 ? 1e3 : 1), g));
      const Data d = p.inverse(z);
      const Latent back = p.forward(d.x);
      ASSERT_TRUE(all_finite(back.z.value()) && all_finite(back.log_det.value()) && all_finite(d.log_det.value()));
      // The slope along w may be 1e-3, and û long: rounding errors of x grow by their quotient.
      const double size = std::max(1.0, double(max(abs(d.x)).item()));
      EXPECT_LE(max_difference(back.z.value(), z.value()), size * (kDouble ? 1e-12 : 1e-3));
      backward(mean(back.z) + mean(back.log_det) + mean(d.log_det));
      EXPECT_TRUE(all_finite(z.grad().value()));
      for (const Var& w : p.parameters()) EXPECT_TRUE(all_finite(w.grad().value()));
    }
}

TEST(Planar, DensitiesIntegrateToOneAndAreDrawnFrom) {
  for (const Planar::F f : {Planar::F::kTanh, Planar::F::kLeakyRelu}) {
    manual_seed(7);
    Chain chain;
    for (int i = 0; i < 4; ++i) chain.add(moved(Planar({.features = 2, .f = f}), 0.5, uint64_t(i)));
    expect_density(Flow(chain, StandardNormal({2})), 12, 600, f == Planar::F::kTanh ? 1e-4 : 1e-3);
  }
}

TEST(Planar, SaysWhatItExpects) {
  expect_error([] { Planar({.features = 0}); }, "0 features");
  expect_error([] { Planar({.features = 2}).inverse(zeros({3, 4})); }, "z of shape [B, 2] expected");
  expect_error([] { Planar({.features = 2, .context = 1}).inverse(zeros({3, 2})); }, "a context [B, 1] expected");
}

}  // namespace
}  // namespace bijou::flows

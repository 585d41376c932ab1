// Radial flows, and their inverse in closed form.
#include "flows/radial.h"
#include "tensor/elementwise.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

BatteryOptions exactly(const Tensor& context = {}) {
  return {.context = context, .scales = {0, 0.1, 1, 3}, .inverse = kDouble ? 1e-12 : 1e-4};
}

TEST(Radial, IsABijector) {
  for (const int64_t d : {1, 2, 5}) {
    manual_seed(uint64_t(d));
    expect_bijector(Radial({.features = d}), random({4, d}), exactly());
    expect_bijector(Inverse(Radial({.features = d})), random({4, d}), exactly());
    expect_bijector(Radial({.features = d, .context = 3}), random({4, d}), exactly(random({4, 3}, 1)));
  }
}

TEST(Radial, IsABijectorAfterTraining) {
  const Tensor x = random({200, 2}) * tensor({real(0.3), 1}) + 1, context = random({200, 2}, 5);
  manual_seed(3);
  expect_bijector(after_training(Radial({.features = 2}), x), x.rows(0, 4), exactly());
  expect_bijector(after_training(Radial({.features = 2, .context = 2}), x, context), x.rows(0, 4),
                  exactly(context.rows(0, 4)));
}

// By hand, in the paper's terms: α = 0.5, β̂ = 1.5, z₀ = (1, 0), r = 2.
TEST(Radial, IsTheFormulaOfThePaper) {
  Radial p({.features = 2});
  p.center.mutable_value().copy_from(matrix({{1, 0}}));
  p.alpha.mutable_value().fill(real(std::log(std::expm1(0.5))));
  p.q.mutable_value().fill(real(std::log(std::expm1(2.0))));  // α + β̂
  const double h = 1 / 2.5, slope = -h * h;
  const Data d = p.inverse(matrix({{1, 2}}));
  expect_close(d.x, matrix({{1, real(2 + 1.5 * h * 2)}}));
  expect_close(d.log_det, tensor({real(std::log(1 + 1.5 * h) + std::log(1 + 1.5 * h + 1.5 * slope * 2))}));
}

// Contractions and expansions by any factor, points at the centre, near it and far away.
TEST(Radial, FuzzedItComesBackAndGradientsAreFinite) {
  Generator g(6);
  for (int trial = 0; trial < 40; ++trial) {
    Radial p({.features = 3}, g);
    const real scale = real(std::pow(10, trial % 4 - 2));
    for (Var& w : p.parameters()) w.mutable_value().copy_from(normal(w.shape(), 0, scale, g));
    Tensor at = normal({5000, 3}, 0, real(trial % 3 == 0 ? 1e4 : 1), g);
    at.row(0).copy_from(p.center.value().row(0));
    const Var z = parameter(at);
    const Data d = p.inverse(z);
    const Latent back = p.forward(d.x);
    ASSERT_TRUE(all_finite(back.z.value()) && all_finite(back.log_det.value()) && all_finite(d.log_det.value()));
    const Tensor again = p.inverse(back.z).x.value();
    EXPECT_LE(max_difference(again, d.x.value()), kDouble ? 1e-12 : 1e-4);
    backward(mean(back.z) + mean(back.log_det) + mean(d.log_det));
    EXPECT_TRUE(all_finite(z.grad().value()));
    for (const Var& w : p.parameters()) EXPECT_TRUE(all_finite(w.grad().value()));
  }
}

TEST(Radial, DensitiesIntegrateToOneAndAreDrawnFrom) {
  manual_seed(7);
  Chain chain;
  for (int i = 0; i < 4; ++i) chain.add(moved(Radial({.features = 2}), 0.5, uint64_t(i)));
  expect_density(Flow(chain, StandardNormal({2})), 12, 600);
}

TEST(Radial, SaysWhatItExpects) {
  expect_error([] { Radial({.features = 0}); }, "0 features");
  expect_error([] { Radial({.features = 2}).forward(zeros({3, 4})); }, "[B, 2] expected");
  expect_error([] { Radial({.features = 2, .context = 1}).forward(zeros({3, 2})); }, "a context [B, 1] expected");
}

}  // namespace
}  // namespace bijou::flows

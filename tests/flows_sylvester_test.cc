// Sylvester flows, and their inverse by back-substitution.
#include "flows/sylvester.h"
#include "tensor/elementwise.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

// A slope of 1e-3 in each of M directions, and what is above the diagonals, multiply the rounding errors of x.
BatteryOptions battery_options(const Tensor& context = {}) {
  if (!kDouble) return {.context = context, .scales = {0, 0.1}, .inverse = 1e-4};
  return {.context = context, .inverse = 1e-12};
}

TEST(Sylvester, IsABijector) {
  for (const auto& [d, m] : {std::pair<int64_t, int64_t>{1, 1}, {2, 1}, {2, 2}, {6, 4}}) {
    manual_seed(uint64_t(d));
    expect_bijector(Sylvester({.features = d, .hidden = m}), random({4, d}), battery_options());
    expect_bijector(Inverse(Sylvester({.features = d, .hidden = m})), random({4, d}), battery_options());
    expect_bijector(Sylvester({.features = d, .hidden = m, .context = 3}), random({4, d}),
                    battery_options(random({4, 3}, 1)));
  }
}

TEST(Sylvester, IsABijectorAfterTraining) {
  const Tensor x = random({200, 3}) * tensor({real(0.3), 1, 2}) + 1, context = random({200, 2}, 5);
  manual_seed(3);
  expect_bijector(after_training(Sylvester({.features = 3, .hidden = 2}), x), x.rows(0, 4), battery_options());
  expect_bijector(after_training(Sylvester({.features = 3, .hidden = 2, .context = 2}), x, context), x.rows(0, 4),
                  battery_options(context.rows(0, 4)));
}

TEST(Sylvester, KeepsQOrthonormalHoweverItIsTrained) {
  const Var q = moved(Sylvester({.features = 7, .hidden = 4, .reflections = 6}), 3).q();
  expect_close(matmul(q, q, {.transpose_a = true}), eye(4));
}

// Far from any trained network: 2,000 flows of M = 4 with parameters of scale 3, all of which come back.
TEST(Sylvester, FuzzedItComesBackAndGradientsAreFinite) {
  Generator g(6);
  for (int trial = 0; trial < 100; ++trial) {
    Sylvester p({.features = 5, .hidden = 4}, g);
    for (Var& w : p.parameters()) w.mutable_value().copy_from(normal(w.shape(), 0, real(trial % 2 ? 3 : 1), g));
    const Var z = parameter(normal({200, 5}, 0, real(trial % 5 == 0 ? 1e3 : 1), g));
    const Data d = p.inverse(z);
    const Latent back = p.forward(d.x);
    ASSERT_TRUE(all_finite(back.z.value()) && all_finite(back.log_det.value()) && all_finite(d.log_det.value()));
    EXPECT_LE(max_difference(p.inverse(back.z).x.value(), d.x.value()), kDouble ? 1e-9 : 1e-1);
    backward(mean(back.z) + mean(back.log_det) + mean(d.log_det));
    EXPECT_TRUE(all_finite(z.grad().value()));
    for (const Var& w : p.parameters()) EXPECT_TRUE(all_finite(w.grad().value()));
  }
}

TEST(Sylvester, DensitiesIntegrateToOneAndAreDrawnFrom) {
  manual_seed(7);
  Chain chain;
  for (int i = 0; i < 3; ++i) chain.add(moved(Sylvester({.features = 2, .hidden = 2}), 0.5, uint64_t(i)));
  expect_density(Flow(chain, StandardNormal({2})), 12, 600);
}

TEST(Sylvester, SaysWhatItExpects) {
  expect_error([] { Sylvester({.features = 2, .hidden = 3}); }, "3 hidden units for 2 features");
  expect_error([] { Sylvester({.features = 2, .hidden = 1}).forward(zeros({3, 4})); }, "[B, 2] expected");
}

}  // namespace
}  // namespace bijou::flows

// Residual flows: contractions, their inverse by iteration, and log-determinants exact and estimated.
#include "flows/residual.h"
#include "tensor/elementwise.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

namespace bijou::flows {
namespace {

using namespace bijou::testing;

// The power iteration ends at a norm, and so a gradient, of few digits.
BatteryOptions battery(const Tensor& context = {}) { return {.context = context, .gradients = 1e-2}; }

TEST(Residual, IsABijector) {
  for (const int64_t d : {1, 2, 4}) {
    manual_seed(uint64_t(d));
    expect_bijector(Residual({.features = d, .hidden = {8, 8}}), random({3, d}), battery());
    expect_bijector(Residual({.features = d, .hidden = {8}, .context = 2}), random({3, d}), battery(random({3, 2}, 1)));
  }
}

TEST(Residual, IsABijectorAfterTraining) {
  const Tensor x = random({100, 2}) * tensor({real(0.3), 1}) + 1;
  manual_seed(3);
  expect_bijector(after_training(Residual({.features = 2, .hidden = {16, 16}}), x), x.rows(0, 4),
                  {.scales = {0}, .gradients = 1e-2});
}

// |r(a) - r(b)| <= 0.9³ |a - b|, with weights that are ten times too large.
TEST(Residual, ContractsWhateverItsWeights) {
  Residual block = moved(Residual({.features = 3, .hidden = {16, 16}, .coefficient = 0.9}), 3);
  const Tensor a = random({1000, 3}), b = a + random({1000, 3}, 1) * real(0.1);
  const Tensor before = sum(square(a - b), 1), after = sum(square(block.r(a, {}).value() - block.r(b, {}).value()), 1);
  double most = 0;
  for (int64_t i = 0; i < 1000; ++i) most = std::max(most, double(after.data()[i]) / double(before.data()[i]));
  EXPECT_LE(std::sqrt(most), 0.9 * 0.9 * 0.9);
  EXPECT_GE(std::sqrt(most), 0.01);  // and doesn't do so by vanishing
}

TEST(SpectralLinear, HasTheSpectralNormThatWasAskedFor) {
  Generator g(4);
  SpectralLinear layer(5, 7, 0.9, g);
  layer.bias.mutable_value().fill(0);
  layer.weight.mutable_value().copy_from(normal({7, 5}, 0, 2, g));
  const Tensor w = layer(eye(5)).value();  // its transpose
  EXPECT_NEAR(std::sqrt(double(amax(eigh(matmul(w, w, {.transpose_b = true})).values, 0).item())), 0.9, 1e-2);
}

// In one dimension vᵀ J v = J: the series alone, against log (1 + J).
TEST(Residual, SeriesConvergesToTheLogDeterminant) {
  manual_seed(5);
  Residual block = moved(Residual({.features = 1, .hidden = {8}, .coefficient = 0.8, .terms = 60}), 1);
  const Tensor x = random({20, 1});
  const Tensor exact = block.forward(x).log_det.value();
  block.options.log_det = Residual::LogDet::kSeries;
  expect_close(block.forward(x).log_det, exact, kDouble ? 1e-12 : 1e-5);
}

// A J of -0.6 whatever x is: a series of which half the value lies behind its first term.
TEST(Residual, RussianRouletteWeighsRareTermsByHowRareTheyAre) {
  manual_seed(8);
  Residual block({.features = 1, .hidden = {}, .coefficient = 0.6, .log_det = Residual::LogDet::kRoulette, .terms = 1});
  block.layers[0].weight.mutable_value().fill(-5);
  const NoGrad guard;
  constexpr int kRuns = 4000;
  double sum = 0, squares = 0;
  for (int run = 0; run < kRuns; ++run) {
    const double estimate = double(block.forward(zeros({1, 1})).log_det.item());
    sum += estimate, squares += estimate * estimate;
  }
  const double error = std::sqrt((squares / kRuns - sum * sum / kRuns / kRuns) / kRuns);
  EXPECT_NEAR(sum / kRuns, std::log(0.4), 5 * error);
  EXPECT_LT(error, 0.02);
}

// The mean of many estimates is the log-determinant, within five standard errors; and those of its gradient.
TEST(Residual, RussianRouletteIsRightOnAverage) {
  manual_seed(6);
  Residual block = moved(Residual({.features = 3, .hidden = {8}, .terms = 1}), 1);
  const Tensor row = random({1, 3}), x = broadcast_to(row, {50, 3});
  auto gradient = [&](const Var& log_det) {
    return double(grad(mean(log_det), {block.layers[0].weight})[0].value().data()[0]);
  };
  const Var exact = block.forward(row).log_det;
  const double want = double(exact.item()), want_gradient = gradient(exact);
  block.options.log_det = Residual::LogDet::kRoulette;
  constexpr int kRuns = 400;
  double sum = 0, squares = 0, sum_g = 0, squares_g = 0;
  for (int run = 0; run < kRuns; ++run) {
    const Var estimate = block.forward(x).log_det;
    const double m = double(mean(estimate).item()), g = gradient(estimate);
    sum += m, squares += m * m, sum_g += g, squares_g += g * g;
  }
  auto error = [](double sum, double squares) {
    return std::sqrt(std::max(squares / kRuns - sum * sum / kRuns / kRuns, 0.0) / kRuns);
  };
  EXPECT_NEAR(sum / kRuns, want, 5 * error(sum, squares));
  EXPECT_NEAR(sum_g / kRuns, want_gradient, 5 * error(sum_g, squares_g));
  EXPECT_LT(error(sum, squares), 0.05);
}

TEST(Residual, DensitiesIntegrateToOneAndAreDrawnFrom) {
  manual_seed(7);
  Chain chain;
  for (int i = 0; i < 2; ++i) chain.add(moved(Residual({.features = 2, .hidden = {8}}), 0.5, uint64_t(i)));
  chain.eval();
  expect_density(Flow(chain, StandardNormal({2})), 12, 250);
}

TEST(Residual, FarAwayItStaysFinite) {
  Residual block = moved(Residual({.features = 2, .hidden = {8}}), 10);
  block.eval();
  const Var x = parameter(random({50, 2}) * 1e4);
  const Latent l = block.forward(x);
  const Data d = block.inverse(l.z.detach());
  EXPECT_LE(max_difference(d.x.value(), x.value()), kDouble ? 1e-10 : 1e-4);
  backward(mean(l.z) + mean(l.log_det));
  EXPECT_TRUE(all_finite(l.log_det.value()) && all_finite(x.grad().value()));
}

// In training the power iteration goes on with every call; while an equation is solved it should not.
TEST(Residual, SolvesAnEquationThatStandsStillInTraining) {
  Residual block = moved(Residual({.features = 3, .hidden = {16}}), 2), evaluated = nn::clone(block);
  evaluated.eval();
  const Tensor z = random({5, 3});
  expect_close(block.inverse(z).x, evaluated.inverse(z).x.value(), 0);
}

TEST(Residual, SaysWhatItExpects) {
  expect_error([] { Residual({.features = 2, .coefficient = 1}); }, "a coefficient below 1 expected");
  expect_error([] { Residual({.features = 2}).forward(zeros({3, 4})); }, "[B, 2] expected");
}

}  // namespace
}  // namespace bijou::flows

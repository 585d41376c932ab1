// Coupling layers: additive, affine and spline; by halves and by masks; with and without a context.
#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "flows/actnorm.h"
#include "flows/coupling.h"
#include "flows/linear.h"
#include "nn/linear.h"
#include "tensor/elementwise.h"
#include "tests/flows_battery.h"
#include "tests/flows_density.h"

using namespace bijou;
using namespace bijou::flows;
using namespace bijou::testing;

namespace {

// A layer of class C with a perceptron that wants something of everybody.
template <class C>
C layer(const Coupling::Options& o, int64_t params, int64_t context = 0) {
  manual_seed(5);
  return C(o, mlp({.in = o.kept() + context, .out = params * o.moved(), .hidden = {8}, .zero = false}));
}

template <class C>
void expect_coupling(int64_t params, const BatteryOptions& o = {}) {
  BatteryOptions with_context = o;
  with_context.context = random({4, 3}, 1);
  expect_bijector(layer<C>({.features = 2}, params), random({4, 2}), o);
  expect_bijector(layer<C>({.features = 5}, params, 3), random({4, 5}), with_context);
  expect_bijector(layer<C>({.features = 5, .flip = true}, params), random({4, 5}), o);
  expect_bijector(layer<C>({.features = 5, .mask = alternating(5)}, params, 3), random({4, 5}), with_context);
}

// Bins as steep as wild networks make them lose the digits of x that storage has not; see RqSpline.
BatteryOptions for_splines() {
  BatteryOptions o{.inverse = kDouble ? 1e-9 : 1e-4};
  if (!kDouble) o.scales = {0, 0.1};
  return o;
}

TEST(AdditiveCoupling, IsABijector) { expect_coupling<AdditiveCoupling>(1); }
TEST(AffineCoupling, IsABijector) { expect_coupling<AffineCoupling>(2); }
TEST(SplineCoupling, IsABijector) { expect_coupling<SplineCoupling>(23, for_splines()); }

TEST(Coupling, LayersAreBijectorsAfterTraining) {
  const Tensor x = random({200, 4}) * tensor({real(0.3), 1, 2, 1}) + 1, few = x.rows(0, 4);
  const Coupling::Options first{.features = 4}, second{.features = 4, .flip = true};
  expect_bijector(after_training(Chain(layer<AdditiveCoupling>(first, 1), layer<AdditiveCoupling>(second, 1)), x), few,
                  {.scales = {0}});
  expect_bijector(
      after_training(Chain(ActNorm(4), layer<AffineCoupling>(first, 2), layer<AffineCoupling>(second, 2)), x), few,
      {.scales = {0}});
  BatteryOptions spline = for_splines();
  spline.scales = {0};
  expect_bijector(after_training(Chain(layer<SplineCoupling>(first, 23), layer<SplineCoupling>(second, 23)), x), few,
                  spline);
}

TEST(Coupling, DensitiesIntegrateToOneAndAreDrawnFrom) {
  auto expect = [](const auto& first, const auto& second, Caller at = Caller::here()) {
    const Chain chain(moved(first, 0.2, 1), LuLinear(2), moved(second, 0.2, 2));
    expect_density(Flow(chain, StandardNormal({2})), 12, 600, 1e-4, at);
  };
  const Coupling::Options o{.features = 2}, flipped{.features = 2, .flip = true};
  expect(layer<AffineCoupling>(o, 2), layer<AffineCoupling>(flipped, 2));
  expect(layer<SplineCoupling>(o, 23), layer<SplineCoupling>(flipped, 23));
}

TEST(Coupling, OfImagesIsABijectorByCheckerboardAndByChannels) {
  const Tensor x = random({2, 2, 4, 2});
  auto image_layer = [](Coupling::Options o, int64_t params) {
    manual_seed(6);
    return convnet({.in = o.kept(), .out = params * o.moved(), .hidden = {3, 3}, .zero = false});
  };
  const Coupling::Options halves{.features = 2}, board{.features = 2, .mask = checkerboard(4, 2)};
  expect_bijector(AffineCoupling(halves, image_layer(halves, 2)), x);
  expect_bijector(AffineCoupling(board, image_layer(board, 2)), x);
  expect_bijector(SplineCoupling(board, image_layer(board, 23)), x, for_splines());
}

// By the book: D = 2, one linear layer of known numbers.
TEST(AffineCoupling, IsTheFormulaOfThePaper) {
  AffineCoupling c({.features = 2}, nn::Linear({.in = 1, .out = 2}));
  auto& net = c.conditioner.as<nn::Linear>();
  net.weight.mutable_value().copy_from(matrix({{real(0.5)}, {2}}));
  net.bias.mutable_value().copy_from(tensor({real(0.1), -1}));
  c.bound.mutable_value().fill(real(1.5));
  const Latent l = c.forward(matrix({{real(0.3), real(-0.7)}}));
  const double s = 1.5 * std::tanh(0.5 * 0.3 + 0.1), t = 2 * 0.3 - 1;
  expect_close(l.z, matrix({{real(0.3), real(-0.7 * std::exp(s) + t)}}));
  expect_close(l.log_det, tensor({real(s)}));
}

TEST(Coupling, CopiesWhatItKeepsBitForBit) {
  const Tensor x = random({50, 5});
  for (const bool flip : {false, true}) {
    const Coupling::Options o{.features = 5, .flip = flip};
    const Tensor z = layer<SplineCoupling>(o, 23).forward(x).z.value();
    const int64_t first = flip ? o.moved() : 0;
    expect_close(slice(z, 1, first, first + o.kept()), slice(x, 1, first, first + o.kept()), 0);
  }
  const Tensor z = layer<AffineCoupling>({.features = 5, .mask = alternating(5, true)}, 2).forward(x).z.value();
  expect_close(slice(z, 1, 1, 5, 2), slice(x, 1, 1, 5, 2), 0);
}

TEST(Coupling, BeginsAsTheIdentityWhereItsNetworkBeginsAtZero) {
  const Tensor x = random({6, 4});
  const Coupling::Options o{.features = 4};
  expect_close(AffineCoupling(o, mlp({.in = 2, .out = 4})).forward(x).z, x, 0);
  expect_close(SplineCoupling(o, mlp({.in = 2, .out = 46})).forward(x).z, x);
}

TEST(Coupling, MasksAlternate) {
  expect_close(checkerboard(2, 3).reshape({2, 3}), matrix({{1, 0, 1}, {0, 1, 0}}));
  expect_close(checkerboard(2, 2).reshape({2, 2}), matrix({{1, 0}, {0, 1}}));  // of even width no parity of i
  expect_close(checkerboard(2, 3).flatten() + checkerboard(2, 3, true).flatten(), ones({6}));
  expect_close(alternating(4, true), tensor({0, 1, 0, 1}));
}

// No network anybody trains is this wild: weights of scale 10, inputs to 1e4. A million numbers moved, half of them
// back.
TEST(AffineCoupling, FuzzedItNeverGivesNaNNeitherValuesNorGradients) {
  Generator g(9);
  for (int trial = 0; trial < 25; ++trial) {
    AffineCoupling c = layer<AffineCoupling>({.features = 4, .flip = trial % 2 == 1}, 2);
    for (Var p : c.parameters()) p.mutable_value().copy_from(normal(p.shape(), 0, 10, g));
    c.bound.mutable_value().copy_from(normal(c.bound.shape(), 0, 3, g));
    const Var x = parameter(uniform({10'000, 4}, -1e4, 1e4, g));
    const Latent l = c.forward(x);
    const Data d = c.inverse(x);
    ASSERT_TRUE(all_finite(l.z.value()) && all_finite(d.x.value()) && all_finite(l.log_det.value()));
    backward(mean(l.z) + mean(l.log_det) + mean(d.x));
    ASSERT_TRUE(all_finite(x.grad().value()));
    for (const Var& p : c.parameters()) ASSERT_TRUE(all_finite(p.grad().value()));
  }
}

TEST(Coupling, ThrowsWhereNothingIsLeftToKeepOrToMove) {
  auto net = [](const Var& x) { return x; };
  expect_error([&] { AdditiveCoupling({.features = 1}, net); }, "no two halves");
  expect_error([&] { AdditiveCoupling({.features = 2, .mask = ones({2})}, net); }, "keeps 2 and moves 0");
  expect_error([&] { AdditiveCoupling({.features = 3}, net).forward(zeros({1, 3})); }, "[1, 1] expected");
}

}  // namespace

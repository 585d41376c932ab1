// Parts of adversarial training whose values are known.
#include "examples/experiments/gan.h"

#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "nn/activation.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tests/support.h"

namespace bijou::experiments {
namespace {

using namespace bijou::testing;

TEST(Gan, TheGradientPenaltyOfALinearCriticIsThatOfItsSlope) {
  nn::Linear critic({.in = 3, .out = 1});
  critic.weight.mutable_value().copy_from(matrix({{2, -1, 2}}));  // of length 3
  Generator g(1);
  const Var penalty = gradient_penalty(critic, random({5, 3}), random({5, 3}, 1), g);
  EXPECT_NEAR(penalty.item(), 4, 1e-5);
  backward(penalty);  // d (|w| - 1)² / dw = 2 (|w| - 1) w / |w|
  expect_close(critic.weight.grad(), matrix({{real(8.0 / 3), real(-4.0 / 3), real(8.0 / 3)}}), 1e-5);
}

TEST(Gan, SlopesAreThoseOfEachExample) {
  auto half_square = [](const Var& x) { return sum(square(x), 1, {.keepdim = true}) * real(0.5); };  // ∇ = x
  const Tensor x = random({6, 4});
  expect_close(slopes(nn::AnyModule(half_square), x), sqrt(sum(square(x), 1)));
}

TEST(Gan, ThePenaltyLooksBetweenTheTwo) {
  // A critic whose slope is 1 between 0 and 1, where all the points lie, and far from 1 outside.
  auto critic = [](const Var& x) { return where(x < 0, x * 9, where(x > real(1), x * 7, x)); };
  Generator g(2);
  EXPECT_NEAR(gradient_penalty(nn::AnyModule(critic), zeros({50, 1}), ones({50, 1}), g).item(), 0, 1e-6);
}

TEST(Gan, GradientsOfThePenalty) {
  SKIP_IN_FLOAT();
  const Tensor x = random({3, 2}), y = random({3, 2}, 1);
  gradcheck(
      [&](const std::vector<Var>& in) {
        auto critic = [&](const Var& x) { return matmul(tanh(matmul(x, in[0])), in[1]); };
        Generator g(3);
        return gradient_penalty(nn::AnyModule(critic), x, y, g);
      },
      {random({2, 4}), random({4, 1}, 1)});
}

TEST(Gan, SpectralNormalisationLeavesALargestSingularValueOfOne) {
  manual_seed(4);
  for (const auto& [in, out] : {std::pair<int64_t, int64_t>{5, 8}, {8, 5}, {4, 1}}) {
    SpectralLinear layer({.in = in, .out = out});
    for (int i = 0; i < 300; ++i) layer.normalized_weight();
    const Tensor w = layer.normalized_weight().value();
    EXPECT_NEAR(max(eigh(matmul(w, w, {.transpose_b = true})).values).item(), 1, 1e-3);  // of its square
    layer.eval();
    const Tensor u = layer.u.clone();
    layer(random({2, in}));
    expect_close(layer.u, u, 0);  // evaluation leaves it alone
  }
}

TEST(Gan, TheSpectralNormIsDifferentiatedToo) {
  SKIP_IN_FLOAT();
  // σ is a homogeneous function of W, so that W / σ does not change where W grows: the gradient has no part along W.
  manual_seed(5);
  SpectralLinear layer({.in = 4, .out = 3});
  for (int i = 0; i < 500; ++i) layer.normalized_weight();
  backward(sum(square(layer(random({6, 4})) - Var(random({6, 3}, 1)))));
  EXPECT_NEAR(sum(layer.linear.weight.grad() * layer.linear.weight).item(), 0, 1e-9);
}

TEST(Gan, TheRingIsJudgedByItsOwnSamplesToBeWhole) {
  Generator g(6);
  const Tensor x = ring(20000, g);
  const RingScore whole = judge_ring(x);
  EXPECT_EQ(whole.modes, kModes);
  EXPECT_NEAR(whole.near, 1 - std::exp(-4.5), 0.004);  // of a normal in the plane, within three deviations
  const RingScore centre = judge_ring(zeros({100, 2}));
  EXPECT_EQ(centre.modes, 0);
  EXPECT_EQ(centre.near, 0);
  Tensor one = zeros({100, 2});
  for (int64_t i = 0; i < 100; ++i) one.mutable_data()[2 * i] = real(kRadius);
  EXPECT_EQ(judge_ring(one).modes, 1);
  EXPECT_EQ(judge_ring(one).near, 1);
}

TEST(Gan, ClassesAreCountedBySamplesTheJudgeIsSureOf) {
  auto judge = [](const Var& x) { return x; };
  Tensor logits = zeros({40, 4});
  for (int64_t i = 0; i < 40; ++i) logits.mutable_data()[i * 4 + (i < 20 ? 0 : i < 39 ? 1 : 2)] = i < 30 ? 9 : 1;
  const ClassScore score = judge_classes(nn::AnyModule(judge), logits);
  EXPECT_EQ(score.classes, 2);
  EXPECT_NEAR(score.confident, 0.75, 1e-9);
  EXPECT_NEAR(score.shares[1], 0.25, 1e-9);
}

TEST(Gan, TrainingIsRepeatableAndMovesTheGeneratorToTheData) {
  auto data = [](int64_t n, Generator& g) { return normal({n, 1}, 3, real(0.5), g); };
  for (const std::string& loss : gan_losses()) {
    const GanOptions o{.loss = loss,
                       .data_dim = 1,
                       .latent = 2,
                       .hidden = 16,
                       .steps = 400,
                       .batch = 64,
                       .lr = 5e-3,
                       .seed = 1,
                       .data = data};
    Generator g(7), again(7);
    const Gan gan = train_gan(o);
    const Tensor x = gan.sample(500, g);
    EXPECT_NEAR(mean(x).item(), 3, 0.7) << loss;
    if (loss == "spectral") expect_close(train_gan(o).sample(500, again), x, 0);
  }
}

TEST(Gan, RefusesALossItDoesNotKnow) {
  expect_error([] { train_gan({.loss = "wgan", .steps = 0, .data = ring}); }, "there is no loss 'wgan'");
}

}  // namespace
}  // namespace bijou::experiments

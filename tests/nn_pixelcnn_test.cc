// PixelCNN, plain and gated: who sees whom, bins that sum to one, probabilities that sum to one.
#include "autograd/elementwise.h"
#include "nn/distributions.h"
#include "nn/pixelcnn.h"
#include "tests/autoregressive.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

PixelCnn small_pixelcnn(bool gated, int64_t mixture = 0, int64_t colours = 1, int64_t condition = 0) {
  manual_seed(3);
  return PixelCnn({.image = {colours, 5, 6},
                   .channels = 4,
                   .layers = 2,
                   .gated = gated,
                   .mixture = mixture,
                   .condition = condition,
                   .first_kernel = 3,
                   .kernel = 3});
}

// How many pixels does the one in the given place depend on?
int64_t seen(const PixelCnn& model, int64_t row, int64_t column) {
  const Var x = parameter(random_between(0, 1, {1, 1, 5, 6}));
  const Var one = slice(slice(model(x), 2, row, row + 1), 3, column, column + 1);
  const Var by_x = grad(sum(one), {x})[0];
  int64_t count = 0;
  for (const real d : by_x.value()) count += d != 0;
  return count;
}

TEST(PixelCnn, NoConditionalSeesWhatComesLater) {
  for (const bool gated : {false, true}) expect_causal(small_pixelcnn(gated), random_between(0.1, 0.9, {1, 1, 5, 6}));
  expect_causal(small_pixelcnn(true, 2), random_between(10, 250, {1, 1, 5, 6}));
  expect_causal(small_pixelcnn(true, 0, 1, 3), random_between(0.1, 0.9, {1, 1, 5, 6}), random({1, 3}));
}

TEST(PixelCnn, TheGatedOneHasNoBlindSpot) {
  // Three layers of 3 x 3 reach three rows up and three columns to either side: from the last column but one, that is
  // 3 rows of 5 pixels, up to the right edge, and 3 pixels of the row itself.
  EXPECT_EQ(seen(small_pixelcnn(true), 3, 4), 3 * 5 + 3);
  EXPECT_LT(seen(small_pixelcnn(false), 3, 2),
            seen(small_pixelcnn(true), 3, 2));  // a wedge on the upper right is missing
}

TEST(PixelCnn, ProbabilitiesOfBinaryImagesSumToOneAndSamplesFollowThem) {
  for (const bool gated : {false, true}) {
    manual_seed(5);
    const PixelCnn model({.image = {1, 2, 3}, .channels = 4, .layers = 1, .gated = gated, .first_kernel = 3});
    const Tensor x = all_vectors(6, 2).reshape({64, 1, 2, 3});
    EXPECT_NEAR(total_probability(model, x), 1, 1e-5);
    if (gated) expect_samples_follow(model, x, 4000);
  }
}

TEST(PixelCnn, SamplesOfATallImageAreThoseOfWholePasses) {  // rows out of reach are not computed
  for (const bool gated : {false, true}) {
    manual_seed(9);
    PixelCnn model({.image = {1, 9, 3}, .channels = 4, .layers = 1, .gated = gated, .first_kernel = 3});
    Generator w(4), g(5), h(5);
    for (Var& p : model.parameters()) p.mutable_value().copy_from((p + normal(p.shape(), 0, real(0.3), w)).value());
    const Tensor fast = model.sample(300, {}, g);
    Tensor whole = zeros({300, 1, 9, 3});
    for (int64_t pixel = 0; pixel < 27; ++pixel) {
      const Var logits = reshape(model(whole), {300, 27});
      const Tensor drawn = Bernoulli{slice(logits, 1, pixel, pixel + 1)}.sample(h);
      for (int64_t b = 0; b < 300; ++b) whole.mutable_data()[b * 27 + pixel] = drawn.data()[b];
    }
    expect_close(fast, whole, 0);
  }
}

TEST(PixelCnn, TheBinsOfAMixtureOfLogisticsSumToOne) {
  Tensor x({4096, 1, 1, 1});
  for (int64_t i = 0; i < 4096; ++i) x.mutable_data()[i] = real(i);
  for (const int64_t levels : {2, 3, 16, 256, 4096})
    for (const real narrow : {real(1), real(-4), real(-20)}) {  // log-scales; far below what is allowed
      Tensor p = random({1, 9, 1, 1}, 4);
      for (int64_t k = 6; k < 9; ++k) p.mutable_data()[k] = narrow;
      const Var log_p = discretized_logistic_mixture(x.rows(0, levels), broadcast_to(p, {levels, 9, 1, 1}), 3, levels);
      EXPECT_NEAR(double(sum(exp(log_p)).item()), 1, kDouble ? 1e-9 : 1e-3) << levels << " levels, " << narrow;
    }
}

TEST(PixelCnn, ColoursOfAPixelSumToOneTogether) {
  const int64_t n = 256 * 256;
  Tensor x({n, 2, 1, 1});
  for (int64_t i = 0; i < n; ++i) x.mutable_data()[2 * i] = real(i / 256), x.mutable_data()[2 * i + 1] = real(i % 256);
  const Tensor p = random({1, mixture_parameters(2, 2), 1, 1}, 6);
  const Var log_p = discretized_logistic_mixture(x, broadcast_to(p, {n, p.size(1), 1, 1}), 2);
  EXPECT_NEAR(double(sum(exp(log_p)).item()), 1, kDouble ? 1e-8 : 1e-2);
}

TEST(PixelCnn, GradientsOfTheMixtureAreRight) {
  SKIP_IN_FLOAT();
  Tensor x({1, 2, 1, 3});
  const real values[] = {0, 17, 255, 128, 255, 0};
  std::copy_n(values, 6, x.mutable_data());
  expect_gradients([&](const std::vector<Var>& in) { return discretized_logistic_mixture(x, in[0], 2); },
                   {random({1, mixture_parameters(2, 2), 1, 3})});
}

// Through eight layers: what a gate gives out is as large as what it got, also where it is told nothing but noise.
TEST(PixelCnn, GatesBeginWithNumbersThatNeitherFadeNorGrow) {
  manual_seed(3);
  nn::GatedPixelLayer::Stacks x{Var(random({4, 32, 12, 12}) * real(0.34)), Var(zeros({4, 32, 12, 12}))};
  for (int layer = 0; layer < 8; ++layer) {
    nn::GatedPixelLayer gated({.in = 32, .channels = 32, .kernel = 3, .mask = nn::PixelMask::kB});
    x = gated(x, {});
    EXPECT_NEAR(mean(square(x.v)).item(), 0.116, 0.04) << "layer " << layer;
  }
}

TEST(PixelCnn, TheConditionMatters) {
  const PixelCnn model = small_pixelcnn(true, 0, 1, 2);
  const Tensor x = zeros({1, 1, 5, 6});
  const Tensor a = Tensor::from(std::vector<real>{1, 0}).reshape({1, 2});
  EXPECT_NE(model.log_prob(x, a).item(), model.log_prob(x, zeros({1, 2})).item());
  EXPECT_EQ(model.sample(1, a).shape(), (Shape{1, 1, 5, 6}));
  expect_error([&] { model.log_prob(x); }, "condition of 2");
}

TEST(PixelCnn, ParametersOfAColourPixelSeeThePixelsBeforeItAlone) {
  const PixelCnn model({.image = {3, 4, 4},
                        .channels = 32,  // enough that dropout does not silence a pixel
                        .layers = 2,
                        .mixture = 2,
                        .levels = 8,
                        .condition = 3,
                        .dropout = 0.3,
                        .first_kernel = 3});
  const Var x = parameter(random_between(0, 7, {1, 3, 4, 4})), condition = random({1, 3});
  for (int64_t p = 0; p < 16; ++p) {
    const Var one = slice(slice(model(x, condition), 2, p / 4, p / 4 + 1), 3, p % 4, p % 4 + 1);
    const Tensor by_x = grad(sum(one), {x})[0].value();
    real before = 0;
    for (int64_t k = 0; k < 48; ++k) {
      if (k % 16 < p) {
        before += std::abs(by_x.data()[k]);
      } else {
        EXPECT_EQ(by_x.data()[k], 0) << "pixel " << p << " sees number " << k;
      }
    }
    EXPECT_EQ(before > 0, p > 0);
  }
}

TEST(PixelCnn, ColourSamplesAreWholeNumbersOfItsLevels) {
  for (const int64_t levels : {5, 256}) {
    const PixelCnn model(
        {.image = {3, 5, 6}, .channels = 4, .layers = 2, .mixture = 3, .levels = levels, .first_kernel = 3});
    const Tensor x = model.sample(2);
    EXPECT_EQ(x.shape(), (Shape{2, 3, 5, 6}));
    for (const real v : x) EXPECT_TRUE(v >= 0 && v < real(levels) && v == std::round(v)) << v;
  }
}

}  // namespace
}  // namespace bijou::nn

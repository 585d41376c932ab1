#include <cmath>
#include <memory>

#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "ssl/evaluation.h"
#include "ssl/fine_tune.h"
#include "ssl/fixmatch.h"
#include "ssl/mean_teacher.h"
#include "ssl/pi_model.h"
#include "ssl/pseudo_label.h"
#include "ssl/uda.h"
#include "tensor/elementwise.h"
#include "tensor/indexing.h"
#include "tensor/softmax.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

// A network that hands its input through as logits.
nn::Sequential echo() {
  nn::Linear linear({.in = 2, .out = 2});
  linear.weight.mutable_value().copy_from(eye(2)), linear.bias.mutable_value().fill(0);
  return nn::Sequential(linear);
}
// Logits that say p of class 0.
Tensor saying(std::initializer_list<double> p) {
  Tensor x = zeros({int64_t(p.size()), 2});
  int64_t i = 0;
  for (const double q : p) x.mutable_data()[2 * i++] = real(std::log(q / (1 - q)));
  return x;
}
// One labelled example of class 0 that gets 1/2: it costs log 2.
Examples half() { return {saying({0.5}), matrix({{1, 0}})}; }

double loss_of(SemiSupervised& method, const Examples& unlabelled, double progress) {
  Generator g;
  return method.loss(half(), unlabelled, progress, g).item();
}

TEST(PseudoLabel, CostsTheLogOfTheLargestProbabilityTimesAlpha) {
  PseudoLabel method(echo(), {.weight = 2, .begin = 0.2, .end = 0.6});
  EXPECT_EQ(method.alpha(0.1), 0);
  EXPECT_NEAR(method.alpha(0.4), 1, 1e-12);
  EXPECT_EQ(method.alpha(0.9), 2);
  const Examples two{saying({0.8, 0.1})};
  EXPECT_NEAR(loss_of(method, two, 0.1), std::log(2), 1e-6);
  EXPECT_NEAR(loss_of(method, two, 1), std::log(2) - 2 * (std::log(0.8) + std::log(0.9)) / 2, 1e-5);
}

TEST(PiModel, CostsTheSquareDistanceOfWhatItSaysUnderTwoDrawsOfNoise) {
  EXPECT_NEAR(gaussian_ramp(0), std::exp(-5), 1e-12);
  EXPECT_NEAR(gaussian_ramp(0.5), std::exp(-1.25), 1e-12);
  EXPECT_EQ(gaussian_ramp(3), 1);
  int draws = 0;
  const Tensor other = saying({0.5, 0.9});  // what the second draw makes of both, the labelled one first
  PiModel method(
      echo(),
      {.noise = [&](const Tensor& x, Generator&) { return draws++ % 2 ? other : x; }, .weight = 3, .ramp = 0.5});
  const double square = (0.0 + 0.1 * 0.1) / 2;  // the mean over both examples and over both classes
  EXPECT_NEAR(loss_of(method, {saying({0.8})}, 0.5), std::log(2) + 3 * square, 1e-5);
  EXPECT_NEAR(loss_of(method, {saying({0.8})}, 0), std::log(2) + std::exp(-5) * 3 * square, 1e-5);
}

// Norms its inputs, which have another mean and variance than the norm begins with.
nn::Sequential normed() { return nn::Sequential(nn::BatchNorm1d({.channels = 2}), nn::Linear({.in = 2, .out = 2})); }

TEST(MeanTeacher, AveragesWeightsAndBuffersAndItsOwnPassesChangeNothing) {
  manual_seed(1);
  MeanTeacher method(normed(), {.decay = 0});  // the teacher is its student after every step
  const Examples labelled{random({8, 2}) + 3, one_hot(indices({0, 1, 0, 1, 0, 1, 0, 1}), 2)};
  Generator g;
  const Tensor before = method.teacher.average.state_dict()[2].second.clone();
  method.loss(labelled, {random({8, 2}, 1)}, 1, g);
  EXPECT_EQ(method.teacher.average.state_dict()[2].first, "0.running_mean");
  expect_close(method.teacher.average.state_dict()[2].second, before, 0);
  fit(method, labelled, {random({20, 2}, 1)}, {.batch = 4, .steps = 3});
  const auto mine = method.result().state_dict(), theirs = method.net.state_dict();
  for (size_t i = 0; i < mine.size(); ++i) expect_close(mine[i].second, theirs[i].second, 1e-6);
  EXPECT_GT(max_difference(mine[2].second, before), 0.1);
}

TEST(MeanTeacher, DecaysByItsRate) {
  manual_seed(1);
  MeanTeacher method(normed(), {.decay = 0.5});
  const auto old = method.result().state_dict();
  std::vector<Tensor> was;
  for (const auto& [name, t] : old) was.push_back(t.clone());
  for (const auto& [name, t] : method.net.state_dict()) {
    Tensor shared = t;
    shared.fill(2);
  }
  method.after_step();  // the warm-up begins with 0.1
  for (size_t i = 0; i < was.size(); ++i) expect_close(old[i].second, was[i] * real(0.1) + real(1.8), 1e-5);
}

TEST(MeanTeacher, CostsTheSquareDistanceFromItsTeacher) {
  nn::Sequential net = echo();
  MeanTeacher method(net, {.weight = 3});
  net[0].as<nn::Linear>().weight.mutable_value().fill(0);  // the student now says 1/2 of everything
  EXPECT_NEAR(loss_of(method, {saying({0.8})}, 1), std::log(2) + 3 * (0.0 + 0.3 * 0.3) / 2, 1e-5);
}

TEST(FixMatch, CountsOnlyWhatItIsSureOfAndDividesByAll) {
  const Indices sure = sure_classes(matrix({{0.96, 0.04}, {0.5, 0.5}, {0.05, 0.95}, {0.1, 0.9}}), 0.95);
  EXPECT_EQ(std::vector<bijou::index>(sure.begin(), sure.end()),
            std::vector<bijou::index>({0, kIgnoreIndex, 1, kIgnoreIndex}));
  const Noise strong = [](const Tensor& x, Generator&) { return x * real(0.5); };
  FixMatch method(echo(), {.strong = strong, .threshold = 0.95, .weight = 2});
  const double root = std::sqrt(0.99 / 0.01), told = -std::log(root / (1 + root));  // 0.99 at half the logit
  EXPECT_NEAR(loss_of(method, {saying({0.99, 0.9, 0.6})}, 0), std::log(2) + 2 * told / 3, 1e-5);
}

TEST(FixMatch, NoGradientFlowsThroughTheWeakView) {
  const nn::Sequential net = echo();
  const ThreeLogits logits = three_logits(net, saying({0.5}), saying({0.9, 0.8}), saying({0.7, 0.6}));
  EXPECT_FALSE(logits.weak.requires_grad());
  EXPECT_TRUE(logits.strong.requires_grad());
  expect_close(logits.weak, saying({0.9, 0.8}), 1e-6);
  expect_close(logits.strong, saying({0.7, 0.6}), 1e-6);
}

TEST(UDA, AnnealingLeavesOutWhatIsKnownAlready) {
  const Tensor targets = matrix({{1, 0}, {1, 0}, {0, 1}});
  const Var logits = saying({0.9, 0.6, 0.8});  // of their classes: 0.9, 0.6, 0.2
  EXPECT_NEAR(annealed_cross_entropy(logits, targets, 0.7).item(), -(std::log(0.6) + std::log(0.2)) / 2, 1e-5);
  EXPECT_EQ(annealed_cross_entropy(logits, targets, 0.1).item(), 0);
  EXPECT_NEAR(annealed_cross_entropy(logits, targets, 2).item(), -std::log(0.9 * 0.6 * 0.2) / 3, 1e-5);
}

TEST(UDA, CostsTheDivergenceFromItsSharpenedTargets) {
  const Noise strong = [](const Tensor& x, Generator&) { return zeros(x.shape()); };  // says 1/2
  UDA method(echo(), {.strong = strong, .threshold = 0.7, .temperature = 0.5, .weight = 3, .annealing = false});
  const double q = 0.8 * 0.8 / (0.8 * 0.8 + 0.2 * 0.2);  // 0.8 at half the temperature
  const double divergence = q * std::log(q) + (1 - q) * std::log(1 - q) + std::log(2);
  EXPECT_NEAR(loss_of(method, {saying({0.8, 0.6})}, 0), std::log(2) + 3 * divergence / 2, 1e-5);
}

TEST(Consistency, WhatWouldDivideByNothingIsNamed) {
  expect_error([] { PseudoLabel(echo(), {.begin = 0, .end = 0}); }, "cannot rise");
  expect_error([] { PiModel(echo(), {.ramp = 0}); }, "cannot rise");
  expect_error([] { MeanTeacher(echo(), {.ramp = 0}); }, "cannot rise");
  UDA method(echo(), {});
  expect_error([&] { fit(method, half(), {saying({0.8})}, {.ratio = 0}); }, "none of the unlabelled");
  expect_error([&] { fit(method, half(), {saying({0.8})}, {.batch = 4, .ratio = 0.1}); }, "none of the unlabelled");
  expect_error([&] { fit(method, half(), {}, {.steps = 1}); }, "concat");
}

TEST(Consistency, EveryMethodSeparatesTwoCloudsFromTwoLabels) {
  Tensor x = random({200, 2}, 4);
  Indices truth({200});
  for (int64_t i = 0; i < 200; ++i) {
    truth.mutable_data()[i] = bijou::index(i % 2);
    x.mutable_data()[2 * i] = x.data()[2 * i] * real(0.5) + real(i % 2 ? 3 : -3);
  }
  const Noise jitter = [](const Tensor& x, Generator& g) { return x + randn(x.shape(), g) * real(0.3); };
  manual_seed(2);
  auto net = [] { return nn::Sequential(nn::Linear({.in = 2, .out = 2}), nn::Dropout({.p = 0})); };
  const std::shared_ptr<SemiSupervised> methods[] = {
      std::make_shared<PseudoLabel>(net(), PseudoLabelOptions{.noise = jitter}),
      std::make_shared<PiModel>(net(), PiModelOptions{.noise = jitter}),
      std::make_shared<MeanTeacher>(net(), MeanTeacherOptions{.noise = jitter}),
      std::make_shared<FixMatch>(net(), FixMatchOptions{.weak = jitter, .strong = jitter, .decay = 0.9}),
      std::make_shared<UDA>(net(), UdaOptions{.weak = jitter, .strong = jitter})};
  for (const auto& method : methods) {
    const Examples two{x.rows(0, 2), eye(2)};
    for (const double loss : fit(*method, two, {x}, {.batch = 2, .ratio = 8, .steps = 150, .lr = 0.05}))
      EXPECT_TRUE(std::isfinite(loss));
    EXPECT_EQ(accuracy(predict(method->result(), x), truth), 1);
  }
}

}  // namespace
}  // namespace bijou::ssl

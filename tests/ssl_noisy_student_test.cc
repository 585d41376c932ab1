#include <cmath>

#include "nn/activation.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "ssl/noisy_student.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

// A network that hands its input through as logits.
nn::Sequential echo(int64_t classes) {
  nn::Linear linear({.in = classes, .out = classes});
  linear.weight.mutable_value().copy_from(eye(classes)), linear.bias.mutable_value().fill(0);
  return nn::Sequential(linear);
}

TEST(Student, LossIsTheMeanCrossEntropyWithSoftTargetsOverBothKinds) {
  // Logits log 2, 0: probabilities 2/3, 1/3.
  const Tensor x = matrix({{real(std::log(2)), 0}});
  Student student(echo(2), {});
  Generator g;
  const double l2 = -std::log(2.0 / 3), l1 = -std::log(1.0 / 3);
  const Examples label{x, matrix({{1, 0}})}, soft{x, matrix({{0.25, 0.75}})};
  EXPECT_NEAR(student.loss(label, {}, 0, g).item(), l2, 1e-6);
  EXPECT_NEAR(student.loss(soft, {}, 0, g).item(), 0.25 * l2 + 0.75 * l1, 1e-6);
  // One with a label and two without: each counts a third.
  const Examples two = joined(soft, soft);
  EXPECT_NEAR(student.loss(label, two, 0, g).item(), (l2 + 2 * (0.25 * l2 + 0.75 * l1)) / 3, 1e-6);
}

TEST(Student, SmoothsLabelsButNotWhatTheTeacherSaid) {
  expect_close(smoothed(matrix({{1, 0, 0, 0}}), 0.1), matrix({{0.925, 0.025, 0.025, 0.025}}), 1e-6);
  const Tensor x = matrix({{real(std::log(2)), 0}});
  Student plain(echo(2), {}), smooth(echo(2), {.label_smoothing = 0.5});
  Generator g;
  const double l2 = -std::log(2.0 / 3), l1 = -std::log(1.0 / 3);
  const Examples label{x, matrix({{1, 0}})};
  EXPECT_NEAR(smooth.loss(label, label, 0, g).item(), (0.75 * l2 + 0.25 * l1 + l2) / 2, 1e-6);
}

TEST(Student, IsNoisedInInputAndModelAndItsTeacherInNeither) {
  manual_seed(1);
  nn::Sequential net(nn::Linear({.in = 4, .out = 16}), nn::BatchNorm1d({.channels = 16}), nn::Dropout({.p = 0.5}),
                     nn::Residual(nn::Sequential(nn::Linear({.in = 16, .out = 16}), nn::DropPath({.p = 0.5}))),
                     nn::Linear({.in = 16, .out = 3}));
  int noised = 0;
  const Noise noise = [&](const Tensor& x, Generator& g) { return ++noised, x + randn(x.shape(), g); };
  const Tensor x = random({8, 4});
  Examples labelled{x, zeros({8, 3})};
  labelled.targets.fill(real(1) / 3);
  Student student(net, {.noise = noise});
  student.net.train();
  Generator g;
  const double first = student.loss(labelled, {}, 0, g).item();
  EXPECT_EQ(noised, 1);
  EXPECT_NE(first, student.loss(labelled, {}, 0, g).item());  // other noise, another loss
  const Tensor said = probabilities(net, x);
  expect_close(probabilities(net, x), said, 0);  // the same bits
  EXPECT_EQ(noised, 2);
}

TEST(NoisyStudent, TheLoopFiltersBalancesAndKeepsSoftLabels) {
  manual_seed(2);
  const Examples labelled{matrix({{-2}, {2}}), eye(2)};
  Tensor unlabelled({30, 1});  // ten on the left, twenty on the right
  for (int64_t i = 0; i < 30; ++i) unlabelled.mutable_data()[i] = real(i < 10 ? -2 : 2) + real(0.01) * real(i);
  std::vector<int64_t> rounds;
  SelfTraining how = noisy_student([](int64_t) { return nn::Sequential(nn::Linear({.in = 1, .out = 2})); },
                                   {.student = {.label_smoothing = 0.1},
                                    .fit = {.batch = 2, .ratio = 2, .steps = 50, .lr = 0.1},
                                    .select = {.threshold = 0.3, .per_class = 15, .duplicate = true},
                                    .rounds = 2});
  how.report = [&](int64_t round, nn::Sequential&, const PseudoLabels& p) {
    rounds.push_back(round);
    EXPECT_EQ(p.rows.numel(), 30);
    int64_t left = 0;
    for (int64_t i = 0; i < 30; ++i) {
      left += p.rows.data()[i] < 10;
      EXPECT_GT(p.targets.at({i, 0}) * p.targets.at({i, 1}), 0);  // soft
    }
    EXPECT_EQ(left, 15);  // ten, of which five twice
    return true;
  };
  nn::Sequential last = self_train(how, labelled, unlabelled);
  EXPECT_EQ(rounds, std::vector<int64_t>({1, 2}));
  EXPECT_GT(probabilities(last, matrix({{2}})).at({0, 1}), 0.8);
}

TEST(NoisyStudent, TheSameSeedsGiveTheSameBits) {
  const Examples labelled{random({6, 2}, 1), index_select(eye(2), 0, indices({0, 1, 0, 1, 0, 1}))};
  const Tensor unlabelled = random({40, 2}, 2);
  auto run = [&](uint64_t seed) {
    manual_seed(5);
    const SelfTraining how =
        noisy_student([](int64_t) { return nn::Sequential(nn::Linear({.in = 2, .out = 2}), nn::Dropout({.p = 0.2})); },
                      {.fit = {.batch = 4, .steps = 5, .seed = seed}, .select = {}, .rounds = 2});
    nn::Sequential last = self_train(how, labelled, unlabelled);
    return probabilities(last, unlabelled);
  };
  expect_close(run(1), run(1), 0);
  EXPECT_GT(max_difference(run(1), run(2)), 0);
}

}  // namespace
}  // namespace bijou::ssl

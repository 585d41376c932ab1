#include <cmath>

#include "examples/experiments/noisy_student.h"
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
    if (round == 0) return true;
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
  EXPECT_EQ(rounds, std::vector<int64_t>({0, 1, 2}));
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

// ---- The experiment: arms, control and kin --------------------------------------------------------------------------

// Small pictures of ten classes, each a bar of its own in a little noise.
Tensor bars(const Indices& labels, uint64_t seed) {
  Tensor x = random_between(0, 0.2, {labels.numel(), 1, 12, 12}, seed);
  for (int64_t i = 0; i < labels.numel(); ++i)
    for (int64_t p = 0; p < 12; ++p) x.mutable_data()[i * 144 + (labels.data()[i] + 1) * 12 + p] = 1;
  return x;
}
experiments::FewLabelled bar_task() {
  Indices few({20}), many({90});  // without a label, ten of each class but the last
  for (int64_t i = 0; i < 20; ++i) few.mutable_data()[i] = bijou::index(i % 10);
  for (int64_t i = 0; i < 90; ++i) many.mutable_data()[i] = bijou::index(i % 9);
  return {{bars(few, 1), one_hot(few, 10)}, bars(many, 2), many, bars(few, 3), few};
}

int64_t weights(const nn::Sequential& net) {
  int64_t n = 0;
  for (const Var& p : net.parameters()) n += p.numel();
  return n;
}

struct Taught {
  std::vector<experiments::Round> rounds;
  int64_t most = 0;     // how often one example was taken, at most
  double sureness = 1;  // of the least sure label
  int64_t weights = 0;  // of the student
  bool noisy = false;   // the student's own noise: in training mode it says one thing now, another then
};
Taught taught_by(const std::string& arm, const nn::Sequential& teacher, const experiments::FewLabelled& data,
                 const experiments::StudentRun& run) {
  Taught t;
  t.rounds = run_arm(arm, teacher, data, run, [&](nn::Sequential& student, const PseudoLabels& pseudo) {
    std::vector<int64_t> times(90);
    for (const bijou::index row : pseudo.rows) t.most = std::max(t.most, ++times[size_t(row)]);
    t.sureness = std::min(t.sureness, double(min(amax(pseudo.targets, 1)).item()));
    t.weights = weights(student);
    student.train();
    t.noisy = max_difference(student(Var(data.test_x)).value(), student(Var(data.test_x)).value()) > 0;
  });
  return t;
}

// Sees the bars without having learnt: of classes 0 to 7 it is sure (0.96), of class 8 it is not (0.2).
nn::Sequential seeing() {
  nn::Linear sums({.in = 144, .out = 10, .bias = false});
  sums.weight.mutable_value().fill(0);
  for (int64_t c = 0; c < 10; ++c)
    for (int64_t p = 0; p < 12; ++p)
      sums.weight.mutable_value().mutable_data()[c * 144 + (c + 1) * 12 + p] = real(c == 8 ? 0.117 : 0.5);
  return nn::Sequential(nn::Flatten(), sums);
}

TEST(NoisyStudentArms, DifferInWhatTheyAreCalledAfter) {
  using namespace experiments;
  const FewLabelled data = bar_task();
  const int64_t equal = weights(make_net({1, 12, 12}));
  int64_t steps = 0;
  StudentRun run{.dataset = "digits", .fit = {.batch = 2, .steps = 3}, .rounds = 1, .per_class = 25};
  run.fit.report = [&](int64_t, double) { return ++steps, true; };
  for (const std::string& arm : arm_names()) {
    steps = 0;
    const Taught t = taught_by(arm, seeing(), data, run);
    EXPECT_EQ(t.rounds.size(), 1u) << arm;
    EXPECT_EQ(steps, 3) << arm;
    if (arm == "no balancing") EXPECT_EQ(t.most, 1);
    else EXPECT_GT(t.most, 1) << arm;
    if (arm == "hard labels") EXPECT_EQ(t.sureness, 1);
    else EXPECT_LT(t.sureness, 1) << arm;
    if (arm == "no filter") EXPECT_LT(t.sureness, 0.3);
    else EXPECT_GE(t.sureness, 0.3) << arm;
    if (arm == "larger student") EXPECT_GT(t.weights, equal);
    else if (arm == "smaller student") EXPECT_LT(t.weights, equal);
    else EXPECT_EQ(t.weights, equal) << arm;
    EXPECT_EQ(t.noisy, arm != "no noise") << arm;
  }
}

TEST(NoisyStudentArms, ControlAndKinTakeAsManyStepsAsAllRoundsAndTheTeacherTogether) {
  using namespace experiments;
  const FewLabelled data = bar_task();
  int64_t steps = 0;
  double loss = 0;
  StudentRun run{.dataset = "digits", .fit = {.batch = 2, .ratio = 1.75, .steps = 2}, .rounds = 3};
  run.fit.report = [&](int64_t, double now) { return ++steps, loss = now, true; };
  auto control = [&](const StudentRun& r) {
    steps = 0;
    manual_seed(1);
    nn::Sequential net = train_control(data, r);
    EXPECT_EQ(steps, 8);
    return probabilities(net, data.test_x);
  };
  StudentRun labels_alone = run, smooth = run;
  labels_alone.fit.batch = 6, labels_alone.fit.ratio = 0;  // what a student's batch has of both kinds: 2 and 3.5, so 4
  smooth.label_smoothing = 0.5;
  const Tensor said = control(run);
  const double plain = loss;
  expect_close(control(labels_alone), said, 0);
  control(smooth);
  EXPECT_NE(loss, plain);
  steps = 0;
  train_teacher(data, run);
  EXPECT_EQ(steps, 2);
  for (const std::string& name : kin_names()) {
    steps = 0;
    train_kin(name, data, run);
    EXPECT_EQ(steps, 8) << name;
  }
  expect_error([&] { train_kin("uncle", data, run); }, "there is no method uncle");
}

TEST(FewLabelled, MeasureCountsWhatIsRepeatedOnceAndGivesNoPartOfNothing) {
  nn::Sequential net = echo(2);
  const experiments::FewLabelled data{.labelled = {},
                                      .unlabelled = zeros({3, 2}),
                                      .truth = indices({0, 1, 1}),
                                      .test_x = matrix({{1, 0}, {1, 0}, {1, 0}, {0, 1}}),
                                      .test_labels = indices({0, 0, 1, 1})};
  const experiments::Round some = measure(net, {indices({0, 0, 0, 2}), matrix({{1, 0}, {1, 0}, {1, 0}, {1, 0}})}, data);
  EXPECT_EQ(some.accuracy, 0.75);
  EXPECT_EQ(some.kept, 2);
  EXPECT_EQ(some.right, 0.5);
  const experiments::Round none = measure(net, {}, data);
  EXPECT_EQ(none.kept, 0);
  EXPECT_TRUE(std::isnan(none.right));
}

}  // namespace
}  // namespace bijou::ssl

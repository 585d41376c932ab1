#include <cmath>

#include "examples/experiments/self_training.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "ssl/evaluation.h"
#include "ssl/fine_tune.h"
#include "ssl/noisy_student.h"
#include "ssl/self_training.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

// Six examples of three classes. Sure of class 0: 0.9, 0.6, 0.5 (rows 1, 3, 0); of class 1: 0.8, 0.7 (rows 5, 2); of
// class 2: 0.4 (row 4).
const Tensor& six() {
  static const Tensor p =
      matrix({{0.5, 0.3, 0.2}, {0.9, 0.1, 0}, {0.2, 0.7, 0.1}, {0.6, 0.2, 0.2}, {0.3, 0.3, 0.4}, {0.1, 0.8, 0.1}});
  return p;
}

void expect_rows(const PseudoLabels& got, std::initializer_list<bijou::index> want, Caller at = Caller::here()) {
  const Indices rows = indices(want);
  if (got.rows.shape() != rows.shape() || !std::equal(rows.begin(), rows.end(), got.rows.begin()))
    ADD_FAILURE_AT(at.file, at.line) << "got " << to_string(got.rows) << ", want " << to_string(rows);
}

TEST(Select, TakesAllWhereNothingIsAskedClassByClassTheSurestFirst) {
  const PseudoLabels all = select(six());
  expect_rows(all, {1, 3, 0, 5, 2, 4});
  expect_close(all.targets, index_select(six(), 0, all.rows), 0);
}

TEST(Select, AThresholdCountsWhatJustReachesIt) {
  expect_rows(select(six(), {.threshold = 0.75}), {1, 5});
  expect_rows(select(six(), {.threshold = 0.8}), {1, 5});
  const Tensor halves = matrix({{0.5, 0.5}, {0.25, 0.75}});
  expect_rows(select(halves, {.threshold = 0.5}), {0, 1});
  expect_rows(select(six(), {.threshold = 0.95}), {});
}

TEST(Select, TopKTakesTheSurestOfEachClass) {
  expect_rows(select(six(), {.per_class = 1}), {1, 5, 4});
  expect_rows(select(six(), {.per_class = 2}), {1, 3, 5, 2, 4});
}

TEST(Select, ACurriculumTakesTheSurestPartOfAll) {
  expect_rows(select(six(), {.part = 0.5}), {1, 5, 2});
  expect_rows(select(six(), {.part = 0}), {});
}

TEST(Select, BalancesByRepeating) {
  expect_rows(select(six(), {.per_class = 3, .duplicate = true}), {1, 3, 0, 5, 2, 5, 4, 4, 4});
  // What is not sure of anything cannot be repeated: class 2 stays empty.
  expect_rows(select(six(), {.threshold = 0.5, .per_class = 2, .duplicate = true}), {1, 3, 5, 2});
}

TEST(Select, HardLabelsAreRowsOfOneOne) {
  expect_close(select(six(), {.per_class = 1, .hard = true}).targets, eye(3), 0);
}

TEST(Select, MisuseIsNamed) {
  expect_error([] { select(tensor({1, 2})); }, "[n, classes]");
  expect_error([] { select(matrix({{NAN, 1}})); }, "finite");
  expect_error([] { select(six(), {.duplicate = true}); }, "per_class");
  expect_error([] { select(six(), {.part = 1.5}); }, "part");
}

TEST(Examples, AreJoinedAndEmptySetsLeftOut) {
  const Examples a{matrix({{1}, {2}}), eye(2)}, b{matrix({{3}}), matrix({{0.5, 0.5}})};
  const Examples both = joined(a, b);
  expect_close(both.x, matrix({{1}, {2}, {3}}), 0);
  expect_close(both.targets, matrix({{1, 0}, {0, 1}, {0.5, 0.5}}), 0);
  expect_close(joined(a, {}).x, a.x, 0);
  expect_close(joined({}, b).targets, b.targets, 0);
}

// Counts what it is given.
struct Counting : SemiSupervised {
  using SemiSupervised::SemiSupervised;
  Var loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator&) override {
    sizes.emplace_back(labelled.size(), unlabelled.size());
    at.push_back(progress);
    for (const real x : labelled.x) right = right && x == 1;
    for (const real x : unlabelled.x) right = right && x == 2;
    return sum(net(Var(labelled.x)));
  }
  void after_step() override { ++steps; }
  std::vector<std::pair<int64_t, int64_t>> sizes;
  std::vector<double> at;
  int64_t steps = 0;
  bool right = true;
};

TEST(Fit, BatchesAreInTheRatioThatWasAsked) {
  Counting method(nn::Sequential(nn::Linear({.in = 1, .out = 1})));
  fit(method, {ones({3, 1}), ones({3, 1})}, {full({5, 1}, 2)}, {.batch = 4, .ratio = 2.5, .steps = 4});
  ASSERT_EQ(method.sizes.size(), 4u);
  for (const auto& sizes : method.sizes) EXPECT_EQ(sizes, std::make_pair(int64_t(4), int64_t(10)));
  EXPECT_EQ(method.at, std::vector<double>({0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(method.steps, 4);
  EXPECT_TRUE(method.right);
}

TEST(Fit, GoesWithoutUnlabelledExamplesAndStopsWhenTold) {
  Counting method(nn::Sequential(nn::Linear({.in = 1, .out = 1})));
  const auto losses = fit(method, {ones({3, 1}), ones({3, 1})}, {},
                          {.batch = 4, .steps = 9, .report = [](int64_t step, double) { return step < 2; }});
  EXPECT_EQ(losses.size(), 3u);
  EXPECT_EQ(method.sizes[0], std::make_pair(int64_t(4), int64_t(0)));
  expect_error([&] { fit(method, {ones({3, 1})}, {}, {}); }, "targets");
}

TEST(Probabilities, AreThoseOfEvaluationMode) {  // more than one piece of 500 examples, and dropout that would show
  manual_seed(1);
  const nn::Linear linear({.in = 2, .out = 3});
  nn::Sequential net(nn::Dropout({.p = 0.5}), linear);
  net.train();
  const Tensor x = random({501, 2}), p = probabilities(net, x);
  expect_close(p, softmax(linear(Var(x)).value(), -1), 1e-6);
  expect_close(sum(p, 1), ones({501}), 1e-6);
}

// Two clouds far apart on the x axis, one to the left (class 0) and one to the right; both are long in y.
Examples clouds(int64_t n, uint64_t seed) {
  const Tensor noise = random({n, 2}, seed);
  Examples all{Tensor({n, 2}), zeros({n, 2})};
  for (int64_t i = 0; i < n; ++i) {
    all.x.mutable_data()[2 * i] = noise.at({i, 0}) * real(0.5) + (i % 2 ? 4 : -4);
    all.x.mutable_data()[2 * i + 1] = noise.at({i, 1});
    all.targets.mutable_data()[2 * i + i % 2] = 1;
  }
  return all;
}

SelfTraining logistic(int64_t rounds) {
  return {.make_model = [](int64_t) { return nn::Sequential(nn::Linear({.in = 2, .out = 2})); },
          .train =
              [](nn::Sequential& model, const Examples& labelled, const Examples& pseudo, int64_t round) {
                Student student(model, {});
                fit(student, joined(labelled, pseudo), {}, {.steps = 100, .lr = 0.1, .seed = uint64_t(round)});
              },
          .select = [](const Tensor& p, int64_t) { return select(p, {.per_class = 20, .hard = true}); },
          .rounds = rounds};
}

TEST(SelfTraining, ReachesTheTruthOnSeparableData) {
  manual_seed(3);
  const Examples unlabelled = clouds(200, 2), labelled = select_rows(clouds(10, 5), indices({0, 1}));
  std::vector<int64_t> counts;
  SelfTraining how = logistic(3);
  how.report = [&](int64_t, nn::Sequential&, const PseudoLabels& p) { return counts.push_back(p.rows.numel()), true; };
  nn::Sequential model = self_train(how, labelled, unlabelled.x);
  EXPECT_EQ(accuracy(predict(model, unlabelled.x), argmax(unlabelled.targets, 1)), 1);
  EXPECT_EQ(counts, std::vector<int64_t>({0, 40, 40, 40}));  // round 0 was taught no pseudo-labels
}

TEST(SelfTraining, StopsWhereItIsToldAndNamesWhatIsMissing) {
  manual_seed(3);
  const Examples labelled = clouds(2, 5);
  int64_t reports = 0;
  SelfTraining how = logistic(3);
  how.report = [&](int64_t, nn::Sequential&, const PseudoLabels&) { return ++reports, false; };
  self_train(how, labelled, clouds(9, 2).x);
  EXPECT_EQ(reports, 1);
  expect_error([&] { self_train(how, labelled, zeros({0, 2})); }, "no unlabelled examples");
  how.select = {};
  expect_error([&] { self_train(how, labelled, labelled.x); }, "select");
}

TEST(SelfTraining, EachRoundLearnsFromWhatTheModelBeforeSaid) {
  // "Training" sets the bias such that the model says class `round`, whatever the input; what is handed to round r
  // must be the labels of round r - 1.
  std::vector<bijou::index> taught;
  std::vector<int64_t> made;
  const SelfTraining how{.make_model =
                             [&](int64_t round) {
                               made.push_back(round);
                               return nn::Sequential(nn::Linear({.in = 1, .out = 4}));
                             },
                         .train =
                             [&](nn::Sequential& model, const Examples&, const Examples& pseudo, int64_t round) {
                               if (pseudo.size()) taught.push_back(argmax(pseudo.targets, 1).data()[0]);
                               nn::Linear& linear = model[0].as<nn::Linear>();
                               linear.weight.mutable_value().fill(0), linear.bias.mutable_value().fill(0);
                               linear.bias.mutable_value().mutable_data()[round] = 5;
                             },
                         .select = [](const Tensor& p, int64_t) { return select(p); },
                         .rounds = 3};
  nn::Sequential last = self_train(how, {ones({1, 1}), zeros({1, 4})}, ones({2, 1}));
  EXPECT_EQ(made, std::vector<int64_t>({0, 1, 2, 3}));
  EXPECT_EQ(taught, std::vector<bijou::index>({0, 1, 2}));
  EXPECT_EQ(predict(last, ones({1, 1})).item(), 3);
  // From a model that has learnt, round 0 falls away.
  made.clear();
  self_train(last, how, {ones({1, 1}), zeros({1, 4})}, ones({2, 1}));
  EXPECT_EQ(made, std::vector<int64_t>({1, 2, 3}));
}

TEST(Moons, PoliciesGrowWithTheRounds) {
  using namespace experiments;
  const FewLabelled moons = make_moons({}, 1);
  EXPECT_EQ(policy("top-k", 1, 4, moons).per_class, 50);  // of 400 points of two classes
  EXPECT_EQ(policy("top-k", 4, 4, moons).per_class, 200);
  EXPECT_EQ(policy("curriculum", 3, 4, moons).part, 0.75);
  EXPECT_EQ(policy("threshold", 1, 4, moons).threshold, 0.8);
  expect_error([&] { policy("hope", 1, 4, moons); }, "there is none called hope");
  int64_t watched = 0;
  const std::vector<Round> rounds = self_train_moons(
      moons, "curriculum", 2, [&](nn::Sequential&, const PseudoLabels& p) { watched += p.rows.numel(); });
  ASSERT_EQ(rounds.size(), 3u);  // labels alone, then two
  EXPECT_EQ(rounds[0].kept, 0);
  EXPECT_EQ(rounds[1].kept, 200);
  EXPECT_EQ(rounds[2].kept, 400);
  EXPECT_EQ(watched, 600);
}

}  // namespace
}  // namespace bijou::ssl

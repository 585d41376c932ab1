// Losses against sums written out as the definitions say, in double.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "autograd/elementwise.h"
#include "nn/losses.h"
#include "tensor/elementwise.h"
#include "tensor/lane.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

// -log softmax(row)[k]
double nll(const real* row, int64_t classes, int64_t k) {
  double total = 0;
  for (int64_t c = 0; c < classes; ++c) total += std::exp(double(row[c]));
  return std::log(total) - double(row[k]);
}

// Rows of positive numbers that add up to one.
Tensor probabilities(const Shape& shape, uint64_t seed) {
  const Tensor x = exp(random(shape, seed));
  return x / sum(x, -1, {.keepdim = true});
}

// ---- Cross entropy --------------------------------------------------------------------------------------------------

TEST(CrossEntropy, IsTheNegativeLogProbability) {
  const Tensor x = random({5, 7});
  const Indices t = indices({6, 0, 3, 3, 1});
  Tensor want({5});
  for (int64_t i = 0; i < 5; ++i) want.mutable_data()[i] = real(nll(x.row(i).data(), 7, t.data()[i]));
  expect_close(cross_entropy(Var(x), t, {.reduction = Reduction::kNone}), want);
  expect_close(cross_entropy(Var(x), t, {.reduction = Reduction::kSum}), sum(want));
  expect_close(cross_entropy(Var(x), t), mean(want));
}

TEST(CrossEntropy, TakesAnyLeadingAxes) {
  const Tensor x = random({2, 3, 7});
  const Indices t = indices({6, 0, 3, 3, 1, 2});
  const Var losses = cross_entropy(Var(x), t.reshape({2, 3}), {.reduction = Reduction::kNone});
  expect_close(losses,
               cross_entropy(Var(x.reshape({6, 7})), t, {.reduction = Reduction::kNone}).value().reshape({2, 3}));
  EXPECT_EQ(cross_entropy(Var(x.row(0).row(0)), indices({2}).reshape({}), {.reduction = Reduction::kNone}).shape(),
            Shape());
}

TEST(CrossEntropy, LeavesOutWhatIsToBeIgnored) {
  const Tensor x = random({4, 3});
  const Indices all = indices({1, kIgnoreIndex, 2, kIgnoreIndex});
  for (double smoothing : {0.0, 0.3}) {
    const Var p = parameter(x);
    const Var loss = cross_entropy(p, all, {.label_smoothing = smoothing});
    const Tensor kept = concat({x.rows(0, 1), x.rows(2, 3)}, 0);
    expect_close(loss, cross_entropy(Var(kept), indices({1, 2}), {.label_smoothing = smoothing}).value());
    backward(loss);
    for (int64_t row : {1, 3}) expect_close(p.grad().value().row(row), zeros({3}), 0);
  }
}

TEST(CrossEntropy, WhatIsIgnoredMayHaveImpossibleClasses) {
  const Var x = parameter(matrix({{0, -kInfinity}, {0, 0}}));
  const Var loss = cross_entropy(x, indices({kIgnoreIndex, 1}), {.label_smoothing = 0.3});
  EXPECT_NEAR(loss.item(), std::log(2.0), kTolerance);
  expect_close(grad(loss, {x})[0], matrix({{0, 0}, {real(0.35), real(-0.35)}}));
}

TEST(CrossEntropy, SmoothingIsASoftTarget) {
  const Tensor x = random({5, 4});
  const Indices t = indices({3, 0, 2, 2, 1});
  const Tensor soft = one_hot(t, 4) * real(0.9) + real(0.1 / 4);
  for (Reduction r : {Reduction::kMean, Reduction::kSum, Reduction::kNone})
    expect_close(cross_entropy(Var(x), t, {.label_smoothing = 0.1, .reduction = r}),
                 cross_entropy(Var(x), Var(soft), {.reduction = r}).value());
}

TEST(CrossEntropy, OfSoftTargetsIsTheirExpectation) {
  const Tensor x = random({3, 4}), t = probabilities({3, 4}, 1);
  Tensor want = zeros({3});
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t k = 0; k < 4; ++k) want.mutable_data()[i] += t.at({i, k}) * real(nll(x.row(i).data(), 4, k));
  expect_close(cross_entropy(Var(x), Var(t), {.reduction = Reduction::kNone}), want);
  expect_close(cross_entropy(Var(x), Var(t)), mean(want));
}

TEST(CrossEntropy, SurvivesExtremeLogits) {
  const Tensor x = matrix({{1000, 0}, {-1000, 1000}, {0, -1000}});
  expect_close(cross_entropy(Var(x), indices({0, 0, 1}), {.reduction = Reduction::kNone}), tensor({0, 2000, 1000}));
}

TEST(CrossEntropy, HasItsGradients) {
  SKIP_IN_FLOAT();
  const Indices t = indices({6, 0, kIgnoreIndex, 3, 1});
  for (Reduction r : {Reduction::kMean, Reduction::kNone})
    for (double smoothing : {0.0, 0.2})
      expect_gradients(
          [&](const std::vector<Var>& in) {
            return cross_entropy(in[0], t, {.label_smoothing = smoothing, .reduction = r});
          },
          {random({5, 7})});
  expect_gradients([](const std::vector<Var>& in) { return cross_entropy(in[0], in[1]); },
                   {random({2, 3, 4}), probabilities({2, 3, 4}, 1)});
}

TEST(CrossEntropy, RefusesWhatMakesNoSense) {
  const Var x(random({4, 3}));
  expect_error([&] { cross_entropy(x, indices({0, 1})); }, "targets [2] for logits [4, 3]");
  expect_error([&] { cross_entropy(x, Indices({4, 3})); }, "targets [4, 3] for logits [4, 3]");
  expect_error([&] { cross_entropy(Var(scalar(1)), indices({0})); }, "targets [1] for logits []");
  expect_error([&] { cross_entropy(x, indices({0, 1, 2, 3})); }, "3");
  expect_error([&] { cross_entropy(x, indices({0, 1, 2, -1})); }, "-1");
  expect_error([&] { cross_entropy(x, indices({0, 1, 2, 2}), {.label_smoothing = 1}); }, "label_smoothing = 1");
  expect_error([&] { cross_entropy(x, Var(zeros({4}))); }, "[4, 3] and [4]");
}

// ---- Kullback-Leibler -----------------------------------------------------------------------------------------------

TEST(KlDiv, IsZeroForEqualsAndPositiveElsewhere) {
  const Tensor p = probabilities({6, 5}, 1), q = probabilities({6, 5}, 2);
  expect_close(kl_div(Var(log(p)), Var(p), {.reduction = Reduction::kNone}), zeros({6}));
  for (real x : kl_div(Var(log(q)), Var(p), {.reduction = Reduction::kNone}).value()) EXPECT_GT(x, 0);
}

TEST(KlDiv, IsCrossEntropyLessEntropy) {
  const Tensor logits = random({6, 5}, 2), p = probabilities({6, 5}, 1);
  const Tensor entropy = -sum(p * log(p), -1);
  expect_close(kl_div(log_softmax(Var(logits), -1), Var(p), {.reduction = Reduction::kNone}),
               (cross_entropy(Var(logits), Var(p), {.reduction = Reduction::kNone}) - Var(entropy)).value());
  expect_close(kl_div(log_softmax(Var(logits), -1), Var(p)),
               mean(cross_entropy(Var(logits), Var(p)) - Var(entropy)).value());
}

TEST(KlDiv, TakesImpossibleClasses) {
  const Var log_q = parameter(tensor({-kInfinity, 0, real(std::log(0.5)), real(std::log(0.5))}).reshape({2, 2}));
  const Var loss = kl_div(log_q, Var(matrix({{0, 1}, {1, 0}})));
  expect_close(loss, scalar(real(std::log(2.0) / 2)));
  backward(loss);
  EXPECT_TRUE(all_finite(log_q.grad().value()));
}

TEST(KlDiv, CurvesFinitelyWhereAClassIsImpossible) {
  const Var log_q = parameter(tensor({-1, -2})), p = parameter(tensor({0, 1}));
  const Var slope = grad(kl_div(log_q, p), {p}, {.create_graph = true})[0];  // 0 and log p + 1 - log q
  expect_close(slope, tensor({0, 3}));
  expect_close(grad(sum(slope), {p})[0], tensor({0, 1}));
}

TEST(KlDiv, HasItsGradients) {
  SKIP_IN_FLOAT();
  expect_gradients([](const std::vector<Var>& in) { return kl_div(in[0], in[1]); },
                   {random({3, 4}), probabilities({3, 4}, 1)});
}

// ---- Elementwise ----------------------------------------------------------------------------------------------------

struct Elementwise {
  const char* name;
  std::function<Var(const Var&, const Var&, Reduction)> loss;
  std::function<double(double, double)> want;
};
const Elementwise kElementwise[] = {
    {"binary_cross_entropy_with_logits",
     [](const Var& x, const Var& t, Reduction r) { return binary_cross_entropy_with_logits(x, t, {.reduction = r}); },
     [](double x, double t) {
       const double p = 1 / (1 + std::exp(-x));
       return -t * std::log(p) - (1 - t) * std::log(1 - p);
     }},
    {"mse_loss", [](const Var& x, const Var& t, Reduction r) { return mse_loss(x, t, {.reduction = r}); },
     [](double x, double t) { return (x - t) * (x - t); }},
    {"l1_loss", [](const Var& x, const Var& t, Reduction r) { return l1_loss(x, t, {.reduction = r}); },
     [](double x, double t) { return std::fabs(x - t); }},
    {"huber_loss",
     [](const Var& x, const Var& t, Reduction r) { return huber_loss(x, t, {.delta = real(0.7), .reduction = r}); },
     [](double x, double t) {
       const double e = std::fabs(x - t);
       return e < 0.7 ? e * e / 2 : 0.7 * (e - 0.35);
     }},
};

TEST(ElementwiseLosses, AreTheirFormulas) {
  for (const auto& [name, loss, f] : kElementwise) {
    SCOPED_TRACE(name);
    for (const Shape& shape : awkward_shapes()) {
      const Tensor x = random(shape, 1), t = random_between(0, 1, shape, 2);
      Tensor want(shape);
      for (int64_t i = 0; i < x.numel(); ++i) want.mutable_data()[i] = real(f(x.data()[i], t.data()[i]));
      expect_close(loss(x, t, Reduction::kNone), want);
      expect_close(loss(x, t, Reduction::kSum), sum(want));
      if (x.numel()) expect_close(loss(x, t, Reduction::kMean), mean(want));
    }
  }
}

TEST(ElementwiseLosses, HaveTheirGradients) {
  SKIP_IN_FLOAT();
  for (const auto& entry : kElementwise)
    for (Reduction r : {Reduction::kNone, Reduction::kMean}) {
      SCOPED_TRACE(entry.name);
      expect_gradients([&](const std::vector<Var>& in) { return entry.loss(in[0], in[1], r); },
                       {random({3, 5}, 3), random_between(0, 1, {3, 5}, 4)});
    }
}

TEST(ElementwiseLosses, RefuseOtherShapes) {
  for (const auto& entry : kElementwise) {
    expect_error([&] { entry.loss(Var(zeros({4, 1})), Var(zeros({4})), Reduction::kMean); }, entry.name);
    expect_error([&] { entry.loss(Var(zeros({4, 1})), Var(zeros({4})), Reduction::kMean); }, "target of shape [4] for");
  }
  expect_error([] { huber_loss(Var(zeros({2})), Var(zeros({2})), {.delta = 0}); }, "delta = 0");
}

TEST(BinaryCrossEntropy, SurvivesExtremeLogits) {
  const Tensor x = tensor({1000, -1000, 1000, -1000}), t = tensor({1, 0, 0, 1});
  expect_close(binary_cross_entropy_with_logits(Var(x), Var(t), {.reduction = Reduction::kNone}),
               tensor({0, 0, 1000, 1000}));
}

}  // namespace
}  // namespace bijou::nn

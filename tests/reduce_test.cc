// Reductions, softmax and running sums against naive loops in double, and their derivatives.
#include "tensor/reduce.h"

#include <cmath>
#include <functional>
#include <numeric>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/lane.h"
#include "tensor/parallel.h"
#include "tests/support.h"

namespace bijou {
namespace {

using namespace testing;

// Applies f to each line of x along the axis: f takes the line's numbers and returns as many, or one.
Tensor by_line(const Tensor& x, int axis, const std::function<std::vector<double>(const std::vector<double>&)>& f) {
  axis = x.shape().at(axis);
  const int64_t n = x.size(axis), inner = x.shape().product(axis + 1, x.dim()), outer = x.shape().product(0, axis);
  std::vector<real> out;
  int64_t m = 0;
  std::vector<std::vector<double>> results;
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t j = 0; j < inner; ++j) {
      std::vector<double> line;
      for (int64_t k = 0; k < n; ++k) line.push_back(x.data()[(o * n + k) * inner + j]);
      results.push_back(f(line));
      m = int64_t(results.back().size());
    }
  Shape shape = x.shape();
  shape[axis] = m;
  Tensor y(shape);
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t j = 0; j < inner; ++j)
      for (int64_t k = 0; k < m; ++k)
        y.mutable_data()[(o * m + k) * inner + j] = real(results[size_t(o * inner + j)][size_t(k)]);
  return y;
}

double max_of(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }
double lse_of(const std::vector<double>& v) {
  double s = 0;
  for (double x : v) s += std::exp(x - max_of(v));
  return max_of(v) + std::log(s);
}

// Shapes whose lines are short, long, odd, and side by side in more than one bundle.
std::vector<std::pair<Shape, int>> lines() {
  return {{{1}, 0},       {{7}, 0},          {{100}, 0},          {{3, 5}, 0},     {{3, 5}, 1},    {{4, 64}, 1},
          {{33, 65}, 1},  {{65, 33}, 0},     {{2, 9, 7}, 1},      {{3, 1, 4}, 1},  {{5, 300}, 0},  {{2, 4, 513}, 1},
          {{1, 8191}, 1}, {{9, 2, 3, 1}, 0}, {{2, 3, 2, 17}, -1}, {{130, 300}, 1}, {{300, 130}, 0}};
}

TEST(Reduce, MaxAndMinAreThoseOfALoop) {
  for (const auto& [shape, axis] : lines()) {
    const Tensor x = random(shape);
    const Tensor largest = by_line(x, axis, [](auto& v) { return std::vector{max_of(v)}; });
    const Tensor smallest =
        by_line(x, axis, [](auto& v) { return std::vector{*std::min_element(v.begin(), v.end())}; });
    expect_close(amax(x, axis, {.keepdim = true}), largest, 0);
    expect_close(amin(x, axis, {.keepdim = true}), smallest, 0);
    expect_close(max(x, axis, {.keepdim = true}).values, largest, 0);
    expect_close(min(x, axis).values, smallest.reshape(reduced_shape(shape, axis, {}, "")), 0);
    expect_close(gather(x, axis, argmax(x, axis, {.keepdim = true})), largest, 0);
    expect_close(gather(x, axis, argmin(x, axis, {.keepdim = true})), smallest, 0);
  }
}

TEST(Reduce, ExtremesOverSeveralAxes) {
  const Tensor x = random({3, 4, 5, 6});
  expect_close(amax(x, {0, 2}), amax(amax(x, 2), 0), 0);
  expect_close(amax(x, {-1, 1}, {.keepdim = true}), amax(amax(x, 3, {.keepdim = true}), 1, {.keepdim = true}), 0);
  expect_close(amin(x, {1, 2}), amin(x.reshape({3, 20, 6}), 1), 0);
  EXPECT_EQ(max(x).item(), *std::max_element(x.begin(), x.end()));
  EXPECT_EQ(min(x).item(), *std::min_element(x.begin(), x.end()));
  const Tensor s = scalar(3);
  EXPECT_EQ(max(s).item(), 3);
}

TEST(Reduce, ALongLineIsCutIntoPiecesThatMissNothing) {
  for (int64_t n : {int64_t(65536), int64_t(65551), int64_t(100003)})
    for (int64_t at : {int64_t(0), n / 2, n - 1}) {
      Tensor x = random({n, 1});
      x.mutable_data()[at] = 100;
      EXPECT_EQ(max(x).item(), 100);
      EXPECT_EQ(argmax(x, 0).item(), at);
      x.mutable_data()[at] = -100;
      EXPECT_EQ(amin(x, 0).item(), -100);
    }
}

TEST(Reduce, ArgmaxIsTheFirstOfEquals) {
  const Tensor x = matrix({{1, 3, 3}, {2, 2, 2}, {0, -1, 5}});
  EXPECT_EQ(to_string(argmax(x, 1)), to_string(indices({1, 0, 2})));
  EXPECT_EQ(to_string(argmax(x, 0)), to_string(indices({1, 0, 2})));
  EXPECT_EQ(to_string(argmin(x, 1)), to_string(indices({0, 0, 1})));
}

TEST(Reduce, NaNWinsEveryComparison) {
  for (int64_t at : {0, 3, 39, 40}) {
    Tensor x = random({41});
    x.mutable_data()[at] = kNaN;
    EXPECT_TRUE(std::isnan(max(x).item()));
    EXPECT_TRUE(std::isnan(min(x).item()));
    EXPECT_EQ(argmax(x, 0).item(), at);
    EXPECT_EQ(argmin(x, 0).item(), at);
    EXPECT_TRUE(std::isnan(amax(x.reshape({41, 1}), 0).item()));
    EXPECT_TRUE(std::isnan(logsumexp(x, 0).item()));
    for (real y : softmax(x, 0)) EXPECT_TRUE(std::isnan(y));
  }
}

TEST(Reduce, InfiniteExtremes) {
  const Tensor x = tensor({-kInfinity, 1, kInfinity});
  EXPECT_EQ(max(x).item(), kInfinity);
  EXPECT_EQ(min(x).item(), -kInfinity);
  EXPECT_EQ(max(full({5}, -kInfinity)).item(), -kInfinity);
}

TEST(Reduce, LogsumexpOverAnyAxes) {
  for (const auto& [shape, axis] : lines()) {
    const Tensor x = random(shape) * real(10);
    expect_close(logsumexp(x, axis, {.keepdim = true}),
                 by_line(x, axis, [](auto& v) { return std::vector{lse_of(v)}; }));
  }
  const Tensor x = random({3, 4, 5});
  expect_close(logsumexp(x, {0, 2}), logsumexp(logsumexp(x, 2), 0));
  EXPECT_EQ(logsumexp(x, {0, 1, 2}).dim(), 0);
}

TEST(Reduce, LogsumexpNeitherOverflowsNorMakesNaNOfInfinity) {
  EXPECT_NEAR(logsumexp(tensor({1000, 1000}), 0).item(), 1000 + std::log(2.0), 1e-3);
  EXPECT_NEAR(logsumexp(tensor({-1000, -1000}), 0).item(), -1000 + std::log(2.0), 1e-3);
  EXPECT_EQ(logsumexp(full({4}, -kInfinity), 0).item(), -kInfinity);
  EXPECT_EQ(logsumexp(tensor({kInfinity, 0}), 0).item(), kInfinity);
  EXPECT_EQ(logsumexp(tensor({-kInfinity, 2}), 0).item(), 2);
  EXPECT_EQ(logsumexp(zeros({0}), 0).item(), -kInfinity);  // log 0
}

TEST(Reduce, SoftmaxAndItsLogarithm) {
  for (const auto& [shape, axis] : lines()) {
    const Tensor x = random(shape) * real(5);
    const Tensor log_s = by_line(x, axis, [](auto v) {
      const double lse = lse_of(v);
      for (double& y : v) y -= lse;
      return v;
    });
    expect_close(log_softmax(x, axis), log_s);
    expect_close(softmax(x, axis), exp(log_s));
    expect_close(sum(softmax(x, axis), axis), ones(reduced_shape(shape, axis, {}, "")));
    expect_close(softmax(x + real(50), axis), softmax(x, axis), kDouble ? 1e-10 : 1e-4);  // blind to a shift
  }
}

TEST(Reduce, SoftmaxOfExtremes) {
  expect_close(softmax(tensor({-kInfinity, 0, 0}), 0), tensor({0, 0.5, 0.5}));
  expect_close(softmax(tensor({1000, 0, -1000}), 0), tensor({1, 0, 0}));
  expect_close(log_softmax(tensor({1000, 0}), 0), tensor({0, -1000}));
}

TEST(Reduce, CumsumIsARunningSum) {
  for (const auto& [shape, axis] : lines()) {
    const Tensor x = random(shape);
    expect_close(cumsum(x, axis), by_line(x, axis, [](auto v) {
                   for (size_t k = 1; k < v.size(); ++k) v[k] += v[k - 1];
                   return v;
                 }));
  }
}

TEST(Reduce, VarianceIsTheMeanSquareDistanceFromTheMean) {
  const Tensor x = random({6, 5, 4}) + real(3);
  const auto biased = [](auto& v) {
    double mean = 0, square = 0;
    for (double a : v) mean += a / double(v.size());
    for (double a : v) square += (a - mean) * (a - mean);
    return square / double(v.size());
  };
  for (int axis : {0, 1, 2}) {
    const double n = double(x.size(axis));
    const Tensor want = by_line(x, axis, [&](auto& v) { return std::vector{biased(v)}; });
    expect_close(var(Var(x), axis, {.unbiased = false, .keepdim = true}), want);
    expect_close(var(Var(x), axis, {.keepdim = true}), want * real(n / (n - 1)));
    expect_close(stddev(Var(x), axis, {.keepdim = true}), sqrt(want * real(n / (n - 1))));
  }
}

TEST(Reduce, SumsAndMeansOverAnyAxes) {
  const Tensor x = random({3, 4, 5});
  double total = 0;
  for (real v : x) total += v;
  EXPECT_NEAR(sum(x).item(), total, 1e-4);
  EXPECT_NEAR(mean(x).item(), total / 60, 1e-5);
  for (int axis : {0, 1, 2, -1}) {
    const Tensor want = by_line(x, axis, [](auto& v) { return std::vector{std::accumulate(v.begin(), v.end(), 0.0)}; });
    expect_close(sum(x, axis, {.keepdim = true}), want);
    expect_close(mean(x, axis, {.keepdim = true}), want / real(x.size(axis)));
  }
  expect_close(sum(x, {0, 2}), sum(sum(x, 2), 0));
  expect_close(mean(x, {0, -1}), mean(mean(x, 2), 0));
  EXPECT_TRUE(std::isnan(mean(zeros({0})).item()));
}

TEST(Reduce, NllIsTheLogSoftmaxPicked) {
  for (const Shape& shape : {Shape{1, 1}, Shape{5, 3}, Shape{7, 100}, Shape{40, 2000}}) {
    const Tensor x = random(shape) * real(4);
    Indices t({shape[0]});
    for (int64_t i = 0; i < shape[0]; ++i) t.mutable_data()[i] = index(i * 7 % shape[1]);
    const Tensor want = gather(log_softmax(x, 1), 1, t.reshape({-1, 1})).flatten() * real(-1);
    expect_close(nll_of_logits(x, t).loss, want);
    expect_close(nll_of_logits(x, t).logsumexp, logsumexp(x, 1));
  }
}

TEST(Reduce, AnIgnoredTargetHasNoLossAndNoGradient) {
  const Var x = parameter(random({3, 4}));
  for (bool create_graph : {false, true}) {
    const Var loss = nll_of_logits(x, indices({1, kIgnoreIndex, 3}));
    EXPECT_EQ(loss.value().data()[1], 0);
    const Tensor g = grad(sum(loss), {x}, {.create_graph = create_graph})[0].value();
    for (real v : g.row(1)) EXPECT_EQ(v, 0);
    for (int64_t row : {0, 2}) EXPECT_NEAR(sum(g.row(row)).item(), 0, 1e-6);
  }
}

TEST(Reduce, TheSameBitsOnOneThreadAndOnMany) {
  const int before = threads();
  const Tensor x = random({300, 1000});
  auto all = [&] {
    return std::vector{sum(x, 0),     sum(x, 1),     amax(x, 0),   logsumexp(x, 0), logsumexp(x, 1),
                       softmax(x, 0), softmax(x, 1), cumsum(x, 0), max(x),          sum(x)};
  };
  set_threads(1);
  const std::vector<Tensor> one = all();
  set_threads(4);
  const std::vector<Tensor> four = all();
  set_threads(before);
  for (size_t i = 0; i < one.size(); ++i) EXPECT_EQ(max_difference(four[i], one[i]), 0) << "result " << i;
}

TEST(Reduce, Misuse) {
  const Tensor x = random({2, 3});
  expect_error([&] { sum(x, {0, 0}); }, "sum: axis 0 is named twice");
  expect_error([&] { amax(x, 2); }, "amax: axis 2 is out of range for shape [2, 3]");
  expect_error([&] { amax(zeros({2, 0}), 1); }, "amax: nothing along axis 1 of shape [2, 0]");
  expect_error([&] { argmax(zeros({0}), 0); }, "nothing along axis 0");
  expect_error([&] { softmax(x, -3); }, "softmax: axis -3 is out of range");
  expect_error([&] { cumsum(scalar(1), 0); }, "cumsum: axis 0 is out of range for shape []");
  expect_error([&] { nll_of_logits(x, indices({0, 3})); }, "target 3 is not in [0, 3)");
  expect_error([&] { nll_of_logits(x, indices({-1, 0})); }, "target -1 is not in [0, 3)");
  expect_error([&] { nll_of_logits(x, indices({0})); }, "logits [2, 3] and targets [1]");
}

// ---- Derivatives ----------------------------------------------------------------------------------------------------

TEST(Reduce, GradientsOfReductions) {
  SKIP_IN_FLOAT();
  for (const auto& [shape, line] : lines()) {
    const int axis = line;  // (clang 14 lets no lambda capture what a binding names)
    if (shape.numel() > 2000) continue;
    const Tensor x = random(shape);
    for (bool keepdim : {false, true}) {
      expect_gradients([&](auto& v) { return sum(square(v[0]), axis, {.keepdim = keepdim}); }, {x});
      expect_gradients([&](auto& v) { return mean(square(v[0]), axis, {.keepdim = keepdim}); }, {x});
      expect_gradients([&](auto& v) { return amax(v[0] * v[0], axis, {.keepdim = keepdim}); }, {x});
      expect_gradients([&](auto& v) { return amin(v[0] * v[0], axis, {.keepdim = keepdim}); }, {x});
      expect_gradients([&](auto& v) { return max(v[0] * v[0], axis, {.keepdim = keepdim}).values; }, {x});
      expect_gradients([&](auto& v) { return min(v[0] * v[0], axis, {.keepdim = keepdim}).values; }, {x});
      expect_gradients([&](auto& v) { return logsumexp(v[0], axis, {.keepdim = keepdim}); }, {x});
      if (shape[axis] > 1) expect_gradients([&](auto& v) { return var(v[0], axis, {.keepdim = keepdim}); }, {x});
      if (shape[axis] > 2) expect_gradients([&](auto& v) { return stddev(v[0], axis, {.keepdim = keepdim}); }, {x});
    }
    expect_gradients([&](auto& v) { return softmax(v[0], axis); }, {x});
    expect_gradients([&](auto& v) { return log_softmax(v[0], axis); }, {x});
    expect_gradients([&](auto& v) { return cumsum(v[0] * v[0], axis); }, {x});
  }
}

TEST(Reduce, GradientsOverSeveralAxes) {
  SKIP_IN_FLOAT();
  const Tensor x = random({3, 4, 2, 5});
  for (const Axes& axes : {Axes{0}, Axes{0, 2}, Axes{-1, 1}, Axes{0, 1, 2, 3}}) {
    expect_gradients([&](auto& v) { return sum(square(v[0]), axes); }, {x});
    expect_gradients([&](auto& v) { return mean(square(v[0]), axes, {.keepdim = true}); }, {x});
    expect_gradients([&](auto& v) { return amax(v[0] * v[0], axes); }, {x});
    expect_gradients([&](auto& v) { return logsumexp(v[0], axes); }, {x});
    expect_gradients([&](auto& v) { return var(v[0], axes, {.unbiased = false}); }, {x});
  }
  expect_gradients([&](auto& v) { return max(v[0] * v[0]); }, {x});
  expect_gradients([&](auto& v) { return min(v[0]) * sum(v[0]) * mean(v[0]); }, {x});
}

TEST(Reduce, GradientsOfTheLikelihood) {
  SKIP_IN_FLOAT();
  expect_gradients([](auto& v) { return nll_of_logits(v[0], indices({2, 0, kIgnoreIndex, 1})); }, {random({4, 3})});
  expect_gradients([](auto& v) { return nll_of_logits(v[0], indices({16, 3})); }, {random({2, 17})});
}

TEST(Reduce, EqualsShareTheGradient) {
  const Var x = parameter(matrix({{1, 2, 2}, {3, 0, 3}}));
  expect_close(grad(sum(amax(x, 1)), {x})[0], matrix({{0, 0.5, 0.5}, {0.5, 0, 0.5}}), 0);
  expect_close(grad(max(x), {x})[0], matrix({{0, 0, 0}, {0.5, 0, 0.5}}), 0);
  expect_close(grad(sum(max(x, 1).values), {x})[0], matrix({{0, 1, 0}, {1, 0, 0}}), 0);  // the one that was picked
}

TEST(Reduce, AMaskedRowOfLogsumexpHasNoGradient) {
  const Var x = parameter(matrix({{-kInfinity, -kInfinity}, {0, 0}}));
  for (bool create_graph : {false, true})
    expect_close(grad(sum(logsumexp(x, 1)), {x}, {.create_graph = create_graph})[0], matrix({{0, 0}, {0.5, 0.5}}));
}

TEST(Reduce, TheDeviationOfEqualsHasNoGradient) {
  const Var x = parameter(matrix({{2, 2}, {0, 2}}));
  for (bool create_graph : {false, true})
    expect_close(grad(sum(stddev(x, 1)), {x}, {.create_graph = create_graph})[0],
                 matrix({{0, 0}, {-real(M_SQRT1_2), real(M_SQRT1_2)}}));
  EXPECT_TRUE(std::isnan(stddev(Var(tensor({1, kNaN})), 0).item()));
}

TEST(Reduce, FusedAndComposedGradientsAgree) {
  for (const auto& [shape, axis] : lines()) {
    const Var x = parameter(random(shape)), seed = random(shape, 1);
    for (const auto& f :
         {+[](const Var&v, int a) { return softmax(v, a); }, +[](const Var&v, int a) { return log_softmax(v, a); }})
      expect_close(grad(f(x, axis), seed, std::span(&x, 1))[0],
                   grad(f(x, axis), seed, std::span(&x, 1), {.create_graph = true})[0].value());
  }
}

}  // namespace
}  // namespace bijou

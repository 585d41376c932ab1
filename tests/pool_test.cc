// Pooling against its definition; derivatives of first and second order.
#include <cmath>

#include "autograd/conv.h"
#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/map.h"
#include "tests/support.h"

namespace bijou::testing {
namespace {

struct Window {
  std::vector<std::pair<real, index>> inside;  // numbers and their places
  int64_t size;                                // with padding
};

// Window (i, j) of plane p of x, straight from the definition.
Window window(const Tensor& x, int64_t p, int64_t i, int64_t j, HW kernel, HW stride, HW padding) {
  Window found{{}, kernel.h * kernel.w};
  const int64_t h = x.size(2), w = x.size(3);
  for (int64_t u = 0; u < kernel.h; ++u)
    for (int64_t v = 0; v < kernel.w; ++v) {
      const int64_t r = i * stride.h + u - padding.h, s = j * stride.w + v - padding.w;
      if (r >= 0 && r < h && s >= 0 && s < w) found.inside.push_back({x.data()[(p * h + r) * w + s], index(r * w + s)});
    }
  return found;
}

TEST(Pool, TakesTheLargestOrTheMeanOfEachWindow) {
  for (const Shape& s :
       {Shape{2, 3, 7, 9}, Shape{1, 2, 8, 8}, Shape{1, 1, 1, 4}, Shape{0, 2, 5, 5}, Shape{40, 20, 12, 12}})
    for (const PoolOptions& o : std::vector<PoolOptions>{{.kernel = 1},
                                                         {.kernel = {1, 2}},
                                                         {.kernel = {1, 3}, .stride = 1},
                                                         {.kernel = {1, 4}, .stride = 2, .padding = {0, 2}},
                                                         {.kernel = 2},
                                                         {.kernel = 3, .stride = 2, .padding = 1},
                                                         {.kernel = {3, 2}, .stride = {1, 4}, .padding = {1, 0}}}) {
      if (o.kernel.h > s[2] + 2 * o.padding.h) continue;
      const HW stride = o.stride.h == -1 ? o.kernel : o.stride;
      const Tensor x = random(s, 1);
      const auto [largest, place] = max_pool2d(x, o);
      const Tensor mean = avg_pool2d(x, o);
      const Shape want{s[0], s[1], (s[2] + 2 * o.padding.h - o.kernel.h) / stride.h + 1,
                       (s[3] + 2 * o.padding.w - o.kernel.w) / stride.w + 1};
      ASSERT_EQ(largest.shape(), want);
      ASSERT_EQ(mean.shape(), want);
      for (int64_t k = 0; k < want.numel(); ++k) {
        const int64_t j = k % want[3], i = k / want[3] % want[2], p = k / (want[2] * want[3]);
        const Window cells = window(x, p, i, j, o.kernel, stride, o.padding);
        double sum = 0;
        auto best = cells.inside[0];
        for (const auto& cell : cells.inside) {
          sum += double(cell.first);
          if (cell.first > best.first) best = cell;
        }
        ASSERT_EQ(largest.data()[k], best.first);
        ASSERT_EQ(place.data()[k], best.second);
        ASSERT_NEAR(mean.data()[k], sum / double(cells.size), kTolerance);
      }
    }
}

TEST(Pool, OfEqualsTheFirstIsTakenAndNaNWins) {
  const auto equal = max_pool2d(ones({1, 1, 4, 4}), {.kernel = 2});
  EXPECT_EQ(std::vector<index>(equal.indices.begin(), equal.indices.end()), (std::vector<index>{0, 2, 8, 10}));
  Tensor x = full({1, 1, 2, 6}, -kInfinity);  // padding does not win over -inf
  x.mutable_data()[7] = kNaN;
  const auto y = max_pool2d(x, {.kernel = 2, .stride = 2, .padding = 1}).values;
  EXPECT_EQ(y.shape(), Shape({1, 1, 2, 4}));
  for (int64_t k = 0; k < 8; ++k) EXPECT_TRUE(k == 5 ? std::isnan(y.data()[k]) : y.data()[k] == -kInfinity) << k;
}

TEST(Pool, IsTheSameOnAnyNumberOfThreads) {
  const Tensor x = random({9, 16, 60, 60}, 1), g = random({9, 16, 30, 30}, 3);
  const PoolOptions o{.kernel = 3, .stride = 2, .padding = 1};
  const int before = threads();
  set_threads(1);
  const Tensor largest = max_pool2d(x, o).values, mean = avg_pool2d(x, o), dx = avg_pool2d_input_grad(g, x.shape(), o);
  set_threads(2);
  EXPECT_EQ(max_difference(max_pool2d(x, o).values, largest), 0);
  EXPECT_EQ(max_difference(avg_pool2d(x, o), mean), 0);
  EXPECT_EQ(max_difference(avg_pool2d_input_grad(g, x.shape(), o), dx), 0);
  set_threads(before);
}

TEST(Pool, HasFirstAndSecondDerivatives) {
  SKIP_IN_FLOAT();
  for (const PoolOptions& o : std::vector<PoolOptions>{{.kernel = 2},
                                                       {.kernel = 3, .stride = 1, .padding = 1},
                                                       {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}}}) {
    const Tensor x = random({2, 3, 5, 6}, 1), g = random(pool2d_shape({2, 3, 5, 6}, o), 2);
    expect_gradients([&](const std::vector<Var>& v) { return max_pool2d(v[0], o); }, {x});
    expect_gradients([&](const std::vector<Var>& v) { return square(max_pool2d(v[0], o)); }, {x});
    expect_gradients([&](const std::vector<Var>& v) { return avg_pool2d(v[0], o); }, {x});
    expect_gradients([&](const std::vector<Var>& v) { return avg_pool2d_input_grad(v[0], x.shape(), o); }, {g});
  }
  expect_gradients(
      [&](const std::vector<Var>& v) { return max_pool1d(v[0], {.kernel = 3, .stride = 2, .padding = 1}); },
      {random({2, 3, 7}, 1)});
  expect_gradients(
      [&](const std::vector<Var>& v) { return avg_pool1d(v[0], {.kernel = 3, .stride = 2, .padding = 1}); },
      {random({2, 3, 7}, 1)});
}

TEST(Pool, TakesAnEmptyBatch) {
  const Var x = parameter(zeros({0, 3, 4, 4})), y = max_pool2d(x, {.kernel = 2});
  EXPECT_EQ(y.shape(), Shape({0, 3, 2, 2}));
  EXPECT_EQ(grad(sum(y), {x})[0].shape(), x.shape());
}

TEST(Pool, AlongOneAxis) {
  const Var x = Var(tensor({1, 5, 2, 4, 3, 0}).reshape({1, 1, 6}));
  expect_close(max_pool1d(x, {.kernel = 2}), tensor({5, 4, 3}).reshape({1, 1, 3}));
  expect_close(avg_pool1d(x, {.kernel = 3, .stride = 3}), tensor({real(8) / 3, real(7) / 3}).reshape({1, 1, 2}));
}

TEST(Pool, RefusesWhatDoesNotFit) {
  const Tensor x = zeros({1, 2, 4, 5});
  expect_error([&] { max_pool2d(zeros({2, 4, 5}), {.kernel = 2}); }, "[2, 4, 5]");
  expect_error([&] { max_pool2d(x, {.kernel = 0}); }, "kernel of 0");
  expect_error([&] { max_pool2d(x, {.kernel = 2, .stride = 0}); }, "stride of 0");
  expect_error([&] { max_pool2d(x, {.kernel = 2, .padding = 2}); }, "padding of 2");
  expect_error([&] { avg_pool2d(x, {.kernel = 2, .padding = -1}); }, "padding of -1");
  expect_error([&] { avg_pool2d(x, {.kernel = {5, 2}}); }, "kernel of 5");
  expect_error([&] { max_pool2d(zeros({1, 1, 0, 3}), {.kernel = 2, .padding = 1}); }, "input of 0");
  expect_error([&] { avg_pool2d_input_grad(zeros({1, 2, 2, 3}), x.shape(), {.kernel = 2}); }, "[1, 2, 2, 3]");
  expect_error([&] { max_pool1d(x, {.kernel = 2}); }, "three axes");
}

}  // namespace
}  // namespace bijou::testing

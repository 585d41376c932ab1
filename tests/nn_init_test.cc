// Initial weights: their variances, bounds and fans.
#include <gtest/gtest.h>

#include <cmath>

#include "nn/init.h"
#include "tensor/elementwise.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

double standard_deviation(const Tensor& x) {
  double sum = 0;
  for (real v : x) sum += double(v) * v;
  return std::sqrt(sum / double(x.numel()));
}
double largest(const Tensor& x) { return max(abs(x)).item(); }

// Weights [out, in, kernel] with fan_in = 300, fan_out = 600.
const Shape kShape{200, 100, 3};

TEST(Init, HasTheDeviationOfItsFormula) {
  struct {
    Tensor weight;
    double want;
  } cases[] = {
      {init::xavier_uniform(kShape), std::sqrt(2.0 / 900)},
      {init::xavier_normal(kShape, 3), 3 * std::sqrt(2.0 / 900)},
      {init::kaiming_uniform(kShape), std::sqrt(2.0 / 300)},
      {init::kaiming_normal(kShape, {.a = 2}), std::sqrt(2.0 / 5 / 300)},
      {init::kaiming_normal(kShape, {.fan = init::Fan::kOut}), std::sqrt(2.0 / 600)},
      {init::default_weight(kShape), std::sqrt(1.0 / 900)},
      {init::trunc_normal(kShape, 0.5), 0.5 * 0.8796256610342398},  // of a normal cut off at two deviations
  };
  for (const auto& [weight, want] : cases) {
    EXPECT_EQ(weight.shape(), kShape);
    EXPECT_NEAR(standard_deviation(weight) / want, 1, 0.015);
    EXPECT_NEAR(mean(weight).item() / want, 0, 5 / std::sqrt(double(kShape.numel())));
  }
}

TEST(Init, UniformsStayWithinTheirBounds) {
  EXPECT_LE(largest(init::default_weight(kShape)), 1 / std::sqrt(300.0) * (1 + 1e-6));
  EXPECT_GT(largest(init::default_weight(kShape)), 0.99 / std::sqrt(300.0));
  EXPECT_LE(largest(init::default_bias(10'000, 25)), 0.2 * (1 + 1e-6));
  EXPECT_GT(largest(init::default_bias(10'000, 25)), 0.199);
  EXPECT_LE(largest(init::trunc_normal(kShape, 0.5)), 1 + 1e-6);
}

TEST(Init, OrthogonalHasOrthonormalRowsOrColumns) {
  for (const Shape& shape : {Shape{4, 4}, Shape{3, 8}, Shape{8, 3}, Shape{4, 2, 3}, Shape{1, 1}}) {
    const int64_t rows = shape[0], columns = shape.product(1, shape.rank());
    const Tensor w = init::orthogonal(shape, 2);
    EXPECT_EQ(w.shape(), shape);
    const Tensor m = w.reshape({rows, columns});
    const bool wide = rows < columns;
    expect_close(matmul(m, m, {.transpose_a = !wide, .transpose_b = wide}), eye(std::min(rows, columns)) * 4);
  }
}

TEST(Init, OrthogonalPrefersNoDirection) {
  Generator g(1);
  double diagonal = 0;
  for (int i = 0; i < 2000; ++i) diagonal += init::orthogonal({3, 3}, 1, g).at({0, 0}) / 2000;
  EXPECT_NEAR(diagonal, 0, 5 * std::sqrt(1.0 / 3 / 2000));  // LAPACK's own signs would give about -0.5
}

TEST(Init, FollowsItsGenerator) {
  Generator a(1), b(1);
  expect_close(init::xavier_normal({3, 4}, 1, a), init::xavier_normal({3, 4}, 1, b), 0);
  manual_seed(5);
  const Tensor first = init::kaiming_uniform({3, 4});
  manual_seed(5);
  expect_close(init::kaiming_uniform({3, 4}), first, 0);
}

TEST(Init, RefusesVectors) {
  expect_error([] { init::kaiming_uniform({5}); },
               "kaiming_uniform: a weight of shape [out, in, ...] expected, not [5]");
  expect_error([] { init::orthogonal({}); }, "orthogonal");
}

}  // namespace
}  // namespace bijou::nn

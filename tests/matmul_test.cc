// Products against naive loops in double, and their derivatives.
#include "tensor/matmul.h"

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"
#include "tensor/parallel.h"
#include "tensor/product.h"
#include "tests/support.h"

namespace bijou {
namespace {

using namespace testing;

// [m, k] x [k, n] by three loops.
Tensor naive_matrix(const Tensor& a, const Tensor& b) {
  const int64_t m = a.size(0), k = a.size(1), n = b.size(1);
  Tensor y({m, n});
  for (int64_t i = 0; i < m; ++i)
    for (int64_t j = 0; j < n; ++j) {
      double total = 0;
      for (int64_t l = 0; l < k; ++l) total += double(a.at({i, l})) * double(b.at({l, j}));
      y.mutable_data()[i * n + j] = real(total);
    }
  return y;
}

// Leading axes broadcast, matrix by matrix.
Tensor naive(Tensor a, Tensor b, MatmulOptions o = {}) {
  if (o.transpose_a) a = transpose(a, -1, -2);
  if (o.transpose_b) b = transpose(b, -1, -2);
  auto leading = [](const Tensor& x) { return Shape(std::span(x.shape().begin(), size_t(x.dim() - 2))); };
  const Shape batch = broadcast(leading(a), leading(b));
  auto stretched = [&](const Tensor& x) {
    Shape shape = batch;
    shape.push_back(x.size(-2));
    shape.push_back(x.size(-1));
    return broadcast_to(x, shape).reshape({batch.numel(), x.size(-2), x.size(-1)});
  };
  const Tensor left = stretched(a), right = stretched(b);
  Shape shape = batch;
  shape.push_back(a.size(-2));
  shape.push_back(b.size(-1));
  Tensor y = zeros({batch.numel(), a.size(-2), b.size(-1)});
  for (int64_t i = 0; i < batch.numel(); ++i)
    y.rows(i, i + 1).copy_from(unsqueeze(naive_matrix(left.row(i), right.row(i)), 0));
  return y.reshape(shape);
}

Shape swapped(Shape s) {
  std::swap(s[-1], s[-2]);
  return s;
}

// a, b as they are before transposition.
const std::pair<Shape, Shape> kProducts[] = {{{1, 1}, {1, 1}},          {{3, 4}, {4, 5}},
                                             {{7, 1}, {1, 9}},          {{1, 17}, {17, 1}},
                                             {{33, 65}, {65, 31}},      {{5, 3, 4}, {4, 2}},
                                             {{5, 3, 4}, {5, 4, 2}},    {{3, 4}, {5, 4, 2}},
                                             {{5, 1, 3, 4}, {6, 4, 2}}, {{2, 1, 3, 4}, {1, 6, 4, 2}},
                                             {{1, 3, 4}, {5, 4, 2}},    {{5, 3, 4}, {1, 4, 2}},
                                             {{0, 4}, {4, 5}},          {{3, 0}, {0, 5}},
                                             {{3, 4}, {4, 0}},          {{0, 3, 4}, {0, 4, 2}},
                                             {{2, 3, 0}, {2, 0, 2}},    {{200, 130}, {130, 150}}};

TEST(Matmul, IsTheNaiveProductWithAllFlags) {
  for (const auto& [sa, sb] : kProducts)
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        const MatmulOptions o{.transpose_a = ta, .transpose_b = tb};
        const Tensor a = random(ta ? swapped(sa) : sa), b = random(tb ? swapped(sb) : sb, 1);
        SCOPED_TRACE(to_string(a.shape()) + (ta ? "T" : "") + " x " + to_string(b.shape()) + (tb ? "T" : ""));
        expect_close(matmul(a, b, o), naive(a, b, o), kDouble ? 1e-12 : 1e-5);
      }
}

// Whichever of the two this processor's matmul takes: rows, columns and depth below, at and above the sizes of tiles,
// panels and blocks; in the middle of larger matrices, whose other numbers must stay.
TEST(Matmul, OurOwnProductIsTheNaiveOne) {
  const int64_t sizes[][3] = {{1, 1, 1},    {1, 40, 0},   {5, 33, 7},    {6, 2, 300},    {7, 3, 40},
                              {40, 70, 30}, {64, 64, 64}, {200, 36, 20}, {193, 129, 65}, {3, 1025, 257}};
  for (const auto& [m, n, k] : sizes)
    for (const bool ta : {false, true})
      for (const bool tb : {false, true})
        for (const bool adds : {false, true}) {
          SCOPED_TRACE(to_string(Shape{m, n, k}) + (ta ? " T" : " N") + (tb ? "T" : "N") + (adds ? " adds" : ""));
          const Tensor a = random({ta ? k : m, (ta ? m : k) + 3}), b = random({tb ? n : k, (tb ? k : n) + 5}, 1);
          const Tensor before = random({m, n + 2}, 2);
          Tensor c = before.clone();
          detail::multiply(
              {ta, tb, m, n, k, 0.5, a.data(), a.size(1), b.data(), b.size(1), adds, c.mutable_data(), n + 2});
          auto of = [](const Tensor& x, bool transposed, int64_t columns) {
            const Tensor whole = slice(x, 1, 0, columns);
            return transposed ? transpose(whole, 0, 1) : whole;
          };
          const Tensor product = naive_matrix(of(a, ta, ta ? m : k), of(b, tb, tb ? k : n)) * 0.5;
          const Tensor old = slice(before, 1, 0, n);
          expect_close(slice(c, 1, 0, n), adds ? old + product : product, kDouble ? 1e-12 : 2e-5);
          expect_close(slice(c, 1, n, n + 2), slice(before, 1, n, n + 2), 0);
        }
}

TEST(Matmul, VectorsAreRowsOnTheLeftAndColumnsOnTheRight) {
  const Tensor u = random({4}), v = random({4}, 1), a = random({3, 4}), batch = random({2, 3, 4});
  const Tensor row = u.reshape({1, 4}), column = v.reshape({4, 1});
  expect_close(matmul(u, v), naive(row, column).reshape({}));
  expect_close(matmul(a, v), naive(a, column).reshape({3}));
  expect_close(matmul(u, a, {.transpose_b = true}), naive(row, a, {.transpose_b = true}).reshape({3}));
  expect_close(matmul(random({3}), a), naive(random({3}).reshape({1, 3}), a).reshape({4}));
  expect_close(matmul(batch, v), naive(batch, column).reshape({2, 3}));
  expect_close(matmul(random({3}), batch), naive(random({3}).reshape({1, 3}), batch).reshape({2, 4}));
}

TEST(Matmul, AddsToWhatIsThere) {
  const Tensor a = random({3, 4}), b = random({5, 4}, 1);
  Tensor y = random({3, 5}, 2);
  const Tensor want = (Var(y.clone()) + Var(naive(a, b, {.transpose_b = true}))).value();
  matmul_add(y, a, b, {.transpose_b = true});
  expect_close(y, want);
}

TEST(Matmul, LinearIsAProductAndABias) {
  for (const Shape& shape : {Shape{4}, Shape{1, 4}, Shape{6, 4}, Shape{2, 3, 4}, Shape{0, 4}}) {
    const Tensor x = random(shape), w = random({5, 4}, 1), b = random({5}, 2);
    const Tensor product = matmul(x, w, {.transpose_b = true});
    expect_close(linear(x, w, {}), product);
    expect_close(linear(x, w, b), (Var(product) + Var(b)).value());
  }
}

TEST(Matmul, TheSameNumbersOnManyThreads) {
  const int before = threads();
  const Tensor a = random({300, 200}), b = random({200, 250}, 1), c = random({16, 64, 64}), d = random({16, 64, 64}, 1);
  set_threads(1);
  const Tensor one = matmul(a, b), batch_one = matmul(c, d, {.transpose_b = true});
  set_threads(3);
  const double rounding = kDouble ? 1e-12 : 1e-4;  // of sums of 200 products
  expect_close(matmul(a, b), one, rounding);
  expect_close(matmul(c, d, {.transpose_b = true}), batch_one, rounding);
  set_threads(before);
}

TEST(Matmul, Misuse) {
  const Tensor a = random({3, 4});
  expect_error([&] { matmul(a, random({5, 2})); }, "matmul: [3, 4] x [5, 2]: inner sizes 4 and 5 differ");
  expect_error([&] { matmul(a, a, {.transpose_a = true, .transpose_b = true}); }, "inner sizes 3 and 4 differ");
  expect_error([&] { matmul(random({2, 3, 4}), random({3, 4, 5})); }, "matmul: shapes [2] and [3] do not broadcast");
  expect_error([&] { matmul(a, scalar(1)); }, "vectors or matrices expected");
  expect_error([&] { matmul(random({4}), a, {.transpose_a = true}); }, "a vector cannot be transposed");
  Tensor y = random({4, 3});
  expect_error([&] { matmul_add(y, a, random({4, 4})); }, "matmul_add: [4, 3] += [3, 4] x [4, 4]");  // 12 elements too
  expect_error([&] { matmul_add(y, random({2, 2, 3}), a); }, "matmul_add: [2, 2, 3] x [3, 4]: matrices expected");
  expect_error([&] { linear(Var(a), Var(random({5, 3})), {}); }, "linear: x [3, 4] x w [5, 3]");
  expect_error([&] { linear(Var(a), Var(random({5, 4})), Var(random({4}))); }, "bias of shape [4] for 5 outputs");
}

// ---- Derivatives ----------------------------------------------------------------------------------------------------

TEST(Matmul, Gradients) {
  SKIP_IN_FLOAT();
  for (const auto& [sa, sb] : kProducts) {
    if (sa.numel() > 3000) continue;
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        const MatmulOptions o{.transpose_a = ta, .transpose_b = tb};
        const Tensor a = random(ta ? swapped(sa) : sa), b = random(tb ? swapped(sb) : sb, 1);
        SCOPED_TRACE(to_string(a.shape()) + (ta ? "T" : "") + " x " + to_string(b.shape()) + (tb ? "T" : ""));
        expect_gradients([&](auto& v) { return matmul(v[0], v[1], o); }, {a, b});
      }
  }
}

TEST(Matmul, GradientsWithVectors) {
  SKIP_IN_FLOAT();
  auto f = [](auto& v) { return matmul(v[0], v[1]); };
  expect_gradients(f, {random({4}), random({4}, 1)});
  expect_gradients(f, {random({3, 4}), random({4}, 1)});
  expect_gradients(f, {random({3}), random({3, 4}, 1)});
  expect_gradients(f, {random({2, 3, 4}), random({4}, 1)});
  expect_gradients(f, {random({3}), random({2, 3, 4}, 1)});
}

TEST(Matmul, GradientsOfLinear) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : {Shape{4}, Shape{6, 4}, Shape{2, 3, 4}}) {
    expect_gradients([](auto& v) { return linear(v[0], v[1], v[2]); },
                     {random(shape), random({5, 4}, 1), random({5}, 2)});
    expect_gradients([](auto& v) { return linear(v[0], v[1], {}); }, {random(shape), random({5, 4}, 1)});
  }
}

}  // namespace
}  // namespace bijou

// Factorizations multiply back to their matrix, solutions solve, and gradients are right to second order.
#include "autograd/linalg.h"

#include <cmath>
#include <numbers>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"
#include "tests/support.h"

namespace bijou {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::expect_gradients;
using testing::random;

constexpr double kDigits = testing::kDouble ? 1e-11 : 5e-5;

Tensor transposed(const Tensor& x) { return transpose(x, -1, -2); }

// Well-conditioned: I + noise of norm < 1, its rows in another order, so that pivots are needed.
Tensor regular(const Shape& shape, uint64_t seed = 0) {
  const int64_t n = shape[-1];
  const Tensor a = random(shape, seed) * (real(0.4) / std::sqrt(real(n) + 1)) + eye(n);
  return n > 1 ? flip(a, -2) : a;
}
Tensor positive(const Shape& shape, uint64_t seed = 0) {
  const Tensor a = random(shape, seed);
  return matmul(a, a, {.transpose_b = true}) + eye(shape[-1]);
}
Var symmetric(const Var& x) { return (x + transpose(x, -1, -2)) * real(0.5); }
Tensor symmetric(const Tensor& x) { return (x + transposed(x)) * real(0.5); }

std::vector<Shape> square_shapes() {
  return {{0, 0}, {1, 1}, {2, 2}, {5, 5}, {33, 33}, {3, 4, 4}, {2, 1, 2, 2}, {0, 3, 3}, {2, 0, 0}};
}

// ---- LU, determinants -----------------------------------------------------------------------------------------------

TEST(Linalg, LuMultipliesBack) {
  for (const Shape& shape : {Shape{0, 0}, Shape{1, 1}, Shape{5, 5}, Shape{4, 7}, Shape{7, 4}, Shape{2, 3, 3},
                             Shape{3, 0}, Shape{0, 3}, Shape{2, 3, 1, 2}, Shape{70, 65}}) {
    const Tensor a = random(shape, 1);
    const Plu f = lu_unpack(lu(a));
    expect_close(matmul(f.p, matmul(f.l, f.u)), a, kDigits);
    expect_close(f.l, tril(f.l), 0);
    expect_close(f.u, triu(f.u), 0);
    expect_close(matmul(f.p, f.p, {.transpose_a = true}), matmul(f.p, f.p, {.transpose_b = true}), 0);
    for (real x : f.l) EXPECT_LE(std::fabs(x), 1);  // the largest pivot was taken
  }
}

TEST(Linalg, LuKeepsLapacksConventions) {
  const Lu f = lu(matrix({{1, 2}, {4, 2}}));  // rows change places; L has 1/4
  expect_close(f.factors, matrix({{4, 2}, {real(0.25), real(1.5)}}), 0);
  EXPECT_EQ(f.pivots.at({0}), 2);
  EXPECT_EQ(f.pivots.at({1}), 2);
  const Plu unpacked = lu_unpack(f);
  expect_close(unpacked.p, matrix({{0, 1}, {1, 0}}), 0);
  expect_close(unpacked.l, matrix({{1, 0}, {real(0.25), 1}}), 0);
}

TEST(Linalg, LuOfASingularMatrixHasAZeroPivot) {
  const Plu f = lu_unpack(lu(matrix({{1, 2}, {2, 4}})));
  EXPECT_EQ(f.u.at({1, 1}), 0);
}

double determinant(const std::vector<std::vector<double>>& a) {  // by cofactors
  if (a.empty()) return 1;
  double sum = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    std::vector<std::vector<double>> minor;
    for (size_t i = 1; i < a.size(); ++i) {
      minor.push_back(a[i]);
      minor.back().erase(minor.back().begin() + int(k));
    }
    sum += (k % 2 ? -1 : 1) * a[0][k] * determinant(minor);
  }
  return sum;
}

TEST(Linalg, SlogdetAgainstCofactors) {
  for (int64_t n = 0; n < 7; ++n) {
    const Tensor a = random({3, n, n}, uint64_t(n));
    const SignAndLog<Tensor> f = slogdet(a);
    ASSERT_EQ(f.sign.shape(), (Shape{3}));
    for (int64_t m = 0; m < 3; ++m) {
      std::vector<std::vector<double>> rows(static_cast<size_t>(n));
      for (int64_t i = 0; i < n; ++i)
        for (int64_t j = 0; j < n; ++j) rows[size_t(i)].push_back(a.at({m, i, j}));
      EXPECT_NEAR(f.sign.at({m}) * std::exp(f.logabsdet.at({m})), determinant(rows), kDigits * 100);
    }
  }
}

TEST(Linalg, SlogdetOfLargeAndSpecialMatrices) {
  EXPECT_NEAR(slogdet(eye(300) * 1000).logabsdet.item(), 300 * std::log(1000.0), 1e-3);  // no overflow
  EXPECT_EQ(slogdet(matrix({{0, 1}, {1, 0}})).sign.item(), -1);
  EXPECT_EQ(slogdet(Tensor(Shape{0, 0})).logabsdet.item(), 0);
  EXPECT_EQ(slogdet(Tensor(Shape{0, 0})).sign.item(), 1);
  const SignAndLog<Tensor> singular = slogdet(matrix({{1, 2}, {2, 4}}));
  EXPECT_EQ(singular.sign.item(), 0);
  EXPECT_EQ(singular.logabsdet.item(), -std::numeric_limits<real>::infinity());
  const SignAndLog<Tensor> nan = slogdet(matrix({{NAN, 2}, {2, 4}}));
  EXPECT_TRUE(std::isnan(nan.sign.item()));
  EXPECT_TRUE(std::isnan(nan.logabsdet.item()));
}

// ---- Solving --------------------------------------------------------------------------------------------------------

TEST(Linalg, SolveAndInverse) {
  for (const Shape& shape : square_shapes()) {
    const Tensor a = regular(shape, 1);
    Shape rhs = shape;
    rhs[-1] = 3;
    const Tensor b = random(rhs, 2);
    expect_close(matmul(a, solve(a, b)), b, kDigits);
    expect_close(matmul(inverse(a), a), broadcast_to(eye(shape[-1]), shape), kDigits);
  }
}

TEST(Linalg, AStackOnEitherSideGoesWithOneMatrixOnTheOther) {
  const Tensor a = regular({3, 4, 4}, 1), b = random({3, 4, 2}, 2);
  const Tensor x = solve(a, b.row(0)), y = solve(a.row(0), b);
  for (int64_t i = 0; i < 3; ++i) {
    expect_close(matmul(a.row(i), x.row(i)), b.row(0), kDigits);
    expect_close(matmul(a.row(0), y.row(i)), b.row(i), kDigits);
  }
  const TriangularOptions right{.left = false};
  const Tensor z = solve_triangular(a.row(0), transposed(b), right);
  for (int64_t i = 0; i < 3; ++i) expect_close(matmul(z.row(i), tril(a.row(0))), transposed(b.row(i)), kDigits);
}

TEST(Linalg, TriangularSystemsOfEveryKind) {
  for (int kind = 0; kind < 16; ++kind)
    for (const Shape& shape : {Shape{0, 0}, Shape{1, 1}, Shape{5, 5}, Shape{2, 3, 3}}) {
      const TriangularOptions o{
          .upper = bool(kind & 1), .transpose = bool(kind & 2), .unit = bool(kind & 4), .left = bool(kind & 8)};
      const Tensor one = eye(shape[-1]), a = random(shape, 1) * real(0.3) + one * 2;
      Tensor full = o.upper ? triu(a) : tril(a);
      if (o.unit) full = full * (1 - one) + one;
      if (o.transpose) full = transposed(full);
      Shape rhs = shape;
      rhs[o.left ? -1 : -2] = 2;
      const Tensor b = random(rhs, 2), x = solve_triangular(a, b, o);
      expect_close(o.left ? matmul(full, x) : matmul(x, full), b, kDigits);
      if (shape.rank() > 0 && shape[-1] > 1) {  // the other triangle is never looked at
        const Tensor poison = (o.upper ? tril(ones(shape), -1) : triu(ones(shape), 1)) * 1e30;
        expect_close(solve_triangular(a + poison, b, o), x, 0);
      }
    }
}

TEST(Linalg, TheInputIsLeftAlone) {
  const Tensor a = positive({4, 4}, 1), before = a.clone(), b = random({4, 2}, 2), b_before = b.clone();
  lu(a), slogdet(a), inverse(a), solve(a, b), solve_triangular(a, b), cholesky(a), qr(a), eigh(a);
  expect_close(a, before, 0);
  expect_close(b, b_before, 0);
  const Tensor d = ones({3}), e = ones({2});
  eigh_tridiagonal(d, e);
  expect_close(d, ones({3}), 0);
  expect_close(e, ones({2}), 0);
}

// ---- Cholesky, QR, eigenvalues --------------------------------------------------------------------------------------

TEST(Linalg, CholeskyMultipliesBackAndReadsTheLowerTriangle) {
  for (const Shape& shape : square_shapes()) {
    const Tensor a = positive(shape, 1), l = cholesky(a);
    expect_close(matmul(l, l, {.transpose_b = true}), a, kDigits);
    expect_close(l, tril(l), 0);
    expect_close(cholesky(tril(a)), l, 0);
  }
}

TEST(Linalg, QrHasOrthonormalColumnsAndMultipliesBack) {
  for (const Shape& shape : {Shape{0, 0}, Shape{1, 1}, Shape{5, 5}, Shape{9, 4}, Shape{4, 9}, Shape{3, 0}, Shape{0, 3},
                             Shape{2, 3, 5, 2}, Shape{80, 70}}) {
    const Tensor a = random(shape, 1);
    const Qr<Tensor> f = qr(a);
    const int64_t k = std::min(shape[-2], shape[-1]);
    EXPECT_EQ(f.q.size(-1), k);
    EXPECT_EQ(f.r.size(-2), k);
    expect_close(matmul(f.q, f.r), a, kDigits);
    expect_close(f.r, triu(f.r), 0);
    const Tensor gram = matmul(f.q, f.q, {.transpose_a = true});
    expect_close(gram, broadcast_to(eye(k), gram.shape()), kDigits);
  }
}

TEST(Linalg, EighDiagonalizes) {
  for (const Shape& shape : square_shapes()) {
    const Tensor a = symmetric(random(shape, 1));
    const Eigenpairs<Tensor> e = eigh(a);
    expect_close(matmul(a, e.vectors), e.vectors * unsqueeze(e.values, -2), kDigits);
    const Tensor gram = matmul(e.vectors, e.vectors, {.transpose_a = true});
    expect_close(gram, broadcast_to(eye(shape[-1]), shape), kDigits);
    const int64_t n = shape[-1];
    for (int64_t i = 1; i < e.values.numel(); ++i)
      EXPECT_TRUE(i % n == 0 || e.values.data()[i - 1] <= e.values.data()[i]);
    expect_close(eigh(tril(a)).values, e.values, 0);
  }
  expect_close(eigh(matrix({{2, 1}, {1, 2}})).values, tensor({1, 3}), kDigits);
}

TEST(Linalg, TridiagonalEigenvaluesOfAPathAndOfRandomNumbers) {
  const int64_t n = 20;
  const Tensor path = eigh_tridiagonal(zeros({n}), ones({n - 1})).values;  // 2 cos(k pi / (n + 1))
  for (int64_t k = 1; k <= n; ++k)
    EXPECT_NEAR(path.at({n - k}), 2 * std::cos(double(k) * std::numbers::pi / double(n + 1)), kDigits);

  const Tensor d = random({7}, 1), e = random({6}, 2);
  Tensor full = eye(7) * d;
  for (int64_t i = 0; i < 6; ++i) full.mutable_data()[i * 7 + i + 1] = full.mutable_data()[i * 7 + 7 + i] = e.at({i});
  const Eigenpairs<Tensor> f = eigh_tridiagonal(d, e);
  expect_close(f.values, eigh(full).values, kDigits);
  expect_close(matmul(full, f.vectors), f.vectors * f.values, kDigits);
  EXPECT_EQ(eigh_tridiagonal(tensor({3}), Tensor(Shape{0})).values.item(), 3);
  EXPECT_EQ(eigh_tridiagonal(Tensor(Shape{0}), Tensor(Shape{0})).vectors.shape(), (Shape{0, 0}));
}

// ---- Gradients ------------------------------------------------------------------------------------------------------

TEST(LinalgGradients, SlogdetInverseSolve) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : square_shapes()) {
    if (shape[-1] > 10) continue;
    const Tensor a = regular(shape, 1);
    Shape rhs = shape;
    rhs[-1] = 2;
    const Tensor b = random(rhs, 2);
    expect_gradients([](const std::vector<Var>& x) { return slogdet(x[0]).logabsdet; }, {a});
    expect_gradients([](const std::vector<Var>& x) { return inverse(x[0]); }, {a});
    expect_gradients([](const std::vector<Var>& x) { return solve(x[0], x[1]); }, {a, b});
  }
  const auto f = [](const std::vector<Var>& x) { return solve(x[0], x[1]); };
  expect_gradients(f, {regular({3, 3}, 1), random({2, 3, 2}, 2)});
  expect_gradients(f, {regular({2, 3, 3}, 1), random({3, 2}, 2)});
}

TEST(LinalgGradients, TriangularSystemsOfEveryKind) {
  SKIP_IN_FLOAT();
  for (int kind = 0; kind < 16; ++kind) {
    const TriangularOptions o{
        .upper = bool(kind & 1), .transpose = bool(kind & 2), .unit = bool(kind & 4), .left = bool(kind & 8)};
    const auto f = [o](const std::vector<Var>& x) { return solve_triangular(x[0], x[1], o); };
    for (const Shape& shape : {Shape{0, 0}, Shape{1, 1}, Shape{4, 4}, Shape{2, 3, 3}}) {
      Shape rhs = shape;
      rhs[o.left ? -1 : -2] = 2;
      expect_gradients(f, {random(shape, 1) * real(0.3) + eye(shape[-1]) * 2, random(rhs, 2)});
    }
    expect_gradients(f, {random({2, 2}, 1) * real(0.3) + eye(2) * 2, random({3, 2, 2}, 2)});
    expect_gradients(f, {random({3, 2, 2}, 1) * real(0.3) + eye(2) * 2, random({2, 2}, 2)});
  }
}

TEST(LinalgGradients, Cholesky) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : {Shape{0, 0}, Shape{1, 1}, Shape{4, 4}, Shape{2, 3, 3}})
    expect_gradients([](const std::vector<Var>& x) { return cholesky(symmetric(x[0])); }, {positive(shape, 1)});
}

TEST(LinalgGradients, QrOfTallSquareAndWideMatrices) {
  SKIP_IN_FLOAT();
  for (const Shape& shape :
       {Shape{0, 0}, Shape{1, 1}, Shape{3, 3}, Shape{5, 3}, Shape{2, 4}, Shape{2, 4, 2}, Shape{3, 0}, Shape{0, 3}})
    expect_gradients(
        [](const std::vector<Var>& x) {
          const Qr<Var> f = qr(x[0]);
          return std::vector{f.q, f.r, matmul(f.q, sin(f.r))};
        },
        {random(shape, 1)});
}

TEST(LinalgGradients, EigenvaluesAndVectors) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : {Shape{0, 0}, Shape{1, 1}, Shape{4, 4}, Shape{2, 3, 3}})
    expect_gradients(
        [](const std::vector<Var>& x) {  // exp of a matrix, and squared vectors: indifferent to the signs of vectors
          const Eigenpairs<Var> e = eigh(symmetric(x[0]));
          const Var exponential = matmul(e.vectors * unsqueeze(exp(e.values), -2), e.vectors, {.transpose_b = true});
          return std::vector{e.values, exponential, square(e.vectors)};
        },
        {random(shape, 1)});
}

TEST(LinalgGradients, FactorsChangedInPlaceLeaveTheGradientAlone) {
  const Var a = parameter(positive({3, 3}, 1));
  const auto after = [&](auto factor, bool change) {
    auto [first, second] = factor(a);
    if (change) first.mutable_value().fill(7), second.mutable_value().fill(7);
    const Var outputs[] = {first, second}, seeds[] = {Var(random(first.shape(), 2)), Var(random(second.shape(), 3))};
    return grad(outputs, std::span(&a, 1), seeds)[0].value();
  };
  const auto of_eigh = [](const Var& x) { return eigh(x); };
  const auto of_qr = [](const Var& x) { return qr(x); };
  expect_close(after(of_eigh, true), after(of_eigh, false), 0);
  expect_close(after(of_qr, true), after(of_qr, false), 0);
}

TEST(LinalgGradients, EqualEigenvaluesHaveGradientsWhereVectorsAreNotUsed) {
  const Var a = parameter(eye(3));
  expect_close(grad(sum(exp(eigh(a).values)), {a})[0], eye(3) * std::exp(real(1)), kDigits);
}

TEST(LinalgGradients, ThirdDerivativeOfALogDeterminant) {  // of [x]: log x, 1/x, -1/x², 2/x³
  const Var x = parameter(full({1, 1}, 2));
  Var y = slogdet(x).logabsdet;
  for (real expected : {real(0.5), real(-0.25), real(0.25)}) {
    y = grad(y, {x}, {.create_graph = true})[0];
    EXPECT_NEAR(y.item(), expected, kDigits);
  }
}

TEST(LinalgGradients, SignOfADeterminantIsAConstant) {
  const Var a = parameter(regular({3, 3}, 1));
  EXPECT_FALSE(slogdet(a).sign.requires_grad());
}

// ---- Failing well ---------------------------------------------------------------------------------------------------

TEST(LinalgErrors, ShapesAreNamed) {
  const Tensor wide = ones({2, 3}), vector = ones({3}), square = eye(3);
  expect_error([&] { lu(vector); }, "lu: a matrix expected, the shape is [3]");
  expect_error([&] { slogdet(wide); }, "slogdet: a square matrix expected, the shape is [2, 3]");
  expect_error([&] { inverse(wide); }, "inverse: a square matrix expected");
  expect_error([&] { cholesky(wide); }, "cholesky: a square matrix expected");
  expect_error([&] { eigh(vector); }, "eigh: a matrix expected");
  expect_error([&] { qr(vector); }, "qr: a matrix expected");
  expect_error([&] { qr(Var(vector)); }, "qr: a matrix expected");
  expect_error([&] { solve(square, wide); }, "solve: [3, 3] x X = [2, 3]: the numbers of rows differ");
  expect_error([&] { solve(ones({2, 3, 3}), ones({4, 3, 1})); }, "the leading axes differ");
  expect_error([&] { solve_triangular(square, wide); }, "A [3, 3], B [2, 3]: the sizes of A X = B differ");
  expect_error([&] { solve_triangular(square, transposed(wide), {.left = false}); }, "the sizes of X A = B differ");
  expect_error([&] { eigh_tridiagonal(vector, vector); },
               "diagonals [n] and [n - 1] expected, the shapes are [3] and [3]");
  Lu f = lu(square);
  f.pivots.fill(9);
  expect_error([&] { lu_unpack(f); }, "lu_unpack: pivot 9 for 3 rows");
  expect_error([&] { lu_unpack({square, indices({1})}); }, "lu_unpack: pivots [1] for factors [3, 3]");
}

TEST(LinalgErrors, SingularMatricesAreNamed) {
  const Tensor singular = matrix({{1, 2}, {2, 4}});
  expect_error([&] { inverse(singular); }, "inverse: the matrix is singular (pivot 1 is 0)");
  expect_error([&] { solve(singular, ones({2, 1})); }, "solve: the matrix is singular");
  const Tensor stack_of_two = stack({eye(2), singular}, 0);
  expect_error([&] { solve(stack_of_two, ones({2, 2, 1})); }, "solve: matrix 1 of [2] is singular");
  expect_error([&] { solve_triangular(matrix({{0, 1}, {1, 1}}), ones({2, 1})); }, "singular (pivot 0 is 0)");
  solve_triangular(matrix({{0, 1}, {1, 0}}), ones({2, 1}), {.unit = true});
  expect_error(
      [&] {
        cholesky(matrix({{1, 2}, {2, 1}}));
      },
      "cholesky: the matrix is not positive definite (its leading 2 x 2 block is not)");
  expect_error([&] { eigh(matrix({{1, NAN}, {NAN, 1}})); }, "eigh: the matrix holds NaN or infinity");
  expect_error([&] { eigh_tridiagonal(tensor({1, NAN}), ones({1})); }, "NaN or infinity");
  const Var a = parameter(singular);
  const Var log = slogdet(a).logabsdet;
  expect_error([&] { backward(log); }, "singular");
}

TEST(LinalgErrors, NanGoesThroughASolve) {
  const Tensor x = solve(matrix({{NAN, 1}, {1, 2}}), ones({2, 1}));
  EXPECT_FALSE(all_finite(x));
}

}  // namespace
}  // namespace bijou

#include "tensor/linalg.h"

#include <cblas.h>

#include <cmath>

#include "tensor/layout.h"

// LAPACK is Fortran: arguments are pointers, matrices lie column by column, the lengths of strings come last. It sees
// our row-major A as Aᵀ, its upper triangle as the lower one; where that does not do, we transpose.
extern "C" {
void sgetrf_(const int* m, const int* n, float* a, const int* lda, int* pivots, int* info);
void dgetrf_(const int* m, const int* n, double* a, const int* lda, int* pivots, int* info);
void spotrf_(const char* uplo, const int* n, float* a, const int* lda, int* info, size_t);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info, size_t);
void sgelqf_(const int* m, const int* n, float* a, const int* lda, float* tau, float* work, const int* lwork,
             int* info);
void dgelqf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work, const int* lwork,
             int* info);
void sorglq_(const int* m, const int* n, const int* k, float* a, const int* lda, const float* tau, float* work,
             const int* lwork, int* info);
void dorglq_(const int* m, const int* n, const int* k, double* a, const int* lda, const double* tau, double* work,
             const int* lwork, int* info);
void ssyevd_(const char* job, const char* uplo, const int* n, float* a, const int* lda, float* values, float* work,
             const int* lwork, int* iwork, const int* liwork, int* info, size_t, size_t);
void dsyevd_(const char* job, const char* uplo, const int* n, double* a, const int* lda, double* values, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info, size_t, size_t);
void sstevd_(const char* job, const int* n, float* d, float* e, float* z, const int* ldz, float* work, const int* lwork,
             int* iwork, const int* liwork, int* info, size_t);
void dstevd_(const char* job, const int* n, double* d, double* e, double* z, const int* ldz, double* work,
             const int* lwork, int* iwork, const int* liwork, int* info, size_t);
}

namespace bijou {
namespace {

// The function for `real`, out of two.
template <class S, class D>
constexpr auto* pick(S* single, D* both) {
  if constexpr (std::is_same_v<real, float>) return single;
  else return both;
}
const auto trsm = pick(cblas_strsm, cblas_dtrsm);

// The matrices in a shape [..., rows, columns].
struct Stack {
  Shape leading;
  int rows, columns, lda;  // lda: the distance between rows, which BLAS wants to be at least 1
  int64_t count, size;     // how many, and elements in each

  Stack(const char* op, const Tensor& x) {
    check(x.dim() >= 2, op, ": a matrix expected, the shape is ", x.shape());
    check(x.size(-2) < 32000 && x.size(-1) < 32000, op, ": too large for LAPACK's 32-bit integers: ", x.shape());
    leading = Shape(std::span(x.shape().begin(), size_t(x.dim() - 2)));
    rows = int(x.size(-2)), columns = int(x.size(-1)), lda = std::max(columns, 1);
    count = leading.numel(), size = int64_t(rows) * columns;
  }
  Shape with(std::initializer_list<int64_t> sizes) const {
    Shape shape = leading;
    for (int64_t s : sizes) shape.push_back(s);
    return shape;
  }
};

Stack square(const char* op, const Tensor& a) {
  const Stack s(op, a);
  check(s.rows == s.columns, op, ": a square matrix expected, the shape is ", a.shape());
  return s;
}

// The leading axes of two stacks that are used side by side.
Shape leading_axes(const char* op, const Tensor& a, const Tensor& b, const Stack& sa, const Stack& sb) {
  check(sa.leading == sb.leading || sa.leading.rank() == 0 || sb.leading.rank() == 0, op, ": ", a.shape(), " and ",
        b.shape(), ": the leading axes differ");
  return sa.leading.rank() ? sa.leading : sb.leading;
}

std::string which(int64_t i, const Stack& s) {
  return s.leading.rank() ? "matrix " + std::to_string(i) + " of " + to_string(s.leading) : std::string("the matrix");
}

void check_diagonal(const char* op, const real* a, int64_t i, const Stack& s) {
  for (int64_t k = 0; k < s.rows; ++k)
    check(a[k * s.rows + k] != 0, op, ": ", which(i, s), " is singular (pivot ", k, " is 0)");
}

// X A = B or A X = B, in place of B.
void triangular(const real* a, real* b, int rows, int columns, TriangularOptions o) {
  trsm(CblasRowMajor, o.left ? CblasLeft : CblasRight, o.upper ? CblasUpper : CblasLower,
       o.transpose ? CblasTrans : CblasNoTrans, o.unit ? CblasUnit : CblasNonUnit, rows, columns, 1, a,
       std::max(o.left ? rows : columns, 1), b, std::max(columns, 1));
}

// A copy of b for every matrix of `leading`, to be overwritten by the solutions.
Tensor solutions_for(const Tensor& b, const Stack& sb, const Shape& leading) {
  Shape shape = leading;
  shape.push_back(sb.rows);
  shape.push_back(sb.columns);
  return shape == b.shape() ? b.clone() : broadcast_to(b, shape);
}

}  // namespace

// ---- LU -------------------------------------------------------------------------------------------------------------

Lu lu(const Tensor& a) {
  const Stack s("lu", a);
  const int k = std::min(s.rows, s.columns), lda = std::max(s.rows, 1);
  Tensor columns = transpose(a, -1, -2);
  Indices pivots(s.with({k}));
  real* p = columns.mutable_data();
  index* pivot = pivots.mutable_data();
  for (int64_t i = 0; i < s.count; ++i) {
    int info = 0;
    pick(sgetrf_, dgetrf_)(&s.rows, &s.columns, p + i * s.size, &lda, pivot + i * k, &info);
  }
  return {transpose(columns, -1, -2), pivots};
}

Plu lu_unpack(const Lu& f) {
  const Stack s("lu_unpack", f.factors);
  const int k = std::min(s.rows, s.columns);
  check(f.pivots.shape() == s.with({k}), "lu_unpack: pivots ", f.pivots.shape(), " for factors ", f.factors.shape());
  Tensor p = zeros(s.with({s.rows, s.rows}));
  real* out = p.mutable_data();
  std::vector<int64_t> row(size_t(s.rows));  // of A that has come to be row i of L U
  for (int64_t m = 0; m < s.count; ++m, out += int64_t(s.rows) * s.rows) {
    for (size_t i = 0; i < row.size(); ++i) row[i] = int64_t(i);
    for (int i = 0; i < k; ++i) {
      const index other = f.pivots.data()[m * k + i] - 1;
      check(other >= i && other < s.rows, "lu_unpack: pivot ", other + 1, " for ", s.rows, " rows");
      std::swap(row[size_t(i)], row[size_t(other)]);
    }
    for (size_t i = 0; i < row.size(); ++i) out[row[i] * s.rows + int64_t(i)] = 1;
  }
  Tensor l = tril(slice(f.factors, -1, 0, k), -1);
  real* diagonal = l.mutable_data();
  for (int64_t m = 0; m < s.count; ++m)
    for (int i = 0; i < k; ++i) diagonal[(m * s.rows + i) * k + i] = 1;
  return {p, l, triu(slice(f.factors, -2, 0, k))};
}

SignAndLog<Tensor> slogdet(const Tensor& a) {
  const Stack s = square("slogdet", a);
  const Lu f = lu(a);
  SignAndLog<Tensor> result{Tensor(s.leading), Tensor(s.leading)};
  real* signs = result.sign.mutable_data();
  real* logs = result.logabsdet.mutable_data();
  for (int64_t i = 0; i < s.count; ++i) {
    double sign = 1, log = 0;
    for (int64_t k = 0; k < s.rows; ++k) {
      const double u = f.factors.data()[i * s.size + k * s.rows + k];
      sign *= u > 0 ? 1 : u < 0 ? -1 : u;  // 0 and NaN stay
      if (f.pivots.data()[i * s.rows + k] != k + 1) sign = -sign;
      log += std::log(std::fabs(u));
    }
    signs[i] = real(sign), logs[i] = real(log);
  }
  return result;
}

namespace {

Tensor solve(const char* op, const Tensor& a, const Tensor& b) {
  const Stack sa = square(op, a), sb(op, b);
  check(sb.rows == sa.rows, op, ": ", a.shape(), " x X = ", b.shape(), ": the numbers of rows differ");
  const Shape leading = leading_axes(op, a, b, sa, sb);
  const Lu f = lu(a);
  for (int64_t i = 0; i < sa.count; ++i) check_diagonal(op, f.factors.data() + i * sa.size, i, sa);
  Tensor x = solutions_for(b, sb, leading);
  real* out = x.mutable_data();
  for (int64_t i = 0; i < leading.numel(); ++i, out += sb.size) {
    const int64_t m = sa.leading.rank() ? i : 0;
    const real* factors = f.factors.data() + m * sa.size;
    for (int64_t row = 0; row < sa.rows; ++row) {  // L U X = Pᵀ B
      const int64_t other = f.pivots.data()[m * sa.rows + row] - 1;
      if (other != row)
        std::swap_ranges(out + row * sb.columns, out + (row + 1) * sb.columns, out + other * sb.columns);
    }
    triangular(factors, out, sb.rows, sb.columns, {.unit = true});
    triangular(factors, out, sb.rows, sb.columns, {.upper = true});
  }
  return x;
}

}  // namespace

Tensor solve(const Tensor& a, const Tensor& b) { return solve("solve", a, b); }

Tensor inverse(const Tensor& a) { return solve("inverse", a, eye(square("inverse", a).rows)); }

// ---- Triangular and symmetric matrices ------------------------------------------------------------------------------

Tensor solve_triangular(const Tensor& a, const Tensor& b, TriangularOptions o) {
  const char* op = "solve_triangular";
  const Stack sa = square(op, a), sb(op, b);
  check((o.left ? sb.rows : sb.columns) == sa.rows, op, ": A ", a.shape(), ", B ", b.shape(), ": the sizes of ",
        o.left ? "A X = B" : "X A = B", " differ");
  const Shape leading = leading_axes(op, a, b, sa, sb);
  for (int64_t i = 0; i < sa.count && !o.unit; ++i) check_diagonal(op, a.data() + i * sa.size, i, sa);
  Tensor x = solutions_for(b, sb, leading);
  real* out = x.mutable_data();
  for (int64_t i = 0; i < leading.numel(); ++i)
    triangular(a.data() + (sa.leading.rank() ? i : 0) * sa.size, out + i * sb.size, sb.rows, sb.columns, o);
  return x;
}

Tensor cholesky(const Tensor& a) {
  const Stack s = square("cholesky", a);
  Tensor l = tril(a);
  real* p = l.mutable_data();
  for (int64_t i = 0; i < s.count; ++i) {
    int info = 0;
    pick(spotrf_, dpotrf_)("U", &s.rows, p + i * s.size, &s.lda, &info, 1);
    check(info == 0, "cholesky: ", which(i, s), " is not positive definite (its leading ", info, " x ", info,
          " block is not)");
  }
  return l;
}

Eigenpairs<Tensor> eigh(const Tensor& a) {
  const Stack s = square("eigh", a);
  const int n = s.rows, work_size = 1 + 6 * n + 2 * n * n, integers = 3 + 5 * n;
  check(all_finite(a), "eigh: the matrix holds NaN or infinity");
  std::vector<real> work(static_cast<size_t>(work_size));
  std::vector<int> iwork(static_cast<size_t>(integers));
  Tensor values(s.with({n})), rows = a.clone();
  real* p = rows.mutable_data();
  real* v = values.mutable_data();
  for (int64_t i = 0; i < s.count; ++i) {
    int info = 0;
    pick(ssyevd_, dsyevd_)("V", "U", &n, p + i * s.size, &s.lda, v + i * n, work.data(), &work_size, iwork.data(),
                           &integers, &info, 1, 1);
    check(info == 0, "eigh: ", which(i, s), ": no convergence");
  }
  return {values, transpose(rows, -1, -2)};
}

Eigenpairs<Tensor> eigh_tridiagonal(const Tensor& diagonal, const Tensor& off_diagonal) {
  check(diagonal.dim() == 1 && off_diagonal.shape() == Shape{std::max<int64_t>(diagonal.numel() - 1, 0)},
        "eigh_tridiagonal: diagonals [n] and [n - 1] expected, the shapes are ", diagonal.shape(), " and ",
        off_diagonal.shape());
  check(all_finite(diagonal) && all_finite(off_diagonal), "eigh_tridiagonal: the matrix holds NaN or infinity");
  const int n = int(diagonal.numel()), ld = std::max(n, 1), work_size = 1 + 4 * n + n * n, integers = 3 + 5 * n;
  std::vector<real> work(static_cast<size_t>(work_size)), e(off_diagonal.begin(), off_diagonal.end());
  std::vector<int> iwork(static_cast<size_t>(integers));
  Tensor values = diagonal.clone(), rows({n, n});
  int info = 0;
  pick(sstevd_, dstevd_)("V", &n, values.mutable_data(), e.data(), rows.mutable_data(), &ld, work.data(), &work_size,
                         iwork.data(), &integers, &info, 1);
  check(info == 0, "eigh_tridiagonal: no convergence");
  return {values, transpose(rows, 0, 1)};
}

// ---- QR -------------------------------------------------------------------------------------------------------------

// LAPACK sees Aᵀ = L Q', and so L is our R, and Q' our Q: nothing needs to be transposed.
Qr<Tensor> qr(const Tensor& a) {
  const Stack s("qr", a);
  const int k = std::min(s.rows, s.columns), work_size = 64 * std::max(s.rows, s.columns) + 1;
  std::vector<real> work(static_cast<size_t>(work_size)), tau(size_t(s.count) * size_t(k));
  Tensor packed = a.clone();
  real* p = packed.mutable_data();
  int info = 0;
  for (int64_t i = 0; i < s.count; ++i)
    pick(sgelqf_, dgelqf_)(&s.columns, &s.rows, p + i * s.size, &s.lda, tau.data() + i * k, work.data(), &work_size,
                           &info);
  const Tensor r = triu(slice(packed, -2, 0, k));
  for (int64_t i = 0; i < s.count; ++i)
    pick(sorglq_, dorglq_)(&k, &s.rows, &k, p + i * s.size, &s.lda, tau.data() + i * k, work.data(), &work_size, &info);
  return {slice(packed, -1, 0, k), r};
}

}  // namespace bijou

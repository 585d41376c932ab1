#include "tensor/matmul.h"

#include "tensor/parallel.h"
#include "tensor/product.h"

namespace bijou {
namespace {

constexpr double kParallelFlops = 4e6;  // a smaller product is faster on one thread

void on_one_thread(const detail::Product& p) {
  if (detail::product_observer) detail::product_observer(p);
  beats_blas(p) ? multiply(p) : blas(p);
}

// A matrix, or a stack of them, as the product sees it.
struct Operand {
  Shape batch;            // the leading axes
  int64_t rows, columns;  // after transposition
  int64_t stride;         // the leading dimension in memory

  Operand(const Shape& shape, bool transpose) : batch(std::span(shape.begin(), size_t(shape.rank() - 2))) {
    rows = shape[-2], columns = shape[-1], stride = std::max<int64_t>(shape[-1], 1);
    if (transpose) std::swap(rows, columns);
  }
};

// Which matrix of `batch` serves position i of the broadcast batch axes `space`.
int64_t source(const Shape& batch, const Shape& space, int64_t i) {
  int64_t offset = 0, step = 1;
  for (int axis = 1; axis <= space.rank(); ++axis) {
    const int64_t at = i % space[-axis];
    i /= space[-axis];
    if (axis > batch.rank()) continue;
    if (batch[-axis] != 1) offset += at * step;
    step *= batch[-axis];
  }
  return offset;
}

}  // namespace

void gemm(bool ta, bool tb, int64_t m, int64_t n, int64_t k, real alpha, const real* a, int64_t lda, const real* b,
          int64_t ldb, bool adds, real* c, int64_t ldc) {
  if (m == 0 || n == 0) return;
  const double flops = 2.0 * double(m) * double(n) * double(k);
  const int64_t grain = int64_t(std::max(1.0, double(std::max(m, n)) * kParallelFlops / (flops + 1)));
  if (m >= n)
    parallel_for((m + 7) / 8, (grain + 7) / 8, [=](int64_t first, int64_t last) {
      first *= 8, last = std::min(last * 8, m);
      on_one_thread(
          {ta, tb, last - first, n, k, alpha, a + first * (ta ? 1 : lda), lda, b, ldb, adds, c + first * ldc, ldc});
    });
  else
    parallel_for((n + 7) / 8, (grain + 7) / 8, [=](int64_t first, int64_t last) {
      first *= 8, last = std::min(last * 8, n);
      on_one_thread({ta, tb, m, last - first, k, alpha, a, lda, b + first * (tb ? ldb : 1), ldb, adds, c + first, ldc});
    });
}

Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions o) {
  if (a.dim() == 1) {
    check(!o.transpose_a, "matmul: a vector cannot be transposed");
    Tensor y = matmul(a.reshape({1, -1}), b, o);
    Shape shape;
    for (int axis = 0; axis < y.dim(); ++axis)
      if (axis != y.dim() - (b.dim() == 1 ? 1 : 2)) shape.push_back(y.size(axis));
    return y.reshape(shape);
  }
  if (b.dim() == 1) {
    check(!o.transpose_b, "matmul: a vector cannot be transposed");
    Tensor y = matmul(a, b.reshape({-1, 1}), o);
    return y.reshape(Shape(std::span(y.shape().begin(), size_t(y.dim() - 1))));
  }
  check(a.dim() >= 2 && b.dim() >= 2, "matmul: ", a.shape(), " x ", b.shape(), ": vectors or matrices expected");
  const Operand l(a.shape(), o.transpose_a), r(b.shape(), o.transpose_b);
  check(l.columns == r.rows, "matmul: ", a.shape(), o.transpose_a ? "ᵀ" : "", " x ", b.shape(),
        o.transpose_b ? "ᵀ" : "", ": inner sizes ", l.columns, " and ", r.rows, " differ");
  const Shape space = broadcast(l.batch, r.batch, "matmul");
  Shape shape = space;
  shape.push_back(l.rows);
  shape.push_back(r.columns);
  Tensor y(shape);
  real* out = y.mutable_data();
  if (r.batch.numel() == 1 && !o.transpose_a) {  // one right-hand matrix: the rows of all left ones are one tall matrix
    gemm(false, o.transpose_b, y.numel() / std::max<int64_t>(r.columns, 1), r.columns, l.columns, 1, a.data(), l.stride,
         b.data(), r.stride, 0, out, std::max<int64_t>(r.columns, 1));
    return y;
  }
  const int64_t per_a = l.rows * l.columns, per_b = r.rows * r.columns, per_y = l.rows * r.columns;
  if (per_y == 0) return y;
  const int64_t count = space.numel();
  auto one = [&](int64_t i) {
    gemm(o.transpose_a, o.transpose_b, l.rows, r.columns, l.columns, 1, a.data() + source(l.batch, space, i) * per_a,
         l.stride, b.data() + source(r.batch, space, i) * per_b, r.stride, 0, out + i * per_y, r.columns);
  };
  const double flops = 2.0 * double(per_y) * double(l.columns);
  parallel_for(count, count == 1 ? 2 : int64_t(std::max(1.0, kParallelFlops / (flops + 1) / 4)),
               [&](int64_t first, int64_t last) {
                 for (int64_t i = first; i < last; ++i) one(i);
               });
  return y;
}

void matmul_add(Tensor& y, const Tensor& a, const Tensor& b, MatmulOptions o) {
  check(a.dim() == 2 && b.dim() == 2, "matmul_add: ", a.shape(), " x ", b.shape(), ": matrices expected");
  const Operand l(a.shape(), o.transpose_a), r(b.shape(), o.transpose_b);
  check(l.columns == r.rows && y.shape() == Shape{l.rows, r.columns}, "matmul_add: ", y.shape(), " += ", a.shape(),
        o.transpose_a ? "ᵀ" : "", " x ", b.shape(), o.transpose_b ? "ᵀ" : "");
  gemm(o.transpose_a, o.transpose_b, l.rows, r.columns, l.columns, 1, a.data(), l.stride, b.data(), r.stride, 1,
       y.mutable_data(), std::max<int64_t>(r.columns, 1));
}

}  // namespace bijou

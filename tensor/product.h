// The matrix product of plain memory on one thread, with the kernel of the convolutions (tensor/patch_product.h).
//
// OpenBLAS picks kernels by the name of the processor, or by OPENBLAS_CORETYPE; where it ends up with those for AVX2 on
// a processor that has AVX-512, this product is up to twice as fast. With AVX-512 kernels of its own it is about equal:
// better for few rows, worse for matrices of less than 32 rows and columns or more than a thousand.
#pragma once

#include "tensor/patch_product.h"

namespace bijou::detail {

struct Product {
  bool transpose_a, transpose_b;
  int64_t m, n, k;
  real alpha;
  const real* a;
  int64_t lda;
  const real* b;
  int64_t ldb;
  bool adds;
  real* c;
  int64_t ldc;
};

// c = alpha op(a) op(b), or c += ... where it adds; row-major, m x k times k x n, with leading dimensions.
void multiply(const Product& product);
void blas(const Product& product);  // the same, by BLAS

// On narrower registers BLAS is a little better, and on thin matrices much better.
inline bool beats_blas(const Product& p) { return kAvx512 && p.n > kLanes / 2; }

// Told of every product before it is worked out, where it is not null: so tests/bench can replay them on BLAS.
inline void (*product_observer)(const Product&) = nullptr;

}  // namespace bijou::detail

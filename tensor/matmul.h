// Matrix products.
#pragma once

#include "tensor/tensor.h"

namespace bijou {

struct MatmulOptions {
  bool transpose_a = false;  // use aᵀ: its last two axes swapped
  bool transpose_b = false;
};

// a b over the last two axes, [..., m, k] x [..., k, n] -> [..., m, n]; leading axes broadcast. A transposed operand is
// a flag, not a copy. A vector counts as a row on the left and as a column on the right, as in PyTorch.
Tensor matmul(const Tensor& a, const Tensor& b, MatmulOptions options = {});

// y += a b for one pair of matrices.
void matmul_add(Tensor& y, const Tensor& a, const Tensor& b, MatmulOptions options = {});

// The product of plain memory, c = alpha op(a) op(b), or c += ... where it adds; row-major with leading dimensions;
// split over threads where it is large.
void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, real alpha, const real* a, int64_t lda,
          const real* b, int64_t ldb, bool adds, real* c, int64_t ldc);

}  // namespace bijou

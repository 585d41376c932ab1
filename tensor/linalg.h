// Linear algebra, on LAPACK: factorizations, and what they solve.
//
//   A = P L U      lu, and with it slogdet, solve, inverse      A = Q R        qr
//   A = L Lᵀ       cholesky                                     A = V Λ Vᵀ     eigh
//
// Every function takes one matrix, or a stack of them along leading axes: [..., m, n]. Names and conventions are those
// of torch.linalg. A matrix that is singular, or not positive definite, throws where its factors are of no use.
#pragma once

#include "tensor/tensor.h"

namespace bijou {

// Results in several parts, as Tensors here and as Vars in autograd/linalg.h.
template <class X>
struct SignAndLog {
  X sign, logabsdet;  // [...]
};
template <class X>
struct Qr {
  X q, r;  // [..., m, k] with orthonormal columns, [..., k, n] upper triangular; k = min(m, n)
};
template <class X>
struct Eigenpairs {
  X values, vectors;  // [..., n] ascending; [..., n, n], a vector in each column
};

// Gaussian elimination with row exchanges. factors [..., m, n] has U on and above the diagonal, L below it (the ones on
// its diagonal are not kept); pivots [..., min(m, n)]: in step i, row i and row pivots[i] - 1 changed places.
// A singular matrix has factors too: a diagonal element of U is 0.
struct Lu {
  Tensor factors;
  Indices pivots;
};
struct Plu {
  Tensor p, l, u;
};
Lu lu(const Tensor& a);
Plu lu_unpack(const Lu& factored);  // A = P L U: [..., m, m], [..., m, k], [..., k, n]

SignAndLog<Tensor> slogdet(const Tensor& a);  // det A = sign exp(logabsdet); of a singular matrix 0 and -inf
Tensor inverse(const Tensor& a);              // throws where A is singular

// X with A X = B, for A [..., n, n] and B [..., n, k]. The leading axes agree, or one of the two has none.
Tensor solve(const Tensor& a, const Tensor& b);

struct TriangularOptions {
  bool upper = false;      // of A, only this triangle is read
  bool transpose = false;  // solve with Aᵀ instead
  bool unit = false;       // take the diagonal of A as ones
  bool left = true;        // A X = B; else X A = B, with B [..., k, n]
};
Tensor solve_triangular(const Tensor& a, const Tensor& b, TriangularOptions options = {});

Tensor cholesky(const Tensor& a);          // lower L; A is symmetric (its lower triangle is read) and positive definite
Qr<Tensor> qr(const Tensor& a);            // "reduced"
Eigenpairs<Tensor> eigh(const Tensor& a);  // A is symmetric: its lower triangle is read
// Of the symmetric matrix with this diagonal [n] and off-diagonal [n - 1], as Lanczos makes it.
Eigenpairs<Tensor> eigh_tridiagonal(const Tensor& diagonal, const Tensor& off_diagonal);

}  // namespace bijou

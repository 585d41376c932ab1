// The largest eigenvalues of a symmetric operator that can only be applied.
//
//   power iteration    v <- A v / ‖A v‖, again and again: the eigenvalue of largest magnitude, be it negative
//   Lanczos            of v, A v, A² v, ... an orthonormal basis V, in which A is a small tridiagonal matrix
//                      T = Vᵀ A V:
//
//     w = A v_j - β_(j-1) v_(j-1),   α_j = w · v_j,   w <- w - α_j v_j,   β_j = ‖w‖,   v_(j+1) = w / β_j
//
// The outer eigenvalues of T, its Ritz values θ, become those of A with astonishing speed. In finite precision V loses
// its orthogonality as soon as one has converged, and copies of it appear, ghosts; so w is made orthogonal to all of V,
// twice. With the eigenvector s of T, V s is A's, and ‖A V s - θ V s‖ = β |s_last|: no guess, but a bound on the error.
//
// C. Lanczos, "An iteration method for the solution of the eigenvalue problem of linear differential and integral
// operators", 1950; C. Paige, "The computation of eigenvalues and eigenvectors of very large sparse matrices", 1971.
#pragma once

#include "optim/curvature.h"
#include "tensor/random.h"

namespace bijou::optim {

// Grows V and T by one row at a time, from a first vector (of any length but 0).
class Tridiagonal {
 public:
  Tridiagonal(const LinearOperator& a, const Tensor& first, int64_t most);

  // One step more. False where the basis is complete, as no vector is left that A leads to.
  bool grow();
  // A random direction in place of one that A leads to, with β = 0: goes on in what is left of the space.
  void restart(Generator& g);

  int64_t size() const { return int64_t(alpha_.size()); }
  Tensor basis() const { return basis_.rows(0, size()); }  // [size, n]
  struct Eigen {
    std::vector<double> values;  // ascending
    Tensor vectors;              // [size, size], a vector in each column
  };
  Eigen eigen() const;
  double last_beta() const { return beta_.back(); }

 private:
  double orthogonalize(Tensor& w) const;  // against the basis; returns what is left of it, ‖w‖

  LinearOperator a_;
  Tensor basis_, next_;  // next_: the coming v, or nothing
  std::vector<double> alpha_, beta_;
};

struct LanczosOptions {
  int64_t k = 1;            // how many eigenvalues, from the largest down; the smallest are those of -A
  int64_t steps = 80;       // at most, and products with A
  double tolerance = 1e-4;  // stops when all k residuals are below this part of the largest |θ|
  uint64_t seed = 0;        // of the first vector
};
struct Ritz {
  std::vector<double> values;     // from the largest down
  Tensor vectors;                 // [k, n], orthonormal
  std::vector<double> residuals;  // ‖A v - θ v‖
  int64_t steps;
};
Ritz lanczos(const LinearOperator& a, const LanczosOptions& options = {});

struct PowerOptions {
  int64_t steps = 100;
  double tolerance = 1e-4;  // stops when the residual is below this part of |value|
  uint64_t seed = 0;
};
struct Power {
  double value;
  Tensor vector;  // [n], of length 1
  double residual;
  int64_t steps;
};
Power power_iteration(const LinearOperator& a, const PowerOptions& options = {});

}  // namespace bijou::optim

// Barlow Twins: over a batch, each feature of one view should be correlated with the same feature of the other view,
// and with no other.
//
//   C = Z₁ᵀ Z₂ / N  of features with mean 0 and variance 1 over the batch,   L = Σ_i (1 - C_ii)² + λ Σ_{i≠j} C_ij²
//
// J. Zbontar, L. Jing, I. Misra, Y. LeCun, S. Deny, "Barlow Twins: Self-supervised learning via redundancy reduction",
// ICML 2021; after H. Barlow's principle of redundancy reduction, 1961.
#pragma once

#include "ssl/method.h"

namespace bijou::ssl {

Var barlow_twins(const Var& z1, const Var& z2, double lambda);  // [N, d] each

struct BarlowTwinsOptions {
  std::vector<int64_t> head = {256, 256};
  double lambda = 5e-3;
};
struct BarlowTwins : Method {
  explicit BarlowTwins(const Views& v, const BarlowTwinsOptions& o = {});
  void members(nn::Visitor& visit) override { Method::members(visit), visit("head", head); }
  Var loss(const Tensor& images, Generator& g) override;

  Augmentation views;
  double lambda;
  nn::Sequential head;
};

}  // namespace bijou::ssl

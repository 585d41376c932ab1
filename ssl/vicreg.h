// VICReg: three wishes, each a term. Views agree; every feature varies over the batch; features don't repeat each
// other.
//
//   L = λ mean (z₁ - z₂)²                                          invariance
//     + μ ½ Σ_views mean_j max(0, 1 - sqrt(Var(z^j) + 1e-4))       variance: this one forbids collapse
//     + ν Σ_views 1/d Σ_{i≠j} Cov(z)_ij²                           covariance
//
// A. Bardes, J. Ponce, Y. LeCun, "VICReg: Variance-invariance-covariance regularization for self-supervised learning",
// ICLR 2022; the means over features and views are those of its released code.
#pragma once

#include "ssl/method.h"

namespace bijou::ssl {

struct VicregWeights {
  double invariance = 25, variance = 25, covariance = 1;
};
Var vicreg(const Var& z1, const Var& z2, VicregWeights weights = {});  // [N, d] each, N > 1

struct VicregOptions {
  std::vector<int64_t> head = {256, 256};
  VicregWeights weights = {};
};
struct VICReg : Method {
  explicit VICReg(const Views& v, const VicregOptions& o = {});
  void members(nn::Visitor& visit) override { Method::members(visit), visit("head", head); }
  Var loss(const Tensor& images, Generator& g) override;

  Augmentation views;
  VicregWeights weights;
  nn::Sequential head;
};

}  // namespace bijou::ssl

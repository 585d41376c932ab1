// BYOL: no negatives at all. A student predicts what its slow teacher makes of another view.
//
//   L = 2 - 2 cos(q(z), z')      z by the student, z' by the teacher;  both ways round, halved here
//
// The teacher is the average of the student's past: θ' <- m θ' + (1 - m) θ, with m rising to 1 by a cosine. What
// keeps both from agreeing on a constant is that the predictor q stands on one side only, and no gradient on the other.
//
// J.-B. Grill et al., "Bootstrap your own latent: A new approach to self-supervised learning", NeurIPS 2020.
#pragma once

#include "ssl/method.h"

namespace bijou::ssl {

Var cosine_distance(const Var& p, const Var& z);  // the mean of 1 - cos over rows: 0 where directions agree, at most 2

struct ByolOptions {
  std::vector<int64_t> head = {256, 64};
  int64_t hidden = 256;    // units of the predictor
  double momentum = 0.99;  // at first
};
struct BYOL : Method {
  explicit BYOL(const Views& v, const ByolOptions& o = {});
  void members(nn::Visitor& visit) override {
    Method::members(visit), visit("head", head), visit("predictor", predictor);
  }
  Var loss(const Tensor& images, Generator& g) override;
  void after_step(double progress) override;

  Augmentation views;
  double momentum;
  nn::Sequential head, predictor;
  nn::Sequential teacher;  // encoder and head; not a member, as it is not trained
};

}  // namespace bijou::ssl

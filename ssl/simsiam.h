// SimSiam: BYOL without a teacher. The student predicts its own other view, through which no gradient flows.
//
//   L = ½ D(p₁, stop(z₂)) + ½ D(p₂, stop(z₁)),   D(p, z) = 1 - cos(p, z)
//
// (the paper's D is -cos). X. Chen, K. He, "Exploring simple Siamese representation learning", CVPR 2021.
#pragma once

#include "ssl/method.h"

namespace bijou::ssl {

struct SimsiamOptions {
  std::vector<int64_t> head = {256, 256, 256};  // three layers, normalised to the last
  int64_t bottleneck = 64;                      // of the predictor
  bool stop_gradient = true;                    // without it all embeddings become one: the paper's figure 2
};
struct SimSiam : Method {
  explicit SimSiam(const Views& v, const SimsiamOptions& o = {});
  void members(nn::Visitor& visit) override {
    Method::members(visit), visit("head", head), visit("predictor", predictor);
  }
  Var loss(const Tensor& images, Generator& g) override;

  Augmentation views;
  bool stop_gradient;
  nn::Sequential head, predictor;
};

}  // namespace bijou::ssl

// MoCo: contrast against a queue of keys from earlier batches, so that the number of negatives does not depend on the
// batch. The keys come from an encoder that follows slowly, and so stay comparable.
//
//   L = -log  exp(q·k⁺ / τ) / (exp(q·k⁺ / τ) + Σ_{k in queue} exp(q·k / τ)),      θ_k <- m θ_k + (1 - m) θ_q
//
// K. He, H. Fan, Y. Wu, S. Xie, R. Girshick, "Momentum contrast for unsupervised visual representation learning",
// CVPR 2020; with the projection head of X. Chen et al., "Improved baselines with momentum contrastive learning", 2020.
// Left out: shuffling the batch over devices, as there is one. Queries and keys are normalised by passes of their own.
#pragma once

#include "ssl/method.h"

namespace bijou::ssl {

// q, k [N, d] pairs of unit rows, queue [K, d] of unit rows.
Var queue_contrast(const Var& q, const Var& k, const Tensor& queue, double temperature);

struct MocoOptions {
  std::vector<int64_t> head = {128, 64};
  double temperature = 0.2, momentum = 0.99;
  int64_t queue = 1024;  // keys; a multiple of the batch
};
struct MoCo : Method {
  explicit MoCo(const Views& v, const MocoOptions& o = {});
  void members(nn::Visitor& visit) override { Method::members(visit), visit("head", head), visit("queue", queue); }
  Var loss(const Tensor& images, Generator& g) override;
  void after_step(double progress) override;

  Augmentation views;
  double temperature, momentum;
  nn::Sequential head;
  nn::Sequential teacher;  // encoder and head; not a member, as it is not trained
  Tensor queue, keys;      // [K, d], and those of the last batch, which enter after the step
  int64_t oldest = 0;      // the row of the queue that goes next
};

}  // namespace bijou::ssl

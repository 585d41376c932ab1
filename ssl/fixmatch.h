// FixMatch: where the network is sure of an image hardly changed, it must say the same of the image changed strongly.
//
//   q = p(weak(x)),   L = E_labelled[-log p_y(weak(x))] + λ E_unlabelled[ 1{max q >= τ} (-log p_argmax q(strong(x))) ]
//
// Pseudo-labels (hard, above a threshold) and consistency (between two views) in one; no gradient flows through q. At
// first the network is sure of little and learns from labels alone; the threshold makes its own curriculum. What is
// used in the end is the average of the weights.
//
// K. Sohn et al., "FixMatch: Simplifying semi-supervised learning with consistency and confidence", NeurIPS 2020. Here
// Adam takes the place of its SGD with Nesterov momentum, as for all methods beside it.
#pragma once

#include "optim/ema.h"
#include "ssl/semi_supervised.h"

namespace bijou::ssl {

struct FixMatchOptions {
  Noise weak = no_noise, strong = no_noise;
  double threshold = 0.95;  // τ
  double weight = 1;        // λ
  double decay = 0.999;     // of the average
};
struct FixMatch : SemiSupervised {
  FixMatch(const nn::Sequential& classifier, FixMatchOptions o)
      : SemiSupervised(classifier),
        options(std::move(o)),
        average(classifier, {.decay = options.decay, .warmup = true}) {}
  Var loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) override;
  void after_step() override { average.update(); }
  nn::Sequential& result() override { return average.average; }

  FixMatchOptions options;
  optim::Ema<nn::Sequential> average;
};

// The likeliest class of each row of probabilities [n, K], or kIgnoreIndex where it has less than the threshold.
Indices sure_classes(const Tensor& probabilities, double threshold);

// Logits of labelled, weak and strong images, from one pass: so batch normalisation sees them all.
struct ThreeLogits {
  Var labelled, weak, strong;  // no gradient flows through `weak`
};
ThreeLogits three_logits(const nn::Sequential& net, const Tensor& labelled, const Tensor& weak, const Tensor& strong);

}  // namespace bijou::ssl

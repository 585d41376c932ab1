// Losses: how far a prediction is from what it should have been. Names and semantics are PyTorch's; each is one fused
// loop over memory, forward and backward.
//
//   cross entropy              -Σ_k t_k log softmax(x)_k
//   binary cross entropy       -t log σ(x) - (1 - t) log(1 - σ(x)) = softplus(x) - t x
//   squared, absolute error    (x - t)²,  |x - t|
//   Huber                      ½ (x - t)², from |x - t| = δ on continued by a straight line
//   Kullback-Leibler           Σ_k p_k (log p_k - log q_k)
//
// Targets are constants as a rule, but a gradient flows into them too where they want one.
#pragma once

#include "autograd/ops.h"

namespace bijou::nn {

enum class Reduction {
  kMean,  // of all that kNone lists: shape []
  kSum,   // shape []
  kNone   // one number an example (cross_entropy, kl_div: without the class axis), or an element (the others)
};
struct LossOptions {
  Reduction reduction = Reduction::kMean;
};

// Classes are the last axis: logits [..., K], targets [...] in 0 .. K-1. Examples whose target is kIgnoreIndex (-100)
// cost nothing and don't count in the mean. Label smoothing spreads that part of the target evenly over all classes.
struct CrossEntropyOptions {
  double label_smoothing = 0;  // in [0, 1)
  Reduction reduction = Reduction::kMean;
};
Var cross_entropy(const Var& logits, const Indices& targets, CrossEntropyOptions options = {});
// Soft targets [..., K]: a probability for each class.
Var cross_entropy(const Var& logits, const Var& targets, LossOptions options = {});
// KL(p || q) of probabilities p from log-probabilities log q, both [..., K].
Var kl_div(const Var& log_q, const Var& p, LossOptions options = {});

// Elementwise: x and target have the same shape.
Var binary_cross_entropy_with_logits(const Var& x, const Var& target, LossOptions options = {});
Var mse_loss(const Var& x, const Var& target, LossOptions options = {});
Var l1_loss(const Var& x, const Var& target, LossOptions options = {});
struct HuberOptions {
  real delta = 1;
  Reduction reduction = Reduction::kMean;
};
Var huber_loss(const Var& x, const Var& target, HuberOptions options = {});

}  // namespace bijou::nn

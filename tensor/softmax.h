// Softmax and what is trained with it: s_i = exp(x_i) / sum_j exp(x_j), along one axis.
//
// Each kernel reads a line twice while it is in the cache; the largest x is taken off first, so that nothing overflows.
#pragma once

#include "tensor/tensor.h"

namespace bijou {

Tensor softmax(const Tensor& x, int axis);
Tensor log_softmax(const Tensor& x, int axis);

// dL/dx from the result y and g = dL/dy:  y (g - sum y g)  and  g - exp(y) sum g.
Tensor softmax_vjp(const Tensor& y, const Tensor& g, int axis);
Tensor log_softmax_vjp(const Tensor& y, const Tensor& g, int axis);

constexpr index kIgnoreIndex = -100;  // a target that is not counted: its loss is 0

// The negative log-likelihood -log softmax(logits)[target] of each row, and the row's logsumexp, which the gradient
// needs. logits [N, C], target [N]. Throws where a target is neither in [0, C) nor kIgnoreIndex.
struct Nll {
  Tensor loss, logsumexp;  // [N]
};
Nll nll_of_logits(const Tensor& logits, const Indices& target);
// dL/dlogits = (softmax(logits) - onehot(target)) g, with g [N].
Tensor nll_of_logits_vjp(const Tensor& logits, const Tensor& logsumexp, const Indices& target, const Tensor& g);

}  // namespace bijou

// Autoregressive models: any density is a product of conditionals,
//
//   log p(x | y) = Σ_i log p(x_i | x_1 ... x_{i-1}, y),
//
// and a network whose i-th output sees only what stands before i gives all of them in one pass. Sampling draws one x_i
// after the other. Nade, OrderlessNade, BinaryMade, PixelCnn and WaveNet share this interface; y, the condition, is a
// label or a transformation.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"
#include "tensor/random.h"

namespace bijou::nn {

struct Autoregressive : Module {
  // log p(x_i | what stands before, condition): x [B, ...] -> [B, ...], an entry for every element, or for every group
  // of elements (a pixel of three colours), of x. condition: [B, C], for models that were made for one.
  virtual Var conditionals(const Var& x, const Var& condition = {}) const = 0;

  // n examples; not recorded. condition: [n, C].
  virtual Tensor sample(int64_t n, const Var& condition = {}, Generator& g = default_generator()) const = 0;

  // log p(x | condition): x [B, ...] -> [B].
  Var log_prob(const Var& x, const Var& condition = {}) const {
    const Var terms = conditionals(x, condition);
    return sum(reshape(terms, {x.size(0), -1}), 1);
  }
};

}  // namespace bijou::nn

// NADE: a density of binary vectors, by a hidden layer that takes in one x_i after the other.
//
//   a_1 = c,   h_i = σ(a_i),   p(x_i = 1 | x_1 ... x_{i-1}) = σ(b_i + V_i · h_i),   a_{i+1} = a_i + x_i W_i
//
// The weights W are shared by all conditionals, so that what was summed up for x_i is reused for x_{i+1}: O(D H) for
// all of x, where D perceptrons would take O(D² H). H. Larochelle, I. Murray, "The neural autoregressive distribution
// estimator", AISTATS 2011; B. Uria et al., "Neural autoregressive distribution estimation", JMLR 2016.
// One network for all orderings, of any depth: nn/eonade.h.
#pragma once

#include "nn/autoregressive.h"

namespace bijou::nn {

// The logits b_i + V_i · h_i [B, D] for x [B, D], w and v [D, H], b [D], c [H]: one pass forward, one back. Where x_i
// is 0, h stays as it is and no σ is computed.
Var nade_logits(const Var& x, const Var& w, const Var& v, const Var& b, const Var& c);
// The same in ops, as a sum over all that stands before: [B, D, H] in memory.
Var nade_logits_composed(const Var& x, const Var& w, const Var& v, const Var& b, const Var& c);

struct Nade : Autoregressive {
  struct Options {
    int64_t features, hidden;  // D, H
  };
  explicit Nade(Options o);

  Var conditionals(const Var& x, const Var& condition = {}) const override;  // x [B, D] of 0 and 1; no condition
  Tensor sample(int64_t n, const Var& condition = {}, Generator& g = default_generator()) const override;
  void members(Visitor& visit) override { visit("w", w), visit("v", v), visit("b", b), visit("c", c); }

  Var w, v;  // [D, H]
  Var b, c;  // [D], [H]
};

}  // namespace bijou::nn

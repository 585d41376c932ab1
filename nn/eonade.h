// Order-agnostic NADE: one network for all orderings. It is shown some of x and told which, and says of each of the
// rest how likely it is to be 1:
//
//   h = σ(W (x ∘ m) + U m + c),    p(x_i = 1 | x_m) = σ(b_i + V_i · h)        with m_i = 1 where x_i is shown
//
// (and more such layers between). Trained to predict all of the rest at a random point of a random ordering,
//
//   loss = D / (D - d) · Σ_{i not shown} -log p(x_i | x_m),    d = |m| uniform in 0 ... D-1,
//
// it has in the mean the -log p(x) of all orderings at once, at the cost of a pass. One ordering then takes D passes,
// as nothing is shared between the steps; several, averaged, are the ensemble EoNADE. B. Uria, I. Murray, H.
// Larochelle, "A deep and tractable density estimator", ICML 2014.
#pragma once

#include "nn/autoregressive.h"
#include "nn/linear.h"

namespace bijou::nn {

struct OrderlessNade : Autoregressive {
  struct Options {
    int64_t features;
    std::vector<int64_t> hidden;
    int64_t orderings = 1;  // of the ensemble
    uint64_t seed = 0;      // of the orderings; the first is 0, 1, ..., D-1
  };
  explicit OrderlessNade(Options o);

  // The logits of all of x [B, D], of which m [B, D] is 1 where it is shown.
  Var logits(const Var& x, const Tensor& m) const;
  // The unbiased estimate of -log p(x), averaged over orderings: [B].
  Var loss(const Tensor& x, Generator& g = default_generator()) const;

  // Under the ordering in use, by D passes.
  Var conditionals(const Var& x, const Var& condition = {}) const override;
  Tensor sample(int64_t n, const Var& condition = {}, Generator& g = default_generator()) const override;
  void use_ordering(int64_t k);
  Var ensemble_log_prob(const Var& x);  // [B], log of the mean of p(x) over all orderings; leaves the first in use
  void members(Visitor& visit) override { visit("layers", layers); }

  Options options;
  std::vector<Linear> layers;  // the first sees x ∘ m and m
  std::vector<int64_t> order;  // order[k]: what is drawn k-th
};

}  // namespace bijou::nn

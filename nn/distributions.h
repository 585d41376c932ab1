// Probability distributions whose parameters are Vars: densities to be maximised, samples, entropies.
//
//   Normal(μ, σ)         log p(x) = -½ ((x - μ) / σ)² - log σ - ½ log 2π
//   Logistic(μ, s)       log p(x) = -u - 2 log(1 + exp(-u)) - log s,    u = (x - μ) / s
//   Bernoulli(l)         log p(x) = x l - log(1 + exp(l)),              p(1) = σ(l)
//   Categorical(l)       log p(k) = log softmax(l)_k
//   Mixture              log p(x) = logsumexp_k (log softmax(l)_k + log p_k(x))
//
// log_prob gives one number an element and broadcasts; log_prob_rows sums it over all axes but the first, as the
// log-density of each example, in one loop: [B, ...] -> [B]. sample draws constants; rsample, where it exists, a
// differentiable function of the parameters (D. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR 2014).
#pragma once

#include "autograd/ops.h"
#include "tensor/random.h"

namespace bijou::nn {

inline constexpr real kHalfLog2Pi = real(0.91893853320467274178);  // ½ log 2π

struct Normal {
  Var mean, std;
  Var log_prob(const Var& x) const;
  Var log_prob_rows(const Var& x) const;
  Var rsample(Generator& g = default_generator()) const;
  Tensor sample(Generator& g = default_generator()) const { return rsample(g).value(); }
  Var entropy() const;
};
Var kl_divergence(const Normal& p, const Normal& q);  // KL(p || q), elementwise

struct Logistic {
  Var mean, scale;
  Var log_prob(const Var& x) const;
  Var log_prob_rows(const Var& x) const;
  Var rsample(Generator& g = default_generator()) const;
  Tensor sample(Generator& g = default_generator()) const { return rsample(g).value(); }
  Var entropy() const;
};

struct Bernoulli {
  Var logits;
  Var log_prob(const Var& x) const;  // x: 0 or 1, or between (a mean of the two)
  Var log_prob_rows(const Var& x) const;
  Tensor sample(Generator& g = default_generator()) const;
  Var entropy() const;
};

struct Categorical {
  Var logits;                                                // [..., K]
  Var log_prob(const Indices& k) const;                      // [...] -> [...]
  Indices sample(Generator& g = default_generator()) const;  // [...]
  Var entropy() const;                                       // [...]
};

// Components side by side along the last axis of their parameters, [..., K], and weights softmax(logits [..., K]).
// No entropy: that of a mixture has no closed form; -log_prob of its samples has it as its mean.
template <class Component>
struct Mixture {
  Var logits;
  Component components;

  // x [...] -> [...]
  Var log_prob(const Var& x) const {
    return logsumexp(log_softmax(logits, -1) + components.log_prob(unsqueeze(x, -1)), -1);
  }
  Tensor sample(Generator& g = default_generator()) const {
    const Indices k = categorical(logits.value(), g);
    return squeeze(gather(components.sample(g), -1, unsqueeze(k, -1)), -1);
  }
};

}  // namespace bijou::nn

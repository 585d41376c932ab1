// Distributions: what a network's outputs can mean. Parameters are Vars of one shape or of shapes that broadcast; every
// element is a variable of its own, so log_prob has the shape of the parameters and x together, as in PyTorch.
//
//   nn::Normal p{.mean = mu, .std = exp(log_sigma)};
//   Var loss = -mean(p.log_prob(x));
//   Var z = p.rsample();              // differentiable: z = mean + std e, e from N(0, 1)
//
// sample() gives numbers without a past; rsample(), where it exists, lets gradients through to the parameters.
#pragma once

#include "autograd/ops.h"
#include "tensor/random.h"

namespace bijou::nn {

// N(mean, std²), std > 0.
struct Normal {
  Var mean, std;

  Var log_prob(const Var& x) const;  // -((x - mean) / std)² / 2 - log std - log(2 pi) / 2
  Var rsample(Generator& g = default_generator()) const;
  Tensor sample(Generator& g = default_generator()) const;
  Var entropy() const;  // log(2 pi e) / 2 + log std
};

// The logistic distribution, with cumulative distribution sigmoid((x - mean) / scale), scale > 0.
struct Logistic {
  Var mean, scale;

  Var log_prob(const Var& x) const;  // with u = (x - mean) / scale: -u - 2 softplus(-u) - log scale
  Var rsample(Generator& g = default_generator()) const;
  Tensor sample(Generator& g = default_generator()) const;
  Var entropy() const;  // 2 + log scale
};

// 1 with probability sigmoid(logits), else 0.
struct Bernoulli {
  Var logits;

  Var log_prob(const Var& x) const;  // x logits - softplus(logits)
  Tensor sample(Generator& g = default_generator()) const;
  Var entropy() const;  // softplus(logits) - sigmoid(logits) logits
};

// One of K, with probabilities softmax(logits) along the last axis: logits [..., K], everything else [...].
struct Categorical {
  Var logits;

  Var log_prob(const Indices& x) const;  // throws where an index is not in 0 .. K-1
  Indices sample(Generator& g = default_generator()) const;
  Var entropy() const;
};

// With probability softmax(logits)_k from the k-th component: logits [..., K], the components' parameters [..., K].
template <class Component>
struct Mixture {
  Var logits;
  Component components;

  // log sum_k softmax(logits)_k p_k(x), for x [...].
  Var log_prob(const Var& x) const {
    Shape column = x.shape();
    column.push_back(1);
    return logsumexp(log_softmax(logits, -1) + components.log_prob(reshape(x, column)), -1);
  }
  Tensor sample(Generator& g = default_generator()) const {
    const Indices k = Categorical{logits}.sample(g);
    const Tensor all = components.sample(g);
    Shape column = k.shape();
    column.push_back(1);
    return gather(all, -1, k.reshape(column)).reshape(k.shape());
  }
};

}  // namespace bijou::nn

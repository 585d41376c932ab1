// Flow: a bijector and a base distribution make a density that can be evaluated and sampled.
//
//   log p(x) = log p(z) + log |det dz/dx|,   z = f(x)
//   x = g(z),   z ~ p(z)
//
// Two ways to train one. With samples of the data, by maximum likelihood: minimise -mean(flow.log_prob(x)). With a
// density known up to its constant, p(x) = exp(-U(x)) / Z, by the reverse Kullback-Leibler divergence from samples of
// the flow's own: minimise reverse_kl(flow, n, log_density), which is KL(q || p) - log Z.
#pragma once

#include <functional>

#include "flows/base.h"
#include "flows/bijector.h"

namespace bijou::flows {

struct SampleOptions {
  Var context = {};        // [n, C]
  double temperature = 1;  // of the base; exact, as q ∝ p^(1 / T²), for flows that keep volume, a habit for others
};

struct Flow : nn::Module {
  Flow(AnyBijector bijector, AnyBase base) : bijector(std::move(bijector)), base(std::move(base)) {}

  Var log_prob(const Var& x, const Var& context = {}) const;  // [B, ...] -> [B], in nats
  Var sample(int64_t n, const SampleOptions& o = {}, Generator& g = default_generator()) const;

  struct Sample {
    Var x, log_prob;  // [n, ...], [n]
  };
  // Both from one pass: of a map that is hard to invert numerically, the more exact way as well.
  Sample sample_and_log_prob(int64_t n, const SampleOptions& o = {}, Generator& g = default_generator()) const;

  void members(nn::Visitor& visit) override { visit("bijector", *bijector), visit("base", *base); }

  AnyBijector bijector;
  AnyBase base;
};

// The mean of log q(x) - log_density(x) over n samples x of the flow; log_density: [n, ...] -> [n].
Var reverse_kl(const Flow& flow, int64_t n, const std::function<Var(const Var& x)>& log_density,
               const Var& context = {}, Generator& g = default_generator());

// Images on the straight line between x0 and x1 [B, ...] in latent space, ends included: [steps, B, ...].
Tensor interpolate(const Flow& flow, const Tensor& x0, const Tensor& x1, int64_t steps, const Var& context = {});

// Bits per dimension of data that have `levels` equally likely values each if they are uniform: -log2 p(x) / D where
// log_prob is in nats, the density of x on the scale [0, levels)^D. A density of x / levels, on [0, 1)^D, is larger
// than it by levels^D: give its levels to have log2(levels) added.
Var bits_per_dim(const Var& log_prob, int64_t dimensions, double levels = 1);

}  // namespace bijou::flows

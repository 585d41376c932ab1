#include "nn/distributions.h"

#include "autograd/map.h"
#include "tensor/elementwise.h"

namespace bijou::nn {
namespace {

// log p(x), of numbers.
constexpr auto kNormal = [](auto x, auto mean, auto std) {
  return square((x - mean) / std) * real(-0.5) - log(std) - kHalfLog2Pi;
};
// Even in u, so that exp(-u) need not overflow.
constexpr auto kLogistic = [](auto x, auto mean, auto scale) {
  const auto u = (x - mean) / scale;
  return -u - softplus(-u) * 2 - log(scale);
};
constexpr auto kBernoulli = [](auto x, auto logit) { return x * logit - softplus(logit); };

Shape shape_of(const Var& a, const Var& b, const char* name) { return broadcast(a.shape(), b.shape(), name); }

}  // namespace

// ---- Normal ---------------------------------------------------------------------------------------------------------

Var Normal::log_prob(const Var& x) const { return map("normal", kNormal, x, mean, std); }
Var Normal::log_prob_rows(const Var& x) const { return map_sum(kNormal, 1, x, mean, std); }
Var Normal::rsample(Generator& g) const { return mean + std * Var(randn(shape_of(mean, std, "Normal"), g)); }
Var Normal::entropy() const {
  return broadcast_to(log(std) + (kHalfLog2Pi + real(0.5)), shape_of(mean, std, "Normal"));
}

Var kl_divergence(const Normal& p, const Normal& q) {
  auto f = [](auto m, auto s, auto mean, auto std) {
    return log(std / s) + (square(s / std) + square((m - mean) / std) - 1) * real(0.5);
  };
  return map("kl_normal", f, p.mean, p.std, q.mean, q.std);
}

// ---- Logistic -------------------------------------------------------------------------------------------------------

Var Logistic::log_prob(const Var& x) const { return map("logistic", kLogistic, x, mean, scale); }
Var Logistic::log_prob_rows(const Var& x) const { return map_sum(kLogistic, 1, x, mean, scale); }

// The difference of two Gumbel variables is logistic, and never infinite.
Var Logistic::rsample(Generator& g) const {
  const Shape shape = shape_of(mean, scale, "Logistic");
  const Tensor a = gumbel(shape, g), b = gumbel(shape, g);
  return mean + scale * Var(a - b);
}
Var Logistic::entropy() const { return broadcast_to(log(scale) + 2, shape_of(mean, scale, "Logistic")); }

// ---- Bernoulli ------------------------------------------------------------------------------------------------------

Var Bernoulli::log_prob(const Var& x) const { return map("bernoulli", kBernoulli, x, logits); }
Var Bernoulli::log_prob_rows(const Var& x) const { return map_sum(kBernoulli, 1, x, logits); }
Tensor Bernoulli::sample(Generator& g) const { return rand(logits.shape(), g) < sigmoid(logits.value()); }
Var Bernoulli::entropy() const {
  return map(
      "bernoulli_entropy", [](auto l) { return softplus(l) - l * sigmoid(l); }, logits);
}

// ---- Categorical ----------------------------------------------------------------------------------------------------

Var Categorical::log_prob(const Indices& k) const {
  Shape expected = k.shape();
  expected.push_back(logits.dim() ? logits.size(-1) : 0);
  check(logits.shape() == expected, "Categorical: classes ", k.shape(), " for logits ", logits.shape());
  return -reshape(nll_of_logits(reshape(logits, {k.numel(), logits.size(-1)}), k.flatten()), k.shape());
}
Indices Categorical::sample(Generator& g) const { return categorical(logits.value(), g); }

// A class that is impossible adds nothing.
Var Categorical::entropy() const {
  auto f = [](auto log_p) { return -exp(log_p) * where(log_p == -kInfinity, 0, log_p); };
  return map_sum(f, logits.dim() - 1, log_softmax(logits, -1));
}

}  // namespace bijou::nn

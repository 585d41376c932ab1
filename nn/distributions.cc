#include "nn/distributions.h"

#include "autograd/map.h"

namespace bijou::nn {
namespace {

constexpr real kHalfLog2Pi = real(0.91893853320467274178);

// [..., K] -> [..., 1] positions and back, for gather.
Indices column(const Indices& x) {
  Shape shape = x.shape();
  shape.push_back(1);
  return x.reshape(shape);
}

}  // namespace

Var Normal::log_prob(const Var& x) const {
  return map(
      "normal_log_prob",
      [](auto x, auto m, auto s) {
        const auto u = (x - m) / s;
        return u * u * real(-0.5) - log(s) - kHalfLog2Pi;
      },
      x, mean, std);
}
Var Normal::rsample(Generator& g) const {
  const Tensor noise = randn(broadcast(mean.shape(), std.shape(), "Normal"), g);
  return map(
      "normal_sample", [](auto m, auto s, auto e) { return m + s * e; }, mean, std, noise);
}
Tensor Normal::sample(Generator& g) const {
  NoGrad guard;
  return rsample(g).value();
}
Var Normal::entropy() const {
  return map(
      "normal_entropy", [](auto s) { return log(s) + (kHalfLog2Pi + real(0.5)); }, std);
}

Var Logistic::log_prob(const Var& x) const {
  return map(
      "logistic_log_prob",
      [](auto x, auto m, auto s) {
        const auto u = (x - m) / s;
        return -u - softplus(-u) * 2 - log(s);
      },
      x, mean, scale);
}
// By the inverse of the cumulative distribution: mean + scale log(u / (1 - u)). u = 0 would give -infinity.
Var Logistic::rsample(Generator& g) const {
  const real tiny = std::numeric_limits<real>::epsilon() / 2;
  const Tensor u = uniform(broadcast(mean.shape(), scale.shape(), "Logistic"), tiny, 1 - tiny, g);
  return map(
      "logistic_sample", [](auto m, auto s, auto u) { return m + s * (log(u) - log1p(-u)); }, mean, scale, u);
}
Tensor Logistic::sample(Generator& g) const {
  NoGrad guard;
  return rsample(g).value();
}
Var Logistic::entropy() const {
  return map(
      "logistic_entropy", [](auto s) { return log(s) + 2; }, scale);
}

Var Bernoulli::log_prob(const Var& x) const {
  return map(
      "bernoulli_log_prob", [](auto x, auto a) { return x * a - softplus(a); }, x, logits);
}
Tensor Bernoulli::sample(Generator& g) const {
  return map([](auto u, auto a) { return u < sigmoid(a); }, rand(logits.shape(), g), logits.value());
}
Var Bernoulli::entropy() const {
  return map(
      "bernoulli_entropy", [](auto a) { return softplus(a) - sigmoid(a) * a; }, logits);
}

Var Categorical::log_prob(const Indices& x) const {
  const Var p = gather(log_softmax(logits, -1), -1, column(x));
  return reshape(p, x.shape());
}
Indices Categorical::sample(Generator& g) const { return categorical(logits.value(), g); }
Var Categorical::entropy() const {
  const Var log_p = log_softmax(logits, -1);
  return -sum(exp(log_p) * log_p, -1);
}

}  // namespace bijou::nn

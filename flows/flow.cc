#include "flows/flow.h"

#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"

namespace bijou::flows {

Var Flow::log_prob(const Var& x, const Var& context) const {
  const auto [z, log_det] = bijector->forward(x, context);
  return base->log_prob(z) + log_det;
}

Var Flow::sample(int64_t n, const SampleOptions& o, Generator& g) const {
  return bijector->inverse(base->sample(n, o.temperature, g), o.context).x;
}

Flow::Sample Flow::sample_and_log_prob(int64_t n, const SampleOptions& o, Generator& g) const {
  const Var z = base->sample(n, o.temperature, g);
  const auto [x, log_det] = bijector->inverse(z, o.context);
  return {x, base->log_prob(z) - log_det};
}

Var reverse_kl(const Flow& flow, int64_t n, const std::function<Var(const Var& x)>& log_density, const Var& context,
               Generator& g) {
  const auto [x, log_q] = flow.sample_and_log_prob(n, {.context = context}, g);
  const Var log_p = log_density(x);
  check(log_p.shape() == log_q.shape(), "reverse_kl: log_density gave the shape ", log_p.shape(), "; ", log_q.shape(),
        " expected");
  return mean(log_q - log_p);
}

Tensor interpolate(const Flow& flow, const Tensor& x0, const Tensor& x1, int64_t steps, const Var& context) {
  check(x0.shape() == x1.shape() && steps >= 2, "interpolate: ", steps, " steps between ", x0.shape(), " and ",
        x1.shape(), "; at least 2, between equal shapes, expected");
  const NoGrad guard;
  const Tensor z0 = flow.bijector->forward(x0, context).z.value(), z1 = flow.bijector->forward(x1, context).z.value();
  std::vector<Tensor> images;
  for (int64_t i = 0; i < steps; ++i) {
    const real t = real(i) / real(steps - 1);
    images.push_back(flow.bijector->inverse(z0 * (1 - t) + z1 * t, context).x.value());
  }
  return stack(images, 0);
}

Var bits_per_dim(const Var& log_prob, int64_t dimensions, double levels) {
  check(dimensions > 0 && levels > 0, "bits_per_dim: ", dimensions, " dimensions of ", levels, " levels");
  return log_prob * real(-1 / (double(dimensions) * std::log(2.0))) + real(std::log2(levels));
}

}  // namespace bijou::flows

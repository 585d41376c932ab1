#include "flows/batchnorm.h"

#include "autograd/map.h"

namespace bijou::flows {

BatchNorm::BatchNorm(Options o)
    : options(o),
      gamma(parameter(zeros({o.features}))),
      beta(parameter(zeros({o.features}))),
      running_mean(zeros({o.features})),
      running_var(ones({o.features})) {}

Latent BatchNorm::f(const Var& x, const Var&) const {
  check(x.dim() == 2 && x.size(1) == options.features, "BatchNorm: x of shape [B, ", options.features,
        "] expected, not ", x.shape());
  Var m = running_mean, v = running_var;
  if (training) {
    check(x.size(0) > 1, "BatchNorm: training needs more than one row");
    m = mean(x, 0), v = var(x, 0, {.unbiased = false});
    const real momentum = real(options.momentum);
    Tensor kept_m = running_mean, kept_v = running_var;  // handles
    auto average = [=](Lane& r, Lane now) { r = r + (now - r) * momentum; };
    update<1>(average, kept_m, m.value()), update<1>(average, kept_v, v.value());
  }
  const Var log_slope = gamma - log(v + real(options.eps)) * real(0.5);
  const Var z = map([](auto x, auto m, auto s, auto b) { return (x - m) * exp(s) + b; }, x, m, log_slope, beta);
  return {z, broadcast_to(sum(log_slope), {x.size(0)})};
}

Data BatchNorm::g(const Var& z, const Var&) const {
  check(z.dim() == 2 && z.size(1) == options.features, "BatchNorm: z of shape [B, ", options.features,
        "] expected, not ", z.shape());
  const Var log_slope = gamma - log(Var(running_var) + real(options.eps)) * real(0.5);
  const Var x =
      map([](auto z, auto m, auto s, auto b) { return (z - b) * exp(-s) + m; }, z, running_mean, log_slope, beta);
  return {x, broadcast_to(-sum(log_slope), {z.size(0)})};
}

void use_statistics_of(Bijector& b, const Tensor& x, const Var& context) {
  const NoGrad guard;
  struct Before {
    BatchNorm* norm;
    double momentum;
    bool training;
  };
  std::vector<Before> norms;
  const nn::Visitor all(b);
  for (const nn::Visitor::Member& m : all.members())
    if (auto* norm = dynamic_cast<BatchNorm*>(m.module))
      norms.push_back({norm, norm->options.momentum, norm->training});
  for (const Before& n : norms) n.norm->options.momentum = 1, n.norm->training = true;
  b.forward(x, context);
  for (const Before& n : norms) n.norm->options.momentum = n.momentum, n.norm->training = n.training;
}

}  // namespace bijou::flows

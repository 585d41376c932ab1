#include "flows/maf.h"

#include "autograd/map.h"
#include "flows/implicit.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"

namespace bijou::flows {
namespace {

nn::Made::Options with_outputs(nn::Made::Options o, int64_t outputs) {
  o.outputs = outputs;
  return o;
}

// [P, ...] -> [..., P]
Var params_last(const Var& params) { return params.dim() == 2 ? transpose(params, 0, 1) : permute(params, {1, 2, 0}); }

// s = 5 tanh(a / 5)
Var log_scale(const Var& params) {
  return map([](auto a) { return tanh(a * real(0.2)) * 5; }, select(params, 0, 1));
}

}  // namespace

Autoregressive::Autoregressive(nn::Made::Options o, int64_t params_per_feature)
    : made(with_outputs(std::move(o), params_per_feature)) {
  made.layers.back().weight.mutable_value().fill(0);
  made.layers.back().bias.mutable_value().fill(0);
  if (!made.contexts.empty()) made.contexts.back().weight.mutable_value().fill(0);
}

Latent Autoregressive::f(const Var& x, const Var& context) const {
  const Splined bent = bend(x, permute(made(x, context), {1, 0, 2}));
  return {bent.value, sum(bent.log_slope, 1)};
}

Data Autoregressive::g(const Var& z, const Var& context) const {
  check(z.dim() == 2 && z.size(1) == made.options.features, "Autoregressive: z of shape [B, ", made.options.features,
        "] expected, not ", z.shape());
  const Tensor columns = transpose(z.value(), 0, 1);
  Tensor log_det = zeros({z.size(0)});
  const Unbend h = unbend();
  const Tensor x = made.generate(z.size(0), context, [&](int64_t i, const Tensor& params) {
    const Splined back = h(columns.row(i), params);
    log_det = log_det + back.log_slope.value();
    return back.value.value();
  });
  if (!grad_enabled()) return {x, log_det};
  const nn::Made net = made;  // shares the parameters
  auto at = [h, net, z, context](const Var& x) { return h(z, permute(net(x, context), {1, 0, 2})); };
  const Var solution = implicit(
      x, [at](const Var& x) { return at(x).value; }, made.options.features);
  return {solution, sum(at(solution).log_slope, 1)};
}

Splined Maf::bend(const Var& x, const Var& params) const {
  const Var s = log_scale(params);
  return {map([](auto x, auto mu, auto s) { return (x - mu) * exp(-s); }, x, select(params, 0, 0), s), -s};
}
Maf::Unbend Maf::unbend() const {
  return [](const Var& z, const Var& params) -> Splined {
    const Var s = log_scale(params);
    return {map([](auto z, auto mu, auto s) { return z * exp(s) + mu; }, z, select(params, 0, 0), s), s};
  };
}

Splined SplineAutoregressive::bend(const Var& x, const Var& params) const {
  return rq_spline(x, params_last(params), spline);
}
SplineAutoregressive::Unbend SplineAutoregressive::unbend() const {
  return
      [spline = spline](const Var& z, const Var& params) { return rq_spline_inverse(z, params_last(params), spline); };
}

// ---- MixtureMade ----------------------------------------------------------------------------------------------------

MixtureMade::MixtureMade(nn::Made::Options o, int64_t components)
    : Base({o.features}), components(components), made(with_outputs(std::move(o), 3 * components)) {
  check(components > 0 && made.options.context == 0, "MixtureMade: components = ", components, ", and no context");
}

Var MixtureMade::log_prob(const Var& x) const {
  const std::vector<Var> parts = chunk(made(x), 3, 1);  // [B, K, D] each
  const Var log_normal = map(
      [](auto x, auto mean, auto log_std) {
        const auto u = (x - mean) * exp(-log_std);
        return u * u * real(-0.5) - log_std - nn::kHalfLog2Pi;
      },
      unsqueeze(x, 1), parts[1], parts[2]);
  return sum(logsumexp(log_softmax(parts[0], 1) + log_normal, 1), 1);
}

Var MixtureMade::sample(int64_t n, double temperature, Generator& g) const {
  return made.generate(n, {}, [&](int64_t, const Tensor& params) {
    const std::vector<Tensor> parts = chunk(params, 3, 0);  // [K, n] each
    const Indices k = unsqueeze(categorical(transpose(parts[0], 0, 1), g), 0);
    const Tensor mean = gather(parts[1], 0, k), log_std = gather(parts[2], 0, k), noise = randn({1, n}, g);
    return (mean + exp(log_std) * noise * real(temperature)).flatten();
  });
}

}  // namespace bijou::flows

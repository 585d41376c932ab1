#include "flows/radial.h"

#include <cmath>

#include "autograd/map.h"

namespace bijou::flows {
namespace {

constexpr real kTiny = real(1e-30);  // of r², whose root has no derivative at 0

Var radius(const Var& v, const Var& center) {  // [B, 1]
  auto squares = [](auto v, auto c) { return (v - c) * (v - c); };
  return map([](auto s) { return sqrt(maximum(s, kTiny)); }, unsqueeze(map_sum(squares, 1, v, center), 1));
}

// log |det dx/dz| at radius r of z; [B].
Var log_det(const Var& r, const Var& alpha, const Var& q, int64_t features) {
  const real others = real(features - 1);
  auto formula = [others](auto r, auto alpha, auto q) {
    const auto log_h = -log(r + alpha);
    return (log(r + q) + log_h) * others + log(r * (r + alpha * 2) + alpha * q) + log_h * 2;
  };
  return map_sum(formula, 1, r, alpha, q);
}

}  // namespace

Radial::Radial(const Options& o, Generator& g) : options(o) {
  check(o.features > 0 && o.context >= 0, "Radial: ", o.features, " features and a context of ", o.context);
  const real one = real(std::log(std::expm1(1.0)));  // softplus(one) = 1
  center = parameter(randn({1, o.features}, g));
  alpha = parameter(full({1, 1}, one)), q = parameter(normal({1, 1}, one, real(0.01), g));
  if (o.context > 0) from_context = parameter(zeros({o.features + 2, o.context}));
}

Radial::Params Radial::params(const Var& v, const Var& context) const {
  const int64_t n = options.features;
  check(v.dim() == 2 && v.size(1) == n, "Radial: [B, ", n, "] expected, not ", v.shape());
  check_context("Radial", context, options.context);
  if (!from_context) return {center, softplus(alpha), softplus(q)};
  const Var more = linear(context, from_context, {});
  return {center + slice(more, 1, 0, n), softplus(alpha + slice(more, 1, n, n + 1)),
          softplus(q + slice(more, 1, n + 1, n + 2))};
}

Data Radial::g(const Var& z, const Var& context) const {
  const auto [center, alpha, q] = params(z, context);
  const Var r = radius(z, center);
  auto move = [](auto z, auto c, auto r, auto alpha, auto q) { return c + (z - c) * ((r + q) / (r + alpha)); };
  return {map(move, z, center, r, alpha, q), log_det(r, alpha, q, options.features)};
}

Latent Radial::f(const Var& x, const Var& context) const {
  const auto [center, alpha, q] = params(x, context);
  auto root = [](auto grown, auto alpha, auto q) {  // of the two forms, the one in which nothing cancels
    const auto p = q - grown;
    const auto sum = abs(p) + sqrt(p * p + alpha * grown * 4);
    return where(p <= 0, sum * real(0.5), alpha * grown * 2 / sum);
  };
  const Var r = map(root, radius(x, center), alpha, q);
  auto move = [](auto x, auto c, auto r, auto alpha, auto q) { return c + (x - c) * ((r + alpha) / (r + q)); };
  return {map(move, x, center, r, alpha, q), -log_det(r, alpha, q, options.features)};
}

}  // namespace bijou::flows

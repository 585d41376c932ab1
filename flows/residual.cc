#include "flows/residual.h"

#include <cmath>

#include "autograd/linalg.h"
#include "autograd/map.h"
#include "flows/implicit.h"
#include "nn/init.h"
#include "tensor/elementwise.h"

namespace bijou::flows {

// ---- A layer of bounded norm ----------------------------------------------------------------------------------------

namespace {

Tensor unit(const Tensor& x) { return x / (sqrt(sum(square(x))) + real(1e-12)); }

}  // namespace

SpectralLinear::SpectralLinear(int64_t in, int64_t out, double c, Generator& g)
    : coefficient(c),
      weight(parameter(nn::init::default_weight({out, in}, g))),
      bias(parameter(nn::init::default_bias(out, in, g))),
      v(unit(randn({in}, g))) {}

Var SpectralLinear::operator()(const Var& x) const {
  const Tensor& w = weight.value();
  Tensor right = v.reshape({-1, 1}), left;
  double norm = 0, before = -1;
  for (int round = 0; round < 100 && std::abs(norm - before) > 1e-4 * norm; ++round) {
    left = unit(matmul(w, right));
    const Tensor back = matmul(w, left, {.transpose_a = true});
    before = norm, norm = std::sqrt(double(sum(square(back)).item()));
    right = unit(back);
  }
  if (training) Tensor(v).copy_from(right.flatten());
  const Var largest = sum(Var(left) * matmul(weight, right));  // its derivative by W is left rightᵀ: they may stay
  const real c = real(coefficient);
  return linear(x, map([c](auto w, auto norm) { return w * (c / maximum(norm, c)); }, weight, largest), bias);
}

// ---- The block ------------------------------------------------------------------------------------------------------

namespace {

// What backward passes through y = r(x) give, x being a node of their own graph.
struct Differentiable {
  Var x, y;
  bool recorded;                 // whether the passes are to be differentiated in turn
  Var row(const Var& v) const {  // vᵀ J
    return grad(y, v, std::span(&x, 1), {.create_graph = recorded, .retain_graph = true})[0];
  }
};

// log |det (I + J)| of each example, [B].
Var exact_log_det(const Differentiable& d) {
  const int64_t b = d.x.size(0), n = d.x.size(1);
  std::vector<Var> rows;
  for (int64_t i = 0; i < n; ++i) rows.push_back(d.row(broadcast_to(slice(Var(eye(n)), 0, i, i + 1), {b, n})));
  return slogdet(stack(rows, 1) + Var(eye(n))).logabsdet;
}

Tensor random_signs(const Shape& shape) { return bernoulli(shape, 0.5) * real(2) - real(1); }

// `always` terms of the series, and then as many more as heads come up in a row; term k is divided by the probability
// of getting there.
Var estimated_log_det(const Differentiable& d, int64_t always, bool roulette) {
  const Tensor v = random_signs(d.x.shape());
  Var w = v, total = zeros({d.x.size(0)});
  double reached = 1;
  for (int64_t k = 1; k <= always || (roulette && default_generator().uniform() < 0.5); ++k) {
    if (k > always) reached *= 0.5;
    w = d.row(w);
    const real weight = real((k % 2 ? 1 : -1) / (double(k) * reached));
    total = total + map_sum([weight](auto w, auto v) { return w * v * weight; }, 1, w, v);
  }
  return total;
}

}  // namespace

Residual::Residual(const Options& o, Generator& g) : options(o) {
  check(o.features > 0 && o.context >= 0 && o.coefficient > 0 && o.coefficient < 1 && o.terms > 0,
        "Residual: ", o.features, " features, a context of ", o.context, ", a coefficient of ", o.coefficient, " and ",
        o.terms, " terms; a coefficient below 1 expected");
  int64_t in = o.features + o.context;
  for (const int64_t width : o.hidden) layers.emplace_back(in, width, o.coefficient, g), in = width;
  layers.emplace_back(in, o.features, o.coefficient, g);
}

Var Residual::r(const Var& x, const Var& context) const {
  check(x.dim() == 2 && x.size(1) == options.features, "Residual: [B, ", options.features, "] expected, not ",
        x.shape());
  check_context("Residual", context, options.context);
  Var h = options.context ? concat({x, context}, 1) : x;
  for (size_t i = 0; i < layers.size(); ++i) {
    h = layers[i](h);
    if (i + 1 < layers.size()) h = map([](auto h) { return silu(h) * real(1 / 1.1); }, h);
  }
  return h;
}

Latent Residual::f(const Var& x, const Var& context) const {
  const bool recorded = grad_enabled();
  const EnableGrad on;
  const Var at = recorded && x.requires_grad() ? x : parameter(x.value());
  const Differentiable d{at, r(at, context), recorded};
  const Var log_det = options.log_det == LogDet::kExact
                          ? exact_log_det(d)
                          : estimated_log_det(d, options.terms, options.log_det == LogDet::kRoulette);
  const Var z = at + d.y;
  if (recorded) return {z, log_det};
  return {z.detach(), log_det.detach()};
}

Data Residual::g(const Var& z, const Var& context) const {
  // After n rounds the error is at most L^n / (1 - L) of the first change. Where x moves on by a little more than the
  // tolerance it is rounding that moves it, and further rounds are in vain.
  const double l = std::pow(options.coefficient, double(layers.size()));
  const int enough = int(std::ceil(std::log(options.tolerance * (1 - l)) / std::log(l)));
  Tensor x = z.value();
  Residual self = *this;  // shares the parameters
  self.eval();            // the equation should not move while it is solved, as the power iteration goes on in training
  {
    const NoGrad guard;
    double change = kInfinity;
    for (int round = 0; round < enough && change > options.tolerance; ++round) {
      const Tensor next = z.value() - self.r(x, context).value();
      change = max_difference(next, x);
      x = next;
    }
    if (!(change <= 100 * options.tolerance))
      throw NotInvertible("Residual: x still moves by " + to_string(change) + " after " + std::to_string(enough) +
                          " rounds");
  }
  const Var solution = implicit(
      x, [=](const Var& x) { return z - self.r(x, context); }, enough);
  return {solution, -f(solution, context).log_det};
}

}  // namespace bijou::flows

#include "flows/sylvester.h"

#include "autograd/map.h"
#include "flows/tanh_root.h"

namespace bijou::flows {
namespace {

constexpr real kMost = real(0.999);  // of a diagonal, as tanh itself is 1 in the end

Var bounded(const Var& diagonal) {
  return map([](auto d) { return tanh(d) * kMost; }, diagonal);
}
Var triangular(const Var& above, const Var& diagonal) { return triu(above, 1) + Var(eye(diagonal.numel())) * diagonal; }

// sum_i log(1 + c_i tanh'(a_i)), [B]
Var log_det(const Var& a, const Var& d1, const Var& d2) {
  auto formula = [](auto a, auto d1, auto d2) {
    const auto f = tanh(a);
    return log1p(d1 * d2 * (1 - f * f));
  };
  return map_sum(formula, 1, a, d1, d2);
}

}  // namespace

Sylvester::Sylvester(const Options& o, Generator& g)
    : options(o), reflections(o.features, o.reflections ? o.reflections : o.hidden, g) {
  const int64_t m = o.hidden;
  check(m > 0 && m <= o.features && o.context >= 0, "Sylvester: ", m, " hidden units for ", o.features,
        " features; 1 to as many expected");
  auto noise = [&](const Shape& shape, double std) { return parameter(normal(shape, 0, real(std), g)); };
  r1 = noise({m, m}, 0.01), diagonal1 = noise({m}, 0.01);
  r2 = noise({m, m}, 0.3), diagonal2 = parameter(ones({m}));
  b = noise({1, m}, 1);
  if (o.context > 0) from_context = parameter(zeros({m, o.context}));
}

Var Sylvester::q() const { return slice(reflections.weight(), 1, 0, options.hidden); }

Sylvester::Params Sylvester::params(const Var& v, const Var& context) const {
  check(v.dim() == 2 && v.size(1) == options.features, "Sylvester: [B, ", options.features, "] expected, not ",
        v.shape());
  check_context("Sylvester", context, options.context);
  const Var d1 = bounded(diagonal1), d2 = bounded(diagonal2);
  return {
      q(), d1, d2, triangular(r1, d1), triangular(r2, d2), from_context ? b + linear(context, from_context, {}) : b};
}

Data Sylvester::g(const Var& z, const Var& context) const {
  const auto [q, d1, d2, r1, r2, b] = params(z, context);
  const Var a = linear(matmul(z, q), r2, {}) + b;
  return {z + linear(linear(tanh(a), r1, {}), q, {}), log_det(a, d1, d2)};
}

Latent Sylvester::f(const Var& x, const Var& context) const {
  const auto [q, d1, d2, r1, r2, b] = params(x, context);
  const int64_t m = options.hidden;
  const Var y = matmul(x, q);  // Qᵀ x
  std::vector<Var> a, v;       // from the last on upwards, [B, 1] each
  for (int64_t i = m; i-- > 0;) {
    const Var diagonal1 = slice(d1, 0, i, i + 1), diagonal2 = slice(d2, 0, i, i + 1);
    Var rest = slice(y, 1, i, i + 1), known = slice(b, 1, i, i + 1);
    if (i + 1 < m) {
      const std::vector<Var> a_below(a.rbegin(), a.rend()), v_below(v.rbegin(), v.rend());
      auto right_of = [&](const Var& r) { return slice(slice(r, 0, i, i + 1), 1, i + 1, m); };
      rest = rest - linear(tanh(concat(a_below, 1)), right_of(r1), {});
      known = known + linear(concat(v_below, 1), right_of(r2), {});
    }
    // v + d1 tanh(a) = rest and a = d2 v + known: a + d1 d2 tanh(a) = d2 rest + known
    a.push_back(tanh_root(diagonal2 * rest + known, diagonal1 * diagonal2));
    v.push_back(rest - diagonal1 * tanh(a.back()));
  }
  const Var all = concat(std::vector<Var>(a.rbegin(), a.rend()), 1);
  return {x - linear(linear(tanh(all), r1, {}), q, {}), -log_det(all, d1, d2)};
}

}  // namespace bijou::flows

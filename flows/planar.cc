#include "flows/planar.h"

#include <cmath>

#include "autograd/map.h"
#include "flows/tanh_root.h"

namespace bijou::flows {
namespace {

constexpr real kFloor = real(1e-3);   // of p
constexpr real kShort = real(1e-12);  // a ‖w‖² below which û is held: w / ‖w‖² has no limit at 0
constexpr real kSlope = real(0.1);    // of the leaky ReLU, below 0

// F, the slope F' p + (1 - F'), and the root of s + c F(s) = t.
struct TanhF {
  static auto value(auto s) { return tanh(s); }
  static auto slope(auto s, auto p) {
    const auto f = tanh(s);
    return f * f + p * (1 - f * f);
  }
  static Var root(const Var& t, const Var& c) { return tanh_root(t, c); }
};
struct LeakyReluF {
  static auto value(auto s) { return leaky_relu(s, kSlope); }
  static auto slope(auto s, auto p) { return where(s > 0, p, p * kSlope + (1 - kSlope)); }
  static Var root(const Var& t, const Var& c) {  // s has the sign of t
    return map([](auto t, auto c) { return t / (1 + c * where(t > 0, real(1), kSlope)); }, t, c);
  }
};

Var dot(const Var& a, const Var& b) {  // of rows: [B, 1]
  return unsqueeze(map_sum([](auto a, auto b) { return a * b; }, 1, a, b), 1);
}
template <class F>
Var log_slope(const Var& s, const Var& p) {
  return map_sum([](auto s, auto p) { return log(F::slope(s, p)); }, 1, s, p);
}

template <class F>
Data bend(const Var& z, const Var& u, const Var& w, const Var& b, const Var& p) {
  const Var s = dot(z, w) + b;
  return {map([](auto z, auto u, auto s) { return z + u * F::value(s); }, z, u, s), log_slope<F>(s, p)};
}
template <class F>
Latent unbend(const Var& x, const Var& u, const Var& w, const Var& b, const Var& p) {
  const Var s = F::root(dot(x, w) + b, p - 1);
  return {map([](auto x, auto u, auto s) { return x - u * F::value(s); }, x, u, s), -log_slope<F>(s, p)};
}

void check_features(const char* name, const Var& v, int64_t features) {
  check(v.dim() == 2 && v.size(1) == features, "Planar: ", name, " of shape [B, ", features, "] expected, not ",
        v.shape());
}

}  // namespace

Planar::Planar(const Options& o, Generator& g) : options(o) {
  check(o.features > 0 && o.context >= 0, "Planar: ", o.features, " features and a context of ", o.context);
  w = parameter(normal({1, o.features}, 0, real(1 / std::sqrt(double(o.features))), g));
  b = parameter(normal({1, 1}, 0, 1, g));
  const real still = real(std::log(std::expm1(1 - double(kFloor))));  // m(still) = 0
  const Tensor noise = normal({1, o.features}, 0, real(0.01), g);
  u = parameter(
      map([=](auto w, auto norm, auto e) { return w * still / norm + e; }, w.value(), dot(w, w).value(), noise));
  if (o.context > 0) from_context = parameter(zeros({2 * o.features + 1, o.context}));
}

Planar::Params Planar::params(const Var& context) const {
  Params own{u, w, b, {}};
  check_context("Planar", context, options.context);
  if (from_context) {
    const int64_t n = options.features;
    const Var more = linear(context, from_context, {});
    own.u = u + slice(more, 1, 0, n), own.w = w + slice(more, 1, n, 2 * n),
    own.b = b + slice(more, 1, 2 * n, 2 * n + 1);
  }
  const Var a = dot(own.w, own.u), norm = dot(own.w, own.w);
  // As wᵀ(w / max(‖w‖², short)) = k, wᵀû = k m(a) + (1 - k) a, which is m(a) but for the shortest w.
  own.u = map([](auto u, auto w, auto a,
                 auto norm) { return u + (softplus(a) + (kFloor - 1) - a) * w / maximum(norm, kShort); },
              own.u, own.w, a, norm);
  own.p = map(
      [](auto a, auto norm) {
        const auto k = norm / maximum(norm, kShort);
        return k * (softplus(a) + kFloor) + (1 - k) * (1 + a);
      },
      a, norm);
  return own;
}

Data Planar::g(const Var& z, const Var& context) const {
  check_features("z", z, options.features);
  const auto [u, w, b, p] = params(context);
  return options.f == F::kTanh ? bend<TanhF>(z, u, w, b, p) : bend<LeakyReluF>(z, u, w, b, p);
}
Latent Planar::f(const Var& x, const Var& context) const {
  check_features("x", x, options.features);
  const auto [u, w, b, p] = params(context);
  return options.f == F::kTanh ? unbend<TanhF>(x, u, w, b, p) : unbend<LeakyReluF>(x, u, w, b, p);
}

}  // namespace bijou::flows

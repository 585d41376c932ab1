#include "flows/elementwise.h"

#include <cmath>

#include "autograd/map.h"

namespace bijou::flows {

Elementwise::Range Elementwise::range() const { return {-kInfinity, kInfinity}; }

Latent Elementwise::f(const Var& x, const Var&) const { return {bend(x), log_det(x)}; }

Data Elementwise::g(const Var& z, const Var&) const {
  if (const auto [low, high] = range(); low > -kInfinity || high < kInfinity)
    for (real v : z.value())
      if (!(v > low && v < high))
        throw OutsideDomain("no x has z = " + to_string(v) + ": numbers between " + to_string(low) + " and " +
                            to_string(high) + " expected");
  const Var x = unbend(z);
  return {x, -log_det(x)};
}

// ---- Affine ---------------------------------------------------------------------------------------------------------

Affine::Affine(const Shape& event) : log_scale(parameter(zeros(event))), shift(parameter(zeros(event))) {}

Var Affine::bend(const Var& x) const {
  check_event("Affine", x, shift.shape());
  return map([](auto x, auto s, auto t) { return x * exp(s) + t; }, x, log_scale, shift);
}
Var Affine::unbend(const Var& z) const {
  check_event("Affine", z, shift.shape());
  return map([](auto z, auto s, auto t) { return (z - t) * exp(-s); }, z, log_scale, shift);
}
Var Affine::log_det(const Var& x) const { return broadcast_to(reshape(sum(log_scale), {1}), {x.size(0)}); }

// ---- Onto the positive numbers --------------------------------------------------------------------------------------

Var Exp::bend(const Var& x) const { return exp(x); }
Var Exp::unbend(const Var& z) const { return log(z); }
Var Exp::log_det(const Var& x) const {
  return map_sum([](auto x) { return x; }, 1, x);
}
Elementwise::Range Exp::range() const { return {0, kInfinity}; }

// x = log(exp(z) - 1) = z + log(1 - exp(-z)): no overflow for large z, no cancellation for small ones.
Var Softplus::bend(const Var& x) const { return softplus(x); }
Var Softplus::unbend(const Var& z) const {
  return map([](auto z) { return z + log(-expm1(-z)); }, z);
}
Var Softplus::log_det(const Var& x) const {
  return map_sum([](auto x) { return -softplus(-x); }, 1, x);
}
Elementwise::Range Softplus::range() const { return {0, kInfinity}; }

// ---- Onto an interval -----------------------------------------------------------------------------------------------

Var Sigmoid::bend(const Var& x) const { return sigmoid(x); }
Var Sigmoid::unbend(const Var& z) const {
  return map([](auto z) { return log(z) - log1p(-z); }, z);
}
Var Sigmoid::log_det(const Var& x) const {  // log σ(x) + log σ(-x)
  return map_sum([](auto x) { return -softplus(x) - softplus(-x); }, 1, x);
}
Elementwise::Range Sigmoid::range() const { return {0, 1}; }

Var Tanh::bend(const Var& x) const { return tanh(x); }
Var Tanh::unbend(const Var& z) const {
  return map([](auto z) { return (log1p(z) - log1p(-z)) * real(0.5); }, z);
}
Var Tanh::log_det(const Var& x) const {  // 1 - tanh² = 4 exp(-2x) / (1 + exp(-2x))²
  return map_sum([](auto x) { return (real(M_LN2) - x - softplus(x * -2)) * 2; }, 1, x);
}
Elementwise::Range Tanh::range() const { return {-1, 1}; }

// ---- Onto all numbers -----------------------------------------------------------------------------------------------

LeakyRelu::LeakyRelu(real s) : slope(s) {
  check(s > 0 && s < kInfinity, "LeakyRelu: slope = ", s, "; a positive number expected");
}
Var LeakyRelu::bend(const Var& x) const { return leaky_relu(x, slope); }
Var LeakyRelu::unbend(const Var& z) const { return leaky_relu(z, 1 / slope); }
Var LeakyRelu::log_det(const Var& x) const {
  const real below = std::log(slope);
  return map_sum([below](auto x) { return where(x > 0, real(0), below); }, 1, x);
}

// asinh(x) = log(x + sqrt(x² + 1)), by |x| as it cancels for negative x; x² overflows where |x| + |x| will do.
Var Asinh::bend(const Var& x) const {
  return map(
      [](auto x) {
        const auto a = abs(x);
        return sign(x) * where(a < real(1e8), log1p(a + a * a / (sqrt(a * a + 1) + 1)), log(a) + real(M_LN2));
      },
      x);
}
Var Asinh::unbend(const Var& z) const {
  return map([](auto z) { return (expm1(z) - expm1(-z)) * real(0.5); }, z);
}
Var Asinh::log_det(const Var& x) const {
  return map_sum([](auto x) { return where(abs(x) < real(1e8), log1p(x * x) * real(-0.5), -log(abs(x))); }, 1, x);
}

}  // namespace bijou::flows

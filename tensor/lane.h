// Lane: as many reals as one SIMD register holds, behaving as a number, so that a kernel reads as arithmetic:
//
//   Lane y = x * exp(s) + t;
//
// A Highway vector with operators. Highway 1.0's Exp, Log ... give wrong numbers outside their range and swallow NaN
// (Exp(200) is 0, Log(0) is -105 in float), so that a diverged run would look healthy; the functions here give IEEE's
// answers: exp(200) = inf, log(0) = -inf, log(-1) = NaN, and NaN in, NaN out.
#pragma once

#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "tensor/tensor.h"

// Laid out by hand, like the table that it is.
// clang-format off

namespace bijou {

namespace hn = hwy::HWY_NAMESPACE;
using LaneTag = hn::ScalableTag<real>;
constexpr LaneTag kLane;
constexpr int64_t kLanes = int64_t(hn::MaxLanes(kLane));  // reals in a register
constexpr real kInfinity = std::numeric_limits<real>::infinity();
constexpr real kNaN = std::numeric_limits<real>::quiet_NaN();

// One truth value a lane.
struct Mask {
  hn::Mask<LaneTag> m;
  friend Mask operator&&(Mask a, Mask b) { return {hn::And(a.m, b.m)}; }
  friend Mask operator||(Mask a, Mask b) { return {hn::Or(a.m, b.m)}; }
  friend Mask operator!(Mask a) { return {hn::Not(a.m)}; }
};

struct Lane {
  hn::Vec<LaneTag> v;

  Lane() = default;
  Lane(hn::Vec<LaneTag> vec) : v(vec) {}
  Lane(real x) : v(hn::Set(kLane, x)) {}
  Lane(Mask m) : v(hn::IfThenElseZero(m.m, hn::Set(kLane, real(1)))) {}  // 1 where true

  static Lane load(const real* p) { return hn::LoadU(kLane, p); }
  // The first lanes only, 0 in the others. By hand where Highway would read the whole register, from an aligned address.
  static Lane load(const real* p, Mask first) {
    if constexpr (HWY_TARGET <= HWY_AVX2) return hn::MaskedLoad(first.m, kLane, p);
    alignas(64) real all[kLanes] = {};
    std::copy_n(p, hn::CountTrue(kLane, first.m), all);
    return load(all);
  }
  void store(real* p) const { hn::StoreU(v, kLane, p); }
  // The first lanes only, for masks of first_lanes(). By hand before AVX-512, where AMD's processors take dozens of
  // cycles for a masked store.
  void store(real* p, Mask first) const {
    if constexpr (HWY_TARGET <= HWY_AVX3) return hn::BlendedStore(v, first.m, kLane, p);
    alignas(64) real all[kLanes];
    store(all);
    for (size_t i = 0, n = hn::CountTrue(kLane, first.m); i < n; ++i) p[i] = all[i];
  }

  friend Lane operator+(Lane a, Lane b) { return hn::Add(a.v, b.v); }
  friend Lane operator-(Lane a, Lane b) { return hn::Sub(a.v, b.v); }
  friend Lane operator*(Lane a, Lane b) { return hn::Mul(a.v, b.v); }
  friend Lane operator/(Lane a, Lane b) { return hn::Div(a.v, b.v); }
  friend Lane operator-(Lane a) { return hn::Neg(a.v); }
  Lane& operator+=(Lane b) { return *this = *this + b; }
  friend Mask operator<(Lane a, Lane b) { return {hn::Lt(a.v, b.v)}; }
  friend Mask operator<=(Lane a, Lane b) { return {hn::Le(a.v, b.v)}; }
  friend Mask operator>(Lane a, Lane b) { return {hn::Gt(a.v, b.v)}; }
  friend Mask operator>=(Lane a, Lane b) { return {hn::Ge(a.v, b.v)}; }
  friend Mask operator==(Lane a, Lane b) { return {hn::Eq(a.v, b.v)}; }
  friend Mask operator!=(Lane a, Lane b) { return !(a == b); }  // (Highway's Ne is false where either is NaN)
};

inline Mask first_lanes(int64_t n) { return {hn::FirstN(kLane, size_t(n))}; }
inline Lane where(Mask m, Lane a, Lane b) { return hn::IfThenElse(m.m, a.v, b.v); }
inline real sum_lanes(Lane x) { return hn::GetLane(hn::SumOfLanes(kLane, x.v)); }
inline real max_lanes(Lane x) { return hn::GetLane(hn::MaxOfLanes(kLane, x.v)); }
inline Lane fma(Lane a, Lane b, Lane c) { return hn::MulAdd(a.v, b.v, c.v); }  // a b + c

inline Lane abs(Lane x) { return hn::Abs(x.v); }
inline Lane sqrt(Lane x) { return hn::Sqrt(x.v); }
inline Lane floor(Lane x) { return hn::CopySign(hn::Floor(x.v), x.v); }  // -0 stays -0
inline Lane round(Lane x) { return hn::Round(x.v); }  // to the nearest, ties to even
inline Lane sign(Lane x) { return where(x > 0, Lane(1), where(x < 0, Lane(-1), x)); }
inline Mask is_nan(Lane x) { return {hn::IsNaN(x.v)}; }
inline Lane maximum(Lane a, Lane b) { return where(a > b || is_nan(a), a, b); }  // NaN if either is
inline Lane minimum(Lane a, Lane b) { return where(a < b || is_nan(a), a, b); }

// Largest x with a finite exp(x).
constexpr real kMaxExp = std::is_same_v<real, float> ? real(88.722839) : real(709.782712893384);

// x inf is inf above the range and NaN for NaN: one select guards both.
inline Lane exp(Lane x) { return where(x <= kMaxExp, Lane(hn::Exp(kLane, x.v)), x * kInfinity); }
inline Lane expm1(Lane x) {
  const Lane y = where(x == 0, x, Lane(hn::Expm1(kLane, x.v)));  // -0 stays -0
  return where(x <= kMaxExp, where(x < -40, Lane(-1), y), x * kInfinity);
}
inline Lane log(Lane x) {
  const Lane outside = where(x == 0, Lane(-kInfinity), where(x < 0, Lane(kNaN), x));
  return where(x > 0 && x < kInfinity, Lane(hn::Log(kLane, x.v)), outside);
}
inline Lane log1p(Lane x) {
  const Lane outside = where(x == -1, Lane(-kInfinity), where(x < -1, Lane(kNaN), x));
  return where(x > -1 && x < kInfinity, Lane(hn::Log1p(kLane, x.v)), outside);
}
inline Lane tanh(Lane x) { return where(is_nan(x), x, Lane(hn::Tanh(kLane, x.v))); }
inline Lane sigmoid(Lane x) { return Lane(1) / (Lane(1) + exp(-x)); }
inline Lane softplus(Lane x) { return maximum(x, 0) + log1p(exp(-abs(x))); }
// Accurate for |x| < 39000 (Highway's range reduction); an infinite x gives NaN.
inline Lane sin(Lane x) {
  const Lane y = where(x == 0, x, Lane(hn::Sin(kLane, x.v)));  // -0 stays -0
  return where(abs(x) < kInfinity, y, Lane(kNaN));
}
inline Lane cos(Lane x) { return where(abs(x) < kInfinity, Lane(hn::Cos(kLane, x.v)), Lane(kNaN)); }

// Lane by lane, for functions that Highway lacks and that are not worth a vector version.
template <class F>
inline Lane each_lane(Lane x, F f) {
  alignas(64) real values[kLanes];
  x.store(values);
  for (real& value : values) value = f(value);
  return Lane::load(values);
}
inline Lane pow(Lane x, real p) {
  return each_lane(x, [p](real value) { return std::pow(value, p); });
}
inline Lane atan(Lane x) {
  return each_lane(x, [](real value) { return std::atan(value); });
}
// In float two polynomials of our own (least squares on Chebyshev nodes, within 3 ulp); in double the C library's.
inline Lane erf(Lane x) {
  if constexpr (std::is_same_v<real, double>) return each_lane(x, [](real value) { return std::erf(value); });
  auto polynomial = [](Lane t, std::initializer_list<real> highest_first) {
    Lane y = 0;
    for (real c : highest_first) y = fma(y, t, c);
    return y;
  };
  auto squared = [](Lane y) { return y * y; };
  const Lane a = minimum(abs(x), 4);  // erf(4) = 1 - 2e-8
  const Lane small = x * polynomial(x * x, {7.85385991e-05, -0.000801019319, 0.00518832764, -0.0268538119, 0.112835851,
                                            -0.376126258, 1.12837917});
  // (1 - erf)^(-1/8): the eighth root is smooth enough for a polynomial, and its error fades as 1 - erf does.
  const Lane root = polynomial(a, {0.000547896493, -0.00405220093, 0.0179991844, -0.0337022605, 0.0748026152,
                                   0.0484202521, 0.159718613, 0.996377993});
  const Lane large = Lane(1) - Lane(1) / squared(squared(squared(root)));
  return where(a < 1, small, hn::CopySign(large.v, x.v));
}

// ---- Numbers --------------------------------------------------------------------------------------------------------
// A Number is whatever a formula is written over: a Lane here, a Dual (autograd/dual.h) for its derivatives.
template <class X>
inline constexpr bool is_number = std::is_same_v<X, Lane>;
template <class X>
concept Number = is_number<X>;

template <Number X> X square(X x) { return x * x; }
template <Number X> auto relu(X x) { return where(x <= 0, 0, x); }  // relu'(0) = 0; NaN stays NaN
template <Number X> auto leaky_relu(X x, real slope) { return where(x > 0, x, x * slope); }
template <Number X> auto elu(X x, real alpha) { return where(x > 0, x, expm1(where(x > 0, 0, x)) * alpha); }
template <Number X> auto silu(X x) { return x * sigmoid(x); }
template <Number X> auto log_sigmoid(X x) { return -softplus(-x); }
template <Number X> auto gelu(X x) { return x * real(0.5) * (erf(x * real(M_SQRT1_2)) + 1); }  // x P(N(0,1) < x)
template <Number X> auto gelu_tanh(X x) {
  const real c = real(0.7978845608028654);  // sqrt(2/pi)
  return x * real(0.5) * (tanh((x + x * x * x * real(0.044715)) * c) + 1);
}
template <Number X> auto clamp(X x, real low, real high) { return where(x < low, low, where(x > high, high, x)); }

}  // namespace bijou

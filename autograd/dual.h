// Dual numbers: a value together with its derivatives. Evaluating a formula on Duals differentiates it (forward mode).
//
//   Dual<Lane, 2, 0b01> x{...}, Dual<Lane, 2, 0b10> y{...};    // two inputs; the bits say which a number depends on
//   auto z = x * exp(y);                                       // z.v, z.d[0] = dz/dx, z.d[1] = dz/dy, in registers
//
// T is Lane (the fused backward pass of map) or Var (which builds a graph, so that a gradient can be differentiated
// again). The derivative of exp, log, tanh ... is stated here and nowhere else.
#pragma once

#include <array>
#include <utility>

#include "tensor/lane.h"

// Laid out by hand, like the table that it is.
// clang-format off

namespace bijou {

// A number that depends on the inputs whose bit is set in kDeps; d[i] has meaning for those only, the others are zero
// by construction and cost nothing.
template <class T, int N, unsigned kDeps>
struct Dual {
  T v;
  std::array<T, N> d;

  Dual() = default;
  Dual(T value) : v(std::move(value)) {}
  // A number that depends on less can stand where one that depends on more is expected.
  template <unsigned kFewer>
    requires(kFewer != kDeps && (kFewer & ~kDeps) == 0)
  Dual(const Dual<T, N, kFewer>& o) : v(o.v) {
    for (int i = 0; i < N; ++i) d[i] = kFewer >> i & 1 ? o.d[i] : T(0);
  }
};

template <class X>
inline constexpr bool is_dual = false;
template <class T, int N, unsigned kDeps>
inline constexpr bool is_dual<Dual<T, N, kDeps>> = true;
template <class T, int N, unsigned kDeps>
inline constexpr bool is_number<Dual<T, N, kDeps>> = true;

template <class X>
concept ADual = is_dual<X>;
// One of the two operands is a Dual; the other may be a plain constant.
template <class A, class B>
concept Duals = is_dual<A> || is_dual<B>;

namespace detail {

template <class X>
const X& value(const X& x) { return x; }
template <class T, int N, unsigned kDeps>
const T& value(const Dual<T, N, kDeps>& x) { return x.v; }

template <class X>
inline constexpr unsigned deps = 0;
template <class T, int N, unsigned kDeps>
inline constexpr unsigned deps<Dual<T, N, kDeps>> = kDeps;
template <class X>
constexpr bool depends_on(int i) { return deps<X> & (1u << i); }

// The derivative of an input by itself, and slope * derivative. autograd/map.h has both for Var, where a product with
// one would cost a pass over memory.
template <class T>
T one() { return T(real(1)); }
inline Lane times(Lane slope, Lane derivative) { return slope * derivative; }

// dx/dx_i. (A function because clang looks into `x.d` even on a branch that a constant x never takes.)
template <class T, int N, unsigned kDeps>
const T& derivative(const Dual<T, N, kDeps>& x, int i) { return x.d[i]; }

template <int N, class F>
void for_each(const F& f) {
  [&]<int... I>(std::integer_sequence<int, I...>) { (f(std::integral_constant<int, I>()), ...); }
  (std::make_integer_sequence<int, N>());
}

// The chain rule for y = f(a): dy/dx_i = f'(a) da/dx_i.
template <class T, int N, unsigned A>
Dual<T, N, A> chain(T y, const Dual<T, N, A>& a, const std::type_identity_t<T>& slope) {
  Dual<T, N, A> r(std::move(y));
  for_each<N>([&](auto i) {
    if constexpr (A >> i & 1) r.d[i] = times(slope, a.d[i]);
  });
  return r;
}

// What a formula of a and b depends on, and the number type beneath.
template <class A, class B>
struct Join;
template <class T, int N, unsigned A, class B>
struct Join<Dual<T, N, A>, B> { using Type = Dual<T, N, A | deps<B>>; using Number = T; };
template <class A, class T, int N, unsigned B>
  requires(!is_dual<A>)
struct Join<A, Dual<T, N, B>> { using Type = Dual<T, N, B>; using Number = T; };

// The chain rule for y = f(a, b), where one of a and b may be a constant: dy/dx_i = f_a da/dx_i + f_b db/dx_i.
template <class A, class B, class T = typename Join<A, B>::Number>
typename Join<A, B>::Type chain(std::type_identity_t<T> y, const A& a, const std::type_identity_t<T>& slope_a, const B& b,
                                const std::type_identity_t<T>& slope_b) {
  typename Join<A, B>::Type r(std::move(y));
  for_each<int(r.d.size())>([&](auto i) {
    constexpr bool in_a = depends_on<A>(i), in_b = depends_on<B>(i);
    if constexpr (in_a && in_b) r.d[i] = times(slope_a, derivative(a, i)) + times(slope_b, derivative(b, i));
    else if constexpr (in_a) r.d[i] = times(slope_a, derivative(a, i));
    else if constexpr (in_b) r.d[i] = times(slope_b, derivative(b, i));
  });
  return r;
}

}  // namespace detail

// ---- The table of derivatives ---------------------------------------------------------------------------------------

template <class A, class B> requires Duals<A, B>
auto operator+(const A& a, const B& b) { return detail::chain(detail::value(a) + detail::value(b), a, 1, b, 1); }
template <class A, class B> requires Duals<A, B>
auto operator-(const A& a, const B& b) { return detail::chain(detail::value(a) - detail::value(b), a, 1, b, -1); }
template <class A, class B> requires Duals<A, B>
auto operator*(const A& a, const B& b) {
  return detail::chain(detail::value(a) * detail::value(b), a, detail::value(b), b, detail::value(a));
}
template <class A, class B> requires Duals<A, B>
auto operator/(const A& a, const B& b) {
  const auto r = 1 / detail::value(b);
  const auto y = detail::value(a) * r;
  return detail::chain(y, a, r, b, -y * r);
}
template <ADual X> X operator-(const X& x) { return detail::chain(-x.v, x, -1); }
template <ADual X> X exp(const X& x)      { auto y = exp(x.v);     return detail::chain(y, x, y); }
template <ADual X> X expm1(const X& x)    { auto y = expm1(x.v);   return detail::chain(y, x, y + 1); }
template <ADual X> X log(const X& x)      { return detail::chain(log(x.v), x, 1 / x.v); }
template <ADual X> X log1p(const X& x)    { return detail::chain(log1p(x.v), x, 1 / (x.v + 1)); }
template <ADual X> X sqrt(const X& x)     { auto y = sqrt(x.v);    return detail::chain(y, x, real(0.5) / y); }
template <ADual X> X tanh(const X& x)     { auto y = tanh(x.v);    return detail::chain(y, x, 1 - y * y); }
template <ADual X> X sigmoid(const X& x)  { auto y = sigmoid(x.v); return detail::chain(y, x, y * (1 - y)); }
template <ADual X> X softplus(const X& x) { return detail::chain(softplus(x.v), x, sigmoid(x.v)); }
template <ADual X> X sin(const X& x)      { return detail::chain(sin(x.v), x, cos(x.v)); }
template <ADual X> X cos(const X& x)      { return detail::chain(cos(x.v), x, -sin(x.v)); }
template <ADual X> X atan(const X& x)     { return detail::chain(atan(x.v), x, 1 / (x.v * x.v + 1)); }
template <ADual X> X erf(const X& x) { return detail::chain(erf(x.v), x, exp(-x.v * x.v) * real(2 / 1.7724538509055160)); }
template <ADual X> X abs(const X& x)      { return detail::chain(abs(x.v), x, sign(x.v)); }  // 0 at 0
template <ADual X> X pow(const X& x, real p) {
  using T = decltype(x.v);
  return detail::chain(pow(x.v, p), x, p == 0 ? T(real(0)) : T(pow(x.v, p - 1) * p));  // x^0 is flat, even at 0
}

// Steps: no derivative.
template <class T, int N, unsigned D> Dual<T, N, 0> sign(const Dual<T, N, D>& x) { return sign(x.v); }
template <class T, int N, unsigned D> Dual<T, N, 0> floor(const Dual<T, N, D>& x) { return floor(x.v); }
template <class T, int N, unsigned D> Dual<T, N, 0> round(const Dual<T, N, D>& x) { return round(x.v); }

// Comparisons look at the values.
template <class A, class B> requires Duals<A, B>
auto operator<(const A& a, const B& b) { return detail::value(a) < detail::value(b); }
template <class A, class B> requires Duals<A, B>
auto operator<=(const A& a, const B& b) { return detail::value(a) <= detail::value(b); }
template <class A, class B> requires Duals<A, B>
auto operator>(const A& a, const B& b) { return detail::value(a) > detail::value(b); }
template <class A, class B> requires Duals<A, B>
auto operator>=(const A& a, const B& b) { return detail::value(a) >= detail::value(b); }
template <class A, class B> requires Duals<A, B>
auto operator==(const A& a, const B& b) { return detail::value(a) == detail::value(b); }

// m ? a : b, the derivative of the branch that is taken. (A select, not a product with the mask: 0 times an infinite
// derivative of the other branch would be NaN. Differentiated again, the derivative of the other branch does get a
// cotangent of 0, so its own must be finite: log(where(x > 0, x, 1)) within where(x > 0, ..., 0).)
template <class M, class A, class B> requires Duals<A, B>
auto where(const M& m, const A& a, const B& b) {
  using T = typename detail::Join<A, B>::Number;
  typename detail::Join<A, B>::Type r(where(m, T(detail::value(a)), T(detail::value(b))));
  detail::for_each<int(r.d.size())>([&](auto i) {
    constexpr bool in_a = detail::depends_on<A>(i), in_b = detail::depends_on<B>(i);
    if constexpr (in_a && in_b) r.d[i] = where(m, detail::derivative(a, i), detail::derivative(b, i));
    else if constexpr (in_a) r.d[i] = where(m, detail::derivative(a, i), T(0));
    else if constexpr (in_b) r.d[i] = where(m, T(0), detail::derivative(b, i));
  });
  return r;
}

// The larger and the smaller; at a tie both inputs get half of the derivative, as in PyTorch.
template <class A, class B> requires Duals<A, B>
auto maximum(const A& a, const B& b) {
  using T = typename detail::Join<A, B>::Number;
  const T x(detail::value(a)), y(detail::value(b));
  const T share = where(x == y, T(real(0.5)), where(x > y, T(1), T(0)));
  return detail::chain(maximum(x, y), a, share, b, 1 - share);
}
template <class A, class B> requires Duals<A, B>
auto minimum(const A& a, const B& b) { return -maximum(-a, -b); }

}  // namespace bijou

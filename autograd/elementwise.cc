#include "autograd/elementwise.h"

#include "autograd/map.h"
#include "tensor/elementwise.h"

// Laid out by hand, like the table that it is.
// clang-format off

namespace bijou {

Var times(const Var& slope, const Var& derivative) {
  static const Node* const one = detail::one<Var>().node();
  return derivative.node() == one ? slope : slope.node() == one ? derivative : slope * derivative;
}

// Sums pass their cotangent on as it is: no loop at all.
Var operator+(const Var& a, const Var& b) {
  return record("add", a.value() + b.value(), {a, b}, [](const Node&, const Var& g, Grads& d) { d[0] = d[1] = g; });
}
Var operator-(const Var& a, const Var& b) {
  return record("sub", a.value() - b.value(), {a, b}, [](const Node&, const Var& g, Grads& d) {
    d[0] = g;
    if (d.wants(1)) d[1] = -g;
  });
}
Var operator+(const Var& a, real b) {
  return map("add", [b](auto x) { return x + b; }, a);
}
Var operator+(real a, const Var& b) {
  return map("add", [a](auto x) { return a + x; }, b);
}
Var operator-(const Var& a, real b) {
  return map("sub", [b](auto x) { return x - b; }, a);
}
Var operator-(real a, const Var& b) {
  return map("sub", [a](auto x) { return a - x; }, b);
}
Var operator*(const Var& a, const Var& b) {
  return map("mul", [](auto x, auto y) { return x * y; }, a, b);
}
Var operator*(const Var& a, real b) {
  return map("mul", [b](auto x) { return x * b; }, a);
}
Var operator*(real a, const Var& b) {
  return map("mul", [a](auto x) { return a * x; }, b);
}
Var operator/(const Var& a, const Var& b) {
  return map("div", [](auto x, auto y) { return x / y; }, a, b);
}
Var operator/(const Var& a, real b) {
  return map("div", [b](auto x) { return x / b; }, a);
}
Var operator/(real a, const Var& b) {
  return map("div", [a](auto x) { return a / x; }, b);
}
Var operator-(const Var& x) {
  return map("neg", [](auto a) { return -a; }, x);
}

Var operator<(const Var& a, const Var& b) { return a.value() < b.value(); }
Var operator<(const Var& a, real b) { return a.value() < b; }
Var operator<=(const Var& a, const Var& b) { return a.value() <= b.value(); }
Var operator<=(const Var& a, real b) { return a.value() <= b; }
Var operator>(const Var& a, const Var& b) { return a.value() > b.value(); }
Var operator>(const Var& a, real b) { return a.value() > b; }
Var operator>=(const Var& a, const Var& b) { return a.value() >= b.value(); }
Var operator>=(const Var& a, real b) { return a.value() >= b; }
Var operator==(const Var& a, const Var& b) { return a.value() == b.value(); }
Var operator==(const Var& a, real b) { return a.value() == b; }
Var where(const Var& which, const Var& a, const Var& b) {
  return map("where", [](auto m, auto x, auto y) { return where(m == 0, y, x); }, which, a, b);
}
Var maximum(const Var& a, const Var& b) {
  return map("maximum", [](auto x, auto y) { return maximum(x, y); }, a, b);
}
Var minimum(const Var& a, const Var& b) {
  return map("minimum", [](auto x, auto y) { return minimum(x, y); }, a, b);
}

Var exp(const Var& a) {
  return map("exp", [](auto x) { return exp(x); }, a);
}
Var expm1(const Var& a) {
  return map("expm1", [](auto x) { return expm1(x); }, a);
}
Var log(const Var& a) {
  return map("log", [](auto x) { return log(x); }, a);
}
Var log1p(const Var& a) {
  return map("log1p", [](auto x) { return log1p(x); }, a);
}
Var sqrt(const Var& a) {
  return map("sqrt", [](auto x) { return sqrt(x); }, a);
}
Var square(const Var& a) {
  return map("square", [](auto x) { return square(x); }, a);
}
Var abs(const Var& a) {
  return map("abs", [](auto x) { return abs(x); }, a);
}
Var sign(const Var& a) {
  return map("sign", [](auto x) { return sign(x); }, a);
}
Var floor(const Var& a) {
  return map("floor", [](auto x) { return floor(x); }, a);
}
Var round(const Var& a) {
  return map("round", [](auto x) { return round(x); }, a);
}
Var sin(const Var& a) {
  return map("sin", [](auto x) { return sin(x); }, a);
}
Var cos(const Var& a) {
  return map("cos", [](auto x) { return cos(x); }, a);
}
Var atan(const Var& a) {
  return map("atan", [](auto x) { return atan(x); }, a);
}
Var tanh(const Var& a) {
  return map("tanh", [](auto x) { return tanh(x); }, a);
}
Var erf(const Var& a) {
  return map("erf", [](auto x) { return erf(x); }, a);
}
Var sigmoid(const Var& a) {
  return map("sigmoid", [](auto x) { return sigmoid(x); }, a);
}
Var log_sigmoid(const Var& a) {
  return map("log_sigmoid", [](auto x) { return log_sigmoid(x); }, a);
}
Var softplus(const Var& a) {
  return map("softplus", [](auto x) { return softplus(x); }, a);
}
Var relu(const Var& a) {
  return map("relu", [](auto x) { return relu(x); }, a);
}
Var silu(const Var& a) {
  return map("silu", [](auto x) { return silu(x); }, a);
}
Var gelu(const Var& a) {
  return map("gelu", [](auto x) { return gelu(x); }, a);
}
Var gelu_tanh(const Var& a) {
  return map("gelu_tanh", [](auto x) { return gelu_tanh(x); }, a);
}
Var pow(const Var& a, real p) {
  return map("pow", [=](auto x) { return pow(x, p); }, a);
}
Var leaky_relu(const Var& a, real slope) {
  return map("leaky_relu", [=](auto x) { return leaky_relu(x, slope); }, a);
}
Var elu(const Var& a, real alpha) {
  return map("elu", [=](auto x) { return elu(x, alpha); }, a);
}
Var clamp(const Var& a, real low, real high) {
  return map("clamp", [=](auto x) { return clamp(x, low, high); }, a);
}

}  // namespace bijou

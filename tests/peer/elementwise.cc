#include "autograd/elementwise.h"

#include "autograd/map.h"
#include "peer.h"

namespace bijou::peer {
namespace {

using Unary = Var (*)(const Var&);
using Binary = Var (*)(const Var&, const Var&);

// Inputs between low and high.
Case unary(const char* name, Unary f, real low = -2, real high = 2) {
  return {name, [=](Draw& d) -> Problem {
            return {{d.between(low, high, d.shape())}, [f](const Vars& x) -> Vars { return {f(x[0])}; }};
          }};
}

// Two inputs that broadcast: some axes of either have size 1 or are missing.
std::vector<Tensor> broadcast_pair(Draw& d) {
  const Shape shape = d.shape(0, 4);
  Shape a, b;
  const int64_t missing = d.size(0, shape.rank());
  for (int k = 0; k < shape.rank(); ++k) {
    a.push_back(d.size(0, 3) ? shape[k] : 1);
    if (k >= missing) b.push_back(d.size(0, 3) ? shape[k] : 1);
  }
  std::vector<Tensor> pair{d.normal(a), d.normal(b)};
  if (d.coin()) std::swap(pair[0], pair[1]);
  return pair;
}

Case binary(const char* name, Binary f) {
  return {name, [=](Draw& d) -> Problem {
            return {broadcast_pair(d), [f](const Vars& x) -> Vars { return {f(x[0], x[1])}; }};
          }};
}

// f(x, a number).
Case with_number(const char* name, Var (*f)(const Var&, real), real low = -2, real high = 2) {
  return {name, [=](Draw& d) -> Problem {
            const Tensor p = d.between(real(0.1), 3, {});
            return {{d.between(low, high, d.shape())},
                    [=](const Vars& x) -> Vars { return {f(x[0], p.item())}; },
                    {{"number", p}}};
          }};
}

Case formula(const char* name, std::function<Var(const Vars&)> f, bool sums) {
  return {name, [=](Draw& d) -> Problem {
            const Shape shape = d.shape(sums ? 1 : 0, 3);
            Shape stretched = shape;
            if (shape.rank()) stretched[0] = 1;
            return {{d.normal(shape), d.between(-1, 1, stretched), d.normal(shape)},
                    [=](const Vars& x) -> Vars { return {f(x)}; }};
          }};
}

}  // namespace

void elementwise_cases(Cases& cases) {
  cases.insert(
      cases.end(),
      {
          unary("neg", [](const Var& x) { return -x; }),
          unary("exp", exp),
          unary("expm1", expm1),
          unary("log", log, real(0.2), 3),
          unary("log1p", log1p, real(-0.8), 3),
          unary("sqrt", sqrt, real(0.2), 3),
          unary("square", square),
          unary("abs", abs),
          unary("sign", sign),
          unary("floor", floor),
          unary("round", round),
          unary("sin", sin, -9, 9),
          unary("cos", cos, -9, 9),
          unary("atan", atan),
          unary("tanh", tanh),
          unary("erf", erf),
          unary("sigmoid", sigmoid, -9, 9),
          unary("log_sigmoid", log_sigmoid, -9, 9),
          unary("softplus", softplus, -9, 9),
          unary("relu", relu),
          unary("silu", silu, -9, 9),
          unary("gelu", gelu, -4, 4),
          unary("gelu_tanh", gelu_tanh, -4, 4),
          unary("clamp", [](const Var& x) { return clamp(x, -1, real(0.5)); }),
          binary("add", operator+),
          binary("sub", operator-),
          binary("mul", operator*),
          binary("div", [](const Var& a, const Var& b) { return a / (square(b) + 1); }),
          binary("lt", operator<),
          binary("le", operator<=),
          binary("gt", operator>),
          binary("ge", operator>=),
          binary("eq", operator==),
          binary("maximum", maximum),
          binary("minimum", minimum),
          binary("where", [](const Var& a, const Var& b) { return where(a < b, a * b, sin(a)); }),
          with_number("add_number", operator+),
          with_number("sub_number", operator-),
          with_number("mul_number", operator*),
          with_number("div_number", operator/),
          with_number("number_sub", [](const Var& x, real p) { return p - x; }),
          with_number(
              "number_div", [](const Var& x, real p) { return p / x; }, real(0.3), 2),
          with_number("number_add_mul", [](const Var& x, real p) { return (p + x) * (p * x); }),
          with_number("compare_number",
                      [](const Var& x, real p) { return (x < p) + (x <= p) + (x > p) * 2 + (x >= p) * 4 + (x == p); }),
          with_number("pow", pow, real(0.3), 2),
          with_number("leaky_relu", leaky_relu),
          with_number("elu", elu),
          formula(
              "map",
              [](const Vars& x) {
                return map([](auto a, auto s, auto t) { return a * exp(s) + tanh(t); }, x[0], x[1], x[2]);
              },
              false),
          formula(
              "map_sum",
              [](const Vars& x) {
                return map_sum([](auto a, auto s, auto t) { return a * exp(s) + tanh(t); }, 1, x[0], x[1], x[2]);
              },
              true),
      });
}

}  // namespace bijou::peer

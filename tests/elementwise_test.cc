// The elementwise functions: special values as IEEE has them, accuracy in units in the last place against the C library
// in a wider type, broadcasting, and their derivatives.
#include "tensor/elementwise.h"

#include <cmath>
#include <functional>

#include "autograd/map.h"
#include "tests/support.h"

// Laid out by hand, like the table that it is.
// clang-format off

namespace bijou {
namespace {

using namespace testing;
using Wide = long double;
using Limits = std::numeric_limits<real>;

struct UnaryFunction {
  const char* name;
  Tensor (*on_tensor)(const Tensor&);
  Var (*on_var)(const Var&);
  Wide (*truth)(Wide);
  double low, high;   // where it is compared
  double ulps;        // allowed there in float, and
  double ulps_double; // in double
};

Wide sigmoid_of(Wide x) { return 1 / (1 + std::exp(-x)); }
Wide softplus_of(Wide x) { return std::isnan(x) ? x : std::max(x, Wide(0)) + std::log1p(std::exp(-std::fabs(x))); }
Wide normal_cdf(Wide x) { return std::erfc(-x / std::sqrt(Wide(2))) / 2; }
Wide tanh_gate(Wide x) { return (1 + std::tanh(std::sqrt(2 / Wide(M_PIl)) * (x + Wide(0.044715) * x * x * x))) / 2; }

#define UNARY(f, truth, low, high, ulps, ulps_double) \
  { #f, [](const Tensor& x) { return f(x); }, [](const Var& x) { return f(x); }, truth, low, high, ulps, ulps_double }

// Functions that are good to a few units in the last place over their whole range.
const UnaryFunction kFunctions[] = {
    UNARY(exp, [](Wide x) { return std::exp(x); }, -80, 88, 2, 2),
    UNARY(expm1, [](Wide x) { return std::expm1(x); }, -20, 88, 4, 4),
    UNARY(log, [](Wide x) { return std::log(x); }, 1e-30, 1e30, 2, 2),
    UNARY(log, [](Wide x) { return std::log(x); }, 0.5, 2, 2, 2),
    UNARY(log1p, [](Wide x) { return std::log1p(x); }, -0.9, 10, 4, 4),
    UNARY(log1p, [](Wide x) { return std::log1p(x); }, -1e-3, 1e-3, 4, 4),
    UNARY(sqrt, [](Wide x) { return std::sqrt(x); }, 0, 1e30, 0.5, 0.5),
    UNARY(square, [](Wide x) { return x * x; }, -1e10, 1e10, 0.5, 0.5),
    UNARY(abs, [](Wide x) { return std::fabs(x); }, -3, 3, 0, 0),
    UNARY(sign, [](Wide x) { return x > 0 ? Wide(1) : x < 0 ? Wide(-1) : x; }, -3, 3, 0, 0),
    UNARY(floor, [](Wide x) { return std::floor(x); }, -1e4, 1e4, 0, 0),
    UNARY(round, [](Wide x) { return std::nearbyint(x); }, -1e4, 1e4, 0, 0),
    UNARY(sin, [](Wide x) { return std::sin(x); }, -3, 3, 3, 4),
    UNARY(cos, [](Wide x) { return std::cos(x); }, -1.5, 1.5, 3, 4),
    UNARY(atan, [](Wide x) { return std::atan(x); }, -50, 50, 1, 1),
    UNARY(tanh, [](Wide x) { return std::tanh(x); }, -12, 12, 4, 4),
    UNARY(tanh, [](Wide x) { return std::tanh(x); }, -1e-2, 1e-2, 4, 4),
    UNARY(erf, [](Wide x) { return std::erf(x); }, -5, 5, 4, 2),
    UNARY(erf, [](Wide x) { return std::erf(x); }, -1e-3, 1e-3, 4, 2),
    UNARY(sigmoid, sigmoid_of, -80, 80, 4, 4),
    UNARY(softplus, softplus_of, -80, 80, 4, 4),
    UNARY(log_sigmoid, [](Wide x) { return -softplus_of(-x); }, -80, 80, 4, 4),
    UNARY(relu, [](Wide x) { return x <= 0 ? Wide(0) : x; }, -5, 5, 0, 0),
    UNARY(silu, [](Wide x) { return x * sigmoid_of(x); }, -80, 80, 5, 5),
};
// Functions with a difference inside, good to a few units in the last place of 1.
const UnaryFunction kGates[] = {
    UNARY(gelu, [](Wide x) { return x * normal_cdf(x); }, -10, 10, 4, 4),
    UNARY(gelu_tanh, [](Wide x) { return x * tanh_gate(x); }, -10, 10, 4, 4),
    UNARY(sin, [](Wide x) { return std::sin(x); }, -1000, 1000, 4, 4),
    UNARY(cos, [](Wide x) { return std::cos(x); }, -1000, 1000, 4, 4),
};

// How far two neighbours of x are apart.
Wide ulp(Wide x) {
  const real a = std::fabs(real(x));
  return std::max<Wide>(Wide(a) - std::nextafter(a, real(0)), Limits::denorm_min());
}

bool same(Wide a, Wide b) { return a == b || (std::isnan(a) && std::isnan(b)); }

std::string in_words(const char* name, real x, real got, Wide want) {
  char text[200];
  std::snprintf(text, sizeof text, "%s(%.9g) = %.9g, not %.9Lg", name, double(x), double(got), want);
  return text;
}

// ---- Special values -------------------------------------------------------------------------------------------------

// Zeros, infinities, NaN, the ends of the range, and where exp, expm1 and their like leave it.
std::vector<real> special_values() {
  std::vector<real> values = {0, kInfinity, kNaN, Limits::denorm_min(), Limits::min() / 2, Limits::min(),
                              Limits::epsilon(), real(1e-10), real(0.5), 1, real(1.5), 2, real(2.5), 17, 40, 1000,
                              Limits::max()};
  for (double edge : {87.3, 88.7, 88.72, 88.73, 89.0, 103.9, 104.1, 200.0, 708.3, 709.7, 709.79, 745.1, 746.0})
    values.push_back(real(edge));
  for (size_t i = 0, n = values.size(); i < n; ++i) values.push_back(-values[i]);
  return values;
}

TEST(Elementwise, SpecialValuesAreIEEEs) {
  const std::vector<real> values = special_values();
  const Tensor x = Tensor::from(values);
  auto check_all = [&](const UnaryFunction& f) {
    const Tensor y = f.on_tensor(x);
    const std::string name = f.name;
    for (size_t i = 0; i < values.size(); ++i) {
      if ((name == "sin" || name == "cos") && std::fabs(values[i]) > 1e4 && std::isfinite(values[i])) continue;
      const real got = y.data()[i];
      const Wide want = f.truth(values[i]);
      const real rounded = real(want);
      // What is infinite or NaN is exactly so, zeros of zeros keep their sign, the rest is near. Where exp(-x) is too
      // large for a real, a sigmoid is 0, as PyTorch's is.
      const Wide least = name == "sigmoid" || name == "silu" ? 1000 * Wide(Limits::min()) : 4 * Limits::denorm_min();
      const bool near = std::fabs(Wide(got) - want) <= std::max(5 * ulp(want), least);
      const bool sign = values[i] != 0 || rounded != 0 || std::signbit(got) == std::signbit(rounded);
      EXPECT_TRUE((same(got, rounded) || (std::isfinite(rounded) && near)) && sign)
          << in_words(f.name, values[i], got, want);
    }
  };
  for (const UnaryFunction& f : kFunctions) check_all(f);
}

TEST(Elementwise, EveryFunctionKeepsNaN) {
  const Tensor x = full({19}, kNaN);
  for (const auto* list : {&kFunctions[0], &kGates[0]})
    for (size_t i = 0; i < (list == kGates ? std::size(kGates) : std::size(kFunctions)); ++i)
      for (real y : list[i].on_tensor(x)) EXPECT_TRUE(std::isnan(y)) << list[i].name;
  for (real y : pow(x, 2)) EXPECT_TRUE(std::isnan(y));
  for (real y : leaky_relu(x, real(0.1))) EXPECT_TRUE(std::isnan(y));
  for (real y : elu(x, 1)) EXPECT_TRUE(std::isnan(y));
  for (real y : clamp(x, 0, 1)) EXPECT_TRUE(std::isnan(y));
  const Tensor one = ones({19});
  for (const Tensor& y : {maximum(x, one), maximum(one, x), minimum(x, one), minimum(one, x)})
    for (real v : y) EXPECT_TRUE(std::isnan(v));
}

TEST(Elementwise, ComparisonsWithNaNAreFalse) {
  const Tensor nan = full({9}, kNaN), one = ones({9});
  for (const Tensor& y : {nan < one, nan <= one, nan > one, nan >= one, nan == one, nan == nan, one < nan})
    for (real v : y) EXPECT_EQ(v, 0);
}

TEST(Elementwise, GatesAtInfinity) {
  EXPECT_EQ(gelu(scalar(kInfinity)).item(), kInfinity);
  EXPECT_EQ(gelu_tanh(scalar(kInfinity)).item(), kInfinity);
  EXPECT_EQ(elu(scalar(-kInfinity), 2).item(), -2);
  EXPECT_EQ(clamp(scalar(kInfinity), -1, 3).item(), 3);
  EXPECT_EQ(leaky_relu(scalar(-kInfinity), real(0.5)).item(), -kInfinity);
  EXPECT_EQ(pow(scalar(0), -1).item(), kInfinity);
  EXPECT_TRUE(std::isnan(pow(scalar(-1), real(0.5)).item()));
}

// ---- Accuracy -------------------------------------------------------------------------------------------------------

// Evenly spaced between low and high; where both are positive and far apart, evenly in the exponent.
Tensor points(double low, double high, int64_t n) {
  Tensor x({n});
  const bool exponents = low > 0 && high / low > 100;
  for (int64_t i = 0; i < n; ++i) {
    const double t = (double(i) + 0.37) / double(n);
    x.mutable_data()[i] = real(exponents ? low * std::pow(high / low, t) : low + (high - low) * t);
  }
  return x;
}

void expect_accurate(const UnaryFunction& f, bool absolute) {
  const Tensor x = points(f.low, f.high, 20011), y = f.on_tensor(x);
  Wide worst = 0;
  int64_t where = 0;
  for (int64_t i = 0; i < x.numel(); ++i) {
    const Wide want = f.truth(x.data()[i]);
    const Wide unit = absolute ? Wide(Limits::epsilon()) * std::max<Wide>(1, std::fabs(want)) : ulp(want);
    const Wide error = std::fabs(Wide(y.data()[i]) - want) / unit;
    if (error > worst) worst = error, where = i;
  }
  EXPECT_LE(worst, kDouble ? f.ulps_double : f.ulps)
      << in_words(f.name, x.data()[where], y.data()[where], f.truth(x.data()[where]));
}

TEST(Elementwise, AccurateToAFewUnitsInTheLastPlace) {
  for (const UnaryFunction& f : kFunctions) expect_accurate(f, false);
  for (const UnaryFunction& f : kGates) expect_accurate(f, true);
}

TEST(Elementwise, PowersAreTheLibrarys) {
  const Tensor x = points(1e-3, 1e3, 1001);
  for (double p : {-2.0, -0.5, 0.0, 0.5, 1.0, 2.0, 2.5, 3.0}) {
    const Tensor y = pow(x, real(p));
    for (int64_t i = 0; i < x.numel(); ++i) {
      const Wide want = std::pow(Wide(x.data()[i]), Wide(p));
      EXPECT_LE(std::fabs(Wide(y.data()[i]) - want), 2 * ulp(want)) << x.data()[i] << " to the " << p;
    }
  }
}

// ---- Broadcasting ---------------------------------------------------------------------------------------------------

const std::pair<Shape, Shape> kPairs[] = {{{}, {}},           {{}, {5}},           {{1}, {3}},         {{17}, {17}},
                                          {{3, 1}, {1, 4}},   {{2, 3, 4}, {4}},    {{2, 3, 4}, {3, 1}}, {{2, 1, 3}, {4, 1}},
                                          {{5, 33}, {5, 1}},  {{5, 33}, {33}},     {{0}, {1}},         {{2, 0, 3}, {3}},
                                          {{1, 2, 1, 3}, {2, 2, 1, 3}}, {{7, 1, 9}, {1, 8, 9}}};

// The number that position i of `shape` takes from x, which stretches to it.
real stretched(const Tensor& x, const Shape& shape, int64_t i) {
  int64_t offset = 0, step = 1;
  for (int axis = 1; axis <= shape.rank(); ++axis) {
    const int64_t at = i % shape[-axis];
    i /= shape[-axis];
    if (axis > x.dim()) continue;
    if (x.size(-axis) != 1) offset += at * step;
    step *= x.size(-axis);
  }
  return x.data()[offset];
}

TEST(Elementwise, ArithmeticBroadcasts) {
  using Op = Tensor (*)(const Tensor&, const Tensor&);
  using Truth = real (*)(real, real);
  const std::pair<Op, Truth> ops[] = {
      {[](const Tensor& a, const Tensor& b) { return a + b; }, [](real a, real b) { return a + b; }},
      {[](const Tensor& a, const Tensor& b) { return a - b; }, [](real a, real b) { return a - b; }},
      {[](const Tensor& a, const Tensor& b) { return a * b; }, [](real a, real b) { return a * b; }},
      {[](const Tensor& a, const Tensor& b) { return a / b; }, [](real a, real b) { return a / b; }},
      {[](const Tensor& a, const Tensor& b) { return a < b; }, [](real a, real b) { return real(a < b); }},
      {[](const Tensor& a, const Tensor& b) { return a <= b; }, [](real a, real b) { return real(a <= b); }},
      {[](const Tensor& a, const Tensor& b) { return a > b; }, [](real a, real b) { return real(a > b); }},
      {[](const Tensor& a, const Tensor& b) { return a >= b; }, [](real a, real b) { return real(a >= b); }},
      {[](const Tensor& a, const Tensor& b) { return round(a) == round(b); },
       [](real a, real b) { return real(std::nearbyint(a) == std::nearbyint(b)); }},
      {[](const Tensor& a, const Tensor& b) { return maximum(a, b); }, [](real a, real b) { return std::max(a, b); }},
      {[](const Tensor& a, const Tensor& b) { return minimum(a, b); }, [](real a, real b) { return std::min(a, b); }},
      {[](const Tensor& a, const Tensor& b) { return where(a > 0, a, b); }, [](real a, real b) { return a > 0 ? a : b; }}};
  for (const auto& [sa, sb] : kPairs) {
    const Tensor a = random(sa), b = random(sb, 1);
    for (const auto& [op, truth] : ops) {
      const Tensor y = op(a, b);
      ASSERT_EQ(y.shape(), broadcast(sa, sb));
      for (int64_t i = 0; i < y.numel(); ++i)
        EXPECT_EQ(y.data()[i], truth(stretched(a, y.shape(), i), stretched(b, y.shape(), i)));
    }
  }
}

TEST(Elementwise, ArithmeticWithANumber) {
  const Tensor x = tensor({-2, 0.5, 3});
  expect_close(x + 2, tensor({0, 2.5, 5}), 0);
  expect_close(2 + x, tensor({0, 2.5, 5}), 0);
  expect_close(x - 2, tensor({-4, -1.5, 1}), 0);
  expect_close(2 - x, tensor({4, 1.5, -1}), 0);
  expect_close(x * 2, tensor({-4, 1, 6}), 0);
  expect_close(2 * x, tensor({-4, 1, 6}), 0);
  expect_close(x / 2, tensor({-1, 0.25, 1.5}), 0);
  expect_close(6 / x, tensor({-3, 12, 2}), 0);
  expect_close(-x, tensor({2, -0.5, -3}), 0);
  expect_close(x < 0.5, tensor({1, 0, 0}), 0);
  expect_close(x <= 0.5, tensor({1, 1, 0}), 0);
  expect_close(x > 0.5, tensor({0, 0, 1}), 0);
  expect_close(x >= 0.5, tensor({0, 1, 1}), 0);
  expect_close(x == 0.5, tensor({0, 1, 0}), 0);
  expect_close(clamp(x, -1, 1), tensor({-1, 0.5, 1}), 0);
  expect_close(leaky_relu(x, real(0.25)), tensor({-0.5, 0.5, 3}), 0);
}

TEST(Elementwise, ShapesThatDoNotFit) {
  expect_error([] { random({2, 3}) + random({4}); }, "shapes [2, 3] and [4] do not broadcast");
  expect_error([] { where(random({2}), random({3}), scalar(0)); }, "do not broadcast");
}

// ---- Derivatives ----------------------------------------------------------------------------------------------------

TEST(Elementwise, GradientsOfFunctionsOfOneNumber) {
  SKIP_IN_FLOAT();
  auto all = [](const UnaryFunction& f) {
    SCOPED_TRACE(f.name);
    const bool positive = f.low >= 0, inside = std::string(f.name) == "log1p";
    for (const Shape& shape : awkward_shapes())
      expect_gradients([&](auto& v) { return f.on_var(v[0]); },
                       {positive ? random_between(0.5, 2, shape) : inside ? random_between(-0.5, 2, shape) : random(shape)});
  };
  for (const UnaryFunction& f : kFunctions) all(f);
  for (const UnaryFunction& f : kGates) all(f);
  for (const Shape& shape : awkward_shapes()) {
    const Tensor x = random(shape), positive = random_between(0.5, 2, shape);
    for (real p : {-1.5, -1.0, 0.0, 0.5, 1.0, 2.0, 3.0})
      expect_gradients([&](auto& v) { return pow(v[0], p); }, {positive});
    expect_gradients([](auto& v) { return leaky_relu(v[0], 0.1); }, {x});
    expect_gradients([](auto& v) { return elu(v[0], 1.5); }, {x});
    expect_gradients([](auto& v) { return clamp(v[0], -0.5, 0.75); }, {x});
    expect_gradients([](auto& v) { return -v[0] * (2 + v[0]) / 3; }, {x});
    expect_gradients([](auto& v) { return (1 - v[0]) * (v[0] - 2) * (v[0] + 1); }, {x});
    expect_gradients([](auto& v) { return 2 / v[0] + 3 * v[0]; }, {positive});
  }
}

TEST(Elementwise, GradientsOfFunctionsOfTwoNumbersBroadcast) {
  SKIP_IN_FLOAT();
  for (const auto& [sa, sb] : kPairs) {
    SCOPED_TRACE(to_string(sa) + " and " + to_string(sb));
    const Tensor a = random(sa), b = random(sb, 1), positive = random_between(0.5, 2, sb, 2);
    const Tensor mask = random(broadcast(sa, sb), 3) > 0;
    expect_gradients([](auto& v) { return (v[0] + v[1]) * v[0]; }, {a, b});
    expect_gradients([](auto& v) { return (v[0] - v[1]) * v[1]; }, {a, b});
    expect_gradients([](auto& v) { return v[0] * v[1]; }, {a, b});
    expect_gradients([](auto& v) { return v[0] / v[1]; }, {a, positive});
    expect_gradients([](auto& v) { return square(maximum(v[0], v[1])); }, {a, b});
    expect_gradients([](auto& v) { return square(minimum(v[0], v[1])); }, {a, b});
    expect_gradients([&](auto& v) { return where(mask, v[0] * v[0], v[1] * v[0]); }, {a, b});
    expect_gradients([](auto& v) { return map([](auto x, auto s) { return x * exp(s) + tanh(x * s); }, v[0], v[1]); }, {a, b});
  }
}

// d f(x)/dx at one point.
template <class F>
real slope(const F& f, real at, bool create_graph) {
  const Var x = parameter(scalar(at));
  return grad(f(x), {x}, {.create_graph = create_graph})[0].item();
}

TEST(Elementwise, SlopesWhereThereIsAKink) {
  for (bool graph : {false, true}) {
    auto at = [&](auto f, real x) { return slope(f, x, graph); };
    EXPECT_EQ(at([](const Var& x) { return relu(x); }, 0), 0);
    EXPECT_EQ(at([](const Var& x) { return abs(x); }, 0), 0);
    EXPECT_EQ(at([](const Var& x) { return maximum(x, Var(real(2))); }, 2), 0.5);
    EXPECT_EQ(at([](const Var& x) { return minimum(x, Var(real(2))); }, 2), 0.5);
    EXPECT_EQ(at([](const Var& x) { return sign(x) + floor(x) + round(x) + x; }, real(0.3)), 1);
    EXPECT_EQ(at([](const Var& x) { return elu(x, real(1.5)); }, 0), 1.5);
    EXPECT_EQ(at([](const Var& x) { return clamp(x, -1, 2); }, -1), 1);
    EXPECT_EQ(at([](const Var& x) { return clamp(x, -1, 2); }, 2), 1);
    EXPECT_EQ(at([](const Var& x) { return sqrt(x); }, 0), kInfinity);
    EXPECT_EQ(at([](const Var& x) { return log(x); }, 0), kInfinity);
    EXPECT_EQ(at([](const Var& x) { return pow(x, 2); }, 0), 0);
    EXPECT_EQ(at([](const Var& x) { return pow(x, 1); }, 0), 1);
    EXPECT_EQ(at([](const Var& x) { return pow(x, 0); }, 0), 0);
  }
}

TEST(Elementwise, TheBranchNotTakenDoesNotPoisonTheGradient) {
  auto safe_log = [](const Var& x) { return map([](auto v) { return where(v > 0, log(v), 0); }, x); };
  auto safe_root = [](const Var& x) { return map([](auto v) { return where(v > 0, sqrt(v), 0); }, x); };
  for (bool graph : {false, true}) {
    EXPECT_EQ(slope(safe_log, -1, graph), 0);
    EXPECT_EQ(slope(safe_log, 0, graph), 0);
    EXPECT_EQ(slope(safe_root, 0, graph), 0);
    EXPECT_EQ(slope(safe_log, 2, graph), 0.5);
  }
}

TEST(Elementwise, SlopesFarOut) {
  for (bool graph : {false, true})
    for (real x : {-1000, -90, 90, 1000}) {
      EXPECT_NEAR(slope([](const Var& v) { return sigmoid(v); }, x, graph), 0, 1e-30) << x;
      EXPECT_NEAR(slope([](const Var& v) { return tanh(v); }, x, graph), 0, 1e-30) << x;
      EXPECT_NEAR(slope([](const Var& v) { return softplus(v); }, x, graph), x > 0, 1e-30) << x;
      EXPECT_NEAR(slope([](const Var& v) { return log_sigmoid(v); }, x, graph), x < 0, 1e-30) << x;
      EXPECT_NEAR(slope([](const Var& v) { return silu(v); }, x, graph), x > 0, 1e-30) << x;
      EXPECT_NEAR(slope([](const Var& v) { return gelu(v); }, x, graph), x > 0, 1e-30) << x;
      EXPECT_NEAR(slope([](const Var& v) { return gelu_tanh(v); }, x, graph), x > 0, 1e-30) << x;
      EXPECT_NEAR(slope([](const Var& v) { return elu(v, 1); }, x, graph), x > 0, 1e-30) << x;
    }
}

}  // namespace
}  // namespace bijou

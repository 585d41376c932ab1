#include "flows/continuous.h"

#include <cmath>

#include "autograd/functional.h"
#include "autograd/map.h"
#include "tensor/elementwise.h"

namespace bijou::flows {

// ---- The velocity ---------------------------------------------------------------------------------------------------

ConcatSquash::ConcatSquash(int64_t in, int64_t out, int64_t side)
    : layer({.in = in, .out = out}), gate({.in = side, .out = out}), shift({.in = side, .out = out, .bias = false}) {}

Var ConcatSquash::operator()(const Var& x, const Var& s) const {
  return map([](auto h, auto gate, auto shift) { return h * sigmoid(gate) + shift; }, layer(x), gate(s), shift(s));
}

Continuous::Continuous(const Options& o) : options(o) {
  check(o.features > 0 && o.context >= 0 && o.tolerance > 0, "Continuous: ", o.features, " features, a context of ",
        o.context, ", a tolerance of ", o.tolerance);
  int64_t in = o.features;
  for (const int64_t width : o.hidden) layers.emplace_back(in, width, 1 + o.context), in = width;
  layers.emplace_back(in, o.features, 1 + o.context);
}

Var Continuous::velocity(const Var& x, const Var& t, const Var& context) const {
  const Var side = options.context ? concat({t, context}, 1) : t;
  Var h = x;
  for (size_t i = 0; i < layers.size(); ++i) {
    h = layers[i](h, side);
    if (i + 1 < layers.size()) h = tanh(h);
  }
  return h;
}

namespace {

// ---- Dormand and Prince ---------------------------------------------------------------------------------------------

// What moves: x and the log-determinant so far, side by side, [B, D + 1].
using Slope = std::function<Var(const Var& y, const Var& t)>;

constexpr double kTime[] = {0, 1. / 5, 3. / 10, 4. / 5, 8. / 9, 1, 1};
constexpr double kStage[][6] = {{},
                                {1. / 5},
                                {3. / 40, 9. / 40},
                                {44. / 45, -56. / 15, 32. / 9},
                                {19372. / 6561, -25360. / 2187, 64448. / 6561, -212. / 729},
                                {9017. / 3168, -355. / 33, 46732. / 5247, 49. / 176, -5103. / 18656},
                                {35. / 384, 0, 500. / 1113, 125. / 192, -2187. / 6784, 11. / 84}};  // the step itself
constexpr double kError[] = {71. / 57600, 0, -71. / 16695, 71. / 1920, -17253. / 339200, 22. / 525, -1. / 40};

// h sum_i c_i k_i
Var weighted(const std::vector<Var>& k, const double* c, size_t count, const Var& h) {
  Var sum;
  for (size_t i = 0; i < count; ++i)
    if (c[i] != 0) sum = sum ? sum + k[i] * real(c[i]) : k[i] * real(c[i]);
  return sum * h;
}

// From y at t, steps of length h, both [B, 1]. slopes, where given, receives k_1 to k_6.
Var step(const Slope& slope, const Var& y, const Tensor& t, const Tensor& h, std::vector<Var>* slopes = nullptr) {
  std::vector<Var> k{slope(y, t)};
  for (size_t i = 1; i < 6; ++i) k.push_back(slope(y + weighted(k, kStage[i], i, h), t + h * real(kTime[i])));
  const Var next = y + weighted(k, kStage[6], 6, h);
  if (slopes) *slopes = std::move(k);
  return next;
}

struct Steps {
  std::vector<std::pair<Tensor, Tensor>> taken;  // t and h of each, h = 0 for examples that waited
  Tensor end;                                    // y where they lead to
};

// From time `from` to time `to`, without recording.
Steps find_steps(const Slope& slope, Tensor y, real from, real to, double tolerance) {
  constexpr int kMaxSteps = 10'000;
  const NoGrad guard;
  const int64_t b = y.size(0), n = y.size(1);
  Steps steps;
  Tensor t = full({b, 1}, from), h = full({b, 1}, (to - from) / 10);
  for (int count = 0;; ++count) {
    if (count == kMaxSteps)
      throw NotInvertible("Continuous: the velocity is too wild for " + std::to_string(kMaxSteps) + " steps");
    std::vector<Var> k;
    const Tensor next = step(slope, y, t, h, &k).value();
    k.push_back(slope(next, t + h));
    const Tensor error = weighted(k, kError, 7, h).value();
    Tensor taken = h.clone(), reached = y.clone(), clock = t.clone();
    bool any = false, all = true;
    for (int64_t i = 0; i < b; ++i) {
      double sum = 0;
      for (int64_t j = i * n; j < (i + 1) * n; ++j)
        sum += std::pow(double(error.data()[j]) / (1 + std::abs(double(y.data()[j]))), 2);
      const double ratio = std::sqrt(sum / double(n)) / tolerance;  // fine up to 1; NaN is not
      const bool fine = ratio <= 1;
      real &to_h = h.mutable_data()[i], &at = clock.mutable_data()[i];
      if (fine) {
        std::copy_n(next.data() + i * n, n, reached.mutable_data() + i * n);
        at = std::abs(to - at - to_h) <= std::abs(to_h) * real(1e-6) ? to : at + to_h;
        any = any || to_h != 0;
      } else {
        taken.mutable_data()[i] = 0;
      }
      to_h *= real(ratio > 0 ? std::clamp(0.9 * std::pow(ratio, -0.2), 0.2, 5.0) : fine ? 5.0 : 0.2);
      if (std::abs(to_h) > std::abs(to - at)) to_h = to - at;
      all = all && at == to;
    }
    if (any) steps.taken.emplace_back(t, taken);
    y = reached, t = clock;
    if (all) break;
  }
  steps.end = y;
  return steps;
}

// sum_i ∂v_i / ∂x_i of each example, [B, 1], or its estimate from signs e [B, D]; x is a node of v's graph. `recorded`:
// to be differentiated in turn.
Var trace(const Var& v, const Var& x, const Tensor& e, bool recorded) {
  const int64_t b = x.size(0), n = x.size(1);
  auto row = [&](const Var& seed) {
    return grad(v, seed, std::span(&x, 1), {.create_graph = recorded, .retain_graph = true})[0];
  };
  if (e.numel() > 0) return sum(row(e) * Var(e), 1, {.keepdim = true});
  Var total;
  for (int64_t i = 0; i < n; ++i) {
    const Var seed = broadcast_to(slice(Var(eye(n)), 0, i, i + 1), {b, n}), own = slice(row(seed), 1, i, i + 1);
    total = total ? total + own : own;
  }
  return total;
}

}  // namespace

// ---- The flow -------------------------------------------------------------------------------------------------------

Var Continuous::journey(const Var& from, const Var& context, bool back) const {
  const int64_t n = options.features, b = from.size(0);
  check(from.dim() == 2 && from.size(1) == n, "Continuous: [B, ", n, "] expected, not ", from.shape());
  check_context("Continuous", context, options.context);
  Tensor e;
  if (options.hutchinson) e = bernoulli({b, n}, 0.5) * real(2) - real(1);
  const Continuous self = *this;  // shares the parameters
  const Slope slope = [self, context, e, n](const Var& y, const Var& t) {
    const bool recorded = grad_enabled();
    const EnableGrad on;
    const Var own = slice(y, 1, 0, n), x = recorded && own.requires_grad() ? own : parameter(own.value());
    const Var v = self.velocity(x, t, context), both = concat({v, trace(v, x, e, recorded)}, 1);
    return recorded ? both : both.detach();
  };
  const Var start = concat({from, zeros({b, 1})}, 1);
  const Steps steps = find_steps(slope, start.value(), back ? 1 : 0, back ? 0 : 1, options.tolerance);
  if (!grad_enabled()) return steps.end;
  Var y = start;
  for (const auto& [t, h] : steps.taken) y = checkpoint([=, t = t, h = h] { return step(slope, y, t, h); });
  return y;
}

Latent Continuous::f(const Var& x, const Var& context) const {
  const Var y = journey(x, context, false);
  return {slice(y, 1, 0, options.features), select(y, 1, int(options.features))};
}
Data Continuous::g(const Var& z, const Var& context) const {  // against the clock, dt and so the integral are negative
  const Var y = journey(z, context, true);
  return {slice(y, 1, 0, options.features), select(y, 1, int(options.features))};
}

}  // namespace bijou::flows

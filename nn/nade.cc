#include "nn/nade.h"

#include <cmath>

#include "autograd/elementwise.h"
#include "nn/composition.h"
#include "nn/distributions.h"
#include "nn/init.h"
#include "tensor/lane.h"
#include "tensor/parallel.h"

namespace bijou::nn {
namespace {

constexpr int64_t kTile = 8;  // examples that share one reading of the weights

struct Weights {
  const real *w, *v, *b, *c;
  int64_t features, hidden;
};

// y += a x
void axpy(int64_t n, real a, const real* x, real* y) {
#pragma omp simd
  for (int64_t k = 0; k < n; ++k) y[k] += a * x[k];
}

real dot(int64_t n, const real* x, const real* y) {
  real sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < n; ++k) sum += x[k] * y[k];
  return sum;
}

// The state of the recursion for one example: a, and h = σ(a).
struct Hidden {
  int64_t n;
  std::vector<real> a, h;

  Hidden(const real* c, int64_t count) : n(count), a(padded(n)), h(padded(n)) { start(c); }
  static size_t padded(int64_t n) { return size_t((n + kLanes - 1) / kLanes * kLanes); }
  void start(const real* c) {
    std::copy_n(c, n, a.data());
    squash();
  }
  void squash() {
    for (size_t k = 0; k < a.size(); k += size_t(kLanes)) sigmoid(Lane::load(&a[k])).store(&h[k]);
  }
};

// The recursion for examples [first, last): next(example, i, logit) is told the logits in order, and returns x_i.
template <class Next>
void recursion(const Weights& m, int64_t first, int64_t last, const Next& next) {
  std::vector<Hidden> state(size_t(kTile), Hidden(m.c, m.hidden));
  for (int64_t start = first; start < last; start += kTile) {
    const int64_t rows = std::min(kTile, last - start);
    for (Hidden& s : state) s.start(m.c);
    for (int64_t i = 0; i < m.features; ++i)
      for (int64_t r = 0; r < rows; ++r) {
        Hidden& s = state[size_t(r)];
        const real x = next(start + r, i, m.b[i] + dot(m.hidden, m.v + i * m.hidden, s.h.data()));
        if (x == 0) continue;
        axpy(m.hidden, x, m.w + i * m.hidden, s.a.data());
        s.squash();
      }
  }
}

// Where gradients go; x only where it is wanted.
struct Gradients {
  real *w, *v, *c, *x;
};

// The recursion of one example backwards. `s` holds a_{D+1}, and is taken back to a_1 on the way. With G_i =
// dL/d(logit_i):   dL/da_i = h_i (1 - h_i) Σ_j G_j V_j over all j that saw this same h_i, and dL/dW_i = x_i Σ_{j > i}
// dL/da_j.
void backward_recursion(const Weights& m, Hidden& s, const real* x, const real* g, const Gradients& d) {
  std::vector<real> by_h(size_t(s.n)), by_a(size_t(s.n));  // by_h: since h last changed; by_a: of all later ones
  auto collect = [&] {
#pragma omp simd
    for (size_t k = 0; k < by_h.size(); ++k) by_a[k] += by_h[k] * s.h[k] * (1 - s.h[k]), by_h[k] = 0;
  };
  for (int64_t i = m.features - 1; i >= 0; --i) {
    const int64_t at = i * m.hidden;
    if (x[i] != 0 || d.x) collect();
    if (d.x) d.x[i] = dot(s.n, m.w + at, by_a.data());
    if (x[i] != 0) {
      axpy(s.n, x[i], by_a.data(), d.w + at);
      axpy(s.n, -x[i], m.w + at, s.a.data());
      s.squash();
    }
    axpy(s.n, g[i], m.v + at, by_h.data());
    axpy(s.n, g[i], s.h.data(), d.v + at);
  }
  collect();
  axpy(s.n, 1, by_a.data(), d.c);
}

void check_shapes(const Var& x, const Var& w, const Var& v, const Var& b, const Var& c) {
  check(w.dim() == 2 && v.shape() == w.shape() && b.shape() == Shape({w.size(0)}) && c.shape() == Shape({w.size(1)}),
        "nade: w and v [D, H], b [D], c [H] expected, not ", w.shape(), ", ", v.shape(), ", ", b.shape(), ", ",
        c.shape());
  check(x.dim() == 2 && x.size(1) == w.size(0), "nade: x of shape [B, ", w.size(0), "] expected, not ", x.shape());
}

Weights weights_of(const Var& w, const Var& v, const Var& b, const Var& c) {
  return {w.value().data(), v.value().data(), b.value().data(), c.value().data(), w.size(0), w.size(1)};
}

// On one thread: two that shared the hidden units were slower together than one alone.
void nade_vjp(const Node& y, const Tensor& g, Grads& d) {
  const Tensor &x = y.in(0).value(), dw = zeros(y.in_shape(1)), dv = zeros(y.in_shape(2)), dc = zeros(y.in_shape(4));
  const Tensor dx = d.wants(0) ? zeros(x.shape()) : Tensor();
  const Weights m = weights_of(y.in(1), y.in(2), y.in(3), y.in(4));
  Tensor to_w = dw, to_v = dv, to_c = dc, to_x = dx;  // handles
  Gradients to{to_w.mutable_data(), to_v.mutable_data(), to_c.mutable_data(),
               d.wants(0) ? to_x.mutable_data() : nullptr};
  Hidden s(m.c, m.hidden);
  for (int64_t row = 0; row < x.size(0); ++row) {
    const real* example = x.data() + row * m.features;
    s.start(m.c);
    for (int64_t i = 0; i < m.features; ++i)
      if (example[i] != 0) axpy(s.n, example[i], m.w + i * m.hidden, s.a.data());
    s.squash();
    backward_recursion(m, s, example, g.data() + row * m.features, to);
    if (to.x) to.x += m.features;
  }
  if (d.wants(0)) d[0] = dx;
  if (d.wants(1)) d[1] = dw;
  if (d.wants(2)) d[2] = dv;
  if (d.wants(3)) d[3] = sum(g, 0);
  if (d.wants(4)) d[4] = dc;
}

}  // namespace

Var nade_logits_composed(const Var& x, const Var& w, const Var& v, const Var& b, const Var& c) {
  check_shapes(x, w, v, b, c);
  const Var seen = unsqueeze(x, -1) * w;  // [B, D, H]
  return sum(sigmoid(cumsum(seen, 1) - seen + c) * v, -1) + b;
}

Var nade_logits(const Var& x, const Var& w, const Var& v, const Var& b, const Var& c) {
  check_shapes(x, w, v, b, c);
  Tensor logits(x.shape());
  const Weights m = weights_of(w, v, b, c);
  const real* from = x.value().data();
  real* to = logits.mutable_data();
  parallel_for(x.size(0), kTile, [&](int64_t first, int64_t last) {
    recursion(m, first, last, [&](int64_t row, int64_t i, real logit) {
      to[row * m.features + i] = logit;
      return from[row * m.features + i];
    });
  });
  return record("nade", std::move(logits), {x, w, v, b, c}, [](const Node& y, const Var& g, Grads& d) {
    if (grad_enabled())
      return vjp_by_composition(y, g, d,
                                [](const auto& in) { return nade_logits_composed(in[0], in[1], in[2], in[3], in[4]); });
    nade_vjp(y, g.value(), d);
  });
}

Nade::Nade(Options o) {
  check(o.features > 0 && o.hidden > 0, "Nade: features = ", o.features, ", hidden = ", o.hidden);
  const real bound = real(1 / std::sqrt(double(o.features)));
  w = parameter(uniform({o.features, o.hidden}, -bound, bound));
  v = parameter(init::default_weight({o.features, o.hidden}));
  b = parameter(zeros({o.features}));
  c = parameter(zeros({o.hidden}));
}

Var Nade::conditionals(const Var& x, const Var& condition) const {
  check(!condition, "Nade: it takes no condition");
  return Bernoulli{nade_logits(x, w, v, b, c)}.log_prob(x);
}

Tensor Nade::sample(int64_t n, const Var& condition, Generator& g) const {
  check(!condition, "Nade: it takes no condition");
  const Weights m = weights_of(w, v, b, c);
  Tensor x = rand({n, m.features}, g);
  real* at = x.mutable_data();
  parallel_for(n, kTile, [&](int64_t first, int64_t last) {
    recursion(m, first, last, [&](int64_t row, int64_t i, real logit) {
      real& entry = at[row * m.features + i];  // a uniform number, and then x_i
      return entry = entry < 1 / (1 + std::exp(-logit)) ? real(1) : real(0);
    });
  });
  return x;
}

}  // namespace bijou::nn

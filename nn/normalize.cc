#include "nn/normalize.h"

#include "autograd/map.h"
#include "tensor/elementwise.h"
#include "tensor/lines.h"

namespace bijou::nn {
namespace {

// With n = (x - μ) / σ and h = g w:
//
//   dL/dx = (h - mean(h) - n mean(h n)) / σ,    dL/dw = g n,    dL/db = g      (summed by the engine)
//
// in ops, for gradients of gradients. The fused rules below compute the same.
void normalize_vjp(const Node& y, const Axes& axes, real eps, const Var& g, Grads& d) {
  const Var centred = y.in(0) - mean(y.in(0), axes, {.keepdim = true});
  const Var r = 1 / sqrt(mean(square(centred), axes, {.keepdim = true}) + eps), n = centred * r;
  const Var h = y.inputs[1].var ? g * y.in(1) : g;
  if (d.wants(0)) d[0] = r * (h - mean(h, axes, {.keepdim = true}) - n * mean(h * n, axes, {.keepdim = true}));
  if (d.wants(1)) d[1] = g * n;
  if (d.wants(2)) d[2] = g;
}

void check_parameters(const char* op, const Var& w, const Var& b, int64_t n, const Shape& x) {
  check(bool(w) == bool(b), op, ": weight and bias are given together or not at all");
  check(!w || (w.shape() == Shape{n} && b.shape() == Shape{n}), op, ": weight ", w ? w.shape() : Shape{}, " and bias ",
        b ? b.shape() : Shape{}, " for x ", x, "; [", n, "] expected");
}

// The values of a parameter; where it is nothing, `other` everywhere.
Tensor value_or(const Var& p, real other, const Shape& shape) { return p ? p.value() : full(shape, other); }

// ---- Rows -----------------------------------------------------------------------------------------------------------

// x as `rows` rows of n numbers; w, b [n]; mean and scale = 1/σ: one number a row.
struct RowNorm {
  int64_t rows, n;
  real eps;

  void forward(const real* x, const real* w, const real* b, real* y, real* mean, real* scale) const {
    auto same = [](Lane x) { return x; };
    auto deviation = [](Lane x, Lane m) { return square(x - m); };
    auto formula = [](Lane x, Lane m, Lane r, Lane w, Lane b) { return (x - m) * r * w + b; };
    for_rows({rows, n, 1}, [=, *this](const Row& row) {
      const Lane m = row.fold(Add(), same, x) / real(n);
      const Lane r = Lane(1) / sqrt(row.fold(Add(), deviation, x, m) / real(n) + eps);
      row.write(y, formula, x, m, r, w - row.begin(), b - row.begin());  // w and b begin anew with each row
      row.store(m, mean);
      row.store(r, scale);
    });
  }

  struct Given {
    const real *x, *w, *mean, *scale, *g;
  };
  // dL/dx, where dx is not null. dL/dw and dL/db come in `pieces`, [pieces, n]: sums over as many rows each, always the
  // same ones, so that the result does not depend on the number of threads.
  void backward(const Given& given, real* dx, int64_t pieces, real* dw, real* db) const {
    parallel_for(pieces, rows * n < bijou::detail::kParallel ? pieces : 1, [&](int64_t p, int64_t last) {
      for (; p < last; ++p)
        for (int64_t i = rows * p / pieces; i < rows * (p + 1) / pieces; ++i) {
          const Row row(i * n, n, i);
          backward(row, given, dx, dw + p * n - row.begin(), db + p * n - row.begin());
        }
    });
  }

 private:
  void backward(const Row& row, const Given& given, real* dx, real* dw, real* db) const {
    const auto& [x, weight, mean, scale, g] = given;
    const real* w = weight - row.begin();
    const Lane m = row.load(mean), r = row.load(scale);
    auto add_gn = [](Lane sum, Lane g, Lane x, Lane m, Lane r) { return sum + g * (x - m) * r; };
    auto add_g = [](Lane sum, Lane g) { return sum + g; };
    row.write(dw, add_gn, dw, g, x, m, r);
    row.write(db, add_g, db, g);
    if (!dx) return;
    auto h = [](Lane g, Lane w) { return g * w; };
    auto hn = [](Lane g, Lane w, Lane x, Lane m, Lane r) { return g * w * (x - m) * r; };
    const Lane mean_h = row.fold(Add(), h, g, w) / real(n), mean_hn = row.fold(Add(), hn, g, w, x, m, r) / real(n);
    auto formula = [](Lane g, Lane w, Lane x, Lane m, Lane r, Lane h, Lane hn) {
      return (g * w - h - (x - m) * r * hn) * r;
    };
    row.write(dx, formula, g, w, x, m, r, mean_h, mean_hn);
  }
};

}  // namespace

Var layer_norm(const Var& x, const Var& w, const Var& b, real eps) {
  check(x.dim() >= 1 && x.size(-1) > 0, "layer_norm: x ", x.shape(), " has no features");
  check_parameters("layer_norm", w, b, x.size(-1), x.shape());
  const RowNorm op{x.shape().product(0, x.dim() - 1), x.size(-1), eps};
  Tensor y(x.shape()), mean({op.rows}), scale({op.rows});
  op.forward(x.value().data(), value_or(w, 1, {op.n}).data(), value_or(b, 0, {op.n}).data(), y.mutable_data(),
             mean.mutable_data(), scale.mutable_data());
  return record("layer_norm", y, {x, w, b}, [op, mean, scale](const Node& y, const Var& g, Grads& d) {
    if (grad_enabled()) return normalize_vjp(y, -1, op.eps, g, d);
    const Tensor weight = value_or(y.inputs[1].var ? y.in(1) : Var(), 1, {op.n});
    const int64_t pieces = std::clamp<int64_t>(op.rows * op.n / bijou::detail::kParallel, 1, 16);
    Tensor dx = d.wants(0) ? Tensor(y.value.shape()) : Tensor(), dw = zeros({pieces, op.n}), db = zeros({pieces, op.n});
    op.backward({y.in(0).value().data(), weight.data(), mean.data(), scale.data(), g.value().data()},
                d.wants(0) ? dx.mutable_data() : nullptr, pieces, dw.mutable_data(), db.mutable_data());
    if (d.wants(0)) d[0] = dx;
    if (d.wants(1)) d[1] = dw;
    if (d.wants(2)) d[2] = db;
  });
}

// ---- Channels -------------------------------------------------------------------------------------------------------

namespace {

// Several sums of formulas over x [N, C, S] for each channel, in one loop: N of them, each [C, 1].
template <int N, class F, class... T>
std::array<Tensor, N> channel_sums(const F& f, const Tensor& x, const T&... others) {
  std::array<Tensor, N> sums;
  std::array<Tensor*, N> results;
  for (int i = 0; i < N; ++i) results[size_t(i)] = &(sums[size_t(i)] = zeros({x.size(1), 1}));
  bijou::detail::evaluate<N>(f, x.shape(), std::array{&x, &others...}, results);
  return sums;
}

// Of each channel, [C, 1]. Measured from the first number of the channel, so that a mean far from zero costs no digits.
BatchNormed statistics(const Tensor& x) {
  Tensor origin({x.size(1), 1});
  for (int64_t c = 0; c < x.size(1); ++c) origin.mutable_data()[c] = x.data()[c * x.size(2)];
  auto powers = [](Lane x, Lane origin) { return std::array<Lane, 2>{x - origin, square(x - origin)}; };
  const auto [sum, squares] = channel_sums<2>(powers, x, origin);
  const real share = 1 / real(x.size(0) * x.size(2));
  auto variance = [=](Lane sum, Lane squares) { return maximum(squares * share - square(sum * share), 0); };
  return {{}, origin + sum * share, map(variance, sum, squares)};
}

// y for x [N, C, S], w and b [C, 1].
BatchNormed normalize_channels(const Var& x, const Var& w, const Var& b, real eps) {
  BatchNormed result = statistics(x.value());
  const Tensor mean = result.mean;
  const Tensor scale = map([=](Lane v) { return Lane(1) / sqrt(v + eps); }, result.variance);
  auto affine = [](Lane x, Lane m, Lane s, Lane b) { return (x - m) * s + b; };
  Tensor y = map(affine, x.value(), mean, scale * value_or(w, 1, mean.shape()), value_or(b, 0, mean.shape()));
  result.y = record("batch_norm", y, {x, w, b}, [=](const Node& y, const Var& g, Grads& d) {
    if (grad_enabled()) return normalize_vjp(y, {0, 2}, eps, g, d);
    const Tensor& x = y.in(0).value();
    auto products = [](Lane g, Lane x, Lane m, Lane r) { return std::array<Lane, 2>{g, g * (x - m) * r}; };
    const auto [db, dw] = channel_sums<2>(products, g.value(), x, mean, scale);
    if (d.wants(0)) {
      auto formula = [](Lane g, Lane x, Lane m, Lane a, Lane shift, Lane slope) {
        return g * a - shift - (x - m) * slope;
      };
      const Tensor a = scale * value_or(y.inputs[1].var ? y.in(1) : Var(), 1, mean.shape());
      const real share = 1 / real(x.size(0) * x.size(2));
      d[0] = map(formula, g.value(), x, mean, a, a * db * share, a * scale * dw * share);
    }
    if (d.wants(1)) d[1] = dw;
    if (d.wants(2)) d[2] = db;
  });
  return result;
}

}  // namespace

BatchNormed batch_norm(const Var& x, const Var& w, const Var& b, real eps) {
  check(x.dim() >= 2 && x.numel() > 0, "batch_norm: x ", x.shape(), "; [N, C, ...] with something in it expected");
  const int64_t channels = x.size(1);
  check_parameters("batch_norm", w, b, channels, x.shape());
  auto column = [&](const Var& p) { return p ? reshape(p, {channels, 1}) : p; };
  BatchNormed result =
      normalize_channels(reshape(x, {x.size(0), channels, x.shape().product(2, x.dim())}), column(w), column(b), eps);
  return {reshape(result.y, x.shape()), result.mean.flatten(), result.variance.flatten()};
}

}  // namespace bijou::nn

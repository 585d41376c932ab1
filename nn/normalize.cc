#include "nn/normalize.h"

#include "autograd/map.h"
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

// ---- Rows -----------------------------------------------------------------------------------------------------------

// x as `rows` rows of n numbers. mean and scale = 1/σ have one number a row; parameters are w, b [n].
struct RowNorm {
  int64_t rows, n;
  real eps;

  void forward(const real* x, const real* w, const real* b, real* y, real* mean, real* scale) const {
    for_lines({rows, n, 1}, [=, *this](const Line& line) {
      const Lane share(1 / real(n));
      const int64_t at = line.begin();  // parameters begin anew with each row
      const Carry m = line.combine([=](Lane sum) { return sum * share; }, line.fold(
                                                                              Add(), [](Lane x) { return x; }, x));
      const Carry s = line.fold(
          Add(), [](Lane x, Lane m) { return square(x - m); }, x, m);
      const Carry r = line.combine([=, this](Lane s) { return Lane(1) / sqrt(s * share + eps); }, s);
      line.write(
          y, [](Lane x, Lane m, Lane r, Lane w, Lane b) { return (x - m) * r * w + b; }, x, m, r, w - at, b - at);
      line.store(m, mean);
      line.store(r, scale);
    });
  }

  struct Saved {
    const real *x, *w, *mean, *scale;
  };
  // dL/dx, where dx is not null; and dL/dw, dL/db [n] added up in `pieces` rows each, in the same order on any number
  // of threads.
  void backward(const Saved& s, const real* g, real* dx, int64_t pieces, real* dw, real* db) const {
    parallel_for(pieces, rows * n < detail::kParallel ? pieces : 1, [=, *this](int64_t p, int64_t last) {
      for (; p < last; ++p) {
        for (int64_t row = rows * p / pieces; row < rows * (p + 1) / pieces; ++row) {
          const Line line = Line::row(row * n, n, row);
          add_parameters(line, s, g, dw + p * n - line.begin(), db + p * n - line.begin());
          if (dx) write_dx(line, s, g, dx);
        }
      }
    });
  }

 private:
  void add_parameters(const Line& line, const Saved& s, const real* g, real* dw, real* db) const {
    const Carry m = line.load(s.mean), r = line.load(s.scale);
    line.write(
        dw, [](Lane sum, Lane g, Lane x, Lane m, Lane r) { return sum + g * (x - m) * r; }, dw, g, s.x, m, r);
    line.write(
        db, [](Lane sum, Lane g) { return sum + g; }, db, g);
  }

  void write_dx(const Line& line, const Saved& s, const real* g, real* dx) const {
    const Lane share(1 / real(n));
    const real* w = s.w - line.begin();
    const Carry m = line.load(s.mean), r = line.load(s.scale);
    const Carry sum = line.fold(
        Add(), [](Lane g, Lane w) { return g * w; }, g, w);
    const Carry product = line.fold(
        Add(), [](Lane g, Lane w, Lane x, Lane m) { return g * w * (x - m); }, g, w, s.x, m);
    const Carry shift = line.combine([=](Lane sum) { return sum * share; }, sum);
    const Carry slope = line.combine([=](Lane product, Lane r) { return product * share * r * r; }, product, r);
    auto formula = [](Lane g, Lane w, Lane x, Lane m, Lane r, Lane shift, Lane slope) {
      return (g * w - shift - (x - m) * slope) * r;
    };
    line.write(dx, formula, g, w, s.x, m, r, shift, slope);
  }
};

}  // namespace

Var layer_norm(const Var& x, const Var& w, const Var& b, real eps) {
  check(x.dim() >= 1 && x.size(-1) > 0, "layer_norm: x ", x.shape(), " has no features");
  check_parameters("layer_norm", w, b, x.size(-1), x.shape());
  const RowNorm op{x.shape().product(0, x.dim() - 1), x.size(-1), eps};
  const Tensor weight = w ? w.value() : ones({op.n}), bias = b ? b.value() : zeros({op.n});
  Tensor y(x.shape()), mean({op.rows}), scale({op.rows});
  op.forward(x.value().data(), weight.data(), bias.data(), y.mutable_data(), mean.mutable_data(), scale.mutable_data());
  return record("layer_norm", y, {x, w, b}, [=](const Node& y, const Var& g, Grads& d) {
    if (grad_enabled()) return normalize_vjp(y, -1, op.eps, g, d);
    const int64_t pieces = std::clamp<int64_t>(op.rows * op.n / detail::kParallel, 1, 16);
    Tensor dx = d.wants(0) ? Tensor(y.value.shape()) : Tensor(), dw = zeros({pieces, op.n}), db = zeros({pieces, op.n});
    op.backward({y.in(0).value().data(), weight.data(), mean.data(), scale.data()}, g.value().data(),
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
  detail::evaluate<N>(f, x.shape(), std::array{&x, &others...}, results);
  return sums;
}

// Of each channel, [C, 1]. Measured from the first number of the channel, so that a mean far from zero costs no digits.
BatchNormed statistics(const Tensor& x) {
  Tensor origin({x.size(1), 1});
  for (int64_t c = 0; c < x.size(1); ++c) origin.mutable_data()[c] = x.data()[c * x.size(2)];
  const auto [sum, squares] = channel_sums<2>(
      [](Lane x, Lane origin) {
        return std::array<Lane, 2>{x - origin, square(x - origin)};
      },
      x, origin);
  const real share = 1 / real(x.size(0) * x.size(2));
  return {{},
          map([=](Lane sum, Lane origin) { return origin + sum * share; }, sum, origin),
          map([=](Lane sum, Lane squares) { return maximum(squares * share - square(sum * share), 0); }, sum, squares)};
}

// y for x [N, C, S], w and b [C, 1].
BatchNormed normalize_channels(const Var& x, const Var& w, const Var& b, real eps) {
  BatchNormed result = statistics(x.value());
  const Tensor mean = result.mean;
  const Tensor scale = map([=](Lane v) { return Lane(1) / sqrt(v + eps); }, result.variance);
  const Tensor weight = w ? w.value() : ones(mean.shape()), bias = b ? b.value() : zeros(mean.shape());
  Tensor y = map([](Lane x, Lane m, Lane s, Lane b) { return (x - m) * s + b; }, x.value(), mean,
                 map([](Lane r, Lane w) { return r * w; }, scale, weight), bias);
  result.y = record("batch_norm", y, {x, w, b}, [=](const Node& y, const Var& g, Grads& d) {
    if (grad_enabled()) return normalize_vjp(y, {0, 2}, eps, g, d);
    const Tensor& x = y.in(0).value();
    const auto [db, dw] = channel_sums<2>(
        [](Lane g, Lane x, Lane m, Lane r) {
          return std::array<Lane, 2>{g, g * (x - m) * r};
        },
        g.value(), x, mean, scale);
    if (d.wants(0)) {
      const real share = 1 / real(x.size(0) * x.size(2));
      auto formula = [](Lane g, Lane x, Lane m, Lane factor, Lane shift, Lane slope) {
        return g * factor - (x - m) * slope - shift;
      };
      const Tensor factor = map([](Lane w, Lane r) { return w * r; }, weight, scale);
      d[0] = map(formula, g.value(), x, mean, factor, map([=](Lane f, Lane s) { return f * s * share; }, factor, db),
                 map([=](Lane f, Lane r, Lane s) { return f * r * s * share; }, factor, scale, dw));
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

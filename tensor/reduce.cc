#include "tensor/reduce.h"

#include "tensor/elementwise.h"
#include "tensor/lines.h"
#include "tensor/map.h"

namespace bijou {

Shape reduced_shape(const Shape& shape, const Axes& axes, KeepDim keep, const char* op) {
  bool gone[Shape::kMaxRank] = {};
  for (int axis : axes.list) {
    const int a = shape.at(axis, op);
    check(!gone[a], op, ": axis ", axis, " is named twice");
    gone[a] = true;
  }
  Shape out;
  for (int a = 0; a < shape.rank(); ++a)
    if (!gone[a]) out.push_back(shape[a]);
    else if (keep.keepdim) out.push_back(1);
  return out;
}

Axes all_axes(const Shape& shape) {
  Axes axes(std::initializer_list<int>{});
  for (int a = 0; a < shape.rank(); ++a) axes.list.push_back(a);
  return axes;
}

// ---- Folding over axes ----------------------------------------------------------------------------------------------

namespace {

constexpr int64_t kWorthThreads = 1 << 18;  // numbers, which take one thread 6 µs: fewer do not pay for a second

template <class Op>
void fold_lines(Op op, const real* in, real* out, const Lines& x) {
  const auto same = [](Lane v) { return v; };
  for_lines(x, [=](const auto& line) { line.store(line.fold(op, same, in), out); });
}

// [outer, n, inner] to [outer, inner]. Where there are few lines, each is cut into parts that are folded first: long
// parts for several threads, or, where lines lie side by side but do not fill a register, short ones that together do.
template <class Op>
void fold(Op op, const real* in, real* out, const Lines& x) {
  const bool narrow = x.inner > 1 && x.inner < 32;
  const int64_t parts = narrow ? 64 / x.inner : std::max<int64_t>(16, x.n / 1024), length = x.n / parts;
  if (x.outer > 1 || length < 4 || (!narrow && x.n * x.inner < kWorthThreads)) return fold_lines(op, in, out, x);
  Tensor part({parts + 1, x.inner});
  real* p = part.mutable_data();
  fold_lines(op, in, p, narrow ? Lines(1, length, parts * x.inner) : Lines(parts, length, x.inner));
  fold_lines(op, in + parts * length * x.inner, p + parts * x.inner, {1, x.n % parts, x.inner});  // what is left
  fold_lines(op, p, out, {1, parts + 1, x.inner});
}

template <class Op>
Tensor fold_all(Op op, const Tensor& x) {
  Tensor y(Shape{});
  fold(op, x.data(), y.mutable_data(), {1, x.numel(), 1});
  return y;
}

// Folds the marked axes, one run of adjacent ones after the other, and leaves them with size 1.
template <class Op>
Tensor fold_axes(Op op, const Tensor& x, const bool* folds) {
  Tensor y = x;
  for (int first = x.dim() - 1; first >= 0; --first) {
    if (!folds[first]) continue;
    const int last = first + 1;
    while (first > 0 && folds[first - 1]) --first;
    Shape shape = y.shape();
    for (int a = first; a < last; ++a) shape[a] = 1;
    Tensor smaller(shape);
    fold(op, y.data(), smaller.mutable_data(), Lines(y.shape(), first, last));
    y = smaller;
  }
  return y.data() == x.data() ? x.clone() : y;
}
template <class Op>
Tensor fold_axes(Op op, const Tensor& x, const Axes& axes, KeepDim keep, const char* name) {
  const Shape shape = reduced_shape(x.shape(), axes, keep, name);
  bool folds[Shape::kMaxRank] = {};
  for (int axis : axes.list) folds[x.shape().at(axis)] = true;
  return fold_axes(op, x, folds).reshape(shape);
}

}  // namespace

// ---- Sums -----------------------------------------------------------------------------------------------------------

Tensor sum_to(const Tensor& x, const Shape& shape) {
  check(broadcast(x.shape(), shape, "sum_to") == x.shape(), "sum_to: ", x.shape(), " cannot be summed to ", shape);
  bool folds[Shape::kMaxRank];
  for (int a = 0; a < x.dim(); ++a) {
    const int own = a - x.dim() + shape.rank();  // the axis of `shape` beside it, at the right
    folds[a] = own < 0 || shape[own] != x.size(a);
  }
  return fold_axes(Add(), x, folds).reshape(shape);
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  check(broadcast(x.shape(), shape, "broadcast_to") == shape, "broadcast_to: ", x.shape(), " does not stretch to ",
        shape);
  Tensor out(shape);
  if (x.dim() == 1 && x.numel() == shape[-1] && x.numel() > 1) {  // one row many times, as a bias is
    const real* row = x.data();
    parallel_for(out.numel() / x.numel(), grain_for(x.numel()),
                 [=, to = out.mutable_data(), n = x.numel()](int64_t i, int64_t last) {
                   for (; i < last; ++i) std::copy_n(row, n, to + i * n);
                 });
    return out;
  }
  detail::evaluate<1>([](Lane v) { return std::array{v}; }, shape, std::array{&x}, {&out});
  return out;
}

Tensor sum(const Tensor& x) { return fold_all(Add(), x); }
Tensor sum(const Tensor& x, const Axes& axes, KeepDim keep) { return fold_axes(Add(), x, axes, keep, "sum"); }

namespace {
Tensor over_count(const Tensor& sums, const Tensor& x) { return sums * (real(sums.numel()) / real(x.numel())); }
}  // namespace
Tensor mean(const Tensor& x) { return over_count(sum(x), x); }  // 0 inf: the mean of nothing is NaN
Tensor mean(const Tensor& x, const Axes& axes, KeepDim keep) { return over_count(sum(x, axes, keep), x); }

// ---- Extremes -------------------------------------------------------------------------------------------------------

namespace {

void check_not_empty(const Tensor& x, const Axes& axes, const char* op) {
  for (int axis : axes.list)
    check(x.size(x.shape().at(axis, op)) > 0, op, ": nothing along axis ", axis, " of shape ", x.shape());
}

// The first position along the axis where x is what was found there: `value`, or NaN where that is NaN.
Indices find(const Tensor& x, int axis, const Tensor& value, KeepDim keep, const char* op) {
  const Lines l(x.shape(), axis, op);
  Indices position(reduced_shape(x.shape(), axis, keep, op));
  const real *in = x.data(), *v = value.data();
  index* out = position.mutable_data();
  parallel_for(l.outer * l.inner, grain_for(l.n), [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const real* p = in + (i / l.inner * l.n) * l.inner + i % l.inner;
      int64_t k = 0;
      while (p[k * l.inner] != v[i] && p[k * l.inner] == p[k * l.inner]) ++k;
      out[i] = index(k);
    }
  });
  return position;
}

}  // namespace

Tensor amax(const Tensor& x, const Axes& axes, KeepDim keep) {
  check_not_empty(x, axes, "amax");
  return fold_axes(Max(), x, axes, keep, "amax");
}
Tensor amin(const Tensor& x, const Axes& axes, KeepDim keep) {
  check_not_empty(x, axes, "amin");
  return fold_axes(Min(), x, axes, keep, "amin");
}
Tensor max(const Tensor& x) {
  check(x.numel() > 0, "max: of nothing, shape ", x.shape());
  return fold_all(Max(), x);
}
Tensor min(const Tensor& x) {
  check(x.numel() > 0, "min: of nothing, shape ", x.shape());
  return fold_all(Min(), x);
}

ValuesAndIndices<Tensor> max(const Tensor& x, int axis, KeepDim keep) {
  const Tensor values = amax(x, axis, keep);
  return {values, find(x, axis, values, keep, "max")};
}
ValuesAndIndices<Tensor> min(const Tensor& x, int axis, KeepDim keep) {
  const Tensor values = amin(x, axis, keep);
  return {values, find(x, axis, values, keep, "min")};
}
Indices argmax(const Tensor& x, int axis, KeepDim keep) { return max(x, axis, keep).indices; }
Indices argmin(const Tensor& x, int axis, KeepDim keep) { return min(x, axis, keep).indices; }

// ---- Sums of exponentials, running sums -----------------------------------------------------------------------------

// With m the largest x: m + log sum exp(x - m), where no exponential exceeds 1. An infinite m would make inf - inf;
// without it the sum is inf or 0 and its logarithm right by itself.
Tensor logsumexp(const Tensor& x, const Axes& axes, KeepDim keep) {
  const Tensor largest = fold_axes(Max(), x, axes, {.keepdim = true}, "logsumexp");
  const Tensor m = map([](auto v) { return where(abs(v) < kInfinity, v, Lane(0)); }, largest);
  Tensor total = zeros(m.shape());
  detail::evaluate<1>([](Lane v, Lane m) { return std::array{exp(v - m)}; }, x.shape(), std::array{&x, &m}, {&total});
  return map([](auto s, auto m) { return log(s) + m; }, total, m)
      .reshape(reduced_shape(x.shape(), axes, keep, "logsumexp"));
}

namespace {
// kWidth lines side by side, summed in double as PyTorch does.
template <int kWidth>
void cumsum_lines(const real* x, real* y, int64_t n, int64_t stride) {
  double total[kWidth] = {};
  for (int64_t k = 0; k < n; ++k)
    for (int j = 0; j < kWidth; ++j) y[k * stride + j] = real(total[j] += double(x[k * stride + j]));
}
}  // namespace

Tensor cumsum(const Tensor& x, int axis) {
  constexpr int kWidth = 16;
  const Lines l(x.shape(), axis, "cumsum");
  Tensor y(x.shape());
  const real* in = x.data();
  real* out = y.mutable_data();
  parallel_for(l.outer, grain_for(l.n * l.inner), [=](int64_t first, int64_t last) {
    for (int64_t o = first; o < last; ++o) {
      const int64_t begin = o * l.n * l.inner;
      int64_t j = 0;
      for (; j + kWidth <= l.inner; j += kWidth) cumsum_lines<kWidth>(in + begin + j, out + begin + j, l.n, l.inner);
      for (; j < l.inner; ++j) cumsum_lines<1>(in + begin + j, out + begin + j, l.n, l.inner);
    }
  });
  return y;
}

}  // namespace bijou

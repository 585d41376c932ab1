#include "tensor/reduce.h"

#include "tensor/elementwise.h"
#include "tensor/lines.h"
#include "tensor/map.h"

namespace bijou {

Shape reduced_shape(const Shape& shape, const Axes& axes, KeepDim keep, const char* op) {
  bool gone[Shape::kMaxRank] = {};
  for (int axis : axes.list) {
    const int a = shape.at(axis);
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

// ---- Sums: the driver of map adds them up (tensor/map.cc) -----------------------------------------------------------

Tensor sum_to(const Tensor& x, const Shape& shape) {
  check(broadcast(x.shape(), shape, "sum_to") == x.shape(), "sum_to: ", x.shape(), " cannot be summed to ", shape);
  Tensor out = zeros(shape);
  detail::evaluate<1>([](Lane v) { return std::array{v}; }, x.shape(), std::array{&x}, {&out});
  return out;
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  check(broadcast(x.shape(), shape, "broadcast_to") == shape, "broadcast_to: ", x.shape(), " does not stretch to ",
        shape);
  Tensor out(shape);
  detail::evaluate<1>([](Lane v) { return std::array{v}; }, shape, std::array{&x}, {&out});
  return out;
}

Tensor sum(const Tensor& x, const Axes& axes, KeepDim keep) {
  return sum_to(x, reduced_shape(x.shape(), axes, {.keepdim = true}, "sum"))
      .reshape(reduced_shape(x.shape(), axes, keep, "sum"));
}
Tensor sum(const Tensor& x) { return sum_to(x, {}); }

Tensor mean(const Tensor& x, const Axes& axes, KeepDim keep) {
  Tensor y = sum(x, axes, keep);
  const real scale = real(y.numel()) / real(x.numel());
  update<1>([scale](Lane& v) { v = v * scale; }, y);
  return y;
}
Tensor mean(const Tensor& x) {
  Tensor y = sum(x);
  y.mutable_data()[0] /= real(x.numel());  // 0 / 0: the mean of nothing is NaN
  return y;
}

// ---- Extremes -------------------------------------------------------------------------------------------------------

namespace {

template <class Op>
void fold_lines(Op op, const real* in, real* out, const Lines& x) {
  for_lines(x, [=](const Line& line) { line.store(line.fold(op, [](Lane v) { return v; }, in), out); });
}

// [outer, n, inner] to [outer, inner].
template <class Op>
void fold(Op op, const real* in, real* out, const Lines& x) {
  constexpr int64_t kPieces = 16;
  const int64_t length = x.n / kPieces, rest = x.n % kPieces;
  if (x.outer > 1 || length * x.inner < 1 << 12) return fold_lines(op, in, out, x);
  Tensor piece({kPieces + 1, x.inner});  // few long lines: cut, so that threads can share them
  real* p = piece.mutable_data();
  fold_lines(op, in, p, {kPieces, length, x.inner});
  fold_lines(op, in + kPieces * length * x.inner, p + kPieces * x.inner, {1, rest, x.inner});
  fold_lines(op, p, out, {1, kPieces + 1, x.inner});
}

// One run of adjacent axes after the other.
template <class Op>
Tensor fold(Op op, Tensor x, const Axes& axes, KeepDim keep, const char* name) {
  const Shape shape = reduced_shape(x.shape(), axes, keep, name);
  bool folds[Shape::kMaxRank + 1] = {};
  for (int axis : axes.list) folds[x.shape().at(axis)] = true;
  for (int first = x.dim() - 1; first >= 0; --first) {
    if (!folds[first]) continue;
    const int last = first + 1;
    while (first > 0 && folds[first - 1]) --first;
    Shape smaller = x.shape();
    for (int a = first; a < last; ++a) smaller[a] = 1;
    Tensor y(smaller);
    fold(op, x.data(), y.mutable_data(), Lines(x.shape(), first, last));
    x = y;
  }
  return x.reshape(shape);
}

void check_not_empty(const Tensor& x, const Axes& axes, const char* op) {
  for (int axis : axes.list) check(x.size(axis) > 0, op, ": nothing along axis ", axis, " of shape ", x.shape());
}

// The first position along the axis where x is what was found there: `value`, or NaN where that is NaN.
Indices find(const Tensor& x, int axis, const Tensor& value, KeepDim keep, const char* op) {
  const Lines l(x.shape(), axis);
  Indices position(reduced_shape(x.shape(), axis, keep, op));
  const real *in = x.data(), *v = value.data();
  index* out = position.mutable_data();
  parallel_for(l.outer * l.inner, (1 << 15) / (l.n + 1) + 1, [=](int64_t first, int64_t last) {
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
  return fold(Max(), x, axes, keep, "amax");
}
Tensor amin(const Tensor& x, const Axes& axes, KeepDim keep) {
  check_not_empty(x, axes, "amin");
  return fold(Min(), x, axes, keep, "amin");
}
Tensor max(const Tensor& x) { return amax(x, all_axes(x.shape())); }
Tensor min(const Tensor& x) { return amin(x, all_axes(x.shape())); }

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
  const Tensor largest = fold(Max(), x, axes, {.keepdim = true}, "logsumexp");
  const Tensor m = map([](auto v) { return where(abs(v) < kInfinity, v, Lane(0)); }, largest);
  Tensor total = zeros(m.shape());
  detail::evaluate<1>([](Lane v, Lane m) { return std::array{exp(v - m)}; }, x.shape(), std::array{&x, &m}, {&total});
  return map([](auto s, auto m) { return log(s) + m; }, total, m).reshape(reduced_shape(x.shape(), axes, keep, "logsumexp"));
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
  const Lines l(x.shape(), axis);
  Tensor y(x.shape());
  const real* in = x.data();
  real* out = y.mutable_data();
  parallel_for(l.outer, (1 << 15) / (l.n * l.inner + 1) + 1, [=](int64_t first, int64_t last) {
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

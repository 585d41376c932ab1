#include "tensor/layout.h"

#include <algorithm>
#include <cstring>

#include "tensor/parallel.h"

namespace bijou {
namespace {

// ---- The one copy ---------------------------------------------------------------------------------------------------

constexpr int64_t kParallel = 1 << 15;  // elements
constexpr int kTile = 16;

using Strides = std::array<int64_t, Shape::kMaxRank>;  // in elements, one for each axis

Strides strides_of(const Shape& shape) {
  Strides strides{};
  int64_t stride = 1;
  for (int a = shape.rank() - 1; a >= 0; --a) strides[size_t(a)] = stride, stride *= shape[a];
  return strides;
}

// Copies between two strided views of one shape. Loops are kept innermost first; axes that both views pass through
// without a jump are merged into one, so that a copy in order is a single loop.
template <class T>
class StridedCopy {
 public:
  StridedCopy(const Shape& shape, const Strides& to, const Strides& from) {
    for (int a = shape.rank() - 1; a >= 0; --a) {
      const Loop next{shape[a], to[size_t(a)], from[size_t(a)]};
      if (next.n == 1) continue;
      Loop* last = loops_ ? &loop_[loops_ - 1] : nullptr;
      if (last && next.to == last->to * last->n && next.from == last->from * last->n) last->n *= next.n;
      else loop_[loops_++] = next;
    }
    if (loops_ == 0) loop_[loops_++] = {1, 1, 1};
    // Where the source runs along another loop than the target, the two make a transposition: that loop comes second.
    for (int l = 1; l < loops_ && loop_[0].to == 1 && loop_[0].from != 1; ++l)
      if (loop_[l].from == 1) std::rotate(loop_ + 1, loop_ + l, loop_ + l + 1), transposes_ = true;
  }

  void run(T* to, const T* from) const {
    int64_t total = 1;
    const Loop* cut = loop_;
    for (const Loop* l = loop_; l < loop_ + loops_; ++l) {
      total *= l->n;
      if (l->n >= cut->n) cut = l;
    }
    if (total == 0) return;
    parallel_for(cut->n, kParallel * cut->n / total + 1, [&](int64_t first, int64_t last) {
      StridedCopy part = *this;
      part.loop_[cut - loop_].n = last - first;
      part.walk(loops_ - 1, to + first * cut->to, from + first * cut->from);
    });
  }

 private:
  struct Loop {
    int64_t n, to, from;  // length and strides
  };

  void walk(int level, T* to, const T* from) const {
    const Loop& l = loop_[level];
    if (level == 1 && transposes_) return transpose(to, from);
    if (level == 0) return row(to, from);
    if (level == 1)
      for (int64_t i = 0; i < l.n; ++i) row(to + i * l.to, from + i * l.from);
    else
      for (int64_t i = 0; i < l.n; ++i) walk(level - 1, to + i * l.to, from + i * l.from);
  }

  // Short runs in steps of a known size, for which no function is called.
  static void copy_run(T* to, const T* from, int64_t n) {
    constexpr int64_t kStep = 32 / sizeof(T);
    if (n > 8 * kStep || n % kStep) return void(std::memcpy(to, from, size_t(n) * sizeof(T)));
    for (int64_t i = 0; i < n; i += kStep) std::memcpy(to + i, from + i, 32);
  }
  void row(T* to, const T* from) const {
    const Loop& l = loop_[0];
    if (l.to == 1 && l.from == 1) copy_run(to, from, l.n);
    else if (l.to == 1 && l.from == -1) std::reverse_copy(from - l.n + 1, from + 1, to);
    else
      for (int64_t i = 0; i < l.n; ++i) to[i * l.to] = from[i * l.from];
  }

  // Tile by tile, so that whole cache lines are read and written.
  void transpose(T* to, const T* from) const {
    const Loop &a = loop_[0], &b = loop_[1];  // a.to = 1, b.from = 1
    for (int64_t j = 0; j < b.n; j += kTile)
      for (int64_t i = 0; i < a.n; i += kTile)
        tile(to + i + j * b.to, b.to, from + i * a.from + j, a.from, std::min<int64_t>(kTile, a.n - i),
             std::min<int64_t>(kTile, b.n - j));
  }
  static void tile(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t ni, int64_t nj) {
    T buffer[kTile][kTile];
    if (ni == kTile && nj == kTile) {
      for (int i = 0; i < kTile; ++i)
        for (int j = 0; j < kTile; ++j) buffer[j][i] = from[i * from_stride + j];
      for (int j = 0; j < kTile; ++j) std::memcpy(to + j * to_stride, buffer[j], sizeof buffer[j]);
    } else {
      for (int64_t j = 0; j < nj; ++j)
        for (int64_t i = 0; i < ni; ++i) to[j * to_stride + i] = from[i * from_stride + j];
    }
  }

  Loop loop_[Shape::kMaxRank + 1];
  int loops_ = 0;
  bool transposes_ = false;
};

template <class T>
void copy(const Shape& shape, T* to, const Strides& to_strides, const T* from, const Strides& from_strides) {
  StridedCopy<T>(shape, to_strides, from_strides).run(to, from);
}

// The positions start, start + step, ... < stop of one axis, checked.
struct Range {
  int64_t start, count, step;

  Range(const Shape& shape, int axis, int64_t first, int64_t stop, int64_t step) : step(step) {
    const int64_t n = shape[shape.at(axis, "slice")], last = stop < 0 ? stop + n : stop;
    start = first < 0 ? first + n : first;
    check(step > 0 && 0 <= start && start <= last && last <= n, "slice: [", first, ", ", stop, ") in steps of ", step,
          " of axis ", axis, " of shape ", shape);
    count = (last - start + step - 1) / step;
  }
};

}  // namespace

// ---- The ops: each says which strides -------------------------------------------------------------------------------

template <class T>
Array<T> permute(const Array<T>& x, const Axes& order) {
  check(int(order.list.size()) == x.dim() && reduced_shape(x.shape(), order, {}, "permute").rank() == 0,
        "permute: ", order.list.size(), " axes named for shape ", x.shape());
  const Strides own = strides_of(x.shape());
  Strides from{};
  Shape shape;
  for (int axis : order.list) {
    from[size_t(shape.rank())] = own[size_t(x.shape().at(axis))];
    shape.push_back(x.size(axis));
  }
  Array<T> y(shape);
  copy(shape, y.mutable_data(), strides_of(shape), x.data(), from);
  return y;
}

template <class T>
Array<T> transpose(const Array<T>& x, int a, int b) {
  Axes order = all_axes(x.shape());
  std::swap(order.list[size_t(x.shape().at(a, "transpose"))], order.list[size_t(x.shape().at(b, "transpose"))]);
  return permute(x, order);
}

template <class T>
Array<T> slice(const Array<T>& x, int axis, int64_t start, int64_t stop, int64_t step) {
  const Range range(x.shape(), axis, start, stop, step);
  axis = x.shape().at(axis);
  if (axis == 0 && (step == 1 || range.count <= 1)) return x.rows(range.start, range.start + range.count);
  Shape shape = x.shape();
  shape[axis] = range.count;
  Array<T> y(shape);
  Strides from = strides_of(x.shape());
  const T* first = x.data() + range.start * from[size_t(axis)];
  from[size_t(axis)] *= step;
  copy(shape, y.mutable_data(), strides_of(shape), first, from);
  return y;
}

Tensor unslice(const Tensor& y, const Shape& shape, int axis, int64_t start, int64_t step) {
  axis = shape.at(axis, "unslice");
  Shape fits = shape;
  fits[axis] = y.size(axis);
  check(y.shape() == fits && start >= 0 && start + (y.size(axis) - 1) * step < shape[axis], "unslice: ", y.shape(),
        " from ", start, " on in steps of ", step, " of axis ", axis, " of shape ", shape);
  Tensor x = zeros(shape);
  Strides to = strides_of(shape);
  real* first = x.mutable_data() + start * to[size_t(axis)];
  to[size_t(axis)] *= step;
  copy(y.shape(), first, to, y.data(), strides_of(y.shape()));
  return x;
}

template <class T>
Array<T> flip(const Array<T>& x, const Axes& axes) {
  reduced_shape(x.shape(), axes, {}, "flip");  // are they axes, and named once?
  Array<T> y(x.shape());
  Strides from = strides_of(x.shape());
  const T* last = x.data();
  for (int axis : axes.list) {
    int64_t& stride = from[size_t(x.shape().at(axis))];
    if (x.size(axis)) last += (x.size(axis) - 1) * stride;
    stride = -stride;
  }
  copy(x.shape(), y.mutable_data(), strides_of(x.shape()), last, from);
  return y;
}

namespace {
template <class T>
Array<T> concat_of(std::span<const Array<T>> parts, int axis) {
  check(!parts.empty(), "concat: nothing to join");
  Shape shape = parts[0].shape();
  axis = shape.at(axis, "concat");
  shape[axis] = 0;
  for (const Array<T>& part : parts) {
    Shape fits = shape;
    if (part.dim() == shape.rank()) fits[axis] = part.size(axis);
    check(part.shape() == fits, "concat along axis ", axis, ": shapes ", parts[0].shape(), " and ", part.shape());
  }
  for (const Array<T>& part : parts) shape[axis] += part.size(axis);
  Array<T> y(shape);
  const Strides to = strides_of(shape);
  T* next = y.mutable_data();
  for (const Array<T>& part : parts) {
    copy(part.shape(), next, to, part.data(), strides_of(part.shape()));
    next += part.size(axis) * to[size_t(axis)];
  }
  return y;
}
}  // namespace

Tensor concat(std::span<const Tensor> parts, int axis) { return concat_of(parts, axis); }
Indices concat(std::span<const Indices> parts, int axis) { return concat_of(parts, axis); }

Tensor pad(const Tensor& x, const std::vector<int64_t>& widths, real value) {
  check(widths.size() % 2 == 0 && int(widths.size()) <= 2 * x.dim(), "pad: ", widths.size(), " widths for shape ",
        x.shape(), "; two for each of the last axes expected");
  Shape shape = x.shape();
  for (size_t k = 0; k < widths.size(); ++k) {
    check(widths[k] >= 0, "pad: a width of ", widths[k]);
    shape[-1 - int(k / 2)] += widths[k];
  }
  Tensor y = full(shape, value);
  const Strides to = strides_of(shape);
  real* first = y.mutable_data();
  for (size_t k = 0; k < widths.size(); k += 2) first += widths[k] * to[size_t(x.dim() - 1) - k / 2];
  copy(x.shape(), first, to, x.data(), strides_of(x.shape()));
  return y;
}

namespace {
// Keeps columns [first(row), last(row)) of each row.
template <class Keep>
Tensor band(const Tensor& x, const char* op, const Keep& keep) {
  check(x.dim() >= 2, op, ": matrices expected, not shape ", x.shape());
  const int64_t rows = x.size(-2), columns = x.size(-1);
  Tensor y(x.shape());
  const real* in = x.data();
  real* out = y.mutable_data();
  for (int64_t r = 0; r < x.shape().product(0, x.dim() - 1); ++r, in += columns, out += columns) {
    const auto [first, last] = keep(r % rows);
    std::fill_n(out, first, real(0));
    std::copy(in + first, in + last, out + first);
    std::fill(out + last, out + columns, real(0));
  }
  return y;
}
}  // namespace

Tensor tril(const Tensor& x, int64_t diagonal) {
  return band(x, "tril", [&](int64_t row) {
    return std::pair(int64_t(0), std::clamp<int64_t>(row + diagonal + 1, 0, x.size(-1)));
  });
}
Tensor triu(const Tensor& x, int64_t diagonal) {
  return band(x, "triu",
              [&](int64_t row) { return std::pair(std::clamp<int64_t>(row + diagonal, 0, x.size(-1)), x.size(-1)); });
}

template Tensor permute(const Tensor&, const Axes&);
template Indices permute(const Indices&, const Axes&);
template Tensor transpose(const Tensor&, int, int);
template Indices transpose(const Indices&, int, int);
template Tensor slice(const Tensor&, int, int64_t, int64_t, int64_t);
template Indices slice(const Indices&, int, int64_t, int64_t, int64_t);
template Tensor flip(const Tensor&, const Axes&);
template Indices flip(const Indices&, const Axes&);

}  // namespace bijou

#include "tensor/indexing.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "tensor/lines.h"

namespace bijou {
namespace {

void check_positions(const Indices& index, const Shape& shape, int axis, const char* op) {
  const auto n = uint32_t(shape[shape.at(axis, op)]);
  uint32_t largest = 0;  // negative ones are larger still; a loop without a way out runs on vectors
  for (bijou::index i : index) largest = std::max(largest, uint32_t(i));
  if (largest < n || index.numel() == 0) return;
  for (bijou::index i : index)
    check(uint32_t(i) < n, op, ": index ", i, " is not in [0, ", n, "), axis ", axis, " of shape ", shape);
}

// shape with another size of one axis.
Shape resized(Shape shape, int axis, int64_t size) {
  shape[axis] = size;
  return shape;
}

void check_gather(const Shape& shape, int axis, const Indices& index, const char* op) {
  axis = shape.at(axis, op);
  check(index.dim() == shape.rank() && index.shape() == resized(shape, axis, index.size(axis)), op, ": index ",
        index.shape(), " for shape ", shape, ": they may differ in axis ", axis, " only");
  check_positions(index, shape, axis, op);
}

// body(offset in the indexed tensor, offset in the index) for all picks of gather; one thread has all picks of a line.
template <class Body>
void for_picks(const Lines& x, int64_t m, const index* index, const Body& body) {
  parallel_for(x.outer, grain_for(m * x.inner), [&](int64_t first, int64_t last) {
    if (x.inner == 1)
      for (int64_t at = first * m, o = first; o < last; ++o)
        for (int64_t k = 0; k < m; ++k, ++at) body(o * x.n + index[at], at);
    else
      for (int64_t at = first * m * x.inner, o = first; o < last; ++o)
        for (int64_t k = 0; k < m; ++k)
          for (int64_t j = 0; j < x.inner; ++j, ++at) body((o * x.n + index[at]) * x.inner + j, at);
  });
}

}  // namespace

Tensor gather(const Tensor& x, int axis, const Indices& index) {
  check_gather(x.shape(), axis, index, "gather");
  Tensor y(index.shape());
  const real* in = x.data();
  real* out = y.mutable_data();
  for_picks({x.shape(), axis, "gather"}, index.size(axis), index.data(),
            [=](int64_t from, int64_t to) { out[to] = in[from]; });
  return y;
}

Tensor scatter_add(const Shape& shape, int axis, const Indices& index, const Tensor& y) {
  check_gather(shape, axis, index, "scatter_add");
  check(y.shape() == index.shape(), "scatter_add: index ", index.shape(), " for values ", y.shape());
  Tensor x = zeros(shape);
  const real* in = y.data();
  real* out = x.mutable_data();
  for_picks({shape, axis, "scatter_add"}, index.size(axis), index.data(),
            [=](int64_t to, int64_t from) { out[to] += in[from]; });
  return x;
}

template <class T>
Array<T> index_select(const Array<T>& x, int axis, const Indices& index) {
  check(index.dim() == 1, "index_select: index ", index.shape(), "; [n] expected");
  check_positions(index, x.shape(), axis, "index_select");
  Array<T> y(resized(x.shape(), axis, index.numel()));
  const Lines l(x.shape(), axis, "index_select");
  const int64_t m = index.numel();
  const T* in = x.data();
  const bijou::index* rows = index.data();
  T* out = y.mutable_data();
  parallel_for(l.outer * m, grain_for(l.inner), [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      std::memcpy(out + i * l.inner, in + (i / m * l.n + rows[i % m]) * l.inner, size_t(l.inner) * sizeof(T));
  });
  return y;
}
template Tensor index_select(const Tensor&, int, const Indices&);
template Indices index_select(const Indices&, int, const Indices&);

// Each thread owns a range of the rows added to and takes what falls into it, in order: no two meet, and the sums are
// the same for any number of threads.
Tensor index_add(const Shape& shape, int axis, const Indices& index, const Tensor& y) {
  const Lines l(shape, axis, "index_add");
  check(index.dim() == 1 && y.dim() == shape.rank() && y.shape() == resized(shape, axis, index.numel()),
        "index_add: index ", index.shape(), " and values ", y.shape(), " for axis ", axis, " of shape ", shape);
  check_positions(index, shape, axis, "index_add");
  Tensor x(shape);
  const int64_t m = index.numel();
  const bijou::index* rows = index.data();
  const real* in = y.data();
  real* out = x.mutable_data();
  parallel_for(l.outer * l.n, grain_for(l.inner + y.numel() / (l.outer * l.n + 1)), [=](int64_t first, int64_t last) {
    std::fill(out + first * l.inner, out + last * l.inner, real(0));
    for (int64_t o = first / l.n; o * l.n < last; ++o)
      for (int64_t k = 0; k < m; ++k) {
        const int64_t row = o * l.n + rows[k];
        if (row < first || row >= last) continue;
        real* to = out + row * l.inner;
        const real* from = in + (o * m + k) * l.inner;
        for (int64_t j = 0; j < l.inner; ++j) to[j] += from[j];
      }
  });
  return x;
}

Tensor one_hot(const Indices& index, int64_t classes) {
  Shape shape = index.shape();
  shape.push_back(classes);
  check_positions(index, shape, -1, "one_hot");
  Tensor y = zeros(shape);
  real* out = y.mutable_data();
  for (int64_t i = 0; i < index.numel(); ++i) out[i * classes + index.data()[i]] = 1;
  return y;
}

// ---- Order ----------------------------------------------------------------------------------------------------------

namespace {

// A number and its position as integers that sort as they should: equals by position, which makes any sorting algorithm
// a stable one.
struct Ranked {
  using Key = std::conditional_t<std::is_same_v<real, float>, uint32_t, uint64_t>;
  Key key;
  index position;

  Ranked(real x, index position, bool descending) : position(position) {
    constexpr Key kSign = Key(1) << (8 * sizeof(Key) - 1);
    const Key bits = std::bit_cast<Key>(x == x ? x + 0 : kNaN);  // -0 is 0, and all NaN are alike, above infinity
    key = bits & kSign ? ~bits : bits | kSign;                   // the bits of negative numbers run backwards
    if (descending) key = ~key;
  }
  bool operator<(const Ranked& o) const { return key < o.key || (key == o.key && position < o.position); }
};

// The first k along the axis in ascending or descending order.
ValuesAndIndices<Tensor> first_in_order(const Lines& l, const Tensor& x, int64_t k, int axis, bool descending) {
  const Shape shape = resized(x.shape(), axis, k);
  ValuesAndIndices<Tensor> result{Tensor(shape), Indices(shape)};
  const real* in = x.data();
  real* values = result.values.mutable_data();
  index* positions = result.indices.mutable_data();
  parallel_for(l.outer * l.inner, grain_for(8 * l.n), [=](int64_t first, int64_t last) {
    std::vector<Ranked> line;  // the first k so far, as a heap with the last of them on top
    for (int64_t i = first; i < last; ++i) {
      const int64_t o = i / l.inner, j = i % l.inner;
      const real* from = in + o * l.n * l.inner + j;
      line.clear();
      for (int64_t p = 0; p < k; ++p) line.emplace_back(from[p * l.inner], index(p), descending);
      if (k < l.n) std::make_heap(line.begin(), line.end());
      for (int64_t p = k; p < l.n && k > 0; ++p) {
        const Ranked next(from[p * l.inner], index(p), descending);
        if (!(next < line.front())) continue;
        std::pop_heap(line.begin(), line.end());
        line.back() = next;
        std::push_heap(line.begin(), line.end());
      }
      std::sort(line.begin(), line.end());
      for (int64_t p = 0; p < k; ++p) {
        const int64_t at = (o * k + p) * l.inner + j, position = line[size_t(p)].position;
        values[at] = from[position * l.inner];
        positions[at] = index(position);
      }
    }
  });
  return result;
}

}  // namespace

ValuesAndIndices<Tensor> sort(const Tensor& x, int axis, SortOptions options) {
  const Lines l(x.shape(), axis, "sort");
  return first_in_order(l, x, l.n, axis, options.descending);
}
Indices argsort(const Tensor& x, int axis, SortOptions options) { return sort(x, axis, options).indices; }

ValuesAndIndices<Tensor> topk(const Tensor& x, int64_t k, int axis, TopkOptions options) {
  const Lines l(x.shape(), axis, "topk");
  check(k >= 0 && k <= l.n, "topk: ", k, " of axis ", axis, " of shape ", x.shape());
  return first_in_order(l, x, k, axis, options.largest);
}

Indices searchsorted(const Tensor& sorted, const Tensor& values, SearchOptions options) {
  const bool shared = sorted.dim() == 1;
  check(shared || (sorted.dim() == values.dim() && sorted.shape() == resized(values.shape(), -1, sorted.size(-1))),
        "searchsorted: sorted ", sorted.shape(), " for values ", values.shape(),
        "; [n], or one row for each row of values");
  const int64_t n = sorted.size(-1), m = shared ? values.numel() : values.size(-1);
  Indices result(values.shape());
  const real *rows = sorted.data(), *v = values.data();
  index* out = result.mutable_data();
  parallel_for(values.numel(), 1 << 12, [=](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const real* row = rows + i / m * n;
      out[i] =
          index((options.right ? std::upper_bound(row, row + n, v[i]) : std::lower_bound(row, row + n, v[i])) - row);
    }
  });
  return result;
}

}  // namespace bijou

// Rearranging: the same numbers in another order. Tensors are contiguous, so each op is one copy between two strided
// views (layout.cc); only reshape and a slice along the first axis are free.
//
// The ops serve Tensors and Indices; on Vars they are in autograd/ops.h.
#pragma once

#include <vector>

#include "tensor/reduce.h"  // Axes

namespace bijou {

// Axis a of the result is axis order[a] of x.
template <class T>
Array<T> permute(const Array<T>& x, const Axes& order);
// Two axes swapped.
template <class T>
Array<T> transpose(const Array<T>& x, int a, int b);
// Positions start, start + step, ... before stop, along one axis. Negative ones count from the end, as in Python;
// positions outside of the axis throw.
template <class T>
Array<T> slice(const Array<T>& x, int axis, int64_t start, int64_t stop, int64_t step = 1);
// The adjoint of slice: a tensor of `shape` with y at start, start + step, ... along the axis, 0 elsewhere.
Tensor unslice(const Tensor& y, const Shape& shape, int axis, int64_t start, int64_t step = 1);
// In reverse order along the axes.
template <class T>
Array<T> flip(const Array<T>& x, const Axes& axes);

// Tensors end to end along an axis; their other sizes agree.
Tensor concat(std::span<const Tensor> parts, int axis);
Indices concat(std::span<const Indices> parts, int axis);
inline Tensor concat(std::initializer_list<Tensor> parts, int axis) {
  return concat(std::span(parts.begin(), parts.size()), axis);
}
inline Indices concat(std::initializer_list<Indices> parts, int axis) {
  return concat(std::span(parts.begin(), parts.size()), axis);
}

// A frame of `value` around x: {left, right} of the last axis, then {.., ..} of the one before, and so on.
Tensor pad(const Tensor& x, const std::vector<int64_t>& widths, real value = 0);

// The last two axes as matrices, 0 above (tril) or below (triu) the diagonal-th diagonal; 1 is the one above the main.
Tensor tril(const Tensor& x, int64_t diagonal = 0);
Tensor triu(const Tensor& x, int64_t diagonal = 0);

// ---- Other words for reshape, slice and concat, on Tensors, Indices and Vars alike ----------------------------------

template <class T>
Array<T> reshape(const Array<T>& x, const Shape& shape) {
  return x.reshape(shape);
}

template <class X>
concept Shaped = requires(const X& x) {
  { x.shape() } -> std::convertible_to<Shape>;
};

// With a new axis of size 1 at `axis`; -1 puts it last.
template <Shaped X>
X unsqueeze(const X& x, int axis) {
  const int rank = x.dim(), at = axis < 0 ? axis + rank + 1 : axis;
  check(at >= 0 && at <= rank, "unsqueeze: axis ", axis, " is out of range for shape ", x.shape());
  Shape shape;
  for (int a = 0; a <= rank; ++a) {
    if (a == at) shape.push_back(1);
    if (a < rank) shape.push_back(x.size(a));
  }
  return reshape(x, shape);
}

// Without axes that have size 1.
template <Shaped X>
X squeeze(const X& x, const Axes& axes) {
  for (int a : axes.list) check(x.size(a) == 1, "squeeze: axis ", a, " of shape ", x.shape(), " is not of size 1");
  return reshape(x, reduced_shape(x.shape(), axes, {}, "squeeze"));
}

// `length` positions from `start` on.
template <Shaped X>
X narrow(const X& x, int axis, int64_t start, int64_t length) {
  const int64_t n = x.size(x.shape().at(axis, "narrow")), first = start < 0 ? start + n : start;
  check(first >= 0 && length >= 0 && first + length <= n, "narrow: ", length, " positions from ", start, " on of axis ",
        axis, " of shape ", x.shape());
  return slice(x, axis, first, first + length);
}

// Position i of an axis, without that axis: x[:, i].
template <Shaped X>
X select(const X& x, int axis, int64_t i) {
  return squeeze(narrow(x, axis, i, 1), axis);
}

// Pieces of the given sizes, or of one size (the last may be smaller), or, as PyTorch does, `count` pieces of one size.
template <Shaped X>
std::vector<X> split(const X& x, const std::vector<int64_t>& sizes, int axis) {
  int64_t start = 0;
  for (int64_t size : sizes) start += size;
  check(start == x.size(axis), "split: the sizes add up to ", start, ", not to axis ", axis, " of shape ", x.shape());
  std::vector<X> pieces;
  start = 0;
  for (int64_t size : sizes) {
    pieces.push_back(narrow(x, axis, start, size));
    start += size;
  }
  return pieces;
}
template <Shaped X>
std::vector<X> split(const X& x, int64_t size, int axis) {
  check(size > 0, "split: pieces of ", size);
  std::vector<int64_t> sizes;
  for (int64_t left = x.size(axis); left > 0; left -= size) sizes.push_back(std::min(left, size));
  return split(x, sizes, axis);
}
template <Shaped X>
std::vector<X> chunk(const X& x, int64_t count, int axis) {
  check(count > 0, "chunk: ", count, " pieces");
  return split(x, std::max<int64_t>(1, (x.size(axis) + count - 1) / count), axis);
}

// Tensors of one shape side by side along a new axis.
template <Shaped X>
X stack(std::span<const X> parts, int axis) {
  std::vector<X> slabs;
  for (const X& x : parts) {
    check(x.shape() == parts[0].shape(), "stack: shapes ", parts[0].shape(), " and ", x.shape(), " differ");
    slabs.push_back(unsqueeze(x, axis));
  }
  return concat(std::span<const X>(slabs), axis);
}
template <Shaped X>
X stack(const std::vector<X>& parts, int axis) {
  return stack(std::span<const X>(parts), axis);
}
template <Shaped X>
X stack(std::initializer_list<X> parts, int axis) {
  return stack(std::span<const X>(parts.begin(), parts.size()), axis);
}

// Moved on by `shift` along an axis; what leaves at the end comes in at the start.
template <Shaped X>
X roll(const X& x, int64_t shift, int axis) {
  const int64_t n = x.size(axis);
  if (n == 0 || shift % n == 0) return x;
  const int64_t cut = n - (shift % n + n) % n;
  const X parts[] = {slice(x, axis, cut, n), slice(x, axis, 0, cut)};
  return concat(std::span<const X>(parts), axis);
}

}  // namespace bijou

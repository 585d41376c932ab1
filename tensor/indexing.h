// Indexing: numbers picked by position, and its adjoint, numbers added at positions; sorting.
//
// A position outside of its axis throws, naming it and the axis. Sums run in the same order on any number of threads.
#pragma once

#include "tensor/reduce.h"  // KeepDim, ValuesAndIndices

namespace bijou {

// y[i, j, k] = x[i, index[i, j, k], k] for axis 1: index has the shape of x but for the axis.
Tensor gather(const Tensor& x, int axis, const Indices& index);
// Its adjoint: zeros of `shape`, to which y[i, j, k] is added at [i, index[i, j, k], k].
Tensor scatter_add(const Shape& shape, int axis, const Indices& index, const Tensor& y);

// y[:, j] = x[:, index[j]] for axis 1, index [n]: rows of a table, channels of an image.
template <class T>
Array<T> index_select(const Array<T>& x, int axis, const Indices& index);
// Its adjoint: zeros of `shape`, to which y[:, j] is added at [:, index[j]].
Tensor index_add(const Shape& shape, int axis, const Indices& index, const Tensor& y);

// [..., classes]: 1 at each index, 0 elsewhere.
Tensor one_hot(const Indices& index, int64_t classes);

// ---- Order ----------------------------------------------------------------------------------------------------------

struct SortOptions {
  bool descending = false;
};
// Along an axis; equals keep their order; NaN counts as larger than all numbers.
ValuesAndIndices<Tensor> sort(const Tensor& x, int axis, SortOptions options = {});
Indices argsort(const Tensor& x, int axis, SortOptions options = {});

// The k largest along an axis (or the smallest), in order.
struct TopkOptions {
  bool largest = true;
};
ValuesAndIndices<Tensor> topk(const Tensor& x, int64_t k, int axis, TopkOptions options = {});

// How many of the ascending numbers are < value, or with right, <= value: the place where it belongs. `sorted` is [n]
// or has one row for each row of values: [..., n] and [..., m] to [..., m].
struct SearchOptions {
  bool right = false;
};
Indices searchsorted(const Tensor& sorted, const Tensor& values, SearchOptions options = {});

}  // namespace bijou

// Reductions over axes.
#pragma once

#include "tensor/tensor.h"

namespace bijou {

// One axis or several, negative ones counted from the end: sum(x, -1), sum(x, {0, 2}).
struct Axes {
  Axes(int axis) : list{axis} {}
  Axes(std::initializer_list<int> axes) : list(axes) {}
  std::vector<int> list;
};
struct KeepDim {
  bool keepdim = false;  // leave the reduced axes in the shape, with size 1
};

Shape reduced_shape(const Shape& shape, const Axes& axes, KeepDim keep, const char* op);
Axes all_axes(const Shape& shape);

Tensor sum(const Tensor& x);  // of all elements: shape []
Tensor sum(const Tensor& x, const Axes& axes, KeepDim keep = {});
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const Axes& axes, KeepDim keep = {});

// Stretches size-1 axes to `shape`; and its adjoint, which sums x down to a shape that broadcasts to x's.
Tensor broadcast_to(const Tensor& x, const Shape& shape);
Tensor sum_to(const Tensor& x, const Shape& shape);

// The largest and the smallest; NaN where there is a NaN. Of nothing: throws.
Tensor max(const Tensor& x);  // of all elements: shape []
Tensor min(const Tensor& x);
Tensor amax(const Tensor& x, const Axes& axes, KeepDim keep = {});
Tensor amin(const Tensor& x, const Axes& axes, KeepDim keep = {});

// Along one axis, with the position: the first of equals.
template <class X>
struct ValuesAndIndices {
  X values;
  Indices indices;
};
ValuesAndIndices<Tensor> max(const Tensor& x, int axis, KeepDim keep = {});
ValuesAndIndices<Tensor> min(const Tensor& x, int axis, KeepDim keep = {});
Indices argmax(const Tensor& x, int axis, KeepDim keep = {});
Indices argmin(const Tensor& x, int axis, KeepDim keep = {});

// log sum exp(x), without overflow: -inf where all x are, inf where one is.
Tensor logsumexp(const Tensor& x, const Axes& axes, KeepDim keep = {});

// y_k = x_0 + ... + x_k along the axis.
Tensor cumsum(const Tensor& x, int axis);

}  // namespace bijou

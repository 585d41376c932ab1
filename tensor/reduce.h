// Reductions over axes, and softmax.
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

Tensor sum(const Tensor& x);   // of all elements: shape []
Tensor sum(const Tensor& x, const Axes& axes, KeepDim keep = {});
Tensor mean(const Tensor& x);
Tensor mean(const Tensor& x, const Axes& axes, KeepDim keep = {});

// Stretches size-1 axes to `shape`; and its adjoint, which sums x down to a shape that broadcasts to x's.
Tensor broadcast_to(const Tensor& x, const Shape& shape);
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace bijou

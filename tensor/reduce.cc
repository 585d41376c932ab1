#include "tensor/reduce.h"

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

Tensor sum_to(const Tensor& x, const Shape& shape) {
  check(broadcast(x.shape(), shape, "sum_to") == x.shape(), "sum_to: ", x.shape(), " cannot be summed to ", shape);
  Tensor out = zeros(shape);
  detail::evaluate<1>([](Lane v) { return std::array{v}; }, x.shape(), std::array{&x}, {&out});
  return out;
}

Tensor broadcast_to(const Tensor& x, const Shape& shape) {
  check(broadcast(x.shape(), shape, "broadcast_to") == shape, "broadcast_to: ", x.shape(), " does not stretch to ", shape);
  Tensor out(shape);
  detail::evaluate<1>([](Lane v) { return std::array{v}; }, shape, std::array{&x}, {&out});
  return out;
}

Tensor sum(const Tensor& x, const Axes& axes, KeepDim keep) {
  return sum_to(x, reduced_shape(x.shape(), axes, {.keepdim = true}, "sum")).reshape(reduced_shape(x.shape(), axes, keep, "sum"));
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

}  // namespace bijou

#include "flows/actnorm.h"

#include "autograd/map.h"
#include "tensor/elementwise.h"

namespace bijou::flows {

ActNorm::ActNorm(int64_t channels) : log_scale(parameter(zeros({channels}))), shift(parameter(zeros({channels}))) {}

Var ActNorm::column(const Var& v, int rank) const {
  Shape shape{v.numel()};
  while (shape.rank() + 1 < rank) shape.push_back(1);
  return reshape(v, shape);
}

void ActNorm::initialise(const Tensor& x) const {
  check(x.numel() > x.size(1),
        "ActNorm: the first training batch has one number a channel, and no variance: ", x.shape());
  Axes others{0};
  for (int axis = 2; axis < x.dim(); ++axis) others.list.push_back(axis);
  const Tensor center = mean(x, others, {.keepdim = true});
  const Tensor scale = real(1) / (sqrt(mean(square(x - center), others)) + real(1e-6));
  Var(log_scale).mutable_value().copy_from(log(scale));
  Var(shift).mutable_value().copy_from(-center.flatten() * scale);
  Tensor(initialised).fill(1);
}

Latent ActNorm::f(const Var& x, const Var&) const {
  check(x.dim() >= 2 && x.size(1) == shift.numel(), "ActNorm: ", shift.numel(), " channels expected, not ", x.shape());
  if (training && initialised.item() == 0) initialise(x.value());
  const Var s = column(exp(log_scale), x.dim()), b = column(shift, x.dim());
  const real pixels = real(x.shape().product(2, x.dim()));
  return {map([](auto x, auto s, auto b) { return x * s + b; }, x, s, b),
          broadcast_to(sum(log_scale) * pixels, {x.size(0)})};
}

Data ActNorm::g(const Var& z, const Var&) const {
  check(z.dim() >= 2 && z.size(1) == shift.numel(), "ActNorm: ", shift.numel(), " channels expected, not ", z.shape());
  if (training && grad_enabled()) Tensor(initialised).fill(1);  // what learns this way should not be lost
  const Var r = column(exp(-log_scale), z.dim()), b = column(shift, z.dim());
  const real pixels = real(z.shape().product(2, z.dim()));
  return {map([](auto z, auto r, auto b) { return (z - b) * r; }, z, r, b),
          broadcast_to(sum(log_scale) * -pixels, {z.size(0)})};
}

}  // namespace bijou::flows

#include "optim/clip.h"

#include <cmath>

#include "tensor/map.h"

namespace bijou::optim {

double grad_norm(const std::vector<Var>& parameters) {
  double total = 0;
  for (const Var& p : parameters)
    if (p.grad()) total += map_sum([](Lane g) { return square(g); }, 0, p.grad().value()).item();
  return std::sqrt(total);
}

double clip_grad_norm(const std::vector<Var>& parameters, double max_norm) {
  check(max_norm >= 0, "clip_grad_norm: a norm from 0 expected, not ", max_norm);
  const double norm = grad_norm(parameters);
  const real factor = real(max_norm / (norm + 1e-6));  // PyTorch's guard against 0
  if (factor >= 1 || !std::isfinite(norm)) return norm;
  for (const Var& p : parameters)
    if (Var g = p.grad()) update<1>([=](Lane& x) { x = x * factor; }, g.mutable_value());
  return norm;
}

void clip_grad_value(const std::vector<Var>& parameters, double limit) {
  check(limit >= 0, "clip_grad_value: a limit from 0 expected, not ", limit);
  for (const Var& p : parameters)
    if (Var g = p.grad()) update<1>([l = real(limit)](Lane& x) { x = clamp(x, -l, l); }, g.mutable_value());
}

}  // namespace bijou::optim

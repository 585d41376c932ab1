#include "nn/dropout.h"

#include "autograd/map.h"
#include "tensor/random.h"

namespace bijou::nn {

Var dropout(const Var& x, const Shape& mask_shape, double p) {
  if (p == 0) return x;
  const real scale = p < 1 ? real(1 / (1 - p)) : 0;
  auto f = [scale](auto x, auto kept) { return x * (kept * scale); };
  return map("dropout", f, x, bernoulli(mask_shape, 1 - p));
}

Dropout::Dropout(Options o) : p(o.p) { check(p >= 0 && p <= 1, "Dropout: p = ", p, " is not a probability"); }

Var Dropout::operator()(const Var& x) const { return training ? dropout(x, x.shape(), p) : x; }

DropPath::DropPath(Options o) : p(o.p) { check(p >= 0 && p <= 1, "DropPath: p = ", p, " is not a probability"); }

Var DropPath::operator()(const Var& x) const {
  check(x.dim() >= 1, "DropPath: an axis of examples expected; the shape is ", x.shape());
  return training ? dropout(x, detail::summed_from(x.shape(), 1), p) : x;
}

}  // namespace bijou::nn

#include "nn/linear.h"

#include "autograd/ops.h"
#include "nn/init.h"

namespace bijou::nn {

Linear::Linear(Options o) {
  check(o.in > 0 && o.out > 0, "Linear: sizes in = ", o.in, " and out = ", o.out, " must be positive");
  weight = parameter(init::default_weight({o.out, o.in}));
  if (o.bias) bias = parameter(init::default_bias(o.out, o.in));
}

Var Linear::operator()(const Var& x) const { return linear(x, weight, bias); }

}  // namespace bijou::nn

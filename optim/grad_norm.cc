#include "optim/grad_norm.h"

#include "autograd/elementwise.h"
#include "autograd/ops.h"

namespace bijou::optim {

Var gradient_norm(const Var& loss, const std::vector<Var>& parameters) {
  Var total = real(0);
  for (const Var& g : grad(loss, parameters, {.create_graph = true})) total = total + sum(square(g));
  return total.item() > 0 ? sqrt(total) : total.detach();
}

}  // namespace bijou::optim

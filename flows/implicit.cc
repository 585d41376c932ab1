#include "flows/implicit.h"

#include "autograd/elementwise.h"

namespace bijou::flows {

Var implicit(const Tensor& solution, const std::function<Var(const Var& x)>& step, int64_t max_rounds) {
  if (!grad_enabled()) return solution;
  const Var once = step(solution);
  return record("implicit", solution, {once}, [=](const Node&, const Var& g, Grads& d) {
    check(!grad_enabled(), "implicit: a solution found numerically has no second derivative; use the other direction");
    const Var x = parameter(solution);
    Var y;
    {
      const EnableGrad on;
      y = step(x);
    }
    constexpr double kEnough = sizeof(real) == 8 ? 1e-15 : 1e-7;
    Var v = g;
    for (int64_t round = 0; round < max_rounds; ++round) {
      const Var next = g + grad(y, v, std::span(&x, 1), {.retain_graph = true})[0];
      const double change = max_difference(next.value(), v.value());
      v = next;
      if (change <= kEnough) break;
    }
    d[0] = v;
  });
}

}  // namespace bijou::flows

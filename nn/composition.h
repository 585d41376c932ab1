// A fused op computes in one kernel what a composition of ops also says. Its fast rule serves ordinary backward passes;
// where the gradient itself is to be differentiated, the composition does:
//
//   record("op", fused(x, w), {x, w}, [](const Node& y, const Var& g, Grads& d) {
//     if (grad_enabled()) return vjp_by_composition(y, g, d, [](auto& in) { return composed(in[0], in[1]); });
//     ...
#pragma once

#include "autograd/ops.h"

namespace bijou::nn {

// f(inputs) -> Var, the composition; inputs: const std::vector<Var>&, in the order in which they were recorded.
template <class F>
void vjp_by_composition(const Node& y, const Var& g, Grads& d, const F& f) {
  std::vector<Var> inputs, wanted;
  for (int i = 0; i < int(y.inputs.size()); ++i) {
    // Through a node of its own, so that the derivative by one input is that with the others held fixed, even where one
    // was made from another.
    inputs.push_back(y.inputs[size_t(i)].var ? reshape(y.in(i), y.in_shape(i)) : Var());
    if (d.wants(i)) wanted.push_back(inputs.back());
  }
  std::vector<Var> gradients = grad(f(inputs), g, wanted, {.create_graph = true});
  for (int i = 0, next = 0; i < int(y.inputs.size()); ++i)
    if (d.wants(i)) d[i] = std::move(gradients[size_t(next++)]);
}

}  // namespace bijou::nn

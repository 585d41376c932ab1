// Whole derivatives, made of the engine's two verbs: grad, and grad of grad.
//
//   J = dy/dx           jacobian: one backward pass a row
//   v -> v J            vjp: what a backward pass is
//   u -> J u            jvp: v -> v J is linear in v, and J u is its derivative by v, times u
//   v -> H v            hvp: d(g·v)/dp for g = dL/dp; H is never formed (Pearlmutter, "Fast exact multiplication by
//                       the Hessian", Neural Computation 1994)
//
// And checkpoint: a function that forgets how it came to its result, and does it again for the backward pass
// (Chen et al., "Training deep nets with sublinear memory cost", 2016).
#pragma once

#include <functional>

#include "autograd/var.h"

namespace bijou {

using VarFunction = std::function<Var(const Var&)>;

Tensor vjp(const VarFunction& f, const Tensor& x, const Tensor& v);  // v of y's shape; the result of x's
Tensor jvp(const VarFunction& f, const Tensor& x, const Tensor& u);  // u of x's shape; the result of y's
Tensor jacobian(const VarFunction& f, const Tensor& x);              // [numel(y), numel(x)]
Tensor hessian(const VarFunction& f, const Tensor& x);               // [numel(x), numel(x)]; y has one element

// H v for the Hessian H of loss() by the parameters; v and the result have their shapes.
std::vector<Tensor> hvp(const std::function<Var()>& loss, std::span<const Var> params, std::span<const Tensor> v);

// f(), with the memory of its intermediate values given back at once: the backward pass runs f again, with the same
// random numbers from default_generator(). f captures its inputs (and parameters) by value; they must not be changed
// in place before the backward pass. What else f does, such as a running mean, it does twice.
Var checkpoint(const std::function<Var()>& f);

}  // namespace bijou

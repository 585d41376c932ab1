// The derivative of a solution that was found numerically. x solves x = T(x); T also depends on other things (a latent,
// parameters). Differentiating both sides,
//
//   dx = (I - ∂T/∂x)⁻¹ dT,    so dL/dT = v with v = g + (∂T/∂x)ᵀ v for g = dL/dx
//
// which is solved by iteration: v = g, then v <- g + (∂T/∂x)ᵀ v, a backward pass each. It ends after D rounds where
// ∂T/∂x is strictly triangular, and converges where T is a contraction. How x was found doesn't matter, and nothing of
// it is kept. (The implicit function theorem; see S. Bai, J. Kolter, V. Koltun, "Deep equilibrium models", 2019.)
#pragma once

#include <functional>

#include "autograd/var.h"

namespace bijou::flows {

// The solution as a Var; `step` is T, which captures all it needs by value. Once differentiable: a gradient of a
// gradient throws.
Var implicit(const Tensor& solution, const std::function<Var(const Var& x)>& step, int64_t max_rounds);

}  // namespace bijou::flows

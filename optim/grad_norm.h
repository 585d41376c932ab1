// Gradient-norm regularisation: L + λ ‖∇L‖, a gradient of a gradient. To first order SAM minimises the same, as
// L(w + ε) = L + ρ ‖∇L‖ with λ = ρ; here the second-order term is there in full.
//
//   const Var loss = nn::cross_entropy(net(images), labels);
//   backward(loss + gradient_norm(loss, net.parameters()) * 0.1);
//
// Y. Zhao, H. Zhang, X. Hu, "Penalizing gradient norm for efficiently improving generalization in deep learning",
// ICML 2022.
#pragma once

#include <vector>

#include "autograd/var.h"

namespace bijou::optim {

// ‖∇L‖₂ of all parameters together, to be differentiated once more. Where it is zero it counts as a constant, for its
// derivative has no direction.
Var gradient_norm(const Var& loss, const std::vector<Var>& parameters);

}  // namespace bijou::optim

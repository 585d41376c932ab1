// Curvature as linear operators: v -> A v over a whole data set, with A, a million by a million, never written down.
//
//   Hessian             H = 1/n Σ ∇²ℓ_i                       a gradient of a gradient
//   Gauss-Newton        G = 1/n Σ J_iᵀ (∂²ℓ_i/∂z²) J_i          J_i: the outputs z of example i by the weights
//   empirical Fisher    F = 1/n Σ ∇ℓ_i ∇ℓ_iᵀ
//
// G is H without the curvature of the network itself; where the outputs are linear in the weights they are equal. All
// are the almost-everywhere derivatives: at the kinks of a ReLU there is no curvature here, though a difference of two
// gradients some way apart sees one.
//
// B. Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 1994; N. Schraudolph, "Fast curvature
// matrix-vector products for second-order gradient descent", Neural Computation 2002.
#pragma once

#include <functional>
#include <vector>

#include "autograd/var.h"

namespace bijou::optim {

// The mean loss of a data set, looked at in batches. A network with batch normalisation or dropout is a function of its
// weights in evaluation mode: call eval() first.
struct Objective {
  int64_t examples;
  std::function<Var(int64_t first, int64_t last)> outputs;                     // of these examples: [last - first, ...]
  std::function<Var(const Var& outputs, int64_t first, int64_t last)> losses;  // one of each: [last - first]
  int64_t batch = 500;
};
// Cross entropy of net(images) and labels; the network is shared.
template <class Net>
Objective classification(const Net& net, const Tensor& images, const Indices& labels);

double mean_loss(const Objective& objective);
// Puts its gradient into .grad, in place of what was there, and returns the loss.
double mean_gradient(const Objective& objective, const std::vector<Var>& parameters);

// Symmetric.
struct LinearOperator {
  int64_t size;
  std::function<Tensor(const Tensor& v)> matvec;  // [size] -> [size]
};
LinearOperator hessian_operator(const Objective& objective, const std::vector<Var>& parameters);
LinearOperator gauss_newton_operator(const Objective& objective, const std::vector<Var>& parameters);
LinearOperator fisher_operator(const Objective& objective, const std::vector<Var>& parameters);

// All numbers as one vector [n]; and such a vector in the shapes of the parameters.
Tensor flattened(const std::vector<Tensor>& tensors);
std::vector<Tensor> unflattened(const Tensor& vector, const std::vector<Var>& parameters);
double dot(const Tensor& a, const Tensor& b);  // of two such vectors

// ---------------------------------------------------------------------------------------------------------------------

namespace detail {
Objective classification(std::function<Var(const Var&)> net, const Tensor& images, const Indices& labels);
}
template <class Net>
Objective classification(const Net& net, const Tensor& images, const Indices& labels) {
  return detail::classification([net](const Var& x) { return net(x); }, images, labels);
}

}  // namespace bijou::optim

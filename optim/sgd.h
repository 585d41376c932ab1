// Stochastic gradient descent, with a memory.
//
//   v <- momentum v + g,   w <- w - lr v                 (heavy ball)
//                          w <- w - lr (g + momentum v)  (Nesterov)
//
// B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964;
// I. Sutskever et al., "On the importance of initialization and momentum in deep learning", ICML 2013.
#pragma once

#include "optim/optimizer.h"

namespace bijou::optim {

struct SgdOptions {
  double lr = 1e-3;
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;  // g <- g + weight_decay w, first of all
};
void check_options(const SgdOptions& options);

class SGD final : public GroupedOptimizer<SgdOptions> {
 public:
  explicit SGD(const std::vector<Var>& parameters, const SgdOptions& options = {}) : SGD({{parameters, options}}) {}
  explicit SGD(const std::vector<Group>& groups) : GroupedOptimizer("SGD", {"momentum_buffer"}, groups) {}

 private:
  void descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) override;
};

}  // namespace bijou::optim

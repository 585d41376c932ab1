// LARS: SGD in which every tensor has a learning rate of its own, in proportion to how large it is beside its gradient,
// so that very large batches with very large learning rates do not tear a layer apart.
//
//   g <- g + weight_decay w,   trust = eta ‖w‖ / ‖g‖,   v <- momentum v + lr trust g,   w <- w - v
//
// As SimCLR uses it: the decay is part of ‖g‖, and biases and normalisation layers go without decay and without trust,
// in a group of their own: {.weight_decay = 0, .trust = false}. (The paper divides by ‖g‖ + weight_decay ‖w‖.)
//
// Y. You, I. Gitman, B. Ginsburg, "Large batch training of convolutional networks", 2017;
// T. Chen et al., "A simple framework for contrastive learning of visual representations", ICML 2020.
#pragma once

#include "optim/optimizer.h"

namespace bijou::optim {

struct LarsOptions {
  double lr = 1;
  double momentum = 0.9;
  double weight_decay = 1e-6;
  double eta = 1e-3;
  bool trust = true;  // false: plain SGD with momentum. Where ‖w‖ or ‖g‖ is zero, trust is 1
};
void check_options(const LarsOptions& options);

class LARS final : public GroupedOptimizer<LarsOptions> {
 public:
  explicit LARS(const std::vector<Var>& parameters, const LarsOptions& options = {}) : LARS({{parameters, options}}) {}
  explicit LARS(const std::vector<Group>& groups) : GroupedOptimizer("LARS", {"momentum_buffer"}, groups) {}

 private:
  void descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) override;
};

}  // namespace bijou::optim

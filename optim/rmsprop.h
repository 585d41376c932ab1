// RMSprop: the gradient divided by a running root mean square of itself, number by number.
//
//   s <- alpha s + (1 - alpha) g²,   u = g / (sqrt(s) + eps),   v <- momentum v + u,   w <- w - lr v
//
// T. Tieleman, G. Hinton, "Lecture 6.5: RMSprop", COURSERA: Neural Networks for Machine Learning, 2012.
#pragma once

#include "optim/optimizer.h"

namespace bijou::optim {

struct RmspropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double momentum = 0;
  double weight_decay = 0;  // g <- g + weight_decay w, first of all
};
void check_options(const RmspropOptions& options);

class RMSprop final : public GroupedOptimizer<RmspropOptions> {
 public:
  explicit RMSprop(const std::vector<Var>& parameters, const RmspropOptions& options = {})
      : RMSprop({{parameters, options}}) {}
  explicit RMSprop(const std::vector<Group>& groups)
      : GroupedOptimizer("RMSprop", {"square_avg", "momentum_buffer"}, groups) {}

 private:
  void descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) override;
};

}  // namespace bijou::optim

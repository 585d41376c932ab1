// Adam: momentum over RMSprop, with the bias of their zero start divided out; and AdamW, its sound weight decay.
//
//   m <- β1 m + (1 - β1) g,       m̂ = m / (1 - β1^t)
//   v <- β2 v + (1 - β2) g²,      v̂ = v / (1 - β2^t)
//   w <- w - lr m̂ / (sqrt(v̂) + eps)
//
// Adam's weight decay goes into g, where the division by sqrt(v̂) distorts it; AdamW's shrinks w itself by
// 1 - lr weight_decay.
//
// D. Kingma, J. Ba, "Adam: A method for stochastic optimization", ICLR 2015;
// I. Loshchilov, F. Hutter, "Decoupled weight decay regularization", ICLR 2019.
#pragma once

#include "optim/optimizer.h"

namespace bijou::optim {

struct AdamOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 0;
};
void check_options(const AdamOptions& options);

class Adam final : public GroupedOptimizer<AdamOptions> {
 public:
  explicit Adam(const std::vector<Var>& parameters, const AdamOptions& options = {}) : Adam({{parameters, options}}) {}
  explicit Adam(const std::vector<Group>& groups) : GroupedOptimizer("Adam", {"exp_avg", "exp_avg_sq"}, groups) {}

 private:
  void descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) override;
};

struct AdamWOptions {
  double lr = 1e-3;
  std::array<double, 2> betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = 1e-2;
};
void check_options(const AdamWOptions& options);

class AdamW final : public GroupedOptimizer<AdamWOptions> {
 public:
  explicit AdamW(const std::vector<Var>& parameters, const AdamWOptions& options = {})
      : AdamW({{parameters, options}}) {}
  explicit AdamW(const std::vector<Group>& groups) : GroupedOptimizer("AdamW", {"exp_avg", "exp_avg_sq"}, groups) {}

 private:
  void descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) override;
};

}  // namespace bijou::optim

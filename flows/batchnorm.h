// Batch normalisation as a bijector, between the layers of a deep flow: it keeps their inputs at a size where they
// learn.
//
//   z = (x - m) / sqrt(v + eps) exp(γ) + β,    log |det dz/dx| = sum_i (γ_i - ½ log(v_i + eps))
//
// Training takes m and v from the batch, so a training "likelihood" depends on who else is in the batch, and is no
// density. Evaluation, and the inverse always, take the stored ones, with which it is: report only those. During
// training they are running averages; use_statistics_of sets them to those of a whole training set, as the paper does
// before it evaluates. L. Dinh et al., "Density estimation using Real NVP", ICLR 2017; G. Papamakarios et al., NeurIPS
// 2017.
#pragma once

#include "flows/bijector.h"

namespace bijou::flows {

struct BatchNorm : Bijector {
  struct Options {
    int64_t features;
    double eps = 1e-5;
    double momentum = 0.1;
  };
  explicit BatchNorm(Options o);
  void members(nn::Visitor& visit) override {
    visit("gamma", gamma), visit("beta", beta), visit("running_mean", running_mean), visit("running_var", running_var);
  }

  Options options;
  Var gamma, beta;                   // [D], 0 at first
  Tensor running_mean, running_var;  // [D], 0 and 1 at first

 protected:
  Latent f(const Var& x, const Var& context) const override;  // x [B, D]
  Data g(const Var& z, const Var& context) const override;
};

// Gives every BatchNorm within the mean and variance of what reaches it when x [N, D], all training data, goes through.
void use_statistics_of(Bijector& b, const Tensor& x, const Var& context = {});

}  // namespace bijou::flows

// Activation normalisation: a scale and a shift for every channel (or feature), learnt like any weight, but begun so
// that the first training batch leaves with mean 0 and variance 1. Trained by its inverse, it begins as the identity.
//
//   z = s ⊙ x + b,    log |det dz/dx| = h w sum_c log s_c
//
// Unlike batch normalisation it doesn't mix examples, so the flow stays a density. From D. Kingma, P. Dhariwal, "Glow",
// NeurIPS 2018, table 1.
#pragma once

#include "flows/bijector.h"

namespace bijou::flows {

struct ActNorm : Bijector {
  explicit ActNorm(int64_t channels);  // x: [B, channels, ...]
  void members(nn::Visitor& visit) override {
    visit("log_scale", log_scale), visit("shift", shift), visit("initialised", initialised);
  }

  Var log_scale, shift;             // log s and b, [channels]
  Tensor initialised = zeros({1});  // 1 once it trains, either way; it travels with the state dict

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;

 private:
  void initialise(const Tensor& x) const;
  Var column(const Var& v, int rank) const;  // [channels, 1, ...], to stand beside an x of this rank
};

}  // namespace bijou::flows

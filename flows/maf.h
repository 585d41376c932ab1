// Autoregressive flows: each z_i is a monotone function of x_i whose parameters depend on the x before it.
//
//   z_i = h(x_i; θ_i(x_1 ... x_{i-1})),    log |det dz/dx| = sum_i log h'(x_i)
//
// MADE (nn/made.h) gives all θ_i in one pass, so forward is one pass. The inverse needs x_1 before θ_2 and so on, D
// passes in most libraries; Made::generate does it at the cost of about one.
//
//   MAF     h(x) = (x - μ) exp(-s)     G. Papamakarios, T. Pavlakou, I. Murray, "Masked autoregressive flow for density
//                                      estimation", NeurIPS 2017; s = 5 tanh(a / 5) keeps exp(-s) from overflowing
//   spline  h rational-quadratic       flows/spline.h
//   IAF     Inverse(Maf(...)), which samples in one pass: D. Kingma et al., "Improved variational inference with
//           inverse autoregressive flow", NeurIPS 2016
//   MADE-MoG  a density, not a map: p(x_i | x_<i) is a mixture of K normals. As the base of a MAF: MAF-MoG
//
// With D = 1 and no context there is nothing to depend on: MAF is then one affine map.
#pragma once

#include <functional>

#include "flows/base.h"
#include "flows/bijector.h"
#include "flows/spline.h"
#include "nn/made.h"

namespace bijou::flows {

// x and z: [B, D].
struct Autoregressive : Bijector {
  // The network begins with an output of zeros, and the flow so as the identity. `o.outputs` is set here.
  Autoregressive(nn::Made::Options o, int64_t params_per_feature);
  void members(nn::Visitor& visit) override { visit("made", made); }

  nn::Made made;

 protected:
  // h, elementwise, with the logarithm of its slope; params [P, ...] for x [...].
  virtual Splined bend(const Var& x, const Var& params) const = 0;
  // The inverse of h likewise, as a value: the backward pass calls it, and the flow may be gone by then.
  using Unbend = std::function<Splined(const Var& z, const Var& params)>;
  virtual Unbend unbend() const = 0;

  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;
};

struct Maf : Autoregressive {
  explicit Maf(nn::Made::Options o) : Autoregressive(std::move(o), 2) {}

 protected:
  Splined bend(const Var& x, const Var& params) const override;
  Unbend unbend() const override;
};

struct SplineAutoregressive : Autoregressive {
  explicit SplineAutoregressive(nn::Made::Options o, int64_t bins = 8, SplineOptions spline = {})
      : Autoregressive(std::move(o), 3 * bins - 1), spline(spline) {}
  SplineOptions spline;

 protected:
  Splined bend(const Var& x, const Var& params) const override;
  Unbend unbend() const override;
};

// p(x_i | x_<i) = sum_k softmax(l)_k N(x_i; μ_k, σ_k²), with l, μ and log σ of a MADE.
struct MixtureMade : Base {
  MixtureMade(nn::Made::Options o, int64_t components);
  Var log_prob(const Var& x) const override;                               // [B, D] -> [B]
  Var sample(int64_t n, double temperature, Generator& g) const override;  // constants
  void members(nn::Visitor& visit) override { visit("made", made); }

  int64_t components;
  nn::Made made;
};

}  // namespace bijou::flows

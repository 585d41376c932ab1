// Invertible residual flow: a residual network whose blocks change x by less than x itself changes.
//
//   z = f(x) = x + r(x),    |r(a) - r(b)| <= L |a - b| with L < 1
//
// Each layer of r has its spectral norm held below `coefficient`, and the activation a slope of at most 1. Nothing else
// is asked of r: the Jacobian J = dr/dx is full. Then
//
//   inverse           x <- z - r(x) converges to g(z), an error of L^n after n rounds (Banach)
//   log-determinant   log |det (I + J)| = tr log (I + J) = sum_{k >= 1} (-1)^{k+1} tr(J^k) / k
//
// The traces are estimated: tr(A) = E vᵀ A v for random signs v (Hutchinson), where vᵀ J^k is k backward passes in a
// row; and the series is cut off at a random place, each term divided by the probability that it is reached (Russian
// roulette), so that the estimate is right on average. For few features the determinant can be had exactly, D backward
// passes. J. Behrmann et al., "Invertible residual networks", ICML 2019; R. Chen, J. Behrmann, D. Duvenaud, J.
// Jacobsen, "Residual flows for invertible generative modeling", NeurIPS 2019.
//
// Left out: the paper's second estimator, which takes the gradient of the series by a Neumann series to save memory,
// induced norms other than the spectral one, and a learnt slope inside of the activation, x sigmoid(x) / 1.1.
#pragma once

#include "flows/bijector.h"
#include "tensor/random.h"

namespace bijou::flows {

// y = c W x + b with c W of spectral norm `coefficient` at most. The norm is found by power iteration, which goes on
// from the vector v that the last training step left.
struct SpectralLinear : nn::Module {
  SpectralLinear(int64_t in, int64_t out, double coefficient, Generator& g);
  Var operator()(const Var& x) const;
  void members(nn::Visitor& visit) override { visit("weight", weight), visit("bias", bias), visit("v", v); }

  double coefficient;
  Var weight, bias;
  Tensor v;  // [in], the direction that W stretches most
};

struct Residual : Bijector {
  enum class LogDet { kExact, kSeries, kRoulette };
  struct Options {
    int64_t features;
    std::vector<int64_t> hidden = {64, 64};
    int64_t context = 0;        // its length, put beside x
    double coefficient = 0.95;  // of each layer, below 1
    LogDet log_det = LogDet::kExact;
    int64_t terms = 8;  // kSeries: where the series is cut off. kRoulette: those that are always there
    double tolerance = sizeof(real) == 8 ? 1e-14 : 1e-6;  // of the inverse, relative
  };
  explicit Residual(const Options& o, Generator& g = default_generator());
  void members(nn::Visitor& visit) override { visit("layers", layers); }
  Var r(const Var& x, const Var& context) const;

  Options options;
  std::vector<SpectralLinear> layers;

 protected:
  Latent f(const Var& x, const Var& context) const override;  // estimates draw from default_generator()
  Data g(const Var& z, const Var& context) const override;    // throws NotInvertible where x does not settle
};

}  // namespace bijou::flows

// The whole spectrum of an operator that can only be applied, by chance.
//
//   trace      E[zᵀ A z] = tr A for random signs z: Hutchinson. Hutch++ first takes out, exactly, the subspace in which
//              A is large, so that chance has little left to err about.
//   density    Of f(A), zᵀ f(A) z is a sum over Ritz values θ of a Lanczos run from z / ‖z‖, weighted by the squared
//              first numbers τ² of T's eigenvectors: Gauss quadrature. So Σ τ² δ(θ) is the density of eigenvalues, as
//              far as m steps see it, and Σ τ² = 1. Over several z the mean is taken.
//
// M. Hutchinson, "A stochastic estimator of the trace of the influence matrix", 1989; R. Meyer, C. Musco, C. Musco,
// D. Woodruff, "Hutch++: Optimal stochastic trace estimation", SOSA 2021; S. Ubaru, J. Chen, Y. Saad, "Fast estimation
// of tr(f(A)) via stochastic Lanczos quadrature", SIAM J. Matrix Anal. 2017; B. Ghorbani, S. Krishnan, Y. Xiao, "An
// investigation into neural net optimization via Hessian eigenvalue density", ICML 2019.
#pragma once

#include "optim/lanczos.h"

namespace bijou::optim {

struct Estimate {
  double mean, error;  // its standard error
};
struct TraceOptions {
  int64_t probes = 30;  // products with A; at least 2, for Hutch++ 6
  uint64_t seed = 0;
};
Estimate hutchinson(const LinearOperator& a, const TraceOptions& options = {});
Estimate hutch_pp(const LinearOperator& a, const TraceOptions& options = {});

struct SpectrumOptions {
  int64_t steps = 80, probes = 10;  // Lanczos steps for each probe
  uint64_t seed = 0;
};
// Points θ with weights that sum to 1.
struct Spectrum {
  std::vector<double> values, weights;

  // The density at x, each point blurred to a Gaussian of this width.
  double density(double x, double width) const;
  double lowest() const, highest() const;
};
Spectrum spectrum(const LinearOperator& a, const SpectrumOptions& options = {});

}  // namespace bijou::optim

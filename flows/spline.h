// Rational-quadratic spline: a monotone function of one variable with K bins, as flexible as it is easy to invert.
//
// [-B, B] is cut into K bins at knots (x_k, y_k) with slopes d_k > 0. Inside a bin of width w, height h and slope s = h
// / w,
//
//                          s t² + d_k t (1 - t)
//   z = y_k + h ------------------------------------------ ,    t = (x - x_k) / w
//                s + (d_k + d_{k+1} - 2 s) t (1 - t)
//
// Outside of [-B, B] z = x. The slope is 1 at both ends, so that z is differentiable everywhere. The inverse solves a
// quadratic. From C. Durkan, A. Bekasov, I. Murray, G. Papamakarios, "Neural spline flows", NeurIPS 2019.
//
// Params [..., 3K - 1] are free: K widths and K heights through a softmax, with a floor, and K - 1 inner slopes through
// a softplus, shifted so that params of zero are the identity. Knots, bins and roots are computed in double in both
// builds: a steep bin multiplies rounding errors by its slope.
#pragma once

#include "autograd/var.h"

namespace bijou::flows {

struct SplineOptions {
  double bound = 3;         // B
  double min_bin = 1e-3;    // of a bin, as a fraction of 2 B; K min_bin < 1
  double min_slope = 1e-3;  // at the knots
};

// z or x, and log |dz/dx| or log |dx/dz|: the same shape as what came in.
struct Splined {
  Var value, log_slope;
};
// x [...] through the splines of params [..., 3K - 1], 2 <= K <= 64. Throws where the shapes don't fit.
Splined rq_spline(const Var& x, const Var& params, const SplineOptions& options = {});
Splined rq_spline_inverse(const Var& z, const Var& params, const SplineOptions& options = {});

}  // namespace bijou::flows

// Elementwise arithmetic on Vars, broadcast as in NumPy: each op is one map (autograd/map.h), whose derivative comes
// from the table in autograd/dual.h. These are ordinary functions, not templates, so that map on Dual<Var> has an end.
#pragma once

#include "autograd/var.h"

namespace bijou {

Var operator+(const Var& a, const Var& b);
Var operator+(const Var& a, real b);
Var operator+(real a, const Var& b);
Var operator-(const Var& a, const Var& b);
Var operator-(const Var& a, real b);
Var operator-(real a, const Var& b);
Var operator*(const Var& a, const Var& b);
Var operator*(const Var& a, real b);
Var operator*(real a, const Var& b);
Var operator/(const Var& a, const Var& b);
Var operator/(const Var& a, real b);
Var operator/(real a, const Var& b);
Var operator-(const Var& x);

// 1 where true, 0 elsewhere.
Var operator<(const Var& a, const Var& b);
Var operator<(const Var& a, real b);
Var operator<=(const Var& a, const Var& b);
Var operator<=(const Var& a, real b);
Var operator>(const Var& a, const Var& b);
Var operator>(const Var& a, real b);
Var operator>=(const Var& a, const Var& b);
Var operator>=(const Var& a, real b);
Var operator==(const Var& a, const Var& b);
Var operator==(const Var& a, real b);
// a where `which` is not 0, b elsewhere.
Var where(const Var& which, const Var& a, const Var& b);
Var maximum(const Var& a, const Var& b);  // the larger; NaN if either is
Var minimum(const Var& a, const Var& b);  // the smaller; NaN if either is

Var exp(const Var& x);
Var expm1(const Var& x);  // exp(x) - 1
Var log(const Var& x);
Var log1p(const Var& x);  // log(1 + x)
Var sqrt(const Var& x);
Var square(const Var& x);
Var abs(const Var& x);
Var sign(const Var& x);   // -1, 0, 1; no gradient
Var floor(const Var& x);  // no gradient
Var round(const Var& x);  // to even; no gradient
Var sin(const Var& x);
Var cos(const Var& x);
Var atan(const Var& x);
Var tanh(const Var& x);
Var erf(const Var& x);
Var sigmoid(const Var& x);  // 1 / (1 + exp(-x))
Var log_sigmoid(const Var& x);
Var softplus(const Var& x);                    // log(1 + exp(x))
Var relu(const Var& x);                        // max(x, 0)
Var silu(const Var& x);                        // x sigmoid(x)
Var gelu(const Var& x);                        // x Phi(x), exact
Var gelu_tanh(const Var& x);                   // its tanh approximation
Var pow(const Var& x, real p);                 // x^p for a constant p
Var leaky_relu(const Var& x, real slope);      // x, or slope x below 0
Var elu(const Var& x, real alpha);             // x, or alpha (exp(x) - 1) below 0
Var clamp(const Var& x, real low, real high);  // x held to [low, high]

}  // namespace bijou

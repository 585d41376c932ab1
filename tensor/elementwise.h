// Elementwise arithmetic on Tensors, broadcast as in NumPy: each op is one map (tensor/map.h).
#pragma once

#include "tensor/tensor.h"

namespace bijou {

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator+(const Tensor& a, real b);
Tensor operator+(real a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, real b);
Tensor operator-(real a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, real b);
Tensor operator*(real a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, real b);
Tensor operator/(real a, const Tensor& b);
Tensor operator-(const Tensor& x);

// 1 where true, 0 elsewhere.
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<(const Tensor& a, real b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, real b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, real b);
Tensor operator>=(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, real b);
Tensor operator==(const Tensor& a, const Tensor& b);
Tensor operator==(const Tensor& a, real b);
// a where `which` is not 0, b elsewhere.
Tensor where(const Tensor& which, const Tensor& a, const Tensor& b);
Tensor maximum(const Tensor& a, const Tensor& b);  // the larger; NaN if either is
Tensor minimum(const Tensor& a, const Tensor& b);  // the smaller; NaN if either is

Tensor exp(const Tensor& x);
Tensor expm1(const Tensor& x);  // exp(x) - 1
Tensor log(const Tensor& x);
Tensor log1p(const Tensor& x);  // log(1 + x)
Tensor sqrt(const Tensor& x);
Tensor square(const Tensor& x);
Tensor abs(const Tensor& x);
Tensor sign(const Tensor& x);   // -1, 0, 1; no gradient
Tensor floor(const Tensor& x);  // no gradient
Tensor round(const Tensor& x);  // to even; no gradient
Tensor sin(const Tensor& x);
Tensor cos(const Tensor& x);
Tensor atan(const Tensor& x);
Tensor tanh(const Tensor& x);
Tensor erf(const Tensor& x);
Tensor sigmoid(const Tensor& x);  // 1 / (1 + exp(-x))
Tensor log_sigmoid(const Tensor& x);
Tensor softplus(const Tensor& x);                    // log(1 + exp(x))
Tensor relu(const Tensor& x);                        // max(x, 0)
Tensor silu(const Tensor& x);                        // x sigmoid(x)
Tensor gelu(const Tensor& x);                        // x Phi(x), exact
Tensor gelu_tanh(const Tensor& x);                   // its tanh approximation
Tensor pow(const Tensor& x, real p);                 // x^p for a constant p
Tensor leaky_relu(const Tensor& x, real slope);      // x, or slope x below 0
Tensor elu(const Tensor& x, real alpha);             // x, or alpha (exp(x) - 1) below 0
Tensor clamp(const Tensor& x, real low, real high);  // x held to [low, high]

}  // namespace bijou

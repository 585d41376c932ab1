// The ops beneath the normalisation layers (nn/norm.h), forward and backward in few passes over memory:
//
//   y = (x - μ) / σ · w + b,    σ² = mean((x - μ)²) + eps
//
// with μ and σ² over the features of each example (layer_norm) or over the examples for each channel (batch_norm).
// J. Ba, J. Kiros, G. Hinton, "Layer normalization", 2016; S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015.
#pragma once

#include "autograd/var.h"

namespace bijou::nn {

// x [..., n], each row by itself; w and b [n], or both nothing.
Var layer_norm(const Var& x, const Var& w, const Var& b, real eps);

// x [N, C, ...], each channel by itself; w and b [C], or both nothing.
struct BatchNormed {
  Var y;
  Tensor mean, variance;  // [C] of this batch; the variance is the biased one, divided by the count
};
BatchNormed batch_norm(const Var& x, const Var& w, const Var& b, real eps);

}  // namespace bijou::nn

// How weights begin: so that the size of activations, or of gradients, is kept from layer to layer.
//
//   Xavier:   Var(w) = gain² 2 / (fan_in + fan_out)         X. Glorot, Y. Bengio, AISTATS 2010
//   Kaiming:  Var(w) = 2 / ((1 + a²) fan)                    K. He et al., ICCV 2015; a: slope of a leaky ReLU below 0
//   orthogonal: W Wᵀ = gain² I, or Wᵀ W                      A. Saxe et al., ICLR 2014
//
// A weight is [out, in, kernel...]; fan_in = in · kernel size, fan_out = out · kernel size. Names and formulas are
// PyTorch's; each function makes a new tensor: layer.weight = parameter(init::orthogonal({128, 128})).
#pragma once

#include "tensor/random.h"

namespace bijou::nn::init {

enum class Fan { kIn, kOut };
struct KaimingOptions {
  double a = 0;  // 0 for ReLU, 1 for a linear layer
  Fan fan = Fan::kIn;
};

Tensor xavier_uniform(const Shape& shape, double gain = 1, Generator& g = default_generator());
Tensor xavier_normal(const Shape& shape, double gain = 1, Generator& g = default_generator());
Tensor kaiming_uniform(const Shape& shape, KaimingOptions options = {}, Generator& g = default_generator());
Tensor kaiming_normal(const Shape& shape, KaimingOptions options = {}, Generator& g = default_generator());
Tensor orthogonal(const Shape& shape, double gain = 1, Generator& g = default_generator());  // as [out, in · kernel]
// A normal cut off at two standard deviations.
Tensor trunc_normal(const Shape& shape, double std = 0.02, Generator& g = default_generator());

// What PyTorch's Linear and Conv begin with, both uniform within 1/sqrt(fan_in).
Tensor default_weight(const Shape& shape, Generator& g = default_generator());
Tensor default_bias(int64_t out, int64_t fan_in, Generator& g = default_generator());

}  // namespace bijou::nn::init

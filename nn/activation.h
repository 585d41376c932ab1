// Activation functions as modules, for Sequential. The formulas are in tensor/lane.h and autograd/elementwise.h.
#pragma once

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "nn/module.h"

namespace bijou::nn {

struct ReLU : Module {
  Var operator()(const Var& x) const { return relu(x); }
};
struct SiLU : Module {
  Var operator()(const Var& x) const { return silu(x); }
};
struct Softplus : Module {
  Var operator()(const Var& x) const { return softplus(x); }
};
struct Sigmoid : Module {
  Var operator()(const Var& x) const { return sigmoid(x); }
};
struct Tanh : Module {
  Var operator()(const Var& x) const { return tanh(x); }
};

struct LeakyReLU : Module {  // x, or slope x below 0
  struct Options {
    real slope = real(0.01);
  };
  LeakyReLU() = default;
  explicit LeakyReLU(Options o) : options(o) {}
  Var operator()(const Var& x) const { return leaky_relu(x, options.slope); }
  Options options;
};

struct ELU : Module {  // x, or alpha (exp(x) - 1) below 0
  struct Options {
    real alpha = 1;
  };
  ELU() = default;
  explicit ELU(Options o) : options(o) {}
  Var operator()(const Var& x) const { return elu(x, options.alpha); }
  Options options;
};

struct GELU : Module {  // x P(N(0, 1) < x), or its approximation by tanh
  struct Options {
    bool approximate = false;
  };
  GELU() = default;
  explicit GELU(Options o) : options(o) {}
  Var operator()(const Var& x) const { return options.approximate ? gelu_tanh(x) : gelu(x); }
  Options options;
};

struct Softmax : Module {  // over the last axis
  Var operator()(const Var& x) const { return softmax(x, -1); }
};

struct Flatten : Module {  // [B, ...] -> [B, n]
  Var operator()(const Var& x) const {
    check(x.dim() >= 1, "Flatten: an axis of examples expected; the shape is ", x.shape());
    return reshape(x, {x.size(0), x.shape().product(1, x.dim())});
  }
};

}  // namespace bijou::nn

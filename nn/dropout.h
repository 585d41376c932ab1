// Noise that keeps a network from relying on any one of its parts. Both scale what survives by 1 / (1 - p), so that the
// expectation is kept; both do nothing in evaluation mode. The random numbers come from default_generator().
//
//   Dropout: each number is zeroed with probability p.
//     N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", JMLR 2014
//   DropPath (stochastic depth): the branch of a residual block is zeroed for whole examples.
//     G. Huang et al., "Deep networks with stochastic depth", ECCV 2016
#pragma once

#include "nn/module.h"

namespace bijou::nn {

struct Dropout : Module {
  struct Options {
    double p = 0.5;
  };
  explicit Dropout(Options o);
  Var operator()(const Var& x) const;
  double p;
};

struct DropPath : Module {  // x [B, ...]; as the last module of a Residual's body
  struct Options {
    double p;
  };
  explicit DropPath(Options o);
  Var operator()(const Var& x) const;
  double p;
};

// x mask / (1 - p) with a mask of this shape that is 0 with probability p; x itself where p is 0.
Var dropout(const Var& x, const Shape& mask_shape, double p);

}  // namespace bijou::nn

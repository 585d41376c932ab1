// Embedding: a learnt vector for each token of a vocabulary.
#pragma once

#include "autograd/ops.h"
#include "nn/module.h"
#include "tensor/random.h"

namespace bijou::nn {

struct Embedding : Module {
  struct Options {
    int64_t count, dim;  // how many tokens there are, how long a vector is
  };
  explicit Embedding(Options o) {
    check(o.count > 0 && o.dim > 0, "Embedding: sizes count = ", o.count, " and dim = ", o.dim, " must be positive");
    weight = parameter(randn({o.count, o.dim}));
  }
  Var operator()(const Indices& tokens) const { return embedding(tokens, weight); }  // [...] -> [..., dim]
  void members(Visitor& visit) override { visit("weight", weight); }

  Var weight;  // [count, dim]
};

}  // namespace bijou::nn

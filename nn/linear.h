// Linear: y = x Wᵀ + b.
#pragma once

#include "nn/module.h"

namespace bijou::nn {

struct Linear : Module {
  struct Options {
    int64_t in, out;
    bool bias = true;
  };
  explicit Linear(Options o);
  Var operator()(const Var& x) const;  // [..., in] -> [..., out]
  void members(Visitor& visit) override { visit("weight", weight), visit("bias", bias); }

  Var weight;  // [out, in]
  Var bias;    // [out], or nothing
};

}  // namespace bijou::nn

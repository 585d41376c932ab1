// Structural ops on Vars: those that are not elementwise (autograd/elementwise.h, autograd/map.h).
// Each is a value and a rule, written side by side in ops.cc; names and semantics are PyTorch's.
#pragma once

#include "autograd/var.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"

namespace bijou {

// ---- Shape ----
Var reshape(const Var& x, const Shape& shape);            // one size may be -1
Var broadcast_to(const Var& x, const Shape& shape);
Var sum_to(const Var& x, const Shape& shape);             // the adjoint of broadcast_to

// ---- Reductions ----
Var sum(const Var& x);                                    // all elements: shape []
Var sum(const Var& x, const Axes& axes, KeepDim keep = {});
Var mean(const Var& x);
Var mean(const Var& x, const Axes& axes, KeepDim keep = {});

// ---- Products ----
Var matmul(const Var& a, const Var& b, MatmulOptions options = {});
// x wᵀ + b for x [..., in], w [out, in], b [out] or nothing: [..., out].
Var linear(const Var& x, const Var& w, const Var& b);

}  // namespace bijou

// gradcheck: is a derivative right? Compared with a finite difference, along random directions.
//
//   gradcheck([](const std::vector<Var>& x) { return matmul(x[0], x[1]); }, {randn({3, 4}), randn({4, 2})});
//
// A Jacobian J = dy/dx has many numbers, but a wrong one has no chance to hide from v·J u with random v and u:
//
//   v·J u = (vJ)·u                                    one backward pass from the seed v, and
//         = d/dt v·f(x + t u)                         a difference quotient along u,
//         ~ (8 [L(h) - L(-h)] - [L(2h) - L(-2h)]) / 12h  with L(t) = v·f(x + t u), right to h⁴.
//
// In double this is good to ten digits or so; in float, to two or three.
#pragma once

#include <functional>
#include <vector>

#include "autograd/var.h"

namespace bijou {

struct GradcheckOptions {
  double eps = std::is_same_v<real, double> ? 1e-4 : 1e-2;        // the step h
  double tolerance = std::is_same_v<real, double> ? 1e-6 : 1e-2;  // relative
};

// What a function under test returns: one Var or several.
struct Outputs : std::vector<Var> {
  Outputs(Var y) : std::vector<Var>{std::move(y)} {}
  Outputs(std::vector<Var> y) : std::vector<Var>(std::move(y)) {}
};
using Function = std::function<Outputs(const std::vector<Var>&)>;

// Throws Error, naming the input whose gradient is wrong, what was expected and what came. f may draw random numbers
// from default_generator(): each call sees the same ones.
void gradcheck(const Function& f, const std::vector<Tensor>& inputs, GradcheckOptions options = {});

// The same for the second derivative: gradcheck of (x, v) -> vJ(x), the backward pass itself.
void gradgradcheck(const Function& f, const std::vector<Tensor>& inputs, GradcheckOptions options = {});

}  // namespace bijou

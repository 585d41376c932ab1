// The one equation that has to be solved numerically to invert planar and Sylvester flows:
//
//   s + c tanh(s) = t,    c > -1
//
// The left side grows with s, so there is one root. It is odd as well: take t >= 0, then s >= 0, where the left side
// bends one way only: down for c > 0, up for c < 0. Newton's method on such a curve never passes the root if it starts
// on the right side of it: below for c > 0, above for c < 0. Two bounds of the root are known on that side, as
// tanh(s) < 1 and tanh(s) <= s: s = t - c and s = t / (1 + c). From the nearer one it converges from any t, with
// nothing to be safeguarded. (From anywhere else, plain Newton fails on every tenth equation with c = 5.)
//
// The derivative is that of the solution, not of the iteration: with F = tanh(s), ds/dt = 1 / (1 + c (1 - F²)) and
// ds/dc = -F ds/dt.
#pragma once

#include "autograd/var.h"

namespace bijou::flows {

// s for t and c that broadcast. Differentiable to any order.
Var tanh_root(const Var& t, const Var& c);

}  // namespace bijou::flows

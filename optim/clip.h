// Gradient clipping: between backward() and step(), keeps one bad batch from throwing the weights far away.
// R. Pascanu, T. Mikolov, Y. Bengio, "On the difficulty of training recurrent neural networks", ICML 2013.
#pragma once

#include <vector>

#include "autograd/var.h"

namespace bijou::optim {

// ‖g‖₂ of all gradients taken together as one vector; a missing gradient counts as zero.
double grad_norm(const std::vector<Var>& parameters);

// Scales the gradients so that their norm is at most max_norm: g <- g min(1, max_norm / ‖g‖). Returns the norm before.
// A norm that is infinite or NaN has no direction worth keeping: it is returned, and the gradients are left as they
// are, so that the caller can skip the step.
double clip_grad_norm(const std::vector<Var>& parameters, double max_norm);

// Holds every number of every gradient to [-limit, limit].
void clip_grad_value(const std::vector<Var>& parameters, double limit);

}  // namespace bijou::optim

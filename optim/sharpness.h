// How sharp a minimum is, by going uphill from it.
//
//   SAM sharpness     max over ‖ε‖_p <= ρ of L(w + ε) - L(w), to first order: one step of SAM's ascent
//   m-sharpness       the same for every m examples on their own, and the mean: 1/n Σ_S |S| (L_S(w + ε_S) - L_S(w))
//   ε-sharpness       Keskar's: max over the box |y_i| <= ε (|w_i| + 1) of L(w + y), as 100 (max - L(w)) / (1 + L(w))
//
// The values of the loss, not only its curvature: they see kinks, and what lies further away. (Keskar et al. also look
// at random subspaces; here it is the whole space.)
//
// N. Keskar, D. Mudigere, J. Nocedal, M. Smelyanskiy, P. Tang, "On large-batch training for deep learning:
// Generalization gap and sharp minima", ICLR 2017; for the others see optim/sam.h.
#pragma once

#include "optim/curvature.h"
#include "optim/sam.h"

namespace bijou::optim {

// Both leave the weights as they were, but not what was in .grad.

// With options.m = 0, SAM sharpness; else m-sharpness.
double sam_sharpness(const Objective& objective, const std::vector<Var>& parameters, const SamOptions& options);

struct KeskarOptions {
  double epsilon = 1e-3;
  int steps = 20;  // by the signs of the gradient, each a quarter of the way to the box's side, held to the box
};
double keskar_sharpness(const Objective& objective, const std::vector<Var>& parameters,
                        const KeskarOptions& options = {});

}  // namespace bijou::optim

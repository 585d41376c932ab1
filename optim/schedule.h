// Schedules: the learning rate as a function of the step. Each gives a factor, 1 at its height, and is a pure function
// of the number of steps done so far: nothing to keep, nothing to save. One line of the training loop applies it,
//
//   optimizer.lr_scale = linear_warmup(step, 500) * cosine_decay(step, steps);
//
// and products compose. (A constant rate is no line at all.)
#pragma once

#include <cstdint>

namespace bijou::optim {

// Up in a straight line, 1/n, 2/n, ..., 1, over the first n steps; then 1.
double linear_warmup(int64_t step, int64_t n);

// gamma after `every` steps, gamma² after twice as many, ...
double step_decay(int64_t step, int64_t every, double gamma = 0.1);

// Half a cosine from 1 at step 0 to `low` at step n, and `low` ever after.
// I. Loshchilov, F. Hutter, "SGDR: Stochastic gradient descent with warm restarts", ICLR 2017.
double cosine_decay(int64_t step, int64_t n, double low = 0);

// Half a cosine up, then half a cosine down to almost nothing, over n steps 0 .. n-1.
// L. Smith, N. Topin, "Super-convergence: Very fast training of neural networks using large learning rates", 2019.
struct OneCycleOptions {
  double rise = 0.3;    // the part of the steps that goes up
  double first = 0.04;  // the factor at step 0
  double last = 4e-6;   // and at step n-1
};
double one_cycle(int64_t step, int64_t n, const OneCycleOptions& options = {});

}  // namespace bijou::optim

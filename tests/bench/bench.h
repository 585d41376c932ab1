// What is timed: training steps and kernels, by name. Each entry makes a function that does the work once.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "optim/adam.h"
#include "tensor/random.h"

namespace bijou::bench {

using Work = std::function<void()>;
using Cases = std::map<std::string, std::function<Work()>>;

// A step for a network, or any state, that can say its loss: M has parameters() and loss().
template <class M, class Optimizer = optim::Adam>
Work training(M model) {
  auto state = std::make_shared<M>(std::move(model));
  auto optimizer = std::make_shared<Optimizer>(state->parameters());
  return [state, optimizer] {
    optimizer->zero_grad();
    backward(state->loss());
    optimizer->step();
  };
}

Cases training_steps();  // steps.cc
Cases method_steps();    // methods.cc
Cases kernels();         // kernels.cc: "exp 1000", "exp 100000", ...

}  // namespace bijou::bench

// What is timed: training steps and kernels, by name. Each entry makes a function that does the work once.
#pragma once

#include <functional>
#include <map>
#include <string>

namespace bijou::bench {

using Work = std::function<void()>;
using Cases = std::map<std::string, std::function<Work()>>;

Cases training_steps();  // steps.cc
Cases kernels();         // kernels.cc: "exp 1000", "exp 100000", ...

}  // namespace bijou::bench

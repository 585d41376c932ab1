// Ema: a second model whose weights are the exponential moving average of the first one's along training,
//
//   average <- d average + (1 - d) model,
//
// smoother than any single step, and often better. Buffers, such as batch normalisation's statistics, are averaged too.
// B. Polyak, A. Juditsky, "Acceleration of stochastic approximation by averaging", 1992.
//
//   Ema ema(model, {.decay = 0.999});
//   for (...) {
//     ...
//     optimizer.step();
//     ema.update();
//   }
//   evaluate(ema.average);
#pragma once

#include <algorithm>

#include "nn/module.h"

namespace bijou::optim {

struct EmaOptions {
  double decay = 0.999;
  bool warmup = false;  // d = min(decay, (1 + t) / (10 + t)) at update t = 0, 1, ...: soon forgets the random start
};

namespace detail {

// Moves an average towards `model`: the parameters and buffers that it has now.
class Averager {
 public:
  Averager(const nn::Module& average, const nn::Module& model);
  void mix(double part);  // average <- (1 - part) average + part model

 private:
  std::vector<std::pair<Var, Var>> pairs_;  // of the average and of the model
};

}  // namespace detail

template <std::derived_from<nn::Module> M>
class Ema {
 public:
  explicit Ema(const M& model, const EmaOptions& options = {})
      : average(nn::clone(model)), averager_(average, model), options_(options) {
    check(options.decay >= 0 && options.decay <= 1, "Ema: decay = ", options.decay, " is not in [0, 1]");
  }
  Ema(const Ema&) = delete;

  void update() {
    const double t = double(updates_++);
    averager_.mix(1 - (options_.warmup ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay));
  }

  // The average and the number of updates, from which a run goes on bit for bit.
  nn::StateDict state_dict() const {
    nn::StateDict state = average.state_dict();
    state.emplace_back("updates", scalar(real(updates_)));
    return state;
  }
  void load_state_dict(nn::StateDict state) {
    const auto updates = std::find_if(state.begin(), state.end(), [](auto& entry) { return entry.first == "updates"; });
    check(updates != state.end(), "Ema: the state lacks its number of updates");
    const int64_t done = int64_t(updates->second.item());
    state.erase(updates);
    average.load_state_dict(state);
    updates_ = done;
  }

  M average;

 private:
  detail::Averager averager_;
  EmaOptions options_;
  int64_t updates_ = 0;
};

}  // namespace bijou::optim

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

// The averaging alone, of the parameters and buffers that `model` has now.
class Averager {
 public:
  Averager(const nn::Module& average, const nn::Module& model, const EmaOptions& options);
  void update();
  int64_t updates = 0;

 private:
  EmaOptions options_;
  std::vector<std::pair<Var, Var>> pairs_;  // of the average and of the model
};

}  // namespace detail

template <std::derived_from<nn::Module> M>
class Ema {
 public:
  explicit Ema(const M& model, const EmaOptions& options = {})
      : average(nn::clone(model)), averager_(average, model, options) {}
  Ema(const Ema&) = delete;

  void update() { averager_.update(); }

  // The average and the number of updates, from which a run goes on bit for bit.
  nn::StateDict state_dict() const {
    nn::StateDict state = average.state_dict();
    state.emplace_back("updates", scalar(real(averager_.updates)));
    return state;
  }
  void load_state_dict(nn::StateDict state) {
    const auto updates = std::find_if(state.begin(), state.end(), [](auto& entry) { return entry.first == "updates"; });
    check(updates != state.end(), "Ema: the state lacks its number of updates");
    const int64_t done = int64_t(updates->second.item());
    state.erase(updates);
    average.load_state_dict(state);
    averager_.updates = done;
  }

  M average;

 private:
  detail::Averager averager_;
};

}  // namespace bijou::optim

// Stochastic weight averaging: the plain mean of the weights that SGD passes on the last part of its way, with a
// learning rate that stays high. SGD circles a flat region; its centre is flatter, and better, than any point of the
// circle.
//
//   Swa swa(model);
//   for (...) {
//     ...
//     if (epoch_ended && step > 3 * steps / 4) swa.update();
//   }
//   refresh_statistics(swa.average, batches, [&](int64_t i) { swa.average(images(i)); });
//
// P. Izmailov, D. Podoprikhin, T. Garipov, D. Vetrov, A. G. Wilson, "Averaging weights leads to wider optima and better
// generalization", UAI 2018.
#pragma once

#include <functional>

#include "optim/ema.h"

namespace bijou::optim {

template <std::derived_from<nn::Module> M>
class Swa {
 public:
  explicit Swa(const M& model) : average(nn::clone(model)), averager_(average, model) {}
  Swa(const Swa&) = delete;

  void update() { averager_.mix(1 / double(++updates_)); }  // the first takes the weights as they are
  int64_t updates() const { return updates_; }

  M average;

 private:
  detail::Averager averager_;
  int64_t updates_ = 0;
};

// Batch normalisation's running statistics belong to weights; an average of weights needs its own. forward(i) passes
// batch i through the model, all of it in training mode; the statistics become the plain means over all batches. The
// modes are then as they were.
void refresh_statistics(nn::Module& model, int64_t batches, const std::function<void(int64_t i)>& forward);

}  // namespace bijou::optim

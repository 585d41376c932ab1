#include "optim/sgd.h"

#include "tensor/map.h"

namespace bijou::optim {

void check_options(const SgdOptions& o) {
  check_option("SGD", "lr", o.lr, 0);
  check_option("SGD", "momentum", o.momentum, 0);
  check_option("SGD", "weight_decay", o.weight_decay, 0);
  check(!o.nesterov || o.momentum > 0, "SGD: nesterov wants a momentum above 0");
}

void SGD::descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) {
  const SgdOptions& o = options(group);
  const real lr = real(o.lr * lr_scale), momentum = real(o.momentum), decay = real(o.weight_decay);
  if (momentum == 0) {
    update<1>([=](Lane& w, Lane g) { w = w - (g + w * decay) * lr; }, weights, gradient);
  } else if (o.nesterov) {
    update<2>(
        [=](Lane& w, Lane& v, Lane g) {
          g = g + w * decay;
          v = v * momentum + g;
          w = w - (g + v * momentum) * lr;
        },
        weights, state.buffers[0], gradient);
  } else {
    update<2>(
        [=](Lane& w, Lane& v, Lane g) {
          v = v * momentum + (g + w * decay);
          w = w - v * lr;
        },
        weights, state.buffers[0], gradient);
  }
}

}  // namespace bijou::optim

#include "optim/rmsprop.h"

#include "tensor/map.h"

namespace bijou::optim {

void check_options(const RmspropOptions& o) {
  check_option("RMSprop", "lr", o.lr, 0);
  check_option("RMSprop", "alpha", o.alpha, 0, 1);
  check_option("RMSprop", "eps", o.eps, 0);
  check_option("RMSprop", "momentum", o.momentum, 0);
  check_option("RMSprop", "weight_decay", o.weight_decay, 0);
}

void RMSprop::descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) {
  const RmspropOptions& o = options(group);
  const real lr = real(o.lr * lr_scale), alpha = real(o.alpha), rest = real(1 - o.alpha), eps = real(o.eps);
  const real momentum = real(o.momentum), decay = real(o.weight_decay);
  update<3>(
      [=](Lane& w, Lane& s, Lane& v, Lane g) {
        g = g + w * decay;
        s = s * alpha + g * g * rest;
        v = v * momentum + g / (sqrt(s) + eps);
        w = w - v * lr;
      },
      weights, state.buffers[0], state.buffers[1], gradient);
}

}  // namespace bijou::optim

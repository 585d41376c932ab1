#include "optim/lars.h"

#include "tensor/map.h"

namespace bijou::optim {

void check_options(const LarsOptions& o) {
  check_option("LARS", "lr", o.lr, 0);
  check_option("LARS", "momentum", o.momentum, 0);
  check_option("LARS", "weight_decay", o.weight_decay, 0);
  check_option("LARS", "eta", o.eta, 0);
}

void LARS::descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) {
  const LarsOptions& o = options(group);
  const real momentum = real(o.momentum), decay = real(o.weight_decay);
  double trust = 1;
  if (o.trust) {
    const double of_w = map_sum([](Lane w) { return square(w); }, 0, weights).item();
    const double of_g = map_sum([=](Lane w, Lane g) { return square(g + w * decay); }, 0, weights, gradient).item();
    if (of_w > 0 && of_g > 0) trust = o.eta * std::sqrt(of_w / of_g);
  }
  const real lr = real(o.lr * lr_scale * trust);
  update<2>(
      [=](Lane& w, Lane& v, Lane g) {
        v = v * momentum + (g + w * decay) * lr;
        w = w - v;
      },
      weights, state.buffers[0], gradient);
}

}  // namespace bijou::optim

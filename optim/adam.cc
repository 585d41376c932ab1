#include "optim/adam.h"

#include "tensor/map.h"

namespace bijou::optim {
namespace {

template <class Options>
void check_adam(const char* name, const Options& o) {
  check_option(name, "lr", o.lr, 0);
  check_option(name, "betas[0]", o.betas[0], 0, 1);
  check_option(name, "betas[1]", o.betas[1], 0, 1);
  check_option(name, "eps", o.eps, 0);
  check_option(name, "weight_decay", o.weight_decay, 0);
}

// Step number t. The gradient is g + l2 w; w is shrunk to keep w.
template <class Options>
void adam(const Options& o, double lr, double l2, double keep, int64_t t, Tensor& weights, Tensor& mean,
          Tensor& mean_sq, const Tensor& gradient) {
  const auto [beta1, beta2] = o.betas;
  const real b1 = real(beta1), rest1 = real(1 - beta1), b2 = real(beta2), rest2 = real(1 - beta2);
  const real rate = real(lr / (1 - std::pow(beta1, t)));  // the two bias corrections
  const real scale = real(1 / std::sqrt(1 - std::pow(beta2, t)));
  const real decay = real(l2), kept = real(keep), eps = real(o.eps);
  update<3>(
      [=](Lane& w, Lane& m, Lane& v, Lane g) {
        g = g + w * decay;
        m = m * b1 + g * rest1;
        v = v * b2 + g * g * rest2;
        w = w * kept - m * rate / (sqrt(v) * scale + eps);
      },
      weights, mean, mean_sq, gradient);
}

}  // namespace

void check_options(const AdamOptions& o) { check_adam("Adam", o); }
void check_options(const AdamWOptions& o) { check_adam("AdamW", o); }

void Adam::descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) {
  const AdamOptions& o = options(group);
  adam(o, o.lr * lr_scale, o.weight_decay, 1, state.step, weights, state.buffers[0], state.buffers[1], gradient);
}

void AdamW::descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) {
  const AdamWOptions& o = options(group);
  const double lr = o.lr * lr_scale;
  adam(o, lr, 0, 1 - lr * o.weight_decay, state.step, weights, state.buffers[0], state.buffers[1], gradient);
}

}  // namespace bijou::optim

#include "ssl/pi_model.h"

#include <algorithm>
#include <cmath>

#include "nn/losses.h"

namespace bijou::ssl {

double gaussian_ramp(double t) {
  const double left = 1 - std::min(t, 1.0);
  return std::exp(-5 * left * left);
}

Var PiModel::loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) {
  const Tensor x = concat({labelled.x, unlabelled.x}, 0);
  const Tensor first = options.noise(x, g), second = options.noise(x, g);
  const Var logits = net(concat({first, second}, 0)), p = softmax(logits, 1);
  const int64_t n = x.size(0);
  const Var consistency = nn::mse_loss(slice(p, 0, 0, n), slice(p, 0, n, 2 * n));
  return nn::cross_entropy(slice(logits, 0, 0, labelled.size()), Var(labelled.targets)) +
         consistency * real(options.weight * gaussian_ramp(progress / options.ramp));
}

}  // namespace bijou::ssl

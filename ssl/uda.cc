#include "ssl/uda.h"

#include "autograd/map.h"
#include "nn/losses.h"
#include "ssl/fixmatch.h"
#include "tensor/elementwise.h"

namespace bijou::ssl {

Var annealed_cross_entropy(const Var& logits, const Tensor& targets, double eta) {
  Indices classes = argmax(targets, 1);
  const Tensor p = softmax(logits.value(), 1);
  int64_t left = 0;
  for (int64_t i = 0; i < classes.numel(); ++i) {
    if (double(p.at({i, classes.data()[i]})) < eta) ++left;
    else classes.mutable_data()[i] = kIgnoreIndex;
  }
  return nn::cross_entropy(logits, classes, {.reduction = nn::Reduction::kSum}) / real(std::max<int64_t>(1, left));
}

Var UDA::loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) {
  const Tensor known = options.weak(labelled.x, g), weak = options.weak(unlabelled.x, g);
  const ThreeLogits logits = three_logits(net, known, weak, options.strong(unlabelled.x, g));
  const Tensor said = logits.weak.value(), q = softmax(said * real(1 / options.temperature), 1);
  const Tensor sure = amax(softmax(said, 1), 1) >= real(options.threshold);
  const Var divergence = nn::kl_div(log_softmax(logits.strong, 1), Var(q), {.reduction = nn::Reduction::kNone});
  const double k = double(q.size(1)), eta = options.annealing ? (1 + progress * (k - 1)) / k : 2;
  return annealed_cross_entropy(logits.labelled, labelled.targets, eta) +
         mean(divergence * Var(sure)) * real(options.weight);
}

}  // namespace bijou::ssl

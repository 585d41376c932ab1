#include "ssl/fixmatch.h"

#include "nn/losses.h"

namespace bijou::ssl {

Indices sure_classes(const Tensor& probabilities, double threshold) {
  auto [sureness, classes] = max(probabilities, 1);
  for (int64_t i = 0; i < classes.numel(); ++i)
    if (sureness.data()[i] < real(threshold)) classes.mutable_data()[i] = kIgnoreIndex;
  return classes;
}

ThreeLogits three_logits(const nn::Sequential& net, const Tensor& labelled, const Tensor& weak, const Tensor& strong) {
  const Var logits = net(concat({labelled, weak, strong}, 0));
  const int64_t n = labelled.size(0), m = weak.size(0);
  return {slice(logits, 0, 0, n), slice(logits, 0, n, n + m).detach(), slice(logits, 0, n + m, n + 2 * m)};
}

Var FixMatch::loss(const Examples& labelled, const Examples& unlabelled, double, Generator& g) {
  const Tensor known = options.weak(labelled.x, g), weak = options.weak(unlabelled.x, g);
  const ThreeLogits logits = three_logits(net, known, weak, options.strong(unlabelled.x, g));
  const Indices sure = sure_classes(softmax(logits.weak.value(), 1), options.threshold);
  const Var told =
      nn::cross_entropy(logits.strong, sure, {.reduction = nn::Reduction::kSum});  // of those it is sure of
  return nn::cross_entropy(logits.labelled, Var(labelled.targets)) +
         told * real(options.weight / double(unlabelled.size()));
}

}  // namespace bijou::ssl

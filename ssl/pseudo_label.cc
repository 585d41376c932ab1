#include "ssl/pseudo_label.h"

#include <algorithm>

#include "nn/losses.h"

namespace bijou::ssl {

double PseudoLabel::alpha(double progress) const {
  return options.weight * std::clamp((progress - options.begin) / (options.end - options.begin), 0.0, 1.0);
}

Var PseudoLabel::loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) {
  const Var logits = net(options.noise(concat({labelled.x, unlabelled.x}, 0), g));
  const Var known = slice(logits, 0, 0, labelled.size()), others = slice(logits, 0, labelled.size(), logits.size(0));
  const Indices guess = argmax(others.value(), 1);
  return nn::cross_entropy(known, Var(labelled.targets)) + nn::cross_entropy(others, guess) * real(alpha(progress));
}

}  // namespace bijou::ssl

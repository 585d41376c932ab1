// Pseudo-label: at every step the network's likeliest class is taken for the label.
//
//   L = E_labelled[-log p_y(x)] + α(t) E_unlabelled[-log max_k p_k(x)]
//
// α(t) is 0 at first, as the network knows nothing yet, then grows in a straight line up to its height. Where the label
// is the network's own best guess, its cross-entropy is -log of the largest probability; what falls is the entropy, so
// that decision boundaries are driven out of where the examples are.
//
// D.-H. Lee, "Pseudo-Label: The simple and efficient semi-supervised learning method for deep neural networks", ICML
// Workshops 2013. Left out: denoising auto-encoders as a beginning.
#pragma once

#include "ssl/semi_supervised.h"

namespace bijou::ssl {

struct PseudoLabelOptions {
  Noise noise = no_noise;           // of all inputs, beside dropout
  double weight = 3;                // the height of α
  double begin = 0.15, end = 0.85;  // where α leaves 0, and where it reaches its height, as parts of the training
};
struct PseudoLabel : SemiSupervised {
  PseudoLabel(nn::Sequential classifier, PseudoLabelOptions o)
      : SemiSupervised(std::move(classifier)), options(std::move(o)) {
    check(options.begin < options.end, "PseudoLabel: alpha cannot rise from ", options.begin, " to ", options.end,
          " of the training");
  }
  Var loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) override;
  double alpha(double progress) const;

  PseudoLabelOptions options;
};

}  // namespace bijou::ssl

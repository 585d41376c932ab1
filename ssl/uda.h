// UDA, unsupervised data augmentation: what the network says of a strongly changed image follows what it says of the
// image itself.
//
//   q = softmax(f(x) / T),   L = E_labelled[...] + λ E_unlabelled[ 1{max p(x) >= β} KL(q ‖ p(strong(x))) ]
//
// As FixMatch, which came after it, but with soft targets, sharpened by the temperature T. And few labels are not to be
// learnt by heart before the others have been heard (training signal annealing): a labelled example counts only while
// the network gives its class less than η(t), which rises from 1/K to 1; the mean is over those that count.
//
// Q. Xie et al., "Unsupervised data augmentation for consistency training", NeurIPS 2020. Left out: annealing by a
// logarithm or an exponential instead of a straight line; the filter of unlabelled data of other domains.
#pragma once

#include "ssl/semi_supervised.h"

namespace bijou::ssl {

struct UdaOptions {
  Noise weak = no_noise;  // of labelled images, and of those unlabelled ones that give the target
  Noise strong = no_noise;
  double threshold = 0.8;    // β
  double temperature = 0.4;  // T
  double weight = 1;         // λ
  bool annealing = true;
};
struct UDA : SemiSupervised {
  UDA(nn::Sequential classifier, UdaOptions o) : SemiSupervised(std::move(classifier)), options(std::move(o)) {}
  Var loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) override;

  UdaOptions options;
};

// The mean cross-entropy of those examples to whose class (the likeliest of the target) p gives less than eta; 0 if of
// none.
Var annealed_cross_entropy(const Var& logits, const Tensor& targets, double eta);

}  // namespace bijou::ssl

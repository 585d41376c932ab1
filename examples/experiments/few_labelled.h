// A few examples with labels, many without: what experiments with semi-supervised learning work on, and what they
// measure.
#pragma once

#include "examples/support/dataset.h"
#include "ssl/self_training.h"

namespace bijou::experiments {

struct FewLabelled {
  ssl::Examples labelled;
  Tensor unlabelled;
  Indices truth;  // of the unlabelled examples; it serves to measure alone
  Tensor test_x;
  Indices test_labels;
};
// `labels` images of `train` in all, as many of each class, drawn by the seed; and its first `unlabelled` ones.
FewLabelled few_labelled(const support::Dataset& train, const support::Dataset& test, int64_t labels,
                         int64_t unlabelled, uint64_t seed);

double test_accuracy(nn::Sequential& net, const FewLabelled& data);

// What a round of self-training came to.
struct Round {
  double accuracy;  // of its model, on the test set
  int64_t kept;     // pseudo-labels it was taught, those repeated counted once
  double right;     // the part of them that is true; NaN of none
};
Round measure(nn::Sequential& net, const ssl::PseudoLabels& pseudo, const FewLabelled& data);

// Is told of every round's model, and of what it was taught beside the labels.
using Watch = std::function<void(nn::Sequential& net, const ssl::PseudoLabels& pseudo)>;

}  // namespace bijou::experiments

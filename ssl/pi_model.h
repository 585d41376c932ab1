// The Π-model: what the network says must not depend on noise, whatever it is that it says.
//
//   L = E_labelled[-log p_y(T x)] + w(t) E_all[ ‖p(T x) - p(T' x)‖² / K ]
//
// T and T' are two draws of all noise there is, of inputs and of dropout; the second term needs no labels. Its weight
// rises slowly, w(t) = w exp(-5 (1 - t/r)²) over the first part r of the training: before anything is learnt, agreement
// is best had by saying nothing.
//
// S. Laine, T. Aila, "Temporal ensembling for semi-supervised learning", ICLR 2017; M. Sajjadi et al., NeurIPS 2016.
#pragma once

#include "ssl/semi_supervised.h"

namespace bijou::ssl {

struct PiModelOptions {
  Noise noise = no_noise;
  double weight = 10;
  double ramp = 0.3;  // the part of the training over which the weight rises
};
struct PiModel : SemiSupervised {
  PiModel(nn::Sequential classifier, PiModelOptions o) : SemiSupervised(std::move(classifier)), options(std::move(o)) {
    check(options.ramp > 0, "PiModel: the weight cannot rise over ", options.ramp, " of the training");
  }
  Var loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) override;

  PiModelOptions options;
};

double gaussian_ramp(double t);  // exp(-5 (1 - t)²) up to t = 1, then 1

}  // namespace bijou::ssl

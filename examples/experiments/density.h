// Maximum likelihood, for any model that can say log p(x) of vectors, or a bound of it.
#pragma once

#include <functional>

#include "examples/support/binary.h"
#include "nn/autoregressive.h"

namespace bijou::experiments {

struct FitOptions {
  std::string title;
  int epochs;
  double minutes = 0;  // stop after so many, if that comes first (0: never)
  int64_t batch = 100;
  double lr = 1e-3;  // of Adam, the highest; it falls to 0 as half a cosine
  double weight_decay = 0;
  uint64_t seed = 0;
  int patience = 0;       // stop after so many epochs in which validation gained nothing (0: never)
  bool keep_best = true;  // the weights that were best on the validation set; else the last ones
  std::function<void()> before_evaluation = {};  // in training mode: gathers statistics, or measures log Z
};

// What came of it, in nats (lower is better): the mean of -log p.
struct Fit {
  std::vector<double> minutes, train, valid;  // after each epoch
  double test;                                // of the weights that are kept
};

using LogProb = std::function<Var(const Tensor& x)>;  // [B, D] -> [B]

// The mean of -log p over all of x.
double mean_nats(const LogProb& log_prob, const Tensor& x);

// n rows of x, or all where there are fewer, in random order: the official test set of binarized MNIST is sorted by
// class.
Tensor some_of(const Tensor& x, int64_t n, uint64_t seed);

// What element `place` of an example of shape [...] is predicted from, by the gradient of its conditional: [...], with
// 1 where it looks, 0 where not, and a half at the place itself. Seen with random numbers in place of data.
Tensor receptive_field(const nn::Autoregressive& model, const Shape& shape, int64_t place);

// What the first 64 (or fewer) hidden units add up, w [pixels, hidden], as pictures: dark below 0, bright above.
Tensor weight_pictures(const Tensor& w, const Shape& image);

// Grey images of a set that load_dataset() knows, as rows: a mean over each 2 x 2 pixels, in [0, 1]. The last 1000 for
// training are the validation set.
support::BinarySets load_grey(const std::string& dataset, const std::string& folder);

// Trains the model's parameters. evaluate, where it is given, says log p for validation and test. Ctrl-C ends the
// training early.
Fit fit(nn::Module& model, const LogProb& log_prob, const support::BinarySets& sets, const FitOptions& options,
        const LogProb& evaluate = {});

}  // namespace bijou::experiments

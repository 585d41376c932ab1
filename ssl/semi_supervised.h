// What all semi-supervised methods have in common: a few examples with labels, many without, and a loss of both.
//
//   L = E_labelled[-Σ_k t_k log p_k(x)] + E_unlabelled[ what the method makes of x alone ]
//
//   FixMatch method(net, {.weak = shifts, .strong = rand_augment()});
//   fit(method, {x, one_hot(labels, 10)}, {unlabelled}, {.batch = 16, .ratio = 7, .steps = 1000});
//   const Indices said = predict(method.result(), test_images);   // ssl/fine_tune.h
//
// Every step draws a batch of labelled examples and one, `ratio` times as large, of the others. The optimizer is Adam
// with half a cosine down to 0 for all methods, so that what differs is the loss.
#pragma once

#include <functional>

#include "nn/sequential.h"
#include "tensor/random.h"

namespace bijou::ssl {

// Inputs, and for each a probability of every class: a hard label is a row with a single 1.
struct Examples {
  Tensor x;             // [n, ...]
  Tensor targets = {};  // [n, classes]; none for unlabelled examples

  int64_t size() const { return x.size(0); }
};
Examples select_rows(const Examples& all, const Indices& rows);
// The one set and the other; where one is empty, it is left out.
Examples joined(const Examples& a, const Examples& b);

// A random change of a batch: any Augmentation is one.
using Noise = std::function<Tensor(const Tensor& x, Generator& g)>;
inline Tensor no_noise(const Tensor& x, Generator&) { return x; }

struct SemiSupervised {
  explicit SemiSupervised(nn::Sequential classifier) : net(std::move(classifier)) {}
  virtual ~SemiSupervised() = default;

  // The loss of a batch of either kind, `progress` = step / steps of the way: shape [].
  virtual Var loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) = 0;
  virtual void after_step() {}                      // averages follow here
  virtual nn::Sequential& result() { return net; }  // what is to be used in the end

  nn::Sequential net;  // to logits [B, classes]; shares its parameters with what it was made from
};

struct FitOptions {
  int64_t batch = 32;  // labelled examples a step, drawn with replacement, as there may be fewer than that
  double ratio = 2;    // so many unlabelled ones for each
  int64_t steps = 500;
  double lr = 2e-3;
  uint64_t seed = 0;  // of the batches and of the noise of inputs; dropout asks default_generator()
  std::function<bool(int64_t step, double loss)> report = {};  // false stops
};
// Trains the method's parameters. Returns the loss of every step.
std::vector<double> fit(SemiSupervised& method, const Examples& labelled, const Examples& unlabelled,
                        const FitOptions& options);

// softmax of the logits of all x, in evaluation mode, so without noise: [n, classes].
Tensor probabilities(nn::Sequential& net, const Tensor& x);

}  // namespace bijou::ssl

// Flat minima at the size of a classroom: a small network on few images, many of whose labels are wrong, so that to
// learn everything is to learn falsehoods. Used by examples/sam.cc, examples/hessian.cc and the effects.
#pragma once

#include <functional>

#include "examples/support/dataset.h"
#include "nn/sequential.h"
#include "optim/curvature.h"
#include "optim/sam.h"

namespace bijou::experiments {

struct NoisySets {
  support::Dataset train, valid;  // of the training images; labels redrawn at random for a part of both
  support::Dataset test;          // untouched
};
struct NoisySetOptions {
  std::string dataset = "digits";
  std::string folder = "";
  double noise = 0.3;  // the part of the labels that are drawn anew, uniformly from all classes
  int64_t train = 2000, valid = 1000, test = 2000;
  uint64_t seed = 0;
};
NoisySets noisy_sets(const NoisySetOptions& o);

// 64-64 hidden units with ReLU; or two convolutions with stride 2 (16, 32 channels) and 64 hidden units. Neither has
// batch normalisation, which would blur what curvature means.
nn::Sequential make_classifier(const std::string& model, const Shape& image, int64_t classes);

struct FlatTraining {
  std::string model = "mlp";           // or "conv"
  optim::SamOptions sam = {.rho = 0};  // 0: plain SGD
  int epochs = 40;
  double lr = 0.05;  // cosine; momentum 0.9, batches of 64
  uint64_t seed = 0;
  bool curvature_along = false;                            // λ_max after each tenth of the run
  std::function<bool(const std::string& note)> tick = {};  // after every epoch; false: stop
};
struct FlatRun {
  nn::Sequential net;
  std::vector<double> valid, test;  // accuracies after each epoch
  std::vector<double> lambdas;      // with curvature_along
  double early() const;             // test accuracy where valid is best
};
FlatRun train_flat(const NoisySets& data, const FlatTraining& o);

double accuracy(const nn::Sequential& net, const support::Dataset& data);

// Of the training loss on the first 1,000 images, labels as the network saw them.
struct Flatness {
  double loss, lambda_max, trace;
};
optim::Objective training_loss(const FlatRun& run, const NoisySets& data);
Flatness flatness(const FlatRun& run, const NoisySets& data);

}  // namespace bijou::experiments

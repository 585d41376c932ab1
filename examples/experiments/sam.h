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
nn::Sequential make_perceptron(const std::vector<int64_t>& sizes);  // ReLU between linear layers

// The network that a checkpoint's weights are of: a perceptron of any sizes with ReLU, as examples/mnist saves one, or
// make_classifier("conv", ...). Throws where they are neither's.
nn::Sequential classifier_of(const nn::StateDict& weights, const Shape& image);

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

// The training loss of the first `images`, labels as the network saw them; and the largest eigenvalue of its Hessian,
// to within this part of it.
optim::Objective training_loss(const FlatRun& run, const NoisySets& data, int64_t images = 1000);
double lambda_max(const optim::Objective& loss, const FlatRun& run, double tolerance = 1e-3);

}  // namespace bijou::experiments

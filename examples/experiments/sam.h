// Flat minima at the size of a classroom: a small network on few images, many of whose labels are wrong, so that to
// learn everything is to learn falsehoods. Used by examples/sam.cc, examples/hessian.cc and the effects.
#pragma once

#include <functional>
#include <optional>

#include "examples/support/dataset.h"
#include "examples/support/plot.h"
#include "nn/checkpoint.h"
#include "nn/sequential.h"
#include "optim/sam.h"
#include "optim/spectrum.h"

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

// Saves a network, and what its data were; and what a checkpoint says of the data, nothing where another program saved
// it.
void save_classifier(const std::string& path, const nn::Sequential& net, const NoisySetOptions& data);
std::optional<NoisySetOptions> data_of(const nn::Checkpoint& checkpoint);

// What is measured, and kept: the weights as they are; or SWA's, the mean over the epochs of the last quarter, with a
// learning rate that falls only to half; or a moving average of decay .99.
enum class Averaging { kNone, kSwa, kEma };

struct FlatTraining {
  std::string model = "mlp";           // or "conv"
  optim::SamOptions sam = {.rho = 0};  // 0: plain SGD
  double gradient_norm = 0;            // λ ‖∇L‖ is added to the loss L
  Averaging averaging = Averaging::kNone;
  int epochs = 40;
  double lr = 0.05;  // cosine; momentum 0.9, batches of 64
  uint64_t seed = 0;
  bool curvature_along = false;                            // λ_max after each tenth of the run
  std::function<bool(const std::string& note)> tick = {};  // after every epoch; false: stop
};
struct FlatRun {
  nn::Sequential net;
  std::vector<double> valid = {}, test = {};             // accuracies after each epoch
  std::vector<double> lambda_epochs = {}, lambdas = {};  // with curvature_along: after which epoch, how large
  double early() const;                                  // test accuracy where valid is best
};
FlatRun train_flat(const NoisySets& data, const FlatTraining& o);

// A row of the table that examples/sam.cc makes.
struct FlatArm {
  std::string method;  // sgd, sam, asam; and what they are compared with: swa, ema, gradient_norm
  double rho = 0;      // as for p = 2; of gradient_norm, its λ
  int64_t m = 64;
  double p = 2;
  int epochs = 0;
  std::string name() const;
};
struct FlatGrid {
  std::vector<double> rho, m, p, asam, gradient_norm;  // asam: its values of rho
  int epochs;
};
// SGD first; then SAM with every p, m and rho but 0, and the others; last, SGD with twice the epochs.
std::vector<FlatArm> sweep(const FlatGrid& grid);

double accuracy(const nn::Sequential& net, const support::Dataset& data);

// The training loss of the first `images`, labels as the network saw them; and the largest eigenvalue of its Hessian,
// to within this part of it.
optim::Objective training_loss(const FlatRun& run, const NoisySets& data, int64_t images = 1000);
double lambda_max(const optim::Objective& loss, const FlatRun& run, double tolerance = 1e-3);

// The density of eigenvalues, each blurred to this width, for a logarithmic scale: what is below 1e-7 is drawn there.
support::Series density_line(const optim::Spectrum& spectrum, double width, const std::string& label = "");

}  // namespace bijou::experiments

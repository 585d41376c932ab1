// What self-supervision is worth with few labels: the parts of the experiment that examples/simclr.cc shows and
// `make effects` measures.
//
// An encoder learns from images without labels; then a few labels a class are given. Beside the linear probe and
// fine-tuning stand the controls without which such numbers say little: the same network trained on those labels alone,
// with and without the same augmentation, and the probe on the same network untrained.
#pragma once

#include <memory>
#include <string>

#include "examples/support/dataset.h"
#include "ssl/fine_tune.h"
#include "ssl/method.h"

namespace bijou::experiments {

constexpr int64_t kFeatures = 128;  // of make_encoder()

// Three convolutions with stride 2 (16, 32, 64 channels; twice as many for colour), then 128 features.
nn::Sequential make_encoder(const Shape& image);  // image: [C, H, W]

// Grey images: one affine map, and fading. In colour: crops, flips, jitter, grey.
ssl::Augmentation make_views(int64_t channels);

std::vector<std::string> method_names();  // simclr, moco, byol, ..., mae
// One of them with a new encoder for images [C, H, W].
std::unique_ptr<ssl::Method> make_method(const std::string& name, const Shape& image);

struct Pretraining {
  std::string method = "simclr";
  int64_t batch = 64, steps = 1170;
  bool lars = false;  // with linear warm-up, instead of Adam
  uint64_t seed = 0;
  std::function<bool(int64_t step, double loss)> report = {};
};
struct Pretrained {
  std::unique_ptr<ssl::Method> method;
  nn::AnyModule untrained;     // a copy of the encoder as it was at first
  std::vector<double> losses;  // of every step
};
Pretrained pretrain(const Tensor& images, const Pretraining& options);

// Test accuracies with a few labels a class.
struct FewLabels {
  double probe, fine_tuned;                 // on and from the pre-trained encoder
  double supervised_augmented, supervised;  // from the untrained one, with and without the views
  double random_probe;                      // on the untrained one
};
// Fine-tuning and its supervised controls are all trained as `tuning` says.
FewLabels with_few_labels(Pretrained& pretrained, const support::Dataset& train, const support::Dataset& test,
                          int64_t per_class, uint64_t draw, ssl::FineTuneOptions tuning = {});

}  // namespace bijou::experiments

// Fine-tuning: a linear classifier is put on an encoder, and both are trained on the few images that have labels. From
// a new encoder instead of a pre-trained one, the same function is the supervised control.
#pragma once

#include "nn/sequential.h"
#include "ssl/augmentation.h"

namespace bijou::ssl {

struct FineTuneOptions {
  int64_t classes = 10;
  int64_t batch = 64;  // drawn with replacement, as there may be fewer images than that
  int64_t steps = 300;
  double lr = 2e-3;   // of Adam, falling by a cosine
  uint64_t seed = 0;  // of the classifier's weights, and of what is drawn
};
// Trains a copy of the encoder ([B, C, H, W] -> [B, features]) with a classifier, on augmented images: logits.
nn::Sequential fine_tune(const nn::AnyModule& encoder, int64_t features, const Tensor& images, const Indices& labels,
                         const Augmentation& noise, const FineTuneOptions& options = {});

// The likeliest class of each image, in evaluation mode.
Indices predict(nn::Sequential& net, const Tensor& images);

}  // namespace bijou::ssl

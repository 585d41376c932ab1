#include "ssl/predict_variant.h"

#include "nn/losses.h"

namespace bijou::ssl {

namespace {
constexpr int64_t kFew = 4;  // up to so many variants are all shown of every image
}

PredictVariant::PredictVariant(const Options& o)
    : Method(o.encoder), task(o.task), noise(o.noise), classifier({.in = o.features, .out = o.task.variants}) {
  check(task.variants > 1, "PredictVariant: an augmentation of several variants expected, not ", task.variants);
}

Var PredictVariant::loss(const Tensor& images, Generator& g) {
  Tensor x = noise(images, g);
  Indices ids;
  if (task.variants > kFew) {
    ids = task.draw(x.size(0), g);
  } else {
    const int64_t n = x.size(0);
    ids = Indices({task.variants * n});
    for (int64_t i = 0; i < ids.numel(); ++i) ids.mutable_data()[i] = bijou::index(i / n);
    x = concat(std::span<const Tensor>(std::vector<Tensor>(size_t(task.variants), x)), 0);
  }
  return nn::cross_entropy(classifier(encoder(task(x, ids, g))), ids);
}

}  // namespace bijou::ssl

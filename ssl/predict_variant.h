// Which variant of an augmentation is this? To tell, a network must know what the images show.
//
//   L = cross_entropy(c(f(T_k(x))), k)
//
// With rotations(): S. Gidaris, P. Singh, N. Komodakis, "Unsupervised representation learning by predicting image
// rotations", ICLR 2018; all four turns of every image are in a batch, as there.
// With jigsaw(): M. Noroozi, P. Favaro, "Unsupervised learning of visual representations by solving jigsaw puzzles",
// ECCV 2016. Theirs are puzzles of 3 x 3 pieces with gaps, each piece seen by itself, and a thousand chosen orders; the
// images here are too small for that: 2 x 2 pieces, seen together, in all 24 orders, one drawn for each image.
#pragma once

#include "nn/linear.h"
#include "ssl/method.h"

namespace bijou::ssl {

struct PredictVariant : Method {
  struct Options {
    nn::AnyModule encoder;
    int64_t features;
    Augmentation task;                // with several variants
    Augmentation noise = identity();  // before the task
  };
  explicit PredictVariant(const Options& o);
  void members(nn::Visitor& visit) override { Method::members(visit), visit("classifier", classifier); }
  Var loss(const Tensor& images, Generator& g) override;

  Augmentation task, noise;
  nn::Linear classifier;
};

}  // namespace bijou::ssl

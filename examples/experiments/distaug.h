// Distribution augmentation at the size of a classroom: small images of few levels, a MADE or a transformer, one arm for
// each row of the paper's table. Used by examples/distaug.cc and by the effects.
#pragma once

#include "examples/support/dataset.h"
#include "nn/image_transformer.h"
#include "nn/made.h"
#include "ssl/distaug.h"

namespace bijou::experiments {

// A density of images of `levels` values a number, under a condition.
struct PixelDensity : nn::Module {
  // x [B, C, H, W], each number one of k / (levels - 1); condition [B, dim], places as of DistAug -> [B] in nats.
  virtual Var log_prob(const Tensor& x, const Var& condition, const Indices& places) const = 0;
  virtual Tensor sample(const Shape& shape, const Var& condition, const Indices& places, Generator& g) const = 0;
};

// MADE (nn/made.h) over numbers that are one of several levels: inputs are one-hot, outputs the logits of each level.
// The condition is a bias of every layer.
struct PixelMade : PixelDensity {
  struct Options {
    int64_t levels, pixels;
    int64_t condition;     // length of the condition
    int64_t hidden = 400;  // units of each of two layers
    double dropout = 0;
  };
  explicit PixelMade(Options o);
  Var logits(const Indices& tokens, const Var& condition) const;  // [B, pixels] -> [B, pixels, levels]
  Var log_prob(const Tensor& x, const Var& condition, const Indices& places) const override;
  Tensor sample(const Shape& shape, const Var& condition, const Indices& places, Generator& g) const override;
  void members(nn::Visitor& visit) override { visit("layers", layers), visit("conditions", conditions); }

  Options options;
  std::vector<nn::MaskedLinear> layers;
  std::vector<nn::Linear> conditions;
};

struct PixelTransformer : PixelDensity {
  explicit PixelTransformer(const nn::ImageTransformer::Options& o) : net(o) {}
  Var log_prob(const Tensor& x, const Var& condition, const Indices& places) const override;
  Tensor sample(const Shape& shape, const Var& condition, const Indices& places, Generator& g) const override;
  void members(nn::Visitor& visit) override { visit("net", net); }

  nn::ImageTransformer net;
};

struct PixelSets {
  Tensor train, valid, test;  // [n, C, H, W], of `levels` values from 0 to 1
  int64_t levels;
};
struct PixelSetOptions {
  int64_t size = 12, levels = 8, train = 2000, valid = 1000, test = 2000;
  bool grey = true;
  uint64_t seed = 0;  // which images are drawn from the training set
};
// Images shrunk to size x size and rounded to levels; `valid` are taken from the training images.
PixelSets small_images(const std::string& dataset, const std::string& folder, const PixelSetOptions& o);

// The types of the lecture's table by name, joined by +: "rot+tr"; or "none". Known: flip, rot, tr, col (orders of the
// colours; of grey images, inversion), js, rev, randaugment (on or off).
std::vector<ssl::DistAug::Type> types_of(const std::string& names, int64_t channels);

struct DistAugArm {
  std::string types = "none";
  bool conditioned = true;
  double dropout = 0;
  std::string model = "made";  // or "transformer"
  int64_t hidden = 400;        // of the MADE
};
// Bits/dim of untransformed images after each tenth of a run.
struct DistAugCurve {
  std::vector<double> train, valid, test;
  double early() const;  // test where valid is best
  double final() const { return test.back(); }
  double gap() const { return test.back() - train.back(); }
};
struct DistAugRun {
  DistAugCurve curve;
  std::shared_ptr<ssl::DistAug> aug;
  std::shared_ptr<PixelDensity> model;
};
// Trains with Adam, batches of 100. `tick` is called after every step; where it returns false the run stops.
DistAugRun train_distaug(const PixelSets& data, const DistAugArm& arm, int epochs, uint64_t seed,
                         const std::function<bool(double loss)>& tick = {});

// Bits/dim of images [n, C, H, W] under p(t(x) | t) for t = id.
double bits_per_dim(const DistAugRun& run, const Tensor& images, bijou::index id);

}  // namespace bijou::experiments

// Distribution augmentation at the size of a classroom: small images of few levels, a density model of them
// (pixel_density.h), one arm for each row of the paper's table. Used by examples/distaug.cc and by the effects.
#pragma once

#include <memory>

#include "examples/experiments/pixel_density.h"
#include "examples/support/dataset.h"
#include "ssl/distaug.h"

namespace bijou::experiments {

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
// colours; of grey images, inversion), js, rev, order (three fixed random orders of the pixels), randaugment (on or
// off; on for .95 of the images where it stands alone, as in the paper).
std::vector<ssl::DistAug::Type> types_of(const std::string& names, int64_t channels);

struct DistAugArm {
  std::string types = "none";
  bool conditioned = true, permuted = true;  // as of DistAug
  double dropout = 0;
  std::string model = "made";                         // of pixel_models()
  int64_t width = 0, layers = 0;                      // 0: what suits small images
  bool full_attention = false, checkpointed = false;  // of the transformer
  int64_t batch = 100;
  double lr = 1e-3;    // of Adam
  double minutes = 0;  // that a run may take at most, whatever its epochs; 0: no limit
  double plain = 0;    // part of the images left as they are
};
// Bits/dim of untransformed images after each tenth of a run, and how many epochs that was.
struct DistAugCurve {
  std::vector<double> epochs, train, valid, test;
  double early() const;  // test where valid is best
  double final() const { return test.back(); }
  double gap() const { return test.back() - train.back(); }
};
struct DistAugRun {
  DistAugCurve curve;
  std::shared_ptr<ssl::DistAug> aug;
  std::shared_ptr<PixelDensity> model;
};
// Trains with Adam. `tick` is called after every step; where it returns false the run stops.
DistAugRun train_distaug(const PixelSets& data, const DistAugArm& arm, int epochs, uint64_t seed,
                         const std::function<bool(double loss)>& tick = {});

// Bits/dim of images [n, C, H, W] under p(t(x) | t) for t = id.
double bits_per_dim(const DistAugRun& run, const Tensor& images, bijou::index id);
// Under the mean of p(t(x) | t) over t in ids: log_prob_of_views().
double bits_per_dim_of_views(const DistAugRun& run, const Tensor& images, const Indices& ids);

}  // namespace bijou::experiments

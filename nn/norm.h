// Normalisation: activations brought to mean 0 and variance 1, then scaled and shifted by learnt numbers.
//
//   BatchNorm   each channel, over the batch; in evaluation mode by running averages of what training saw
//   LayerNorm   the features of each example
//   GroupNorm   the channels of each example, a group at a time
//
// Y. Wu, K. He, "Group normalization", ECCV 2018; the others are cited in nn/normalize.h.
#pragma once

#include "nn/module.h"

namespace bijou::nn {

// Parameters, buffers and rule of BatchNorm1d and 2d. Training divides by the biased variance of the batch, and tracks
//
//   running <- running + momentum (batch - running)       with the unbiased variance
struct BatchNorm : Module {
  struct Options {
    int64_t channels;
    double eps = 1e-5;
    double momentum = 0.1;
  };
  explicit BatchNorm(Options o);
  void members(Visitor& visit) override;

  Options options;
  Var weight, bias;                  // [channels], 1 and 0 at first
  Tensor running_mean, running_var;  // [channels], 0 and 1 at first
  Tensor num_batches_tracked;        // []

 protected:
  Var normalize(const Var& x) const;
};

struct BatchNorm1d : BatchNorm {  // [N, C] or [N, C, L]
  using BatchNorm::BatchNorm;
  Var operator()(const Var& x) const;
};

struct BatchNorm2d : BatchNorm {  // [N, C, H, W]
  using BatchNorm::BatchNorm;
  Var operator()(const Var& x) const;
};

// While one of these lives, running statistics stand still: for a second pass over the same batch, as SAM makes it.
struct KeepStatistics {
  KeepStatistics();
  ~KeepStatistics();
  KeepStatistics(const KeepStatistics&) = delete;

 private:
  bool before_;
};

struct LayerNorm : Module {  // over the last axis
  struct Options {
    int64_t size;
    double eps = 1e-5;
  };
  explicit LayerNorm(Options o);
  Var operator()(const Var& x) const;  // [..., size]
  void members(Visitor& visit) override { visit("weight", weight), visit("bias", bias); }

  double eps;
  Var weight, bias;  // [size]
};

struct GroupNorm : Module {
  struct Options {
    int64_t groups, channels;
    double eps = 1e-5;
  };
  explicit GroupNorm(Options o);
  Var operator()(const Var& x) const;  // [N, channels, ...]
  void members(Visitor& visit) override { visit("weight", weight), visit("bias", bias); }

  Options options;
  Var weight, bias;  // [channels]
};

}  // namespace bijou::nn

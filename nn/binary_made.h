// MADE (nn/made.h) as a density of binary vectors: p(x_i = 1 | what stands before) = σ(output i).
//
// What stands before is a matter of the ordering, and an ordering is only a mask. Trained under several masks in turns,
// one set of weights is an ensemble of as many densities, whose mean is a better density than each:
//
//   p(x) = 1/K Σ_k p_k(x)
//
// M. Germain, K. Gregor, I. Murray, H. Larochelle, "MADE: Masked autoencoder for distribution estimation", ICML 2015.
#pragma once

#include "nn/autoregressive.h"
#include "nn/made.h"

namespace bijou::nn {

struct BinaryMade : Autoregressive {
  struct Options {
    int64_t features;
    std::vector<int64_t> hidden;
    int64_t condition = 0;
    bool direct = false;  // also connect inputs with outputs
    int64_t masks = 1;
    uint64_t seed = 0;  // of the masks
  };
  explicit BinaryMade(Options o);

  // A mask that is alone has the natural ordering, and hidden units spread evenly. Of many, each draws both at random,
  // the same each time. The first is in use to begin with.
  void use_mask(int64_t k);

  Var conditionals(const Var& x, const Var& condition = {}) const override;  // x [B, D] of 0 and 1
  Tensor sample(int64_t n, const Var& condition = {}, Generator& g = default_generator()) const override;
  // log p(x) over all masks, [B]; leaves mask 0 in use. Not recorded: each mask takes the place of the one before.
  Tensor ensemble_log_prob(const Tensor& x, const Var& condition = {});
  void members(Visitor& visit) override { visit("made", made); }

  Options options;
  Made made;
};

}  // namespace bijou::nn

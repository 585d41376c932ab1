// Contrastive predictive coding: what is heard so far should tell the next moments from all other moments.
//
//   z_s = conv(x)_s           a frame of the sound, strided convolutions
//   c_s = GRU(z_1 ... z_s)    all frames so far
//   L   = -1/K Σ_k E log  exp(z_{s+k}·W_k c_s) / Σ_j exp(z_j·W_k c_s)         "InfoNCE", k = 1 ... K
//
// j goes over the frames of the batch: other moments of the same utterance, so that it does not suffice to know the
// speaker, and all other utterances. The loss is a bound: log N - L is at most the mutual information of c_s and
// z_{s+k} in nats, for N candidates. Nothing is painted or predicted number by number; what is noise need not be known.
//
// A. van den Oord, Y. Li, O. Vinyals, "Representation learning with contrastive predictive coding", 2018.
//
// Sounds are images of one row, [B, 1, 1, samples], so that pretrain() and embed() serve them (ssl/method.h).
#pragma once

#include "autograd/ops.h"
#include "nn/conv.h"
#include "nn/linear.h"
#include "nn/recurrent.h"
#include "ssl/method.h"

namespace bijou::ssl {

// -log softmax(queries keysᵀ)_ii, mean over i: queries and keys [N, d].
Var info_nce(const Var& queries, const Var& keys);

struct CpcEncoder : nn::Module {
  struct Options {
    int64_t channels = 32, context = 64;          // of z and of c
    std::vector<int64_t> strides = {5, 4, 2, 2};  // one layer each, of kernels twice as long: 80 samples a frame
  };
  explicit CpcEncoder(const Options& o);
  void members(nn::Visitor& visit) override { visit("convolutions", convolutions), visit("gru", gru); }

  struct Frames {
    Var z, c;  // [B, S, channels], [B, S, context]
  };
  Frames frames(const Var& x) const;                                   // x [B, 1, 1, samples]
  Var operator()(const Var& x) const { return mean(frames(x).c, 1); }  // [B, context]: what was heard on the whole

  Options options;
  std::vector<nn::Conv2d> convolutions;
  nn::GRU gru;
};

struct Cpc : Method {
  struct Options {
    CpcEncoder encoder;  // its parameters are shared
    int64_t ahead = 6;   // K
  };
  explicit Cpc(const Options& o);
  void members(nn::Visitor& visit) override { Method::members(visit), visit("predictors", predictors); }
  Var loss(const Tensor& sounds, Generator& g) override;

  // The K terms of the loss, and among how many candidates each chose.
  struct Term {
    Var loss;
    int64_t candidates;
  };
  std::vector<Term> terms(const Tensor& sounds) const;

  std::vector<nn::Linear> predictors;  // W_1 ... W_K
};

}  // namespace bijou::ssl

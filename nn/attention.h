// Attention: every position takes a mean of what all positions offer, weighted by how well its query fits their keys.
//
//   y_i = Σ_j p_ij v_j,    p_i = softmax_j(q_i · k_j / sqrt(d))
//
// in several heads side by side, each on its own share of the features.
// A. Vaswani et al., "Attention is all you need", NeurIPS 2017.
#pragma once

#include "nn/linear.h"

namespace bijou::nn {

// Which positions j a position i may not look at. Masks are PyTorch's: 1 means no. Where i may look nowhere, y_i is 0.
struct AttentionMask {
  bool causal = false;      // none after its own
  Tensor positions = {};    // [T, T], or nothing
  Tensor key_padding = {};  // [B, T], or nothing: the padding of each example
};

// qkv [B, T, 3 D] holds queries, keys and values side by side; a head has D / heads numbers of each. Result [B, T, D].
// kept [B, heads, T, T], or nothing: the weights p are multiplied by it, as dropout does.
Var self_attention(const Var& qkv, int64_t heads, const AttentionMask& mask = {}, const Tensor& kept = {});

// The same in ops: what self_attention means, and how its gradients are differentiated.
Var self_attention_in_ops(const Var& qkv, int64_t heads, const AttentionMask& mask = {}, const Tensor& kept = {});

// Self-attention of x [B, T, dim] with learnt projections, under PyTorch's names and layouts.
struct MultiHeadAttention : Module {
  struct Options {
    int64_t dim, heads;
    double dropout = 0;  // of the weights p, while training
    bool bias = true;
  };
  explicit MultiHeadAttention(Options o);
  Var operator()(const Var& x, const AttentionMask& mask = {}) const;
  void members(Visitor& visit) override;

  Options options;
  Var in_proj_weight, in_proj_bias;  // [3 dim, dim], [3 dim]: of queries, keys, values
  Linear out_proj;
};

}  // namespace bijou::nn

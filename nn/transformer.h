// A block of a transformer: attention between positions, then a small network at each position, both residual.
//
//   x <- x + attention(norm1(x)),   x <- x + linear2(activation(linear1(norm2(x))))      norm first, as GPT-2
//   x <- norm1(x + attention(x)),   x <- norm2(x + linear2(activation(linear1(x))))      norm last, as the paper
//
// A. Vaswani et al., "Attention is all you need", NeurIPS 2017. Parameters have the names and layouts of PyTorch's
// TransformerEncoderLayer.
#pragma once

#include "nn/activation.h"
#include "nn/attention.h"
#include "nn/dropout.h"
#include "nn/norm.h"
#include "nn/sequential.h"

namespace bijou::nn {

struct TransformerBlock : Module {
  struct Options {
    int64_t dim, heads;
    int64_t feedforward;  // width of the network at each position; 4 dim is usual
    double dropout = 0;   // of attention weights, hidden units and both branches
    bool norm_first = true;
    AnyModule activation = GELU();
  };
  explicit TransformerBlock(Options o);
  Var operator()(const Var& x, const AttentionMask& mask = {}) const;  // [B, T, dim]
  void members(Visitor& visit) override;

  Options options;
  MultiHeadAttention self_attn;
  Linear linear1, linear2;
  LayerNorm norm1, norm2;
  Dropout dropout;
};

}  // namespace bijou::nn

// A causal transformer over the pixels of an image, one token a pixel and channel, row by row:
//
//   p(x | s) = Π_i p(x_i | x_1 ... x_{i-1}, s)
//
// Slot i of the sequence holds the token before, x_{i-1}, and the place of the pixel to come: row, column and channel,
// three learnt vectors that are added. Slot 1 has no token before; there stands the start vector s, which may say what
// is to be drawn. R. Child, S. Gray, A. Radford, I. Sutskever, "Generating long sequences with sparse transformers",
// 2019.
//
// With l the number of tokens in a row of the image, that paper's sparse layers look, in turns, at
//
//   local     the l tokens before:             j = i - l ... i
//   strided   the same column, rows above:     j = i, i - l, i - 2 l, ...
//
// so that two layers see everything at a cost of T sqrt(T) instead of T². Left out: fp16, the recomputed blocks' own
// kernels, and attention dropout; the dropout of the residual branches is there.
#pragma once

#include "nn/embedding.h"
#include "nn/transformer.h"

namespace bijou::nn {

enum class Reach { kFull, kLocal, kStrided };

// Causal self-attention (nn/attention.h) within the reach, for rows of l tokens. The cost of a token grows with l
// (local) or T/l (strided), not with T. qkv [B, T, 3 D] -> [B, T, D]; l divides T.
Var causal_attention(const Var& qkv, int64_t heads, Reach reach, int64_t l);

struct ImageTransformer : Module {
  struct Options {
    int64_t levels;  // values of a pixel: tokens are 0 ... levels - 1
    int64_t channels = 1, height, width;
    int64_t dim = 64, heads = 4, layers = 4;
    double dropout = 0;         // of the residual branches
    bool sparse = true;         // layers alternate between local and strided; else all are full
    bool checkpointed = false;  // keep only the input of each block for the backward pass
  };
  explicit ImageTransformer(Options o);

  // tokens [B, T], T = height width channels -> [B, T, levels]. start [B, dim], or nothing: learnt. places [B, T]:
  // where in the untransformed image each token comes from; or Indices(): in order.
  Var logits(const Indices& tokens, const Var& start = {}, const Indices& places = {}) const;
  Var log_prob(const Indices& tokens, const Var& start = {}, const Indices& places = {}) const;  // [B], in nats

  // n images, token by token: keys and values of what is drawn are kept, so a token costs one slot and not all of them.
  // Not recorded; dropout is off.
  Indices sample(int64_t n, const Var& start = {}, const Indices& places = {},
                 Generator& g = default_generator()) const;

  void members(Visitor& visit) override;

  int64_t tokens_in_row() const { return options.width * options.channels; }
  int64_t length() const { return options.height * tokens_in_row(); }
  Reach reach(size_t layer) const;

  Options options;
  Embedding token, row, column, channel;
  Var start;  // [dim]
  std::vector<TransformerBlock> blocks;
  LayerNorm norm;
  Linear head;

 private:
  Var place_vectors(const Indices& places) const;
  Var slots(const Indices& tokens, const Var& start, const Indices& places) const;
};

}  // namespace bijou::nn

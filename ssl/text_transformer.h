// A transformer over text: the body that a masked language model and a causal one share.
//
//   x_t = norm(token_t + position_t + segment_t),   then `layers` blocks, norm last, as in the paper
//
// and a head for the vocabulary, whose decoder is the table of token vectors itself ("tied"):
//
//   logits = norm(gelu(W h + b)) Eᵀ + bias
//
// J. Devlin, M. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of deep bidirectional transformers for language
// understanding", NAACL 2019. Token, position and segment vectors begin small (standard deviation 0.02) as there; the
// layers begin as nn/linear.h has them, since 0.02 is meant for 768 features.
#pragma once

#include "nn/embedding.h"
#include "nn/transformer.h"
#include "ssl/tokens.h"

namespace bijou::ssl {

struct TextTransformer : nn::Module {
  struct Options {
    int64_t vocabulary;
    int64_t length;  // of the longest sequence
    int64_t dim = 64, heads = 4, layers = 2;
    double dropout = 0;
    bool causal = false;  // does a position see only those before it?
  };
  explicit TextTransformer(Options o);
  Var operator()(const TokenBatch& batch) const;  // [B, T, dim]
  void members(nn::Visitor& visit) override;

  // The mean of the last layer over each sequence's own tokens: features for whatever is to be learnt from few labels,
  // in evaluation mode. [n, dim]
  Tensor embed(std::span<const Tokens> sequences) const;

  Options options;
  nn::Embedding token, position, segment;
  nn::LayerNorm norm;
  nn::Dropout dropout;
  std::vector<nn::TransformerBlock> blocks;
};

struct VocabularyHead : nn::Module {
  explicit VocabularyHead(const TextTransformer::Options& o);
  Var operator()(const Var& h, const Var& token_vectors) const;  // [N, dim] and [V, dim] -> [N, V]
  void members(nn::Visitor& visit) override { visit("dense", dense), visit("norm", norm), visit("bias", bias); }

  nn::Linear dense;
  nn::LayerNorm norm;
  Var bias;  // [V]
};

// The mean of h [B, T, dim] over what is not padding: [B, dim].
Var mean_of_tokens(const Var& h, const Tensor& padding);

}  // namespace bijou::ssl

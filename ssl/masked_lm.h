// Masked language model: hide some tokens of a text, and say from both sides what they were.
//
//   L = mean over the hidden t of  -log p(x_t | x with holes)
//
// Of each sequence 15 % of the positions are chosen. Of these, 80 % become [MASK]; 10 % a token drawn from the whole
// vocabulary; 10 % stay as they are. For if what must be guessed always were a [MASK], the model would have nothing to
// say of all other tokens, and it is those that it will see once it is put to use. The choice is made anew each time a
// text comes by ("dynamic masking"; the authors prepared ten versions).
//
// With it, as an option, next sentence prediction: of two pieces of text, did the second follow the first?
//
// J. Devlin, M. Chang, K. Lee, K. Toutanova, "BERT: Pre-training of deep bidirectional transformers for language
// understanding", NAACL 2019. Left out: whole-word masking, which came with a later release.
#pragma once

#include "ssl/text_transformer.h"
#include "tensor/random.h"

namespace bijou::ssl {

// As released: round(rate * length) positions of each sequence, at least 1, at most `most`. Never one of a special
// token; [UNK] counts as one here, since to guess that a word is rare teaches little.
struct Masking {
  int64_t vocabulary;
  double rate = 0.15;
  int64_t most = 20;
  double hidden = 0.8;  // this part becomes [MASK]; for the others a fair coin decides between a random token and none
};
struct Masked {
  TokenBatch batch;   // with holes
  Indices positions;  // [N] of what was chosen, in the flattened [B T], ascending
  Indices targets;    // [N]: the tokens that were there
};
Masked mlm_mask(const TokenBatch& batch, const Masking& how, Generator& g);

struct MaskedLM : nn::Module {
  explicit MaskedLM(const TextTransformer::Options& o);

  // Of the positions asked for in the flattened [B T], which is all that a loss needs: [N, V]. The vocabulary is the
  // widest layer by far, so this is most of a step saved.
  Var logits(const TokenBatch& batch, const Indices& positions) const;
  Var logits(const TokenBatch& batch) const;  // of all: [B T, V]
  Var loss(const Masked& masked) const;
  // The same, plus that of next sentence prediction: follows [B] is 1 where the second segment follows the first.
  Var loss(const Masked& masked, const Indices& follows) const;
  Var follows_logits(const Var& hidden) const;  // [B, T, dim] -> [B, 2], from the [CLS] of each

  void members(nn::Visitor& visit) override;

  TextTransformer body;
  VocabularyHead head;
  nn::Linear pooler, next_sentence;
};

// The causal model of the same size, for comparison: each token from those before it.
//
//   log p(x) = Σ_t log p(x_t | x_1 ... x_{t-1})
struct CausalLM : nn::Module {
  explicit CausalLM(TextTransformer::Options o);
  Var nats(const TokenBatch& batch) const;  // -log p of each token but the first, [B, T-1]; 0 where it is padding
  Var loss(const TokenBatch& batch) const;  // their mean
  void members(nn::Visitor& visit) override { visit("body", body), visit("head", head); }

  TextTransformer body;
  VocabularyHead head;
};

// ---- Next sentence prediction ---------------------------------------------------------------------------------------

// [CLS] a [SEP] b [SEP] from documents of sentences of tokens. Sentences are taken until the pair is full; then, with
// probability 1/2, b is replaced by what stands somewhere in another document. One pair out of ten is short, so that
// the model meets all lengths; too long a pair loses tokens at either end of its longer half.
struct SentencePairs {
  TokenBatch batch;
  Indices follows;  // [B]
};
using Document = std::vector<Tokens>;  // its sentences
SentencePairs sentence_pairs(std::span<const Document> documents, int64_t count, int64_t length, Generator& g);

}  // namespace bijou::ssl

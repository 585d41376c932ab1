// Inverse cloze task: a sentence is a question, and what stood around it is the answer.
//
//   q = a sentence of a block of text,  c = the block, 90 % of the time without it
//   S_ij = Q(q_i) · C(c_j),      L = mean_i -log softmax_j(S_ij)[i]                  "in-batch softmax"
//
// Two towers, Q and C, are trained to find each query's block among those of the batch; what comes out is a search
// engine that never saw a question. With the sentence left in, matching words would do; taken out always, the towers
// would never learn that matching words help: hence 90 %.
//
// K. Lee, M. Chang, K. Toutanova, "Latent retrieval for weakly supervised open domain question answering", ACL 2019.
// The paper's towers are BERTs; those trained here are small: a bag of words, or a transformer, both followed by a
// projection and layer normalisation as there. As in the released code, a tower may serve on both sides.
//
// The more blocks a batch has, the harder the task. in_chunks() lets it be larger than memory: representations are
// computed a chunk at a time and nothing else of the forward pass is kept; for the backward pass each chunk is computed
// again (L. Gao, Y. Zhang, J. Han, J. Callan, "Scaling deep contrastive learning batch size under memory limited
// setup", RepL4NLP 2021). It is what checkpoint() of autograd/functional.h does.
#pragma once

#include <functional>

#include "ssl/text_transformer.h"

namespace bijou::ssl {

struct Block {
  Tokens title = {};
  std::vector<Tokens> sentences;
};

struct IctPair {
  Tokens query, evidence;
  bool removed;  // is the query no longer part of the evidence?
};
// A random sentence; it is removed with probability mask_rate. Throws where the block has less than two.
IctPair ict_pair(const Block& block, double mask_rate, Generator& g);

// Title and sentences one after the other, without sentence `skip` (-1: all).
Tokens evidence_of(const Block& block, int64_t skip = -1);

// The first of those whose text is the same: as each other's negatives they would be false ones.
std::vector<Block> without_duplicates(const std::vector<Block>& blocks);

// ---- Towers ---------------------------------------------------------------------------------------------------------

using Tower = std::function<Var(const TokenBatch&)>;  // [B, out]

// Σ_t a_t e_t, with the vector e and the weight a = softmax(w) of each token; then linear and layer norm. It knows no
// order of words, but which of them matter.
struct BagTower : nn::Module {
  struct Options {
    int64_t vocabulary;
    int64_t dim = 64, out = 64;
    double dropout = 0;  // of whole words
  };
  explicit BagTower(Options o);
  Var operator()(const TokenBatch& batch) const;
  void members(nn::Visitor& visit) override;

  Options options;
  nn::Embedding token, weight;  // weight: [V, 1]
  nn::Linear projection;
  nn::LayerNorm norm;
};

// What a transformer makes of a [CLS], which the tower puts before each text; then linear and layer norm. The paper's
// [SEP] between title and block, and at the end, is left out.
struct TransformerTower : nn::Module {
  struct Options {
    TextTransformer::Options body;  // its length has room for the [CLS]
    int64_t out = 64;
  };
  explicit TransformerTower(const Options& o);
  Var operator()(const TokenBatch& batch) const;
  void members(nn::Visitor& visit) override {
    visit("body", body), visit("projection", projection), visit("norm", norm);
  }

  TextTransformer body;
  nn::Linear projection;
  nn::LayerNorm norm;
};

// tower(padded(texts)), `chunk` texts at a time; of the rest of the forward pass nothing is kept.
Var in_chunks(const Tower& tower, std::span<const Tokens> texts, int64_t chunk);

// q, c [B, d], row i of c the answer to row i of q.
Var in_batch_softmax(const Var& q, const Var& c, double temperature = 1);

// ---- Retrieval ------------------------------------------------------------------------------------------------------

// The place of the right text, right[i] for row i of scores [queries, texts]: 1 is best; equals count as better than
// it.
std::vector<int64_t> ranks(const Tensor& scores, const Indices& right);
double recall_at(int64_t k, std::span<const int64_t> ranks);  // how often it is among the first k
double mean_reciprocal_rank(std::span<const int64_t> ranks);

// Two scorings as one: each row of a and b brought to mean 0 and variance 1, then a + weight b.
Tensor combined(const Tensor& a, const Tensor& b, double weight);

}  // namespace bijou::ssl

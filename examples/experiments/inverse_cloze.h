// Retrieval learnt from text alone: what examples/inverse_cloze.cc shows and `make effects` measures.
#pragma once

#include "examples/support/corpus.h"
#include "ssl/bm25.h"
#include "ssl/inverse_cloze.h"
#include "ssl/tokenizer.h"

namespace bijou::experiments {

struct BlockData {
  ssl::Tokenizer tokenizer;
  std::vector<ssl::Block> train, valid, test;  // those of two sentences or more
  std::vector<std::string> test_texts;         // to show
};
// Paragraphs of documents (invented) or wikitext; at most `blocks` to train on.
BlockData block_data(const std::string& corpus, const std::string& folder, int64_t blocks, int64_t vocabulary);

struct IctOptions {
  double mask_rate = 0.9;
  bool shared = false;       // one tower for both sides
  bool transformer = false;  // towers of two blocks, or bags of words
  int64_t dim = 64;
  double dropout = 0;  // of words by bags, of activations by transformers
  double temperature = 1;
  int64_t batch = 128, steps = 1000;
  int64_t chunk = 0;  // if not 0, batches are computed in chunks of so many
  double lr = 2e-3;
  double weight_decay = 1e-2;
  uint64_t seed = 0;
  std::function<bool(int64_t step, double loss)> report = {};  // false stops
};
struct TwoTowers {
  std::function<Tensor(std::span<const ssl::Tokens>)> query, block;  // texts -> [n, out]
  std::vector<double> losses;
};
TwoTowers train_towers(const BlockData& data, const IctOptions& options);

// One query of each block, a random sentence, to be found among all blocks; each block then stands without its own
// query, or all are whole.
struct Search {
  std::vector<ssl::Tokens> queries, texts;  // query i belongs to text i
  Indices right() const { return index_range(int64_t(queries.size())); }
};
Search search_of(const std::vector<ssl::Block>& blocks, bool removed, uint64_t seed);

Tensor learnt_scores(const TwoTowers& towers, const Search& search);  // [queries, texts]
Tensor bm25_scores(const Search& search);

struct Recalls {
  double at_1, at_10, reciprocal;
};
Recalls recalls(const Tensor& scores, const Search& search);

// How much the towers should count beside BM25: of some weights, the one that is best on validation blocks.
double choose_weight(const TwoTowers& towers, const Search& valid);

// Blocks that are searched again and again: what BM25 and a tower make of them is computed once. As in training, long
// queries and blocks are cut.
class Engine {
 public:
  Engine(const TwoTowers& towers, const std::vector<ssl::Block>& blocks);

  // The best blocks for a query, at most `count`, by BM25, by the towers, and by both with the towers at `weight`.
  struct Found {
    Indices words, towers, both;
  };
  Found find(const ssl::Tokens& query, double weight, int64_t count) const;

 private:
  Engine(const TwoTowers& towers, std::span<const ssl::Tokens> texts);

  ssl::Bm25 words_;
  Tensor embeddings_;  // [blocks, out]
  std::function<Tensor(std::span<const ssl::Tokens>)> query_;
};

}  // namespace bijou::experiments

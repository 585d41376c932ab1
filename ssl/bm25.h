// BM25: how well a text answers a query by the words that both have. The measure that learnt retrieval has to beat.
//
//   score(q, d) = Σ_{t in q} idf(t) · f (k + 1) / (f + k (1 - b + b |d| / mean |d|)),      f = how often t is in d
//   idf(t) = log(1 + (N - n + 1/2) / (n + 1/2)),                                           n = how many texts have t
//
// A rare word says more than a common one; the tenth time says less than the first; a long text has every word by
// chance. S. Robertson, H. Zaragoza, "The probabilistic relevance framework: BM25 and beyond", 2009. The 1 in idf is
// Lucene's: it keeps the weight of a word that is in most texts from becoming negative.
#pragma once

#include <unordered_map>

#include "ssl/tokens.h"

namespace bijou::ssl {

class Bm25 {
 public:
  struct Options {
    double k = 1.2, b = 0.75;
  };
  explicit Bm25(std::span<const Tokens> texts) : Bm25(texts, Options{}) {}
  Bm25(std::span<const Tokens> texts, const Options& options);

  Tensor scores(const Tokens& query) const;              // of all texts, [N]
  Tensor scores(std::span<const Tokens> queries) const;  // [queries, N]

 private:
  struct Posting {
    bijou::index text;
    real weight;  // what one mention of the word in a query adds to the text's score
  };
  int64_t count_;
  std::unordered_map<bijou::index, std::vector<Posting>> postings_;
};

}  // namespace bijou::ssl

#include "ssl/bm25.h"

#include <cmath>
#include <map>

#include "tensor/layout.h"

namespace bijou::ssl {

Bm25::Bm25(std::span<const Tokens> texts, const Options& o) : count_(int64_t(texts.size())) {
  check(!texts.empty(), "Bm25: there are no texts");
  double total = 0;
  for (size_t d = 0; d < texts.size(); ++d) {
    total += double(texts[d].size());
    std::map<bijou::index, int> frequencies;
    for (const bijou::index t : texts[d]) ++frequencies[t];
    for (const auto& [t, f] : frequencies) postings_[t].push_back({bijou::index(d), real(f)});
  }
  const double mean = total / double(count_);
  for (auto& [t, list] : postings_) {
    const double n = double(list.size()), idf = std::log(1 + (double(count_) - n + 0.5) / (n + 0.5));
    for (Posting& p : list) {
      const double f = double(p.weight), length = double(texts[size_t(p.text)].size());
      p.weight = real(idf * f * (o.k + 1) / (f + o.k * (1 - o.b + o.b * length / mean)));
    }
  }
}

Tensor Bm25::scores(const Tokens& query) const {
  Tensor s = zeros({count_});
  real* out = s.mutable_data();
  for (const bijou::index t : query)
    if (const auto found = postings_.find(t); found != postings_.end())
      for (const Posting& p : found->second) out[p.text] += p.weight;
  return s;
}

Tensor Bm25::scores(std::span<const Tokens> queries) const {
  std::vector<Tensor> rows;
  for (const Tokens& q : queries) rows.push_back(scores(q));
  return stack(rows, 0);
}

}  // namespace bijou::ssl

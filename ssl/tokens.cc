#include "ssl/tokens.h"

#include <algorithm>

namespace bijou::ssl {

TokenBatch padded(std::span<const Tokens> sequences) {
  size_t longest = 0;
  for (const Tokens& s : sequences) longest = std::max(longest, s.size());
  const Shape shape{int64_t(sequences.size()), int64_t(longest)};
  TokenBatch batch{.tokens = Indices(shape), .padding = ones(shape)};
  batch.tokens.fill(kPad);
  for (size_t i = 0; i < sequences.size(); ++i) {
    std::copy(sequences[i].begin(), sequences[i].end(), batch.tokens.mutable_data() + i * longest);
    std::fill_n(batch.padding.mutable_data() + i * longest, sequences[i].size(), real(0));
  }
  return batch;
}

Tokens framed(const Tokens& a, int64_t longest) {
  check(longest > 2, "framed: a sequence of at most ", longest, " tokens has no room");
  Tokens s{kClass};
  s.insert(s.end(), a.begin(), a.begin() + std::min(int64_t(a.size()), longest - 2));
  s.push_back(kSeparator);
  return s;
}

}  // namespace bijou::ssl

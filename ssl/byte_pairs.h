// Learning byte pairs: the most frequent pair of neighbours becomes a token, and so on.
//
// R. Sennrich, B. Haddow, A. Birch, "Neural machine translation of rare words with subword units", ACL 2016. Words are
// counted first and a merge looks only at those that have the pair, so the time does not grow with the text.
#pragma once

#include <utility>

#include "ssl/tokens.h"

namespace bijou::ssl {

struct CountedWord {
  Tokens tokens;
  int64_t count;
};
using TokenPair = std::pair<bijou::index, bijou::index>;

// The pairs in the order in which they are merged; the first makes the token `next`, the second next + 1, ... Of pairs
// that are as frequent the one with the smallest tokens comes first. At most `merges`, fewer where no pair is there
// twice.
std::vector<TokenPair> learn_byte_pairs(std::vector<CountedWord> words, bijou::index next, int64_t merges);

// Every left, right in a row becomes `by`.
void replace_pair(Tokens& tokens, TokenPair pair, bijou::index by);

inline uint64_t key_of(TokenPair p) { return uint64_t(p.first) << 32 | uint32_t(p.second); }

}  // namespace bijou::ssl

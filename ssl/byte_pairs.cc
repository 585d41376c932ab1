#include "ssl/byte_pairs.h"

#include <algorithm>
#include <queue>
#include <unordered_map>

namespace bijou::ssl {
namespace {

// How often each pair of neighbours is there, kept up to date from merge to merge.
class Pairs {
 public:
  explicit Pairs(std::vector<CountedWord> words) : words_(std::move(words)) {
    for (size_t w = 0; w < words_.size(); ++w) {
      add(w, words_[w].count);
      for (size_t i = 1; i < words_[w].tokens.size(); ++i) note(key_at(w, i), w);
    }
    for (const auto& [key, n] : counts_) queue_.push({n, ~key});
  }

  // The most frequent pair, of equals the one with the smallest tokens; false where none is there twice.
  bool best(TokenPair& pair) {
    for (; !queue_.empty(); queue_.pop()) {
      const auto [n, inverse] = queue_.top();
      if (counts_[~inverse] != n) continue;  // it has changed since, and stands elsewhere in the queue
      pair = {bijou::index(~inverse >> 32), bijou::index(uint32_t(~inverse))};
      return n >= 2;
    }
    return false;
  }

  void merge(TokenPair pair, bijou::index by) {
    std::vector<size_t> places = std::move(words_with_[key_of(pair)]);
    std::sort(places.begin(), places.end());
    places.erase(std::unique(places.begin(), places.end()), places.end());
    changed_.clear();
    for (const size_t w : places) {
      add(w, -words_[w].count);
      replace_pair(words_[w].tokens, pair, by);
      add(w, words_[w].count);
      const Tokens& t = words_[w].tokens;
      for (size_t i = 1; i < t.size(); ++i)
        if (t[i] == by || t[i - 1] == by) note(key_at(w, i), w);
    }
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const uint64_t key : changed_) queue_.push({counts_[key], ~key});
  }

 private:
  uint64_t key_at(size_t w, size_t i) const { return key_of({words_[w].tokens[i - 1], words_[w].tokens[i]}); }
  void note(uint64_t key, size_t w) { words_with_[key].push_back(w); }
  void add(size_t w, int64_t n) {
    for (size_t i = 1; i < words_[w].tokens.size(); ++i) {
      counts_[key_at(w, i)] += n;
      changed_.push_back(key_at(w, i));
    }
  }

  std::vector<CountedWord> words_;
  std::unordered_map<uint64_t, int64_t> counts_;
  std::unordered_map<uint64_t, std::vector<size_t>> words_with_;  // perhaps more than still have it
  std::priority_queue<std::pair<int64_t, uint64_t>> queue_;       // (count, ~pair); old entries stay
  std::vector<uint64_t> changed_;
};

}  // namespace

void replace_pair(Tokens& tokens, TokenPair pair, bijou::index by) {
  size_t to = 0;
  for (size_t from = 0; from < tokens.size(); ++from) {
    const bool here = from + 1 < tokens.size() && TokenPair(tokens[from], tokens[from + 1]) == pair;
    tokens[to++] = here ? by : tokens[from];
    from += here;
  }
  tokens.resize(to);
}

std::vector<TokenPair> learn_byte_pairs(std::vector<CountedWord> words, bijou::index next, int64_t merges) {
  Pairs pairs(std::move(words));
  std::vector<TokenPair> learnt;
  for (TokenPair pair; int64_t(learnt.size()) < merges && pairs.best(pair); ++next) {
    pairs.merge(pair, next);
    learnt.push_back(pair);
  }
  return learnt;
}

}  // namespace bijou::ssl

#include "ssl/masked_lm.h"

#include <algorithm>
#include <cmath>

namespace bijou::ssl {

// ---- Masking --------------------------------------------------------------------------------------------------------

Masked mlm_mask(const TokenBatch& batch, const Masking& how, Generator& g) {
  check(
      how.rate > 0 && how.rate <= 1 && how.hidden >= 0 && how.hidden <= 1 && how.most > 0 && how.vocabulary > kSpecials,
      "mlm_mask: a rate of ", how.rate, ", ", how.hidden, " of it hidden, at most ", how.most, " of a vocabulary of ",
      how.vocabulary);
  Masked m{{batch.tokens.clone(), batch.segments, batch.padding}, {}, {}};
  index* tokens = m.batch.tokens.mutable_data();
  const int64_t length = batch.tokens.size(1);
  Tokens positions, targets, candidates;
  for (int64_t b = 0; b < batch.tokens.size(0); ++b) {
    int64_t present = 0;
    candidates.clear();
    for (int64_t i = b * length; i < (b + 1) * length; ++i) {
      present += tokens[i] != kPad;
      if (tokens[i] >= kSpecials) candidates.push_back(index(i));
    }
    const auto wanted = std::clamp<int64_t>(std::llrint(how.rate * double(present)), 1, how.most);
    const int64_t n = std::min(wanted, int64_t(candidates.size()));
    for (int64_t k = 0; k < n; ++k)  // the first n of a shuffle
      std::swap(candidates[size_t(k)], candidates[size_t(k + g.below(int64_t(candidates.size()) - k))]);
    std::sort(candidates.begin(), candidates.begin() + n);
    for (int64_t k = 0; k < n; ++k) {
      const index at = candidates[size_t(k)];
      positions.push_back(at), targets.push_back(tokens[at]);
      if (g.uniform() < how.hidden) tokens[at] = kMask;
      else if (g.below(2)) tokens[at] = g.below(how.vocabulary);
    }
  }
  m.positions = Indices::from(positions), m.targets = Indices::from(targets);
  return m;
}

// ---- Models ---------------------------------------------------------------------------------------------------------

namespace {

Var rows_of(const Var& hidden) { return reshape(hidden, {-1, hidden.size(2)}); }  // [B T, dim]

}  // namespace

MaskedLM::MaskedLM(const TextTransformer::Options& o)
    : body(o), head(o), pooler({.in = o.dim, .out = o.dim}), next_sentence({.in = o.dim, .out = 2}) {
  check(!o.causal, "MaskedLM: it looks at both sides");
}

Var MaskedLM::logits(const TokenBatch& batch, const Indices& positions) const {
  return head(index_select(rows_of(body(batch)), 0, positions), body.token.weight);
}

Var MaskedLM::logits(const TokenBatch& batch) const { return head(rows_of(body(batch)), body.token.weight); }

Var MaskedLM::loss(const Masked& m) const { return mean(nll_of_logits(logits(m.batch, m.positions), m.targets)); }

Var MaskedLM::loss(const Masked& m, const Indices& follows) const {
  const Var hidden = body(m.batch);
  const Var words = head(index_select(rows_of(hidden), 0, m.positions), body.token.weight);
  return mean(nll_of_logits(words, m.targets)) + mean(nll_of_logits(follows_logits(hidden), follows));
}

Var MaskedLM::follows_logits(const Var& hidden) const { return next_sentence(tanh(pooler(select(hidden, 1, 0)))); }

void MaskedLM::members(nn::Visitor& visit) {
  visit("body", body), visit("head", head), visit("pooler", pooler), visit("next_sentence", next_sentence);
}

CausalLM::CausalLM(TextTransformer::Options o) : body([&] { return o.causal = true, o; }()), head(o) {}

Var CausalLM::nats(const TokenBatch& batch) const {
  const int64_t rows = batch.tokens.size(0), length = batch.tokens.size(1);
  const Var before = slice(body(batch), 1, 0, length - 1);
  Indices next = slice(batch.tokens, 1, 1, length).clone();
  for (index& token : std::span(next.mutable_data(), size_t(next.numel())))
    if (token == kPad) token = kIgnoreIndex;
  return reshape(nll_of_logits(head(rows_of(before), body.token.weight), next.flatten()), {rows, length - 1});
}

Var CausalLM::loss(const TokenBatch& batch) const {
  const Tensor behind = slice(batch.padding, 1, 1, batch.padding.size(1));
  return sum(nats(batch)) * (1 / (real(behind.numel()) - sum(behind).item()));
}

// ---- Next sentence prediction ---------------------------------------------------------------------------------------

namespace {

// Sentences from `first` on, but not `last`, until there are `enough` tokens; returns where it stopped.
size_t take(const Document& d, size_t first, size_t last, int64_t enough, Tokens& out) {
  for (; first < last && int64_t(out.size()) < enough; ++first) out.insert(out.end(), d[first].begin(), d[first].end());
  return first;
}

void shorten(Tokens& a, Tokens& b, int64_t room, Generator& g) {
  while (int64_t(a.size() + b.size()) > room) {
    Tokens& longer = a.size() > b.size() ? a : b;
    longer.erase(g.below(2) ? longer.begin() : longer.end() - 1);
  }
}

}  // namespace

SentencePairs sentence_pairs(std::span<const Document> documents, int64_t count, int64_t length, Generator& g) {
  std::vector<size_t> usable;
  for (size_t i = 0; i < documents.size(); ++i)
    if (documents[i].size() >= 2) usable.push_back(i);
  check(usable.size() >= 2 && length >= 5,
        "sentence_pairs: two documents of two sentences expected, and a length from 5");
  auto any = [&](size_t n) { return size_t(g.below(int64_t(n))); };
  std::vector<Tokens> pairs;
  SentencePairs out{{}, Indices({count})};
  for (int64_t i = 0; i < count; ++i) {
    const size_t which = any(usable.size());
    const Document& d = documents[usable[which]];
    const int64_t room = length - 3, full = g.uniform() < 0.1 ? 2 + g.below(room - 1) : room;
    Tokens a, b;
    const size_t middle = take(d, any(d.size() - 1), d.size() - 1, std::max<int64_t>(full / 2, 1), a);
    const int64_t room_left = std::max<int64_t>(full - int64_t(a.size()), 1);
    const bool follows = g.below(2) == 0;
    if (follows) {
      take(d, middle, d.size(), room_left, b);
    } else {
      const Document& other = documents[usable[(which + 1 + any(usable.size() - 1)) % usable.size()]];
      take(other, any(other.size()), other.size(), room_left, b);
    }
    shorten(a, b, full, g);
    Tokens pair{kClass};
    pair.insert(pair.end(), a.begin(), a.end()), pair.push_back(kSeparator);
    pair.insert(pair.end(), b.begin(), b.end()), pair.push_back(kSeparator);
    pairs.push_back(pair);
    out.follows.mutable_data()[i] = follows;
  }
  out.batch = padded(pairs);
  out.batch.segments = Indices(out.batch.tokens.shape());
  out.batch.segments.fill(0);
  for (int64_t i = 0; i < count; ++i) {
    const Tokens& p = pairs[size_t(i)];
    const auto second = std::find(p.begin(), p.end(), kSeparator) + 1;
    std::fill_n(out.batch.segments.mutable_data() + i * out.batch.tokens.size(1) + (second - p.begin()),
                p.end() - second, 1);
  }
  return out;
}

}  // namespace bijou::ssl

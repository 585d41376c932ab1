// What masked and causal models are worth: how well they guess what was hidden.
#include <algorithm>
#include <cmath>

#include "examples/experiments/masked_lm.h"
#include "tensor/elementwise.h"

namespace bijou::experiments {

using ssl::Tokens;

namespace {

constexpr size_t kRows = 250;   // at a time
constexpr double kEnough = 50;  // tokens at a position, for their mean to say something

ssl::Masked question(std::span<const Tokens> rows, std::span<const std::pair<size_t, size_t>> asked, bool hide) {
  ssl::Masked q{ssl::padded(rows), {}, {}};
  Tokens positions, targets;
  for (const auto& [row, t] : asked) {
    positions.push_back(bijou::index(row * size_t(q.batch.tokens.size(1)) + t));
    targets.push_back(rows[row][t]);
    if (hide) q.batch.tokens.mutable_data()[positions.back()] = ssl::kMask;
  }
  q.positions = Indices::from(positions), q.targets = Indices::from(targets);
  return q;
}

// Adds up scores, position by position.
class Tally {
 public:
  void add(size_t position, double nats, bool right) {
    if (position >= count_.size()) nats_.resize(position + 1, 0), count_.resize(position + 1, 0);
    nats_[position] += nats, ++count_[position], right_ += right;
  }
  Score score() const {
    Score s;
    double n = 0;
    for (size_t t = 0; t < count_.size(); ++t) {
      s.nats += nats_[t], n += count_[t];
      if (count_[t] >= kEnough && s.by_position.size() == t) s.by_position.push_back(nats_[t] / count_[t]);
    }
    s.nats /= n, s.accuracy = right_ / n;
    return s;
  }

 private:
  std::vector<double> nats_, count_;
  double right_ = 0;
};

}  // namespace

double Score::bits() const { return nats / std::log(2.0); }

Questions each_hidden_in_turn(std::span<const Tokens> sequences) {
  Questions all;
  std::vector<Tokens> rows;
  std::vector<std::pair<size_t, size_t>> asked;
  auto flush = [&] {
    if (!rows.empty()) all.push_back(question(rows, asked, true));
    rows.clear(), asked.clear();
  };
  for (const Tokens& s : sequences)
    for (size_t t = 0; t < s.size(); ++t) {
      if (s[t] < ssl::kSpecials) continue;
      asked.push_back({rows.size(), t}), rows.push_back(s);
      if (rows.size() == kRows) flush();
    }
  flush();
  return all;
}

Questions hidden_at_random(std::span<const Tokens> sequences, uint64_t seed) {
  Generator g(seed);
  Questions all;
  for (size_t i = 0; i < sequences.size(); i += kRows)
    all.push_back(ssl::mlm_mask(ssl::padded(sequences.subspan(i, std::min(kRows, sequences.size() - i))),
                                {.vocabulary = ssl::kSpecials + 1, .hidden = 1}, g));
  return all;
}

Questions nothing_hidden(std::span<const Tokens> sequences) {
  Questions all;
  for (size_t i = 0; i < sequences.size(); i += kRows) {
    const auto rows = sequences.subspan(i, std::min(kRows, sequences.size() - i));
    std::vector<std::pair<size_t, size_t>> asked;
    for (size_t r = 0; r < rows.size(); ++r)
      for (size_t t = 0; t < rows[r].size(); ++t)
        if (rows[r][t] >= ssl::kSpecials) asked.push_back({r, t});
    all.push_back(question(rows, asked, false));
  }
  return all;
}

Score score(const ssl::MaskedLM& model, const Questions& questions) {
  const NoGrad guard;
  Tally tally;
  for (const ssl::Masked& q : questions) {
    const Tensor logits = model.logits(q.batch, q.positions).value();
    const Tensor nats = nll_of_logits(logits, q.targets).loss;
    const Indices best = argmax(logits, 1);
    for (int64_t k = 0; k < nats.numel(); ++k)
      tally.add(size_t(q.positions.data()[k] % q.batch.tokens.size(1) - 1), double(nats.data()[k]),
                best.data()[k] == q.targets.data()[k]);
  }
  return tally.score();
}

Score score(const ssl::CausalLM& model, std::span<const Tokens> sequences) {
  const NoGrad guard;
  Tally tally;
  for (size_t i = 0; i < sequences.size(); i += kRows) {
    const auto rows = sequences.subspan(i, std::min(kRows, sequences.size() - i));
    const Tensor nats = model.nats(ssl::padded(rows)).value();
    for (size_t r = 0; r < rows.size(); ++r)
      for (size_t t = 1; t < rows[r].size(); ++t)
        if (rows[r][t] >= ssl::kSpecials) tally.add(t - 1, double(nats.at({int64_t(r), int64_t(t) - 1})), false);
  }
  return tally.score();
}

Score unigram(const TextData& data, std::span<const Tokens> sequences) {
  std::vector<double> count(size_t(data.tokenizer.size()), 1);
  for (const Tokens& s : sequences_of(data.train, data.length))
    for (const bijou::index token : s) count[size_t(token)] += token >= ssl::kSpecials;
  double total = 0;
  for (size_t i = ssl::kSpecials; i < count.size(); ++i) total += count[i];
  const auto most = std::max_element(count.begin() + ssl::kSpecials, count.end()) - count.begin();
  Tally tally;
  for (const Tokens& s : sequences)
    for (size_t t = 0; t < s.size(); ++t)
      if (s[t] >= ssl::kSpecials) tally.add(t - 1, std::log(total / count[size_t(s[t])]), s[t] == most);
  return tally.score();
}

double next_sentence_accuracy(const ssl::MaskedLM& model, const std::vector<ssl::Document>& documents, int64_t length,
                              int64_t pairs, uint64_t seed) {
  const NoGrad guard;
  Generator g(seed);
  const ssl::SentencePairs p = ssl::sentence_pairs(documents, pairs, length, g);
  const Indices said = argmax(model.follows_logits(model.body(p.batch)).value(), 1);
  double right = 0;
  for (int64_t i = 0; i < pairs; ++i) right += said.data()[i] == p.follows.data()[i];
  return right / double(pairs);
}

std::vector<std::vector<Guess>> fill_in(const ssl::MaskedLM& model, const ssl::Tokenizer& tokenizer,
                                        const std::string& text, int64_t guesses) {
  Tokens tokens;
  for (size_t at = 0; at <= text.size();) {
    const size_t blank = std::min(text.find('_', at), text.size());
    std::string part = text.substr(at, blank - at);
    // A byte pair has its blank in front: that before the hole is the hole's own.
    if (tokenizer.blanks_lead() && blank < text.size() && part.ends_with(' ')) part.pop_back();
    const Tokens coded = tokenizer.encode(part);
    tokens.insert(tokens.end(), coded.begin(), coded.end());
    if (blank < text.size()) tokens.push_back(ssl::kMask);
    at = blank + 1;
  }
  check(int64_t(tokens.size()) + 2 <= model.body.options.length, "fill_in: ", tokens.size(), " tokens; at most ",
        model.body.options.length - 2, " are read");
  const std::vector<Tokens> rows = {ssl::framed(tokens, model.body.options.length)};
  Tokens holes;
  for (size_t t = 0; t < rows[0].size(); ++t)
    if (rows[0][t] == ssl::kMask) holes.push_back(bijou::index(t));
  check(!holes.empty(), "fill_in: there is no blank, _, in \"", text, "\"");
  const NoGrad guard;
  const Tensor p = softmax(model.logits(ssl::padded(rows), Indices::from(holes)).value(), 1);
  const auto best = topk(p, std::min(guesses, p.size(1)), 1);
  std::vector<std::vector<Guess>> all(holes.size());
  for (size_t h = 0; h < holes.size(); ++h)
    for (int64_t k = 0; k < best.values.size(1); ++k)
      all[h].push_back({tokenizer.token(best.indices.at({int64_t(h), k})), double(best.values.at({int64_t(h), k}))});
  return all;
}

}  // namespace bijou::experiments

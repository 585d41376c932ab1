#include "examples/experiments/masked_lm.h"

#include <algorithm>
#include <cmath>

#include "examples/support/corpus.h"
#include "nn/checkpoint.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"
#include "tensor/elementwise.h"

namespace bijou::experiments {

using ssl::Tokens;

// ---- Text -----------------------------------------------------------------------------------------------------------

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

std::vector<std::string> parts_of(const std::string& corpus, const std::string& text) {
  if (corpus == "words" || corpus == "names") return {text};
  return corpus == "shakespeare" ? lines_of(text) : support::sentences_of(text);
}

ssl::Tokenizer make_tokenizer(std::string kind, const std::string& corpus, const std::vector<std::string>& texts,
                              int64_t vocabulary) {
  if (kind.empty())
    kind = corpus == "words" || corpus == "names" ? "characters" : corpus == "documents" ? "words" : "byte_pairs";
  if (kind == "characters") return ssl::Tokenizer::characters(texts);
  if (kind == "words") return ssl::Tokenizer::words(texts, vocabulary);
  check(kind == "byte_pairs", "text_data: there is no tokenizer ", kind);
  return ssl::Tokenizer::byte_pairs(texts, vocabulary);
}

}  // namespace

TextData text_data(const std::string& name, const std::string& folder, const TextOptions& o) {
  const support::Corpus corpus = support::load_corpus(name, folder);
  const std::vector<std::string> texts = support::texts_of(corpus.train);
  TextData data{make_tokenizer(o.tokenizer, name, texts, o.vocabulary), {}, {}, {}, 0};
  const std::pair<const std::vector<support::Passage>*, std::vector<ssl::Document>*> splits[] = {
      {&corpus.train, &data.train}, {&corpus.valid, &data.valid}, {&corpus.test, &data.test}};
  for (const auto& [passages, documents] : splits)
    for (const support::Passage& p : *passages) {
      documents->emplace_back();
      for (const std::string& part : parts_of(name, p.text)) {
        documents->back().push_back(data.tokenizer.encode(part));
        data.length = std::max(data.length, int64_t(documents->back().back().size()) + 2);
      }
    }
  data.length = std::min(data.length, o.length);
  return data;
}

std::vector<Tokens> sequences_of(const std::vector<ssl::Document>& documents, int64_t length) {
  std::vector<Tokens> sequences;
  for (const ssl::Document& d : documents)
    for (const Tokens& sentence : d)
      if (sentence.size() > 1) sequences.push_back(ssl::framed(sentence, length));
  return sequences;
}

// ---- Training -------------------------------------------------------------------------------------------------------

namespace {

ssl::TextTransformer::Options size_of(const TextData& data, const LmOptions& o) {
  return {
      .vocabulary = data.tokenizer.size(), .length = data.length, .dim = o.dim, .heads = o.heads, .layers = o.layers};
}

// The model's parameters against loss(step).
template <class Model, class Loss>
void train(Model& model, const LmOptions& o, const Loss& loss) {
  optim::AdamW optimizer(model.parameters(), {.lr = o.lr});
  for (int64_t step = 0; step < o.steps; ++step) {
    optimizer.zero_grad();
    const Var value = loss(step);
    backward(value);
    optim::clip_grad_norm(model.parameters(), 1);
    optimizer.lr_scale = optim::linear_warmup(step, 100) * optim::cosine_decay(step, o.steps);
    optimizer.step();
    if (o.report && !o.report(step, double(value.item()))) break;
  }
  model.eval();
}

// Batches of sequences in a new order each epoch.
class Shuffled {
 public:
  Shuffled(std::vector<Tokens> sequences, int64_t batch, uint64_t seed)
      : sequences_(std::move(sequences)), batch_(batch), generator_(Generator(seed).fork(0)) {
    check(int64_t(sequences_.size()) >= batch, "train: ", sequences_.size(), " sequences do not fill a batch of ",
          batch);
  }
  ssl::TokenBatch at(int64_t step) {
    const int64_t per_epoch = int64_t(sequences_.size()) / batch_, k = step % per_epoch;
    if (k == 0) {
      Generator g = generator_.fork(uint64_t(step / per_epoch));
      order_ = randperm(int64_t(sequences_.size()), g);
    }
    std::vector<Tokens> rows;
    for (int64_t i = k * batch_; i < (k + 1) * batch_; ++i) rows.push_back(sequences_[size_t(order_.data()[i])]);
    return ssl::padded(rows);
  }

 private:
  std::vector<Tokens> sequences_;
  int64_t batch_;
  Generator generator_;
  Indices order_;
};

}  // namespace

ssl::MaskedLM train_masked(const TextData& data, const LmOptions& o) {
  manual_seed(o.seed);
  ssl::MaskedLM model(size_of(data, o));
  Shuffled batches(sequences_of(data.train, data.length), o.batch, o.seed);
  Generator draws = Generator(o.seed).fork(1);
  const ssl::Masking masking{.vocabulary = data.tokenizer.size(), .hidden = o.hidden};
  train(model, o, [&](int64_t step) {
    if (!o.next_sentence) return model.loss(ssl::mlm_mask(batches.at(step), masking, draws));
    const ssl::SentencePairs pairs = ssl::sentence_pairs(data.train, o.batch, data.length, draws);
    return model.loss(ssl::mlm_mask(pairs.batch, masking, draws), pairs.follows);
  });
  return model;
}

ssl::CausalLM train_causal(const TextData& data, const LmOptions& o) {
  manual_seed(o.seed);
  ssl::CausalLM model(size_of(data, o));
  Shuffled batches(sequences_of(data.train, data.length), o.batch, o.seed);
  train(model, o, [&](int64_t step) { return model.loss(batches.at(step)); });
  return model;
}

void save_masked(const std::string& path, const ssl::MaskedLM& model, const ssl::Tokenizer& tokenizer) {
  const ssl::TextTransformer::Options& o = model.body.options;
  nn::Checkpoint c;
  c.metadata = {{"length", std::to_string(o.length)},
                {"dim", std::to_string(o.dim)},
                {"heads", std::to_string(o.heads)},
                {"layers", std::to_string(o.layers)}};
  c.add("model", model.state_dict());
  nn::save_checkpoint(path, c);
  tokenizer.save(path + ".tokens");
}

SavedLm load_masked(const std::string& path) {
  const nn::Checkpoint c = nn::load_checkpoint(path);
  auto size = [&](const char* key) {
    const auto entry = c.metadata.find(key);
    check(entry != c.metadata.end(), path, ": not a masked language model: its metadata lack \"", key, "\"");
    return int64_t(std::stoll(entry->second));
  };
  const ssl::Tokenizer tokenizer = ssl::Tokenizer::load(path + ".tokens");
  ssl::MaskedLM model({.vocabulary = tokenizer.size(),
                       .length = size("length"),
                       .dim = size("dim"),
                       .heads = size("heads"),
                       .layers = size("layers")});
  model.load_state_dict(c.part("model"));
  model.eval();
  return {tokenizer, model};
}

// ---- What they are worth --------------------------------------------------------------------------------------------

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

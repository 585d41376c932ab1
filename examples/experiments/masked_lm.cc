#include "examples/experiments/masked_lm.h"

#include <algorithm>

#include "examples/support/corpus.h"
#include "nn/checkpoint.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"

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

}  // namespace bijou::experiments

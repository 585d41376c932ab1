#include "examples/experiments/inverse_cloze.h"

#include <algorithm>
#include <memory>

#include "optim/adam.h"
#include "optim/schedule.h"

namespace bijou::experiments {

using ssl::Tokens;

// ---- Text -----------------------------------------------------------------------------------------------------------

namespace {

constexpr int64_t kQuery = 40, kEvidence = 200;  // tokens; what is longer is cut off

Tokens cut(Tokens t, int64_t most) {
  t.resize(std::min(t.size(), size_t(most)));
  return t;
}

std::vector<ssl::Block> blocks_of(const std::vector<support::Passage>& passages, const ssl::Tokenizer& tokenizer,
                                  std::vector<std::string>* texts) {
  std::vector<ssl::Block> blocks;
  for (const support::Passage& p : passages) {
    ssl::Block block{tokenizer.encode(p.title), {}};
    for (const std::string& s : support::sentences_of(p.text))
      if (Tokens t = cut(tokenizer.encode(s), kQuery); t.size() >= 4) block.sentences.push_back(std::move(t));
    if (block.sentences.size() < 2) continue;
    blocks.push_back(std::move(block));
    if (texts) texts->push_back((p.title.empty() ? "" : p.title + ": ") + p.text);
  }
  return blocks;
}

}  // namespace

BlockData block_data(const std::string& name, const std::string& folder, int64_t blocks, int64_t vocabulary) {
  support::Corpus corpus = support::load_corpus(name, folder);
  if (int64_t(corpus.train.size()) > blocks) corpus.train.resize(size_t(blocks));
  std::vector<std::string> texts = support::texts_of(corpus.train);
  for (const support::Passage& p : corpus.train) texts.push_back(p.title);
  BlockData data{ssl::Tokenizer::words(texts, vocabulary), {}, {}, {}, {}};
  data.train = ssl::without_duplicates(blocks_of(corpus.train, data.tokenizer, nullptr));
  data.valid = blocks_of(corpus.valid, data.tokenizer, nullptr);
  data.test = blocks_of(corpus.test, data.tokenizer, &data.test_texts);
  return data;
}

// ---- Training -------------------------------------------------------------------------------------------------------

namespace {

// In evaluation mode, without a graph.
template <class T>
Tensor encode(const T& tower, std::span<const Tokens> texts) {
  const NoGrad guard;
  T t = tower;  // shares the weights
  t.eval();
  return ssl::in_chunks(t, texts, 100).value();
}

template <class T>
TwoTowers train(const T& query, const T& block, const BlockData& data, const IctOptions& o) {
  std::vector<Var> parameters = query.parameters();
  if (!o.shared)
    for (const Var& p : block.parameters()) parameters.push_back(p);
  optim::AdamW optimizer(parameters, {.lr = o.lr, .weight_decay = o.weight_decay});
  Generator draws = Generator(o.seed).fork(1);
  const int64_t per_epoch = int64_t(data.train.size()) / o.batch;
  check(per_epoch > 0, "train_towers: ", data.train.size(), " blocks do not fill a batch of ", o.batch);
  TwoTowers trained;
  Indices order;
  for (int64_t step = 0; step < o.steps; ++step) {
    const int64_t k = step % per_epoch;
    if (k == 0) {
      Generator g = Generator(o.seed).fork(2 + uint64_t(step / per_epoch));
      order = randperm(int64_t(data.train.size()), g);
    }
    std::vector<Tokens> queries, texts;
    for (int64_t i = k * o.batch; i < (k + 1) * o.batch; ++i) {
      ssl::IctPair pair = ssl::ict_pair(data.train[size_t(order.data()[i])], o.mask_rate, draws);
      queries.push_back(std::move(pair.query)), texts.push_back(cut(std::move(pair.evidence), kEvidence));
    }
    auto through = [&](const T& tower, const std::vector<Tokens>& t) {
      return o.chunk ? ssl::in_chunks(tower, t, o.chunk) : tower(ssl::padded(t));
    };
    optimizer.zero_grad();
    const Var loss = ssl::in_batch_softmax(through(query, queries), through(block, texts), o.temperature);
    backward(loss);
    optimizer.lr_scale = optim::linear_warmup(step, 50) * optim::cosine_decay(step, o.steps);
    optimizer.step();
    trained.losses.push_back(double(loss.item()));
    if (o.report && !o.report(step, trained.losses.back())) break;
  }
  trained.query = [query](std::span<const Tokens> t) { return encode(query, t); };
  trained.block = [block](std::span<const Tokens> t) { return encode(block, t); };
  return trained;
}

}  // namespace

TwoTowers train_towers(const BlockData& data, const IctOptions& o) {
  manual_seed(o.seed);
  const int64_t vocabulary = data.tokenizer.size();
  if (o.transformer) {
    const ssl::TransformerTower::Options size{
        {.vocabulary = vocabulary, .length = kEvidence + 1, .dim = o.dim, .dropout = o.dropout}, o.dim};
    const ssl::TransformerTower query(size);
    return train(query, o.shared ? query : ssl::TransformerTower(size), data, o);
  }
  const ssl::BagTower::Options size{.vocabulary = vocabulary, .dim = o.dim, .out = o.dim, .dropout = o.dropout};
  const ssl::BagTower query(size);
  return train(query, o.shared ? query : ssl::BagTower(size), data, o);
}

// ---- Retrieval ------------------------------------------------------------------------------------------------------

Search search_of(const std::vector<ssl::Block>& blocks, bool removed, uint64_t seed) {
  Search s;
  Generator g(seed);
  for (const ssl::Block& b : blocks) {
    ssl::IctPair pair = ssl::ict_pair(b, removed ? 1 : 0, g);
    s.queries.push_back(std::move(pair.query)), s.texts.push_back(cut(std::move(pair.evidence), kEvidence));
  }
  return s;
}

Tensor learnt_scores(const TwoTowers& towers, const Search& s) {
  return matmul(towers.query(s.queries), towers.block(s.texts), {.transpose_b = true});
}

Tensor bm25_scores(const Search& s) { return ssl::Bm25(s.texts).scores(s.queries); }

Recalls recalls(const Tensor& scores, const Search& s) {
  const std::vector<int64_t> ranks = ssl::ranks(scores, s.right());
  return {ssl::recall_at(1, ranks), ssl::recall_at(10, ranks), ssl::mean_reciprocal_rank(ranks)};
}

double choose_weight(const TwoTowers& towers, const Search& valid) {
  const Tensor words = bm25_scores(valid), learnt = learnt_scores(towers, valid);
  double best = 0, most = 0;
  for (const double weight : {0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0}) {
    const double r = recalls(ssl::combined(words, learnt, weight), valid).reciprocal;
    if (r > most) most = r, best = weight;
  }
  return best;
}

// ---- Search ---------------------------------------------------------------------------------------------------------

namespace {

std::vector<Tokens> whole_texts(const std::vector<ssl::Block>& blocks) {
  std::vector<Tokens> texts;
  for (const ssl::Block& b : blocks) texts.push_back(cut(ssl::evidence_of(b), kEvidence));
  return texts;
}

}  // namespace

Engine::Engine(const TwoTowers& towers, const std::vector<ssl::Block>& blocks) : Engine(towers, whole_texts(blocks)) {}

Engine::Engine(const TwoTowers& towers, std::span<const Tokens> texts)
    : words_(texts), embeddings_(towers.block(texts)), query_(towers.query) {}

Engine::Found Engine::find(const Tokens& query, double weight, int64_t count) const {
  const std::vector<Tokens> queries = {cut(query, kQuery)};
  const Tensor words = words_.scores(queries), learnt = matmul(query_(queries), embeddings_, {.transpose_b = true});
  auto best = [&](const Tensor& scores) { return topk(scores, std::min(count, scores.size(1)), 1).indices.row(0); };
  return {best(words), best(learnt), best(ssl::combined(words, learnt, weight))};
}

}  // namespace bijou::experiments

#include "ssl/inverse_cloze.h"

#include <set>

#include "autograd/functional.h"
#include "tensor/elementwise.h"

namespace bijou::ssl {

// ---- The task -------------------------------------------------------------------------------------------------------

Tokens evidence_of(const Block& block, int64_t skip) {
  Tokens all = block.title;
  for (int64_t i = 0; i < int64_t(block.sentences.size()); ++i)
    if (const Tokens& s = block.sentences[size_t(i)]; i != skip) all.insert(all.end(), s.begin(), s.end());
  return all;
}

IctPair ict_pair(const Block& block, double mask_rate, Generator& g) {
  check(block.sentences.size() >= 2, "ict_pair: a block of ", block.sentences.size(),
        " sentences; without one of them there should still be another");
  check(mask_rate >= 0 && mask_rate <= 1, "ict_pair: a mask rate of ", mask_rate);
  const int64_t k = g.below(int64_t(block.sentences.size()));
  const bool removed = g.uniform() < mask_rate;
  return {block.sentences[size_t(k)], evidence_of(block, removed ? k : -1), removed};
}

std::vector<Block> without_duplicates(const std::vector<Block>& blocks) {
  std::set<Tokens> known;
  std::vector<Block> kept;
  for (const Block& b : blocks)
    if (known.insert(evidence_of({{}, b.sentences})).second) kept.push_back(b);
  return kept;
}

// ---- Towers ---------------------------------------------------------------------------------------------------------

BagTower::BagTower(Options o)
    : options(o),
      token({.count = o.vocabulary, .dim = o.dim}),
      weight({.count = o.vocabulary, .dim = 1}),
      projection({.in = o.dim, .out = o.out}),
      norm({.size = o.out}) {
  token.weight = parameter(normal({o.vocabulary, o.dim}, 0, real(0.1)));
  weight.weight = parameter(zeros({o.vocabulary, 1}));
}

Var BagTower::operator()(const TokenBatch& batch) const {
  // Less for a dropped word than for padding: where all words are dropped, their weights are as if none were.
  Tensor penalty = batch.padding * real(1e4);
  if (training && options.dropout > 0)
    penalty = maximum(penalty, bernoulli(penalty.shape(), options.dropout) * real(1e3));
  const Var scores = squeeze(weight(batch.tokens), -1) - penalty;  // [B, T]
  const Var bag = matmul(unsqueeze(softmax(scores, 1), 1), token(batch.tokens));
  return norm(projection(squeeze(bag, 1)));
}

void BagTower::members(nn::Visitor& visit) {
  visit("token", token), visit("weight", weight), visit("projection", projection), visit("norm", norm);
}

TransformerTower::TransformerTower(const Options& o)
    : body(o.body), projection({.in = o.body.dim, .out = o.out}), norm({.size = o.out}) {}

Var TransformerTower::operator()(const TokenBatch& batch) const {
  const Shape column = {batch.tokens.size(0), 1};
  Indices first(column);
  first.fill(kClass);
  const Var h =
      body({.tokens = concat({first, batch.tokens}, 1), .padding = concat({zeros(column), batch.padding}, 1)});
  return norm(projection(select(h, 1, 0)));
}

Var in_chunks(const Tower& tower, std::span<const Tokens> texts, int64_t chunk) {
  check(chunk > 0 && !texts.empty(), "in_chunks: chunks of ", chunk, " of ", texts.size(), " texts");
  std::vector<Var> parts;
  for (size_t i = 0; i < texts.size(); i += size_t(chunk)) {
    const TokenBatch batch = padded(texts.subspan(i, std::min(size_t(chunk), texts.size() - i)));
    parts.push_back(checkpoint([tower, batch] { return tower(batch); }));
  }
  return concat(std::span<const Var>(parts), 0);
}

Var in_batch_softmax(const Var& q, const Var& c, double temperature) {
  check(q.dim() == 2 && q.shape() == c.shape(), "in_batch_softmax: queries ", q.shape(), " and blocks ", c.shape(),
        "; both [batch, d] expected");
  const Var similarity = matmul(q, c * real(1 / temperature), {.transpose_b = true});
  return mean(nll_of_logits(similarity, index_range(q.size(0))));
}

// ---- Retrieval ------------------------------------------------------------------------------------------------------

std::vector<int64_t> ranks(const Tensor& scores, const Indices& right) {
  check(scores.dim() == 2 && right.shape() == Shape{scores.size(0)}, "ranks: scores ", scores.shape(), " and answers ",
        right.shape());
  std::vector<int64_t> places;
  const int64_t n = scores.size(1);
  for (int64_t i = 0; i < right.numel(); ++i) {
    const real* row = scores.data() + i * n;
    const bijou::index at = right.data()[i];
    check(at >= 0 && at < n, "ranks: there is no text ", at, " among ", n);
    places.push_back(std::count_if(row, row + n, [&](real s) { return s >= row[at]; }));
  }
  return places;
}

double recall_at(int64_t k, std::span<const int64_t> ranks) {
  return double(std::count_if(ranks.begin(), ranks.end(), [&](int64_t r) { return r <= k; })) / double(ranks.size());
}

double mean_reciprocal_rank(std::span<const int64_t> ranks) {
  double sum = 0;
  for (const int64_t r : ranks) sum += 1 / double(r);
  return sum / double(ranks.size());
}

Tensor combined(const Tensor& a, const Tensor& b, double weight) {
  auto standard = [](const Tensor& x) {
    const Tensor centred = x - mean(x, 1, {.keepdim = true});
    return centred / sqrt(mean(square(centred), 1, {.keepdim = true}) + real(1e-12));
  };
  return standard(a) + standard(b) * real(weight);
}

}  // namespace bijou::ssl

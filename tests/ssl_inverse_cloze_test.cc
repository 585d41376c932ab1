// The inverse cloze task: what is drawn, its loss, large batches in chunks, recall.
#include <cmath>
#include <map>

#include "autograd/elementwise.h"
#include "examples/experiments/inverse_cloze.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

const Block kBlock = {{90}, {{10, 11}, {20}, {30, 31, 32}}};

TEST(IctPair, RemovesTheSentenceAtItsRate) {
  Generator g(1);
  constexpr int kDraws = 20'000;
  std::map<bijou::index, double> queries;
  double removed = 0;
  for (int i = 0; i < kDraws; ++i) {
    const IctPair p = ict_pair(kBlock, 0.9, g);
    ++queries[p.query[0]], removed += p.removed;
    const auto found = std::search(p.evidence.begin(), p.evidence.end(), p.query.begin(), p.query.end());
    ASSERT_EQ(found == p.evidence.end(), p.removed);
    ASSERT_EQ(p.evidence.size(), 7 - (p.removed ? p.query.size() : 0)) << "title and the other sentences";
    ASSERT_EQ(p.evidence[0], 90);
  }
  EXPECT_NEAR(removed / kDraws, 0.9, 5 * std::sqrt(0.09 / kDraws));
  for (const bijou::index first : {10, 20, 30})
    EXPECT_NEAR(queries[first] / kDraws, 1.0 / 3, 5 * std::sqrt(2.0 / 9 / kDraws));
}

TEST(IctPair, KeepsTheOrderOfTheRest) {
  EXPECT_EQ(evidence_of(kBlock), (Tokens{90, 10, 11, 20, 30, 31, 32}));
  EXPECT_EQ(evidence_of(kBlock, 1), (Tokens{90, 10, 11, 30, 31, 32}));
  Generator g(2);
  expect_error([&] { ict_pair({{}, {{1, 2}}}, 0.9, g); }, "1 sentences");
  expect_error([&] { ict_pair(kBlock, 1.1, g); }, "mask rate");
}

TEST(IctPair, TheSameTextTwiceIsTakenOnce) {
  const std::vector<Block> kept = without_duplicates({{{1}, {{2, 3}}}, {{4}, {{2, 3}}}, {{1}, {{3, 2}}}});
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].title, Tokens{1});
}

TEST(InBatchSoftmax, ItsLeastValueForQueriesAtRightAngles) {
  for (const double t : {0.5, 1.0})  // each finds its own at 1/t among others at 0
    EXPECT_NEAR(double(in_batch_softmax(eye(5), eye(5), t).item()), std::log(1 + 4 * std::exp(-1 / t)),
                10 * kTolerance);
  EXPECT_NEAR(double(in_batch_softmax(eye(5), zeros({5, 5})).item()), std::log(5.0), 10 * kTolerance);
  EXPECT_EQ(double(in_batch_softmax(eye(1), eye(1)).item()), 0);
  expect_error([] { in_batch_softmax(eye(5), eye(4)); }, "both [batch, d]");
}

TEST(InBatchSoftmax, ItsGradientsAreRight) {
  SKIP_IN_FLOAT();
  expect_gradients([](const auto& x) { return in_batch_softmax(x[0], x[1], 0.7); },
                   {random({4, 3}, 1), random({4, 3}, 2)});
}

std::vector<Tokens> random_texts(int64_t n, uint64_t seed) {
  Generator g(seed);
  std::vector<Tokens> texts(static_cast<size_t>(n));
  for (Tokens& t : texts)
    for (int i = 0, length = 2 + g.below(9); i < length; ++i) t.push_back(kSpecials + g.below(15));
  return texts;
}

template <class T>
std::vector<Tensor> gradients(const T& tower, const std::vector<Tokens>& q, const std::vector<Tokens>& c,
                              int64_t chunk) {
  manual_seed(5);  // of dropout
  auto encode = [&](const std::vector<Tokens>& texts) {
    return chunk ? in_chunks(tower, texts, chunk) : tower(padded(texts));
  };
  std::vector<Tensor> all;
  const Var query = encode(q), block = encode(c);
  for (const Var& g : grad(in_batch_softmax(query, block), tower.parameters())) all.push_back(g.value());
  return all;
}

// Padding differs from chunk to chunk, and must not matter.
TEST(InChunks, HasTheGradientsOfTheWholeBatch) {
  const std::vector<Tokens> q = random_texts(10, 1), c = random_texts(10, 2);
  auto compare = [&](const auto& tower) {
    const std::vector<Tensor> direct = gradients(tower, q, c, 0);
    for (const int64_t chunk : {1, 3, 4, 10, 99}) {
      const std::vector<Tensor> cached = gradients(tower, q, c, chunk);
      for (size_t i = 0; i < direct.size(); ++i) expect_close(cached[i], direct[i], kDouble ? 1e-10 : 1e-4);
    }
  };
  compare(BagTower({.vocabulary = 20, .dim = 6, .out = 5}));
  compare(TransformerTower({.body = {.vocabulary = 20, .length = 12, .dim = 8, .heads = 2, .layers = 1}, .out = 5}));
}

TEST(InChunks, DropsTheSameWordsBothTimes) {
  const std::vector<Tokens> texts = random_texts(6, 3);
  const BagTower tower({.vocabulary = 20, .dim = 4, .out = 3, .dropout = 0.5});
  auto weighted = [&](const Var& y) { return sum(y * Var(random({6, 3}, 4))); };
  manual_seed(7);
  std::vector<Var> parts;
  for (size_t i = 0; i < 6; i += 2) parts.push_back(tower(padded(std::span(texts).subspan(i, 2))));
  const Tensor direct = grad(weighted(concat(std::span<const Var>(parts), 0)), {tower.token.weight})[0].value();
  manual_seed(7);
  expect_close(grad(weighted(in_chunks(tower, texts, 2)), {tower.token.weight})[0], direct, kDouble ? 1e-10 : 1e-4);
}

TEST(Towers, ABagHasNoOrderAndNoPadding) {
  const BagTower tower({.vocabulary = 20});
  const Tensor y = tower(padded(std::vector<Tokens>{{7, 8, 9}, {9, 7, 8}, {7, 8, 9, 9, 9, 9}})).value();
  expect_close(y.row(1), y.row(0));
  EXPECT_GT(max_difference(y.row(2), y.row(0)), 1e-3);
  const Tensor alone = tower(padded(std::vector<Tokens>{{7, 8, 9}})).value();
  expect_close(alone.row(0), y.row(0));
}

TEST(Towers, ABagWeighsItsWords) {
  BagTower tower({.vocabulary = 20});
  tower.weight.weight.mutable_value().mutable_data()[8] = 50;  // 8 outweighs all others
  const Tensor y = tower(padded(std::vector<Tokens>{{7, 8, 9}, {8}})).value();
  expect_close(y.row(0), y.row(1));
}

TEST(Towers, ABagWithoutAnyWordLeftTakesThemAll) {
  BagTower tower({.vocabulary = 20, .dropout = 1});
  const TokenBatch batch = padded(std::vector<Tokens>{{7, 8}, {7, 8, 9, 9, 9, 9}});
  const Tensor dropped = tower(batch).value();
  tower.eval();
  expect_close(dropped, tower(batch).value(), kDouble ? 1e-10 : 1e-3);
}

TEST(Towers, ATransformerReadsItsOwnClass) {
  const TransformerTower tower({.body = {.vocabulary = 20, .length = 6, .dim = 8, .heads = 2, .layers = 1}, .out = 5});
  const TokenBatch with_class = padded(std::vector<Tokens>{{kClass, 7, 8}, {kClass, 7, 8, 9, 9, 9}});
  expect_close(tower(padded(std::vector<Tokens>{{7, 8}, {7, 8, 9, 9, 9}})),
               tower.norm(tower.projection(select(tower.body(with_class), 1, 0))).value());
}

TEST(Recall, AgreesWithSorting) {
  const Tensor scores = random({30, 12}, 5);
  Generator g(6);
  const Indices right = randint({30}, 0, 12, g);
  const std::vector<int64_t> places = ranks(scores, right);
  double reciprocal = 0;
  for (const int64_t k : {1, 3, 12}) {
    double found = 0;
    for (int64_t i = 0; i < 30; ++i) {
      std::vector<std::pair<real, int64_t>> order;
      for (int64_t j = 0; j < 12; ++j) order.push_back({-scores.at({i, j}), j});
      std::sort(order.begin(), order.end());
      for (int64_t j = 0; j < 12; ++j)
        if (order[size_t(j)].second == right.data()[i]) found += j < k, reciprocal += k == 1 ? 1 / double(j + 1) : 0;
    }
    EXPECT_DOUBLE_EQ(recall_at(k, places), found / 30);
  }
  EXPECT_NEAR(mean_reciprocal_rank(places), reciprocal / 30, 1e-12);
}

TEST(Recall, EqualsCountAgainstIt) {
  EXPECT_EQ(ranks(zeros({1, 4}), indices({2})), std::vector<int64_t>{4});
  EXPECT_EQ(ranks(matrix({{3, 1, 3, 0}}), indices({1})), std::vector<int64_t>{3});
  expect_error([] { ranks(zeros({1, 4}), indices({4})); }, "no text 4");
}

TEST(Recall, ScoringsAreCombinedOnOneScale) {
  const Tensor a = matrix({{0, 2, 4}}), b = matrix({{500, 100, 300}});
  const real r = std::sqrt(real(1.5));
  expect_close(combined(a, b, 0), matrix({{-r, 0, r}}), 1e-5);
  expect_close(combined(a, b, 2), matrix({{r, -2 * r, r}}), 1e-5);
}

TEST(Engine, FindsWhatSearchingAllOverWouldAndCutsLongTexts) {
  const Tokenizer tokenizer = Tokenizer::words(std::vector<std::string>{"a b c d e f a b c d e f"}, 20);
  const Tokens abc = tokenizer.encode("a b c"), def = tokenizer.encode("d e f");
  Tokens long_text;
  for (int i = 0; i < 100; ++i) long_text.insert(long_text.end(), abc.begin(), abc.end());
  const std::vector<Block> blocks = {{{}, {def, abc}}, {{}, {long_text, abc}}, {{}, {def, def}}};
  const experiments::BlockData data{tokenizer, blocks, {}, blocks, {"", "", ""}};
  for (const bool transformer : {false, true}) {
    const experiments::TwoTowers towers =
        experiments::train_towers(data, {.transformer = transformer, .dim = 8, .batch = 3, .steps = 1});
    const experiments::Engine engine(towers, blocks);
    const auto found = engine.find(def, 1, 3);
    EXPECT_EQ(found.words.at({0}), 2);
    experiments::Search s = experiments::search_of(blocks, false, 1);
    s.queries = {def};
    const Tensor words = experiments::bm25_scores(s), learnt = experiments::learnt_scores(towers, s);
    const Indices best = topk(learnt, 3, 1).indices, both = topk(combined(words, learnt, 1), 3, 1).indices;
    for (int64_t k = 0; k < 3; ++k) {
      EXPECT_EQ(found.towers.at({k}), best.at({0, k}));
      EXPECT_EQ(found.both.at({k}), both.at({0, k}));
    }
    EXPECT_EQ(engine.find(long_text, 1, 9).towers.numel(), 3);  // no more than there are
  }
}

}  // namespace
}  // namespace bijou::ssl

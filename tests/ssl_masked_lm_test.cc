// Masked language models: what is masked and how often, logits of some positions, next sentences.
#include <cmath>

#include "examples/experiments/masked_lm.h"
#include "nn/checkpoint.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

constexpr int64_t kVocabulary = 30;

// Random sequences between [CLS] and [SEP], of `least` to `most` tokens in all; each contains an [UNK].
std::vector<Tokens> random_sequences(int64_t n, int64_t least, int64_t most, uint64_t seed) {
  Generator g(seed);
  std::vector<Tokens> sequences;
  for (int64_t i = 0; i < n; ++i) {
    Tokens s{kClass, kUnknown};
    for (int64_t k = least + g.below(most - least + 1) - 3; k > 0; --k)
      s.push_back(kSpecials + g.below(kVocabulary - kSpecials));
    s.push_back(kSeparator);
    sequences.push_back(s);
  }
  return sequences;
}

TEST(MlmMask, HasTheFrequenciesOfThePaper) {
  constexpr int64_t kRows = 10'000, kLength = 100;  // a million tokens
  const TokenBatch batch = padded(random_sequences(kRows, kLength, kLength, 1));
  Generator g(2);
  const Masked m = mlm_mask(batch, {.vocabulary = kVocabulary}, g);
  const double n = double(m.positions.numel());
  EXPECT_NEAR(n / double(kRows * kLength), 0.15, 0.001);
  double hidden = 0, same = 0;
  for (int64_t k = 0; k < m.positions.numel(); ++k) {
    const bijou::index now = m.batch.tokens.data()[m.positions.data()[k]], was = m.targets.data()[k];
    hidden += now == kMask, same += now == was;
  }
  // A random token is [MASK], or what was there, once in a while.
  EXPECT_NEAR(hidden / n, 0.8 + 0.1 / kVocabulary, 0.005);
  EXPECT_NEAR(same / n, 0.1 + 0.1 / kVocabulary, 0.005);
  EXPECT_NEAR(1 - (hidden + same) / n, 0.1 - 0.2 / kVocabulary, 0.005);
}

TEST(MlmMask, RandomTokensAreOfTheWholeVocabulary) {
  const TokenBatch batch = padded(random_sequences(2000, 50, 50, 3));
  Generator g(4);
  const Masked m = mlm_mask(batch, {.vocabulary = kVocabulary, .rate = 1, .most = 50, .hidden = 0}, g);
  std::vector<double> counts(kVocabulary, 0);
  double changed = 0;
  for (int64_t k = 0; k < m.positions.numel(); ++k) {
    const bijou::index now = m.batch.tokens.data()[m.positions.data()[k]];
    if (now == m.targets.data()[k]) continue;
    ++counts[size_t(now)], ++changed;
  }
  for (const double count : counts)  // but for itself: special tokens once in 30 draws, others in 30 · 24/25
    EXPECT_NEAR(count / changed, 1.0 / kVocabulary, 0.005);
}

TEST(MlmMask, TouchesNothingButWhatItChose) {
  const TokenBatch batch = padded(random_sequences(500, 3, 40, 5));
  Generator g(6);
  const Masked m = mlm_mask(batch, {.vocabulary = kVocabulary}, g);
  Indices restored = m.batch.tokens.clone();
  for (int64_t k = 0; k < m.positions.numel(); ++k) {
    const bijou::index at = m.positions.data()[k];
    EXPECT_GE(m.targets.data()[k], kSpecials) << "never a special token, nor padding";
    EXPECT_GT(at, k ? m.positions.data()[k - 1] : -1) << "ascending, each once";
    restored.mutable_data()[at] = m.targets.data()[k];
  }
  for (int64_t i = 0; i < restored.numel(); ++i) ASSERT_EQ(restored.data()[i], batch.tokens.data()[i]);
  expect_close(m.batch.padding, batch.padding, 0);
}

TEST(MlmMask, CountsAsReleased) {  // 15 % of the length with its special tokens, rounded; 1 to 20
  for (const auto& [length, expected] : {std::pair(4, 1), {8, 1}, {10, 2}, {11, 2}, {40, 6}, {200, 20}}) {
    Generator g(7);
    Tokens s(size_t(length), kSpecials);
    s.front() = kClass, s.back() = kSeparator;
    EXPECT_EQ(mlm_mask(padded(std::vector{s, s}), {.vocabulary = 9}, g).positions.numel(), 2 * expected) << length;
  }
  Generator g(7);
  EXPECT_EQ(mlm_mask(padded(random_sequences(4, 3, 3, 1)), {.vocabulary = 9}, g).positions.numel(), 0);
}

TEST(MlmMask, RepeatsWithItsSeedAndIsDynamic) {
  const TokenBatch batch = padded(random_sequences(20, 30, 30, 8));
  auto chosen = [&](Generator& g) {
    const Masked m = mlm_mask(batch, {.vocabulary = kVocabulary}, g);
    return Tokens(m.positions.begin(), m.positions.end());
  };
  Generator a(1), b(1);
  const Tokens first = chosen(a);
  EXPECT_EQ(first, chosen(b));
  EXPECT_NE(first, chosen(a));
}

TEST(MlmMask, MisuseIsNamed) {
  Generator g(1);
  const TokenBatch batch = padded(random_sequences(1, 5, 5, 1));
  expect_error([&] { mlm_mask(batch, {.vocabulary = kVocabulary, .rate = 0}, g); }, "rate");
  expect_error([&] { mlm_mask(batch, {.vocabulary = 3}, g); }, "vocabulary");
}

TextTransformer::Options small_lm(bool causal = false) {
  return {.vocabulary = kVocabulary, .length = 12, .dim = 8, .heads = 2, .layers = 2, .causal = causal};
}

TEST(TextTransformer, BeginsWithTokenPositionAndSegment) {
  const TextTransformer m({.vocabulary = kVocabulary, .length = 12, .dim = 8, .heads = 2, .layers = 0});
  TokenBatch batch = padded(std::vector<Tokens>{{7, 8, 7}});
  const Tensor token = m.token.weight.value(), position = m.position.weight.value(), segment = m.segment.weight.value();
  auto expect_segments = [&](const std::vector<int64_t>& segments) {
    for (int64_t t = 0; t < 3; ++t)
      expect_close(m(batch).value().row(0).row(t),
                   m.norm(Var(token.row(t == 1 ? 8 : 7) + position.row(t) + segment.row(segments[size_t(t)]))).value());
  };
  expect_segments({0, 0, 0});
  batch.segments = indices({0, 1, 1}).reshape({1, 3});
  expect_segments({0, 1, 1});
}

TEST(MaskedLM, LogitsOfSomePositionsAreThoseOfAll) {
  const MaskedLM m(small_lm());
  const TokenBatch batch = padded(random_sequences(5, 4, 12, 9));
  const Indices positions = indices({1, 7, 20, 21, 40});
  expect_close(m.logits(batch, positions), index_select(m.logits(batch).value(), 0, positions));
}

TEST(MaskedLM, ItsLossIsTheMeanOverAllThatWasChosen) {  // not the mean of each sequence's mean
  const MaskedLM m(small_lm());
  Generator g(10);
  const Masked masked = mlm_mask(padded(random_sequences(8, 5, 12, 11)), {.vocabulary = kVocabulary, .rate = 0.4}, g);
  const Tensor log_p = log_softmax(m.logits(masked.batch).value(), 1);
  double total = 0;
  for (int64_t k = 0; k < masked.positions.numel(); ++k)
    total -= double(log_p.at({masked.positions.data()[k], masked.targets.data()[k]}));
  EXPECT_NEAR(double(m.loss(masked).item()), total / double(masked.positions.numel()), 20 * kTolerance);
}

TEST(MaskedLM, StartsAsAlmostUniform) {
  const MaskedLM m(small_lm());
  Generator g(12);
  const Masked masked = mlm_mask(padded(random_sequences(50, 12, 12, 13)), {.vocabulary = kVocabulary}, g);
  EXPECT_NEAR(double(m.loss(masked).item()), std::log(double(kVocabulary)), 0.05);
}

TEST(MaskedLM, PaddingChangesNothing) {
  const MaskedLM m(small_lm());
  const std::vector<Tokens> one = random_sequences(1, 6, 6, 14);
  std::vector<Tokens> two = one;
  two.push_back(random_sequences(1, 12, 12, 15)[0]);
  const Indices positions = index_range(6);
  expect_close(m.logits(padded(two), positions), m.logits(padded(one), positions).value());
  expect_close(m.body.embed(two).row(0), m.body.embed(one).row(0));
}

TEST(MaskedLM, ItsDecoderIsTheTableOfTokens) {
  const MaskedLM m(small_lm());
  int64_t tables = 0;
  for (const auto& [name, p] : m.named_parameters()) tables += p.shape() == Shape{kVocabulary, 8};
  EXPECT_EQ(tables, 1);
}

TEST(MaskedLM, EmbedsASequenceAsTheMeanOfItsTokens) {
  const MaskedLM m(small_lm());
  const std::vector<Tokens> one = random_sequences(1, 7, 7, 16);
  expect_close(m.body.embed(one), mean(m.body(padded(one)), 1).value());
}

TEST(MaskedLM, ItsGradientsAreRight) {
  SKIP_IN_FLOAT();
  const MaskedLM m(small_lm());
  Generator g(17);
  const Masked masked = mlm_mask(padded(random_sequences(3, 5, 9, 18)), {.vocabulary = kVocabulary, .rate = 0.3}, g);
  // By the table of tokens, which is used at both ends.
  gradcheck(
      [&](const std::vector<Var>& x) {
        MaskedLM copy = m;
        copy.body.token.weight = x[0];
        return copy.loss(masked, indices({0, 1, 1}));
      },
      {m.body.token.weight.value().clone() * 20});
}

TEST(MaskedLM, FillsTheSameHolesOnceSavedAndLoaded) {
  const std::vector<std::string> words = {"abba", "beat", "tabla"};
  const Tokenizer tokenizer = Tokenizer::characters(words);
  MaskedLM m({.vocabulary = tokenizer.size(), .length = 9, .dim = 8, .heads = 2, .layers = 3});
  const std::string path = ::testing::TempDir() + "masked_lm.safetensors";
  experiments::save_masked(path, m, tokenizer);
  const experiments::SavedLm saved = experiments::load_masked(path);
  const auto got = experiments::fill_in(saved.model, saved.tokenizer, "t_b_a", 3),
             want = experiments::fill_in(m, tokenizer, "t_b_a", 3);
  ASSERT_EQ(got.size(), 2u);
  for (size_t hole = 0; hole < 2; ++hole)
    for (size_t k = 0; k < 3; ++k) {
      EXPECT_EQ(got[hole][k].token, want[hole][k].token);
      EXPECT_EQ(got[hole][k].probability, want[hole][k].probability);
    }
  nn::save_checkpoint(path, {});
  expect_error([&] { experiments::load_masked(path); }, "not a masked language model");
}

TEST(CausalLM, EachTokenDependsOnThoseBeforeItOnly) {
  const CausalLM m(small_lm(true));
  const std::vector<Tokens> one = random_sequences(1, 9, 9, 19);
  std::vector<Tokens> other = one;
  other[0][6] = other[0][6] == kSpecials ? kSpecials + 1 : kSpecials;
  const Tensor a = m.nats(padded(one)).value(), b = m.nats(padded(other)).value();
  for (int64_t t = 0; t < 5; ++t) EXPECT_EQ(a.at({0, t}), b.at({0, t}));
  EXPECT_NE(a.at({0, 5}), b.at({0, 5}));
}

TEST(CausalLM, IsADensityOfSequences) {  // over all of two tokens behind [CLS], none of them padding
  CausalLM m(small_lm(true));
  m.head.bias.mutable_value().mutable_data()[kPad] = -1000;
  std::vector<Tokens> all;
  for (bijou::index i = 1; i < kVocabulary; ++i)
    for (bijou::index j = 1; j < kVocabulary; ++j) all.push_back({kClass, i, j});
  expect_close(sum(exp(-sum(m.nats(padded(all)).value(), 1))), scalar(1));
}

TEST(CausalLM, ItsLossLeavesOutPadding) {
  const CausalLM m(small_lm(true));
  const std::vector<Tokens> sequences = random_sequences(3, 4, 12, 20);
  double total = 0, count = 0;
  for (const Tokens& s : sequences) {
    total += double(sum(m.nats(padded(std::vector<Tokens>{s}))).item()), count += double(s.size() - 1);
  }
  EXPECT_NEAR(double(m.loss(padded(sequences)).item()), total / count, 20 * kTolerance);
}

TEST(SentencePairs, HalfOfThemFollowAndAllAreInOrder) {
  std::vector<Document> documents;  // token 100 d + s is sentence s of document d, repeated
  for (bijou::index d = 1; d <= 20; ++d) {
    documents.emplace_back();
    for (bijou::index s = 0; s < 1 + d % 7; ++s) documents.back().push_back(Tokens(3, 100 * d + s));
  }
  Generator g(21);
  const SentencePairs p = sentence_pairs(documents, 4000, 16, g);
  double follows = 0, shorter = 0;
  for (int64_t i = 0; i < 4000; ++i) {
    Tokens row(p.batch.tokens.row(i).begin(), p.batch.tokens.row(i).end());
    while (row.back() == kPad) row.pop_back();
    ASSERT_LE(row.size(), 16u);
    const auto middle = std::find(row.begin(), row.end(), bijou::index(kSeparator));
    ASSERT_EQ(row.front(), kClass);
    ASSERT_EQ(row.back(), kSeparator);
    ASSERT_NE(middle, row.end() - 1);
    for (size_t t = 0; t < row.size(); ++t)
      ASSERT_EQ(p.batch.segments.at({i, int64_t(t)}), t > size_t(middle - row.begin()));
    const bijou::index a = middle[-1], b = middle[1];
    if (p.follows.data()[i]) {
      EXPECT_GT(b, a);
      EXPECT_EQ(a / 100, b / 100);
    } else {
      EXPECT_NE(a / 100, b / 100);
    }
    follows += p.follows.data()[i], shorter += row.size() < 8;
  }
  EXPECT_NEAR(follows / 4000, 0.5, 0.04);
  EXPECT_GT(shorter, 50);
}

}  // namespace
}  // namespace bijou::ssl

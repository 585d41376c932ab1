// The character model: chunks leave no seams, the state carries over, sampling is what temperature says.
#include "examples/experiments/char_rnn.h"

#include <cmath>

#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::experiments {
namespace {

using namespace bijou::testing;

std::string repeat(const std::string& s, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += s;
  return all;
}

Text text_of(const std::string& text) {
  Text corpus{.alphabet = "abc", .train = {}, .valid = {}};
  corpus.train = corpus.valid = corpus.encode(text);
  return corpus;
}

TEST(CharRnn, ReadingInChunksIsReadingInOneGo) {
  Indices text(Shape{2501});  // strips of 250, read in chunks of 100, 100 and 50
  Generator g(1);
  for (int64_t i = 0; i < text.numel(); ++i) text.mutable_data()[i] = bijou::index(g.below(3));
  for (const std::string& cell : cell_names()) {
    manual_seed(2);
    const CharRnn model({.cell = cell, .alphabet = 3, .hidden = 8, .layers = 2});
    double nats = 0;
    for (int64_t strip = 0; strip < 10; ++strip) {
      const Indices codes = text.rows(strip * 250, strip * 250 + 250),
                    next = text.rows(strip * 250 + 1, strip * 250 + 251);
      const Var logits = model(codes.reshape({1, 250}), {}).logits;
      nats += double(sum(nll_of_logits(reshape(logits, {250, 3}), next)).item());
    }
    EXPECT_NEAR(bits_per_char(model, text), nats / 2500 / std::log(2.0), kDouble ? 1e-12 : 1e-5) << cell;
  }
}

TEST(CharRnn, TheStateCarriesOverFromChunkToChunk) {
  // After an a comes an a or a b, as often: two thirds of a bit a character, without a memory. Chunks of one character
  // leave no memory but the state that is carried from one to the next.
  const Text corpus = text_of(repeat("aab", 400));
  for (const std::string& cell : cell_names()) {
    const CharRun run = train_char_rnn(
        corpus,
        {.model = {.cell = cell, .alphabet = 3, .hidden = 16}, .epochs = 4, .batch = 4, .chunk = 1, .lr = 0.01});
    EXPECT_LT(run.best, 0.1) << cell;
    EXPECT_NEAR(run.best, bits_per_char(run.model, corpus.valid), kTolerance) << cell;  // the best weights are kept
  }
}

TEST(CharRnn, SamplingIsRepeatableAndAtATemperatureNearZeroTakesTheLikeliest) {
  const Text corpus = text_of("abcabc");
  manual_seed(3);
  const CharRnn model({.cell = "gru", .alphabet = 3, .hidden = 8});
  Generator a(4), b(4), c(5);
  const std::string text = continue_text(model, corpus, "ab", 60, 1, a);
  EXPECT_EQ(text, continue_text(model, corpus, "ab", 60, 1, b));
  EXPECT_NE(text, continue_text(model, corpus, "ab", 60, 1, c));
  const std::string greedy = continue_text(model, corpus, "ab", 12, 1e-4, a);
  std::string expected, so_far = "ab";
  for (int i = 0; i < 12; ++i) {
    const Tensor logits = model(corpus.encode(so_far).reshape({1, -1}), {}).logits.value();
    const Tensor last = logits.reshape({-1, 3}).row(int64_t(so_far.size()) - 1);
    const char likeliest = corpus.alphabet[size_t(argmax(last, 0).item())];
    expected += likeliest, so_far += likeliest;
  }
  EXPECT_EQ(greedy, expected);
  expect_error([&] { continue_text(model, corpus, "abz", 3, 1, a); }, "lacks the character number 122");
  expect_error([&] { continue_text(model, corpus, "ab", 3, 0, a); }, "temperature above 0");
}

TEST(CharRnn, TheEntropyOfTheGrammarIsThatOfItsRules) {
  const Text corpus = load_text("grammar", "");
  const std::string text = corpus.decode(corpus.valid);
  const double sentences = double(std::count(text.begin(), text.end(), '\n'));
  double clauses = 0;  // one sentence in three has one
  for (size_t at = 0; (at = text.find(" that ", at)) != std::string::npos; ++at) ++clauses;
  EXPECT_NEAR(clauses / sentences, 1.0 / 3, 0.08);
  const double phrase = 1 + std::log2(5) + std::log2(6), verb = std::log2(5);
  const double bits = sentences * ((1 + phrase + verb) + (1 + phrase)) + clauses * (std::log2(3) + 1 + phrase + verb) +
                      (sentences - clauses) * std::log2(1.5);
  EXPECT_NEAR(corpus.entropy * double(text.size()), bits, 1e-6);  // -log2 of the probability of this text
}

TEST(CharRnn, RefusesTextsItDoesNotKnowAndToLearnForNoTime) {
  expect_error([] { load_text("sheakspear", "/nowhere"); }, "there is no text 'sheakspear'");
  const CharTraining idle{.model = {.alphabet = 3}, .epochs = 0};
  expect_error([&] { train_char_rnn(text_of(repeat("abc", 100)), idle); }, "0 epochs");
}

}  // namespace
}  // namespace bijou::experiments

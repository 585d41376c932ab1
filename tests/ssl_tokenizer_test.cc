// Tokens: cutting, byte pairs by hand, round trips, files.
#include <map>

#include "ssl/byte_pairs.h"
#include "ssl/tokenizer.h"
#include "tensor/files.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using testing::expect_close;
using testing::expect_error;
using Strings = std::vector<std::string>;

std::string random_bytes(Generator& g, int64_t n, int64_t different) {
  std::string s;
  for (int64_t i = 0; i < n; ++i) s += char(g.below(different) + (different < 256 ? ' ' : 0));
  return s;
}

std::string joined(const std::vector<std::string_view>& parts, const std::string& between) {
  std::string s;
  for (const auto& part : parts) s += (s.empty() ? "" : between) + std::string(part);
  return s;
}

struct TemporaryFile {
  std::string path = ::testing::TempDir() + "bijou_tokens_test";
  ~TemporaryFile() { std::remove(path.c_str()); }
  void write(const std::string& text) const {
    write_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
};

TEST(Cutting, WordsLoseThePunctuationAtTheirEnds) {
  EXPECT_EQ(joined(split_words("\"Is't so?\" (he  said)--aye, well-a-day \t @-@ <unk>\n"), "|"),
            "\"|Is't|so|?|\"|(|he|said)--aye|,|well-a-day|@-@|<unk>");
  EXPECT_TRUE(split_words(" \n ").empty());
}

TEST(Cutting, CharactersAreThoseOfUtf8) {
  EXPECT_EQ(joined(split_characters("a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x8C\x8Dz"), "|"),
            "a|\xC3\xA9|\xE2\x82\xAC|\xF0\x9F\x8C\x8D|z");
  EXPECT_EQ(split_characters("\x80\xFF\xFFz").size(), 4u);  // no character, but it has to go somewhere
}

TEST(Cutting, ABlankGoesWithTheWordBehindIt) {
  EXPECT_EQ(joined(split_pieces("the king's 12 men\n  ran!!"), "|"), "the| king|'|s| 12| men|\n| | ran|!!");
}

TEST(Cutting, PiecesAndCharactersAreTheTextAgain) {
  Generator g(1);
  for (int i = 0; i < 200; ++i) {
    const std::string text = random_bytes(g, i, i % 2 ? 256 : 20);
    EXPECT_EQ(joined(split_pieces(text), ""), text);
    EXPECT_EQ(joined(split_characters(text), ""), text);
  }
}

// The paper's vocabulary: low 5, lower 2, newest 6, widest 3. Counts of pairs at first: es 9, st 9, we 8, lo 7, ow 7,
// and so on; es comes before st. Then (es)t 9; then lo 7; (lo)w 7; then, all 6 times, ew, ne, w(est): (ew) first, as e
// comes before n and n before w; n(ew); (new)(est); then, all 3 times, d(est), id, wi, of which d is the first.
TEST(BytePairs, ThePapersExampleByHand) {
  std::vector<CountedWord> words;
  for (const auto& [word, n] : {std::pair("low", 5), {"lower", 2}, {"newest", 6}, {"widest", 3}}) {
    Tokens tokens;
    for (const char* c = word; *c; ++c) tokens.push_back(*c);
    words.push_back({tokens, n});
  }
  const std::vector<TokenPair> expected = {{'e', 's'}, {1000, 't'}, {'l', 'o'},   {1002, 'w'},
                                           {'e', 'w'}, {'n', 1004}, {1005, 1001}, {'d', 1001}};
  EXPECT_EQ(learn_byte_pairs(words, 1000, 8), expected);
}

TEST(BytePairs, APairThatOverlapsItselfIsMergedFromTheLeft) {
  Tokens tokens = {7, 7, 7, 8, 7, 7};
  replace_pair(tokens, {7, 7}, 9);
  EXPECT_EQ(tokens, (Tokens{9, 7, 8, 9}));
  EXPECT_EQ(learn_byte_pairs({{{7, 7, 7, 7}, 2}}, 100, 9), (std::vector<TokenPair>{{7, 7}, {100, 100}}));
}

// What is kept up to date from merge to merge is what counting all over again would give.
TEST(BytePairs, AgreeWithCountingAnew) {
  Generator g(2);
  std::vector<CountedWord> words;
  for (int w = 0; w < 60; ++w) {
    words.push_back({{}, 1 + g.below(9)});
    for (int i = 0, n = 1 + g.below(12); i < n; ++i) words.back().tokens.push_back(g.below(4));
  }
  const std::vector<TokenPair> learnt = learn_byte_pairs(words, 4, 40);
  ASSERT_EQ(learnt.size(), 40u);
  for (size_t k = 0; k < learnt.size(); ++k) {
    std::map<TokenPair, int64_t> counts;
    for (const CountedWord& w : words)
      for (size_t i = 1; i < w.tokens.size(); ++i) counts[{w.tokens[i - 1], w.tokens[i]}] += w.count;
    TokenPair best;
    for (const auto& [pair, n] : counts)
      if (n > counts[best]) best = pair;
    ASSERT_EQ(learnt[k], best) << "merge " << k;
    for (CountedWord& w : words) replace_pair(w.tokens, best, bijou::index(4 + k));
  }
}

TEST(Tokenizer, BytePairsRoundTripAnyBytes) {
  const Strings texts = {"the old king and the older kings of old", "the the the old old"};
  const Tokenizer t = Tokenizer::byte_pairs(texts, 290);
  EXPECT_GT(t.size(), 270);
  EXPECT_EQ(t.decode(Tokens{t.encode(" old")[0]}), " old");  // a frequent word is one token
  Generator g(3);
  for (int i = 0; i < 200; ++i) {
    const std::string text = random_bytes(g, i, 256);
    EXPECT_EQ(t.decode(t.encode(text)), text);
  }
}

TEST(Tokenizer, BytePairsEncodeAsTheyWereLearnt) {
  const Tokenizer t = Tokenizer::byte_pairs(Strings{"abab abab abab ab"}, 261 + 3);  // ab, then " ab", then " abab"
  ASSERT_EQ(t.size(), 264);
  EXPECT_EQ(t.token(261), "ab");
  EXPECT_EQ(t.encode("abab"), (Tokens{261, 261}));
  EXPECT_EQ(t.encode("ba"), (Tokens{kSpecials + 'b', kSpecials + 'a'}));
}

TEST(Tokenizer, WordsAreTheMostFrequent) {
  const Tokenizer t = Tokenizer::words(Strings{"b c a b", "c b , d"}, kSpecials + 3);
  ASSERT_EQ(t.size(), kSpecials + 3);
  EXPECT_EQ(t.token(kSpecials), "b");  // three times
  EXPECT_EQ(t.token(kSpecials + 1), "c");
  EXPECT_EQ(t.token(kSpecials + 2), ",");  // of those that are there once, the first by its bytes
  EXPECT_EQ(t.encode("c d b"), (Tokens{kSpecials + 1, kUnknown, kSpecials}));
  EXPECT_EQ(t.decode(t.encode("c, d b")), "c , [UNK] b");
}

TEST(Tokenizer, CharactersRoundTrip) {
  const Tokenizer t = Tokenizer::characters(Strings{"caf\xC3\xA9 \n"});
  EXPECT_EQ(t.size(), kSpecials + 6);
  EXPECT_EQ(t.decode(t.encode("\xC3\xA9 a\nc")), "\xC3\xA9 a\nc");
  EXPECT_EQ(t.encode("x"), Tokens{kUnknown});
}

TEST(Tokenizer, SpecialTokensAreNotInTextButInItsDecoding) {
  const Tokenizer t = Tokenizer::characters(Strings{"[MASK]"});
  for (const bijou::index id : t.encode("[MASK]")) EXPECT_GE(id, kSpecials);
  EXPECT_EQ(t.decode(Tokens{kClass, t.id("M"), kMask, kSeparator, kPad, kUnknown}), "[CLS]M[MASK][SEP][PAD][UNK]");
}

TEST(Tokenizer, ComesBackFromItsFile) {
  const TemporaryFile file;
  const Strings texts = {"a b\\c \n\t\x7F  caf\xC3\xA9 \xFF the the the theme"};
  for (const Tokenizer& t :
       {Tokenizer::characters(texts), Tokenizer::words(texts, 100), Tokenizer::byte_pairs(texts, 270)}) {
    t.save(file.path);
    const Tokenizer again = Tokenizer::load(file.path);
    ASSERT_EQ(again.size(), t.size());
    for (bijou::index i = 0; i < t.size(); ++i) EXPECT_EQ(again.token(i), t.token(i));
    for (const char* text : {"the theme", texts[0].c_str()}) EXPECT_EQ(again.encode(text), t.encode(text));
    EXPECT_EQ(again.blanks_lead(), t.blanks_lead());
  }
}

TEST(Tokenizer, ABrokenFileIsNamedWithItsLine) {
  const TemporaryFile file;
  const std::pair<const char*, const char*> cases[] = {
      {"", "nothing in it"},
      {"bijou tokens: runes\n", "first line"},
      {"bijou tokens: words\nthe\nth", "line 3 is cut short"},
      {"bijou tokens: words\nthe\n\n", "line 3"},
      {"bijou tokens: words\nthe\nthe\n", "line 3: a new token"},
      {"bijou tokens: words\nth\\2\n", "line 2"},
      {"bijou tokens: byte pairs\n102 101\n103 261\n104 263\n", "line 4: the numbers of two tokens below 263"},
      {"bijou tokens: byte pairs\n102\n", "line 2"},
      {"bijou tokens: byte pairs\n102 3\n", "line 2"},
      {"bijou tokens: byte pairs\n102 99999999999\n", "line 2"}};
  for (const auto& [text, part] : cases) {
    file.write(text);
    expect_error([&] { Tokenizer::load(file.path); }, part);
    expect_error([&] { Tokenizer::load(file.path); }, file.path);
  }
  expect_error([] { Tokenizer::words(Strings{"a"}, 5); }, "special");
  expect_error([] { Tokenizer::byte_pairs(Strings{"a"}, 200); }, "single bytes");
  expect_error([] { Tokenizer::words(Strings{"a"}, 9).token(6); }, "no token 6");
}

TEST(Batches, ArePaddedToTheLongest) {
  const std::vector<Tokens> sequences = {framed({10, 11, 12}, 9), framed({10, 11, 12, 13}, 4), framed({}, 3)};
  const TokenBatch b = padded(sequences);
  EXPECT_EQ(b.tokens.shape(), (Shape{3, 5}));
  EXPECT_EQ(Tokens(b.tokens.begin(), b.tokens.end()), (Tokens{kClass, 10, 11, 12, kSeparator, kClass, 10, 11,
                                                              kSeparator, kPad, kClass, kSeparator, kPad, kPad, kPad}));
  expect_close(b.padding, matrix({{0, 0, 0, 0, 0}, {0, 0, 0, 0, 1}, {0, 0, 1, 1, 1}}), 0);
  expect_error([] { framed({10}, 2); }, "no room");
}

}  // namespace
}  // namespace bijou::ssl

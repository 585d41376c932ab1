// BM25 by hand and by its definition.
#include <cmath>

#include "ssl/bm25.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

TEST(Bm25, AHandfulOfWordsByHand) {
  // Three texts of 2, 4 and 3 words, 3 on average. Word 1 is in two of them: idf = log(1 + 1.5 / 2.5) = log 1.6.
  const std::vector<Tokens> texts = {{1, 2}, {1, 1, 3, 4}, {5, 6, 7}};
  const Bm25 index(texts, {.k = 1, .b = 0.5});
  const double idf = std::log(1.6);
  // Text 0: f = 1, 1 - b + b 2/3 = 5/6: 2 / (1 + 5/6) = 12/11. Text 1: f = 2, 1 - b + b 4/3 = 7/6: 4 / (2 + 7/6) =
  // 24/19.
  expect_close(index.scores(Tokens{1}), tensor({real(idf * 12 / 11), real(idf * 24 / 19), 0}));
  // Word 3 is in one: idf = log(1 + 2.5 / 1.5) = log(8/3); f = 1: 2 / (1 + 7/6) = 12/13. Asked twice, it counts twice.
  const double rare = std::log(8.0 / 3) * 12 / 13;
  expect_close(index.scores(Tokens{1, 3, 3, 99}), tensor({real(idf * 12 / 11), real(idf * 24 / 19 + 2 * rare), 0}));
}

TEST(Bm25, AgreesWithItsDefinition) {
  Generator g(1);
  std::vector<Tokens> texts(40), queries(6);
  for (auto* list : {&texts, &queries})
    for (Tokens& t : *list)
      for (int i = 0, n = 1 + g.below(20); i < n; ++i) t.push_back(g.below(g.below(30) + 1));
  double average = 0;
  for (const Tokens& d : texts) average += double(d.size()) / 40;
  auto frequency = [](const Tokens& d, bijou::index t) { return double(std::count(d.begin(), d.end(), t)); };
  Tensor expected = zeros({6, 40});
  for (int64_t q = 0; q < 6; ++q)
    for (int64_t d = 0; d < 40; ++d)
      for (const bijou::index t : queries[size_t(q)]) {
        const double f = frequency(texts[size_t(d)], t);
        const double n =
            double(std::count_if(texts.begin(), texts.end(), [&](auto& x) { return frequency(x, t) > 0; }));
        const double length = double(texts[size_t(d)].size());
        expected.mutable_data()[q * 40 + d] +=
            real(std::log(1 + (40 - n + 0.5) / (n + 0.5)) * f * 2.2 / (f + 1.2 * (0.25 + 0.75 * length / average)));
      }
  expect_close(Bm25(texts).scores(queries), expected);
}

TEST(Bm25, NoWordInCommonIsZeroAndNoTextsAreRefused) {
  expect_close(Bm25(std::vector<Tokens>{{1}, {2}}).scores(Tokens{3}), zeros({2}), 0);
  expect_error([] { Bm25(std::vector<Tokens>{}); }, "no texts");
}

}  // namespace
}  // namespace bijou::ssl

// Tables: text and .npy read, broken files refused by line, the MAF paper's preparation, a density that is known.
#include <cstdlib>
#include <filesystem>

#include "examples/support/table.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"
#include "tensor/npy.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

using namespace bijou::testing;

File text(const std::string& s) { return {"x.csv", Bytes(s.begin(), s.end())}; }

TEST(Table, TextIsReadWithAndWithoutNamesByAnySeparator) {
  const Tensor want = matrix({{real(1.5), -2}, {3, real(4e-1)}});
  for (const char* s : {"1.5,-2\n3,.4", "a,b\r\n1.5,-2\r\n3,0.4\r\n", "\"a\";\"b\"\n1.5;-2\n3;+4e-1\n\n",
                        "1.5\t-2\n3\t0.4", "  1.5   -2\n3 0.4  \n"})
    expect_close(parse_table(text(s)).x, want);
  EXPECT_EQ(parse_table(text("\"a b\";c\n1;2")).names, (std::vector<std::string>{"a b", "c"}));
  EXPECT_EQ(parse_table(text("1,2")).names, (std::vector<std::string>{"column 1", "column 2"}));
}

TEST(Table, ColumnsOfWordsAreLeftOut) {
  const Table t = parse_table(text("x,class,y\n1,g,2\n3,h,4"));
  expect_close(t.x, matrix({{1, 2}, {3, 4}}));
  EXPECT_EQ(t.names, (std::vector<std::string>{"x", "y"}));
}

TEST(Table, BrokenTextIsRefusedByLineAndColumn) {
  expect_error([] { parse_table(text("")); }, "x.csv: there is nothing");
  expect_error([] { parse_table(text("a,b\n")); }, "no rows");
  expect_error([] { parse_table(text("1,2\n3\n")); }, "line 2 has 1 columns, 2 expected");
  expect_error([] { parse_table(text("a,b\n1,2\n\n3,?\n")); }, "line 4, column 2: a number expected, not '?'");
  expect_error([] { parse_table(text("1,2\n3,nan\n")); }, "not 'nan'");
  expect_error([] { parse_table(text("1,2\n,4\n")); }, "line 2, column 1");
  expect_error([] { parse_table(text("g,h\ng,h\n")); }, "no numbers");
  expect_error([] { load_table("/nowhere/t.csv"); }, "/nowhere/t.csv");
}

TEST(Table, NpyIsReadAndMustBeATableOfFiniteNumbers) {
  const std::string path = ::testing::TempDir() + "bijou_table.npy";
  save_npy(path, matrix({{1, 2}, {3, 4}}));
  expect_close(load_table(path).x, matrix({{1, 2}, {3, 4}}), 0);
  save_npy(path, tensor({1, 2}));
  expect_error([&] { load_table(path); }, "a table expected, not an array of shape [2]");
  save_npy(path, matrix({{1, INFINITY}}));
  expect_error([&] { load_table(path); }, "not finite");
}

TEST(Table, PreparationSplitsAndStandardises) {
  Table t{{"a", "constant", "grade", "b"}, Tensor({1000, 4})};
  Generator g(1);
  for (int64_t i = 0; i < 1000; ++i) {
    real* row = t.x.mutable_data() + 4 * i;
    row[0] = real(3 + 2 * g.normal()), row[1] = 7, row[2] = real(i % 6), row[3] = real(g.normal());
  }
  const TableSets s = prepare(t);
  EXPECT_EQ(s.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(s.notes.size(), 2u);
  EXPECT_EQ(s.train.shape(), (Shape{810, 2}));
  EXPECT_EQ(s.valid.shape(), (Shape{90, 2}));
  EXPECT_EQ(s.test.shape(), (Shape{100, 2}));
  const Tensor known = concat({s.train, s.valid}, 0);
  expect_close(mean(known, 0), zeros({2}), 1e-5);
  expect_close(mean(square(known), 0), ones({2}), 1e-4);
  // Every row is there once: the first column back in its units, in order.
  Tensor back = slice(concat({known, s.test}, 0) * s.std + s.mean, 1, 0, 1).flatten(),
         before = slice(t.x, 1, 0, 1).flatten();
  std::sort(back.mutable_data(), back.mutable_data() + 1000);
  std::sort(before.mutable_data(), before.mutable_data() + 1000);
  expect_close(back, before, 1e-5);
  expect_error([] { prepare({{"a"}, zeros({99, 1})}); }, "99 rows");
  expect_error([] { prepare({{"a"}, zeros({200, 1})}); }, "fewer than ten");
}

TEST(Table, RoundedColumnsGetNoiseAsWideAsTheirStep) {
  Table t{{"a"}, Tensor({1000, 1})};
  for (int64_t i = 0; i < 1000; ++i) t.x.mutable_data()[i] = real(i % 100) / 4;
  const TableSets s = prepare(t);
  ASSERT_EQ(s.notes.size(), 1u);
  const Tensor x = (concat({s.train, s.valid, s.test}, 0) * s.std + s.mean) * real(4);
  std::vector<int> count(100);
  double fractions = 0;
  for (const real v : x) {
    const int at = std::clamp(int(v), 0, 99);
    ++count[size_t(at)], fractions += double(v) - at;
  }
  for (const int c : count) EXPECT_NEAR(c, 10, 1);  // rounding may push one over an edge
  EXPECT_NEAR(fractions / 1000, 0.5, 0.05);
}

// What drew the rows says their density: its integral is one, its mean over its own rows the negative entropy.
TEST(Table, TheDensityOfDrawnRowsIsKnown) {
  Generator g(3);
  const Tensor x = draw_table(20'000, g).x;
  // E_q [p / q] = 1 for a wide normal q.
  const Tensor wide = normal({400'000, 6}, 0, real(2.2), g);
  const Tensor log_q = sum(square(wide) * real(-0.5 / (2.2 * 2.2)), 1) - real(6 * (0.9189385332 + std::log(2.2)));
  const Tensor weights = exp(drawn_log_density(wide) - log_q);
  const double total = double(mean(weights).item());
  const double error = std::sqrt(double(mean(square(weights - real(total))).item()) / 400'000);
  EXPECT_LT(error, 0.02);
  EXPECT_NEAR(total, 1, 5 * error);
  // Bending keeps volume, so the entropy is that of the normal: 3 (1 + log 2π) + 5 log 0.8.
  const double entropy = 3 * (1 + std::log(2 * M_PI)) + 5 * std::log(0.8);
  EXPECT_NEAR(double(mean(drawn_log_density(x)).item()), -entropy, 5 * std::sqrt(3.0 / 20'000));
}

TEST(Table, TheRealOnesHaveTheirKnownColumns) {
  const char* folder = std::getenv("BIJOU_DATA");
  if (!folder || !std::filesystem::exists(std::string(folder) + "/uci"))
    GTEST_SKIP() << "BIJOU_DATA names no folder with uci";
  const TableSets magic = prepare(load_table(std::string(folder) + "/uci/magic04.data"));
  EXPECT_EQ(magic.test.shape(), (Shape{1902, 10}));
  EXPECT_TRUE(magic.notes.empty());
  const TableSets wine = prepare(load_table(std::string(folder) + "/uci/winequality-white.csv"));
  EXPECT_EQ(wine.train.size(1), 11);  // without the grade
  EXPECT_EQ(load_table(std::string(folder) + "/uci/miniboone_first1523.npy").x.shape(), (Shape{1523, 43}));
}

}  // namespace
}  // namespace bijou::support

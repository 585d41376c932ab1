// Sets of binary vectors.
#include <cstdlib>
#include <filesystem>
#include <set>

#include "examples/experiments/density.h"
#include "examples/support/binary.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

using namespace bijou::testing;

File text(const std::string& s) { return {"x.amat", Bytes(s.begin(), s.end())}; }

TEST(Binary, SomeRowsAreDrawnFromAllEachOnce) {
  const Tensor x = to_tensor(index_range(20)).reshape({20, 1});
  std::set<real> ever;
  for (const int64_t n : {0, 7, 20, 50}) {
    const Tensor some = experiments::some_of(x, n, uint64_t(n));
    EXPECT_EQ(some.shape(), (Shape{std::min<int64_t>(n, 20), 1}));
    EXPECT_EQ(std::set<real>(some.begin(), some.end()).size(), size_t(some.size(0)));
  }
  for (uint64_t seed = 0; seed < 50; ++seed)
    for (const real row : experiments::some_of(x, 3, seed)) ever.insert(row);
  EXPECT_EQ(ever.size(), 20u);
}

TEST(Binary, AmatIsRowsOfZerosAndOnes) {
  for (const char* ending : {"", "\n", "\r\n"})
    expect_close(parse_amat(text(std::string("0 1 1\n1 0 0") + ending), 3),
                 Tensor::from(std::vector<real>{0, 1, 1, 1, 0, 0}).reshape({2, 3}));
}

TEST(Binary, BrokenAmatIsRefusedByLine) {
  expect_error([] { parse_amat(text("0 1 1\n1 0\n0"), 3); }, "line 2");
  expect_error([] { parse_amat(text("0 1 1\n1 0 2"), 3); }, "line 2");
  expect_error([] { parse_amat(text(""), 3); }, "nothing");
}

TEST(Binary, GeneratedDigitsAreBlackAndWhite) {
  const BinarySets sets = load_binary("digits", "");
  EXPECT_EQ(sets.test.shape(), (Shape{2000, 196}));
  for (const real v : sets.test) ASSERT_TRUE(v == 0 || v == 1);
  expect_error([] { load_binary("mnist", ""); }, "--data");
}

TEST(Binary, TheOfficialFilesHaveTheKnownMeans) {
  const char* folder = std::getenv("BIJOU_DATA");
  if (!folder || !std::filesystem::exists(std::string(folder) + "/made"))
    GTEST_SKIP() << "BIJOU_DATA names no folder with made";
  const BinarySets sets = load_binary("dna", folder);
  EXPECT_EQ(sets.train.shape(), (Shape{1400, 180}));
  double total = 0;
  for (const real v : sets.train) total += double(v);
  EXPECT_NEAR(total / double(sets.train.numel()), 0.253750, 1e-6);
}

}  // namespace
}  // namespace bijou::support

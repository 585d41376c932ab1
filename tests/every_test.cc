// Every test begins with the same random numbers, so that it does not matter which ran before it.
#include "tests/support.h"

namespace bijou {
namespace {

struct Reseed : ::testing::EmptyTestEventListener {
  void OnTestStart(const ::testing::TestInfo&) override { manual_seed(0); }
};
const bool listening = [] {
  ::testing::UnitTest::GetInstance()->listeners().Append(new Reseed);  // which GoogleTest deletes
  return true;
}();

TEST(EveryTest, BeginsWithTheSameNumbers) {
  EXPECT_TRUE(listening);
  Generator g(0);
  testing::expect_close(randn({3}), randn({3}, g), 0);
}

}  // namespace
}  // namespace bijou

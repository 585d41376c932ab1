// Gates judge what they should: pairs by seed, bands, factors and luck.
#include <cmath>

#include "examples/experiments/effects.h"
#include "tests/support.h"

namespace bijou::experiments {
namespace {

std::vector<Row> rows(const std::string& arm, const std::vector<double>& values, uint64_t first = 0) {
  std::vector<Row> list;
  for (size_t i = 0; i < values.size(); ++i) list.push_back({"e", arm, "x", first + i, values[i]});
  return list;
}
std::vector<Row> operator+(std::vector<Row> a, const std::vector<Row>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Effects, AGateHoldsWhereTheDifferenceIsLargeAndSure) {
  const auto r = rows("a", {0.80, 0.84, 0.76}) + rows("b", {0.70, 0.75, 0.65});
  const Verdict v = judge({.a = "a.x", .b = "b.x", .low = 0.05}, r);
  EXPECT_NEAR(v.test.mean, 0.1, 1e-12);
  EXPECT_EQ(v.pairs, 3);
  EXPECT_TRUE(v.held);
  EXPECT_FALSE(judge({.a = "a.x", .b = "b.x", .low = 0.11}, r).held);
  EXPECT_FALSE(judge({.a = "b.x", .b = "a.x", .low = 0.05}, r).held);
}

TEST(Effects, LuckDoesNotHold) {
  const auto r = rows("a", {0.9, 0.5, 0.9}) + rows("b", {0.6, 0.6, 0.6});
  EXPECT_FALSE(judge({.a = "a.x", .b = "b.x", .low = 0.05}, r).held);              // +0.17, but p > 0.05
  EXPECT_TRUE(judge({.a = "a.x", .b = "b.x", .low = -0.1, .high = 0.2}, r).held);  // no claim of a sign
}

TEST(Effects, ArmsArePairedBySeed) {
  const Verdict v = judge({.a = "a.x", .b = "b.x"}, rows("a", {1, 2, 3}) + rows("b", {10, 20}, 1));
  EXPECT_EQ(v.pairs, 2);
  EXPECT_NEAR(v.test.mean, ((2 - 10) + (3 - 20)) / 2.0, 1e-12);
}

TEST(Effects, AFactorAndASingleSideAreUnderstood) {
  const auto r = rows("a", {3, 3.1}) + rows("b", {8, 8.1});
  EXPECT_TRUE(judge({.a = "a.x", .b = "b.x", .times = 0.55, .high = 0}, r).held);
  EXPECT_TRUE(judge({.a = "a.x", .low = 3, .high = 4}, r).held);
  EXPECT_FALSE(judge({.a = "a.x", .low = 4}, r).held);
  EXPECT_EQ(describe({.a = "a.x", .b = "b.x", .times = 0.55}), "a.x - 0.55 b.x");
  EXPECT_EQ(band({.a = "a.x", .low = 0.06}), ">= 0.06");
  EXPECT_EQ(band({.a = "a.x", .high = 0}), "<= 0");
  EXPECT_EQ(band({.a = "a.x", .low = -1, .high = 2}), "-1 .. 2");
  EXPECT_EQ(band({.a = "a.x", .b = "b.x"}), "reported");
  EXPECT_TRUE(judge({.a = "a.x", .b = "b.x"}, r).held);  // nothing is demanded
}

TEST(Effects, WhatWasNotMeasuredIsNotHeld) {
  EXPECT_FALSE(judge({.a = "a.x", .b = "b.x"}, {}).held);
  EXPECT_FALSE(judge({.a = "a.x", .low = 0}, rows("a", {std::nan("")})).held);
  EXPECT_FALSE(judge({.a = "a.y"}, rows("a", {1})).held);
}

TEST(Effects, EveryArmIsInAGate) {
  for (const Effect& effect : all_effects())
    for (const Arm& arm : effect.arms) {
      bool reported = false;
      for (const Gate& gate : effect.gates)
        reported = reported || gate.a.starts_with(arm.name + ".") || gate.b.starts_with(arm.name + ".");
      EXPECT_TRUE(reported) << effect.name << ": " << arm.name;
    }
}

TEST(Effects, EveryGateNamesArmsThatThereAre) {
  for (const Effect& effect : all_effects())
    for (const Gate& gate : effect.gates)
      for (const std::string& side : {gate.a, gate.b}) {
        if (side.empty()) continue;
        bool known = false;
        for (const Arm& arm : effect.arms) known = known || side.starts_with(arm.name + ".");
        EXPECT_TRUE(known) << effect.name << ": " << side;
      }
}

}  // namespace
}  // namespace bijou::experiments

// SpecAugment: masks and warps of spectrograms.
#include <cmath>

#include "ssl/spec_augment.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::random;

// A ramp along the time axis: element (row, t) is t + 100 row.
Tensor ramp(int64_t n, int64_t rows, int64_t frames) {
  Tensor x({n, 1, rows, frames});
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = real(i % frames + 100 * (i / frames % rows));
  return x;
}

TEST(TimeWarp, MovesAFrameAndStretchesBothSidesEvenly) {
  Tensor later = ramp(1, 2, 9), sooner = ramp(1, 2, 9);
  time_warp(later.mutable_data(), {1, 2, 9}, 3, 2);  // 3 -> 5: left of it s = 3/5 t, right of it 8 - 5/3 (8 - t)
  expect_close(later.row(0).row(0).row(0),
               tensor({0, real(.6), real(1.2), real(1.8), real(2.4), 3, 8 - real(10) / 3, 8 - real(5) / 3, 8}));
  time_warp(sooner.mutable_data(), {1, 2, 9}, 4, -2);  // 4 -> 2: 2 t, and 8 - 2/3 (8 - t)
  expect_close(sooner.row(0).row(0).row(1), tensor({100, 102, 104, 104 + real(2) / 3, 104 + real(4) / 3, 106,
                                                    106 + real(2) / 3, 106 + real(4) / 3, 108}));
}

TEST(TimeWarp, IsByPositionNotByValue) {
  Tensor x = random({1, 1, 3, 12}), louder = x.clone();
  for (real& v : std::span(louder.mutable_data(), 36)) v = 5 * v + 7;
  time_warp(x.mutable_data(), {1, 3, 12}, 5, 1.5), time_warp(louder.mutable_data(), {1, 3, 12}, 5, 1.5);
  for (int64_t i = 0; i < 36; ++i) EXPECT_NEAR(louder.data()[i], 5 * x.data()[i] + 7, 1e-5);
}

TEST(TimeWarp, ByNothingChangesNothingAndBeyondTheEndsThrows) {
  Tensor x = random({1, 1, 2, 10});
  time_warp(x.mutable_data(), {1, 2, 10}, 4, 0);
  expect_close(x, random({1, 1, 2, 10}), 1e-5);
  expect_error([&] { time_warp(x.mutable_data(), {1, 2, 10}, 4, 6); }, "time_warp: frame 4 to 10 of 0 to 9");
}

TEST(DrawSpan, TakesEveryLengthAndEveryPlaceEquallyOften) {
  EXPECT_EQ(draw_span(10, 4, real(0.999), 0).length, 4);
  EXPECT_EQ(draw_span(10, 4, 0, real(0.5)).length, 0);
  EXPECT_EQ(draw_span(10, 4, real(0.5), real(0.999)).start, 8);  // length 2: starts 0 .. 8
  EXPECT_EQ(draw_span(3, 99, real(0.999), real(0.999)).length, 3);
  EXPECT_EQ(draw_span(3, 99, real(0.999), real(0.999)).start, 0);
}

TEST(SpecAugment, PoliciesAreThoseOfThePaper) {
  const auto is = [](const SpecPolicy& p, int64_t w, int64_t f, int64_t mf, int64_t t, double cap, int64_t mt) {
    return p.warp == w && p.frequency == f && p.frequency_masks == mf && p.time == t && p.longest == cap &&
           p.time_masks == mt;
  };
  EXPECT_TRUE(is(kPolicyLB, 80, 27, 1, 100, 1.0, 1));
  EXPECT_TRUE(is(kPolicyLD, 80, 27, 2, 100, 1.0, 2));
  EXPECT_TRUE(is(kPolicySM, 40, 15, 2, 70, 0.2, 2));
  EXPECT_TRUE(is(kPolicySS, 40, 27, 2, 70, 0.2, 2));
}

TEST(SpecAugment, CapsAndAdaptsTimeMasks) {
  EXPECT_EQ(time_masks(kPolicySM, 100).longest, 20);  // 0.2 of 100, not 70
  EXPECT_EQ(time_masks(kPolicySM, 1000).longest, 70);
  const SpecPolicy adaptive{.time = 3, .time_masks = 1, .adaptive_time = 0.04, .adaptive_masks = 0.04};
  EXPECT_EQ(time_masks(adaptive, 250).longest, 10);
  EXPECT_EQ(time_masks(adaptive, 250).count, 10);
  EXPECT_EQ(time_masks(adaptive, 1000).count, 20);  // never more
}

// Rows or columns that hold nothing but the mean of the example.
int64_t count_masked(const Tensor& image, bool rows, real mean) {
  const int64_t h = image.size(1), w = image.size(2);
  int64_t count = 0;
  for (int64_t a = 0; a < (rows ? h : w); ++a) {
    bool all = true;
    for (int64_t b = 0; b < (rows ? w : h); ++b) all = all && image.at({0, rows ? a : b, rows ? b : a}) == mean;
    count += all;
  }
  return count;
}

TEST(SpecAugment, MasksRowsWithTheMeanOfTheExample) {
  const Tensor x = ramp(600, 8, 5);
  Generator g(1);
  const Tensor y = spec_augment({.frequency = 3, .frequency_masks = 1})(x, g);
  std::array<int, 4> lengths{};
  for (int64_t i = 0; i < 600; ++i) {
    const int64_t masked = count_masked(y.row(i), true, 352);  // the mean of 0 .. 4 and of 0, 100 .. 700
    ASSERT_LE(masked, 3);
    ++lengths[size_t(masked)];
    for (int64_t k = 0; k < 40; ++k)
      ASSERT_TRUE(y.row(i).flatten().at({k}) == x.row(i).flatten().at({k}) || y.row(i).flatten().at({k}) == 352);
  }
  for (const int n : lengths) EXPECT_NEAR(n, 150, 50);  // 600 / 4, within five deviations
}

TEST(SpecAugment, MasksColumnsInAllChannelsAlike) {
  Generator g(2);
  const Tensor x = random({50, 2, 4, 20}), y = spec_augment({.time = 10, .time_masks = 2, .longest = 0.25})(x, g);
  int64_t masked = 0;
  for (int64_t i = 0; i < 50; ++i)
    for (int64_t t = 0; t < 20; ++t) {
      const real value = y.at({i, 0, 0, t});
      const bool is_masked = value != x.at({i, 0, 0, t});
      masked += is_masked;
      for (int64_t c = 0; c < 2; ++c)
        for (int64_t f = 0; f < 4; ++f) ASSERT_EQ(y.at({i, c, f, t}), is_masked ? value : x.at({i, c, f, t}));
    }
  EXPECT_GT(masked, 50);  // two masks of 2.5 columns on the average, some on top of each other
  EXPECT_LT(masked, 250);
}

TEST(SpecAugment, DrawsForEachExampleAndRepeatsItself) {
  const Tensor x = ramp(2, 10, 30);
  Generator g(3), again(3);
  const Augmentation t = spec_augment({.warp = 5, .frequency = 5, .frequency_masks = 2, .time = 9, .time_masks = 2});
  const Tensor y = t(x, g);
  expect_close(t(x, again), y, 0);
  EXPECT_GT(max_difference(y.row(0), y.row(1)), 0.1);
  EXPECT_GT(max_difference(t(x, again), y), 0.1);
}

TEST(SpecAugment, WarpsBothWays) {
  const Tensor x = ramp(100, 1, 40);
  Generator g(4);
  const Tensor y = spec_augment({.warp = 8})(x, g);
  int later = 0;
  for (int64_t i = 0; i < 100; ++i) {
    EXPECT_EQ(y.at({i, 0, 0, 0}), 0);
    EXPECT_NEAR(y.at({i, 0, 0, 39}), 39, 1e-4);
    for (int64_t t = 1; t < 40; ++t) ASSERT_GT(y.at({i, 0, 0, t}), y.at({i, 0, 0, t - 1}));
    later += y.at({i, 0, 0, 20}) < 20;
  }
  EXPECT_NEAR(later, 50, 25);
}

TEST(SpecAugment, SaysWhatIsWrong) {
  expect_error(
      [] {
        spec_augment(kPolicyLB)(zeros({1, 1, 80, 161}));
      },
      "a warp of up to 80 frames needs more than the 161");
  expect_error([] { spec_augment({.time = -1}); }, "negative numbers");
}

TEST(TimeShift, MovesWholeFramesBothWaysAndFillsWithZeros) {
  Generator g(5);
  const Tensor y = time_shift(2)(ramp(300, 2, 6), g);
  std::array<int, 5> shifts{};
  for (int64_t i = 0; i < 300; ++i) {
    const real* row = y.row(i).data() + 6;  // 100 .. 105
    int64_t by = 0;
    for (int64_t t = 0; t < 6; ++t)
      if (row[t] != 0) by = t - (int64_t(row[t]) - 100);
    ASSERT_LE(std::abs(by), 2);
    ++shifts[size_t(by + 2)];
    for (int64_t t = 0; t < 6; ++t) ASSERT_EQ(row[t], t - by < 0 || t - by > 5 ? 0 : 100 + t - by);
  }
  for (const int n : shifts) EXPECT_NEAR(n, 60, 35);
}

}  // namespace
}  // namespace bijou::ssl

#include <cmath>

#include "ssl/augmentation.h"
#include "ssl/color.h"
#include "ssl/filters.h"
#include "ssl/geometry.h"
#include "ssl/permutations.h"
#include "ssl/rand_augment.h"
#include "tensor/layout.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

Tensor images(int64_t n, int64_t c, int64_t h, int64_t w, uint64_t seed = 1) {
  return random_between(0, 1, {n, c, h, w}, seed);
}

Indices all_ids(const Augmentation& a) { return index_range(a.variants); }

// The same image once for every variant of an augmentation.
Tensor every_variant(const Augmentation& a, const Tensor& image) {
  std::vector<Tensor> copies(size_t(a.variants), image);
  return a(concat(copies, 0), all_ids(a));
}

Tensor warped(const Tensor& x, const AffineMap& map, Border border = Border::kZero) {
  return each_image(x, [&](int64_t, const real* in, real* out) { warp(in, image_size(x), map, border, out); });
}

Tensor operation(int k, const Tensor& x, double magnitude, double sign = 1) {
  return each_image(x, [&](int64_t, const real* in, real* out) {
    rand_operation(k, in, image_size(x), magnitude, sign, Border::kZero, out);
  });
}

std::vector<Augmentation> everything() {
  return {rotations(),
          transposition(),
          reversal(),
          mirror(),
          jigsaw(),
          channel_orders(),
          pixel_orders(3, 5),
          inversion(),
          affine({.rotation = 20, .log_scale = 0.3, .shear = 0.2, .shift = 0.1, .flip = 0.5}),
          random_resized_crop(),
          elastic(),
          color_jitter(),
          gray_scale(),
          fading(0.6),
          gaussian_blur(),
          cutout(),
          rand_augment(),
          optional(fading(0.2)),
          sometimes(0.5, cutout()),
          compose({rotations(), fading(0.5)})};
}

TEST(Augmentations, VariantZeroOfThoseThatCountChangesNothing) {
  const Tensor x = images(3, 3, 8, 8);
  for (const Augmentation& a : everything()) {
    if (a.variants == 1) continue;
    Indices none({3});
    none.fill(0);
    if (a.undo) expect_close(a(x, none), x, 0);
  }
}

TEST(Augmentations, AnOptionalOneIsOffUnderItsFirstVariantAndOnUnderItsSecond) {
  const Tensor x = images(2, 3, 8, 8);
  Generator g(1), h(1);
  const Tensor y = optional(fading(0.2))(x, indices({0, 1}), g), on = fading(0.2)(x, h);
  expect_close(y.row(0), x.row(0), 0);
  expect_close(y.row(1), on.row(1), 0);
  EXPECT_GT(max_difference(on.row(1), x.row(1)), 1e-3);
}

TEST(Augmentations, EveryVariantCanBeUndoneAndIsDifferent) {
  const Tensor x = images(1, 3, 6, 6);
  for (const Augmentation& a : everything()) {
    if (!a.undo) continue;
    const Tensor y = every_variant(a, x);
    const Tensor back = a.inverse(y, all_ids(a));
    for (int64_t i = 0; i < a.variants; ++i) {
      expect_close(back.row(i), x.row(0), 1e-6);
      for (int64_t j = 0; j < i; ++j) EXPECT_GT(max_difference(y.row(i), y.row(j)), 1e-3) << i << " and " << j;
    }
  }
}

TEST(Augmentations, AnyNumberOfThreadsGivesTheSameBits) {
  const Tensor x = images(37, 3, 12, 12);
  const int before = threads();
  for (const Augmentation& a : everything()) {
    Generator first(3), second(3);
    set_threads(1);
    const Tensor one = a(x, first);
    set_threads(2);
    const Tensor two = a(x, second);
    expect_close(one, two, 0);
    EXPECT_TRUE(first.state() == second.state());
  }
  set_threads(before);
}

TEST(Augmentations, ValuesStayBetweenZeroAndOne) {
  const Tensor x = images(40, 3, 8, 8);
  for (const Augmentation& a : everything()) {
    Generator g(1);
    for (const real v : a(x, g)) ASSERT_TRUE(v >= -1e-6 && v <= 1 + 1e-6) << v;
  }
}

TEST(Augmentations, OneChannelWillDo) {
  const Tensor x = images(20, 1, 8, 8);
  Generator g(1);
  for (const Augmentation& a : {affine({.shift = 0.2}), color_jitter(), gray_scale(1), gaussian_blur(), rand_augment()})
    EXPECT_EQ(a(x, g).shape(), x.shape());
}

TEST(Augmentations, MisuseIsNamed) {
  const Tensor x = images(2, 1, 4, 6);
  expect_error([&] { rotations()(x, indices({0, 4})); }, "no variant 4 among 4");
  expect_error([&] { rotations()(x, indices({0})); }, "2 ids expected");
  expect_error([&] { rotations()(x, indices({0, 1})); }, "4 x 6");
  expect_error([] { affine({.crop_ratio = {0, 1}}); }, "affine: the crop's ratio");
  expect_error([] { affine({.crop_ratio = {2, 1}}); }, "affine: the crop's ratio");
  expect_error([&] { fading(0.5)(x.row(0)); }, "[B, C, H, W]");
  expect_error([&] { fading(0.5).inverse(x, indices({0, 0})); }, "cannot be undone");
  expect_error([&] { channel_orders()(x, indices({0, 1})); }, "three channels");
}

TEST(Permutations, RotationsTurnAgainstTheClock) {
  const Tensor x = matrix({{1, 2}, {3, 4}}).reshape({1, 1, 2, 2});
  const Tensor y = every_variant(rotations(), x);
  expect_close(y.row(1).flatten(), tensor({2, 4, 1, 3}), 0);
  expect_close(y.row(2).flatten(), tensor({4, 3, 2, 1}), 0);
  expect_close(y.row(3).flatten(), tensor({3, 1, 4, 2}), 0);
}

TEST(Permutations, HandMadeCases) {
  const Tensor x = matrix({{1, 2}, {3, 4}}).reshape({1, 1, 2, 2});
  expect_close(every_variant(transposition(), x).row(1).flatten(), tensor({1, 3, 2, 4}), 0);
  expect_close(every_variant(reversal(), x).row(1).flatten(), tensor({4, 3, 2, 1}), 0);
  expect_close(every_variant(mirror(), x).row(1).flatten(), tensor({2, 1, 4, 3}), 0);
  expect_close(every_variant(jigsaw(), x).row(23).flatten(), tensor({4, 3, 2, 1}), 0);  // the last order: 3 2 1 0
  expect_close(every_variant(jigsaw(), x).row(1).flatten(), tensor({1, 2, 4, 3}), 0);
  const Tensor colors = tensor({1, 2, 3}).reshape({1, 3, 1, 1});
  expect_close(every_variant(channel_orders(), colors).row(3).flatten(), tensor({2, 3, 1}), 0);
}

TEST(Permutations, AComposedIdIsMadeOfItsParts) {
  const std::vector<Augmentation> parts = {rotations(), mirror(), jigsaw()};
  const Augmentation whole = compose(parts);
  EXPECT_EQ(whole.variants, 4 * 2 * 24);
  const Tensor x = images(1, 1, 4, 4);
  const Indices id = indices({3 + 4 * (1 + 2 * 17)});
  EXPECT_EQ(part_ids(parts, 0, id).item(), 3);
  EXPECT_EQ(part_ids(parts, 1, id).item(), 1);
  EXPECT_EQ(part_ids(parts, 2, id).item(), 17);
  const Tensor by_hand = jigsaw()(mirror()(rotations()(x, indices({3})), indices({1})), indices({17}));
  expect_close(whole(x, id), by_hand, 0);
}

TEST(Permutations, VariantsAreDrawnEvenly) {
  Generator g(5);
  const Indices ids = rotations().draw(40000, g);
  std::array<int, 4> count{};
  for (const bijou::index id : ids) ++count[size_t(id)];
  for (const int c : count) EXPECT_NEAR(c, 10000, 5 * std::sqrt(40000 * 0.25 * 0.75));
}

TEST(Geometry, TheIdentityMapCopies) {
  const Tensor x = images(2, 3, 5, 7);
  expect_close(warped(x, {}), x, 1e-6);
  Generator g(1);
  expect_close(affine({})(x, g), x, 1e-6);
}

TEST(Geometry, ShiftsByWholeAndHalfPixels) {
  const Tensor x = tensor({1, 2, 4, 8}).reshape({1, 1, 1, 4});
  expect_close(warped(x, {.tx = 1}).flatten(), tensor({2, 4, 8, 0}), 1e-6);
  expect_close(warped(x, {.tx = 1}, Border::kEdge).flatten(), tensor({2, 4, 8, 8}), 1e-6);
  expect_close(warped(x, {.tx = -0.5}).flatten(), tensor({0.5, 1.5, 3, 6}), 1e-6);
  expect_close(warped(x, {.tx = 100}).flatten(), tensor({0, 0, 0, 0}), 1e-6);
}

TEST(Geometry, QuarterTurnsAgreeWithThePermutations) {
  const Tensor x = images(1, 2, 6, 6);
  expect_close(warped(x, {.xx = 0, .xy = -1, .yx = 1, .yy = 0}), rotations()(x, indices({1})), 1e-5);
  expect_close(warped(x, {.xx = -1}), mirror()(x, indices({1})), 1e-5);
}

TEST(Geometry, OneMapIsTwoMapsOneAfterTheOther) {  // on an image that is linear, so that sampling is exact
  Tensor x = zeros({1, 1, 21, 21});
  for (int64_t y = 0; y < 21; ++y)
    for (int64_t k = 0; k < 21; ++k) x.mutable_data()[y * 21 + k] = real(0.02 * double(k) + 0.01 * double(y));
  const AffineMap a{.xx = 0.9, .xy = -0.2, .yx = 0.1, .yy = 0.8, .tx = 0.5, .ty = -0.3},
      b{.xx = 0.7, .xy = 0.1, .ty = 1};
  const Tensor twice = warped(warped(x, a), b), once = warped(x, a * b);  // out(p) = x(a(b(p)))
  for (int64_t y = 6; y < 15; ++y)
    for (int64_t k = 6; k < 15; ++k) EXPECT_NEAR(once.at({0, 0, y, k}), twice.at({0, 0, y, k}), 1e-5);
}

TEST(Geometry,
     ACropSeesItsPartOfTheImage) {  // of a ramp from 0 to 1 across 64 pixels, a quarter of the area spans about half
  Tensor x = zeros({400, 1, 64, 64});
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = real(i % 64) / 63;
  Generator g(2);
  const Tensor y = affine({.crop = {0.25, 0.25}, .crop_ratio = {1, 1}, .flip = 0.5, .border = Border::kEdge})(x, g);
  int flipped = 0;
  double least = 1, most = 0;
  for (int64_t i = 0; i < 400; ++i) {
    const double left = double(y.at({i, 0, 30, 0})), right = double(y.at({i, 0, 30, 63}));
    EXPECT_NEAR(std::abs(right - left), 0.5, 0.02);
    flipped += right < left;
    least = std::min({least, left, right}), most = std::max({most, left, right});
  }
  EXPECT_NEAR(flipped, 200, 50);
  EXPECT_LT(least, 0.02);
  EXPECT_GT(most, 0.98);
}

TEST(Geometry, ElasticMovesByAboutAlphaTimesTheBlurredNoise) {
  Tensor x = zeros({50, 1, 32, 32});
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = real(i % 32) / 31;
  Generator g(2);
  const Tensor y = elastic({.sigma = 4, .alpha = 34, .border = Border::kEdge})(x, g);
  double sum = 0;  // the std of noise in [-1, 1] blurred by sigma is sqrt(1/3) / (2 sigma sqrt(pi))
  int64_t n = 0;
  for (int64_t i = 0; i < 50; ++i)
    for (int64_t k = 12; k < 20; ++k, ++n) sum += std::pow(31 * double(y.at({i, 0, 16, k}) - x.at({i, 0, 16, k})), 2);
  EXPECT_NEAR(std::sqrt(sum / double(n)), 34 * std::sqrt(1.0 / 3) / (8 * std::sqrt(M_PI)), 0.25);
}

TEST(Colors, AdjustmentsByHand) {
  Tensor x = tensor({0.2, 0.4, 0.6, 0.8, 0.1, 0.3}).reshape({3, 1, 2});
  const ImageSize size{3, 1, 2};
  Tensor y = x.clone();
  adjust_brightness(y.mutable_data(), size, 1.5);
  expect_close(y.flatten(), tensor({0.3, 0.6, 0.9, 1, 0.15, 0.45}), 1e-6);
  y = x.clone();
  adjust_saturation(y.mutable_data(), size, 0);
  const real a = real(0.299 * 0.2 + 0.587 * 0.6 + 0.114 * 0.1), b = real(0.299 * 0.4 + 0.587 * 0.8 + 0.114 * 0.3);
  expect_close(y.flatten(), tensor({a, b, a, b, a, b}), 1e-6);
  y = x.clone();
  adjust_contrast(y.mutable_data(), size, 0);
  expect_close(y.flatten(), full({6}, (a + b) / 2), 1e-6);
  y = tensor({1, 0, 0}).reshape({3, 1, 1});
  adjust_hue(y.mutable_data(), {3, 1, 1}, 1.0 / 3);
  expect_close(y.flatten(), tensor({0, 1, 0}), 1e-6);
  y = x.clone();
  adjust_hue(y.mutable_data(), size, 0.4);
  adjust_hue(y.mutable_data(), size, -0.4);
  expect_close(y, x, 1e-5);
}

TEST(Colors, ManyImagesTurnGreyAsOftenAsAsked) {
  const Tensor x = images(2000, 3, 1, 1);
  Generator g(4);
  const Tensor y = gray_scale(0.2)(x, g);
  int gray = 0;
  for (int64_t i = 0; i < 2000; ++i) gray += std::abs(y.data()[3 * i] - y.data()[3 * i + 1]) < 1e-6;
  EXPECT_NEAR(gray, 400, 5 * std::sqrt(2000 * 0.2 * 0.8));
}

TEST(Filters, BlurIsAGaussianThatKeepsTheSum) {
  Tensor x = zeros({1, 31, 31});
  x.mutable_data()[15 * 31 + 15] = 1;
  blur(x.mutable_data(), {1, 31, 31}, 2);
  double sum = 0, square = 0;
  for (int64_t y = 0; y < 31; ++y)
    for (int64_t k = 0; k < 31; ++k) {
      sum += double(x.at({0, y, k})), square += double(x.at({0, y, k})) * double((k - 15) * (k - 15));
    }
  EXPECT_NEAR(sum, 1, 1e-5);
  EXPECT_NEAR(square, 4, 0.15);  // cut off at 3 sigma
  EXPECT_NEAR(x.at({0, 15, 17}) / x.at({0, 15, 15}), std::exp(-0.5), 1e-5);
  EXPECT_NEAR(x.at({0, 17, 15}), x.at({0, 15, 17}), 1e-7);
}

TEST(Filters, CutOutTakesASquare) {
  Tensor x = ones({1, 5, 5});
  cut(x.mutable_data(), {1, 5, 5}, 0, 4, {.size = 4, .fill = 0});
  for (int64_t y = 0; y < 5; ++y)
    for (int64_t k = 0; k < 5; ++k) EXPECT_EQ(x.at({0, y, k}), y < 2 && k >= 2 ? 0 : 1);
}

TEST(RandAugment, OperationsByHand) {
  const Tensor x = tensor({0.2, 0.4, 0.6, 0.4}).reshape({1, 1, 2, 2});
  expect_close(operation(0, x, 5), x, 0);
  expect_close(operation(1, x, 5).flatten(), tensor({0, 0.5, 1, 0.5}), 1e-6);                      // auto-contrast
  expect_close(operation(2, x, 5).flatten(), tensor({0, real(1.0 / 3), 1, real(1.0 / 3)}), 1e-6);  // equalise
  const Tensor four_bits = tensor({48 / real(255), 96 / real(255), 144 / real(255), 96 / real(255)});
  expect_close(operation(4, x, 10).flatten(), four_bits, 1e-6);                    // posterise
  expect_close(operation(5, x, 5).flatten(), tensor({0.2, 0.4, 0.4, 0.4}), 1e-6);  // solarise above 1/2
  expect_close(operation(8, x, 5).flatten(), x.flatten(), 1e-6);                   // brightness times 1
}

TEST(RandAugment, EnhancementsByHandAtTen) {  // all by a factor of 1.9
  const Tensor x = tensor({0.2, 0.4, 0.6, 0.4}).reshape({1, 1, 2, 2});
  expect_close(operation(7, x, 10).flatten(), tensor({0.02, 0.4, 0.78, 0.4}), 1e-6);  // contrast about the mean, 0.4
  expect_close(operation(8, x, 10).flatten(), tensor({0.38, 0.76, 1, 0.76}), 1e-6);   // brightness
  const real gray = real(0.299 * 0.6 + 0.701 * 0.4), off = real(1.9) * (real(0.4) - gray);
  const Tensor pixel = tensor({0.6, 0.4, 0.4}).reshape({1, 3, 1, 1});
  expect_close(operation(6, pixel, 10).flatten(),
               tensor({gray + real(1.9) * (real(0.6) - gray), gray + off, gray + off}), 1e-6);
  Tensor spot = full({1, 1, 3, 3}, 0.5), sharp = spot.clone();
  spot.mutable_data()[4] = real(0.6);
  const real smooth = real((8 * 0.5 + 5 * 0.6) / 13);
  sharp.mutable_data()[4] = smooth + real(1.9) * (real(0.6) - smooth);
  expect_close(operation(9, spot, 10), sharp, 1e-6);
}

TEST(RandAugment, MovesByHandAtTen) {
  const Tensor x = images(1, 3, 6, 6);
  const double cosine = std::sqrt(0.75);
  expect_close(operation(3, x, 10), warped(x, {cosine, -0.5, 0.5, cosine}), 1e-5);  // 30 degrees
  expect_close(operation(3, x, 10, -1), warped(x, {cosine, 0.5, -0.5, cosine}), 1e-5);
  // Sheared, the row above the middle is read 0.3 to the left, the one below 0.3 to the right; columns likewise.
  const Tensor rows = tensor({0, 1, 0, 0, 1, 0, 0, 1, 0}).reshape({1, 1, 3, 3});
  const Tensor sheared = tensor({0, 0.7, 0.3, 0, 1, 0, 0.3, 0.7, 0});
  expect_close(operation(10, rows, 10).flatten(), sheared, 1e-6);
  expect_close(operation(11, transpose(rows, 2, 3), 10), transpose(sheared.reshape({1, 1, 3, 3}), 2, 3), 1e-6);
  const Tensor steps = tensor({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}), moved = tensor({4, 5, 6, 7, 8, 9, 10, 0, 0, 0});
  expect_close(operation(12, steps.reshape({1, 1, 1, 10}), 10).flatten(), moved, 1e-5);
  expect_close(operation(13, steps.reshape({1, 1, 10, 1}), 10).flatten(), moved, 1e-5);
}

TEST(RandAugment, EnhancementsAreNeutralAtFive) {
  const Tensor x = images(1, 3, 6, 6);
  for (const int k : {6, 7, 8, 9}) expect_close(operation(k, x, 5), x, 1e-5);
  for (const int k : {3, 10, 11, 12, 13}) {
    expect_close(operation(k, x, 0), x, 1e-5);
    EXPECT_GT(max_difference(operation(k, x, 5, 1), operation(k, x, 5, -1)), 0.05);
  }
}

}  // namespace
}  // namespace bijou::ssl

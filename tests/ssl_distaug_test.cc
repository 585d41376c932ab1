// Distribution augmentation: what is drawn, what the condition says, and that conditional densities stay densities.
#include "autograd/elementwise.h"
#include "nn/image_transformer.h"
#include "ssl/color.h"
#include "ssl/distaug.h"
#include "ssl/permutations.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

DistAug rotated_and_transposed(double plain = 0, bool conditioned = true) {
  return DistAug(
      {.types = {{"rot", rotations()}, {"tr", transposition()}}, .dim = 8, .plain = plain, .conditioned = conditioned});
}
Indices all_ids(const DistAug& aug) { return index_range(aug.variants()); }

TEST(DistAug, DrawsEveryVariantEquallyOftenAndPlainDataAtItsRate) {
  for (double plain : {0.0, 0.5}) {
    const DistAug aug = rotated_and_transposed(plain);
    ASSERT_EQ(aug.variants(), 8);
    Generator g(1);
    std::vector<int> counts(8);
    constexpr int kDraws = 80000;
    for (bijou::index id : aug.draw(kDraws, g)) ++counts[size_t(id)];
    for (size_t k = 0; k < 8; ++k) {
      const double p = (1 - plain) / 8 + (k == 0 ? plain : 0);
      EXPECT_NEAR(counts[k], kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p)));
    }
  }
}

TEST(DistAug, DrawsATypeAtItsOwnRateAndTheOthersAsEver) {
  const DistAug aug(
      {.types = {{"tr", transposition(), true, 0.95}, {"rot", rotations()}, {"js", jigsaw(), true, 0.3}}, .dim = 1});
  Generator g(1);
  constexpr int kDraws = 80000;
  std::vector<int> tr(2), rot(4), js(24);
  for (bijou::index id : aug.draw(kDraws, g)) {
    ASSERT_TRUE(id >= 0 && id < aug.variants());
    ++tr[size_t(id % 2)], ++rot[size_t(id / 2 % 4)], ++js[size_t(id / 8)];
  }
  auto expect_rate = [](int count, double p) { EXPECT_NEAR(count, kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p))); };
  expect_rate(tr[1], 0.95);
  for (int count : rot) expect_rate(count, 0.25);
  expect_rate(js[0], 0.7);
  for (size_t k = 1; k < 24; ++k) expect_rate(js[k], 0.3 / 23);
}

TEST(DistAug, UndoesWhatItDid) {
  const DistAug aug({.types = {{"rot", rotations()}, {"col", inversion(), false}, {"js", jigsaw()}}, .dim = 4});
  const Tensor x = random({aug.variants(), 1, 4, 4});
  expect_close(aug.undo(aug.transform(x, all_ids(aug)), all_ids(aug)), x);
}

TEST(DistAug, TheConditionIsTheSumOfOneVectorAType) {
  const DistAug aug = rotated_and_transposed();
  const Tensor c = aug.condition(indices({0, 2, 4, 7})).value();  // id = rot + 4 tr
  expect_close(c.row(0), zeros({8}));
  expect_close(c.row(1), aug.embeddings[0].weight.value().row(1));
  expect_close(c.row(2), aug.embeddings[1].weight.value().row(0));
  expect_close(c.row(3), aug.embeddings[0].weight.value().row(2) + aug.embeddings[1].weight.value().row(0));
  expect_close(rotated_and_transposed(0, false).condition(indices({3})), zeros({1, 8}));
  for (bijou::index none : {-1, 8}) {
    expect_error([&] { aug.condition(indices({none})); }, "no variant " + std::to_string(none) + " among 8");
    expect_error([&] { aug.places({1, 1, 2, 2}, indices({none})); }, "no variant " + std::to_string(none) + " among 8");
  }
}

TEST(DistAug, PlacesSayWhereEachPixelComesFrom) {
  const DistAug aug = rotated_and_transposed();
  const Indices ids = all_ids(aug);
  Generator g(2);
  const Tensor one = randn({1, 3, 4, 4}, g);
  const Tensor x = index_select(one, 0, randint({8}, 0, 1)), y = aug.transform(x, ids);
  const Indices places = aug.places(x.shape(), ids);
  const Tensor from = permute(x, {0, 2, 3, 1}).reshape({8, 48}), to = permute(y, {0, 2, 3, 1}).reshape({8, 48});
  expect_close(gather(from, 1, places), to);
}

TEST(DistAug, PlacesStayWhereTheModelIsToldNothingOrNotByThem) {
  for (const bool conditioned : {false, true}) {
    DistAug aug = rotated_and_transposed(0, conditioned);
    aug.options.permuted = !conditioned;
    const Indices places = aug.places({8, 1, 2, 2}, all_ids(aug));
    for (int64_t i = 0; i < places.numel(); ++i) EXPECT_EQ(places.data()[i], i % 4);
  }
}

TEST(DistAug, AConditionalModelIsADensityUnderEveryTransformation) {
  const DistAug aug = rotated_and_transposed();
  nn::ImageTransformer m({.levels = 2, .height = 3, .width = 3, .dim = 8, .heads = 2, .layers = 2});
  for (Var& p : m.parameters()) p.mutable_value().copy_from(random(p.shape(), 3) * real(0.3));
  Indices all(Shape{512, 9});
  for (int64_t i = 0; i < 512 * 9; ++i) all.mutable_data()[i] = bijou::index(i / 9 >> i % 9 & 1);
  for (bijou::index id = 0; id < aug.variants(); ++id) {
    const Indices ids = same_id(512, id);
    const Var log_p = m.log_prob(all, aug.condition(ids), aug.places({512, 1, 3, 3}, ids));
    expect_close(sum(exp(log_p)), scalar(1));
  }
}

TEST(DistAug, ViewsAreAveragedAsProbabilities) {
  const DistAug aug = rotated_and_transposed();
  const Tensor weight = random({3, 3}, 2), x = random({5, 1, 3, 3});
  const ConditionalDensity log_p = [&](const Tensor& y, const Indices& ids) {  // it heeds the order, and the id
    return Var(sum(y * weight, {1, 2, 3}) + to_tensor(ids) * real(0.3));
  };
  const Indices views = indices({0, 3, 6});
  Tensor p = zeros({5});
  for (bijou::index id : views) p = p + exp(log_p(aug.transform(x, same_id(5, id)), same_id(5, id)).value());
  expect_close(log_prob_of_views(aug, log_p, x, views), log(p * real(1.0 / 3)));
  const DistAug inverted({.types = {{"col", inversion(), false}}, .dim = 1});
  expect_error([&] { log_prob_of_views(inverted, log_p, x, views); }, "col is not a permutation of pixels");
  expect_error([&] { log_prob_of_views(aug, log_p, x, Indices(Shape{0})); }, "no views");
}

}  // namespace
}  // namespace bijou::ssl

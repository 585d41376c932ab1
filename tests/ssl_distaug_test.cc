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

TEST(DistAug, AConditionalModelIsADensityUnderEveryTransformation) {
  const DistAug aug = rotated_and_transposed();
  nn::ImageTransformer m({.levels = 2, .height = 3, .width = 3, .dim = 8, .heads = 2, .layers = 2});
  for (Var& p : m.parameters()) p.mutable_value().copy_from(random(p.shape(), 3) * real(0.3));
  Indices all(Shape{512, 9});
  for (int64_t i = 0; i < 512 * 9; ++i) all.mutable_data()[i] = bijou::index(i / 9 >> i % 9 & 1);
  for (bijou::index id = 0; id < aug.variants(); ++id) {
    Indices ids(Shape{512});
    ids.fill(id);
    const Var log_p = m.log_prob(all, aug.condition(ids), aug.places({512, 1, 3, 3}, ids));
    expect_close(sum(exp(log_p)), scalar(1));
  }
}

TEST(DistAug, TheMeanOverViewsOfAModelThatSeesNoneIsTheModel) {
  const DistAug aug = rotated_and_transposed();
  const ConditionalDensity symmetric = [](const Tensor& x, const Indices&) {
    return Var(sum(x, {1, 2, 3}));  // the same for every order of the pixels
  };
  const Tensor x = random({5, 1, 3, 3});
  expect_close(log_prob_of_views(aug, symmetric, x, all_ids(aug)), sum(x, {1, 2, 3}));
}

}  // namespace
}  // namespace bijou::ssl

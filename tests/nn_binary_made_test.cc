// MADE of binary vectors under one mask and under many.
#include "nn/binary_made.h"
#include "tensor/elementwise.h"
#include "tests/autoregressive.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

BinaryMade small_made(int64_t masks, int64_t condition = 0) {
  manual_seed(3);
  BinaryMade model({.features = 6, .hidden = {20, 20}, .condition = condition, .masks = masks, .seed = 4});
  for (MaskedLinear& layer : model.made.layers)  // far from uniform
    layer.weight.mutable_value().copy_from(layer.weight.value() * real(3));
  return model;
}

TEST(BinaryMade, ProbabilitiesSumToOneUnderEachMaskAndTogether) {
  const Tensor x = all_vectors(6, 2);
  BinaryMade model = small_made(5);
  for (int64_t k = 0; k < 5; ++k) {
    model.use_mask(k);
    EXPECT_NEAR(total_probability(model, x), 1, 1e-5) << k;
  }
  double total = 0;
  for (const real log_p : model.ensemble_log_prob(x)) total += std::exp(double(log_p));
  EXPECT_NEAR(total, 1, 1e-5);
}

TEST(BinaryMade, NoConditionalSeesWhatComesLaterInTheOrderingOfItsMask) {
  BinaryMade model = small_made(4, 2);
  for (int64_t k = 0; k < 4; ++k) {
    model.use_mask(k);
    std::vector<int64_t> order(6);
    for (int64_t i = 0; i < 6; ++i) order[size_t(model.made.layers[0].in_degrees.data()[i]) - 1] = i;
    expect_causal(model, random_between(0.1, 0.9, {1, 6}), random({1, 2}), order);
  }
}

TEST(BinaryMade, BeginsUnderItsFirstMask) {
  BinaryMade model = small_made(3);
  const Tensor x = all_vectors(6, 2), fresh = model.log_prob(x).value();
  model.use_mask(0);
  expect_close(model.log_prob(x), fresh, 0);
}

TEST(BinaryMade, SamplesFollowTheProbabilities) {
  BinaryMade model = small_made(3);
  model.use_mask(2);
  expect_samples_follow(model, all_vectors(6, 2), 6000);
}

TEST(BinaryMade, TheEnsembleIsTheMeanOfItsMasksWhichAreTheSameEachTime) {
  const Tensor x = all_vectors(6, 2);
  BinaryMade model = small_made(3);
  Tensor mean = zeros({64});
  for (int64_t k = 0; k < 3; ++k) {
    model.use_mask(k);
    const Tensor log_p = model.log_prob(x).value();
    for (int64_t i = 0; i < 64; ++i) mean.mutable_data()[i] += std::exp(log_p.data()[i]) / 3;
  }
  const Tensor together = model.ensemble_log_prob(x);
  for (int64_t i = 0; i < 64; ++i) EXPECT_NEAR(std::exp(together.data()[i]), mean.data()[i], 1e-6) << i;
  expect_error([&] { model.use_mask(3); }, "mask 3 of 3");
}

}  // namespace
}  // namespace bijou::nn

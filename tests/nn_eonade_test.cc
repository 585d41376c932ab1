// Order-agnostic NADE: any ordering is a density, and the loss is the mean of all.
#include "nn/eonade.h"
#include "tensor/elementwise.h"
#include "tests/autoregressive.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

OrderlessNade small_nade(int64_t features, int64_t orderings = 1) {
  manual_seed(3);
  OrderlessNade model({.features = features, .hidden = {12, 8}, .orderings = orderings, .seed = 4});
  for (Linear& layer : model.layers) layer.weight.mutable_value().copy_from(layer.weight.value() * real(3));
  return model;
}

TEST(OrderlessNade, EveryOrderingIsADensityAndSoIsTheirMean) {
  const Tensor x = all_vectors(5, 2);
  OrderlessNade model = small_nade(5, 4);
  for (int64_t k = 0; k < 4; ++k) {
    model.use_ordering(k);
    EXPECT_NEAR(total_probability(model, x), 1, 1e-5) << k;
    EXPECT_EQ(expect_causal(model, random_between(0.1, 0.9, {1, 5}), {}, model.order), 5 * 4 / 2) << k;
  }
  double total = 0;
  for (const real log_p : model.ensemble_log_prob(x).value()) total += std::exp(double(log_p));
  EXPECT_NEAR(total, 1, 1e-5);
}

TEST(OrderlessNade, SamplesFollowTheProbabilities) {
  OrderlessNade model = small_nade(4, 2);
  model.use_ordering(1);
  expect_samples_follow(model, all_vectors(4, 2), 6000);
}

TEST(OrderlessNade, TheLossIsTheMeanOverAllOrderings) {
  OrderlessNade model = small_nade(3);
  const Tensor x = matrix({{1, 0, 1}});
  double exact = 0;
  std::vector<int64_t> order{0, 1, 2};
  do {  // all six
    model.order = order;
    exact -= double(model.log_prob(x).item()) / 6;
  } while (std::next_permutation(order.begin(), order.end()));
  Generator g(5);
  const Tensor losses = model.loss(broadcast_to(x, {20000, 3}), g).value();
  const double spread = std::sqrt(double(mean(square(losses - mean(losses))).item()) / 20000);
  EXPECT_NEAR(mean(losses).item(), exact, 4 * spread);
}

}  // namespace
}  // namespace bijou::nn

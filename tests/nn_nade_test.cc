// NADE: the recursion and its gradient against the plain sum; probabilities that sum to one; no look ahead.
#include "nn/nade.h"
#include "tensor/elementwise.h"
#include "tests/autoregressive.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

struct Case {
  std::vector<Tensor> inputs;  // x, w, v, b, c
};
Case some_case(int64_t batch, int64_t d, int64_t h) {
  Generator g(3);
  return {{bernoulli({batch, d}, 0.4, g), randn({d, h}, g), randn({d, h}, g), randn({d}, g), randn({h}, g)}};
}
Var fast(const std::vector<Var>& in) { return nade_logits(in[0], in[1], in[2], in[3], in[4]); }
Var plain(const std::vector<Var>& in) { return nade_logits_composed(in[0], in[1], in[2], in[3], in[4]); }

TEST(Nade, RecursionIsTheSumOverAllThatStandsBefore) {
  for (const int64_t h : {1, 7, 16, 37}) {
    const Case c = some_case(11, 9, h);
    const std::vector<Var> in(c.inputs.begin(), c.inputs.end());
    expect_close(fast(in), plain(in).value(), kDouble ? 1e-12 : 2e-5);
  }
}

TEST(Nade, GradientsAreThoseOfThePlainSumAlsoForXBetweenZeroAndOne) {
  for (const bool by_x : {false, true}) {
    Case c = some_case(11, 9, 130);
    if (by_x) c.inputs[0] = c.inputs[0] * random_between(0, 1, {11, 9});
    std::vector<Var> in;
    for (size_t i = 0; i < c.inputs.size(); ++i) in.push_back(i || by_x ? parameter(c.inputs[i]) : Var(c.inputs[i]));
    const std::vector<Var> wanted(in.begin() + !by_x, in.end());
    const Var seed = random({11, 9}, 5);
    const std::vector<Var> got = grad(fast(in), seed, wanted), want = grad(plain(in), seed, wanted);
    for (size_t i = 0; i < got.size(); ++i) expect_close(got[i], want[i].value(), kDouble ? 1e-11 : 2e-3);
  }
}

TEST(Nade, GradientsAndTheirGradientsAreRight) {
  SKIP_IN_FLOAT();
  Case c = some_case(2, 3, 2);
  expect_gradients([](const std::vector<Var>& in) { return fast(in); }, c.inputs);
}

TEST(Nade, ProbabilitiesSumToOneAndSamplesFollowThem) {
  manual_seed(1);
  const Nade model({.features = 4, .hidden = 6});
  const Tensor x = all_vectors(4, 2);
  EXPECT_NEAR(total_probability(model, x), 1, 1e-6);
  expect_samples_follow(model, x, 20'000);
}

TEST(Nade, EachConditionalSeesAllThatComesBeforeAndNothingLater) {
  manual_seed(2);
  EXPECT_EQ(expect_causal(Nade({.features = 7, .hidden = 5}), random_between(0.1, 1, {1, 7})), 7 * 6 / 2);
}

TEST(Nade, RefusesWrongShapesAndConditions) {
  const Nade model({.features = 4, .hidden = 3});
  expect_error([&] { model.log_prob(zeros({2, 5})); }, "[B, 4]");
  expect_error([&] { model.log_prob(zeros({2, 4}), zeros({2, 1})); }, "condition");
  expect_error([&] { Nade({.features = 0, .hidden = 3}); }, "features = 0");
}

}  // namespace
}  // namespace bijou::nn

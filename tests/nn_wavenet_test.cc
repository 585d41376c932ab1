// WaveNet: who hears whom, probabilities that sum to one, and generation that remembers against generation that does
// not.
#include <cmath>

#include "autograd/elementwise.h"
#include "nn/wavenet.h"
#include "tests/autoregressive.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

WaveNet small_wavenet(int64_t levels, int64_t condition = 0) {
  manual_seed(3);
  return WaveNet(
      {.levels = levels, .channels = 5, .skip = 6, .doublings = 3, .cycles = 2, .condition = condition, .length = 20});
}

TEST(MuLaw, IsAsPublished) {
  expect_close(mu_law(tensor({-1, 0, 1, 2})), tensor({0, 128, 255, 255}), 0);
  const double f = std::log(1 + 255 * 0.25) / std::log(256.0);
  EXPECT_EQ(mu_law(tensor({real(-0.25)})).item(), real(std::floor((1 - f) / 2 * 255 + 0.5)));
  EXPECT_NEAR(mu_law_inverse(tensor({255})).item(), 1, 1e-6);
}

TEST(MuLaw, ComesBackToTheSameLevelAndIsFineWhereItIsQuiet) {
  for (const int64_t levels : {2, 16, 256}) {
    const Tensor level = arange(levels);
    expect_close(mu_law(mu_law_inverse(level, levels), levels), level, 0);
  }
  const Tensor x = mu_law_inverse(arange(256));
  for (int64_t k = 129; k < 255; ++k) EXPECT_GT(x.at({k + 1}) - x.at({k}), x.at({k}) - x.at({k - 1}));
}

TEST(WithPast, PutsWhatWasDStepsAgoBeforeWhatIs) {
  const Tensor x = arange(6).reshape({1, 3, 2});
  expect_close(with_past(x, 1), tensor({0, 0, 0, 1, 0, 1, 2, 3, 2, 3, 4, 5}).reshape({1, 3, 4}));
  expect_close(with_past(x, 9), tensor({0, 0, 0, 1, 0, 0, 2, 3, 0, 0, 4, 5}).reshape({1, 3, 4}));
}

TEST(WaveNet, NoConditionalHearsWhatComesLater) {
  expect_causal(small_wavenet(16), random_between(1, 14, {1, 20}));
  expect_causal(small_wavenet(16, 3), random_between(1, 14, {1, 20}), random({1, 3}));
}

TEST(WaveNet, HearsItsReceptiveFieldAndNothingBefore) {
  const WaveNet model = small_wavenet(16);
  EXPECT_EQ(model.receptive_field(), 15);
  const Var x = parameter(random_between(1, 14, {1, 30}));
  const Tensor d = grad(sum(select(model(x), 1, 29)), {x})[0].value();
  for (int64_t t = 0; t < 30; ++t) EXPECT_EQ(d.data()[t] != 0, t >= 29 - 15 && t < 29) << t;
}

TEST(WaveNet, ProbabilitiesOfAllSoundsSumToOneAndSamplesFollowThem) {
  manual_seed(1);
  const WaveNet three({.levels = 3, .channels = 4, .skip = 4, .doublings = 2, .length = 5});
  EXPECT_NEAR(total_probability(three, all_vectors(5, 3)), 1, kDouble ? 1e-12 : 1e-5);
  const WaveNet two({.levels = 2, .channels = 4, .skip = 4, .doublings = 2, .length = 4});
  expect_samples_follow(two, all_vectors(4, 2), 4000);
}

TEST(WaveNet, RememberingGivesTheSameSoundsAsComputingAllAnew) {
  for (const int64_t condition : {0, 3}) {
    const WaveNet model = small_wavenet(16, condition);
    const Var c = condition ? Var(random({2, condition})) : Var();
    Generator g(4);
    const Tensor draws = rand({2, 40}, g);
    const Tensor fast = model.continued(Tensor({2, 0}), draws, c),
                 slow = model.continued_slowly(Tensor({2, 0}), draws, c);
    expect_close(fast, slow, 0);
    EXPECT_GT(max_difference(fast.row(0), fast.row(1)), 0.1);
    const Tensor prompt = slice(fast, 1, 0, 25), rest = slice(draws, 1, 25, 40);
    expect_close(model.continued(prompt, rest, c), fast, 0);
  }
}

TEST(WaveNet, StreamComputesTheLogitsOfAWholePass) {
  for (const int64_t condition : {0, 2}) {
    const WaveNet model = small_wavenet(16, condition);
    const Tensor x = mu_law(random_between(-1, 1, {1, 60}), 16), c = random({1, 2});
    const Tensor whole = model(x, condition ? Var(c) : Var()).value().row(0);
    WaveNetStream stream(model, condition ? c.row(0) : Tensor());
    for (int64_t t = 0; t < 60; ++t) {
      const std::vector<real>& logits = stream.next(t ? std::optional(x.data()[t - 1]) : std::nullopt);
      expect_close(Tensor::from(logits), whole.row(t), kDouble ? 1e-12 : 1e-5);
    }
  }
}

TEST(WaveNet, TheConditionMatters) {
  const WaveNet model = small_wavenet(16, 2);
  const Tensor x = mu_law(random_between(-1, 1, {1, 10}), 16);
  EXPECT_GT(max_difference(model(x, Var(matrix({{1, 0}}))).value(), model(x, Var(matrix({{0, 1}}))).value()), 1e-3);
}

TEST(WaveNet, GradientsAreRight) {
  SKIP_IN_FLOAT();
  const WaveNet model = small_wavenet(4, 2);
  const Tensor x = mu_law(random_between(-1, 1, {2, 9}), 4);
  expect_gradients([&](const std::vector<Var>& v) { return model(v[0], v[1]); }, {x, random({2, 2})});
}

TEST(WaveNet, SaysWhatIsWrong) {
  const WaveNet model = small_wavenet(16, 2);
  expect_error([&] { model(zeros({2, 3, 4}), Var(zeros({2, 2}))); }, "WaveNet: sounds [B, T] expected");
  expect_error([&] { model(zeros({2, 3})); }, "a condition [2, 2] expected");
  expect_error([&] { model.conditionals(full({1, 4}, 16), Var(zeros({1, 2}))); }, "sample 0 is 16, a level below 16");
  expect_error([&] { model.sample(1); }, "WaveNetStream: a condition [2] expected");
  expect_error([] { WaveNet({.doublings = 0}); }, "WaveNet: 256 levels, 1 cycles of 0 layers");
}

}  // namespace
}  // namespace bijou::nn

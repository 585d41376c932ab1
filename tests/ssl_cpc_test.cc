// Contrastive predictive coding.
#include <cmath>

#include "optim/adam.h"
#include "ssl/cpc.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::kTolerance;
using testing::random;

TEST(InfoNce, IsTheDefinition) {
  const Tensor q = random({5, 3}, 1), k = random({5, 3}, 2);
  double want = 0;
  for (int64_t i = 0; i < 5; ++i) {
    double sum = 0, own = 0;
    for (int64_t j = 0; j < 5; ++j) {
      double dot = 0;
      for (int64_t d = 0; d < 3; ++d) dot += double(q.at({i, d})) * double(k.at({j, d}));
      sum += std::exp(dot);
      if (j == i) own = dot;
    }
    want += (std::log(sum) - own) / 5;
  }
  EXPECT_NEAR(info_nce(q, k).item(), want, kTolerance);
}

TEST(InfoNce, KnowsNothingOfEqualKeysAndEverythingOfDistinctOnes) {
  EXPECT_NEAR(info_nce(random({8, 3}), ones({8, 3})).item(), std::log(8.0), 1e-5);
  const Tensor distinct = eye(8);
  EXPECT_NEAR(info_nce(Var(distinct) * real(50), distinct).item(), 0, 1e-5);
  expect_error([] { info_nce(zeros({3, 2}), zeros({4, 2})); }, "info_nce: queries and keys [N, d] expected");
}

CpcEncoder small_cpc() {
  manual_seed(2);
  return CpcEncoder({.channels = 4, .context = 5, .strides = {2, 2}});
}

TEST(CpcEncoder, ContextsHearNothingOfWhatComesLater) {
  const CpcEncoder encoder = small_cpc();
  const Var x = parameter(random({1, 1, 1, 40}));
  const int64_t frames = encoder.frames(x).c.size(1);
  for (int64_t s = 0; s < frames; ++s) {
    const Tensor d = grad(sum(select(encoder.frames(x).c, 1, s)), {x})[0].value();
    const int64_t end = 4 * s + 7;  // frame s ends there: kernels of 4, strides of 2, a pad of 1 on either side
    double later = 0, earlier = 0;
    for (int64_t t = 0; t < 40; ++t) (t < end ? earlier : later) += std::abs(double(d.data()[t]));
    EXPECT_EQ(later, 0) << s;
    EXPECT_GT(earlier, 0) << s;
  }
}

TEST(Cpc, ItsLossIsTheMeanOverAllStepsAhead) {
  Cpc cpc({.encoder = small_cpc(), .ahead = 3});
  const Tensor x = random({4, 1, 1, 40});
  double sum = 0;
  int64_t k = 0;
  for (const Cpc::Term& term : cpc.terms(x)) {
    EXPECT_EQ(term.candidates, 4 * (10 - ++k));
    sum += double(term.loss.item()) / 3;
  }
  EXPECT_NEAR(cpc.loss(x, default_generator()).item(), sum, 1e-5);
  EXPECT_NEAR(sum, std::log(32.0), 0.5);  // at first it knows nothing
}

TEST(Cpc, LearnsToTellWhatComesNext) {
  Cpc cpc({.encoder = small_cpc(), .ahead = 2});
  Tensor x({32, 1, 1, 64});  // tones of 32 pitches: what comes next depends on which it is, and when
  for (int64_t i = 0; i < x.numel(); ++i)
    x.mutable_data()[i] = real(std::sin(0.05 * double(i / 64 + 2) * double(i % 64) + double(i / 64)));
  optim::Adam optimizer(cpc.parameters(), {.lr = 0.02});
  const std::vector<double> losses = pretrain(cpc, optimizer, x, {.batch = 32, .steps = 60});
  EXPECT_LT(losses.back(), losses.front() - 0.5);
}

TEST(InfoNce, GradientsAreRight) {
  SKIP_IN_FLOAT();
  testing::expect_gradients([&](const std::vector<Var>& v) { return info_nce(v[0], v[1]); },
                            {random({4, 3}), random({4, 3}, 1)});
}

TEST(Cpc, SaysWhatIsWrong) {
  Cpc cpc({.encoder = small_cpc(), .ahead = 3});
  expect_error([&] { cpc.terms(random({2, 1, 1, 12})); }, "3 frames ahead takes more than the 3 that there are");
  expect_error([&] { cpc.terms(random({2, 1, 3, 12})); }, "sounds [B, 1, 1, samples] expected");
  expect_error([] { Cpc({.encoder = small_cpc(), .ahead = 0}); }, "it should look ahead");
}

}  // namespace
}  // namespace bijou::ssl

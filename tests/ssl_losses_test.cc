#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "ssl/barlow_twins.h"
#include "ssl/byol.h"
#include "ssl/moco.h"
#include "ssl/simclr.h"
#include "ssl/vicreg.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

double value(const Var& loss) { return double(loss.item()); }

// The definition, pair by pair.
double nt_xent_by_loops(const Tensor& z, double temperature) {
  const int64_t rows = z.size(0), d = z.size(1);
  auto cosine = [&](int64_t i, int64_t j) {
    double ij = 0, ii = 0, jj = 0;
    for (int64_t k = 0; k < d; ++k) {
      const double a = double(z.at({i, k})), b = double(z.at({j, k}));
      ij += a * b, ii += a * a, jj += b * b;
    }
    return ij / std::sqrt(ii * jj);
  };
  double loss = 0;
  for (int64_t i = 0; i < rows; ++i) {
    double others = 0;
    for (int64_t k = 0; k < rows; ++k)
      if (k != i) others += std::exp(cosine(i, k) / temperature);
    loss -= std::log(std::exp(cosine(i, (i + rows / 2) % rows) / temperature) / others);
  }
  return loss / double(rows);
}

TEST(NtXent, AgreesWithItsDefinition) {
  for (const int64_t n : {1, 2, 5})
    for (const double t : {0.07, 0.5, 2.0}) {
      const Tensor z = random({2 * n, 3}, uint64_t(n));
      EXPECT_NEAR(value(nt_xent(z, t)), nt_xent_by_loops(z, t), 20 * kTolerance) << n << " pairs, temperature " << t;
    }
}

TEST(NtXent, ItsGradientsAreRight) {
  SKIP_IN_FLOAT();
  expect_gradients([](const auto& x) { return nt_xent(x[0], 0.3); }, {random({6, 4})});
}

TEST(NtXent, EqualEmbeddingsCostTheLogOfHowManyOthersThereAre) {
  for (const int64_t n : {1, 2, 64}) {
    const Tensor z = broadcast_to(random({1, 8}), {2 * n, 8});
    EXPECT_NEAR(value(nt_xent(z, 0.1)), std::log(double(2 * n - 1)), kTolerance * 10);
  }
}

TEST(NtXent, OnePairAloneCostsNothing) { EXPECT_EQ(value(nt_xent(random({2, 5}), 0.2)), 0); }

TEST(NtXent, HasNoCareForLengthsNorForTheOrderOfTheViews) {
  const Tensor z = random({8, 5}), lengths = random_between(0.1, 10, {8, 1});
  const double loss = value(nt_xent(z, 0.5));
  EXPECT_NEAR(value(nt_xent(Var(z) * Var(lengths), 0.5)), loss, 10 * kTolerance);
  EXPECT_NEAR(value(nt_xent(concat({z.rows(4, 8), z.rows(0, 4)}, 0), 0.5)), loss, 10 * kTolerance);
}

TEST(NtXent, ItsGradientIsOrthogonalToEachEmbedding) {
  const Var z = parameter(random({10, 6}));
  const Tensor g = grad(nt_xent(z, 0.2), {z})[0].value();
  expect_close(sum(Var(g) * z, 1), zeros({10}), 10 * kTolerance);
}

TEST(NtXent, IsFiniteAtAnyTemperature) {
  const Var z = parameter(random({8, 5}));
  for (const double t : {1e-3, 0.01, 100.0}) {
    const Var loss = nt_xent(z, t);
    EXPECT_TRUE(std::isfinite(value(loss)));
    EXPECT_TRUE(all_finite(grad(loss, {z})[0].value()));
  }
}

TEST(NtXent, ItsLeastValueForOrthogonalPairs) {  // positives agree, N directions at right angles
  const Tensor z = concat({eye(4), eye(4)}, 0);
  EXPECT_NEAR(value(nt_xent(z, 0.5)), std::log(1 + 6 * std::exp(-2.0)), kTolerance * 10);
}

TEST(NtXent, MisuseIsNamed) {
  expect_error([] { nt_xent(random({3, 2}), 0.5); }, "[2N, d]");
  expect_error([] { nt_xent(random({4, 2}), 0); }, "temperature");
}

TEST(QueueContrast, CountsThePositiveAmongTheNegatives) {
  const Tensor q = eye(3).rows(0, 1), queue = eye(3).rows(1, 3);
  EXPECT_NEAR(value(queue_contrast(q, q, queue, 0.5)), std::log(1 + 2 * std::exp(-2.0)), kTolerance * 10);
  EXPECT_NEAR(value(queue_contrast(q, eye(3).rows(1, 2), queue, 0.5)), std::log(3.0), kTolerance * 10);
}

TEST(CosineDistance, IsZeroOneAndTwo) {
  const Tensor a = matrix({{3, 0}, {0, 2}}), b = matrix({{0, 1}, {5, 0}});
  EXPECT_NEAR(value(cosine_distance(a, a)), 0, kTolerance);
  EXPECT_NEAR(value(cosine_distance(a, b)), 1, kTolerance);
  EXPECT_NEAR(value(cosine_distance(a, -Var(a))), 2, kTolerance);
}

// Four examples of three features, each of mean 0 and mean square 1, at right angles to each other.
Tensor orthogonal_features() { return matrix({{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}}); }

TEST(BarlowTwins, IsZeroForEqualViewsOfUncorrelatedFeatures) {
  const Tensor z = orthogonal_features();
  EXPECT_NEAR(value(barlow_twins(z, Var(z) * 3 + 1, 0.01)), 0, 1e-8);
}

TEST(BarlowTwins, CountsWhatIsCorrelatedAndWhatIsNot) {
  const Tensor same = broadcast_to(tensor({1, 1, -1, -1}).reshape({4, 1}), {4, 3});
  EXPECT_NEAR(value(barlow_twins(same, same, 0.01)), 6 * 0.01, 1e-5);  // six pairs of equal features
  EXPECT_NEAR(value(barlow_twins(orthogonal_features(), -Var(orthogonal_features()), 0.01)), 3 * 4, 1e-3);
}

TEST(Vicreg, IsZeroForEqualViewsThatVaryAndDoNotRepeatThemselves) {
  EXPECT_NEAR(value(vicreg(orthogonal_features(), orthogonal_features())), 0, 1e-6);
}

TEST(Vicreg, EachTermByHand) {
  const Tensor z = orthogonal_features(), flat = zeros({4, 3});
  EXPECT_NEAR(value(vicreg(flat, flat)), 25 * 0.99, 1e-4);  // nothing varies
  const Var half = Var(z) * real(0.5), twice = Var(z) * 2;  // of variance 1/3, and more than 1, which is enough
  EXPECT_NEAR(value(vicreg(half, half)), 25 * (1 - std::sqrt(1 / 3.0 + 1e-4)), 1e-4);
  EXPECT_NEAR(value(vicreg(twice, twice)), 0, 1e-4);
  EXPECT_NEAR(value(vicreg(z, Var(z) + 2)), 25 * 4, 1e-4);                           // views differ by 2
  const Tensor same = broadcast_to(tensor({1, 1, -1, -1}).reshape({4, 1}), {4, 3});  // covariances 4/3
  EXPECT_NEAR(value(vicreg(same, same)), 2 * 6 / 3.0 * 16 / 9, 1e-4);
}

TEST(Losses, TheirGradientsAreRight) {
  SKIP_IN_FLOAT();
  const Tensor a = random({5, 3}, 1), b = random({5, 3}, 2);
  expect_gradients([](const auto& x) { return cosine_distance(x[0], x[1]); }, {a, b});
  expect_gradients([](const auto& x) { return barlow_twins(x[0], x[1], 0.1); }, {a, b});
  expect_gradients([](const auto& x) { return vicreg(x[0], x[1]); }, {a, b});
  const Tensor queue = random({4, 3}, 3);
  expect_gradients([&](const auto& x) { return queue_contrast(x[0], x[1], queue, 0.5); }, {a, b});
}

TEST(L2Normalize, LeavesARowOfZerosAlone) {
  const Var z = parameter(matrix({{3, 4}, {0, 0}}));
  const Var unit = l2_normalize(z);
  expect_close(unit, matrix({{0.6, 0.8}, {0, 0}}));
  EXPECT_TRUE(all_finite(grad(sum(unit), {z})[0].value()));
}

}  // namespace
}  // namespace bijou::ssl

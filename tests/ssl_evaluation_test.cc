#include <cmath>

#include "ssl/evaluation.h"
#include "tensor/layout.h"
#include "tensor/map.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

// n points around each of three corners, labels in turn.
Labelled clusters(int64_t n, real spread, uint64_t seed) {
  Labelled data{random({3 * n, 4}, seed), Indices({3 * n})};
  for (int64_t i = 0; i < 3 * n; ++i) {
    data.labels.mutable_data()[i] = bijou::index(i % 3);
    for (int64_t k = 0; k < 4; ++k) {
      real& x = data.x.mutable_data()[4 * i + k];
      x = x * spread + (k == i % 3 ? 5 : 0);
    }
  }
  return data;
}

TEST(LinearProbe, SeparatesWhatIsSeparable) {
  const Labelled train = clusters(20, 0.5, 1), test = clusters(50, 0.5, 2);
  EXPECT_EQ(accuracy(linear_probe(train, test.x, {.classes = 3}), test.labels), 1);
}

TEST(LinearProbe, OneLabelAClassWillDo) {
  const Labelled train = clusters(1, 0.3, 1), test = clusters(50, 0.3, 2);
  EXPECT_GT(accuracy(linear_probe(train, test.x, {.classes = 3}), test.labels), 0.95);
}

TEST(LinearProbe, HasNoCareForScaleAndShiftOfFeatures) {
  const Labelled train = clusters(10, 2, 1), test = clusters(30, 2, 2);
  auto moved = [](const Tensor& x) {
    return map([](auto a, auto s) { return a * s * 10 + 3; }, x, tensor({1, 7, 0.1, 30}));
  };
  const double plain = accuracy(linear_probe(train, test.x, {.classes = 3}), test.labels);
  EXPECT_EQ(accuracy(linear_probe({moved(train.x), train.labels}, moved(test.x), {.classes = 3}), test.labels), plain);
}

TEST(LinearProbe, ChoosesADecayThatNoiseNeeds) {  // 30 examples, 100 features of which 97 are noise
  auto noisy = [](int64_t n, uint64_t seed) {
    Labelled data = clusters(n, 1.5, seed);
    data.x = concat({data.x, random({3 * n, 96}, seed + 9)}, 1);
    return data;
  };
  const Labelled train = noisy(10, 1), test = noisy(100, 2);
  const double chosen = accuracy(linear_probe(train, test.x, {.classes = 3}), test.labels);
  const double none = accuracy(linear_probe(train, test.x, {.classes = 3, .decays = {1e-4}}), test.labels);
  EXPECT_GE(chosen, none - 0.01);
}

TEST(KnnProbe, AsksTheMostSimilar) {
  const Labelled train = clusters(20, 0.5, 1), test = clusters(50, 0.5, 2);
  EXPECT_EQ(accuracy(knn_probe(train, test.x, {.classes = 3, .k = 5}), test.labels), 1);
  const Labelled two{matrix({{1, 0}, {0, 1}, {0.1, 1}}), indices({0, 1, 1})};
  EXPECT_EQ(knn_probe(two, matrix({{1, 0.1}}), {.classes = 2, .k = 3}).item(), 0);  // near beats many
}

TEST(Nearest, ARowIsNearestToItself) {
  const Tensor z = random({20, 5});
  const Indices near = nearest(z, z, 3);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(near.at({i, 0}), i);
}

TEST(Alignment, IsTheSquaredDistanceOfPairs) {
  const Tensor z = matrix({{2, 0}, {0, 1}});
  EXPECT_NEAR(alignment(z, z), 0, kTolerance);
  EXPECT_NEAR(alignment(z, matrix({{0, 1}, {0, 3}})), 1, 10 * kTolerance);  // 2 and 0
}

TEST(Uniformity, OfOppositePointsAndOfOnePlace) {
  EXPECT_NEAR(uniformity(matrix({{1, 0}, {-1, 0}})), -8, 1e-4);
  EXPECT_NEAR(uniformity(ones({5, 3})), 0, 1e-5);
}

TEST(CollapseMeasures, KnowAPointALineAndASphere) {
  const Collapse point = collapse(ones({100, 16}));
  EXPECT_NEAR(point.std, 0, 1e-3);
  EXPECT_NEAR(point.rank, 1, 1e-3);
  const Collapse sphere = collapse(random({4000, 16}));
  EXPECT_NEAR(sphere.std, 1, 0.02);
  EXPECT_NEAR(sphere.rank, 16, 0.1);
  Tensor line = zeros({100, 16});
  for (int64_t i = 0; i < 100; ++i) line.mutable_data()[16 * i] = i % 2 ? 1 : -1;
  EXPECT_NEAR(collapse(line).rank, 1, 1e-3);
  EXPECT_NEAR(collapse(line).std, 0.25, 1e-4);  // one of sixteen features varies, with std 1
}

TEST(PrincipalComponents, FindTheDirectionsThatVary) {
  Tensor x = random({500, 3});
  const Tensor scaled = map([](auto a, auto s) { return a * s; }, x, tensor({0.1, 3, 1}));
  const Tensor p = principal_components(scaled, 2);
  const Tensor squares = mean(map([](auto a) { return a * a; }, p), 0);
  EXPECT_NEAR(squares.at({0}), 9, 1.5);
  EXPECT_NEAR(squares.at({1}), 1, 0.2);
  EXPECT_NEAR(mean(p, 0).at({0}), 0, 1e-4);
}

TEST(FewPerClass, TakesThatManyOfEach) {
  Generator g(1);
  const Labelled data = clusters(10, 1, 1);
  const Indices rows = few_per_class(data.labels, 3, 2, g);
  ASSERT_EQ(rows.numel(), 6);
  for (int64_t i = 0; i < 6; ++i) EXPECT_EQ(data.labels.data()[rows.data()[i]], i / 2);
  EXPECT_NE(rows.at({0}), rows.at({1}));
  expect_error([&] { few_per_class(data.labels, 3, 11, g); }, "10 examples, not 11");
}

TEST(Labels, OutOfRangeAreNamed) {
  Generator g(1);
  for (const bijou::index wrong : {-1, 3}) {
    Labelled data = clusters(5, 1, 1);
    data.labels.mutable_data()[4] = wrong;
    const std::string message = "label " + std::to_string(wrong) + " is none of 3 classes";
    expect_error([&] { linear_probe(data, data.x, {.classes = 3}); }, "linear_probe: " + message);
    expect_error([&] { knn_probe(data, data.x, {.classes = 3}); }, "knn_probe: " + message);
    expect_error([&] { few_per_class(data.labels, 3, 1, g); }, "few_per_class: " + message);
  }
  const Labelled few{random({5, 2}), indices({0, 1, 2})};
  expect_error([&] { knn_probe(few, few.x, {.classes = 3}); }, "knn_probe: features [n, d] and n labels");
}

}  // namespace
}  // namespace bijou::ssl

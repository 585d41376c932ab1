// The generator against its published answers, its promises (same numbers however they are drawn), and every
// distribution against its own CDF. Seeds are fixed, so a test that passes keeps passing.
#include "tensor/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace bijou {
namespace {

constexpr real kInf = std::numeric_limits<real>::infinity(), kNan = std::numeric_limits<real>::quiet_NaN();
constexpr bool kIsFloat = std::is_same_v<real, float>;

template <class T>
std::vector<T> values(const Array<T>& x) {
  return {x.begin(), x.end()};
}

// Kolmogorov-Smirnov: sqrt(n) times the largest gap between the CDF of the sample and the true one.
// Above 1.95 with probability 0.001.
double kolmogorov(const Tensor& x, const std::function<double(double)>& cdf) {
  std::vector<real> sorted = values(x);
  std::sort(sorted.begin(), sorted.end());
  const double n = double(sorted.size());
  double gap = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const double f = cdf(sorted[i]);
    gap = std::max({gap, f - double(i) / n, double(i + 1) / n - f});
  }
  return gap * std::sqrt(n);
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// Chi-square in standard deviations from its mean: (chi2 - df) / sqrt(2 df).
double chi_square(const std::vector<double>& counts, const std::vector<double>& expected) {
  double chi2 = 0;
  for (size_t k = 0; k < counts.size(); ++k) chi2 += std::pow(counts[k] - expected[k], 2) / expected[k];
  const double df = double(counts.size()) - 1;
  return (chi2 - df) / std::sqrt(2 * df);
}

double mean_power(const Tensor& x, int power) {
  double sum = 0;
  for (real value : x) sum += std::pow(double(value), power);
  return sum / double(x.numel());
}

double correlation(const std::vector<real>& x, size_t lag) {
  double mean = 0, variance = 0, covariance = 0;
  for (real value : x) mean += value / double(x.size());
  for (size_t i = 0; i < x.size(); ++i) variance += std::pow(x[i] - mean, 2);
  for (size_t i = 0; i + lag < x.size(); ++i) covariance += (x[i] - mean) * (x[i + lag] - mean);
  return covariance / variance;
}

// Every function that draws a tensor, by its name.
struct Draw {
  const char* name;
  std::function<Tensor(const Shape&, Generator&)> draw;
};
const Draw kDraws[] = {
    {"rand", [](const Shape& s, Generator& g) { return rand(s, g); }},
    {"uniform", [](const Shape& s, Generator& g) { return uniform(s, -1, 2, g); }},
    {"randn", [](const Shape& s, Generator& g) { return randn(s, g); }},
    {"normal", [](const Shape& s, Generator& g) { return normal(s, 1, 2, g); }},
    {"bernoulli", [](const Shape& s, Generator& g) { return bernoulli(s, 0.3, g); }},
    {"gumbel", [](const Shape& s, Generator& g) { return gumbel(s, g); }},
    {"truncated_normal", [](const Shape& s, Generator& g) { return truncated_normal(s, 0, 1, -1, 2, g); }},
    {"randint", [](const Shape& s, Generator& g) { return to_tensor(randint(s, -3, 7, g)); }},
};

// ---- The generator --------------------------------------------------------------------------------------------------

TEST(Philox, GivesThePublishedKnownAnswers) {  // Random123's kat_vectors
  using Words = std::array<uint32_t, 4>;
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t ones = 0xffffffff;
  EXPECT_EQ(philox({ones, ones, ones, ones}, {ones, ones}), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Generator, DrawsTheWordsOfPhilox) {
  Generator g(0x123456789abcdef0);
  EXPECT_EQ(g.next_uint32(), philox({0, 0, 0, 0}, {0x9abcdef0, 0x12345678})[0]);
  EXPECT_EQ(g.next_uint32(), philox({1, 0, 0, 0}, {0x9abcdef0, 0x12345678})[0]);
  g = Generator({7, 64 * 1000 + 63});
  EXPECT_EQ(g.next_uint32(), philox({16 * 1000 + 15, 0, 0, 0}, {7, 0})[3]);
}

TEST(Generator, FillsTensorsWithTheNumbersItDrawsOneByOne) {
  for (uint64_t start : {uint64_t(0), uint64_t(77), (uint64_t(1) << 34) - 100, ~uint64_t(0) - 100}) {  // carry, wrap
    Generator g({11, start}), one = g;
    for (real x : rand({300}, g)) {
      const double u = one.uniform();
      ASSERT_EQ(x, kIsFloat ? real(std::floor(u * 0x1p24) * 0x1p-24) : real(u));
    }
    EXPECT_EQ(g.state(), one.state());
    for (real x : randn({300}, g)) ASSERT_NEAR(x, one.normal(), kIsFloat ? 3e-6 : 1e-14);
    for (index i : randint({300}, 0, 12345, g)) ASSERT_EQ(i, one.below(12345));
    EXPECT_EQ(g.state(), one.state());
  }
}

TEST(Generator, DrawsTheSameNumbersAtOnceOrInPieces) {
  for (const Draw& d : kDraws) {
    Generator g(5), pieces = g;
    const std::vector<real> at_once = values(d.draw({1000}, g));
    std::vector<real> joined;
    for (int64_t n : {0, 1, 62, 64, 3, 131, 239, 500})
      for (real x : d.draw({n}, pieces)) joined.push_back(x);
    EXPECT_EQ(at_once, joined) << d.name;
    EXPECT_EQ(g.state(), (Generator::State{5, 1000})) << d.name;
    EXPECT_EQ(g.state(), pieces.state()) << d.name;
  }
}

TEST(Generator, DrawsTheSameNumbersOnAnyThreadCount) {
  const int before = threads();
  for (const Draw& d : kDraws) {
    std::vector<real> first;
    for (int n : {1, 2, 3}) {
      set_threads(n);
      Generator g({3, 17});
      const std::vector<real> x = values(d.draw({200'003}, g));
      if (n == 1) first = x;
      EXPECT_TRUE(x == first) << d.name << " on " << n << " threads";
    }
  }
  set_threads(before);
}

TEST(Generator, IsAValueThatReplaysAndResumes) {
  Generator g(42);
  g.skip(1000);
  Generator copy = g;
  const std::vector<real> x = values(randn({100}, g));
  EXPECT_EQ(values(randn({100}, copy)), x);
  Generator resumed(Generator::State{42, 1000});
  EXPECT_EQ(values(randn({100}, resumed)), x);
  EXPECT_NE(values(randn({100}, resumed)), x);
}

TEST(Generator, SeedsAndForksAreDifferentStreams) {
  const Generator g(1);
  Generator a = g, b(2), c = g.fork(0), d = g.fork(1), e = b.fork(0), f = c.fork(0);
  std::vector<std::vector<real>> streams;
  for (Generator* s : {&a, &b, &c, &d, &e, &f}) streams.push_back(values(rand({10'000}, *s)));
  for (size_t i = 0; i < streams.size(); ++i)
    for (size_t j = 0; j < i; ++j) {
      std::vector<real> both = streams[i];
      both.insert(both.end(), streams[j].begin(), streams[j].end());
      EXPECT_LT(std::fabs(correlation(both, 10'000)), 0.03) << i << " and " << j;  // 6 standard deviations
    }
  EXPECT_EQ(a.fork(7).state(), g.fork(7).state());  // wherever the parent stands
}

TEST(Generator, HasADefaultThatIsSeededByHand) {
  manual_seed(9);
  Generator g(9);
  EXPECT_EQ(values(rand({10})), values(rand({10}, g)));
  manual_seed(9);
  EXPECT_EQ(default_generator().state(), (Generator::State{9, 0}));
}

TEST(Generator, HasNoSerialCorrelation) {
  Generator g(1);
  const std::vector<real> u = values(rand({200'000}, g)), z = values(randn({200'000}, g));
  for (size_t lag : {1, 2, 3, 4, 8, 16, 32, 48, 64, 128, 4096}) {
    EXPECT_LT(std::fabs(correlation(u, lag)), 5 / std::sqrt(2e5)) << lag;
    EXPECT_LT(std::fabs(correlation(z, lag)), 5 / std::sqrt(2e5)) << lag;
  }
}

TEST(Generator, FollowsTheDistributionsOneByOne) {
  Generator g(8);
  Tensor u({20'000}), z({20'000});
  std::vector<double> counts(7);
  for (int i = 0; i < 20'000; ++i) {
    u.mutable_data()[i] = real(g.uniform());
    z.mutable_data()[i] = real(g.normal());
    ++counts[size_t(g.below(7))];
  }
  EXPECT_LT(kolmogorov(u, [](double x) { return x; }), 1.95);
  EXPECT_LT(kolmogorov(z, normal_cdf), 1.95);
  EXPECT_LT(chi_square(counts, std::vector<double>(7, 20'000 / 7.0)), 4);
  EXPECT_EQ(g.below(1), 0);
  EXPECT_GE(g.below(int64_t(1) << 31), 0);
}

// ---- Distributions --------------------------------------------------------------------------------------------------

TEST(Random, RandIsUniform) {
  Generator g(2);
  const Tensor x = rand({1000, 200}, g);
  EXPECT_EQ(x.shape(), (Shape{1000, 200}));
  EXPECT_LT(kolmogorov(x, [](double t) { return t; }), 1.95);
  for (real value : x) ASSERT_TRUE(value >= 0 && value < 1);
}

TEST(Random, RandPairsAreUniformInTheSquare) {
  Generator g(3);
  const Tensor x = rand({50'000, 2}, g);
  std::vector<double> counts(100);
  for (int64_t i = 0; i < 50'000; ++i) ++counts[size_t(int(10 * x.at({i, 0})) * 10 + int(10 * x.at({i, 1})))];
  EXPECT_LT(std::fabs(chi_square(counts, std::vector<double>(100, 500))), 4);
}

TEST(Random, UniformStaysInsideItsBounds) {
  Generator g(4);
  const Tensor x = uniform({100'000}, -3, 5, g);
  EXPECT_LT(kolmogorov(x, [](double t) { return (t + 3) / 8; }), 1.95);
  const real next = std::nextafter(real(1), real(2));
  for (real value : uniform({1000}, 1, next, g)) ASSERT_EQ(value, 1);  // never high, even after rounding
  for (real value : uniform({100}, 7, 7, g)) ASSERT_EQ(value, 7);
}

TEST(Random, RandnIsNormal) {
  Generator g(5);
  const Tensor x = randn({200'000}, g);
  EXPECT_LT(kolmogorov(x, normal_cdf), 1.95);
  const double n = double(x.numel());
  EXPECT_NEAR(mean_power(x, 1), 0, 4 * std::sqrt(1 / n));
  EXPECT_NEAR(mean_power(x, 2), 1, 4 * std::sqrt(2 / n));
  EXPECT_NEAR(mean_power(x, 3), 0, 4 * std::sqrt(15 / n));
  EXPECT_NEAR(mean_power(x, 4), 3, 4 * std::sqrt(96 / n));
}

TEST(Random, RandnHasTails) {
  Generator g(6);
  int beyond = 0;  // |x| > 4: 6.33e-5 of 5e6
  for (int i = 0; i < 50; ++i) {
    const Tensor x = randn({100'000}, g);
    EXPECT_TRUE(all_finite(x));
    for (real value : x) beyond += std::fabs(value) > 4;
  }
  EXPECT_NEAR(beyond, 316.7, 4 * std::sqrt(316.7));
}

TEST(Random, BoxMullerPairsAreIndependent) {
  Generator g(7);
  const Tensor x = randn({20'000, 2, 32}, g);  // a pair: the same column of both halves of a block
  double products = 0, squares = 0;
  for (int64_t i = 0; i < 20'000; ++i)
    for (int64_t j = 0; j < 32; ++j) {
      const double a = x.at({i, 0, j}), b = x.at({i, 1, j});
      products += a * b;
      squares += (a * a - 1) * (b * b - 1);
    }
  EXPECT_NEAR(products / 640'000, 0, 4 / std::sqrt(640'000.0));
  EXPECT_NEAR(squares / 640'000, 0, 4 * 2 / std::sqrt(640'000.0));
}

TEST(Random, NormalHasItsMeanAndStd) {
  Generator g(8), h = g;
  const Tensor x = normal({100'000}, 3, 2, g);
  EXPECT_LT(kolmogorov(x, [](double t) { return normal_cdf((t - 3) / 2); }), 1.95);
  for (real value : normal({10}, 3, 0, h)) EXPECT_EQ(value, 3);
}

TEST(Random, BernoulliIsOneWithItsProbability) {
  for (double p : {0.5, 0.1, 0.999, 1e-4}) {
    Generator g(9);
    const Tensor x = bernoulli({400'000}, p, g);
    for (real value : x) ASSERT_TRUE(value == 0 || value == 1);
    EXPECT_NEAR(mean_power(x, 1), p, 4 * std::sqrt(p * (1 - p) / 4e5)) << p;
  }
  Generator g(10);
  EXPECT_EQ(mean_power(bernoulli({10'000}, 0, g), 1), 0);
  EXPECT_EQ(mean_power(bernoulli({10'000}, 1, g), 1), 1);
}

TEST(Random, GumbelHasItsDistribution) {
  Generator g(11);
  const Tensor x = gumbel({100'000}, g);
  EXPECT_TRUE(all_finite(x));
  EXPECT_LT(kolmogorov(x, [](double t) { return std::exp(-std::exp(-t)); }), 1.95);
}

TEST(Random, GumbelMaxSamplesTheSoftmax) {
  Generator g(12);
  const std::vector<double> logits = {0, 1, -1, 2};
  const Tensor noise = gumbel({100'000, 4}, g);
  std::vector<double> counts(4), expected(4);
  for (int64_t i = 0; i < 100'000; ++i) {
    size_t best = 0;
    for (size_t k = 1; k < 4; ++k)
      if (logits[k] + noise.at({i, int64_t(k)}) > logits[best] + noise.at({i, int64_t(best)})) best = k;
    ++counts[best];
  }
  const double total = std::exp(0) + std::exp(1) + std::exp(-1) + std::exp(2);
  for (size_t k = 0; k < 4; ++k) expected[k] = 1e5 * std::exp(logits[k]) / total;
  EXPECT_LT(chi_square(counts, expected), 4);
}

TEST(Random, TruncatedNormalHasItsDistribution) {
  struct {
    real mean, std, low, high;
  } cases[] = {{0, 1, -2, 2},   {0, real(0.02), real(-0.04), real(0.04)},
               {1, 2, 3, 4},    {5, 1, -kInf, 4},
               {0, 1, 1, kInf}, {0, 1, -kInf, kInf},
               {0, 1, 5, 6},    {0, 1, 30, kInf},
               {0, 1, -31, -30}};
  for (const auto& c : cases) {
    Generator g(13);
    const Tensor x = truncated_normal({20'000}, c.mean, c.std, c.low, c.high, g);
    // from the tail that is small, lest the differences cancel
    const bool right = c.low > c.mean;
    auto tail = [&](double t) { return normal_cdf((right ? -1 : 1) * (t - c.mean) / c.std); };
    auto cdf = [&](double t) { return (tail(t) - tail(c.low)) / (tail(c.high) - tail(c.low)); };
    EXPECT_LT(kolmogorov(x, cdf), 1.95) << c.low << " to " << c.high;
    for (real value : x) ASSERT_TRUE(value >= c.low && value <= c.high);
  }
}

TEST(Random, RandintIsUniform) {
  Generator g(14);
  std::vector<double> counts(10);
  for (index i : randint({100'000}, -3, 7, g)) {
    ASSERT_TRUE(i >= -3 && i < 7);
    ++counts[size_t(i + 3)];
  }
  EXPECT_LT(std::fabs(chi_square(counts, std::vector<double>(10, 10'000))), 4);
  for (index i : randint({100}, 5, 6, g)) ASSERT_EQ(i, 5);
}

TEST(Random, RandintReachesAllIndices) {
  Generator g(15);
  constexpr int64_t low = std::numeric_limits<index>::min(), high = int64_t(std::numeric_limits<index>::max()) + 1;
  std::vector<double> counts(16);
  for (index i : randint({16'000}, low, high, g)) ++counts[size_t((int64_t(i) - low) >> 28)];
  EXPECT_LT(std::fabs(chi_square(counts, std::vector<double>(16, 1000))), 4);
}

TEST(Random, RandpermIsAPermutation) {
  Generator g(16);
  for (int64_t n : {0, 1, 2, 100, 1000}) {
    const uint64_t before = g.state().position;
    std::vector<index> p = values(randperm(n, g));
    EXPECT_EQ(g.state().position - before, uint64_t(n));
    EXPECT_TRUE(n < 100 || !std::is_sorted(p.begin(), p.end()));
    std::sort(p.begin(), p.end());
    for (int64_t i = 0; i < n; ++i) ASSERT_EQ(p[size_t(i)], i);
  }
}

TEST(Random, RandpermGivesEveryOrderAlike) {
  Generator g(17);
  std::vector<double> counts(24);
  for (int i = 0; i < 24'000; ++i) {
    const std::vector<index> p = values(randperm(4, g));
    int rank = 0;  // of the permutation among all 24, in the factorial number system
    for (int a = 0; a < 4; ++a) {
      int smaller = 0;
      for (int b = a + 1; b < 4; ++b) smaller += p[size_t(b)] < p[size_t(a)];
      rank = rank * (4 - a) + smaller;
    }
    ++counts[size_t(rank)];
  }
  EXPECT_LT(std::fabs(chi_square(counts, std::vector<double>(24, 1000))), 4);
}

TEST(Random, CategoricalSamplesTheSoftmax) {
  Generator g(18);
  const int64_t classes = 37;
  Tensor logits({2000, 10, classes});
  std::vector<double> expected, counts(size_t(classes), 0);
  double total = 0;
  for (int64_t k = 0; k < classes; ++k) expected.push_back(std::exp(std::sin(double(k)))), total += expected.back();
  for (double& e : expected) e *= 20'000 / total;
  for (int64_t i = 0; i < logits.numel(); ++i)
    logits.mutable_data()[i] = real(std::sin(double(i % classes)) + 50.0 * double(i / classes % 5));
  const Indices x = categorical(logits, g);
  EXPECT_EQ(x.shape(), (Shape{2000, 10}));
  EXPECT_EQ(g.state().position, 20'000u);
  for (index k : x) ++counts[size_t(k)];
  EXPECT_LT(std::fabs(chi_square(counts, expected)), 4);
}

TEST(Random, CategoricalTakesExtremeLogits) {
  Generator g(19);
  for (index k : categorical(Tensor::from(std::vector<real>(3000, 1000), {1000, 3}), g)) ASSERT_TRUE(k >= 0 && k < 3);
  Tensor x = full({1000, 5}, -kInf);
  for (int64_t i = 0; i < 1000; ++i) x.mutable_data()[5 * i + i % 5] = -1000;
  const Indices k = categorical(x, g);  // one class is possible
  for (int64_t i = 0; i < 1000; ++i) ASSERT_EQ(k.data()[i], i % 5);
  EXPECT_EQ(categorical(tensor({0, 0}), g).shape(), Shape());
  EXPECT_EQ(categorical(Tensor({0, 4}), g).shape(), Shape({0}));
}

TEST(Random, TakesEmptyAndScalarShapes) {
  for (const Draw& d : kDraws) {
    Generator g(20);
    EXPECT_EQ(d.draw({3, 0, 2}, g).numel(), 0) << d.name;
    EXPECT_EQ(g.state().position, 0u) << d.name;
    EXPECT_EQ(d.draw({}, g).shape(), Shape()) << d.name;
    EXPECT_EQ(g.state().position, 1u) << d.name;
  }
}

// ---- Misuse ---------------------------------------------------------------------------------------------------------

// The call throws an Error that mentions `word`, and g has not moved.
template <class Call>
void expect_refused(const char* word, Call call) {
  Generator g(21);
  try {
    call(g);
    ADD_FAILURE() << "no error mentions " << word;
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(word), std::string::npos) << e.what();
  }
  EXPECT_EQ(g.state().position, 0u);
}

TEST(Random, RefusesWhatMakesNoSense) {
  for (double p : {-0.1, 1.1, double(kNan), double(kInf)})
    expect_refused("bernoulli", [=](Generator& g) { bernoulli({2}, p, g); });
  for (real bad : {kNan, kInf, -kInf}) {
    expect_refused("uniform", [=](Generator& g) { uniform({2}, bad, 1, g); });
    expect_refused("uniform", [=](Generator& g) { uniform({2}, 0, bad, g); });
    expect_refused("normal", [=](Generator& g) { normal({2}, bad, 1, g); });
    expect_refused("normal", [=](Generator& g) { normal({2}, 0, bad, g); });
    expect_refused("truncated_normal", [=](Generator& g) { truncated_normal({2}, bad, 1, 0, 1, g); });
    expect_refused("truncated_normal", [=](Generator& g) { truncated_normal({2}, 0, bad, 0, 1, g); });
  }
  expect_refused("2 and 1", [](Generator& g) { uniform({2}, 2, 1, g); });
  expect_refused("uniform", [](Generator& g) {
    const real largest = std::numeric_limits<real>::max();
    uniform({2}, -largest, largest, g);
  });
  expect_refused("normal", [](Generator& g) { normal({2}, 0, -1, g); });
  expect_refused("truncated_normal", [](Generator& g) { truncated_normal({2}, 0, 0, 0, 1, g); });
  expect_refused("truncated_normal", [](Generator& g) { truncated_normal({2}, 0, 1, kNan, 1, g); });
  expect_refused("2 and 1", [](Generator& g) { truncated_normal({2}, 0, 1, 2, 1, g); });
  expect_refused("probability", [](Generator& g) { truncated_normal({2}, 0, 1, 50, 60, g); });
  expect_refused("randint", [](Generator& g) { randint({2}, 3, 3, g); });
  expect_refused("randint", [](Generator& g) { randint({2}, 0, (int64_t(1) << 31) + 1, g); });
  expect_refused("randperm", [](Generator& g) { randperm(-1, g); });
  expect_refused("randperm", [](Generator& g) { randperm((int64_t(1) << 31) + 1, g); });
  expect_refused("below", [](Generator& g) { g.below(0); });
  expect_refused("below", [](Generator& g) { g.below((int64_t(1) << 31) + 1); });
  for (const Draw& d : kDraws) expect_refused("[2, -1]", [&](Generator& g) { d.draw({2, -1}, g); });
}

TEST(Random, CategoricalRefusesBrokenLogits) {
  expect_refused("[]", [](Generator& g) { categorical(scalar(1), g); });
  expect_refused("[3, 0]", [](Generator& g) { categorical(Tensor({3, 0}), g); });
  expect_refused("row 1 holds NaN", [](Generator& g) { categorical(matrix({{0, 0}, {kNan, 0}, {0, 0}}), g); });
  expect_refused("row 0 has the largest logit inf", [](Generator& g) { categorical(matrix({{0, kInf}}), g); });
  expect_refused("row 0 has the largest logit -inf", [](Generator& g) { categorical(matrix({{-kInf, -kInf}}), g); });
}

}  // namespace
}  // namespace bijou

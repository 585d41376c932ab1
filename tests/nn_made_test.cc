#include <cmath>

#include "autograd/functional.h"
#include "autograd/linalg.h"
#include "nn/distributions.h"
#include "nn/made.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou {
namespace {

using nn::Made;
using testing::expect_close;
using testing::expect_error;
using testing::random;

// Reversed, and one in no order.
std::vector<std::vector<int64_t>> orderings(int64_t features) {
  std::vector<int64_t> natural, reversed, mixed;
  const Indices order = [&] {
    Generator g(5);
    return randperm(features, g);
  }();
  for (int64_t i = 0; i < features; ++i) {
    natural.push_back(i), reversed.push_back(features - 1 - i), mixed.push_back(order.data()[i]);
  }
  return {natural, reversed, mixed};
}

// All kinds of Made that there are, small.
std::vector<Made> variants(int64_t features, int64_t outputs, int64_t context = 0) {
  std::vector<Made> list;
  for (const auto& ordering : orderings(features))
    for (const bool direct : {false, true})
      for (const std::vector<int64_t>& hidden : {std::vector<int64_t>{}, {16}, {5, 16, 9}})
        list.push_back(Made({.features = features,
                             .hidden = hidden,
                             .outputs = outputs,
                             .context = context,
                             .ordering = ordering,
                             .direct = direct,
                             .activation = nn::Tanh()}));
  list.push_back(Made({.features = features,
                       .hidden = {16, 16, 16},
                       .outputs = outputs,
                       .context = context,
                       .residual = true,
                       .activation = nn::Tanh()}));
  Generator g(7);
  for (int i = 0; i < 3; ++i) {
    Made random = nn::clone(list[size_t(i) * 6 + 2]);
    random.set_degrees(random.options.ordering, Made::Degrees::kRandom, g);
    list.push_back(random);
  }
  Made residual = nn::clone(list[18]);
  residual.set_degrees(orderings(features)[2], Made::Degrees::kRandom, g);
  list.push_back(residual);
  return list;
}

int64_t place(const Made& made, int64_t i) { return int64_t(made.layers[0].in_degrees.data()[i]); }

TEST(Made, OutputsSeeNothingButTheDimensionsBeforeThemAndAllOfThose) {
  for (int64_t d = 1; d <= 8; ++d)
    for (const Made& made : variants(d, 2)) {
      const bool blind = made.layers.size() == 4 && made.options.hidden[0] == 5 && d > 6 && !made.options.direct;
      Tensor reach = zeros({2 * d, d});  // |Jacobian|, at two places, as a slope may vanish at one
      for (uint64_t seed : {1, 2})
        reach = reach + abs(jacobian([&](const Var& x) { return made(x); }, random({1, d}, seed)));
      for (int64_t k = 0; k < 2; ++k)
        for (int64_t i = 0; i < d; ++i)
          for (int64_t j = 0; j < d; ++j) {
            const real r = reach.at({k * d + i, j});
            if (place(made, j) >= place(made, i)) {
              EXPECT_EQ(r, 0) << "D = " << d << ": " << i << " sees " << j;
            } else if (!blind) {
              EXPECT_GT(r, 0) << "D = " << d << ": " << i << " does not see " << j;
            }
          }
    }
}

// The textbook's way: one pass of the whole network for every dimension.
Tensor generate_in_many_passes(const Made& made, int64_t batch, const Var& context, const Made::Next& next) {
  const NoGrad guard;
  const int64_t d = made.options.features;
  Tensor x = random({batch, d}, 99);  // to be overwritten: nothing may depend on it
  for (int64_t step = 1; step <= d; ++step)
    for (int64_t i = 0; i < d; ++i) {
      if (place(made, i) != step) continue;
      const Tensor theta = transpose(select(made(x, context).value(), 2, i), 0, 1);
      const Tensor column = next(i, theta);
      for (int64_t b = 0; b < batch; ++b) x.mutable_data()[b * d + i] = column.data()[b];
    }
  return x;
}

TEST(Made, GeneratesInOnePassWhatManyPassesDo) {
  const Tensor noise = random({9, 6});
  const Made::Next next = [&](int64_t i, const Tensor& theta) {
    return tanh(theta.row(0)) + exp(tanh(theta.row(1))) * select(noise, 1, i);  // bounded, or errors would grow
  };
  for (const int64_t context : {0, 3})
    for (const Made& made : variants(6, 2, context)) {
      const Var c = context ? Var(random({9, 3}, 4)) : Var();
      expect_close(made.generate(9, c, next), generate_in_many_passes(made, 9, c, next),
                   testing::kDouble ? 1e-12 : 1e-5);
    }
}

// With three numbers for each dimension: those of a dimension are seen together, or not at all.
std::vector<Made> made_of_codes() {
  std::vector<Made> list;
  for (const auto& ordering : orderings(4))
    for (const bool direct : {false, true})
      list.push_back(Made({.features = 4,
                           .hidden = {16, 9},
                           .inputs = 3,
                           .outputs = 2,
                           .context = 2,
                           .ordering = ordering,
                           .direct = direct,
                           .activation = nn::Tanh()}));
  return list;
}

TEST(Made, OfCodesSeesAllOfADimensionOrNothing) {
  const Var context = random({1, 2}, 3);
  for (const Made& made : made_of_codes()) {
    const Tensor j = jacobian([&](const Var& x) { return made(x, context); }, random({1, 12}));
    for (int64_t k = 0; k < 2; ++k)
      for (int64_t i = 0; i < 4; ++i)
        for (int64_t number = 0; number < 12; ++number)
          EXPECT_EQ(j.at({k * 4 + i, number}) != 0, place(made, number) < place(made, 3 * i))
              << "dimension " << i << ", number " << number;
  }
}

TEST(Made, GeneratesCodesInOnePassThatAWholePassConfirms) {
  const Var context = random({9, 2}, 3);
  for (const Made& made : made_of_codes()) {
    std::vector<Tensor> told(4), code(4);
    const Tensor x = made.generate(9, context, [&](int64_t i, const Tensor& theta) {
      told[size_t(i)] = theta.clone();
      const Tensor a = tanh(theta.row(0)), b = tanh(theta.row(1));
      return code[size_t(i)] = stack({a, b, a * b}, 0);
    });
    const Tensor whole = made(x, context).value();
    for (int64_t i = 0; i < 4; ++i) {
      expect_close(transpose(select(whole, 2, i), 0, 1), told[size_t(i)], testing::kDouble ? 1e-12 : 1e-5);
      expect_close(transpose(slice(x, 1, 3 * i, 3 * i + 3), 0, 1), code[size_t(i)], 0);
    }
  }
}

TEST(Made, OfBinaryVectorsHasProbabilitiesThatSumToOne) {
  constexpr int64_t kBits = 7;
  Tensor all({1 << kBits, kBits});
  for (int64_t v = 0; v < all.numel(); ++v) all.mutable_data()[v] = real(v / kBits >> v % kBits & 1);
  for (const Made& made : variants(kBits, 1)) {
    const Var logits = reshape(made(all), all.shape());
    expect_close(logsumexp(nn::Bernoulli{logits}.log_prob_rows(all), 0), scalar(0), testing::kTolerance);
  }
}

TEST(Made, DependsOnItsContextEvenInOneDimension) {
  Made made({.features = 1, .hidden = {4}, .outputs = 2, .context = 3});
  const Tensor x = zeros({2, 1});
  const Var y = made(x, random({2, 3}));
  EXPECT_GT(max_difference(y.value().row(0), y.value().row(1)), 1e-3);
  expect_error([&] { made(x); }, "context of 3");
  expect_error([&] { Made({.features = 1, .hidden = {4}})(x, x); }, "context of 0");
}

TEST(Made, KeepsItsDegreesInACheckpointAndSharesThemAmongNeighbours) {
  const Made::Options options{.features = 5, .hidden = {8, 8}, .outputs = 2, .direct = true};
  Made a(options), b(options);
  Generator g(3);
  a.set_degrees({4, 2, 0, 1, 3}, Made::Degrees::kRandom, g);
  b.load_state_dict(a.state_dict());
  const Tensor x = random({3, 5});
  expect_close(b(x), a(x).value(), 0);
  Made copy = nn::clone(a);
  copy.set_degrees({0, 1, 2, 3, 4}, Made::Degrees::kEven);
  expect_close(b(x), a(x).value(), 0);
  expect_close(copy.layers[0].out_degrees, copy.layers[1].in_degrees, 0);
  expect_close(copy.direct[0].in_degrees, tensor({1, 2, 3, 4, 5}), 0);
}

TEST(Made, SpreadsHiddenDegreesSoThatEachOccurs) {
  for (int64_t d = 2; d <= 20; ++d) {
    Made made({.features = d, .hidden = {d - 1, 40}});
    for (const auto kind : {Made::Degrees::kEven, Made::Degrees::kRandom}) {
      made.set_degrees(made.options.ordering, kind);
      for (int l = 0; l < 2; ++l)
        for (int64_t degree = 1; degree < d; ++degree) {
          const Tensor& degrees = made.layers[size_t(l)].out_degrees;
          EXPECT_NE(std::count(degrees.begin(), degrees.end(), real(degree)), 0) << "degree " << degree << " of " << d;
        }
    }
  }
}

TEST(Made, GradientsOfMaskedWeights) {
  SKIP_IN_FLOAT();
  Made made({.features = 3, .hidden = {4}, .outputs = 2, .activation = nn::Tanh()});
  testing::expect_gradients(
      [&](const std::vector<Var>& in) {
        made.layers[0].weight = in[0];
        return sum(square(made(in[1])));
      },
      {random({4, 3}), random({2, 3}, 1)});
}

TEST(Made, RefusesWhatMakesNoSense) {
  expect_error([] { Made({.features = 3, .hidden = {4}, .ordering = {0, 1, 1}}); }, "permutation of 0 .. 2");
  expect_error([] { Made({.features = 3, .hidden = {4, 5}, .residual = true}); }, "different widths, 4 and 5");
  expect_error([] { Made({.features = 3, .hidden = {4}})(zeros({2, 4})); }, "[B, 3] expected, not [2, 4]");
}

}  // namespace
}  // namespace bijou

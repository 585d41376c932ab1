// The four models that distribution augmentation is tried with: under every transformation that they are told, their
// probabilities sum to one and their samples follow them.
#include "examples/experiments/pixel_density.h"

#include "autograd/elementwise.h"
#include "examples/experiments/distaug.h"
#include "tensor/elementwise.h"
#include "tests/autoregressive.h"

namespace bijou::experiments {
namespace {

using namespace bijou::testing;

constexpr int64_t kCondition = 8;

ssl::DistAug told(const std::string& types, int64_t channels) {
  manual_seed(4);
  return ssl::DistAug({.types = types_of(types, channels), .dim = kCondition});
}

// All parameters moved from where they begin, where a condition may say nothing yet.
std::shared_ptr<PixelDensity> shaken(const std::string& model, const Shape& image, double dropout = 0) {
  manual_seed(5);
  auto m = pixel_density({.model = model,
                          .levels = 2,
                          .image = image,
                          .condition = kCondition,
                          .width = kCondition,
                          .dropout = dropout,
                          .layers = model == "flow" ? 0 : 2});
  const real by = model == "flow" ? real(0.02) : real(0.2);  // a flow moved further has much beyond the levels
  for (Var& p : m->parameters()) p.mutable_value().copy_from((p + normal(p.shape(), 0, by)).value());
  m->eval();
  return m;
}

Tensor log_probs(const PixelDensity& m, const ssl::DistAug& aug, const Tensor& x, bijou::index id) {
  const NoGrad guard;
  Indices ids(Shape{x.size(0)});
  ids.fill(id);
  return m.log_prob(x, aug.condition(ids), aug.places(x.shape(), ids)).value();
}
double total(const Tensor& log_p) {
  double sum = 0;
  for (const real l : log_p) sum += std::exp(double(l));
  return sum;
}

TEST(PixelDensity, OfAll4096ImagesSumsToOneUnderEveryTransformation) {
  const Tensor all = all_vectors(12, 2).reshape({4096, 3, 2, 2});
  const ssl::DistAug aug = told("tr+col", 3);
  for (const char* model : {"made", "pixelcnn", "transformer"}) {
    const auto m = shaken(model, {3, 2, 2});
    Tensor before;
    for (bijou::index id = 0; id < aug.variants(); ++id) {
      const Tensor log_p = log_probs(*m, aug, all, id);
      EXPECT_NEAR(total(log_p), 1, 1e-5) << model << ", " << id;
      if (id > 0) {
        EXPECT_GT(max_difference(log_p, before), 1e-3) << model << " does not hear of " << id;
      }
      before = log_p;
    }
  }
}

TEST(PixelDensity, SamplesFollowItUnderATransformation) {
  const Tensor all = all_vectors(4, 2).reshape({16, 1, 2, 2});
  const ssl::DistAug aug = told("rot+tr", 1);
  constexpr int64_t kDrawn = 4000;
  Indices ids(Shape{kDrawn});
  ids.fill(6);
  for (const char* model : {"made", "pixelcnn", "transformer"}) {
    const auto m = shaken(model, {1, 2, 2});
    const Tensor log_p = log_probs(*m, aug, all, 6);
    EXPECT_NEAR(total(log_p), 1, 1e-5) << model;
    Generator g(1);
    const Shape shape{kDrawn, 1, 2, 2};
    const Tensor x = m->sample(shape, aug.condition(ids), aug.places(shape, ids), g);
    std::vector<int> counts(16);
    for (int64_t i = 0; i < kDrawn; ++i) {
      const real* v = x.data() + 4 * i;
      ++counts[size_t(8 * v[0] + 4 * v[1] + 2 * v[2] + v[3])];
    }
    for (size_t k = 0; k < 16; ++k) {
      const double p = std::exp(double(log_p.data()[k]));
      EXPECT_NEAR(counts[k], kDrawn * p, 5 * std::sqrt(kDrawn * p * (1 - p)) + 1) << model << ", image " << k;
    }
  }
}

// One draw of the noise gives P(x) without bias, though only a bound of its logarithm. A little of the flow's density
// lies beyond the levels, as its logit stays away from 0 and 1.
TEST(PixelDensity, OfTheFlowIsAProbabilityOnAverageOverTheNoise) {
  constexpr int64_t kDraws = 40;
  const Shape image{1, 2, 4};
  const Tensor all = all_vectors(8, 2).reshape({256, 1, 1, 2, 4});
  const Tensor many = broadcast_to(all, {256, kDraws, 1, 2, 4}).reshape({256 * kDraws, 1, 2, 4});
  const ssl::DistAug aug = told("flip+rev", 1);
  const auto m = shaken("flow", image);
  Tensor before;
  for (bijou::index id = 0; id < aug.variants(); ++id) {
    manual_seed(7);  // the same noise for all
    const Tensor p = mean(exp(log_probs(*m, aug, many, id)).reshape({256, kDraws}), {1});
    const double all_of_it = double(sum(p).item());
    EXPECT_GT(all_of_it, 0.9) << id;
    EXPECT_LT(all_of_it, 1.02) << id;
    if (id > 0) {
      EXPECT_GT(max_difference(p, before), 1e-5) << "it does not hear of " << id;
    }
    before = p;
  }
}

TEST(PixelDensity, HearsOfTheTransformationByItsGradient) {
  for (const std::string& model : pixel_models()) {
    const auto m = shaken(model, {1, 4, 4});
    ssl::DistAug aug = told("js", 1);
    const Indices ids = indices({0, 7});
    const Tensor x = random({2, 1, 4, 4}) > real(0);
    backward(sum(m->log_prob(x, aug.condition(ids), aug.places(x.shape(), ids))));
    const Tensor by = aug.embeddings[0].weight.grad().value();
    for (int64_t id = 1; id < 24; ++id)  // the identity has no vector
      EXPECT_EQ(sum(abs(by.row(id - 1))).item() > 0, id == 7) << model << ", " << id;
  }
}

TEST(PixelDensity, DropsOutOnlyInTraining) {
  for (const std::string& model : pixel_models()) {
    const auto m = shaken(model, {1, 4, 4}, 0.5);
    const ssl::DistAug aug = told("none", 1);
    const Tensor x = random({2, 1, 4, 4}) > real(0);
    auto once = [&] { return manual_seed(6), log_probs(*m, aug, x, 0); };
    const Tensor quiet = once();
    expect_close(once(), quiet, 0);
    auto drawn = [&] {
      Generator g(8);
      return m->sample(x.shape(), aug.condition(indices({0, 0})), aug.places(x.shape(), indices({0, 0})), g);
    };
    const Tensor samples = drawn();
    m->train();
    EXPECT_GT(max_difference(once(), quiet), 1e-3) << model;
    expect_close(drawn(), samples, 0);
  }
}

TEST(PixelDensity, IsAsDeepAsAskedFor) {
  auto parameters = [](const std::string& model, int64_t layers) {
    return pixel_density(
               {.model = model, .levels = 2, .image = {1, 4, 4}, .condition = 8, .width = 8, .layers = layers})
        ->num_parameters();
  };
  for (const std::string model : {"made", "pixelcnn", "transformer"}) {
    EXPECT_EQ(parameters(model, 0), parameters(model, model == "made" ? 2 : 4)) << model;
    EXPECT_LT(parameters(model, 0), parameters(model, 5)) << model;
  }
  expect_error([&] { parameters("flow", 3); }, "no number of layers");
}

TEST(PixelDensity, AttentionIsFullOrRecomputedWhereAskedFor) {
  auto made = [](bool full, bool checkpointed) {
    manual_seed(5);
    return pixel_density({.model = "transformer",
                          .levels = 2,
                          .image = {1, 4, 4},
                          .condition = 8,
                          .width = 8,
                          .full_attention = full,
                          .checkpointed = checkpointed});
  };
  const ssl::DistAug aug = told("none", 1);
  const Tensor x = random({2, 1, 4, 4}) > real(0);
  const Tensor sparse = log_probs(*made(false, false), aug, x, 0);
  expect_close(log_probs(*made(false, true), aug, x, 0), sparse);
  EXPECT_GT(max_difference(log_probs(*made(true, false), aug, x, 0), sparse), 1e-6);
}

TEST(PixelDensity, RefusesWhatItDoesNotKnow) {
  expect_error([] { shaken("nade", {1, 4, 4}); }, "there is no model 'nade'");
  expect_error([] { shaken("flow", {1, 3, 3}); }, "halved 1 times");
  expect_error(
      [] {
        pixel_density({.model = "transformer", .levels = 2, .image = {1, 4, 4}, .condition = 8, .width = 16});
      },
      "width 16 for a condition of 8");
}

PixelSets tiny_sets(int64_t channels) {
  auto images = [&](int64_t n, uint64_t seed) { return random({n, channels, 4, 4}, seed) > real(0); };
  return {images(30, 1), images(10, 2), images(10, 3), 2};
}

TEST(TrainDistAug, GivesACurveAndLeavesTheModelAsItWas) {
  const PixelSets data = tiny_sets(3);
  for (const std::string types : {"randaugment", "flip+col"}) {
    const DistAugRun run = train_distaug(data, {.types = types, .width = 16, .layers = 1, .batch = 10, .plain = 0.5},
                                         /*epochs=*/10, /*seed=*/1);
    ASSERT_EQ(run.curve.test.size(), 10);
    for (size_t k = 0; k < 10; ++k) EXPECT_NEAR(run.curve.epochs[k], double(k + 1), 1e-9);
    EXPECT_EQ(bits_per_dim(run, data.test, 0), run.curve.final());
    EXPECT_TRUE(run.model->training);
    run.model->eval();
    bits_per_dim(run, data.test, 0);
    EXPECT_FALSE(run.model->training);
  }
}

TEST(TrainDistAug, EndsWhenTheTimeIsUp) {
  const DistAugRun run = train_distaug(tiny_sets(1), {.width = 16, .batch = 10, .minutes = 1e-9}, 1000000, 1);
  EXPECT_EQ(run.curve.test.size(), 1);
  EXPECT_NEAR(run.curve.epochs[0], 1.0 / 3, 1e-9);
}

TEST(TrainDistAug, RefusesARunWithoutSteps) {
  expect_error([] { train_distaug(tiny_sets(1), {.batch = 10}, 0, 1); }, "0 epochs");
  expect_error([] { train_distaug(tiny_sets(1), {.batch = 31}, 1, 1); }, "30 images in batches of 31");
}

TEST(TrainDistAug, BitsOfViewsAreThoseOfTheirMixture) {
  const PixelSets data = tiny_sets(1);
  const DistAugRun run = train_distaug(data, {.types = "rot", .width = 16, .batch = 10}, 3, 1);
  EXPECT_NEAR(bits_per_dim_of_views(run, data.test, indices({2})), bits_per_dim(run, data.test, 2), 1e-6);
  double mean = 0;
  for (bijou::index id = 0; id < 4; ++id) mean += bits_per_dim(run, data.test, id) / 4;
  EXPECT_LT(bits_per_dim_of_views(run, data.test, index_range(4)), mean);  // -log is convex
}

TEST(TypesOfDistAug, RandAugmentIsOnMoreOftenAlone) {  // as in the paper
  EXPECT_EQ(types_of("randaugment", 3)[0].rate, 0.95);
  EXPECT_EQ(types_of("rot+randaugment", 3)[1].rate, 0.5);
}

TEST(TypesOfDistAug, AreKnownByTheLecturesNamesAndUndone) {
  EXPECT_TRUE(types_of("none", 1).empty());
  expect_error([] { types_of("rot+turn", 1); }, "no type 'turn'");
  const ssl::DistAug aug({.types = types_of("flip+rot+col+tr+rev+order", 3), .dim = 4});
  EXPECT_EQ(aug.variants(), 2 * 4 * 6 * 2 * 2 * 4);
  const Indices ids = index_range(aug.variants());
  const Tensor x = random({aug.variants(), 3, 4, 4}), y = aug.transform(x, ids);
  expect_close(aug.undo(y, ids), x, 0);
  const Tensor from = permute(x, {0, 2, 3, 1}).reshape({-1, 48}), to = permute(y, {0, 2, 3, 1}).reshape({-1, 48});
  expect_close(gather(from, 1, aug.places(x.shape(), ids)), to, 0);
}

}  // namespace
}  // namespace bijou::experiments

// The experiment on flat minima: its sweep, its training with all that SAM is compared with, and what its checkpoints
// remember.
#include "examples/experiments/sam.h"

#include <algorithm>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/norm.h"
#include "optim/grad_norm.h"
#include "tests/support.h"

namespace bijou::experiments {
namespace {

using namespace bijou::testing;

TEST(FlatSweep, BeginsWithSgdWhateverTheOrderOfRho) {
  for (const std::vector<double>& rho : {std::vector{0, 0.1}, {0.1, 0}, {0.1}}) {
    const auto arms = sweep({.rho = rho, .m = {16, 64}, .p = {2}, .asam = {}, .gradient_norm = {0.1}, .epochs = 3});
    std::vector<std::string> names;
    for (const FlatArm& arm : arms) names.push_back(arm.name());
    const std::vector<std::string> want{"SGD 3 epochs", "SAM rho 0.1 m 16 p 2",      "SAM rho 0.1 m 64 p 2", "SWA",
                                        "EMA",          "gradient norm, lambda 0.1", "SGD 6 epochs"};
    EXPECT_EQ(names, want);
  }
}

NoisySets tiny_sets() {
  auto some = [](int64_t n, uint64_t seed) {
    support::Dataset set{random({n, 1, 4, 4}, seed), Indices({n}), {"low", "high"}};
    for (int64_t i = 0; i < n; ++i) set.labels.mutable_data()[i] = set.images.data()[16 * i] > 0;
    return set;
  };
  return {.train = some(128, 1), .valid = some(20, 2), .test = some(20, 3)};
}

TEST(FlatTraining, NotesTheEpochOfEverySharpness) {
  const auto epochs_of = [](int epochs) {
    const FlatRun run = train_flat(tiny_sets(), {.epochs = epochs, .curvature_along = true});
    EXPECT_EQ(run.lambdas.size(), run.lambda_epochs.size());
    return run.lambda_epochs;
  };
  EXPECT_EQ(epochs_of(1), (std::vector<double>{1}));
  EXPECT_EQ(epochs_of(3), (std::vector<double>{1, 2, 3}));
  EXPECT_EQ(epochs_of(15), (std::vector<double>{2, 3, 5, 6, 8, 9, 11, 12, 14, 15}));
}

TEST(FlatTraining, AveragesAreMeasuredInPlaceOfTheWeights) {
  // At a learning rate of nearly 0 all weights on the way, and so their averages, are what they were at first.
  const NoisySets data = tiny_sets();
  for (const Averaging averaging : {Averaging::kSwa, Averaging::kEma}) {
    auto weights = [&](Averaging a, double lr) {
      return train_flat(data, {.averaging = a, .epochs = 8, .lr = lr}).net.parameters()[0].value();
    };
    expect_close(weights(averaging, 1e-9), weights(Averaging::kNone, 1e-9), 1e-6);
    EXPECT_GT(max_difference(weights(averaging, 0.1), weights(Averaging::kNone, 0.1)), 1e-3);
  }
}

TEST(FlatTraining, TheGradientsNormIsPartOfTheLoss) {
  const NoisySets data = tiny_sets();
  const NoisySets one_batch{data.train.rows(0, 64), data.valid, data.test};
  const double lr = 0.1, lambda = 0.3;
  const FlatRun run = train_flat(one_batch, {.gradient_norm = lambda, .epochs = 1, .lr = lr, .seed = 4});
  manual_seed(4);
  const nn::Sequential net = make_classifier("mlp", {1, 4, 4}, 2);
  const std::vector<Var> w = net.parameters();
  const Var loss = nn::cross_entropy(net(one_batch.train.images), one_batch.train.labels);
  const std::vector<Var> g = grad(loss + optim::gradient_norm(loss, w) * real(lambda), w);
  for (size_t i = 0; i < w.size(); ++i)
    expect_close(run.net.parameters()[i], w[i].value() - g[i].value() * real(lr), 1e-5);
}

TEST(ClassifierOf, BuildsTheNetworkThatAStateDictIsOf) {
  const Shape image{3, 8, 8};
  const Var x = random({2, 3, 8, 8});
  for (const char* model : {"mlp", "conv"}) {
    const nn::Sequential net = make_classifier(model, image, 5);
    expect_close(classifier_of(net.state_dict(), image)(x), net(x).value(), 0);
  }
  const nn::Sequential other(nn::Linear({.in = 4, .out = 3}), nn::BatchNorm1d({.channels = 3}));
  expect_error([&] { classifier_of(other.state_dict(), {1, 2, 2}); }, "classifier_of: layer 1");
}

TEST(ClassifierOf, ACheckpointRemembersItsData) {
  const std::string path = ::testing::TempDir() + "bijou_flat.safetensors";
  const nn::Sequential net = make_classifier("mlp", {1, 2, 2}, 3);
  save_classifier(path, net, {.dataset = "scenes", .noise = 0.25, .train = 70, .seed = 9});
  const nn::Checkpoint c = nn::load_checkpoint(path);
  const std::optional<NoisySetOptions> data = data_of(c);
  ASSERT_TRUE(data.has_value());
  EXPECT_EQ(data->dataset, "scenes");
  EXPECT_EQ(data->noise, 0.25);
  EXPECT_EQ(data->train, 70);
  EXPECT_EQ(data->seed, 9u);
  const Var x = random({3, 1, 2, 2});
  expect_close(classifier_of(c.part("model"), {1, 2, 2})(x), net(x).value(), 0);
  EXPECT_FALSE(data_of(nn::Checkpoint()).has_value());
}

TEST(DensityLine, StaysOnALogarithmicScale) {
  const optim::Spectrum s{.values = {0, 100}, .weights = {0.5, 0.5}};
  const support::Series line = density_line(s, 1);
  EXPECT_EQ(line.x.front(), -3);
  EXPECT_EQ(line.x.back(), 103);
  EXPECT_EQ(*std::min_element(line.y.begin(), line.y.end()), 1e-7);
}

}  // namespace
}  // namespace bijou::experiments

#include <cmath>
#include <memory>
#include <set>

#include "examples/experiments/simclr.h"
#include "examples/experiments/ssl_pictures.h"
#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/linear.h"
#include "optim/adam.h"
#include "ssl/barlow_twins.h"
#include "ssl/byol.h"
#include "ssl/color.h"
#include "ssl/fine_tune.h"
#include "ssl/mae.h"
#include "ssl/moco.h"
#include "ssl/permutations.h"
#include "ssl/predict_variant.h"
#include "ssl/simclr.h"
#include "ssl/simsiam.h"
#include "ssl/vicreg.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using namespace bijou::testing;

constexpr int64_t kFeatures = 8;

nn::Sequential small_encoder() {
  return nn::Sequential(nn::Flatten(), nn::Linear({.in = 64, .out = kFeatures}), nn::ReLU());
}

PatchEncoder small_patch_encoder() {
  return PatchEncoder({.channels = 1, .height = 8, .width = 8, .patch = 2, .dim = 8, .heads = 2, .layers = 1});
}

std::vector<std::shared_ptr<Method>> all_methods() {
  manual_seed(1);
  const Views two{small_encoder(), kFeatures, fading(0.3)};
  const PredictVariant::Options turns{.encoder = small_encoder(), .features = kFeatures, .task = rotations()};
  return {std::make_shared<SimCLR>(two),
          std::make_shared<MoCo>(two, MocoOptions{.queue = 32}),
          std::make_shared<BYOL>(two),
          std::make_shared<SimSiam>(two),
          std::make_shared<BarlowTwins>(two),
          std::make_shared<VICReg>(two),
          std::make_shared<PredictVariant>(turns),
          std::make_shared<MAE>(MAE::Options{.encoder = small_patch_encoder(), .dim = 8, .heads = 2})};
}

TEST(Methods, EachReachesAllItsParametersAndTrains) {
  const Tensor images = random_between(0, 1, {32, 1, 8, 8});
  for (const auto& method : all_methods()) {
    optim::Adam optimizer(method->parameters(), {.lr = 1e-3});
    const std::vector<double> losses = pretrain(*method, optimizer, images, {.batch = 16, .steps = 3});
    EXPECT_EQ(losses.size(), 3u);
    for (const double loss : losses) EXPECT_TRUE(std::isfinite(loss));
    for (const auto& [name, p] : method->named_parameters()) EXPECT_TRUE(p.grad()) << name;
    EXPECT_TRUE(all_finite(embed(method->encoder, images)));
    EXPECT_TRUE(method->training);
  }
}

TEST(Methods, ARunRepeatsOnAnyNumberOfThreads) {
  const Tensor images = random_between(0, 1, {32, 1, 8, 8});
  const int before = threads();
  std::vector<double> runs[2];
  for (int run = 0; run < 2; ++run) {
    set_threads(run + 1);
    manual_seed(5);
    SimCLR method({small_encoder(), kFeatures, fading(0.3)});
    optim::Adam optimizer(method.parameters());
    runs[run] = pretrain(method, optimizer, images, {.batch = 16, .steps = 4, .seed = 3});
  }
  set_threads(before);
  EXPECT_EQ(runs[0], runs[1]);
}

TEST(Methods, ReportCanStopARun) {
  SimCLR method({small_encoder(), kFeatures, identity()});
  optim::Adam optimizer(method.parameters());
  auto twice = [](int64_t step, double) { return step < 1; };
  EXPECT_EQ(
      pretrain(method, optimizer, random_between(0, 1, {8, 1, 8, 8}), {.batch = 4, .steps = 9, .report = twice}).size(),
      2u);
  expect_error([&] { pretrain(method, optimizer, zeros({8, 1, 8, 8}), {.batch = 9}); }, "batches of 9 from 8 images");
  expect_error([&] { pretrain(method, optimizer, zeros({8, 1, 8, 8}), {.batch = 0}); }, "batches of 0 from 8 images");
}

TEST(Methods, TheEncoderIsSharedWithWhatItWasMadeFrom) {
  const nn::Sequential encoder = small_encoder();
  SimCLR method({encoder, kFeatures, identity()});
  EXPECT_TRUE(method.parameters()[0].same_as(encoder.parameters()[0]));
}

TEST(Methods, EmbeddingLeavesTheEncoderInItsMode) {
  for (const bool training : {true, false}) {
    SimCLR method({small_encoder(), kFeatures, identity()});
    method.train(training);
    embed(method.encoder, zeros({2, 1, 8, 8}));
    EXPECT_EQ(method.encoder.module()->training, training);
  }
}

TEST(Methods, VectorsGoWithoutDecayAndTrustInLars) {
  SimCLR method({small_encoder(), kFeatures, identity()});
  const auto groups = lars_groups(method, 0.5);
  for (const Var& p : groups[0].parameters) EXPECT_EQ(p.dim(), 2);
  for (const Var& p : groups[1].parameters) EXPECT_EQ(p.dim(), 1);
  EXPECT_TRUE(groups[0].options.trust && !groups[1].options.trust);
  EXPECT_EQ(groups[1].options.weight_decay, 0);
}

TEST(Teachers, FollowByTheirMomentum) {
  nn::Linear student({.in = 2, .out = 1}), teacher({.in = 2, .out = 1});
  student.weight.mutable_value().fill(1), teacher.weight.mutable_value().fill(0);
  follow(teacher, student, 0.75);
  expect_close(teacher.weight, full({1, 2}, 0.25));
}

TEST(Teachers, AreTheirStudentsAtFirstAndMoveOnlyBySteps) {
  const Tensor images = random_between(0, 1, {16, 1, 8, 8});
  BYOL method({small_encoder(), kFeatures, identity()});
  const Tensor mine = method.parameters()[0].value().clone();
  expect_close(method.teacher.parameters()[0], mine, 0);
  optim::Adam optimizer(method.parameters(), {.lr = 0.1});
  pretrain(method, optimizer, images, {.batch = 8, .steps = 1});  // the momentum has reached 1
  expect_close(method.teacher.parameters()[0], mine, 0);
  EXPECT_GT(max_difference(method.parameters()[0].value(), mine), 0.01);
}

// Does `method` have the loss and the gradients of by_hand(p1, p2, both)? p: the predictions of either view, which are
// also what `both`, the views one below the other, is drawn for.
template <class M, class F>
void expect_loss_of_pairs(M& method, const F& by_hand) {
  const Tensor images = random_between(0, 1, {6, 1, 8, 8});
  Generator g(1), again(1);
  const Tensor both = two_views(method.views, images, again);
  const auto [p1, p2] = halves(method.predictor(method.head(method.encoder(both))));
  const Var loss = method.loss(images, g), expected = by_hand(p1, p2, both);
  EXPECT_NEAR(double(loss.item()), double(expected.item()), 10 * kTolerance);
  const std::vector<Var> parameters = method.parameters();
  const std::vector<Var> got = grad(loss, parameters), want = grad(expected, parameters);
  for (size_t i = 0; i < got.size(); ++i) expect_close(got[i], want[i].value(), 100 * kTolerance);
}

TEST(Teachers, AreToldOfTheOtherViewWithoutAGradient) {
  manual_seed(2);
  BYOL method({small_encoder(), kFeatures, fading(0.1)});
  expect_loss_of_pairs(method, [&](const Var& p1, const Var& p2, const Tensor& both) {
    const auto [z1, z2] = halves(method.teacher(both).value());
    return cosine_distance(p1, z2) + cosine_distance(p2, z1);
  });
}

TEST(Teachers, SlowDownByACosine) {
  BYOL method({small_encoder(), kFeatures, identity()}, {.momentum = 0.9});
  Var teacher = method.teacher.parameters()[0];
  method.parameters()[0].mutable_value().fill(1);
  for (const auto& [progress, step] : {std::pair(0.0, 0.1), {0.5, 0.05}, {1.0, 0.0}}) {
    teacher.mutable_value().fill(0);
    method.after_step(progress);
    expect_close(teacher, full(teacher.shape(), real(step)));
  }
}

TEST(SimSiam, PredictsTheOtherViewThroughWhichNoGradientFlows) {
  for (const bool stop : {true, false}) {
    manual_seed(3);
    SimSiam method({small_encoder(), kFeatures, fading(0.1)}, {.stop_gradient = stop});
    expect_loss_of_pairs(method, [&](const Var& p1, const Var& p2, const Tensor& both) {
      const Var z = method.head(method.encoder(both));
      const auto [z1, z2] = halves(stop ? Var(z.value()) : z);
      return (cosine_distance(p1, z2) + cosine_distance(p2, z1)) * real(0.5);
    });
  }
}

TEST(MocoQueue, TakesTheNewestKeysInPlaceOfTheOldest) {
  MoCo method({small_encoder(), kFeatures, identity()}, {.queue = 16});
  const Tensor images = random_between(0, 1, {8, 1, 8, 8});
  Generator g(1);
  const Tensor before = method.queue.clone();
  method.loss(images, g);
  expect_close(method.queue, before, 0);
  method.after_step(0);
  expect_close(method.queue.rows(0, 8), method.keys, 0);
  expect_close(method.queue.rows(8, 16), before.rows(8, 16), 0);
  EXPECT_EQ(method.oldest, 8);
}

TEST(SimSiam, IsThereWithoutItsStopGradientToo) {
  for (const std::string& name : experiments::method_names()) {
    const auto method = experiments::make_method(name, {1, 8, 8});
    const auto* siam = dynamic_cast<const SimSiam*>(method.get());
    EXPECT_EQ(siam && !siam->stop_gradient, name == "simsiam_without_stop");
  }
}

TEST(Pictures, OfACollapsedEmbeddingShowAllImagesInOnePlace) {
  nn::Sequential encoder = small_encoder();
  for (Var& p : encoder.parameters()) p.mutable_value().fill(0);
  support::Dataset data{.images = ones({3, 1, 8, 8}), .labels = indices({0, 1, 0}), .classes = {"a", "b"}};
  const Tensor picture = experiments::picture_of_embedding(encoder, data);
  EXPECT_TRUE(all_finite(picture));
  EXPECT_GT(picture.at({0, 3, 3}), 0);
  EXPECT_NEAR(sum(picture).item(), sum(slice(slice(picture, 1, 0, 4), 2, 0, 4)).item(), 1e-3);
}

TEST(Pictures, OfAugmentationsHaveTheImagesOnTop) {
  const Tensor images = random_between(0, 1, {5, 1, 8, 8});
  const Tensor picture = experiments::picture_of_augmentations(images, 1);
  EXPECT_GT(picture.size(1), 9 * 8);  // a row for the images and one for each of eight augmentations
  EXPECT_TRUE(all_finite(picture));
}

TEST(PredictVariant, KnowsNothingAtFirst) {
  PredictVariant method({.encoder = small_encoder(), .features = kFeatures, .task = jigsaw()});
  method.classifier.weight.mutable_value().fill(0), method.classifier.bias.mutable_value().fill(0);
  Generator g(1);
  EXPECT_NEAR(double(method.loss(random_between(0, 1, {6, 1, 8, 8}), g).item()), std::log(24.0), 1e-5);
}

TEST(MaskedAutoencoder, PatchesGoBackToImages) {
  const PatchEncoder encoder({.channels = 3, .height = 4, .width = 6, .patch = 2, .dim = 8, .heads = 2, .layers = 1});
  const Tensor x = random({2, 3, 4, 6}), p = encoder.patches(x).value();
  EXPECT_EQ(p.shape(), Shape({2, 6, 12}));
  EXPECT_EQ(p.at({1, 4, 1}), x.at({1, 0, 2, 3}));  // the patch of row 1, column 1: its upper right pixel, first channel
  expect_close(encoder.unpatched(p), x, 0);
}

TEST(MaskedAutoencoder, KeepsAQuarterOfThePatchesEachAsOften) {
  MAE method({.encoder = small_patch_encoder(), .dim = 8, .heads = 2});
  EXPECT_EQ(method.kept, 4);
  Generator g(3);
  const Indices at = method.draw_kept(4000, g);
  std::array<int, 16> count{};
  for (int64_t i = 0; i < 4000; ++i) {
    const std::set<bijou::index> distinct(at.data() + 4 * i, at.data() + 4 * i + 4);
    EXPECT_EQ(distinct.size(), 4u);
    for (const bijou::index k : distinct) ++count[size_t(k)];
  }
  for (const int c : count) EXPECT_NEAR(c, 1000, 5 * std::sqrt(4000 * 0.25 * 0.75));
}

TEST(MaskedAutoencoder, PaintsFromWhatItSeesAlone) {
  MAE method({.encoder = small_patch_encoder(), .dim = 8, .heads = 2});
  const Tensor x = random_between(0, 1, {1, 1, 8, 8});
  const Indices kept = Indices::from({0, 3, 9, 14}).reshape({1, 4});
  const Tensor painted = method.paint(x, kept).value();
  Tensor hidden = x.clone(), seen = x.clone();
  hidden.mutable_data()[2] = 5;  // of patch 1
  seen.mutable_data()[0] = 5;    // of patch 0
  expect_close(method.paint(hidden, kept), painted, 0);
  EXPECT_GT(max_difference(method.paint(seen, kept).value(), painted), 1e-4);
}

TEST(MaskedAutoencoder, PaysForHiddenPatchesOnly) {
  MAE method({.encoder = small_patch_encoder(), .dim = 8, .heads = 2});
  const Tensor x = random_between(0, 1, {3, 1, 8, 8});
  Generator g(1), again(1);
  const Indices kept = method.draw_kept(3, again);
  const Tensor painted = method.paint(x, kept).value(),
               truth = normalized_patches(method.patch_encoder().patches(x).value());
  double squares = 0;
  for (int64_t i = 0; i < 3; ++i)
    for (int64_t t = 0; t < 16; ++t)
      if (std::count(kept.row(i).begin(), kept.row(i).end(), t) == 0)
        for (int64_t k = 0; k < 4; ++k) {
          const double d = double(painted.at({i, t, k})) - double(truth.at({i, t, k}));
          squares += d * d;
        }
  EXPECT_NEAR(double(method.loss(x, g).item()), squares / (3 * 12 * 4), 10 * kTolerance);
}

TEST(MaskedAutoencoder, ItsEncoderHasAGradientByTheImage) {
  SKIP_IN_FLOAT();
  const PatchEncoder encoder = small_patch_encoder();
  expect_gradients([&](const auto& x) { return sum(square(encoder(x[0]))); }, {random({2, 1, 8, 8})});
}

TEST(MaskedAutoencoder, MisuseIsNamed) {
  const auto with = [](double masked) {
    MAE({.encoder = small_patch_encoder(), .masked = masked, .dim = 8, .heads = 2});
  };
  expect_error([&] { with(0.01); }, "MAE: of 16 patches 16 are kept");  // nothing would be left to paint
  expect_error([&] { with(1); }, "MAE: the masked part is 1");
  for (const int64_t patch : {0, 3})
    expect_error([&] { PatchEncoder({.channels = 1, .height = 8, .width = 8, .patch = patch}); }, "do not tile 8 x 8");
}

TEST(MaskedAutoencoder, PaintingTheMeanCostsOne) {
  MAE method({.encoder = small_patch_encoder(), .dim = 8, .heads = 2});
  method.to_pixels.weight.mutable_value().fill(0), method.to_pixels.bias.mutable_value().fill(0);
  Generator g(1);
  EXPECT_NEAR(double(method.loss(random_between(0, 1, {6, 1, 8, 8}), g).item()), 1, 1e-3);
}

TEST(FineTuning, TrainsACopyThatRepeatsWithItsSeed) {
  manual_seed(1);
  const nn::Sequential encoder = small_encoder();
  const Tensor before = encoder.parameters()[0].value().clone();
  Tensor images = random_between(0, 0.5, {20, 1, 8, 8});
  Indices labels({20});
  for (int64_t i = 0; i < 20; ++i) labels.mutable_data()[i] = bijou::index(i % 2);
  for (int64_t i = 1; i < 20; i += 2) images.rows(i, i + 1).fill(real(0.8));
  auto tuned = [&] {
    return fine_tune(encoder, kFeatures, images, labels, identity(),
                     {.classes = 2, .batch = 16, .steps = 60, .lr = 1e-2});
  };
  nn::Sequential net = tuned(), again = tuned();
  expect_close(encoder.parameters()[0], before, 0);
  EXPECT_GT(max_difference(net.parameters()[0].value(), before), 1e-3);
  const Indices said = predict(net, images);
  for (int64_t i = 0; i < 20; ++i) EXPECT_EQ(said.data()[i], labels.data()[i]);
  expect_close(again.parameters()[0], net.parameters()[0].value(), 0);
}

TEST(SinePositions, DifferAtEveryPlace) {
  const Tensor p = sine_positions(3, 4, 8);
  for (int64_t i = 0; i < 12; ++i)
    for (int64_t j = 0; j < i; ++j) EXPECT_GT(max_difference(p.row(i), p.row(j)), 0.01);
  expect_close(p.row(0), tensor({0, 0, 1, 1, 0, 0, 1, 1}));
  EXPECT_NEAR(p.at({7, 1}), std::sin(1 / 100.0), 1e-6);  // row 1 at the second of two frequencies
}

}  // namespace
}  // namespace bijou::ssl

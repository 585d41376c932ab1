#include "examples/experiments/simclr.h"

#include <cmath>

#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "optim/adam.h"
#include "ssl/barlow_twins.h"
#include "ssl/byol.h"
#include "ssl/color.h"
#include "ssl/evaluation.h"
#include "ssl/geometry.h"
#include "ssl/mae.h"
#include "ssl/moco.h"
#include "ssl/permutations.h"
#include "ssl/predict_variant.h"
#include "ssl/simclr.h"
#include "ssl/simsiam.h"
#include "ssl/vicreg.h"

namespace bijou::experiments {

nn::Sequential make_encoder(const Shape& image) {
  nn::Sequential net;
  int64_t in = image[0], side_y = image[1], side_x = image[2];
  for (const int64_t width : {16, 32, 64}) {
    const int64_t out = image[0] == 1 ? width : 2 * width;
    net.add(nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = 2, .padding = 1, .bias = false}));
    net.add(nn::BatchNorm2d({.channels = out})).add(nn::ReLU());
    in = out, side_y = (side_y + 1) / 2, side_x = (side_x + 1) / 2;
  }
  return net.add(nn::Flatten()).add(nn::Linear({.in = in * side_y * side_x, .out = kFeatures}));
}

ssl::Augmentation make_views(int64_t channels) {
  if (channels == 1)
    return ssl::compose(
        {ssl::affine({.rotation = 20, .log_scale = 0.35, .log_aspect = 0.2, .shear = 0.3, .shift = 0.125}),
         ssl::fading(0.6)});
  return ssl::compose({ssl::random_resized_crop(0.2), ssl::color_jitter(0.5), ssl::gray_scale()});
}

std::vector<std::string> method_names() {
  return {"simclr",       "moco",   "byol",      "simsiam", "simsiam_without_stop",
          "barlow_twins", "vicreg", "rotations", "jigsaw",  "mae"};
}

std::unique_ptr<ssl::Method> make_method(const std::string& name, const Shape& image) {
  if (name == "mae") {
    const ssl::PatchEncoder encoder({.channels = image[0],
                                     .height = image[1],
                                     .width = image[2],
                                     .patch = image[1] / 4,
                                     .dim = kFeatures,
                                     .layers = 2});
    return std::make_unique<ssl::MAE>(ssl::MAE::Options{.encoder = encoder});
  }
  const ssl::Views v{make_encoder(image), kFeatures, make_views(image[0])};
  auto task = [&](ssl::Augmentation t) {
    return std::make_unique<ssl::PredictVariant>(ssl::PredictVariant::Options{v.encoder, kFeatures, t, v.views});
  };
  if (name == "moco") return std::make_unique<ssl::MoCo>(v);
  if (name == "byol") return std::make_unique<ssl::BYOL>(v);
  if (name == "simsiam") return std::make_unique<ssl::SimSiam>(v);
  if (name == "simsiam_without_stop")  // collapses, as it should
    return std::make_unique<ssl::SimSiam>(v, ssl::SimsiamOptions{.stop_gradient = false});
  if (name == "barlow_twins") return std::make_unique<ssl::BarlowTwins>(v);
  if (name == "vicreg") return std::make_unique<ssl::VICReg>(v);
  if (name == "rotations") return task(ssl::rotations());
  if (name == "jigsaw") return task(ssl::jigsaw());
  check(name == "simclr", "make_method: there is no method ", name);
  return std::make_unique<ssl::SimCLR>(v);
}

Pretrained pretrain(const Tensor& images, const Pretraining& o) {
  manual_seed(o.seed);
  std::unique_ptr<ssl::Method> method = make_method(o.method, Shape(std::span(images.shape().begin() + 1, 3)));
  nn::Sequential untrained = nn::clone(nn::Sequential(method->encoder));
  const ssl::PretrainOptions options{
      .batch = o.batch, .steps = o.steps, .warmup = o.lars ? o.steps / 10 : 0, .seed = o.seed, .report = o.report};
  std::vector<double> losses;
  if (o.lars) {  // the learning rate that SimCLR's authors advise for small batches
    optim::LARS optimizer(ssl::lars_groups(*method, 0.075 * std::sqrt(double(o.batch))));
    losses = ssl::pretrain(*method, optimizer, images, options);
  } else {
    optim::Adam optimizer(method->parameters(), {.lr = 2e-3});
    losses = ssl::pretrain(*method, optimizer, images, options);
  }
  return {std::move(method), std::move(untrained), std::move(losses)};
}

FewLabels with_few_labels(Pretrained& pretrained, const support::Dataset& train, const support::Dataset& test,
                          int64_t per_class, uint64_t draw, ssl::FineTuneOptions tuning) {
  tuning.seed = draw;
  Generator g = Generator(draw).fork(uint64_t(per_class));
  const Indices rows = ssl::few_per_class(train.labels, int64_t(train.classes.size()), per_class, g);
  const Tensor images = index_select(train.images, 0, rows);
  const Indices labels = index_select(train.labels, 0, rows);
  auto probe = [&](const nn::AnyModule& encoder) {
    const Indices said = ssl::linear_probe({ssl::embed(encoder, images), labels}, ssl::embed(encoder, test.images));
    return ssl::accuracy(said, test.labels);
  };
  auto tuned = [&](const nn::AnyModule& encoder, const ssl::Augmentation& noise) {
    nn::Sequential net = ssl::fine_tune(encoder, kFeatures, images, labels, noise, tuning);
    return ssl::accuracy(ssl::predict(net, test.images), test.labels);
  };
  const ssl::Augmentation views = make_views(images.size(1));
  return {.probe = probe(pretrained.method->encoder),
          .fine_tuned = tuned(pretrained.method->encoder, views),
          .supervised_augmented = tuned(pretrained.untrained, views),
          .supervised = tuned(pretrained.untrained, ssl::identity()),
          .random_probe = probe(pretrained.untrained)};
}

}  // namespace bijou::experiments

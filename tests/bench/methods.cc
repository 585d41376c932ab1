// Training steps of the lecture's methods, the same as in side_by_side.py line for line. What is drawn at random for a
// batch (views, masked positions) is drawn beforehand; views have a case of their own.
#include "autograd/functional.h"
#include "nn/conv.h"
#include "nn/image_transformer.h"
#include "nn/losses.h"
#include "nn/nade.h"
#include "nn/norm.h"
#include "nn/pixelcnn.h"
#include "nn/wavenet.h"
#include "optim/sam.h"
#include "optim/sgd.h"
#include "ssl/color.h"
#include "ssl/geometry.h"
#include "ssl/masked_lm.h"
#include "ssl/simclr.h"
#include "tests/bench/bench.h"

namespace bijou::bench {
namespace {

struct Nade : nn::Module {
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return -mean(net.log_prob(x)); }
  nn::Nade net{{.features = 784, .hidden = 128}};
  Var x = bernoulli({32, 784}, 0.3);
};

struct Wavenet : nn::Module {
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return -mean(net.conditionals(x)); }
  nn::WaveNet net{{.channels = 32, .skip = 64, .doublings = 9}};
  Var x = to_tensor(randint({4, 1000}, 0, 256));
};

struct GatedPixelCnn : nn::Module {
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return -mean(net.log_prob(x)); }
  nn::PixelCnn net{{.image = {1, 28, 28}}};
  Var x = bernoulli({16, 1, 28, 28}, 0.3);
};

struct ImageTransformer : nn::Module {
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return -mean(net.log_prob(x)); }
  nn::ImageTransformer net{{.levels = 8, .height = 16, .width = 16}};
  Indices x = randint({16, 256}, 0, 8);
};

struct Simclr : nn::Module {
  nn::Sequential net{nn::Conv2d({.in = 1, .out = 32, .kernel = 3, .padding = 1}),
                     nn::BatchNorm2d({.channels = 32}),
                     nn::ReLU(),
                     nn::Conv2d({.in = 32, .out = 64, .kernel = 3, .stride = 2, .padding = 1}),
                     nn::BatchNorm2d({.channels = 64}),
                     nn::ReLU()};
  nn::Sequential head = ssl::projection_head(64, {128, 64}, true);
  Var x = randn({128, 1, 28, 28});
  void members(nn::Visitor& visit) override { visit("net", net), visit("head", head); }
  Var loss() const { return ssl::nt_xent(head(mean(net(x), {2, 3})), 0.5); }
};

struct MaskedLm : nn::Module {
  MaskedLm() : net({.vocabulary = 8192, .length = 64, .dim = 128}) {
    const ssl::TokenBatch batch{.tokens = randint({32, 64}, ssl::kSpecials, 8192), .padding = zeros({32, 64})};
    masked = ssl::mlm_mask(batch, {.vocabulary = 8192}, default_generator());
  }
  void members(nn::Visitor& visit) override { visit("body", net.body), visit("head", net.head); }
  Var loss() const { return net.loss(masked); }
  ssl::MaskedLM net;
  ssl::Masked masked;
};

// The same loss from the logits of all positions, most of which it does not need.
struct MaskedLmAll : MaskedLm {
  Var loss() const {
    return nn::cross_entropy(index_select(net.logits(masked.batch), 0, masked.positions), masked.targets);
  }
};

// What feeds the step of "simclr": two views, turned, stretched, moved and faded, of 64 images.
Work views() {
  const ssl::Augmentation drawn =
      ssl::compose({ssl::affine({.rotation = 20, .log_scale = 0.35, .log_aspect = 0.2, .shear = 0.3, .shift = 0.125}),
                    ssl::fading(0.6)});
  return [drawn, x = uniform({64, 1, 28, 28}, 0, 1)] { ssl::two_views(drawn, x, default_generator()); };
}

struct Perceptron : nn::Module {
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return nn::cross_entropy(net(x), y); }
  nn::Sequential net{nn::Linear({.in = 784, .out = 256}), nn::ReLU(), nn::Linear({.in = 256, .out = 128}), nn::ReLU(),
                     nn::Linear({.in = 128, .out = 10})};
  Var x = randn({64, 784});
  Indices y = randint({64}, 0, 10);
};

// By sharpness-aware minimisation.
Work sam() {
  auto model = std::make_shared<Perceptron>();
  auto optimizer = std::make_shared<optim::SGD>(model->parameters(), optim::SgdOptions{.lr = 0.01, .momentum = 0.9});
  auto sam = std::make_shared<optim::Sam>(*optimizer, optim::SamOptions{.rho = 0.05});
  return [model, optimizer, sam] { sam->step([&] { return model->loss(); }); };
}

// A Hessian times a vector, and beside it a gradient of the same loss: what one costs in units of the other. (Without a
// counterpart in side_by_side.py.)
Work gradient() {
  auto model = std::make_shared<Perceptron>();
  return [model, p = model->parameters()] { grad(model->loss(), p); };
}
Work hessian_product() {
  auto model = std::make_shared<Perceptron>();
  std::vector<Tensor> v;
  for (const Var& w : model->parameters()) v.push_back(randn(w.shape()));
  return [model, v, p = model->parameters()] { hvp([&] { return model->loss(); }, p, v); };
}

}  // namespace

Cases method_steps() {
  return {{"nade 784-128", [] { return training(Nade()); }},
          {"wavenet", [] { return training(Wavenet()); }},
          {"gated pixelcnn", [] { return training(GatedPixelCnn()); }},
          {"image transformer", [] { return training(ImageTransformer()); }},
          {"simclr", [] { return training(Simclr()); }},
          {"simclr views", views},
          {"masked lm", [] { return training<MaskedLm, optim::AdamW>(MaskedLm()); }},
          {"masked lm, all logits", [] { return training<MaskedLmAll, optim::AdamW>(MaskedLmAll()); }},
          {"sam mlp 784-256-128-10", sam},
          {"gradient mlp 784-256-128-10", gradient},
          {"hvp mlp 784-256-128-10", hessian_product}};
}

}  // namespace bijou::bench

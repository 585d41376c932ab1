// Training steps, the same as in side_by_side.py line for line.
#include "autograd/conv.h"
#include "autograd/map.h"
#include "flows/coupling.h"
#include "flows/flow.h"
#include "flows/glow.h"
#include "flows/maf.h"
#include "nn/conv.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/norm.h"
#include "nn/recurrent.h"
#include "nn/sequential.h"
#include "nn/transformer.h"
#include "tests/bench/bench.h"

// Laid out by hand, like the table that it is.
// clang-format off

namespace bijou::bench {
namespace {

constexpr real kHalfLog2Pi = real(0.9189385332046727);

struct Mlp : nn::Module {
  explicit Mlp(std::vector<int64_t> sizes) : x(randn({64, sizes[0]})), y(randint({64}, 0, index(sizes.back()))) {
    for (size_t i = 0; i + 1 < sizes.size(); ++i) layers.push_back(nn::Linear({.in = sizes[i], .out = sizes[i + 1]}));
  }
  void members(nn::Visitor& visit) override { visit("layers", layers); }
  Var loss() const {
    Var h = x;
    for (size_t i = 0; i < layers.size(); ++i) h = i ? layers[i](relu(h)) : layers[i](h);
    return nn::cross_entropy(h, y);
  }
  std::vector<nn::Linear> layers;
  Var x;
  Indices y;
};

// The flow's density is maximised at the same batch, over and over.
struct Density : nn::Module {
  Density(flows::Chain chain, Tensor x) : flow(chain, flows::StandardNormal({x.numel() / x.size(0)})), x(x) {}
  void members(nn::Visitor& visit) override { visit("flow", flow); }
  Var loss() const { return -mean(flow.log_prob(x)); }
  flows::Flow flow;
  Tensor x;
};

// Eight couplings of two numbers; C asks its network for `params` numbers.
template <class C>
Density coupling_2d(int64_t params) {
  flows::Chain chain;
  for (int i = 0; i < 8; ++i)
    chain.add(C({.features = 2, .flip = i % 2 == 1}, flows::mlp({.in = 1, .out = params, .zero = false})));
  return Density(chain, randn({256, 2}));
}

Density glow() {
  const flows::ImageFlowOptions o{.image = {3, 32, 32}, .levels = 3, .steps = 4, .width = 64};
  return Density(flows::Chain(flows::glow(o)), randn({16, 3, 32, 32}));
}

Density maf() {
  flows::Chain chain;
  for (int k = 0; k < 5; ++k) {
    std::vector<int64_t> ordering;
    for (int64_t i = 0; i < 43; ++i) ordering.push_back(k % 2 ? 42 - i : i);
    chain.add(flows::Maf({.features = 43, .hidden = {512, 512}, .ordering = ordering}));
  }
  return Density(chain, randn({100, 43}));
}

struct Planar : nn::Module {
  Planar() : u(parameter(randn({32, 2}))), w(parameter(randn({32, 2}))), b(parameter(randn({32}))), x(randn({256, 2})) {}
  void members(nn::Visitor& visit) override { visit("u", u), visit("w", w), visit("b", b); }
  Var loss() const {
    Var z = x, log_det;
    for (int64_t k = 0; k < 32; ++k) {
      const Var uk = slice(u, 0, k, k + 1), wk = slice(w, 0, k, k + 1), bk = slice(b, 0, k, k + 1);
      const Var wu = sum(wk * uk), ww = sum(wk * wk);
      const Var u_hat = map([](auto u, auto w, auto wu, auto ww) { return u + (softplus(wu) - 1 - wu) * w / ww; }, uk, wk,
                            wu, ww);
      const Var a = linear(z, wk, bk);  // [256, 1]
      const Var ld = map_sum([](auto a, auto c) { const auto h = tanh(a); return log1p(c * (1 - h * h)); }, 1, a,
                             sum(wk * u_hat));
      log_det = log_det ? log_det + ld : ld;
      z = map([](auto z, auto u, auto a) { return z + u * tanh(a); }, z, u_hat, a);
    }
    return mean(map_sum([](auto z) { return z * z * real(0.5); }, 1, z) - log_det);
  }
  Var u, w, b, x;
};

struct Made : nn::Module {
  Made() : x(randn({100, 43})) {
    const int64_t sizes[] = {43, 512, 512, 86};
    for (int i = 0; i < 3; ++i) {
      layers.push_back(nn::Linear({.in = sizes[i], .out = sizes[i + 1]}));
      masks.push_back(bernoulli({sizes[i + 1], sizes[i]}, 0.5));
    }
  }
  void members(nn::Visitor& visit) override { visit("layers", layers); }
  Var loss() const {
    Var h = x;
    for (size_t i = 0; i < 3; ++i) {
      h = linear(h, layers[i].weight * masks[i], layers[i].bias);
      if (i < 2) h = relu(h);
    }
    const std::vector<Var> st = split(h, 43, 1);
    return mean(map_sum([](auto x, auto mu, auto alpha) {
      const auto z = (x - mu) * exp(-alpha);
      return z * z * real(0.5) + kHalfLog2Pi + alpha;
    }, 1, x, st[0], st[1]));
  }
  std::vector<nn::Linear> layers;
  std::vector<Var> masks;
  Var x;
};

struct Vae : nn::Module {
  nn::Linear encode{{.in = 784, .out = 400}}, mean_of{{.in = 400, .out = 20}}, log_var_of{{.in = 400, .out = 20}};
  nn::Linear hidden{{.in = 20, .out = 400}}, decode{{.in = 400, .out = 784}};
  Var x = bernoulli({128, 784}, 0.3);
  void members(nn::Visitor& visit) override {
    visit("encode", encode), visit("mean", mean_of), visit("log_var", log_var_of), visit("hidden", hidden);
    visit("decode", decode);
  }
  Var loss() const {
    const Var h = relu(encode(x)), mu = mean_of(h), log_var = log_var_of(h), noise = randn(mu.shape());
    const Var z = map([](auto m, auto lv, auto e) { return m + exp(lv * real(0.5)) * e; }, mu, log_var, noise);
    const Var logits = decode(relu(hidden(z)));
    const Var reconstruction = map_sum([](auto a, auto x) { return softplus(a) - x * a; }, 0, logits, x);
    const Var kl = map_sum([](auto m, auto lv) { return (m * m + exp(lv) - lv - 1) * real(0.5); }, 0, mu, log_var);
    return (reconstruction + kl) * real(1.0 / 128);
  }
};

struct ConvEncoder : nn::Module {
  nn::Sequential net{nn::Conv2d({.in = 1, .out = 32, .kernel = 3, .padding = 1}), nn::BatchNorm2d({.channels = 32}),
                     nn::ReLU(), nn::Conv2d({.in = 32, .out = 64, .kernel = 3, .stride = 2, .padding = 1}),
                     nn::BatchNorm2d({.channels = 64}), nn::ReLU(),
                     nn::Conv2d({.in = 64, .out = 128, .kernel = 3, .stride = 2, .padding = 1}),
                     nn::BatchNorm2d({.channels = 128}), nn::ReLU()};
  Var x = randn({256, 1, 28, 28});
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return mean(square(net(x))); }
};

struct PixelCnn : nn::Module {
  nn::Sequential net{nn::Conv2d({.in = 1, .out = 64, .kernel = 7, .padding = 3}), nn::ReLU()};
  Var x = uniform({16, 1, 28, 28}, 0, 1);
  Indices y = randint({16 * 28 * 28}, 0, 256);
  PixelCnn() {
    for (int i = 0; i < 6; ++i)
      net.add(nn::Conv2d({.in = 64, .out = 64, .kernel = 3, .padding = 1})).add(nn::ReLU());
    net.add(nn::Conv2d({.in = 64, .out = 256, .kernel = 1}));
  }
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return nn::cross_entropy(reshape(permute(net(x), {0, 2, 3, 1}), {-1, 256}), y); }
};

struct Transformer : nn::Module {
  nn::Embedding tokens{{.count = 8192, .dim = 128}};
  Var positions = parameter(randn({64, 128}));
  std::vector<nn::TransformerBlock> blocks;
  nn::LayerNorm norm{{.size = 128}};
  nn::Linear head{{.in = 128, .out = 8192}};
  Indices ids = randint({32, 64}, 0, 8192), y = randint({32 * 64}, 0, 8192);
  Transformer() {
    for (int i = 0; i < 2; ++i) blocks.push_back(nn::TransformerBlock({.dim = 128, .heads = 4, .feedforward = 512}));
  }
  void members(nn::Visitor& visit) override {
    visit("tokens", tokens), visit("positions", positions), visit("blocks", blocks), visit("norm", norm), visit("head", head);
  }
  Var loss() const {
    Var h = tokens(ids) + positions;
    for (const nn::TransformerBlock& block : blocks) h = block(h, {.causal = true, .positions = {}, .key_padding = {}});
    return nn::cross_entropy(reshape(head(norm(h)), {-1, 8192}), y);
  }
};

struct Gru : nn::Module {
  nn::GRU net{{.in = 128, .hidden = 128}};
  Var x = randn({32, 64, 128});
  void members(nn::Visitor& visit) override { visit("net", net); }
  Var loss() const { return mean(square(net(x).output)); }
};

}  // namespace

Cases training_steps() {
  return {{"mlp 784-256-128-10", [] { return training(Mlp({784, 256, 128, 10})); }},
          {"mlp 784-32-10", [] { return training(Mlp({784, 32, 10})); }},
          {"realnvp 2-d", [] { return training(coupling_2d<flows::AffineCoupling>(2)); }},
          {"rq-nsf 2-d", [] { return training(coupling_2d<flows::SplineCoupling>(23)); }},
          {"glow 3x32x32", [] { return training(glow()); }},
          {"maf 43-d 5x512", [] { return training(maf()); }},
          {"planar 32", [] { return training(Planar()); }},
          {"made 43-512-512-86", [] { return training(Made()); }},
          {"vae 784-400-20", [] { return training(Vae()); }},
          {"conv encoder", [] { return training(ConvEncoder()); }},
          {"pixelcnn stack", [] { return training(PixelCnn()); }},
          {"transformer", [] { return training<Transformer, optim::AdamW>(Transformer()); }},
          {"gru 128", [] { return training(Gru()); }}};
}

}  // namespace bijou::bench

// The models that flows stand among, on the same pictures, with about the same time to learn: how likely each holds new
// pictures to be, and what it draws itself.
//
//   family --epochs 100                            generated digits, longer
//   family --data DIR --dataset mnist --images 50000
//
// family.png: a row of samples for each model, below a row of data.
#include <cmath>
#include <cstdio>

#include "autograd/map.h"
#include "examples/experiments/dbm.h"
#include "examples/experiments/gan.h"
#include "examples/experiments/rbm.h"
#include "examples/experiments/vae.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/result.h"
#include "flows/base.h"
#include "flows/coupling.h"
#include "flows/dequantize.h"
#include "nn/binary_made.h"
#include "nn/distributions.h"
#include "nn/eonade.h"
#include "nn/nade.h"
#include "nn/pixelcnn.h"
#include "tensor/elementwise.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

constexpr int64_t kSamples = 16;  // of each model in the picture

// p(x) = Σ_k softmax(a)_k Π_i Bernoulli(x_i; σ(l_ki)), begun at examples.
struct BernoulliMixture : nn::Module {
  BernoulliMixture(int64_t components, const Tensor& data)
      : a(parameter(zeros({components}))), l(parameter(some_of(data, components, 0) * 2 - real(1))) {}
  Var log_prob(const Tensor& x) const {  // log Bernoulli(x; σ(l)) = x l - log(1 + exp(l))
    const Var nothing = map_sum([](auto l) { return softplus(l); }, 1, l);
    return logsumexp(matmul(x, l, {.transpose_b = true}) + (log_softmax(a, 0) - nothing), 1);
  }
  Tensor sample(int64_t n, Generator& g) const {
    const Indices k = categorical(broadcast_to(a.value(), {n, a.numel()}), g);
    return bernoulli_of(sigmoid(index_select(l.value(), 0, k)), g);
  }
  void members(nn::Visitor& visit) override { visit("a", a), visit("l", l); }

  Var a, l;  // [K], [K, D]
};

struct Entry {
  std::string name, kind;  // kind: how it comes by log p(x)
  double nats;
  Tensor samples;  // [kSamples, D]
  int64_t parameters;
};

// All models, one after the other.
class Family {
 public:
  Family(const BinarySets& sets, const Run& run)
      : sets_(sets), run_(run), features_(sets.train.size(1)), g_(run.seed + 1) {}

  Entry independent() {
    const Tensor logits = logits_of_means(sets_.train);
    const double nats = mean_nats([&](const Tensor& x) { return nn::Bernoulli{logits}.log_prob_rows(x); }, sets_.test);
    return {"independent", "exact", nats, bernoulli_of(broadcast_to(sigmoid(logits), {kSamples, features_}), g_),
            features_};
  }
  Entry mixture() {
    BernoulliMixture m(100, sets_.train);
    const double nats = learn(options("mixture", 1, 0.05), m, [&](const Tensor& x) { return m.log_prob(x); });
    return {"mixture", "exact", nats, m.sample(kSamples, g_), m.num_parameters()};
  }
  Entry rbm() {
    Rbm m({.visible = features_, .hidden = 200}, sets_.train);
    train_rbm(m, sets_, options("rbm", 1, 3e-3), {});
    const double log_z = annealed_log_z(m, rbm_annealing(m, sets_.train, 2000), g_).value;
    const double nats = log_z + mean_nats([&](const Tensor& x) { return m.free_energy(x) * real(-1); }, sets_.test);
    return {"RBM", "estimate", nats, m.gibbs(coins(kSamples, features_), 500, g_), m.num_parameters()};
  }
  Entry dbm() {
    const Pretrained layers = pretrain(200, 100, sets_, options("dbm", 0.3, 3e-3));
    Dbm m(layers.lower, layers.upper);
    train_dbm(m, sets_, options("dbm", 0.4, 3e-3), 1);
    const double log_z = annealed_log_z(m.as_rbm(), dbm_annealing(m, sets_.train, 2000), g_).value;
    const double nats = log_z + mean_nats([&](const Tensor& x) { return m.bound(x); }, sets_.test);
    Dbm::State state{coins(kSamples, features_), coins(kSamples, 100)};
    m.gibbs(state, 500, g_);
    return {"DBM", "estimate", nats, state.v, m.num_parameters()};
  }
  Entry vae() {
    Vae m({.features = features_, .latent = 16});
    learn(options("vae", 1, 2e-3), m, [&](const Tensor& x) { return m.elbo(x); });
    const double nats = importance_nats(m, sets_.test, 100, g_);
    return {"VAE", "bound", nats, bernoulli_of(m.decode(randn({kSamples, 16}, g_)), g_), m.num_parameters()};
  }
  Entry nade() {
    nn::Nade m({.features = features_, .hidden = 100});
    const double nats = learn(options("nade", 1, 4e-3), m, [&](const Tensor& x) { return m.log_prob(x); });
    return {"NADE", "exact", nats, m.sample(kSamples, {}, g_), m.num_parameters()};
  }
  Entry eonade() {
    nn::OrderlessNade m({.features = features_, .hidden = {120}, .orderings = 2, .seed = run_.seed});
    auto estimate = [&](const Tensor& x) {  // of all orderings together; exact nats take a pass for each pixel
      Generator same(1);
      return -m.loss(x, same);
    };
    const auto shown_some = [&](const Tensor& x) { return -m.loss(x); };
    learn(options("eonade", 1, 4e-3), m, shown_some, estimate);
    const double nats = mean_nats([&](const Tensor& x) { return m.ensemble_log_prob(x); }, sets_.test);
    return {"EoNADE", "exact", nats, m.sample(kSamples, {}, g_), m.num_parameters()};
  }
  Entry made() {
    nn::BinaryMade m({.features = features_, .hidden = {300}, .direct = true, .masks = 4, .seed = run_.seed});
    int64_t step = 0;
    const double nats = learn(
        options("made", 1, 3e-3), m, [&](const Tensor& x) { return m.use_mask(step++ % 4), m.log_prob(x); },
        [&](const Tensor& x) { return m.ensemble_log_prob(x); });
    return {"MADE", "exact", nats, m.sample(kSamples, {}, g_), m.num_parameters()};
  }
  Entry pixelcnn() {
    nn::PixelCnn m({.image = {1, sets_.image[0], sets_.image[1]}, .channels = 16, .layers = 3});
    auto as_image = [&](const Tensor& x) { return x.reshape({-1, 1, sets_.image[0], sets_.image[1]}); };
    const double nats =
        learn(options("pixelcnn", 0.1, 5e-3), m, [&](const Tensor& x) { return m.log_prob(as_image(x)); });
    return {"PixelCNN", "exact", nats, m.sample(kSamples, {}, g_).reshape({kSamples, -1}), m.num_parameters()};
  }
  Entry flow() {
    // A dequantised pixel is white in the upper half of [-1, 1]. A spline can give each half a density of its own,
    // which the affine maps of RealNVP cannot: they end near 70 nats.
    constexpr int64_t kBins = 4;
    flows::Chain couplings;
    for (const bool odd : {false, true})
      couplings.add(flows::SplineCoupling(
          {.features = features_, .mask = flows::checkerboard(sets_.image[0], sets_.image[1], odd).reshape({-1})},
          flows::mlp({.in = features_, .out = (3 * kBins - 1) * features_, .hidden = {100}}), kBins, {.bound = 1}));
    flows::Flow m(couplings, flows::Uniform({features_}, real(-1.0001), real(1.0001)));  // with room for rounding
    const double nats = learn(options("flow", 0.25, 1e-2), m, [&](const Tensor& x) {
      return m.log_prob(flows::dequantize(x, 2).v * real(2) - real(1));  // log P(x) too: halves have length 1
    });
    const NoGrad guard;
    return {"flow", "bound", nats, m.sample(kSamples, {}, g_).value() > real(0), m.num_parameters()};
  }
  Entry gan() {
    constexpr int64_t kBatch = 64;
    const Gan m =
        train_gan({.loss = "wgan-gp",
                   .data_dim = features_,
                   .latent = 32,
                   .hidden = 256,
                   .unit_range = true,
                   .steps = epochs(0.2) * (sets_.train.size(0) / kBatch),
                   .batch = kBatch,
                   .critic_steps = 3,
                   .lr = 5e-4,
                   .seed = run_.seed,
                   .data =
                       [&](int64_t n, Generator& g) {
                         return index_select(sets_.train, 0, randint({n}, 0, bijou::index(sets_.train.size(0)), g));
                       },
                   .report = [](double) { return !interrupted(); }});
    return {"GAN", "none", NAN, m.sample(kSamples, g_) > real(0.5), m.generator.num_parameters()};
  }

 private:
  // share: of the epochs, so that each model takes about as long.
  int epochs(double share) const { return std::max(1, int(share * run_.epochs + 0.5)); }
  FitOptions options(const std::string& name, double share, double lr) const {
    return {.title = name, .epochs = epochs(share), .lr = lr, .seed = run_.seed};
  }
  Tensor coins(int64_t n, int64_t units) { return bernoulli({n, units}, 0.5, g_); }  // where Gibbs chains begin
  double learn(const FitOptions& o, nn::Module& m, const LogProb& log_prob, const LogProb& judge = {}) {
    return fit(m, log_prob, sets_, o, judge).test;
  }

  const BinarySets& sets_;
  const Run& run_;
  int64_t features_;
  Generator g_;
};

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "family", .about = "Generative models side by side.", .epochs = 20});
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, or digits (drawn by bijou), in black and white");
  if (dataset != "mnist" && dataset != "digits") args.refuse("--dataset: there is no '" + dataset + "'");
  const int images = args.option("images", 10000, "to learn from, at most; a tenth as many to judge by", 100);
  const Run run = args.done();
  BinarySets sets = load_binary(dataset, run.data);
  sets.train = some_of(sets.train, images, run.seed), sets.valid = some_of(sets.valid, images / 10, run.seed);
  sets.test = some_of(sets.test, images / 10, run.seed);
  manual_seed(run.seed);
  Family family(sets, run);

  Result result("family");
  result.set("dataset", dataset);
  std::vector<Tensor> rows{some_of(sets.test, kSamples, run.seed)};
  std::printf("%-12s %8s  %-9s %10s\n", "model", "nats", "log p(x)", "parameters");
  for (auto model : {&Family::independent, &Family::mixture, &Family::rbm, &Family::dbm, &Family::vae, &Family::nade,
                     &Family::eonade, &Family::made, &Family::pixelcnn, &Family::flow, &Family::gan}) {
    const Entry e = (family.*model)();
    if (interrupted()) return 130;
    std::printf("%-12s %8.2f  %-9s %10lld\n", e.name.c_str(), e.nats, e.kind.c_str(), (long long)e.parameters);
    if (e.kind != "none") result.set(e.name, e.nats);
    rows.push_back(e.samples);
  }
  write_png(run.out + "/family.png", binary_grid(concat(rows, 0), sets.image, int(kSamples)), 3);
  std::printf("family.png in %s: data, then a row for each model.\n", run.out.c_str());
  result.print();
}

// The variational autoencoder, with three kinds of posterior, and what its latent variables hold.
//
//   vae --data DIR --dataset mnist --posterior iaf --hidden 500 --latent 40 --epochs 200 --minutes 10 --samples 500
//   vae --likelihood normal            grey images instead of black and white ones
//   vae --train-samples 5              trained on the importance-weighted bound instead of the ELBO
//
// traversals.png: an image, and what becomes of it where one latent after the other goes from -3 to 3, the most telling
// first. manifold.png: a second VAE with two latents only; its whole latent plane, as images.
#include "examples/experiments/vae.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "autograd/ops.h"
#include "examples/experiments/density.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/result.h"

using namespace bijou;
using namespace bijou::support;
using experiments::Vae;

namespace {

constexpr int64_t kSteps = 9;  // of a traversal

// The place below which a standard normal number falls with probability p, by bisection.
double normal_quantile(double p) {
  double low = -8, high = 8;
  while (high - low > 1e-9) {
    const double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return low;
}

// A row for each of the most telling latents, while the others stay where the encoder sees x [1, D].
Tensor traversals(const Vae& vae, const Tensor& x, const Tensor& some, int64_t rows) {
  const NoGrad guard;
  const Indices order = argsort(latent_kl(vae, some), 0, {.descending = true});
  const Tensor z = vae.encode(x).mean.value();
  std::vector<Tensor> moved;
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t step = 0; step < kSteps; ++step) {
      moved.push_back(z.clone());
      moved.back().mutable_data()[order.data()[row]] = real(-3 + 6.0 * double(step) / double(kSteps - 1));
    }
  return vae.decode(concat(moved, 0));
}

// Images at the quantiles 1/2n, 3/2n, ... of both latents.
Tensor manifold(const Vae& vae, int64_t n) {
  Tensor z({n * n, 2});
  for (int64_t i = 0; i < n * n; ++i) {
    z.mutable_data()[2 * i] = real(normal_quantile((double(i % n) + 0.5) / double(n)));
    z.mutable_data()[2 * i + 1] = real(normal_quantile((double(i / n) + 0.5) / double(n)));
  }
  return vae.decode(z);
}

// 20 test images, each row followed by what is decoded from its z.
Tensor reconstructions(const Vae& vae, const Tensor& x) {
  const NoGrad guard;
  const Tensor y = vae.decode(vae.encode(x).mean.value());
  return concat({x.rows(0, 10), y.rows(0, 10), x.rows(10, 20), y.rows(10, 20)}, 0);
}

void pictures(const Vae& vae, const BinarySets& sets, const Run& run) {
  Generator g(run.seed + 1);
  auto write = [&](const char* name, const Tensor& x, int columns) {
    write_png(run.out + "/" + name, binary_grid(x, sets.image, columns), 3);
  };
  write("samples.png", vae.decode(randn({100, vae.options.latent}, g)), 10);
  if (vae.flow.list.empty()) {  // else the encoder's mean is not yet a z
    write("reconstructions.png", reconstructions(vae, experiments::some_of(sets.test, 20, run.seed)), 10);
    write("traversals.png",
          traversals(vae, experiments::some_of(sets.test, 1, run.seed), experiments::some_of(sets.test, 500, run.seed),
                     std::min<int64_t>(10, vae.options.latent)),
          int(kSteps));
  }
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "vae", .about = "Learns a density through latent variables.", .epochs = 20});
  std::vector<std::string> posteriors = experiments::posterior_names();
  posteriors.insert(posteriors.begin(), "all");
  const std::string dataset = args.option("dataset", "digits", "digits, mnist, ... (see nade --help)");
  const bool grey = args.choice("likelihood", {"bernoulli", "normal"}, "normal: for grey images") == "normal";
  const std::string posterior = args.choice("posterior", posteriors, "q(z | x)");
  const int flow_steps =
      args.option("flow-steps", 2, "of the inverse autoregressive flow; of planar ones four times as many", 1);
  const int hidden = args.option("hidden", 200, "units of each of two layers", 1);
  const int latent = args.option("latent", 16, "latent variables", 1);
  const int samples = args.option("samples", 100, "of the importance-weighted bound on the test set", 1);
  const int train_samples = args.option("train-samples", 1, "of the bound that is trained; 1: the ELBO", 1);
  const double lr = args.option("lr", 2e-3, "the highest learning rate");
  const double minutes = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const Run run = args.done();
  const BinarySets sets = grey ? experiments::load_grey(dataset, run.data) : load_binary(dataset, run.data);

  experiments::Fit fit;
  auto trained = [&](const std::string& name, int64_t latents) {
    manual_seed(run.seed);
    const Vae::Options options{.features = sets.train.size(1),
                               .latent = latents,
                               .hidden = {hidden, hidden},
                               .likelihood = grey ? Vae::Likelihood::kNormal : Vae::Likelihood::kBernoulli};
    Vae vae(options,
            experiments::posterior_flow(name, latents, hidden, name == "planar" ? 4 * flow_steps : flow_steps));
    auto bound = [&](const Tensor& x) { return train_samples > 1 ? vae.bound(x, train_samples) : vae.elbo(x); };
    fit = experiments::fit(vae, bound, sets,
                           {.title = "vae, " + std::to_string(latents) + " latents, " + name,
                            .epochs = run.epochs,
                            .minutes = minutes,
                            .lr = lr,
                            .seed = run.seed},
                           [&](const Tensor& x) { return vae.elbo(x); });
    return vae;
  };

  Result result("vae");
  result.set("dataset", dataset), result.set("latent", latent), result.set("samples", samples);
  Plot plot({.title = "VAE on " + dataset, .x_label = "minutes", .y_label = "-ELBO, validation (nats)"});
  std::printf("%-10s %8s %14s\n", "q(z | x)", "-ELBO", "bound of many");
  for (const std::string& name : experiments::posterior_names()) {
    if (posterior != "all" && posterior != name) continue;
    const Vae vae = trained(name, latent);
    if (interrupted()) return 130;
    Generator g(run.seed + 2);
    const double tighter = importance_nats(vae, sets.test, samples, g);
    std::printf("%-10s %8.2f %14.2f\n", name.c_str(), fit.test, tighter);
    result.set(name + "_elbo", fit.test), result.set(name + "_iwae", tighter);
    result.set(name + "_curve_minutes", fit.minutes), result.set(name + "_curve", fit.valid);
    plot.line({.label = name, .x = fit.minutes, .y = fit.valid});
    if (sets.image.rank() == 2 && (name == "normal" || posterior == name)) pictures(vae, sets, run);
  }
  if (fit.valid.size() > 1) plot.write(run.out + "/nats.svg");
  if (posterior == "all" && sets.image.rank() == 2) {
    const Vae plane = trained("normal", 2);
    if (interrupted()) return 130;
    write_png(run.out + "/manifold.png", binary_grid(manifold(plane, 16), sets.image, 16), 2);
  }
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
}

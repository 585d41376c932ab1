// The Hessian of a trained network: its largest eigenvalues, its trace, and the density of all the others, by products
// with vectors alone. Beside it the Gauss-Newton matrix and the empirical Fisher matrix, which are often taken for it.
//
//   hessian                                            trains a small network first
//   hessian --checkpoint out/sam/sam.safetensors       one that sam saved
//   hessian --checkpoint out/mnist/checkpoint.safetensors
//
// A checkpoint holds weights, not layers; those of a perceptron with ReLU (mnist --model mlp) and of sam's convnet can
// be told from their shapes, others are refused. (And batch normalisation, as in mnist --model conv, would blur what
// curvature means.) The loss is that of the data which sam notes in its checkpoints: the same images, the same wrong
// labels. Other checkpoints don't say; their labels count as right ones.
//
// A few eigenvalues stand out, about as many as there are classes; the many others lie around zero, and some below.
// L. Sagun et al., "Empirical analysis of the Hessian of over-parametrized neural networks", 2017; see
// optim/curvature.h.
#include <cmath>
#include <cstdio>
#include <fstream>

#include "examples/experiments/sam.h"
#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "nn/checkpoint.h"
#include "optim/sharpness.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

FlatRun trained(const NoisySets& data, int epochs, uint64_t seed) {
  Progress progress({.title = "training", .total = epochs, .unit = "epochs"});
  return train_flat(data, {.epochs = epochs, .seed = seed, .tick = [&](const std::string& note) {
                             progress.step(note);
                             return !interrupted();
                           }});
}

// The operator, with a bar that counts products.
optim::LinearOperator counted(const optim::LinearOperator& a, Progress& progress, const std::string& note) {
  return {a.size, [&progress, a, note](const Tensor& v) {
            progress.step(note);
            return a.matvec(v);
          }};
}

void print_eigenvalues(const char* name, const optim::Ritz& r) {
  std::printf("%-16s", name);
  for (size_t i = 0; i < std::min<size_t>(r.values.size(), 10); ++i) std::printf(" %8.3f", r.values[i]);
  std::printf("   largest residual %.1e, %d products\n", *std::max_element(r.residuals.begin(), r.residuals.end()),
              int(r.steps));
}

void draw_density(const std::string& path, const optim::Spectrum& s) {
  Plot({.title = "Eigenvalues of the Hessian", .x_label = "eigenvalue", .y_label = "density", .log_y = true})
      .line(density_line(s, (s.highest() - s.lowest()) / 100))
      .write(path);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "hessian", .about = "The spectrum of a network's Hessian.", .epochs = 20});
  const std::string checkpoint = args.option(
      "checkpoint", "", "a network saved by sam, or by mnist --model mlp; by default a small one is trained");
  const nn::Checkpoint saved = checkpoint.empty() ? nn::Checkpoint() : nn::load_checkpoint(checkpoint);
  const std::optional<NoisySetOptions> known = data_of(saved);
  NoisySetOptions of = known.value_or(NoisySetOptions{.noise = checkpoint.empty() ? 0.3 : 0});
  of.dataset = args.source("dataset", known ? of.dataset : "mnist", known ? of.dataset : "digits",
                           "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  of.noise = args.option("noise", of.noise, "part of the labels that are drawn anew");
  const int k = args.option("eigenvalues", 12, "how many, from the largest down", 1);
  const int steps = args.option("steps", 60, "products with a vector, at most, for each Lanczos run", 12);
  const int probes = args.option("probes", 4, "random vectors for the density", 1);
  const Run run = args.done();

  of.folder = run.data;
  if (!known) of.seed = run.seed;
  const NoisySets data = noisy_sets(of);
  const Shape image(std::span(data.train.images.shape().begin() + 1, 3));
  const FlatRun net = checkpoint.empty() ? trained(data, run.epochs, run.seed)
                                         : FlatRun{.net = classifier_of(saved.part("model"), image)};
  if (interrupted()) return std::printf("Stopped.\n"), 130;
  const std::vector<Var> parameters = net.net.parameters();
  const optim::Objective loss = training_loss(net, data);
  const double accurate = accuracy(net.net, data.test), mean_loss = optim::mean_loss(loss);
  std::printf("%s, %lld weights; training loss %.3f, %.1f %% of new images right\n", of.dataset.c_str(),
              (long long)net.net.num_parameters(), mean_loss, 100 * accurate);

  constexpr int kTrace = 30;
  Progress progress({.title = "curvature", .total = steps * (4 + probes) + 2 * kTrace, .unit = "products"});
  const optim::LinearOperator hessian = counted(optim::hessian_operator(loss, parameters), progress, "Hessian");
  const optim::LinearOperator gauss_newton =
      counted(optim::gauss_newton_operator(loss, parameters), progress, "Gauss-Newton");
  const optim::LinearOperator fisher = counted(optim::fisher_operator(loss, parameters), progress, "Fisher");
  const optim::LanczosOptions top{.k = k, .steps = std::max(steps, k), .tolerance = 1e-3, .seed = run.seed};
  const optim::Ritz h = optim::lanczos(hessian, top), g = optim::lanczos(gauss_newton, top),
                    f = optim::lanczos(fisher, top);
  const optim::Power power = optim::power_iteration(hessian, {.steps = steps, .tolerance = 1e-3, .seed = run.seed});
  const optim::Estimate plain = optim::hutchinson(hessian, {.probes = kTrace, .seed = run.seed});
  const optim::Estimate better = optim::hutch_pp(hessian, {.probes = kTrace, .seed = run.seed});
  const optim::Spectrum s = optim::spectrum(hessian, {.steps = steps, .probes = probes, .seed = run.seed});
  progress.finish();

  print_eigenvalues("Hessian", h), print_eigenvalues("Gauss-Newton", g), print_eigenvalues("Fisher", f);
  std::printf("power iteration   %8.3f   residual %.1e, %d products\n", power.value, power.residual, int(power.steps));
  std::printf("trace %.1f ± %.1f by Hutchinson, %.1f ± %.1f by Hutch++, %d products each\n", plain.mean, plain.error,
              better.mean, better.error, kTrace);
  std::printf("the spectrum reaches from %.3f to %.3f\n", s.lowest(), s.highest());
  const double sam = optim::sam_sharpness(loss, parameters, {.rho = 0.05});
  const double m_sharpness = optim::sam_sharpness(loss, parameters, {.rho = 0.05, .m = 100});
  std::printf("sharpness: the loss rises by %.3f within 0.05 (each hundred images on their own: %.3f); Keskar's %.2f\n",
              sam, m_sharpness, optim::keskar_sharpness(loss, parameters));

  draw_density(run.out + "/density.svg", s);
  Plot({.title = "The largest eigenvalues", .x_label = "number", .y_label = "eigenvalue"})
      .points({.label = "Hessian", .y = h.values})
      .points({.label = "Gauss-Newton", .y = g.values})
      .points({.label = "empirical Fisher", .y = f.values})
      .write(run.out + "/eigenvalues.svg");
  std::ofstream csv(run.out + "/spectrum.csv");
  csv << "eigenvalue,weight\n";
  for (size_t i = 0; i < s.values.size(); ++i) csv << s.values[i] << ',' << s.weights[i] << '\n';
  std::printf("Pictures and spectrum.csv are in %s.\n", run.out.c_str());

  Result result("hessian");
  result.set("dataset", of.dataset), result.set("weights", net.net.num_parameters()), result.set("loss", mean_loss);
  result.set("test_accuracy", accurate), result.set("eigenvalues", h.values), result.set("residuals", h.residuals);
  result.set("gauss_newton", g.values), result.set("fisher", f.values), result.set("power", power.value);
  result.set("power_products", power.steps), result.set("lanczos_products", h.steps);
  result.set("trace", better.mean), result.set("trace_error", better.error),
      result.set("hutchinson_error", plain.error);
  result.set("lowest", s.lowest()), result.set("sharpness", sam);
  result.set("m_sharpness", m_sharpness);
  result.print();
}

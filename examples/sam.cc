// Sharpness-aware minimisation, on few images with many wrong labels: test error as a function of ρ, for several sizes
// m of the groups that share an ε; the lecture's figure. Every arm starts from the same weights and sees the same
// batches.
//
// SGD learns the wrong labels too; SAM, the further it looks, the less, until it looks too far and learns nothing.
// Beside each arm stands what it reached when stopped early, by images held out: most of the gain is to be had that way
// too. And as a step of SAM is two gradients, SGD has a row with twice the epochs. Other ways to flat minima have a row
// each: averages of SGD's weights (optim/swa.h, ema.h), and the gradient's norm added to the loss (grad_norm.h).
//
//   sam --data DIR --seeds 5            MNIST; --dataset fashion-mnist or cifar10, --model conv for others
//   sam --rho .1,.2 --group 64,16,4 --norm 2,4,inf --noise 0
//   sam --second-order                  with what the paper drops
//
// With another norm p, rho is given as for p = 2, and multiplied by n^(1/p - 1/2) for n weights: the length of a step
// whose numbers are all of one size. P. Foret et al., ICLR 2021; see optim/sam.h.
#include "examples/experiments/sam.h"

#include <cmath>
#include <cstdio>
#include <fstream>

#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/statistics.h"
#include "examples/support/words.h"
#include "optim/landscape.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"
#include "tensor/reduce.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

struct Measured {  // over the seeds
  std::vector<double> test, early, valid, train, loss, lambda;
};

FlatTraining training_of(const FlatArm& arm, int64_t weights, bool second_order) {
  const bool sam = arm.method == "sam" || arm.method == "asam";
  const double scale = std::pow(double(weights), 1 / arm.p - 0.5);
  return {.sam = {.rho = sam ? arm.rho * scale : 0,
                  .p = arm.p,
                  .adaptive = arm.method == "asam",
                  .m = arm.m,
                  .second_order = second_order},
          .gradient_norm = arm.method == "gradient_norm" ? arm.rho : 0,
          .averaging = arm.method == "swa"   ? Averaging::kSwa
                       : arm.method == "ema" ? Averaging::kEma
                                             : Averaging::kNone,
          .epochs = arm.epochs};
}

void print_row(Progress& progress, const FlatArm& arm, const Measured& m) {
  char line[160];
  std::snprintf(line, sizeof line, "%-28s %6.3f ± %.3f %8.3f %10.3f %9.3f %9.2f", arm.name().c_str(), mean_of(m.test),
                deviation_of(m.test), mean_of(m.early), mean_of(m.train), mean_of(m.loss), mean_of(m.lambda));
  progress.say(line);
}

void write_tables(const std::string& out, const std::vector<FlatArm>& arms, const std::vector<Measured>& all,
                  uint64_t seed) {
  std::ofstream csv(out + "/sweep.csv"), json(out + "/sweep.json");
  csv << "method,rho,m,p,epochs,seed,test,early,train,loss,lambda_max\n";
  json << "[";
  for (size_t i = 0; i < arms.size(); ++i)
    for (size_t s = 0; s < all[i].test.size(); ++s) {
      const FlatArm& a = arms[i];
      const Measured& m = all[i];
      csv << a.method << ',' << a.rho << ',' << a.m << ',' << a.p << ',' << a.epochs << ',' << seed + s << ','
          << m.test[s] << ',' << m.early[s] << ',' << m.train[s] << ',' << m.loss[s] << ',' << m.lambda[s] << '\n';
      Result row(a.method);
      row.set("rho", a.rho), row.set("m", a.m), row.set("epochs", a.epochs);
      if (std::isinf(a.p)) row.set("p", "inf");  // for which JSON has no number
      else row.set("p", a.p);
      row.set("seed", int64_t(seed + s)), row.set("test", m.test[s]), row.set("early", m.early[s]);
      row.set("train", m.train[s]), row.set("loss", m.loss[s]), row.set("lambda_max", m.lambda[s]);
      json << (i + s ? ",\n " : "\n ") << row.json();
    }
  json << "\n]\n";
}

// The lecture's figure: test error over ρ, a line for each m and p; and the same where training was stopped early.
void draw_sweep(const std::string& out, const std::string& dataset, const std::vector<FlatArm>& arms,
                const std::vector<Measured>& all) {
  Plot plot({.title = "SAM on " + dataset, .x_label = "rho", .y_label = "test images read wrong (%)"});
  auto error = [](const std::vector<double>& accuracies) { return 100 * (1 - mean_of(accuracies)); };
  for (size_t i = 1; arms[i].method == "sam";) {
    const FlatArm& first = arms[i];
    char label[40];
    std::snprintf(label, sizeof label, "m = %d, p = %g", int(first.m), first.p);
    Series line{.label = label}, early{.label = std::string(label) + ", stopped early"};
    auto add = [&](double rho, const Measured& m) {
      line.x.push_back(rho), line.y.push_back(error(m.test)), line.error.push_back(100 * deviation_of(m.test));
      early.x.push_back(rho), early.y.push_back(error(m.early));
    };
    add(0, all[0]);
    const bool is_first = i == 1;
    for (; arms[i].method == "sam" && arms[i].m == first.m && arms[i].p == first.p; ++i) add(arms[i].rho, all[i]);
    plot.line(line);
    if (is_first) plot.points(early);
  }
  plot.write(out + "/error.svg");
}

std::vector<double> steps(double low, double high, int n) {
  std::vector<double> t;
  for (int i = 0; i < n; ++i) t.push_back(low + (high - low) * i / (n - 1));
  return t;
}

void draw_spectra(const std::string& out, const NoisySets& data, const FlatRun& sgd, const FlatRun& sam) {
  Plot plot({.title = "Eigenvalues of the Hessian", .x_label = "eigenvalue", .y_label = "density", .log_y = true});
  double width = 0;
  for (const auto& [label, run] : {std::pair("SGD", &sgd), std::pair("SAM", &sam)}) {
    const optim::LinearOperator hessian =
        optim::hessian_operator(training_loss(*run, data, 500), run->net.parameters());
    const optim::Spectrum s = optim::spectrum(hessian, {.steps = 40, .probes = 3});
    if (width == 0) width = (s.highest() - s.lowest()) / 80;
    plot.line(density_line(s, width, label));
  }
  plot.write(out + "/spectrum.svg");
}

void draw_surfaces(const std::string& out, const NoisySets& data, const FlatRun& sgd, const FlatRun& sam,
                   uint64_t seed) {
  Plot line({.title = "Along a random direction, filter by filter", .x_label = "distance", .y_label = "training loss"});
  std::vector<Tensor> planes;
  for (const auto& [label, run] : {std::pair("SGD", &sgd), std::pair("SAM", &sam)}) {
    const optim::Objective loss = training_loss(*run, data, 500);
    const std::vector<Var> p = run->net.parameters();
    auto value = [&] { return optim::mean_loss(loss); };
    Generator g = Generator(seed).fork(40);
    const optim::Direction a = optim::filter_normalized_direction(p, g), b = optim::filter_normalized_direction(p, g);
    const std::vector<double> t = steps(-1, 1, 41), coarse = steps(-1, 1, 17);
    line.line({.label = label, .x = t, .y = optim::along(p, a, t, value)});
    planes.push_back(log(optim::over_plane(p, a, b, coarse, coarse, value)));
  }
  line.write(out + "/line.svg");
  const double low = std::min(min(planes[0]).item(), min(planes[1]).item());
  const double high = std::max(max(planes[0]).item(), max(planes[1]).item());
  const Tensor both = concat({heat_map(planes[0], {.low = low, .high = high}), ones({3, 17, 1}),
                              heat_map(planes[1], {.low = low, .high = high})},
                             2);
  write_png(out + "/surface.png", both, 12);

  const std::vector<Var> from = sgd.net.parameters();
  const optim::Objective loss = training_loss(sgd, data, 500);
  Series train{.label = "training loss", .x = steps(-0.5, 1.5, 41)}, wrong{.label = "test error", .x = train.x};
  train.y = optim::along(from, optim::toward(from, sam.net.parameters()), train.x, [&] {
    wrong.y.push_back(1 - accuracy(sgd.net, data.test));
    return optim::mean_loss(loss);
  });
  Plot({.title = "From SGD's minimum (0) to SAM's (1)", .x_label = "way", .y_label = "loss, error"})
      .line(train)
      .line(wrong)
      .write(out + "/between.svg");
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "sam",
             .about = "Sharpness-aware minimisation against SGD where labels are wrong.",
             .epochs = 30,
             .least_epochs = 1});
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  const std::string model = args.choice("model", {"mlp", "conv"}, "the network");
  const std::string rhos = args.option("rho", "0.05,0.1,0.2,0.4", "how far to look; SGD is there in any case");
  const std::string ms = args.option("group", "64,16", "images that share an epsilon, of batches of 64");
  const std::string ps = args.option("norm", "2", "p, of the length of epsilon; inf is one");
  const std::string asam = args.option("asam", "1", "rho of adaptive SAM");
  const std::string lambdas = args.option("gradient-norm", "0.1", "lambda of the norm that is added to the loss");
  const bool second_order = args.flag("second-order", "SAM with the derivative of epsilon, which the paper drops");
  const int seeds = args.option("seeds", 1, "how many, from --seed on", 1);
  const double noise = args.option("noise", 0.3, "part of the labels that are drawn anew");
  const int images = args.option("train", 2000, "training images", 64);
  const Run run = args.done();

  const NoisySetOptions first_set{
      .dataset = dataset, .folder = run.data, .noise = noise, .train = images, .seed = run.seed};
  std::vector<NoisySets> sets;  // of each seed
  for (NoisySetOptions set = first_set; set.seed < run.seed + uint64_t(seeds); ++set.seed)
    sets.push_back(noisy_sets(set));
  const std::vector<FlatArm> arms = sweep({.rho = numbers(rhos),
                                           .m = numbers(ms),
                                           .p = numbers(ps),
                                           .asam = numbers(asam),
                                           .gradient_norm = numbers(lambdas),
                                           .epochs = run.epochs});
  std::vector<Measured> all(arms.size());
  std::vector<FlatRun> first_seed(arms.size());
  int64_t epochs = 0;
  for (const FlatArm& arm : arms) epochs += int64_t(arm.epochs) * seeds;
  auto pictured = [&](size_t i) { return i == 0 || (arms[i].method == "sam" && arms[i].m == arms[1].m); };
  Progress progress({.title = dataset + " " + model, .total = epochs, .unit = "epochs"});
  std::printf("%-28s %14s %8s %10s %9s %9s\n", "", "test", "early", "train", "loss", "lambda");
  for (size_t i = 0; i < arms.size(); ++i) {
    for (uint64_t seed = run.seed; seed < run.seed + uint64_t(seeds); ++seed) {
      const NoisySets& data = sets[seed - run.seed];
      const Shape image(std::span(data.train.images.shape().begin() + 1, 3));
      const int64_t weights = make_classifier(model, image, int64_t(data.train.classes.size())).num_parameters();
      FlatTraining training = training_of(arms[i], weights, second_order);
      training.model = model, training.seed = seed;
      training.curvature_along = seed == run.seed && pictured(i);
      training.tick = [&](const std::string& note) {
        progress.step(arms[i].name() + ", " + note);
        return !interrupted();
      };
      const FlatRun trained = train_flat(data, training);
      if (interrupted()) return std::printf("Stopped.\n"), 130;
      const optim::Objective loss = training_loss(trained, data);
      Measured& m = all[i];
      m.test.push_back(trained.test.back()), m.early.push_back(trained.early());
      m.valid.push_back(trained.valid.back()), m.train.push_back(accuracy(trained.net, data.train));
      m.loss.push_back(optim::mean_loss(loss)), m.lambda.push_back(lambda_max(loss, trained));
      if (seed == run.seed) first_seed[i] = trained;
    }
    print_row(progress, arms[i], all[i]);
  }
  progress.finish();
  write_tables(run.out, arms, all, run.seed);

  // The pictures show plain SGD, and that SAM, with the first m, which the images held out like best.
  constexpr size_t sgd = 0;
  size_t sam = 0;
  for (size_t i = 1; i < arms.size(); ++i)
    if (pictured(i) && (sam == 0 || mean_of(all[i].valid) > mean_of(all[sam].valid))) sam = i;
  Result result("sam");
  result.set("dataset", dataset), result.set("model", model), result.set("seeds", seeds);
  result.set("second_order", second_order);
  result.set("sgd_test", mean_of(all[sgd].test)), result.set("sgd_early", mean_of(all[sgd].early));
  result.set("sgd_long_test", mean_of(all.back().test)), result.set("sgd_lambda", mean_of(all[sgd].lambda));
  if (sam == 0) {
    std::printf("There is no SAM in the sweep: no pictures, no checkpoints.\n");
  } else {
    draw_sweep(run.out, dataset, arms, all);
    result.set("rho", arms[sam].rho), result.set("sam_test", mean_of(all[sam].test));
    result.set("sam_early", mean_of(all[sam].early)), result.set("sam_lambda", mean_of(all[sam].lambda));
    const NoisySets& data = sets[0];
    Plot({.title = "Sharpness along training", .x_label = "epoch", .y_label = "largest eigenvalue of the Hessian"})
        .line({.label = "SGD", .x = first_seed[sgd].lambda_epochs, .y = first_seed[sgd].lambdas})
        .line({.label = "SAM", .x = first_seed[sam].lambda_epochs, .y = first_seed[sam].lambdas})
        .write(run.out + "/lambda.svg");
    draw_spectra(run.out, data, first_seed[sgd], first_seed[sam]);
    draw_surfaces(run.out, data, first_seed[sgd], first_seed[sam], run.seed);
    save_classifier(run.out + "/sgd.safetensors", first_seed[sgd].net, first_set);
    save_classifier(run.out + "/sam.safetensors", first_seed[sam].net, first_set);
    std::printf("Pictures and checkpoints are in %s.\n", run.out.c_str());
  }
  std::printf("The sweep is in %s/sweep.csv and sweep.json.\n", run.out.c_str());
  result.print();
}

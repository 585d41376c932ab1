// Sharpness-aware minimisation, on few images with many wrong labels: test error as a function of ρ, for several sizes
// m of the groups that share an ε; the lecture's figure. Every arm starts from the same weights and sees the same
// batches.
//
// SGD learns the wrong labels too; SAM, the further it looks, the less, until it looks too far and learns nothing.
// Beside each arm stands what it reached when stopped early, by images held out: most of the gain is to be had that way
// too. And as a step of SAM is two gradients, SGD has a row with twice the epochs.
//
//   sam --data DIR --seeds 5            MNIST; --dataset fashion-mnist or cifar10, --model conv for others
//   sam --rho 0,.1,.2 --group 64,16,4 --norm 2,4,inf --noise 0
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
#include "nn/checkpoint.h"
#include "optim/landscape.h"
#include "optim/spectrum.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"
#include "tensor/reduce.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

struct Point {  // of the sweep
  double rho;   // as for p = 2
  int64_t m;
  double p;
  bool adaptive;
  int epochs;
  std::string name() const {
    char text[80];
    std::snprintf(text, sizeof text, "%s rho %g m %d p %g", adaptive ? "ASAM" : "SAM", rho, int(m), p);
    return rho > 0 ? text : "SGD " + std::to_string(epochs) + " epochs";
  }
};
struct Measured {  // over the seeds
  std::vector<double> test, early, valid, train, loss, lambda;
};

std::vector<Point> sweep(const std::string& rhos, const std::string& ms, const std::string& ps, const std::string& asam,
                         int epochs) {
  std::vector<Point> points;
  for (const double p : numbers(ps))
    for (const double m : numbers(ms))
      for (const double rho : numbers(rhos))
        if (rho > 0 || points.empty()) points.push_back({rho, int64_t(m), p, false, epochs});
  for (const double rho : numbers(asam)) points.push_back({rho, 64, 2, true, epochs});
  points.push_back({0, 64, 2, false, 2 * epochs});
  return points;
}

optim::SamOptions options_of(const Point& point, int64_t weights) {
  const double scale = std::pow(double(weights), 1 / point.p - 0.5);
  return {.rho = point.rho * scale, .p = point.p, .adaptive = point.adaptive, .m = point.m};
}

void print_row(Progress& progress, const Point& point, const Measured& m) {
  char line[160];
  std::snprintf(line, sizeof line, "%-28s %6.3f ± %.3f %8.3f %10.3f %9.3f %9.2f", point.name().c_str(), mean_of(m.test),
                deviation_of(m.test), mean_of(m.early), mean_of(m.train), mean_of(m.loss), mean_of(m.lambda));
  progress.say(line);
}

void write_tables(const std::string& out, const std::vector<Point>& points, const std::vector<Measured>& all,
                  uint64_t seed) {
  std::ofstream csv(out + "/sweep.csv"), json(out + "/sweep.json");
  csv << "method,rho,m,p,epochs,seed,test,early,train,loss,lambda_max\n";
  json << "[";
  for (size_t i = 0; i < points.size(); ++i)
    for (size_t s = 0; s < all[i].test.size(); ++s) {
      const Point& q = points[i];
      const Measured& m = all[i];
      const char* method = q.rho == 0 ? "sgd" : q.adaptive ? "asam" : "sam";
      csv << method << ',' << q.rho << ',' << q.m << ',' << q.p << ',' << q.epochs << ',' << seed + s << ','
          << m.test[s] << ',' << m.early[s] << ',' << m.train[s] << ',' << m.loss[s] << ',' << m.lambda[s] << '\n';
      Result row(method);
      row.set("rho", q.rho), row.set("m", q.m), row.set("p", q.p), row.set("epochs", q.epochs);
      row.set("seed", int64_t(seed + s)), row.set("test", m.test[s]), row.set("early", m.early[s]);
      row.set("train", m.train[s]), row.set("loss", m.loss[s]), row.set("lambda_max", m.lambda[s]);
      json << (i + s ? ",\n " : "\n ") << row.json();
    }
  json << "\n]\n";
}

// The lecture's figure: test error over ρ, a line for each m and p; and the same where training was stopped early.
void draw_sweep(const std::string& out, const std::string& dataset, const std::vector<Point>& points,
                const std::vector<Measured>& all) {
  Plot plot({.title = "SAM on " + dataset, .x_label = "rho", .y_label = "test images read wrong (%)"});
  auto error = [](const std::vector<double>& accuracies) { return 100 * (1 - mean_of(accuracies)); };
  for (size_t first = 0; first < points.size() && points[first].epochs == points[0].epochs;) {
    const Point& q = points[first];
    if (q.adaptive) break;
    char label[40];
    std::snprintf(label, sizeof label, "m = %d, p = %g", int(q.m), q.p);
    Series line{.label = label}, early{.label = std::string(label) + ", stopped early"};
    auto add = [&](double rho, const Measured& m) {
      line.x.push_back(rho), line.y.push_back(error(m.test)), line.error.push_back(100 * deviation_of(m.test));
      early.x.push_back(rho), early.y.push_back(error(m.early));
    };
    if (points[0].rho == 0) add(0, all[0]);
    size_t i = first;
    for (; i < points.size() && points[i].m == q.m && points[i].p == q.p && !points[i].adaptive &&
           points[i].epochs == q.epochs;
         ++i)
      if (points[i].rho > 0) add(points[i].rho, all[i]);
    plot.line(line);
    if (first == 0) plot.points(early);
    first = i;
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
    Series line{.label = label, .x = steps(s.lowest() - 3 * width, s.highest() + 3 * width, 300)};
    for (double x : line.x) line.y.push_back(std::max(s.density(x, width), 1e-7));
    plot.line(line);
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

void save(const std::string& path, const FlatRun& run) {
  nn::Checkpoint c;
  c.add("model", run.net.state_dict());
  nn::save_checkpoint(path, c);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "sam", .about = "Sharpness-aware minimisation against SGD where labels are wrong.", .epochs = 30});
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  const std::string model = args.choice("model", {"mlp", "conv"}, "the network");
  const std::string rhos = args.option("rho", "0,0.05,0.1,0.2,0.4", "how far to look; 0 is SGD");
  const std::string ms = args.option("group", "64,16", "images that share an epsilon, of batches of 64");
  const std::string ps = args.option("norm", "2", "p, of the length of epsilon; inf is one");
  const std::string asam = args.option("asam", "1", "rho of adaptive SAM");
  const int seeds = args.option("seeds", 1, "how many, from --seed on", 1);
  const double noise = args.option("noise", 0.3, "part of the labels that are drawn anew");
  const int images = args.option("train", 2000, "training images", 64);
  const Run run = args.done();

  std::vector<NoisySets> sets;  // of each seed
  for (uint64_t s = 0; s < uint64_t(seeds); ++s)
    sets.push_back(
        noisy_sets({.dataset = dataset, .folder = run.data, .noise = noise, .train = images, .seed = run.seed + s}));
  const std::vector<Point> points = sweep(rhos, ms, ps, asam, run.epochs);
  std::vector<Measured> all(points.size());
  std::vector<FlatRun> first_seed(points.size());
  int64_t epochs = 0;
  for (const Point& point : points) epochs += int64_t(point.epochs) * seeds;
  Progress progress({.title = dataset + " " + model, .total = epochs, .unit = "epochs"});
  std::printf("%-28s %14s %8s %10s %9s %9s\n", "", "test", "early", "train", "loss", "lambda");
  for (size_t i = 0; i < points.size(); ++i) {
    for (uint64_t seed = run.seed; seed < run.seed + uint64_t(seeds); ++seed) {
      const NoisySets& data = sets[seed - run.seed];
      const Shape image(std::span(data.train.images.shape().begin() + 1, 3));
      const int64_t weights = make_classifier(model, image, int64_t(data.train.classes.size())).num_parameters();
      const FlatRun trained = train_flat(data, {.model = model,
                                                .sam = options_of(points[i], weights),
                                                .epochs = points[i].epochs,
                                                .seed = seed,
                                                .curvature_along = seed == run.seed && points[i].m == 64,
                                                .tick = [&](const std::string& note) {
                                                  progress.step(points[i].name() + ", " + note);
                                                  return !interrupted();
                                                }});
      if (interrupted()) return std::printf("Stopped.\n"), 130;
      const optim::Objective loss = training_loss(trained, data);
      Measured& m = all[i];
      m.test.push_back(trained.test.back()), m.early.push_back(trained.early());
      m.valid.push_back(trained.valid.back()), m.train.push_back(accuracy(trained.net, data.train));
      m.loss.push_back(optim::mean_loss(loss)), m.lambda.push_back(lambda_max(loss, trained));
      if (seed == run.seed) first_seed[i] = trained;
    }
    print_row(progress, points[i], all[i]);
  }
  progress.finish();
  write_tables(run.out, points, all, run.seed);
  draw_sweep(run.out, dataset, points, all);

  // The pictures show plain SGD, and that SAM with m = 64 which the images held out like best.
  size_t sgd = 0, sam = 0;
  for (size_t i = 0; i < points.size(); ++i)
    if (points[i].rho > 0 && points[i].m == 64 && !points[i].adaptive &&
        (sam == 0 || mean_of(all[i].valid) > mean_of(all[sam].valid)))
      sam = i;
  Result result("sam");
  result.set("dataset", dataset), result.set("model", model), result.set("seeds", seeds);
  result.set("sgd_test", mean_of(all[sgd].test)), result.set("sgd_early", mean_of(all[sgd].early));
  result.set("sgd_long_test", mean_of(all.back().test)), result.set("sgd_lambda", mean_of(all[sgd].lambda));
  if (points[sgd].rho == 0 && sam > 0) {
    result.set("rho", points[sam].rho), result.set("sam_test", mean_of(all[sam].test));
    result.set("sam_early", mean_of(all[sam].early)), result.set("sam_lambda", mean_of(all[sam].lambda));
    const NoisySets& data = sets[0];
    const std::vector<double> x = steps(run.epochs / 10.0, run.epochs, int(first_seed[sgd].lambdas.size()));
    Plot({.title = "Sharpness along training", .x_label = "epoch", .y_label = "largest eigenvalue of the Hessian"})
        .line({.label = "SGD", .x = x, .y = first_seed[sgd].lambdas})
        .line({.label = "SAM", .x = x, .y = first_seed[sam].lambdas})
        .write(run.out + "/lambda.svg");
    draw_spectra(run.out, data, first_seed[sgd], first_seed[sam]);
    draw_surfaces(run.out, data, first_seed[sgd], first_seed[sam], run.seed);
    save(run.out + "/sgd.safetensors", first_seed[sgd]), save(run.out + "/sam.safetensors", first_seed[sam]);
  }
  std::printf("Pictures are in %s, the sweep in sweep.csv and sweep.json.\n", run.out.c_str());
  result.print();
}

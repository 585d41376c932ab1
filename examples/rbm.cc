// Boltzmann machines: what they hold to be likely, as samples and weights, and how likely, by annealing.
//
//   rbm --data DIR --dataset mnist --hidden 500 --epochs 150 --lr 1e-3
//   rbm --model dbm --data DIR --dataset mnist --hidden 500 --hidden2 500 --epochs 30 --lr 3e-4
//
// The likelihood needs Z, a sum over all states. First a machine so small that it can be summed up shows how far
// annealed importance sampling is to be trusted (annealing.svg). Then the large one is measured by it twice: up from
// independent units, which may miss some of Z, and down from samples that began at the data, which may overrate it.
#include "examples/experiments/rbm.h"

#include <cstdio>

#include "autograd/elementwise.h"
#include "examples/experiments/dbm.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/result.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

constexpr int64_t kShown = 100;

// log Z of a machine of few hidden units by more and more steps, beside the sum over all its states.
void check_annealing(const BinarySets& sets, const Run& run, Result& result) {
  Rbm small({.visible = sets.train.size(1), .hidden = 12}, sets.train);
  train_rbm(small, sets, {.title = "12 hidden units", .epochs = 5, .lr = 5e-3, .seed = run.seed}, {});
  const double exact = exact_log_z(small);
  Series estimates{.label = "annealed, one deviation"}, sum{.label = "sum over all states"};
  LogZ z{};
  for (const int64_t steps : {10, 30, 100, 300, 1000, 3000}) {
    Generator g(run.seed + 3);
    z = annealed_log_z(small, rbm_annealing(small, sets.train, steps), g);
    estimates.x.push_back(double(steps)), estimates.y.push_back(z.value), estimates.error.push_back(z.error);
    sum.x.push_back(double(steps)), sum.y.push_back(exact);
  }
  Plot({.title = "12 hidden units", .x_label = "steps of annealing", .y_label = "log Z", .log_x = true})
      .line(estimates)
      .line(sum)
      .write(run.out + "/annealing.svg");
  std::printf("12 hidden units: log Z = %.3f by summation, %.3f +- %.3f by annealing\n", exact, z.value, z.error);
  result.set("log_z_exact", exact), result.set("log_z_annealed", z.value);
}

void pictures(const Tensor& samples, const Tensor& w, const BinarySets& sets, const Fit& fit, const Run& run) {
  if (sets.image.rank() == 2) {
    write_png(run.out + "/samples.png", binary_grid(samples, sets.image, 10), 3);
    write_png(run.out + "/weights.png", weight_pictures(w, sets.image), 3);
  }
  if (fit.valid.size() > 1)
    Plot({.title = "Boltzmann machine", .x_label = "minutes", .y_label = "-log p (nats), validation, quick annealing"})
        .line({.x = fit.minutes, .y = fit.valid})
        .write(run.out + "/nats.svg");
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "rbm", .about = "Learns a density by a Boltzmann machine.", .epochs = 40});
  const std::string model = args.choice("model", {"rbm", "dbm"}, "one hidden layer, or two");
  const std::string dataset = args.choice("dataset", binary_names(), "the vectors");
  const int hidden = args.option("hidden", 100, "hidden units", 1);
  const int hidden2 = args.option("hidden2", 100, "of the second layer (dbm)", 1);
  const int rounds = args.option("rounds", 1, "of Gibbs sampling between updates", 1);
  const bool restart = args.flag("contrastive", "begin the chains at the data (CD-k) instead of where they were (rbm)");
  const double lr = args.option("lr", 3e-3, "the highest learning rate");
  const double minutes = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const int steps = args.option("annealing", 10000, "steps of annealing for the last measurement", 1);
  const Run run = args.done();
  const BinarySets sets = load_binary(dataset, run.data);
  manual_seed(run.seed);

  Result result("rbm");
  result.set("model", model), result.set("dataset", dataset), result.set("hidden", hidden);
  check_annealing(sets, run, result);
  if (interrupted()) return 130;
  const FitOptions options{
      .title = model + " on " + dataset, .epochs = run.epochs, .minutes = minutes, .lr = lr, .seed = run.seed};
  Generator g(run.seed + 1);
  const Tensor start = some_of(sets.test, kShown, run.seed);
  Fit fit;
  LogZ up, down;
  double energy;  // nats without log Z
  auto measure = [&](const Rbm& machine, const Tensor& samples, const Annealing& annealing) {
    up = annealed_log_z(machine, annealing, g), down = annealed_log_z_from(samples, machine, annealing, g);
  };
  if (model == "rbm") {
    Rbm rbm({.visible = sets.train.size(1), .hidden = hidden}, sets.train);
    fit = train_rbm(rbm, sets, options, {.rounds = rounds, .persistent = !restart});
    if (interrupted()) return 130;
    const Tensor v = rbm.gibbs(start, 1000, g);
    measure(rbm, v, rbm_annealing(rbm, sets.train, steps));
    energy = mean_nats([&](const Tensor& x) { return -rbm.free_energy(x); }, sets.test);
    pictures(rbm.visible(rbm.hidden(v)), rbm.w.value(), sets, fit, run);
  } else {
    FitOptions layer = options;
    layer.lr = 3 * lr, layer.minutes = minutes / 6;  // a machine of one layer bears more
    const Pretrained layers = pretrain(hidden, hidden2, sets, layer);
    if (interrupted()) return 130;
    Dbm dbm(layers.lower, layers.upper);
    fit = train_dbm(dbm, sets, options, rounds);
    if (interrupted()) return 130;
    Dbm::State state{start, dbm.mean_field(start).h2};
    const Tensor h1 = dbm.gibbs(state, 1000, g);
    measure(dbm.as_rbm(), h1, dbm_annealing(dbm, sets.train, steps));
    energy = mean_nats([&](const Tensor& x) { return dbm.bound(x); }, sets.test);
    pictures(Rbm(dbm.w1, dbm.b, dbm.c1).visible(h1), dbm.w1.value(), sets, fit, run);
  }
  std::printf("%s: %.2f nats%s on %lld test vectors by log Z = %.2f +- %.2f (annealing up),\n", model.c_str(),
              energy + up.value, model == "dbm" ? " at most" : "", (long long)sets.test.size(0), up.value, up.error);
  std::printf("%.2f by log Z = %.2f +- %.2f (down). Pictures are in %s.\n", energy + down.value, down.value, down.error,
              run.out.c_str());
  result.set("test_nats", energy + up.value), result.set("log_z", up.value), result.set("log_z_error", up.error);
  result.set("test_nats_down", energy + down.value), result.set("log_z_down", down.value);
  result.set("log_z_down_error", down.error);
  result.set("curve_minutes", fit.minutes), result.set("curve_valid_nats", fit.valid);
  result.print();
}

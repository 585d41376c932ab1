// NADE: the exact probability of a binary picture, pixel by pixel, and pictures drawn from it.
//
//   examples/nade --data DIR --dataset mnist --epochs 100 --minutes 20      the official binarized MNIST
//   examples/nade --data DIR --dataset mushrooms --epochs 200               a table (also dna, nips)
//   examples/nade --orderings 8                          one network for all orderings; 8 of them as an ensemble
//
// The recursion takes O(D H) for all D conditionals; the picture of the weights shows what each hidden unit looks for.
#include "nn/nade.h"

#include <cstdio>

#include "autograd/elementwise.h"
#include "examples/experiments/density.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/result.h"
#include "nn/eonade.h"

using namespace bijou;
using namespace bijou::support;

namespace {

// The curve, as a picture and in the result.
void show_curve(const experiments::Fit& fit, const std::string& title, const Run& run, Result& result) {
  result.set("curve_minutes", fit.minutes), result.set("curve_valid_nats", fit.valid);
  if (fit.valid.size() < 2) return;
  Plot({.title = title, .x_label = "minutes", .y_label = "-log p (nats)"})
      .line({.label = "train", .x = fit.minutes, .y = fit.train})
      .line({.label = "valid", .x = fit.minutes, .y = fit.valid})
      .write(run.out + "/nats.svg");
}

// Trains a network for all orderings, and says what one of them reaches and what several together; of test vectors only
// as many as `tested`, as each takes a pass for each of its numbers. The curve is that of the estimate by the loss.
void order_agnostic(const BinarySets& sets, int hidden, int orderings, int tested, const experiments::FitOptions& o,
                    const Run& run, Result& result) {
  nn::OrderlessNade model({.features = sets.train.size(1), .hidden = {hidden, hidden}, .orderings = orderings});
  auto estimate = [&](const Tensor& x) {
    Generator same(1);
    return -model.loss(x, same);
  };
  const experiments::Fit fit = experiments::fit(
      model, [&](const Tensor& x) { return -model.loss(x); }, sets, o, estimate);
  if (interrupted()) return;
  const Tensor test = experiments::some_of(sets.test, tested, run.seed);
  const double one = experiments::mean_nats([&](const Tensor& x) { return model.log_prob(x); }, test);
  const double all = experiments::mean_nats([&](const Tensor& x) { return model.ensemble_log_prob(x); }, test);
  std::printf("%.2f nats under one ordering, %.2f with %d, on %lld test vectors.\n", one, all, orderings,
              (long long)test.size(0));
  if (sets.image.rank() == 2) {
    Generator g(run.seed + 1);
    write_png(run.out + "/samples.png", binary_grid(model.sample(100, {}, g), sets.image, 10), 3);
  }
  show_curve(fit, o.title, run, result);
  result.set("orderings", orderings), result.set("parameters", model.num_parameters());
  result.set("one_ordering_nats", one), result.set("test_nats", all);
}

// NADE itself; its nats are those of all test vectors.
void natural_order(const BinarySets& sets, int hidden, const experiments::FitOptions& o, const Run& run,
                   Result& result) {
  nn::Nade model({.features = sets.train.size(1), .hidden = hidden});
  const experiments::Fit fit = experiments::fit(
      model, [&](const Tensor& x) { return model.log_prob(x); }, sets, o);
  if (interrupted()) return;
  std::printf("%.2f nats on %lld test vectors.\n", fit.test, (long long)sets.test.size(0));
  if (sets.image.rank() == 2) {
    Generator g(run.seed + 1);
    write_png(run.out + "/samples.png", binary_grid(model.sample(100, {}, g), sets.image, 10), 3);
    write_png(run.out + "/data.png", binary_grid(experiments::some_of(sets.test, 100, run.seed), sets.image, 10), 3);
    write_png(run.out + "/weights.png", experiments::weight_pictures(model.w.value(), sets.image), 3);
  }
  show_curve(fit, o.title, run, result);
  result.set("parameters", model.num_parameters()), result.set("test_nats", fit.test);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "nade", .about = "Learns a density of binary vectors by NADE.", .epochs = 60});
  const std::string dataset = args.choice("dataset", binary_names(), "the vectors");
  const int hidden = args.option("hidden", 0, "hidden units (0: 500, or 100 for generated digits)");
  const double lr = args.option("lr", 2e-3, "the highest learning rate");
  const double decay = args.option("weight-decay", 0.0, "of AdamW");
  const double minutes = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const int orderings = args.option("orderings", 0, "of an order-agnostic network (0: NADE in the natural order)");
  const int tested = args.option("tested", 200, "test vectors, of the order-agnostic one", 1);
  const Run run = args.done();

  const BinarySets sets = load_binary(dataset, run.data);
  manual_seed(run.seed);
  const int units = hidden ? hidden : dataset == "digits" ? 100 : 500;
  const experiments::FitOptions options{.title = "NADE on " + dataset,
                                        .epochs = run.epochs,
                                        .minutes = minutes,
                                        .lr = lr,
                                        .weight_decay = decay,
                                        .seed = run.seed};
  Result result("nade");
  result.set("dataset", dataset), result.set("hidden", units);
  if (orderings > 0) order_agnostic(sets, units, orderings, tested, options, run, result);
  else natural_order(sets, units, options, run, result);
  if (interrupted()) return 130;
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
}

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
#include "examples/support/plot.h"
#include "examples/support/result.h"
#include "nn/eonade.h"

using namespace bijou;
using namespace bijou::support;

namespace {

// What hidden units add up, as pictures: dark below 0, bright above.
Tensor weight_pictures(const nn::Nade& model, const Shape& image, int64_t count) {
  const Tensor w = transpose(model.w.value(), 0, 1).rows(0, count);
  return heat_map(squeeze(image_grid(w.reshape({count, 1, image[0], image[1]}), {.columns = 8, .background = 0}), 0));
}

// Trains a network for all orderings, and says what one of them reaches and what several together; of test vectors only
// as many as `tested`, as each takes a pass for each of its numbers.
void order_agnostic(const BinarySets& sets, int hidden, int orderings, int tested, const experiments::FitOptions& o,
                    const Run& run) {
  nn::OrderlessNade model({.features = sets.train.size(1), .hidden = {hidden, hidden}, .orderings = orderings});
  auto estimate = [&](const Tensor& x) {
    Generator same(1);
    return -model.loss(x, same);
  };
  experiments::fit(
      model, [&](const Tensor& x) { return -model.loss(x); }, sets, o, estimate);
  const Tensor test = sets.test.rows(0, std::min<int64_t>(tested, sets.test.size(0)));
  const double one = experiments::mean_nats([&](const Tensor& x) { return model.log_prob(x); }, test);
  const double all = experiments::mean_nats([&](const Tensor& x) { return model.ensemble_log_prob(x); }, test);
  std::printf("%.2f nats under one ordering, %.2f with %d, on %lld test vectors.\n", one, all, orderings,
              (long long)test.size(0));
  if (sets.image.rank() == 2) {
    Generator g(run.seed + 1);
    write_png(run.out + "/samples.png", binary_grid(model.sample(100, {}, g), sets.image, 10), 3);
  }
  Result result("nade");
  result.set("orderings", orderings), result.set("one_ordering_nats", one), result.set("test_nats", all);
  result.print();
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
  const experiments::FitOptions options{.title = "nade on " + dataset,
                                        .epochs = run.epochs,
                                        .minutes = minutes,
                                        .lr = lr,
                                        .weight_decay = decay,
                                        .seed = run.seed};
  if (orderings > 0) return order_agnostic(sets, units, orderings, tested, options, run), 0;
  nn::Nade model({.features = sets.train.size(1), .hidden = units});
  const auto log_prob = [&](const Tensor& x) { return model.log_prob(x); };
  const experiments::Fit fit = experiments::fit(model, log_prob, sets, options);

  if (sets.image.rank() == 2) {
    Generator g(run.seed + 1);
    write_png(run.out + "/samples.png", binary_grid(model.sample(100, {}, g), sets.image, 10), 3);
    write_png(run.out + "/data.png", binary_grid(sets.test.rows(0, 100), sets.image, 10), 3);
    write_png(run.out + "/weights.png", weight_pictures(model, sets.image, std::min<int64_t>(64, model.c.numel())), 3);
  }
  if (fit.valid.size() > 1)
    Plot({.title = "NADE on " + dataset, .x_label = "minutes", .y_label = "-log p (nats)"})
        .line({.label = "train", .x = fit.minutes, .y = fit.train})
        .line({.label = "valid", .x = fit.minutes, .y = fit.valid})
        .write(run.out + "/nats.svg");
  std::printf("%.2f nats on %lld test vectors. Pictures are in %s.\n", fit.test, (long long)sets.test.size(0),
              run.out.c_str());
  Result result("nade");
  result.set("dataset", dataset), result.set("hidden", model.c.numel()),
      result.set("parameters", model.num_parameters());
  result.set("curve_minutes", fit.minutes), result.set("curve_valid_nats", fit.valid);
  result.set("test_nats", fit.test);
  result.print();
}

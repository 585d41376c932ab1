// MADE: a perceptron with masks is a density; under several masks, many densities whose mean is better than each.
//
//   made --data DIR --dataset mnist --hidden 3000 --direct --masks 1 --weight-decay 0.1 --epochs 12   one mask
//   made --data DIR --dataset dna --hidden 500 --direct --masks 128 --weight-decay 0.1 --epochs 600   the ensemble
//
// fields.png: what the pixel in the middle is predicted from, a mask a picture.
#include <cstdio>

#include "autograd/ops.h"
#include "examples/experiments/density.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/result.h"
#include "nn/binary_made.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

Tensor fields(nn::BinaryMade& model, const Shape& image) {
  std::vector<Tensor> shown;
  for (int64_t k = 0; k < std::min<int64_t>(8, model.options.masks); ++k) {
    model.use_mask(k);
    shown.push_back(receptive_field(model, {image.numel()}, image.numel() / 2 + image[1] / 2));
  }
  model.use_mask(0);
  return binary_grid(stack(shown, 0), image, 4);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "made", .about = "Learns a density of binary vectors by MADE.", .epochs = 30});
  const std::string dataset = args.choice("dataset", binary_names(), "the vectors");
  const int hidden = args.option("hidden", 300, "hidden units of a layer", 1);
  const int layers = args.option("layers", 1, "hidden layers");
  const int masks = args.option("masks", 4, "orderings that are learnt in turns", 1);
  const bool direct = args.flag("direct", "also connect inputs with outputs");
  const double lr = args.option("lr", 2e-3, "the highest learning rate");
  const double decay = args.option("weight-decay", 0.0, "of AdamW");
  const double minutes = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const Run run = args.done();
  const BinarySets sets = load_binary(dataset, run.data);

  Result result("made");
  result.set("dataset", dataset), result.set("hidden", hidden), result.set("layers", layers);
  Plot plot({.title = "MADE on " + dataset, .x_label = "minutes", .y_label = "-log p (nats), validation"});
  std::printf("%5s %10s %10s\n", "masks", "one alone", "together");
  bool curves = false;  // is there one to plot?
  std::vector<int> counts{masks};
  if (masks > 1) counts.insert(counts.begin(), 1);
  for (const int count : counts) {
    manual_seed(run.seed);
    nn::BinaryMade model({.features = sets.train.size(1),
                          .hidden = std::vector<int64_t>(size_t(layers), hidden),
                          .direct = direct,
                          .masks = count,
                          .seed = run.seed});
    BinarySets seen = sets;  // validation is to cost no more than one mask's
    seen.valid = some_of(sets.valid, std::max<int64_t>(1000, sets.valid.size(0) / count), run.seed);
    int64_t step = 0;
    auto log_prob = [&](const Tensor& x) { return model.use_mask(step++ % count), model.log_prob(x); };
    auto ensemble = [&](const Tensor& x) { return model.ensemble_log_prob(x); };
    const Fit fit = experiments::fit(model, log_prob, seen,
                                     {.title = std::to_string(count) + " masks",
                                      .epochs = run.epochs,
                                      .minutes = minutes,
                                      .lr = lr,
                                      .weight_decay = decay,
                                      .seed = run.seed},
                                     ensemble);
    if (interrupted()) return 130;
    double alone = 0;
    for (int k = count; k-- > 0;) {  // leaves mask 0 in use
      model.use_mask(k);
      alone += mean_nats([&](const Tensor& x) { return model.log_prob(x); }, sets.test) / count;
    }
    std::printf("%5d %10.2f %10.2f\n", count, alone, fit.test);
    const std::string name = count > 1 ? "ensemble" : "one_mask";
    result.set(name + "_nats", fit.test), result.set(name + "_curve_minutes", fit.minutes);
    result.set(name + "_curve", fit.valid);
    if (count > 1) result.set("alone_nats", alone);
    if (fit.valid.size() > 1)
      plot.line({.label = std::to_string(count) + " masks", .x = fit.minutes, .y = fit.valid}), curves = true;
    if (count != masks || sets.image.rank() != 2) continue;
    Generator g(run.seed + 1);
    write_png(run.out + "/samples.png", binary_grid(model.sample(100, {}, g), sets.image, 10), 3);
    write_png(run.out + "/fields.png", fields(model, sets.image), 5);
  }
  if (curves) plot.write(run.out + "/nats.svg");
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.set("masks", masks);
  result.print();
}

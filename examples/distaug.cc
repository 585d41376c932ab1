// Distribution augmentation, p(t(x) | t): the lecture's table, at the size of small images.
//
// Every row trains the same model on images under more and more transformations, and tells it which one it sees; what
// counts is p(x | identity) on new images, in bits/dim. Beside a row stands plain augmentation by the same
// transformations, of which the model is told nothing: the slide's (a) against (b). Each row may have its own dropout.
// H. Jun et al., ICML 2020; see ssl/distaug.h.
//
//   distaug --data DIR --size 12 --train 2000 --epochs 60
//           --rows none,flip,randaugment,rot,rot+tr,rot+tr+col                                         CIFAR-10, grey
//   distaug --data DIR --dataset mnist --levels 2 --size 14 --train 1000 --epochs 100 --plain
//   distaug --data DIR --color --size 8 --levels 4 --train 500 --epochs 160 --width 200 --dropout 0,0.25
//           --rows none,flip,randaugment,rot,rot+tr,rot+tr+col,rot+tr+col+js                           in colour
//   distaug --data DIR --color --size 32 --levels 256 --train 5000 --test 500 --model pixelcnn --width 32 --batch 16
//           --lr 2e-3 --minutes 8 --rows none,flip,randaugment,rot,rot+tr,rot+tr+col,rot+tr+col+js     as they are
//   distaug --views 8              each row under eight of its transformations, and under their mixture
//   distaug --model pixelcnn       or transformer, or flow: another density, told in its own way (pixel_density.h)
#include "examples/experiments/distaug.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/stopwatch.h"
#include "examples/support/words.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

// At most `most` of the variants, evenly spread, the identity first.
Indices some_variants(const ssl::DistAug& aug, int64_t most) {
  const int64_t n = std::min(aug.variants(), most);
  Indices ids(Shape{n});
  for (int64_t k = 0; k < n; ++k)
    ids.mutable_data()[k] = bijou::index(k * (aug.variants() - 1) / std::max<int64_t>(n - 1, 1));
  return ids;
}

// A row of samples under each of eight transformations, and to its right the same undone.
void draw_samples(const std::string& path, const DistAugRun& run, const Shape& image, uint64_t seed) {
  constexpr int64_t kEach = 8;
  std::vector<Tensor> rows;
  for (const bijou::index id : some_variants(*run.aug, 8)) {
    const Indices ids = ssl::same_id(kEach, id);
    const Shape shape{kEach, image[0], image[1], image[2]};
    Generator g(seed);
    const Tensor y = run.model->sample(shape, run.aug->condition(ids), run.aug->places(shape, ids), g);
    rows.push_back(y), rows.push_back(run.aug->undo(y, ids));
  }
  write_png(path, image_grid(concat(rows, 0), {.columns = 2 * kEach}), 6);
}

// Bits/dim under each of a few variants, and under their mixture, which must only move pixels (else it is NaN).
struct Views {
  std::vector<double> each;
  double averaged = std::nan("");
  std::string list;
};
Views test_views(const DistAugRun& run, const Tensor& images, int64_t most) {
  const Indices ids = some_variants(*run.aug, most);
  Views result;
  for (const bijou::index id : ids) {
    result.each.push_back(bits_per_dim(run, images, id));
    result.list += " " + to_string(result.each.back());
  }
  if (std::ranges::all_of(run.aug->options.types, &ssl::DistAug::Type::moves_pixels)) {
    result.averaged = bits_per_dim_of_views(run, images, ids);
    result.list += "; their mixture: " + to_string(result.averaged);
  }
  return result;
}

// Seconds for one image of a transformer: from memory, and by a whole pass for each of its tokens, of which a few are
// timed.
struct Speed {
  double cached, naive;
};
Speed time_sampling(const DistAugRun& run, const Shape& image, uint64_t seed) {
  constexpr int kFew = 5;
  const NoGrad guard;
  const Shape one{1, image[0], image[1], image[2]};
  const Indices id = ssl::same_id(1, 0), places = run.aug->places(one, id);
  const Var condition = run.aug->condition(id);
  Generator g(seed);
  const Stopwatch with_memory;
  const Tensor x = run.model->sample(one, condition, places, g);
  const double cached = with_memory.seconds();
  const Stopwatch passes;
  for (int k = 0; k < kFew; ++k) run.model->log_prob(x, condition, places);
  return {cached, passes.seconds() * double(x.numel()) / kFew};
}

// A row of the table for each model, as columns.
struct Columns {
  std::vector<double> early, final, gap, dropout;
  void add(const DistAugCurve& curve, double rate) {
    early.push_back(curve.early()), final.push_back(curve.final()), gap.push_back(curve.gap()), dropout.push_back(rate);
  }
  void write(Result& result, const std::string& prefix) const {
    result.set(prefix + "early", early), result.set(prefix + "final", final), result.set(prefix + "gap", gap);
    result.set(prefix + "dropout", dropout);
  }
};

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "distaug", .about = "Distribution augmentation: the lecture's table.", .epochs = 150});
  const std::string dataset = args.source("dataset", "cifar10", "scenes",
                                          "cifar10, mnist, fashion-mnist, or scenes and digits (drawn by bijou)");
  const std::string model = args.choice("model", pixel_models(), "the density model");
  DistAugArm usual{.model = model};
  usual.width = args.option("width", 0, "units, channels or token length of a layer (0: what suits small images)");
  usual.layers = args.option("layers", 0, "layers of the model (0: what suits small images)");
  usual.batch = args.option("batch", 100, "images of a step", 1);
  usual.lr = args.option("lr", 1e-3, "learning rate of Adam");
  usual.plain = args.option("plain-rate", 0.0, "part of the images that are left as they are");
  usual.permuted = !args.flag("fixed-places", "transformer: position vectors do not move with the pixels");
  usual.full_attention = args.flag("full-attention", "transformer: every token before is seen, not a sparse few");
  usual.checkpointed = args.flag("checkpointed", "transformer: compute activations twice rather than keep them");
  const double minutes = args.option("minutes", 0.0, "minutes for a row, shared by its dropout rates (0: no limit)");
  const int views = args.option("views", 0, "also test each row under so many of its transformations, and averaged");
  const std::string rows = args.option("rows", "none,flip,rot,rot+tr", "types of each row");
  const std::string dropouts = args.option("dropout", "0", "dropout rates, of which validation picks one for each row");
  const bool plain = args.flag("plain", "also train each row unconditioned, as plain data augmentation");
  const bool color = args.flag("color", "keep colours");
  const PixelSetOptions sizes{.size = args.option("size", 8, "images are shrunk to this width and height", 2),
                              .levels = args.option("levels", 8, "values of a pixel", 2),
                              .train = args.option("train", 500, "training images", 100),
                              .valid = 500,
                              .test = args.option("test", 1000, "test images", 1),
                              .grey = !color};
  const Run run = args.done();
  const PixelSets data = small_images(dataset, run.data, sizes);
  const Shape image(std::span(data.train.shape().begin() + 1, 3));

  const std::vector<std::string> types = words(rows);
  const std::vector<double> rates = numbers(dropouts);
  if (types.empty() || rates.empty()) args.refuse("--rows and --dropout want at least one each");
  if (model != "transformer" && (!usual.permuted || usual.full_attention || usual.checkpointed))
    args.refuse("--fixed-places, --full-attention and --checkpointed are of the transformer");
  usual.minutes = minutes / double(rates.size());
  int64_t arms = 0;
  for (const std::string& row : types) {  // what cannot be done fails before anything is trained
    const ssl::DistAug aug({.types = types_of(row, image[0]), .dim = 1});
    aug.transform(data.train.rows(0, 1), ssl::same_id(1, bijou::index(aug.variants() - 1)));
    arms += plain && row != "none" ? 2 : 1;
  }
  const int64_t per_run = run.epochs * (data.train.size(0) / usual.batch);
  Progress progress(
      {.title = dataset, .total = arms * int64_t(rates.size()) * per_run, .minutes = minutes * double(arms)});
  Plot curves({.title = "Distribution augmentation, " + dataset, .x_label = "epoch", .y_label = "test bits/dim"});
  Result result("distaug");
  result.set("dataset", dataset), result.set("model", model), result.set("epochs", run.epochs);
  Columns told, untold;
  std::vector<double> averaged;
  DistAugRun last;
  std::printf("%-20s %-6s %7s %12s %8s %6s\n", "types", "", "dropout", "early-stopped", "final", "gap");
  for (const std::string& row : types)
    for (bool conditioned : {true, false}) {
      if (!conditioned && (!plain || row == "none")) continue;
      DistAugRun best;
      double rate = 0;
      for (const double dropout : rates) {
        DistAugArm arm = usual;
        arm.types = row, arm.conditioned = conditioned, arm.dropout = dropout;
        const DistAugRun trained = train_distaug(data, arm, run.epochs, run.seed, [&](double loss) {
          progress.step(row + ", loss " + to_string(loss));
          return !interrupted();
        });
        if (interrupted()) return std::printf("Stopped.\n"), 130;
        auto valid = [](const DistAugRun& r) { return *std::min_element(r.curve.valid.begin(), r.curve.valid.end()); };
        if (!best.model || valid(trained) < valid(best)) best = trained, rate = dropout;
      }
      char line[128];
      std::snprintf(line, sizeof line, "%-20s %-6s %7.2f %12.3f %8.3f %6.3f", row.c_str(), conditioned ? "" : "plain",
                    rate, best.curve.early(), best.curve.final(), best.curve.gap());
      progress.say(line);
      curves.line({.label = row + (conditioned ? "" : " (plain)"), .x = best.curve.epochs, .y = best.curve.test});
      (conditioned ? told : untold).add(best.curve, rate);
      if (!conditioned) continue;
      last = best;
      if (views > 0) {
        const Views under = test_views(best, data.test, views);
        progress.say("  under " + std::to_string(under.each.size()) + " of its transformations:" + under.list);
        result.set("views_" + row, under.each), averaged.push_back(under.averaged);
      }
      if (best.aug->variants() > 1 && best.aug->can_undo())
        draw_samples(run.out + "/samples-" + row + ".png", best, image, run.seed);
      if (row == "none") write_png(run.out + "/images.png", image_grid(data.train.rows(0, 64)), 6);
    }
  progress.finish();
  curves.write(run.out + "/curves.svg");
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.set("rows", rows);
  told.write(result, "");
  if (plain) untold.write(result, "plain_");
  if (views > 0) result.set("averaged", averaged);
  if (model == "transformer") {
    const Speed speed = time_sampling(last, image, run.seed);
    std::printf("An image takes %.3f s with memory, %.1f s by whole passes: %.0f times as long.\n", speed.cached,
                speed.naive, speed.naive / speed.cached);
    result.set("cached_seconds", speed.cached), result.set("naive_seconds", speed.naive);
    result.set("times_faster", speed.naive / speed.cached);
  }
  result.print();
}

// Distribution augmentation, p(t(x) | t): the lecture's table, at the size of small images.
//
// Every row trains the same model on images under more and more transformations, and tells it which one it sees; what
// counts is p(x | identity) on new images, in bits/dim. Beside a row stands plain augmentation by the same
// transformations, of which the model is told nothing: the slide's (a) against (b). Each row may have its own dropout.
// H. Jun et al., ICML 2020; see ssl/distaug.h.
//
//   distaug --data DIR --size 12 --train 2000 --epochs 60 --rows none,flip,rot,rot+tr,rot+tr+col       CIFAR-10, grey
//   distaug --data DIR --dataset mnist --levels 2 --size 14 --train 1000 --epochs 100 --plain
//   distaug --data DIR --color --size 8 --levels 4 --train 500 --epochs 160 --width 200 --dropout 0,0.25
//           --rows none,flip,rot,rot+tr,rot+tr+col,rot+tr+col+js                                       in colour
//   distaug --model pixelcnn       or transformer, or flow: another density, told in its own way (pixel_density.h)
#include "examples/experiments/distaug.h"

#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/words.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

// A row of samples under each transformation, and below it the same undone.
void draw_samples(const std::string& path, const DistAugRun& run, const Shape& image, uint64_t seed) {
  constexpr int64_t kEach = 8;
  const int64_t shown = std::min<int64_t>(run.aug->variants(), 8);
  std::vector<Tensor> rows;
  run.model->eval();
  for (int64_t id = 0; id < shown; ++id) {
    const NoGrad guard;
    Indices ids(Shape{kEach});
    ids.fill(bijou::index(id));
    const Shape shape{kEach, image[0], image[1], image[2]};
    Generator g(seed);
    const Tensor y = run.model->sample(shape, run.aug->condition(ids), run.aug->places(shape, ids), g);
    rows.push_back(y), rows.push_back(run.aug->undo(y, ids));
  }
  write_png(path, image_grid(concat(rows, 0), {.columns = 2 * kEach}), 6);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "distaug", .about = "Distribution augmentation: the lecture's table.", .epochs = 150});
  const std::string dataset = args.source("dataset", "cifar10", "scenes",
                                          "cifar10, mnist, fashion-mnist, or scenes and digits (drawn by bijou)");
  const std::string model = args.choice("model", pixel_models(), "the density model");
  const int width = args.option("width", 0, "units, channels or token length of a layer (0: what suits small images)");
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

  const std::vector<std::string> types = words(rows), rates = words(dropouts);
  const int64_t per_run = run.epochs * (data.train.size(0) / 100);
  Progress progress({.title = dataset, .total = int64_t(types.size() * rates.size()) * (plain ? 2 : 1) * per_run});
  Plot curves({.title = "Distribution augmentation, " + dataset, .x_label = "epoch", .y_label = "test bits/dim"});
  Result result("distaug");
  result.set("dataset", dataset), result.set("model", model), result.set("epochs", run.epochs);
  std::vector<double> early, final, gaps;
  std::printf("%-20s %-6s %7s %12s %8s %6s\n", "types", "", "dropout", "early-stopped", "final", "gap");
  for (const std::string& row : types)
    for (bool conditioned : {true, false}) {
      if (!conditioned && (!plain || row == "none")) continue;
      DistAugRun best;
      double rate = 0;
      for (const std::string& text : rates) {
        const DistAugArm arm{
            .types = row, .conditioned = conditioned, .dropout = std::stod(text), .model = model, .width = width};
        const DistAugRun trained = train_distaug(data, arm, run.epochs, run.seed, [&](double loss) {
          progress.step(row + ", loss " + to_string(loss));
          return !interrupted();
        });
        if (interrupted()) return std::printf("Stopped.\n"), 130;
        auto valid = [](const DistAugRun& r) { return *std::min_element(r.curve.valid.begin(), r.curve.valid.end()); };
        if (!best.model || valid(trained) < valid(best)) best = trained, rate = arm.dropout;
      }
      char line[128];
      std::snprintf(line, sizeof line, "%-20s %-6s %7.2f %12.3f %8.3f %6.3f", row.c_str(), conditioned ? "" : "plain",
                    rate, best.curve.early(), best.curve.final(), best.curve.gap());
      progress.say(line);
      std::vector<double> epochs;
      for (size_t k = 1; k <= best.curve.test.size(); ++k) epochs.push_back(double(k) * run.epochs / 10);
      curves.line({.label = row + (conditioned ? "" : " (plain)"), .x = epochs, .y = best.curve.test});
      if (!conditioned) continue;
      early.push_back(best.curve.early()), final.push_back(best.curve.final()), gaps.push_back(best.curve.gap());
      if (row == "rot+tr") draw_samples(run.out + "/samples.png", best, image, run.seed);
      if (row == "none") write_png(run.out + "/images.png", image_grid(data.train.rows(0, 64)), 6);
    }
  progress.finish();
  curves.write(run.out + "/curves.svg");
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.set("rows", rows), result.set("early", early), result.set("final", final), result.set("gap", gaps);
  result.print();
}

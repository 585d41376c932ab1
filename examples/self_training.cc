// Self-training, in the plane where one sees it, and with digits: a model labels what has no labels, and learns from
// that. What should it believe? Four answers, from "everything" to the surest few of each class (--rounds, --seeds).
//
// It goes well where points that lie together are of one class and both classes are as frequent as one believes. Where
// nine of ten unlabelled points are of one moon, "top-k", the best of the four before, makes the model worse, and the
// picture shows how: it is to find as many of both, and takes what is missing from the wrong moon, where its mistakes
// come back to it as labels. That is confirmation bias; "everything" has it from the start, and so never changes.
//
//   self_training --seeds 20
//   self_training --data DIR --unlabelled 10000 --steps 500     MNIST
#include "examples/experiments/self_training.h"

#include <algorithm>
#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "tensor/layout.h"
#include "tensor/random.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

// One run, a panel for each round.
void draw_rounds(const MoonOptions& o, const std::string& policy_name, int rounds, uint64_t seed,
                 const std::string& path) {
  const FewLabelled moons = make_moons(o, seed);
  std::vector<Tensor> panels;
  self_train_moons(moons, policy_name, rounds, [&](nn::Sequential& net, const ssl::PseudoLabels& pseudo) {
    panels.push_back(picture_of_moons(moons, net, pseudo));
  });
  write_png(path, image_grid(concat(std::span<const Tensor>(panels), 0), {.columns = 3, .background = real(0.3)}));
}

// Accuracy before and after, over seeds; returns the mean change.
double many_seeds(const MoonOptions& o, const std::string& policy_name, int rounds, int seeds, uint64_t seed) {
  double before = 0, after = 0, right = 0;
  std::vector<double> changes;
  for (int s = 0; s < seeds && !interrupted(); ++s) {
    const std::vector<Round> all = self_train_moons(make_moons(o, seed + uint64_t(s)), policy_name, rounds);
    before += all[0].accuracy / seeds, after += all.back().accuracy / seeds, right += all.back().right / seeds;
    changes.push_back(all.back().accuracy - all[0].accuracy);
  }
  if (interrupted()) return 0;
  const auto [least, most] = std::minmax_element(changes.begin(), changes.end());
  const auto worse = std::count_if(changes.begin(), changes.end(), [](double c) { return c < -0.005; });
  std::printf(
      "  %-12s %5.1f -> %5.1f   change from %+5.1f to %+5.1f, worse %2lld times of %d; pseudo-labels right %5.1f\n",
      policy_name.c_str(), 100 * before, 100 * after, 100 * *least, 100 * *most, (long long)worse, seeds, 100 * right);
  return after - before;
}

// Both tables of the plane.
void moons(int rounds, int seeds, const Run& run, Result& result) {
  const std::pair<const char*, double> cases[] = {{"even", 0.5}, {"shifted", 0.9}};
  Progress progress({.title = "moons", .total = 8, .unit = "policies"});
  for (const auto& [name, share] : cases) {
    std::printf("Two moons, two labels each, %.0f %% of the unlabelled points of the second: test accuracy (%%)\n",
                100 * share);
    for (const std::string& p : policy_names()) {
      result.set(std::string(name) + "_" + p, many_seeds({.share = share}, p, rounds, seeds, run.seed));
      progress.step();
    }
  }
  draw_rounds({}, "top-k", rounds, run.seed + 1, run.out + "/growing.png");
  draw_rounds({}, "threshold", rounds, run.seed + 1, run.out + "/sure_and_wrong.png");
  draw_rounds({.share = 0.9}, "top-k", rounds, run.seed, run.out + "/class_shift.png");
}

void images(const std::string& dataset, const FewLabelled& data, int rounds, const ssl::FitOptions& fit, const Run& run,
            Result& result) {
  std::printf("\n%s, %lld labels, %lld images without: test accuracy (%%) by round\n", dataset.c_str(),
              (long long)data.labelled.size(), (long long)data.unlabelled.size(0));
  Plot plot({.title = "Self-training on " + dataset, .x_label = "round", .y_label = "test accuracy (%)"});
  Progress progress({.title = dataset, .total = 4, .unit = "policies"});
  for (const std::string& p : policy_names()) {
    manual_seed(run.seed);
    Series curve{.label = p};
    std::printf("  %-12s", p.c_str());
    for (const Round& r : self_train_images(data, p, rounds, fit)) {
      std::printf("%6.1f", 100 * r.accuracy);
      curve.x.push_back(double(curve.x.size())), curve.y.push_back(100 * r.accuracy);
    }
    std::printf("\n");
    result.set("images_" + p, curve.y.back() / 100);
    if (p == policy_names().back()) result.set("images_labels_alone", curve.y.front() / 100);
    plot.line(curve);
    progress.step();
    if (interrupted()) return;
  }
  plot.write(run.out + "/images.svg");
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "self_training",
             .about = "A model labels what has no labels, and learns from that.",
             .epochs = 4,
             .epoch = "rounds of self-training on images"});
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  const int rounds = args.option("rounds", 8, "of self-training in the plane", 1);
  const int seeds = args.option("seeds", 5, "runs in the plane, each with points of its own", 1);
  const int labels = args.option("labels", 100, "images with a label, as many of each class", 10);
  const int unlabelled = args.option("unlabelled", 2000, "images without", 100);
  const int steps = args.option("steps", 100, "of training, each round", 1);
  const Run run = args.done();

  Result result("self_training");
  moons(rounds, seeds, run, result);
  if (interrupted()) return 130;
  const Dataset train = load_dataset(dataset, run.data, Split::kTrain);
  const Dataset test = load_dataset(dataset, run.data, Split::kTest);
  const FewLabelled data =
      few_labelled(train, test.rows(0, std::min<int64_t>(2000, test.size())), labels, unlabelled, run.seed);
  result.set("dataset", dataset), result.set("labels", labels), result.set("unlabelled", data.unlabelled.size(0));
  images(dataset, data, run.epochs, {.batch = 32, .ratio = 1, .steps = steps, .seed = run.seed}, run, result);
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
  return interrupted() ? 130 : 0;
}

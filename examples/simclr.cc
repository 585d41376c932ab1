// Learning without labels: an encoder is trained on images alone, by SimCLR or one of its kin (--method), and then
// asked what it has learnt: how far do one, two, five or ten labels a class reach with it, and how far without?
//
// The table has its controls. "Supervised" sees the labelled images only; with the same augmentation it comes much
// closer than without, so what "fine-tuned" is to be compared with is "supervised, augmented". With enough labels the
// advantage ends, and the table says where.
//
//   simclr --method byol                or moco, simsiam, barlow_twins, vicreg, rotations, jigsaw, mae
//   simclr --method simsiam_without_stop                what is left of SimSiam without its stop-gradient: a collapse
//   simclr --method all                 all of them side by side, with what tells a collapse
//   simclr --data DIR --epochs 15 --draws 5           MNIST; --dataset fashion-mnist or cifar10 for others
#include "examples/experiments/simclr.h"

#include <cstdio>

#include "examples/experiments/ssl_pictures.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "ssl/evaluation.h"
#include "ssl/simsiam.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

Pretrained trained(const std::string& method, const Tensor& images, Pretraining o) {
  Progress progress({.title = method, .total = o.steps});
  o.method = method;
  o.report = [&](int64_t, double loss) {
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", loss);
    progress.step(note);
    return !interrupted();
  };
  return pretrain(images, o);
}

// What can be read off the embedding with all labels, whether it has collapsed, and how it lays out two views of each
// test image.
struct Judged {
  double linear, knn;
  ssl::Collapse collapse;
  double alignment, uniformity;
};
Judged judge(const nn::AnyModule& encoder, const Dataset& train, const Dataset& test) {
  const ssl::Labelled known{ssl::embed(encoder, train.images), train.labels};
  const Tensor x = ssl::embed(encoder, test.images);
  const ssl::Augmentation views = make_views(test.images.size(1));
  Generator g(1);
  const Tensor one = ssl::embed(encoder, views(test.images, g)), other = ssl::embed(encoder, views(test.images, g));
  return {ssl::accuracy(ssl::linear_probe(known, x, {.steps = 100}), test.labels),
          ssl::accuracy(ssl::knn_probe(known, x), test.labels), ssl::collapse(x), ssl::alignment(one, other),
          ssl::uniformity(one)};
}

void print_judged(const std::string& name, const Judged& j) {
  std::printf("%-20s linear probe %5.1f %%, k-NN %5.1f %%; std %.2f, rank %5.1f; alignment %.2f, uniformity %5.2f\n",
              name.c_str(), 100 * j.linear, 100 * j.knn, j.collapse.std, j.collapse.rank, j.alignment, j.uniformity);
}

// SimSiam collapses behind its head, where its loss looks, before its encoder's features show anything.
void print_head(const std::string& name, const ssl::Method& method, const Tensor& images, Result& result) {
  const auto* siam = dynamic_cast<const ssl::SimSiam*>(&method);
  if (!siam) return;
  const ssl::Collapse c = ssl::collapse(ssl::embed(nn::Sequential(siam->encoder, siam->head), images));
  std::printf("%-20s behind its head: std %.2f, rank %5.1f\n", "", c.std, c.rank);
  result.set(name + "_head_std", c.std), result.set(name + "_head_rank", c.rank);
}

void compare_all(const Dataset& train, const Dataset& test, const Pretraining& o, Result& result) {
  for (const std::string& name : method_names()) {
    const Pretrained p = trained(name, train.images, o);
    if (interrupted()) return;
    if (name == "simclr") print_judged("untrained", judge(p.untrained, train, test));
    const Judged j = judge(p.method->encoder, train, test);
    print_judged(name, j);
    print_head(name, *p.method, test.images, result);
    result.set(name + "_linear", j.linear), result.set(name + "_rank", j.collapse.rank);
  }
}

const std::vector<std::pair<std::string, double FewLabels::*>> kArms = {
    {"fine-tuned", &FewLabels::fine_tuned},
    {"linear probe", &FewLabels::probe},
    {"supervised, augmented", &FewLabels::supervised_augmented},
    {"supervised", &FewLabels::supervised},
    {"random encoder's probe", &FewLabels::random_probe}};

// The table over labels a class, as a plot too.
void few_labels(Pretrained& p, const Dataset& train, const Dataset& test, int draws, int tuning_steps, const Run& run,
                Result& result) {
  const std::vector<double> counts = {1, 2, 5, 10};
  std::vector<Series> series;
  for (const auto& [name, arm] : kArms) series.push_back({.label = name, .x = counts});
  std::printf("\nTest accuracy (%%)  ");
  for (const auto& [name, arm] : kArms) std::printf("%*s", int(name.size()) + 2, name.c_str());
  Progress progress({.title = "few labels", .total = int64_t(counts.size()) * draws});
  for (const double count : counts) {
    std::vector<double> sums(kArms.size(), 0);
    for (int d = 0; d < draws && !interrupted(); ++d) {
      const FewLabels f =
          with_few_labels(p, train, test, int64_t(count), 100 * run.seed + uint64_t(d), {.steps = tuning_steps});
      for (size_t k = 0; k < kArms.size(); ++k) sums[k] += f.*kArms[k].second / draws;
      progress.step();
    }
    std::printf("\n%2.0f labels a class  ", count);
    for (size_t k = 0; k < kArms.size(); ++k) {
      std::printf("%*.1f", int(kArms[k].first.size()) + 2, 100 * sums[k]);
      series[k].y.push_back(100 * sums[k]);
    }
    if (count == 2) {
      result.set("probe_2", sums[1]), result.set("fine_tuned_2", sums[0]),
          result.set("supervised_augmented_2", sums[2]);
      result.set("supervised_2", sums[3]), result.set("random_probe_2", sums[4]);
    }
  }
  std::printf("\n\n");
  Plot plot(
      {.title = "What few labels reach", .x_label = "labels a class", .y_label = "test accuracy (%)", .log_x = true});
  for (const Series& s : series) plot.line(s);
  plot.write(run.out + "/labels.svg");
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "simclr",
             .about = "Learns from images without labels, then from a few with.",
             .epochs = 5,
             .least_epochs = 1});
  std::vector<std::string> names = method_names();
  names.push_back("all");
  const std::string method = args.choice("method", names, "what is learnt from");
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  const int images = args.option("images", 5000, "how many unlabelled images", 64);
  const int batch = args.option("batch", 64, "images a step", 2);
  const bool lars = args.flag("lars", "train by LARS with warm-up, as the paper does with large batches, not by Adam");
  const int draws = args.option("draws", 1, "draws of the labelled images to average over", 1);
  const int tuning = args.option("tuning-steps", 100, "steps of fine-tuning and of the supervised controls", 1);
  const Run run = args.done();

  const Dataset all = load_dataset(dataset, run.data, Split::kTrain),
                rest = load_dataset(dataset, run.data, Split::kTest);
  const Dataset train = all.rows(0, std::min<int64_t>(images, all.size()));
  const Dataset test = rest.rows(0, std::min<int64_t>(2000, rest.size()));
  const Pretraining options{
      .batch = batch, .steps = run.epochs * (train.size() / batch), .lars = lars, .seed = run.seed};

  Result result("simclr");
  result.set("dataset", dataset), result.set("method", method), result.set("steps", options.steps);
  write_png(run.out + "/views.png",
            picture_of_views(make_views(train.images.size(1)), train.images.rows(0, 12), run.seed), 3);
  write_png(run.out + "/augmentations.png", picture_of_augmentations(train.images.rows(0, 12), run.seed), 3);
  if (method == "all") {
    compare_all(train, test, options, result);
    result.print();
    return interrupted() ? 130 : 0;
  }

  Pretrained p = trained(method, train.images, options);
  if (interrupted()) return 130;
  const nn::AnyModule& encoder = p.method->encoder;
  const Judged before = judge(p.untrained, train, test), after = judge(encoder, train, test);
  std::printf("All %lld labels, on frozen features:\n", (long long)train.size());
  print_judged("untrained", before), print_judged(method, after);
  print_head(method, *p.method, test.images, result);
  write_png(run.out + "/embedding_untrained.png", picture_of_embedding(p.untrained, test.rows(0, 500)));
  write_png(run.out + "/embedding.png", picture_of_embedding(encoder, test.rows(0, 500)));
  write_png(run.out + "/neighbours.png", picture_of_neighbours(encoder, test.images.rows(0, 10), train.images), 3);
  if (const auto* mae = dynamic_cast<const ssl::MAE*>(p.method.get()))
    write_png(run.out + "/painted.png", picture_of_painting(*mae, test.images.rows(0, 12), run.seed), 3);

  result.set("loss", p.losses.back()), result.set("linear", after.linear), result.set("knn", after.knn);
  result.set("untrained_linear", before.linear), result.set("std", after.collapse.std);
  result.set("rank", after.collapse.rank);
  result.set("alignment", after.alignment), result.set("uniformity", after.uniformity);
  few_labels(p, train, test, draws, tuning, run, result);
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
  return interrupted() ? 130 : 0;
}

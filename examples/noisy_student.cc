// Noisy student: a teacher that has learnt from few labels labels many images; a student learns from both, under noise,
// does better, and teaches the next. Here with everything taken away in turn that could be the reason: noise, the
// filter, balancing, soft labels; with larger and smaller students; and beside the control, the same network on the
// labels alone for as many steps. If that were as good, there would be nothing to unlabelled images.
//
//   noisy_student --method kin             pseudo-label, Π-model, mean teacher, FixMatch, UDA for as many steps; or one
//   noisy_student --data DIR --labels 20 --unlabelled 10000 --steps 500 --batch 32         MNIST, two minutes
//   noisy_student --data DIR --dataset fashion-mnist --labels 100 --method arms            or cifar10
#include "examples/experiments/noisy_student.h"

#include <algorithm>
#include <cstdio>

#include "examples/experiments/ssl_pictures.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/stopwatch.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

std::string key(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

void run_arms(const std::vector<std::string>& arms, const FewLabelled& data, const StudentRun& run,
              const std::string& out, Result& result) {
  Progress progress({.title = "networks", .total = int64_t(arms.size()) * run.rounds + 2, .unit = "networks"});
  nn::Sequential teacher = train_teacher(data, run);
  progress.step();
  const double first = test_accuracy(teacher, data);
  result.set("teacher", first);
  write_png(out + "/pseudo_labels.png", picture_of_pseudo_labels(teacher, data.unlabelled, data.truth), 2);
  nn::Sequential control = train_control(data, run);
  progress.step();
  const double labels_alone = test_accuracy(control, data);
  result.set("control", labels_alone);
  std::printf("Test accuracy (%%): the first teacher %.1f; its student, whose student, ...; and of the last round's\n",
              100 * first);
  std::printf("pseudo-labels, how many were kept and how many of these (%%) are true\n");

  Plot plot({.title = "Noisy student", .x_label = "round", .y_label = "test accuracy (%)"});
  for (const std::string& arm : arms) {
    const std::vector<Round> rounds =
        run_arm(arm, teacher, data, run, [&](nn::Sequential&, const ssl::PseudoLabels&) { progress.step(); });
    if (interrupted()) return;
    Series curve{.label = arm, .x = {0}, .y = {100 * first}};
    std::printf("  %-16s", arm.c_str());
    for (const Round& r : rounds) {
      curve.x.push_back(double(curve.x.size())), curve.y.push_back(100 * r.accuracy);
      std::printf("%7.1f", curve.y.back());
    }
    std::printf("   %6lld %6.1f\n", (long long)rounds.back().kept, 100 * rounds.back().right);
    result.set(key(arm), rounds.back().accuracy);
    plot.line(curve);
  }
  std::printf("  %-16s%*.1f   (labels alone, as many steps of as large batches)\n", "control", int(7 * run.rounds),
              100 * labels_alone);
  plot.line({.label = "control", .x = {0, double(run.rounds)}, .y = {100 * labels_alone, 100 * labels_alone}});
  plot.write(out + "/rounds.svg");
}

void run_kin(const std::vector<std::string>& names, const FewLabelled& data, const StudentRun& run, Result& result) {
  Progress progress({.title = "methods", .total = int64_t(names.size()), .unit = "methods"});
  for (const std::string& name : names) {
    nn::Sequential net = train_kin(name, data, run);
    progress.step();
    const double accuracy = test_accuracy(net, data);
    std::printf("%-14s %5.1f %% of the test images\n", name.c_str(), 100 * accuracy);
    result.set(name, accuracy);
    if (interrupted()) return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "noisy_student",
             .about = "A teacher labels images; its student learns from them under noise and teaches the next.",
             .epochs = 3,
             .epoch = "rounds: the student of each is the teacher of the next"});
  std::vector<std::string> methods = {"arms", "noisy_student", "kin"};
  for (const std::string& name : kin_names()) methods.push_back(name);
  const std::string method = args.choice("method", methods, "what is run: all arms, one method, or all of its kin");
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  const int labels = args.option("labels", 50, "images with a label, as many of each class", 10);
  const int unlabelled = args.option("unlabelled", 3000, "images without", 100);
  const int steps = args.option("steps", 250, "of training, each round", 1);
  const int batch = args.option("batch", 16, "labelled images a step", 2);
  const double ratio = args.option("ratio", 2.0, "unlabelled images a step, for each labelled one");
  const bool bent = args.flag("bent", "the noise also turns, stretches and shears");
  const double smoothing =
      args.option("label-smoothing", 0.0, "part of a label that all classes share; the paper: 0.1");
  const Run run = args.done();

  manual_seed(run.seed);
  const Dataset train = load_dataset(dataset, run.data, Split::kTrain);
  const Dataset test = load_dataset(dataset, run.data, Split::kTest);
  const FewLabelled data = few_labelled(train, test, labels, unlabelled, run.seed);
  const StudentRun student{.dataset = dataset,
                           .bent = bent,
                           .fit = {.batch = batch, .ratio = ratio, .steps = steps, .seed = run.seed},
                           .rounds = run.epochs,
                           .per_class = data.unlabelled.size(0) / 10,
                           .label_smoothing = smoothing};
  Result result("noisy_student");
  result.set("dataset", dataset), result.set("labels", labels), result.set("unlabelled", data.unlabelled.size(0));
  result.set("rounds", run.epochs);
  const Tensor noised = picture_of_views(make_noise(dataset, bent), data.unlabelled.rows(0, 12), run.seed);
  write_png(run.out + "/noise.png", noised, 3);
  const Stopwatch watch;
  if (method == "arms") run_arms(arm_names(), data, student, run.out, result);
  else if (method == "noisy_student") run_arms({"noisy student"}, data, student, run.out, result);
  else if (method == "kin") run_kin(kin_names(), data, student, result);
  else run_kin({method}, data, student, result);
  result.set("seconds", watch.seconds());
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
  return interrupted() ? 130 : 0;
}

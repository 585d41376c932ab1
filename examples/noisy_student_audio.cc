// Noisy student for audio: three generations of a recogniser of spoken digits, of which each learns from what the one
// before says of utterances without labels.
//
//   examples/noisy_student_audio --data DIR --dataset fsdd               real speech
//   examples/noisy_student_audio --data DIR --dataset fsdd --speaker 3   test on a speaker that was never heard
//   examples/noisy_student_audio --features mfcc --policy SM             other pictures of sound, another SpecAugment
#include "examples/experiments/noisy_student_audio.h"

#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "tensor/layout.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

// Ten utterances: as they are, as generations 0 and 1 hear them, as generation 2 does, and warped as in the paper.
Tensor picture_of_noise(const Tensor& x, const std::string& policy, uint64_t seed) {
  Generator g(seed);
  const std::vector<ssl::AudioGeneration> generations = make_generations(policy, x.size(2));
  const ssl::Augmentation warp = ssl::spec_augment({.warp = 10});
  return picture_of_spectrograms(concat({x, generations[0].noise(x, g), generations[2].noise(x, g), warp(x, g)}, 0),
                                 int(x.size(0)));
}

void print_arm(const char* name, double accuracy) { std::printf("%-34s %5.1f %%\n", name, 100 * accuracy); }

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "noisy_student_audio",
             .about = "Noisy student on spoken digits, with SpecAugment.",
             .epochs = 4,
             .epoch = "hundreds of steps for each generation"});
  const std::string dataset = args.source("dataset", "fsdd", "synthetic", "synthetic or fsdd");
  const int labels = args.option("labels", 0, "labelled utterances of each digit (0: 10, or 3 of the synthetic ones)");
  const int speaker = args.option("speaker", -1, "test on what this speaker says, who is not heard in training", -1);
  const bool soft = args.flag("soft", "pseudo-labels are probabilities, not words");
  const std::string features = args.choice("features", {"log-mel", "mfcc"}, "what the recogniser sees");
  const std::string policy = args.choice("policy", spec_policy_names(), "of SpecAugment: graded, or of the papers");
  const Run run = args.done();

  const Utterances all = load_spoken_digits(dataset, run.data);
  const FewLabelled task = make_task(all, {.labels_per_class = labels ? labels : labels_per_class(dataset),
                                           .speaker = speaker,
                                           .seed = run.seed,
                                           .features = features == "mfcc" ? Features::kMfcc : Features::kLogMel});
  const int64_t steps = 100 * run.epochs;
  Progress progress({.title = "noisy student", .total = 7 * steps});
  const SpokenOptions options{.steps = steps,
                              .hard = !soft,
                              .policy = policy,
                              .seed = run.seed,
                              .report = [&](const std::string& arm, int64_t) {
                                progress.step(arm);
                                return !interrupted();
                              }};
  const Generations noisy = run_generations(task, options);
  const double longer = run_longer(task, options);
  const double plain = run_without_spec_augment(task, noisy.models[0], options);
  progress.finish();
  if (interrupted()) return 130;

  for (size_t k = 0; k < noisy.rounds.size(); ++k) {
    const Round& r = noisy.rounds[k];
    print_arm(("generation " + std::to_string(k)).c_str(), r.accuracy);
    if (k > 0) std::printf("  taught %lld pseudo-labels, %.1f %% of them right\n", (long long)r.kept, 100 * r.right);
  }
  print_arm("labels only, three times as long", longer);
  print_arm("generation 1 without SpecAugment", plain);
  write_png(run.out + "/spec_augment.png", picture_of_noise(task.test_x.rows(0, 10), policy, run.seed), 2);
  std::printf("Pictures are in %s.\n", run.out.c_str());

  Result result("noisy_student_audio");
  result.set("dataset", dataset), result.set("features", features), result.set("policy", policy);
  result.set("labels", task.labelled.size());
  result.set("unlabelled", task.unlabelled.size(0)), result.set("tested", task.test_x.size(0));
  std::vector<double> tests, right;
  for (const Round& r : noisy.rounds) {
    tests.push_back(r.accuracy);
    if (tests.size() > 1) right.push_back(r.right);  // generation 0 was taught no pseudo-labels
  }
  result.set("generation", tests), result.set("pseudo_labels_right", right);
  result.set("labels_only_longer", longer), result.set("without_spec_augment", plain);
  result.print();
}

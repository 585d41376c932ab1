// Noisy student on few labelled images: what is gained over the teacher, over the same training on the labels alone,
// and without noise; and FixMatch with four labels a class.
#include "examples/experiments/effects.h"
#include "examples/experiments/noisy_student.h"
#include "tensor/random.h"

namespace bijou::experiments {
namespace {

// Accuracy is on test images; there is no validation split. These runs choose nothing by it: how they are trained was
// chosen on other seeds, so other labels, networks and noise.
FewLabelled data_of(const Trial& trial, int64_t labels) {
  const std::string name = trial.dataset("mnist");
  return few_labelled(load_dataset(name, trial.data, support::Split::kTrain),
                      load_dataset(name, trial.data, support::Split::kTest), labels, 10000, trial.seed);
}

StudentRun run_of(const Trial& trial, int64_t rounds) {
  return {.dataset = trial.dataset("mnist"), .fit = {.steps = 500, .seed = trial.seed}, .rounds = rounds};
}

Measurements rounds(const Trial& trial) {
  manual_seed(trial.seed);
  const FewLabelled data = data_of(trial, 20);
  nn::Sequential teacher = train_teacher(data, run_of(trial, 2));
  const std::vector<Round> noisy = run_arm("noisy student", teacher, data, run_of(trial, 2));
  return {{"teacher", test_accuracy(teacher, data)},
          {"round 1", noisy[0].accuracy},
          {"round 2", noisy[1].accuracy},
          {"no noise", run_arm("no noise", teacher, data, run_of(trial, 1))[0].accuracy}};
}

Measurements labels_alone(const Trial& trial) {
  manual_seed(trial.seed);
  const FewLabelled data = data_of(trial, 20);
  nn::Sequential net = train_control(data, run_of(trial, 2));
  return {{"test", test_accuracy(net, data)}};
}

Measurements fixmatch(const Trial& trial) {
  manual_seed(trial.seed);
  const FewLabelled data = data_of(trial, 40);
  StudentRun run = run_of(trial, 3);
  run.fit.batch = 16, run.fit.ratio = 7;
  nn::Sequential net = train_kin("fixmatch", data, run);
  return {{"test", test_accuracy(net, data)}};
}

}  // namespace

Effect noisy_student_effect() {
  return {.name = "noisy_student",
          .paper = "Xie et al., CVPR 2020",
          .about = "20 images of ten classes labelled, 10,000 not (FixMatch: 40); accuracy on new images",
          .arms = {{"noisy student", rounds}, {"labels alone, 3 x", labels_alone}, {"fixmatch", fixmatch}},
          .gates = {{.a = "noisy student.round 2", .b = "noisy student.teacher", .low = 0.05},
                    {.a = "noisy student.round 2", .b = "labels alone, 3 x.test", .low = 0.03},
                    {.a = "noisy student.no noise", .b = "noisy student.teacher", .high = 0.025},
                    {.a = "noisy student.round 2", .b = "noisy student.round 1", .low = 0},
                    {.a = "fixmatch.test", .low = 0.9}}};
}

}  // namespace bijou::experiments

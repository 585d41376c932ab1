#include "examples/experiments/noisy_student_audio.h"

#include <set>

#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "ssl/evaluation.h"
#include "tensor/indexing.h"

namespace bijou::experiments {
namespace {

int64_t rows_of(const FewLabelled& task) { return task.test_x.size(2); }

ssl::NoisyStudentAudioOptions audio_options(const FewLabelled& task, const SpokenOptions& o, const std::string& arm) {
  return {.generations = make_generations(o.policy, rows_of(task)),
          .per_class = task.unlabelled.size(0) / 10,
          .hard = o.hard,
          .fit = {.batch = 32, .ratio = 2, .steps = o.steps, .seed = o.seed, .report = [=](int64_t step, double) {
                    return !o.report || o.report(arm, step);
                  }}};
}

// One of the papers' policies, for so many rows and kFrames.
ssl::SpecPolicy of_paper(const std::string& name, int64_t rows) {
  ssl::SpecPolicy p = ssl::kPolicyLD;
  if (name == "LB") p = ssl::kPolicyLB;
  else if (name == "SM") p = ssl::kPolicySM;
  else if (name == "SS") p = ssl::kPolicySS;
  else if (name == "adaptive") p.adaptive_time = 0.2, p.adaptive_masks = 0.05;
  else check(name == "LD", "make_generations: there is no policy ", name);
  p.warp /= 10, p.frequency = p.frequency * rows / 80, p.time /= 10;
  return p;
}

}  // namespace

int64_t labels_per_class(const std::string& dataset) { return dataset == "synthetic" ? 3 : 10; }

FewLabelled make_task(const support::Utterances& all, const SpokenTaskOptions& o) {
  support::HeldOut sets = support::by_takes(all, o.test_takes);
  if (o.speaker >= 0) sets = support::by_speaker(all, bijou::index(o.speaker));
  Generator g = Generator(o.seed).fork(7);
  const Indices labelled = ssl::few_per_class(sets.train.labels, 10, o.labels_per_class, g);
  const std::set<bijou::index> known(labelled.begin(), labelled.end());
  std::vector<bijou::index> rest;
  for (int64_t i = 0; i < sets.train.size(); ++i)
    if (!known.contains(bijou::index(i))) rest.push_back(bijou::index(i));
  const support::Utterances few = sets.train.rows(labelled), many = sets.train.rows(Indices::from(rest));
  return {{spectrograms(few, o.features), one_hot(few.labels, 10)},
          spectrograms(many, o.features),
          many.labels,
          spectrograms(sets.test, o.features),
          sets.test.labels};
}

nn::Sequential make_recogniser(int64_t rows) {
  nn::Sequential net;
  net.add(nn::Conv2d({.in = 1, .out = 12, .kernel = 3, .stride = 2, .padding = 1, .bias = false}));
  net.add(nn::BatchNorm2d({.channels = 12})).add(nn::ReLU());
  net.add(nn::Conv2d({.in = 12, .out = 24, .kernel = 3, .stride = 2, .padding = 1, .bias = false}));
  net.add(nn::BatchNorm2d({.channels = 24})).add(nn::ReLU()).add(nn::Flatten());
  net.add(nn::Linear({.in = 24 * ((rows + 3) / 4) * (kFrames / 4), .out = 64})).add(nn::ReLU());
  return net.add(nn::Dropout({.p = 0.3})).add(nn::Linear({.in = 64, .out = 10}));
}

std::vector<std::string> spec_policy_names() { return {"graded", "LB", "LD", "SM", "SS", "adaptive"}; }

std::vector<ssl::AudioGeneration> make_generations(const std::string& policy, int64_t rows) {
  const auto noise = [](const ssl::SpecPolicy& masks) {
    return ssl::compose({ssl::time_shift(4), ssl::spec_augment(masks)});
  };
  ssl::Noise first, last;
  if (policy == "graded") {
    const int64_t widest = 6 * rows / kMels;
    first = noise({.frequency = widest, .frequency_masks = 1, .time = 6, .time_masks = 1});
    last = noise({.frequency = widest, .frequency_masks = 2, .time = 8, .time_masks = 2});
  } else {
    first = last = noise(of_paper(policy, rows));
  }
  return {{first}, {first, 0.5}, {last, 0.35}};
}

Generations run_generations(const FewLabelled& task, const SpokenOptions& o) {
  manual_seed(o.seed);
  const auto make = [&](int64_t) { return make_recogniser(rows_of(task)); };
  ssl::SelfTraining how = ssl::noisy_student_audio(make, audio_options(task, o, "noisy student"));
  Generations result;
  how.report = [&](int64_t, nn::Sequential& model, const ssl::PseudoLabels& pseudo) {
    result.rounds.push_back(measure(model, pseudo, task));
    result.models.push_back(model);
    return true;
  };
  ssl::self_train(how, task.labelled, task.unlabelled);
  return result;
}

double run_longer(const FewLabelled& task, const SpokenOptions& o) {
  manual_seed(o.seed);
  nn::Sequential model = make_recogniser(rows_of(task));
  SpokenOptions longer = o;
  longer.steps = 3 * o.steps;
  const ssl::NoisyStudentAudioOptions options = audio_options(task, longer, "labels only");
  ssl::noisy_student_audio({}, options).train(model, task.labelled, {}, 0);
  return test_accuracy(model, task);
}

double run_without_spec_augment(const FewLabelled& task, nn::Sequential teacher, const SpokenOptions& o) {
  manual_seed(o.seed);
  ssl::NoisyStudentAudioOptions options = audio_options(task, o, "no SpecAugment");
  options.generations = {{ssl::no_noise}, {ssl::no_noise, options.generations[1].threshold}};
  const auto make = [&](int64_t) { return make_recogniser(rows_of(task)); };
  nn::Sequential student =
      ssl::self_train(std::move(teacher), ssl::noisy_student_audio(make, options), task.labelled, task.unlabelled);
  return test_accuracy(student, task);
}

}  // namespace bijou::experiments

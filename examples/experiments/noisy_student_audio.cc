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

ssl::NoisyStudentAudioOptions audio_options(const FewLabelled& task, const SpokenOptions& o, const std::string& arm) {
  return {.generations = make_generations(),
          .per_class = task.unlabelled.size(0) / 10,
          .hard = o.hard,
          .fit = {.batch = 32, .ratio = 2, .steps = o.steps, .seed = o.seed, .report = [=](int64_t step, double) {
                    return !o.report || o.report(arm, step);
                  }}};
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
  return {{spectrograms(few), one_hot(few.labels, 10)},
          spectrograms(many),
          many.labels,
          spectrograms(sets.test),
          sets.test.labels};
}

nn::Sequential make_recogniser() {
  nn::Sequential net;
  net.add(nn::Conv2d({.in = 1, .out = 12, .kernel = 3, .stride = 2, .padding = 1, .bias = false}));
  net.add(nn::BatchNorm2d({.channels = 12})).add(nn::ReLU());
  net.add(nn::Conv2d({.in = 12, .out = 24, .kernel = 3, .stride = 2, .padding = 1, .bias = false}));
  net.add(nn::BatchNorm2d({.channels = 24})).add(nn::ReLU()).add(nn::Flatten());
  net.add(nn::Linear({.in = 24 * (kMels / 4) * (kFrames / 4), .out = 64})).add(nn::ReLU());
  return net.add(nn::Dropout({.p = 0.3})).add(nn::Linear({.in = 64, .out = 10}));
}

std::vector<ssl::AudioGeneration> make_generations() {
  const auto noise = [](const ssl::SpecPolicy& masks) {
    return ssl::compose({ssl::time_shift(4), ssl::spec_augment(masks)});
  };
  const auto mild = noise({.frequency = 6, .frequency_masks = 1, .time = 6, .time_masks = 1});
  const auto strong = noise({.frequency = 6, .frequency_masks = 2, .time = 8, .time_masks = 2});
  return {{mild}, {mild, 0.5}, {strong, 0.35}};
}

Generations run_generations(const FewLabelled& task, const SpokenOptions& o) {
  manual_seed(o.seed);
  ssl::SelfTraining how =
      ssl::noisy_student_audio([](int64_t) { return make_recogniser(); }, audio_options(task, o, "noisy student"));
  nn::Sequential first = how.make_model(0);
  how.train(first, task.labelled, {}, 0);
  Generations result{{measure(first, {}, task)}, {first}};
  how.report = [&](int64_t, nn::Sequential& model, const ssl::PseudoLabels& pseudo) {
    result.rounds.push_back(measure(model, pseudo, task));
    result.models.push_back(model);
    return true;
  };
  ssl::self_train(first, how, task.labelled, task.unlabelled);
  return result;
}

double run_longer(const FewLabelled& task, const SpokenOptions& o) {
  manual_seed(o.seed);
  nn::Sequential model = make_recogniser();
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
  const auto make = [](int64_t) { return make_recogniser(); };
  nn::Sequential student =
      ssl::self_train(std::move(teacher), ssl::noisy_student_audio(make, options), task.labelled, task.unlabelled);
  return test_accuracy(student, task);
}

}  // namespace bijou::experiments

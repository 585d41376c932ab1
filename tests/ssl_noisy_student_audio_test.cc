// Noisy student for audio: what changes from generation to generation.
#include <map>

#include "examples/experiments/noisy_student_audio.h"
#include "nn/linear.h"
#include "ssl/noisy_student_audio.h"
#include "ssl/spectrogram.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::random;

TEST(NoisyStudentAudio, FiltersByTheThresholdOfTheGenerationAndBalances) {
  const SelfTraining how =
      noisy_student_audio({}, {.generations = {{no_noise}, {no_noise, 0.9}, {no_noise, 0.5}}, .per_class = 3});
  EXPECT_EQ(how.rounds, 2);
  const Tensor p =
      matrix({{real(.95), real(.05)}, {real(.6), real(.4)}, {real(.02), real(.98)}, {real(.45), real(.55)}});
  const PseudoLabels strict = how.select(p, 1), open = how.select(p, 2);
  const std::vector<index> of_strict(strict.rows.begin(), strict.rows.end()),
      of_open(open.rows.begin(), open.rows.end());
  EXPECT_EQ(of_strict, (std::vector<index>{0, 0, 0, 2, 2, 2}));
  EXPECT_EQ(of_open, (std::vector<index>{0, 1, 0, 2, 3, 2}));
  expect_close(open.targets.row(1), tensor({1, 0}));  // a word, not a probability
}

TEST(NoisyStudentAudio, EveryGenerationHearsItsOwnNoise) {
  std::vector<int> heard(3);
  std::vector<AudioGeneration> generations;
  for (size_t k = 0; k < 3; ++k)
    generations.push_back({[&heard, k](const Tensor& x, Generator&) { return ++heard[k], x; }});
  const SelfTraining how =
      noisy_student_audio([](int64_t) { return nn::Sequential(nn::Linear({.in = 4, .out = 2})); },
                          {.generations = generations, .per_class = 5, .fit = {.batch = 2, .ratio = 1, .steps = 7}});
  self_train(how, {random({6, 4}), matrix({{1, 0}, {0, 1}, {1, 0}, {0, 1}, {1, 0}, {0, 1}})}, random({9, 4}, 1));
  EXPECT_EQ(heard, (std::vector<int>{7, 7, 7}));  // generation 0 too
  expect_error([] { noisy_student_audio({}, {}); }, "there is no generation 0");
  SelfTraining more = noisy_student_audio([](int64_t) { return nn::Sequential(nn::Linear({.in = 4, .out = 2})); },
                                          {.generations = {{}}, .per_class = 5, .fit = {.batch = 2, .steps = 1}});
  more.rounds = 1;
  expect_error([&] { self_train(more, {random({2, 4}), eye(2)}, random({9, 4}, 1)); }, "there is no generation 1");
}

TEST(SpokenTask, KeepsLabelsUnlabelledAndTestApart) {
  const support::Utterances all = support::speak_digits(4, Generator(1));
  const experiments::FewLabelled task = experiments::make_task(all, {.labels_per_class = 2, .test_takes = 1});
  EXPECT_EQ(task.labelled.x.shape(), Shape({20, 1, 32, 40}));
  EXPECT_EQ(task.unlabelled.size(0), 160);
  EXPECT_EQ(task.test_x.size(0), 60);
  EXPECT_EQ(task.truth.numel(), 160);
  const experiments::FewLabelled one = experiments::make_task(all, {.labels_per_class = 2, .speaker = 3});
  EXPECT_EQ(one.test_x.size(0), 40);
  EXPECT_EQ(one.unlabelled.size(0), 180);
}

TEST(Spectrograms, HaveNoMeanAndEndInZeros) {
  support::Utterances u = support::speak_digits(1, Generator(1));
  u = u.rows(indices({0, 1}));
  u.sounds[0] = random({200 + 9 * 125});  // ten frames
  const Tensor x = experiments::spectrograms(u);
  for (int64_t row = 0; row < 32; ++row) {
    double sum = 0;
    for (int64_t t = 0; t < 10; ++t) sum += double(x.at({0, 0, row, t}));
    EXPECT_NEAR(sum, 0, 1e-4);
    for (int64_t t = 10; t < 40; ++t) ASSERT_EQ(x.at({0, 0, row, t}), 0);
  }
}

TEST(Spectrograms, OfAnyRateAreThoseOfTheSoundAtEightThousand) {
  support::Utterances u = support::speak_digits(1, Generator(1)).rows(indices({0, 1}));
  for (Tensor& sound : u.sounds) sound = resample(sound, 8000, 44100);
  u.rate = 44100;
  support::Utterances slow = u;
  for (Tensor& sound : slow.sounds) sound = resample(sound, 44100, 8000);
  slow.rate = 8000;
  expect_close(experiments::spectrograms(u), experiments::spectrograms(slow), 0);
}

TEST(SpokenTask, EveryPolicyMasksSpectrogramsAndMfccs) {
  using namespace experiments;
  for (const std::string& policy : spec_policy_names())
    for (const int64_t rows : {kMels, kCoefficients}) {
      const std::vector<AudioGeneration> generations = make_generations(policy, rows);
      ASSERT_EQ(generations.size(), 3u);
      const Tensor x = random({4, 1, rows, kFrames});
      Generator g(1);
      EXPECT_GT(max_difference(generations[0].noise(x, g), x), 0.1) << policy;
    }
  expect_error([] { make_generations("LX"); }, "there is no policy LX");
}

TEST(SpokenTask, GenerationsTakeTheirStepsAndTheControlAsManyAsThree) {
  using namespace experiments;
  const support::Utterances all = support::speak_digits(3, Generator(1));
  const FewLabelled task = make_task(all, {.labels_per_class = 2, .test_takes = 1, .features = Features::kMfcc});
  EXPECT_EQ(task.test_x.shape(), Shape({60, 1, kCoefficients, kFrames}));
  std::map<std::string, int> steps;
  const SpokenOptions options{
      .steps = 2, .policy = "adaptive", .report = [&](const std::string& arm, int64_t) { return ++steps[arm], true; }};
  const Generations noisy = run_generations(task, options);
  EXPECT_EQ(noisy.rounds.size(), 3u);
  EXPECT_EQ(noisy.models.size(), 3u);
  EXPECT_EQ(noisy.rounds[0].kept, 0);
  run_longer(task, options);
  run_without_spec_augment(task, noisy.models[0], options);
  EXPECT_EQ(steps, (std::map<std::string, int>{{"noisy student", 6}, {"labels only", 6}, {"no SpecAugment", 2}}));
}

}  // namespace
}  // namespace bijou::ssl

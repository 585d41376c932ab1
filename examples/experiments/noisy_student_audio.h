// Noisy student on spoken digits: what examples/noisy_student_audio.cc shows and `make effects` measures.
//
// A hundred utterances have labels, two thousand have none; three generations learn one from the other. Beside them
// stand the controls that tell where a gain comes from: labels alone, three times as long; and a student that has the
// labels of the first generation, but no SpecAugment.
#pragma once

#include "examples/experiments/few_labelled.h"
#include "examples/experiments/speech.h"
#include "ssl/noisy_student_audio.h"

namespace bijou::experiments {

struct SpokenTaskOptions {
  int64_t labels_per_class = 10;
  int speaker = -1;              // who is heard in the test only; -1: the test has everybody's first takes
  bijou::index test_takes = 10;  // so many
  uint64_t seed = 0;             // which utterances have labels
  Features features = Features::kLogMel;
};
// How many labels make it neither hopeless nor easy: 10, and 3 of the synthetic digits.
int64_t labels_per_class(const std::string& dataset);

// Of spectrograms; those with labels are not among those without.
FewLabelled make_task(const support::Utterances& all, const SpokenTaskOptions& options);

// Convolutions of 12 and 24 channels with stride 2, 64 hidden units with dropout: logits.
nn::Sequential make_recogniser(int64_t rows = kMels);

// What is heard of spectrograms of so many rows in generation 0, 1, 2: SpecAugment and small shifts. "graded" is one
// mask of each kind, then two. The policies of the papers are the same in every generation, with time warp, and masks
// in proportion to 400 frames of 80 rows: LB, LD, SM, SS; and adaptive, whose time masks follow from the 40 frames.
std::vector<std::string> spec_policy_names();
std::vector<ssl::AudioGeneration> make_generations(const std::string& policy = "graded", int64_t rows = kMels);

struct SpokenOptions {
  int64_t steps = 800;  // of each generation: 32 labelled and 64 pseudo-labelled utterances each
  bool hard = true;
  std::string policy = "graded";
  uint64_t seed = 0;
  std::function<bool(const std::string& arm, int64_t step)> report = {};  // false stops
};

struct Generations {
  std::vector<Round> rounds;  // number 0 was taught nothing
  std::vector<nn::Sequential> models;
};
Generations run_generations(const FewLabelled& task, const SpokenOptions& options);

// Test accuracies: labels alone for 3 steps in the place of one; and generation 1 without SpecAugment, taught by
// the given generation 0.
double run_longer(const FewLabelled& task, const SpokenOptions& options);
double run_without_spec_augment(const FewLabelled& task, nn::Sequential teacher, const SpokenOptions& options);

}  // namespace bijou::experiments

// Noisy student for audio: self-training in which everything is graded from generation to generation.
//
//   generation 0   learns from labels alone, under SpecAugment already
//   generation k   learns from labels and from what generation k-1, without noise, says of unlabelled utterances,
//                  under SpecAugment that grows with k; the filter, strict at first, opens with k
//
// Were the first teacher trained without noise, the gain of a noisy student over it would be in part a gain of the
// noise alone. Every generation has the noise, and what a later one gains, it gains from the unlabelled utterances.
// Utterances are filtered by how sure their label is, and balanced, so that every word is heard as often as in the
// labelled set (which has all equally often here).
//
// D. Park, Y. Zhang, Y. Jia, W. Han, C.-C. Chiu, B. Li, Y. Wu, Q. V. Le, "Improved noisy student training for automatic
// speech recognition", Interspeech 2020. Left out: what belongs to sentences. The language model that corrects the
// transcripts and takes part in their score, the division of scores by length, and the submodular choice that balances
// many words at once, have nothing to do where an utterance is one word.
#pragma once

#include "ssl/noisy_student.h"
#include "ssl/spec_augment.h"

namespace bijou::ssl {

struct AudioGeneration {
  Noise noise = no_noise;  // of the spectrograms that this generation learns from
  double threshold = 0;    // how sure its teacher must be of a label; of generation 0 it is not asked
};

struct NoisyStudentAudioOptions {
  std::vector<AudioGeneration> generations;  // from number 0 on
  int64_t per_class = 240;                   // pseudo-labelled utterances of each class, repeated where there are fewer
  bool hard = true;                          // a label is a word, as in a transcript
  FitOptions fit = {};
};
// The parts of the loop: self_train(noisy_student_audio(make_model, options), labelled, unlabelled).
SelfTraining noisy_student_audio(std::function<nn::Sequential(int64_t generation)> make_model,
                                 const NoisyStudentAudioOptions& options);

}  // namespace bijou::ssl

// Noisy student: self-training in which the teacher sees clearly and the student does not.
//
//   teacher:  p(x) = softmax f(x)              without noise: clean inputs, evaluation mode
//   student:  min E[-Σ_k t_k log p_k(T(x))]    over labelled (t: labels) and unlabelled examples (t: the teacher's p),
//                                              with noise in inputs T (RandAugment) and model (dropout, stochastic
//                                              depth)
//
// A student that is taught by its equal under the same conditions can only repeat it. Made to say under noise what its
// teacher says without, it must find what is common to all the noisy variants of an image, and does better than the
// teacher. So it becomes the teacher of the next, as large or larger; usually three times.
//
// Of what the teacher says, the part of which it is not sure is left out (images that are of no class), and of each
// class the same number of images is taken, repeated where there are fewer. A step's loss is the mean over one batch of
// both kinds, `ratio` pseudo-labelled examples for each labelled one; labels are smoothed, pseudo-labels are not.
//
// Q. Xie, M.-T. Luong, E. Hovy, Q. V. Le, "Self-training with noisy student improves ImageNet classification", CVPR
// 2020. Left out: what belongs to its networks (EfficientNets, an average of their weights over 10⁵ steps) and to large
// images (training at a lower resolution, fine-tuning at a higher one).
#pragma once

#include "ssl/self_training.h"

namespace bijou::ssl {

// A network that learns under noise from examples of both kinds. Dropout and the like are in the network. Without
// unlabelled examples it is the first teacher, or a supervised control.
struct Student : SemiSupervised {
  struct Options {
    Noise noise = no_noise;
    double label_smoothing = 0;  // of the labelled examples' targets
  };
  Student(nn::Sequential classifier, Options o) : SemiSupervised(std::move(classifier)), options(std::move(o)) {}
  Var loss(const Examples& labelled, const Examples& pseudo, double progress, Generator& g) override;

  Options options;
};

// Trains the model of a round; every round draws other batches and other noise than those of the same seed before it.
void train_student(const nn::Sequential& model, const Examples& labelled, const Examples& pseudo, int64_t round,
                   const Student::Options& options, FitOptions fit_options);

// t (1 - s) + s / classes
Tensor smoothed(const Tensor& targets, double s);

struct NoisyStudentOptions {
  Student::Options student = {};
  FitOptions fit = {};
  SelectOptions select = {.threshold = 0.3, .per_class = 1000, .duplicate = true};
  int64_t rounds = 3;
};
// The parts of the loop: self_train(noisy_student(make_student, options), labelled, unlabelled). Where the networks
// that make_student(round) returns grow with the round, students are larger than their teachers.
SelfTraining noisy_student(std::function<nn::Sequential(int64_t round)> make_student,
                           const NoisyStudentOptions& options);

}  // namespace bijou::ssl

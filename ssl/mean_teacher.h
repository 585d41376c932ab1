// Mean teacher: the Π-model whose second opinion comes from the average of the network's own past.
//
//   L = E_labelled[-log p_y(T x)] + w(t) E_all[ ‖p(T x; θ) - p(T' x; θ')‖² / K ],   θ' <- d θ' + (1 - d) θ
//
// No gradient flows through the teacher, which has noise too. It is smoother than any single step, and it is what is
// used in the end. Batch normalisation's statistics are averaged with the weights; the teacher's own passes, in
// training mode, leave them alone.
//
// A. Tarvainen, H. Valpola, "Mean teachers are better role models: Weight-averaged consistency targets improve
// semi-supervised deep learning results", NeurIPS 2017.
#pragma once

#include "optim/ema.h"
#include "ssl/pi_model.h"

namespace bijou::ssl {

struct MeanTeacherOptions {
  Noise noise = no_noise;
  double weight = 10;
  double ramp = 0.3;
  double decay = 0.99;
};
struct MeanTeacher : SemiSupervised {
  MeanTeacher(const nn::Sequential& classifier, MeanTeacherOptions o)
      : SemiSupervised(classifier),
        options(std::move(o)),
        teacher(classifier, {.decay = options.decay, .warmup = true}) {
    check(options.ramp > 0, "MeanTeacher: the weight cannot rise over ", options.ramp, " of the training");
    teacher.average.train();
  }
  Var loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) override;
  void after_step() override { teacher.update(); }
  nn::Sequential& result() override { return teacher.average; }

  MeanTeacherOptions options;
  optim::Ema<nn::Sequential> teacher;
};

}  // namespace bijou::ssl

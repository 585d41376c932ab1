// What few labels reach with noisy student, with what is left when a part of it is taken away, and with its kin: the
// parts of the experiment that examples/noisy_student.cc shows and `make effects` measures.
//
// Every arm starts from the same first teacher, which has learnt the labels alone, under noise. Beside the arms stands
// the control without which they say little: the same network trained on the labels alone, with the same noise, for as
// many steps and with as large batches as all rounds of noisy student have together.
#pragma once

#include <string>

#include "examples/experiments/few_labelled.h"
#include "ssl/augmentation.h"
#include "ssl/noisy_student.h"

namespace bijou::experiments {

// Two convolutions with stride 2 and batch norm; then 4 width features, dropout, 10 classes.
struct NetOptions {
  int64_t width = 16;  // channels of the first; the second has twice as many. In colour three times as many of both
  int64_t blocks = 0;  // residual blocks after them, with stochastic depth
  double dropout = 0.3;
  double drop_path = 0.2;  // of the last block; of those before it less, in proportion
};
nn::Sequential make_net(const Shape& image, const NetOptions& options = {});  // image: [C, H, W]

// What noises a student's inputs: RandAugment; of objects after a small shift and a flip, in colour with cutout. The
// weak one is what consistency methods call so: that shift and flip alone. At magnitude 5, of the grey images, colour,
// contrast, brightness and sharpness change nothing: with the identity, 5 of the 14 operations. Clothes stand upright
// and still: what helps digits hurts there, so one operation at magnitude 3 is theirs. `bent`: before all that turned,
// stretched and sheared, by which digits are learnt far better, but from the labels alone as well: less is left that
// only unlabelled images can tell.
ssl::Augmentation make_noise(const std::string& dataset, bool bent);
ssl::Augmentation make_weak_noise(const std::string& dataset);

struct StudentRun {
  std::string dataset;  // for its noise
  bool bent = false;
  ssl::FitOptions fit = {};  // of one round
  int64_t rounds = 3;
  int64_t per_class = 1000;
  double label_smoothing = 0;  // 0.1 in the paper
};

// Networks that know the labels alone: the first teacher; and the control.
nn::Sequential train_teacher(const FewLabelled& data, const StudentRun& run);
nn::Sequential train_control(const FewLabelled& data, const StudentRun& run);

// noisy student, larger student, smaller student, no noise, no filter, no balancing, hard labels.
std::vector<std::string> arm_names();
std::vector<Round> run_arm(const std::string& arm, const nn::Sequential& teacher, const FewLabelled& data,
                           const StudentRun& run, const Watch& watch = {});

// pseudo_label, pi_model, mean_teacher, fixmatch, uda.
std::vector<std::string> kin_names();
// One of them, for as many steps as all rounds together.
nn::Sequential train_kin(const std::string& name, const FewLabelled& data, const StudentRun& run);

// A row for each class: images that the network takes for it, from the surest to the least sure. The bar below each is
// as long as it is sure, green where it is right, else red.
Tensor picture_of_pseudo_labels(nn::Sequential& net, const Tensor& images, const Indices& truth);

}  // namespace bijou::experiments

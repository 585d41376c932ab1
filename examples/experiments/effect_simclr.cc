#include <cmath>

#include "examples/experiments/effects.h"
#include "examples/experiments/simclr.h"
#include "tensor/indexing.h"

namespace bijou::experiments {
namespace {

constexpr int64_t kBatch = 64;
// Gentler than fine_tune's own, so that less is forgotten of what was learnt without labels.
const ssl::FineTuneOptions kTuning = {.steps = 600, .lr = 4e-4};

// One pre-training, then two labels a class, drawn five times; the mean.
Measurements few_labels(const Trial& trial) {
  const std::string name = trial.dataset("mnist");
  const support::Dataset all = support::load_dataset(name, trial.data, support::Split::kTrain);
  const support::Dataset test = support::load_dataset(name, trial.data, support::Split::kTest).rows(0, 2000);
  Generator g = Generator(trial.seed).fork(51);
  const Indices rows = randperm(all.size(), g).rows(0, std::min<int64_t>(all.size(), 5000));
  const support::Dataset train{index_select(all.images, 0, rows), index_select(all.labels, 0, rows), all.classes};
  Pretrained pretrained = pretrain(train.images, {.batch = kBatch, .steps = 1170, .seed = trial.seed});
  constexpr int kDraws = 5;
  FewLabels mean{};
  for (uint64_t draw = 0; draw < kDraws; ++draw) {
    const FewLabels one = with_few_labels(pretrained, train, test, 2, trial.seed * kDraws + draw, kTuning);
    mean.probe += one.probe / kDraws, mean.fine_tuned += one.fine_tuned / kDraws;
    mean.supervised_augmented += one.supervised_augmented / kDraws, mean.supervised += one.supervised / kDraws;
    mean.random_probe += one.random_probe / kDraws;
  }
  double loss = 0;  // of the last hundred steps, as a part of that of equal embeddings
  for (size_t i = pretrained.losses.size() - 100; i < pretrained.losses.size(); ++i)
    loss += pretrained.losses[i] / 100 / std::log(2.0 * kBatch - 1);
  return {{"probe", mean.probe},
          {"fine_tuned", mean.fine_tuned},
          {"supervised_augmented", mean.supervised_augmented},
          {"supervised", mean.supervised},
          {"random_probe", mean.random_probe},
          {"loss", loss}};
}

}  // namespace

Effect simclr_effect() {
  return {
      .name = "simclr",
      .paper = "Chen et al., ICML 2020",
      .about = "5,000 images without labels, then two labels a class; beside the same network without the first part",
      .arms = {{"simclr", few_labels}},
      .gates = {{.a = "simclr.probe", .b = "simclr.supervised", .low = 0.2},
                {.a = "simclr.probe", .b = "simclr.random_probe", .low = 0.15},
                {.a = "simclr.fine_tuned", .b = "simclr.supervised_augmented", .low = 0.03},
                {.a = "simclr.loss", .high = 0.75}}};
}

}  // namespace bijou::experiments

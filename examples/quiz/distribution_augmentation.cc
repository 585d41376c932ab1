// Quiz, part 4: distribution augmentation.
#include <cstdio>

#include "examples/experiments/distaug.h"
#include "examples/quiz/quiz.h"

namespace bijou::quiz {

// Why is p(t(x) | t) better than p(t(x))? Without t, the model must spread its probability over upright and turned
// pictures alike, and those that are tested stand upright: what it gives to the others is lost. Told t, it keeps them
// apart, and still learns from four times as many pictures.
void distribution_augmentation(const support::Run& run, support::Result& result) {
  using namespace experiments;
  const PixelSets data = small_images(run.data.empty() ? "scenes" : "cifar10", run.data,
                                      {.size = 8, .levels = 4, .train = 500, .valid = 500, .test = 1000});
  auto bits = [&](const std::string& types, bool conditioned) {
    return train_distaug(data, {.types = types, .conditioned = conditioned}, 120, run.seed).curve.early();
  };
  const double none = bits("none", true), plain = bits("rot", false), told = bits("rot", true);
  std::printf("bits/pixel of upright pictures: p(x) %.4f, quarter turns without being told %.4f, p(t(x) | t) %.4f\n",
              none, plain, told);
  result.set("bits_unaugmented", none), result.set("bits_plain_rotation", plain);
  result.set("bits_told_rotation", told);
}

}  // namespace bijou::quiz

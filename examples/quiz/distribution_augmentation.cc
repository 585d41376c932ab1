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
  // Drawn scenes, or real digits in black and white, for which a turned one is another thing too. (Of photographs
  // turned ones say so much about upright ones that being told matters less.)
  const PixelSets data =
      run.data.empty() ? small_images("scenes", "", {.size = 8, .levels = 4, .train = 500, .valid = 500, .test = 1000})
                       : small_images("mnist", run.data, {.size = 14, .levels = 2, .train = 1000});
  const int width = run.data.empty() ? 0 : 500, epochs = run.data.empty() ? 120 : 140;
  auto bits = [&](const std::string& types, bool conditioned) {
    return train_distaug(data, {.types = types, .conditioned = conditioned, .width = width}, epochs, run.seed)
        .curve.early();
  };
  const double none = bits("none", true), plain = bits("rot", false), told = bits("rot", true);
  std::printf("bits/pixel of upright pictures: p(x) %.4f, quarter turns without being told %.4f, p(t(x) | t) %.4f\n",
              none, plain, told);
  result.set("bits_unaugmented", none), result.set("bits_plain_rotation", plain);
  result.set("bits_told_rotation", told);
}

}  // namespace bijou::quiz

// Quiz, part 3: self-training.
#include "examples/experiments/self_training.h"

#include <cstdio>

#include "examples/quiz/quiz.h"

namespace bijou::quiz {

// Why might it work? Where the classes lie in clumps, what is surest is next to what is known already, and labels
// spread along the clump. Where does it not work at all? Here, where nine of ten unlabelled points are of one class and
// the surest of each class are taken in equal numbers: the rare class is filled up with points of the other.
void self_training(const support::Run& run, support::Result& result) {
  using namespace experiments;
  constexpr int kSeeds = 5;
  struct Mean {
    double before = 0, after = 0;
  };
  auto mean_of = [&](const MoonOptions& o) {
    Mean m;
    for (uint64_t s = 0; s < kSeeds; ++s) {
      const std::vector<Round> rounds = self_train_moons(make_moons(o, run.seed + s), "top-k", 8);
      m.before += rounds.front().accuracy / kSeeds, m.after += rounds.back().accuracy / kSeeds;
    }
    return m;
  };
  const MoonOptions even, shifted{.share = 0.9};
  const Mean works = mean_of(even), fails = mean_of(shifted);
  std::printf(
      "two moons, %lld labels each, mean of %d: %.1f %% -> %.1f %%; where 90 %% of the unlabelled points are of "
      "one moon: %.1f %% -> %.1f %%\n",
      (long long)even.labels, kSeeds, 100 * works.before, 100 * works.after, 100 * fails.before, 100 * fails.after);
  result.set("moons_labels", even.labels), result.set("moons_before", works.before);
  result.set("moons_after", works.after), result.set("fail_before", fails.before);
  result.set("fail_after", fails.after);
}

}  // namespace bijou::quiz

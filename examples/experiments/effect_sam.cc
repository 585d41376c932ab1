// Sharpness-aware minimisation on few images with many wrong labels.
#include <cmath>

#include "examples/experiments/effects.h"
#include "examples/experiments/sam.h"

namespace bijou::experiments {
namespace {

struct SamArm {
  double rho = 0;
  int64_t m = 0;
  double noise = 0.3;
  int epochs = 40;
  bool curvature = false;
};

Arm arm(const std::string& name, const SamArm& a) {
  return {
      name, [a](const Trial& trial) {
        const NoisySets data =
            noisy_sets({.dataset = trial.dataset("mnist"), .folder = trial.data, .noise = a.noise, .seed = trial.seed});
        const FlatRun run = train_flat(data, {.sam = {.rho = a.rho, .m = a.m}, .epochs = a.epochs, .seed = trial.seed});
        Measurements m{{"test", run.test.back()}, {"early", run.early()}};
        if (a.curvature) m.emplace_back("lambda", lambda_max(training_loss(run, data), run));
        return m;
      }};
}

}  // namespace

Effect sam_effect() {
  return {.name = "sam",
          .paper = "Foret et al., ICLR 2021",
          .about = "a perceptron learns from 2,000 images, 30 % of the labels drawn anew; accuracy on new images",
          .arms = {arm("sgd", {.curvature = true}), arm("rho .05", {.rho = 0.05}), arm("rho .1", {.rho = 0.1}),
                   arm("rho .2", {.rho = 0.2, .curvature = true}), arm("rho .4", {.rho = 0.4}),
                   arm("rho .1 m 16", {.rho = 0.1, .m = 16}), arm("sgd twice as long", {.epochs = 80}),
                   arm("sgd clean", {.noise = 0}), arm("rho .1 clean", {.rho = 0.1, .noise = 0})},
          .gates = {{.a = "rho .2.test", .b = "sgd.test", .low = 0.06},
                    {.a = "rho .05.test", .b = "sgd.test", .low = 0},
                    {.a = "rho .1.test", .b = "rho .05.test", .low = 0},
                    {.a = "rho .2.test", .b = "rho .1.test", .low = 0},
                    {.a = "rho .4.test", .b = "rho .2.test", .high = -0.1},  // too far: training collapses
                    {.a = "rho .2.lambda", .b = "sgd.lambda", .times = 0.55, .high = 0},
                    {.a = "rho .1 m 16.test", .b = "rho .1.test", .low = 0.015},
                    // What SAM is not: much better than to stop early; worth its price where labels are clean.
                    {.a = "rho .2.test", .b = "sgd twice as long.test", .low = 0.06},
                    {.a = "rho .2.early", .b = "sgd.early", .low = 0, .high = 0.05},
                    {.a = "rho .1 clean.test", .b = "sgd clean.test", .low = -0.005, .high = 0.02}}};
}

}  // namespace bijou::experiments

#include "examples/experiments/distaug.h"
#include "examples/experiments/effects.h"

namespace bijou::experiments {
namespace {

Measurements bits(const PixelSets& data, const DistAugArm& arm, int epochs, uint64_t seed) {
  const DistAugCurve curve = train_distaug(data, arm, epochs, seed).curve;
  return {{"early", curve.early()}, {"gap", curve.gap()}};
}

// The table's order: CIFAR-10 in grey, 12 x 12 pixels of 8 levels.
Arm thumbnails(const std::string& name, const DistAugArm& arm) {
  return {name, [arm](const Trial& t) {
            return bits(small_images(t.dataset("cifar10"), t.data, {.seed = t.seed}), arm, 90, t.seed);
          }};
}

// Where telling matters: black and white digits, 14 x 14, for which a rotated one is another thing.
Arm digits(const std::string& name, const DistAugArm& arm) {
  return {name, [arm](const Trial& t) {
            return bits(
                small_images(t.dataset("mnist"), t.data, {.size = 14, .levels = 2, .train = 1000, .seed = t.seed}), arm,
                140, t.seed);
          }};
}

}  // namespace

Effect distaug_effect() {
  return {
      .name = "distaug",
      .paper = "Jun et al., ICML 2020",
      .about = "the more transformations a density model is trained on and told of, the better it knows plain images",
      .arms = {thumbnails("none", {}), thumbnails("dropout", {.dropout = 0.25}),
               thumbnails("flip untold", {.types = "flip", .conditioned = false}), thumbnails("rot", {.types = "rot"}),
               thumbnails("rot+tr", {.types = "rot+tr"}), digits("digits none", {.width = 500}),
               digits("digits rot", {.types = "rot", .width = 500}),
               digits("digits rot untold", {.types = "rot", .conditioned = false, .width = 500})},
      .gates = {{.a = "none.early", .b = "dropout.early", .low = 0.015},
                {.a = "dropout.early", .b = "flip untold.early", .low = 0.08},
                {.a = "flip untold.early", .b = "rot.early", .low = 0.06},
                {.a = "rot.early", .b = "rot+tr.early", .low = 0.02},
                {.a = "none.gap", .b = "rot+tr.gap", .times = 5, .low = 0},
                {.a = "digits rot untold.early", .b = "digits none.early", .low = 0.003},
                {.a = "digits none.early", .b = "digits rot.early", .low = 0.004},
                {.a = "digits rot untold.early", .b = "digits rot.early", .low = 0.01}}};
}

}  // namespace bijou::experiments

#include "examples/support/scenes.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/parallel.h"

namespace bijou::support {
namespace {

constexpr int kSide = 32, kPlane = kSide * kSide;
enum Kind { kDisk, kBox, kBar, kKinds };
using Rgb = std::array<double, 3>;

// A colour of the day's light: bright or dark, a little warm or cold.
Rgb draw_color(Generator& g) {
  const double bright = 0.15 + 0.7 * g.uniform(), warm = 0.15 * g.normal(), green = 0.08 * g.normal();
  return {bright + warm, bright + green, bright - warm};
}

struct Leaf {
  Kind kind;
  double x, y, radius, turn;
  Rgb color;

  // How deep inside the leaf is this point? Below 0: outside.
  double depth(double px, double py) const {
    const double c = std::cos(turn), s = std::sin(turn);
    const double u = c * (px - x) + s * (py - y), v = c * (py - y) - s * (px - x);
    if (kind == kDisk) return radius - std::hypot(u, v);
    if (kind == kBox) return std::min(radius - std::abs(u), 0.8 * radius - std::abs(v));
    return std::min(2.5 * radius - std::abs(u), 0.3 * radius - std::abs(v));
  }
};

Leaf draw_leaf(Kind mostly, Generator& g) {
  const Kind kind = g.uniform() < 0.8 ? mostly : Kind(g.below(kKinds));
  constexpr double kLeast = 2, kMost = 14;
  const double u = g.uniform();  // a density ∝ r⁻³ between the two has 1 / r² uniform
  const double radius = 1 / std::sqrt(u / (kLeast * kLeast) + (1 - u) / (kMost * kMost));
  return {kind, kSide * g.uniform(), kSide * g.uniform(), radius, M_PI * g.uniform(), draw_color(g)};
}

void draw_scene(Kind mostly, Generator g, real* pixels) {
  const double horizon = kSide * (0.3 + 0.4 * g.uniform());
  const Rgb sky = {0.45 + 0.2 * g.uniform(), 0.6 + 0.15 * g.uniform(), 0.85}, ground = draw_color(g);
  std::vector<Leaf> leaves;
  for (int64_t k = 4 + g.below(9); k > 0; --k) leaves.push_back(draw_leaf(mostly, g));
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      Rgb color = sky;
      for (int c = 0; c < 3; ++c) {
        const double haze = 0.3 * y / horizon;  // the sky pales towards the horizon; the ground darkens towards us
        color[size_t(c)] = y < horizon ? sky[size_t(c)] + haze * (1 - sky[size_t(c)])
                                       : ground[size_t(c)] * (1.1 - 0.4 * (y - horizon) / kSide);
      }
      for (const Leaf& leaf : leaves) {
        const double cover = std::clamp(leaf.depth(x, y) + 0.5, 0., 1.);
        const double light = 1.15 - 0.3 * std::clamp((y - leaf.y) / leaf.radius, -1., 1.);
        for (size_t c = 0; c < 3; ++c) color[c] += cover * (leaf.color[c] * light - color[c]);
      }
      for (int c = 0; c < 3; ++c)
        pixels[c * kPlane + y * kSide + x] = real(std::clamp(color[size_t(c)] + 0.01 * g.normal(), 0., 1.));
    }
}

}  // namespace

Dataset draw_scenes(int64_t n, const Generator& g) {
  check(n >= 0, "draw_scenes: ", n, " images");
  Dataset data{Tensor({n, 3, kSide, kSide}), Indices({n}), {"disks", "boxes", "bars"}};
  real* pixels = data.images.mutable_data();
  index* labels = data.labels.mutable_data();
  parallel_for(n, 100, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      labels[i] = index(i % kKinds);
      draw_scene(Kind(i % kKinds), g.fork(uint64_t(i)), pixels + i * 3 * kPlane);
    }
  });
  return data;
}

}  // namespace bijou::support

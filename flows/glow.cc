#include "flows/glow.h"

#include "flows/actnorm.h"
#include "flows/coupling.h"
#include "flows/linear.h"
#include "flows/reversible.h"

namespace bijou::flows {
namespace {

AffineCoupling coupling(const ImageFlowOptions& o, const Coupling::Options& c, const std::vector<int64_t>& hidden) {
  return AffineCoupling(
      c, convnet({.in = c.kept() + o.context, .out = 2 * c.moved(), .hidden = hidden, .dropout = o.dropout}));
}
AffineCoupling coupling(const ImageFlowOptions& o, const Coupling::Options& c) {
  return coupling(o, c, {o.width, o.width});
}
// The channel half that leaves, given the one that stays: one convolution, as in Glow's code.
AffineCoupling prior(const ImageFlowOptions& o, int64_t channels) { return coupling(o, {.features = channels}, {}); }

AnyBijector level_of(const ImageFlowOptions& o, const Chain& level) {
  if (!o.reversible) return level;
  ReversibleChain reversible;
  reversible.list = level.list;
  return reversible;
}

void check_options(const char* name, const ImageFlowOptions& o, int halvings) {
  const int block = 1 << halvings;
  check(!o.reversible || o.dropout == 0, name, ": reversible levels cannot have dropout");
  check(o.levels >= 1 && o.image.rank() == 3 && o.image[1] % block == 0 && o.image[2] % block == 0, name,
        ": an image [C, H, W] whose sides can be halved ", halvings, " times expected, not ", o.image);
}

}  // namespace

Multiscale glow(const ImageFlowOptions& o) {
  check_options("glow", o, o.levels);
  Multiscale flow(o.image);
  int64_t channels = o.image[0];
  for (int l = 0; l < o.levels; ++l, channels /= 2) {
    channels *= 4;
    Chain level(Squeeze{});
    for (int k = 0; k < o.steps; ++k)
      level.add(ActNorm(channels)).add(LuLinear(channels)).add(coupling(o, {.features = channels}));
    if (o.prior && l + 1 < o.levels) level.add(prior(o, channels));
    flow.add(level_of(o, level));
  }
  return flow;
}

Multiscale real_nvp(const ImageFlowOptions& o) {
  check_options("real_nvp", o, o.levels - 1);
  Multiscale flow(o.image);
  Shape s = o.image;
  auto add_checkerboards = [&](Chain& level, int count) {
    for (int i = 0; i < count; ++i)
      level.add(ActNorm(s[0])).add(coupling(o, {.features = s[0], .mask = checkerboard(s[1], s[2], i % 2)}));
  };
  for (int l = 0; l + 1 < o.levels; ++l, s[0] /= 2) {
    Chain level;
    add_checkerboards(level, 3);
    level.add(Squeeze());
    s = level.latent_shape(s);
    for (int i = 0; i < 3; ++i) level.add(ActNorm(s[0])).add(coupling(o, {.features = s[0], .flip = i % 2 == 1}));
    if (o.prior) level.add(prior(o, s[0]));
    flow.add(level_of(o, level));
  }
  Chain last;
  add_checkerboards(last, 4);
  flow.add(level_of(o, last));
  return flow;
}

}  // namespace bijou::flows

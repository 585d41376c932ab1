// Flows on the plane: each kind at a size that learns most toy sets (support/toys.h) in seconds, trained by maximum
// likelihood on samples or by reverse KL on an energy, and judged by quadrature against the true density. Used by
// examples/flow_2d.cc and by the effects.
#pragma once

#include <functional>

#include "examples/support/toys.h"
#include "flows/flow.h"

namespace bijou::experiments {

struct Flow2dOptions {
  std::string flow;  // one of flow_names()
  int layers;
  int64_t hidden;  // units of each of two hidden layers, in flows that have a network
  int steps;       // of Learning, not of the flow itself
  double lr;
  bool estimate = false;  // residual and ffjord learn from estimates of their log-determinants
};
std::vector<std::string> flow_names();
// What suits a flow. Where a layer can do little, as an affine coupling or a contraction, many narrow ones learn more
// than few wide ones. Two are for some targets only: nice, which only shears, misses narrow arms; iaf learns energies,
// whose samples take it one pass, and does badly by likelihood.
Flow2dOptions suited(const std::string& flow);
// A Chain under a standard normal; the last layer, next to z, is affine.
flows::Flow make_flow_2d(const Flow2dOptions& o);

struct Learning {
  int steps = 2000;
  int64_t batch = 256;
  double lr = 2e-3;  // of Adam, the highest; it falls to 0 as half a cosine
  uint64_t seed = 0;
};
using Tick = std::function<bool(double loss)>;  // called after every step; where it returns false the training stops
// Maximum likelihood: every batch is drawn anew, so there is nothing to overfit.
void learn(flows::Flow& flow, const support::Toy& toy, const Learning& o, const Tick& tick);
// Reverse KL. The energy is turned up over the first half of the steps, or else the flow settles in the mode that it
// finds first (Rezende & Mohamed, section 6.1).
void learn(flows::Flow& flow, const support::Energy& energy, const Learning& o, const Tick& tick);

// By quadrature, in nats. q is the flow's density.
struct Distance {
  double kl;       // KL(p || q) for a set, KL(q || p) for an energy
  double entropy;  // of p
  double mass;     // ∫ q, over a square twice as wide as p's
};
Distance judge(const flows::Flow& flow, const support::Toy& toy, int64_t cells = 200);  // cells x cells of them
Distance judge(const flows::Flow& flow, const support::Energy& energy, int64_t cells = 200);

// ---- Pictures -------------------------------------------------------------------------------------------------------

// q over [-extent, extent]², [size, size].
Tensor density_map(const flows::Flow& flow, double extent, int64_t size);
// Points [n, 2], dark on white, [3, size, size].
Tensor scatter(const Tensor& points, double extent, int64_t size);
// A grid of straight lines in latent space, and where it lies after each of the layers through which it becomes data:
// `count` pictures [count, 3, size, size], from z to x; no more than there are layers, and one. Each shows
// [-extent, extent]², or more where the grid is larger.
Tensor grid_pictures(const flows::Flow& flow, double extent, int count, int64_t size);

}  // namespace bijou::experiments

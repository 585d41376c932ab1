#include "optim/sharpness.h"

#include "optim/landscape.h"
#include "tensor/map.h"

namespace bijou::optim {
namespace {

// The loss of examples first .. last alone.
Objective part_of(const Objective& o, int64_t first, int64_t last) {
  Objective part = o;
  part.examples = last - first;
  part.outputs = [=](int64_t from, int64_t to) { return o.outputs(first + from, first + to); };
  part.losses = [=](const Var& y, int64_t from, int64_t to) { return o.losses(y, first + from, first + to); };
  return part;
}

}  // namespace

double sam_sharpness(const Objective& o, const std::vector<Var>& parameters, const SamOptions& options) {
  const int64_t m = options.m ? options.m : o.examples;
  double total = 0;
  for (int64_t first = 0; first < o.examples; first += m) {
    const Objective part = part_of(o, first, std::min(first + m, o.examples));
    const double at_w = mean_gradient(part, parameters);
    const Perturbation away(parameters, options);
    total += (mean_loss(part) - at_w) * double(part.examples);
  }
  return total / double(o.examples);
}

double keskar_sharpness(const Objective& o, const std::vector<Var>& parameters, const KeskarOptions& options) {
  check(options.epsilon > 0 && options.steps > 0, "keskar_sharpness: epsilon = ", options.epsilon, ", ", options.steps,
        " steps");
  const KeptWeights kept(parameters);
  const double at_w = mean_gradient(o, parameters);
  double highest = at_w;
  for (int step = 0; step < options.steps; ++step) {
    for (size_t i = 0; i < parameters.size(); ++i) {
      if (!parameters[i].grad()) continue;
      update<1>(
          [epsilon = real(options.epsilon)](Lane& w, Lane center, Lane g) {
            const Lane half = (abs(center) + 1) * epsilon;
            w = minimum(maximum(w + sign(g) * half * real(0.25), center - half), center + half);
          },
          Var(parameters[i]).mutable_value(), kept.weights()[i], parameters[i].grad().value());
    }
    highest = std::max(highest, mean_gradient(o, parameters));
  }
  return 100 * (highest - at_w) / (1 + at_w);
}

}  // namespace bijou::optim

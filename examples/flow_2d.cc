// Flows on the plane, where everything can be seen: how a flow bends a Gaussian into any shape, layer by layer, and how
// near its density comes to the true one.
//
// --target names a set of points, from whose samples the flow learns by maximum likelihood, or one of the energies U1
// to U4, which it learns without a single sample, by reverse KL. Both densities are integrated over the plane, so the
// distance that is left is known in nats, and so is the integral of the flow's density, which should be 1.
//
//   examples/flow_2d --flow planar --target U1 --steps 4000       Figure 3 of Rezende & Mohamed
//   examples/flow_2d --flow ffjord                                slow to learn: a minute or two
//   examples/flow_2d --flow residual --estimate                   Russian roulette instead of a determinant
#include "examples/experiments/flow_2d.h"

#include <cmath>
#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/stopwatch.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"
#include "tensor/reduce.h"

using namespace bijou;
using namespace bijou::support;

namespace {

constexpr int64_t kSize = 240;  // pixels of a picture's side

// Side by side in one row.
Tensor row(const std::vector<Tensor>& pictures) {
  return image_grid(stack(pictures, 0), {.columns = int(pictures.size())});
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "flow_2d", .about = "Learns a density on the plane by a normalizing flow."});
  std::vector<std::string> targets = toy_names();
  const std::vector<std::string> energies = energy_names();
  targets.insert(targets.end(), energies.begin(), energies.end());
  const std::string kind = args.choice("flow", experiments::flow_names(), "the flow");
  const std::string target = args.choice("target", targets, "a set of points, or an energy");
  experiments::Flow2dOptions flow_2d = experiments::suited(kind);
  flow_2d.layers = args.option("layers", flow_2d.layers, "layers of the flow; by default what suits it", 1);
  flow_2d.hidden = args.option("hidden", int(flow_2d.hidden), "hidden units of its networks; likewise");
  flow_2d.estimate = args.flag("estimate", "residual and ffjord learn from estimates of their log-determinants");
  const int steps = args.option("steps", flow_2d.steps, "steps of training; likewise", 1);
  const int batch = args.option("batch", 256, "points a step", 1);
  const double lr = args.option("lr", flow_2d.lr, "the highest learning rate; likewise");
  const int cells = args.option("cells", 200, "of the grid, along one axis, by which densities are integrated", 10);
  const Run run = args.done();
  if (flow_2d.estimate && kind != "residual" && kind != "ffjord")
    args.refuse("--estimate: the log-determinant of " + kind + " is exact at no cost");

  manual_seed(run.seed);
  flows::Flow flow = experiments::make_flow_2d(flow_2d);
  const experiments::Learning learning{.steps = steps, .batch = batch, .lr = lr, .seed = run.seed};
  Progress progress({.title = kind + " on " + target, .total = steps});
  const experiments::Tick tick = [&](double loss) {
    progress.step("loss " + to_string(std::round(1000 * loss) / 1000));
    return !interrupted();
  };

  const Stopwatch watch;
  Generator g(run.seed + 2);
  experiments::Distance verdict;
  double took, extent;
  Tensor truth;                // the density, or what it is in proportion to
  std::vector<Tensor> panels;  // points to learn from; the true density; the flow's; points of the flow
  const bool by_energy = std::count(energies.begin(), energies.end(), target) > 0;
  if (by_energy) {
    const Energy e = energy(target);
    experiments::learn(flow, e, learning, tick), took = watch.seconds(), extent = e.extent;
    verdict = experiments::judge(flow, e, cells);
    truth = exp(e.log_density(plane(extent, kSize)).value());
    truth = truth * real(1 / integral(truth, extent));
  } else {
    const Toy t = toy(target);
    experiments::learn(flow, t, learning, tick), took = watch.seconds(), extent = t.extent;
    verdict = experiments::judge(flow, t, cells);
    panels.push_back(experiments::scatter(t.sample(5000, g), extent, kSize));
    truth = exp(t.log_density(plane(extent, kSize)));
  }
  progress.finish();
  const HeatOptions scale{.low = 0, .high = double(max(truth).item())};
  panels.push_back(heat_map(truth.reshape({kSize, kSize}), scale));
  panels.push_back(heat_map(experiments::density_map(flow, extent, kSize), scale));
  panels.push_back(experiments::scatter(flow.sample(5000, {}, g).value(), extent, kSize));
  write_png(run.out + "/density.png", row(panels));
  const Tensor grids = experiments::grid_pictures(flow, extent, 8, kSize);
  write_png(run.out + "/layers.png",
            image_grid(grids, {.columns = grids.size(0) > 6 ? 4 : 3, .background = real(0.8)}));

  Result result("flow_2d");
  result.set("flow", kind), result.set("target", target), result.set("parameters", flow.num_parameters());
  result.set("steps", steps), result.set("seconds", took), result.set("entropy", verdict.entropy);
  result.set("kl", verdict.kl), result.set("nll", verdict.entropy + verdict.kl), result.set("mass", verdict.mass);
  std::printf("%s on %s: %.4f nats from the true density (%s), after %.1f s; its integral is %.5f. Pictures in %s.\n",
              kind.c_str(), target.c_str(), verdict.kl, by_energy ? "KL(q || p)" : "KL(p || q)", took, verdict.mass,
              run.out.c_str());
  result.print();
}

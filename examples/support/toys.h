// Densities on the plane, to try flows on: sets that can be sampled and whose density is known, so that a flow's
// likelihood can be compared with the best there is, the entropy; and energies that can be evaluated but not sampled.
//
// moons, spirals, rings, gaussians are mixtures of many equal round Gaussians along curves; pinwheel is a mixture of
// five long ones, swirled by a rotation that grows with the radius and keeps areas; checkerboard is uniform on eight
// squares. Their entropies are integrals over the plane, by quadrature, to more digits than are shown anywhere.
//
// U1 to U4 are those of D. Rezende, S. Mohamed, "Variational inference with normalizing flows", ICML 2015, table 1. As
// printed, U2 to U4 go on along x_1 for ever and have no integral; here they end at |x_1| = 4, in a wall as steep as
// the bands are.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "autograd/var.h"
#include "tensor/random.h"

namespace bijou::support {

struct Toy {
  std::string name;
  double extent;  // but for a negligible rest, all is within [-extent, extent]²
  std::function<Tensor(int64_t n, Generator& g)> sample;  // [n, 2]
  std::function<Tensor(const Tensor& x)> log_density;     // [n, 2] -> [n], in nats
};
std::vector<std::string> toy_names();
Toy toy(const std::string& name);

struct Energy {
  std::string name;
  double extent;
  std::function<Var(const Var& x)> log_density;  // -U: [n, 2] -> [n], but for a constant
};
std::vector<std::string> energy_names();
Energy energy(const std::string& name);

// ---- Integrals over [-extent, extent]² ------------------------------------------------------------------------------

// The centres of n x n equal cells, [n², 2]: row by row from the top, as a picture is.
Tensor plane(double extent, int64_t n);
// The integral of a function from its values at the points of plane(extent, n), [n²], by the midpoint rule.
double integral(const Tensor& values, double extent);
// -∫ p log p
double entropy(const Toy& toy);

}  // namespace bijou::support

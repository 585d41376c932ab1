// Toy densities are densities, and their samples are drawn from them; else a flow's distance from them means nothing.
#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "examples/support/toys.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

using namespace bijou::testing;

TEST(Toys, DensitiesIntegrateToOne) {
  for (const std::string& name : toy_names()) {
    const Toy t = toy(name);
    EXPECT_NEAR(integral(exp(t.log_density(plane(t.extent, 300))), t.extent), 1, 1e-4) << name;
  }
}

// -log p has the entropy as its mean over samples, within five standard errors, and the integral agrees.
TEST(Toys, SamplesHaveTheEntropyOfTheDensity) {
  constexpr int64_t n = 20'000;
  Generator g(1);
  for (const std::string& name : toy_names()) {
    const Toy t = toy(name);
    const Var log_p = t.log_density(t.sample(n, g));
    const double error = 5 * std::sqrt(double(var(log_p, 0).item()) / n) + 1e-3;
    EXPECT_NEAR(-double(mean(log_p).item()), entropy(t), error) << name;
  }
  EXPECT_NEAR(entropy(toy("checkerboard")), std::log(32.0), 1e-5);
  // Eight Gaussians that hardly touch: what they share makes it a little less than the sum.
  const double apart = std::log(8.0) + 1 + std::log(2 * M_PI * 0.35 * 0.35);
  EXPECT_LT(entropy(toy("gaussians")), apart);
  EXPECT_GT(entropy(toy("gaussians")), apart - 0.01);
}

// The share of samples in each quarter of the plane is the integral of the density there.
TEST(Toys, SamplesFallWhereTheDensityIs) {
  constexpr int64_t n = 20'000, cells = 300;
  Generator g(2);
  for (const std::string& name : toy_names()) {
    const Toy t = toy(name);
    double mass[4] = {}, share[4] = {};
    auto quarter = [](const real* p) { return (p[0] > real(0.5)) + 2 * (p[1] > real(-0.3)); };
    const Tensor points = plane(t.extent, cells), p = exp(t.log_density(points)), x = t.sample(n, g);
    const double area = 4 * t.extent * t.extent / (cells * cells);
    for (int64_t i = 0; i < cells * cells; ++i) mass[quarter(points.data() + 2 * i)] += double(p.data()[i]) * area;
    for (int64_t i = 0; i < n; ++i) share[quarter(x.data() + 2 * i)] += 1.0 / n;
    for (int i = 0; i < 4; ++i) EXPECT_NEAR(share[i], mass[i], 0.02) << name;
  }
}

TEST(Energies, AreThoseOfThePaperInsideTheWalls) {
  for (const double x : {-3.0, 0.5, 1.5})
    for (const double y : {-1.0, 0.2, 2.0}) {
      const double w1 = std::sin(M_PI * x / 2), w2 = 3 * std::exp(-0.5 * std::pow((x - 1) / 0.6, 2)),
                   w3 = 3 / (1 + std::exp(-(x - 1) / 0.3));
      auto bump = [](double e) { return std::exp(-0.5 * e * e); };
      const double u[] = {
          0.5 * std::pow((std::hypot(x, y) - 2) / 0.4, 2) - std::log(bump((x - 2) / 0.6) + bump((x + 2) / 0.6)),
          0.5 * std::pow((y - w1) / 0.4, 2), -std::log(bump((y - w1) / 0.35) + bump((y - w1 + w2) / 0.35)),
          -std::log(bump((y - w1) / 0.4) + bump((y - w1 + w3) / 0.35))};
      for (int i = 0; i < 4; ++i) {
        const double got = -double(energy(energy_names()[size_t(i)]).log_density(matrix({{real(x), real(y)}})).item());
        EXPECT_NEAR(got, u[i], std::max(1.0, std::abs(u[i])) * (kDouble ? 1e-10 : 1e-4)) << "U" << i + 1;
      }
    }
}

TEST(Energies, HaveGradientsAndAnIntegral) {
  for (const std::string& name : energy_names()) {
    const Energy e = energy(name);
    const double z = integral(exp(e.log_density(plane(e.extent, 200)).value()), e.extent);
    const double wider = integral(exp(e.log_density(plane(12, 400)).value()), 12);
    EXPECT_NEAR(z / wider, 1, 1e-3) << name;
    if (kDouble) expect_gradients([&](const std::vector<Var>& in) { return e.log_density(in[0]); }, {random({20, 2})});
  }
}

TEST(Toys, UnknownNamesAreRefused) {
  expect_error([] { toy("U1"); }, "no set 'U1'");
  expect_error([] { energy("U5"); }, "no 'U5'");
}

}  // namespace
}  // namespace bijou::support

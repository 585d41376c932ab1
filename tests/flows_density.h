// What every flow on the plane is put through: its density integrates to one, and its samples are drawn from it.
#pragma once

#include <algorithm>
#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "flows/flow.h"
#include "optim/adam.h"
#include "tests/support.h"

namespace bijou::testing {

// exp(log_prob) on the n x n grid over [-extent, extent]², times the area of a cell, [n, n]; row i belongs to the i-th
// x_1.
inline Tensor masses(const flows::Flow& flow, double extent, int64_t n) {
  const NoGrad guard;
  const real step = real(2 * extent / double(n - 1));
  const Tensor axis = linspace(real(-extent), real(extent), n);
  std::vector<Tensor> rows;
  for (int64_t i = 0; i < n; ++i)
    rows.push_back(exp(flow.log_prob(stack({full({n}, axis.data()[i]), axis}, 1)).value()) * (step * step));
  return stack(rows, 0);
}

// The integral is 1; and by the Kolmogorov-Smirnov test, at p > 1e-4, each coordinate of the flow's samples has the
// distribution that the integral over the other one gives.
inline void expect_density(const flows::Flow& flow, double extent = 10, int64_t n = 400, double tolerance = 1e-4,
                           Caller at = Caller::here()) {
  ::testing::ScopedTrace trace(at.file, at.line, "a density on the plane");
  const Tensor mass = masses(flow, extent, n);
  EXPECT_NEAR(double(sum(mass).item()), 1, tolerance);  // the trapezoid rule

  const NoGrad guard;
  constexpr int64_t kSamples = 5000;
  Generator g(11);
  const Tensor x = flow.sample(kSamples, {}, g).value();
  for (const int coordinate : {0, 1}) {
    std::vector<double> cdf, values;
    double total = 0;
    for (const real m : sum(mass, 1 - coordinate)) cdf.push_back(total + double(m) / 2), total += double(m);
    for (int64_t i = 0; i < kSamples; ++i) values.push_back(double(x.data()[2 * i + coordinate]));
    std::sort(values.begin(), values.end());
    double distance = 0;
    for (int64_t i = 0; i < kSamples; ++i) {
      const double place =
          std::clamp((values[size_t(i)] + extent) / (2 * extent) * double(n - 1), 0.0, double(n) - 1.001);
      const size_t k = size_t(place);
      const double expected = cdf[k] + (place - double(k)) * (cdf[k + 1] - cdf[k]);
      distance = std::max({distance, expected - double(i) / kSamples, double(i + 1) / kSamples - expected});
    }
    EXPECT_LE(distance * std::sqrt(double(kSamples)), 2.23) << "coordinate " << coordinate;
  }
}

// A few steps of maximum likelihood on x. The likelihood has to rise.
template <class B>
B after_training(B bijector, const Tensor& x, const Tensor& context = {}, int steps = 20) {
  bijector = nn::clone(bijector);
  const Var c = context.numel() ? Var(context) : Var();
  const Shape latent = bijector.latent_shape(Shape(std::span(x.shape().begin() + 1, size_t(x.dim() - 1))));
  const flows::Flow flow(bijector, flows::StandardNormal(latent));  // shares the parameters
  optim::Adam optimizer(bijector.parameters(), {.lr = 0.02});
  double first = 0, last = 0;
  for (int step = 0; step < steps; ++step) {
    optimizer.zero_grad();
    const Var loss = -mean(flow.log_prob(x, c));
    backward(loss);
    optimizer.step();
    last = double(loss.item());
    if (step == 0) first = last;
  }
  EXPECT_LT(last, first);
  return bijector;
}

// Parameters moved away from wherever they begin.
template <class B>
B moved(B bijector, double scale, uint64_t seed = 3) {
  bijector = nn::clone(bijector);
  Generator g(seed);
  for (Var& p : bijector.parameters())
    p.mutable_value().copy_from((p + Var(normal(p.shape(), 0, real(scale), g))).value());
  return bijector;
}

}  // namespace bijou::testing

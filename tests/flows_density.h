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

// exp(log_prob) on the n x n grid over [-extent, extent]², times the area of a cell; row i belongs to the i-th x_1.
inline std::vector<std::vector<double>> masses(const flows::Flow& flow, double extent, int64_t n) {
  const NoGrad guard;
  const double step = 2 * extent / double(n - 1);
  std::vector<std::vector<double>> mass(static_cast<size_t>(n));
  const Tensor axis = linspace(real(-extent), real(extent), n);
  for (int64_t i = 0; i < n; ++i) {
    Tensor x({n, 2});
    for (int64_t j = 0; j < n; ++j)
      x.mutable_data()[2 * j] = axis.data()[i], x.mutable_data()[2 * j + 1] = axis.data()[j];
    for (real l : flow.log_prob(x).value()) mass[size_t(i)].push_back(std::exp(double(l)) * step * step);
  }
  return mass;
}

// The integral is 1; and by the Kolmogorov-Smirnov test, at p > 1e-4, the first coordinate of the flow's samples has
// the distribution that the integral over the second one gives.
inline void expect_density(const flows::Flow& flow, double extent = 10, int64_t n = 400, double tolerance = 1e-4,
                           Caller at = Caller::here()) {
  ::testing::ScopedTrace trace(at.file, at.line, "a density on the plane");
  std::vector<double> cdf;
  double total = 0;
  for (const std::vector<double>& row : masses(flow, extent, n)) {
    double sum = 0;
    for (double m : row) sum += m;
    cdf.push_back(total + sum / 2), total += sum;  // the trapezoid rule
  }
  EXPECT_NEAR(total, 1, tolerance);

  const NoGrad guard;
  constexpr int64_t kSamples = 5000;
  Generator g(11);
  const Tensor x = flow.sample(kSamples, {}, g).value();
  std::vector<double> first;
  for (int64_t i = 0; i < kSamples; ++i) first.push_back(double(x.data()[2 * i]));
  std::sort(first.begin(), first.end());
  double distance = 0;
  for (int64_t i = 0; i < kSamples; ++i) {
    const double place = std::clamp((first[size_t(i)] + extent) / (2 * extent) * double(n - 1), 0.0, double(n) - 1.001);
    const size_t k = size_t(place);
    const double expected = cdf[k] + (place - double(k)) * (cdf[k + 1] - cdf[k]);
    distance = std::max({distance, expected - double(i) / kSamples, double(i + 1) / kSamples - expected});
  }
  EXPECT_LE(distance * std::sqrt(double(kSamples)), 2.23);
}

// A few steps of maximum likelihood on x. The likelihood has to rise.
template <class B>
B after_training(B bijector, const Tensor& x, const Tensor& context = {}, int steps = 20) {
  bijector = nn::clone(bijector);
  const Var c = context.numel() ? Var(context) : Var();
  const flows::Flow flow(bijector, flows::StandardNormal({x.size(1)}));  // shares the parameters
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

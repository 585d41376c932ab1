#include "examples/support/statistics.h"

#include <cmath>
#include <limits>

#include "tensor/error.h"

namespace bijou::support {

double mean_of(const std::vector<double>& x) {
  check(!x.empty(), "mean_of: no numbers");
  double total = 0;
  for (double v : x) total += v;
  return total / double(x.size());
}

double deviation_of(const std::vector<double>& x) {
  if (x.size() < 2) return 0;
  const double mean = mean_of(x);
  double total = 0;
  for (double v : x) total += (v - mean) * (v - mean);
  return std::sqrt(total / double(x.size() - 1));
}

namespace {

// The continued fraction of the incomplete beta function, 1 + d1/(1 + d2/(1 + ...)), evaluated from the front by
// Lentz's method (Abramowitz, Stegun 26.5.8). Converges fast for x < (a + 1) / (a + b + 2).
double beta_fraction(double a, double b, double x) {
  auto guarded = [](double v) { return std::fabs(v) < 1e-300 ? 1e-300 : v; };
  double c = 1, d = 0, value = 1;
  for (int k = 1; k <= 1000; ++k) {
    const double m = k / 2;
    const double term = k % 2 ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                              : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guarded(1 + term * d);
    c = guarded(1 + term / c);
    value *= c * d;
    if (std::fabs(c * d - 1) < 1e-15) break;
  }
  return 1 / value;
}

}  // namespace

double incomplete_beta(double a, double b, double x) {
  check(a > 0 && b > 0 && x >= 0 && x <= 1, "incomplete_beta: a = ", a, ", b = ", b, ", x = ", x);
  if (x == 0 || x == 1) return x;
  if (x > (a + 1) / (a + b + 2)) return 1 - incomplete_beta(b, a, 1 - x);
  const double log_front = std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x);
  return std::exp(log_front) / a * beta_fraction(a, b, x);
}

double student_p(double t, double n) {
  check(n > 0, "student_p: ", n, " degrees of freedom");
  if (std::isinf(t)) return 0;
  return incomplete_beta(n / 2, 0.5, n / (n + t * t));
}

TTest t_test(const std::vector<double>& d) {
  TTest test{mean_of(d), deviation_of(d), std::numeric_limits<double>::quiet_NaN(),
             std::numeric_limits<double>::quiet_NaN()};
  if (d.size() < 2) return test;
  const double n = double(d.size());
  if (test.deviation == 0 && test.mean == 0) return test.t = 0, test.p = 1, test;
  test.t = test.mean / (test.deviation / std::sqrt(n));
  test.p = student_p(test.t, n - 1);
  return test;
}

}  // namespace bijou::support

// Did it really change, or was it luck? The same seeds are run with and without a change, and the differences d of the
// pairs are looked at: with mean m and deviation s over n pairs,
//
//   t = m / (s / √n)
//
// follows Student's distribution with n - 1 degrees of freedom where there is no effect, and p is the probability of a
// |t| as large as that. Student (W. Gosset), "The probable error of a mean", Biometrika 1908.
#pragma once

#include <vector>

namespace bijou::support {

double mean_of(const std::vector<double>& x);
double deviation_of(const std::vector<double>& x);  // with n - 1; 0 for a single number

// I_x(a, b), the cumulative distribution of the beta distribution; 0 <= x <= 1.
double incomplete_beta(double a, double b, double x);

// P(|T| >= |t|) for T of Student's distribution.
double student_p(double t, double degrees_of_freedom);

struct TTest {
  double mean, deviation;  // of the differences
  double t, p;             // NaN for fewer than two pairs
};
TTest t_test(const std::vector<double>& differences);

}  // namespace bijou::support

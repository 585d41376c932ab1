// Student's t against printed tables and closed forms.
#include <cmath>

#include "examples/support/statistics.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

TEST(Statistics, MeanAndDeviationAreTheTextbooks) {
  EXPECT_DOUBLE_EQ(mean_of({1, 2, 3, 6}), 3);
  EXPECT_DOUBLE_EQ(deviation_of({1, 2, 3, 6}), std::sqrt(14.0 / 3));
  EXPECT_EQ(deviation_of({5}), 0);
  bijou::testing::expect_error([] { mean_of({}); }, "no numbers");
}

TEST(Statistics, TheIncompleteBetaHasItsClosedForms) {
  for (double x : {0.0, 0.01, 0.3, 0.5, 0.9, 1.0}) {
    EXPECT_NEAR(incomplete_beta(1, 1, x), x, 1e-14);
    EXPECT_NEAR(incomplete_beta(3, 1, x), x * x * x, 1e-14);
    EXPECT_NEAR(incomplete_beta(1, 4, x), 1 - std::pow(1 - x, 4), 1e-14);
    EXPECT_NEAR(incomplete_beta(0.5, 0.5, x), 2 / M_PI * std::asin(std::sqrt(x)), 1e-13);
    EXPECT_NEAR(incomplete_beta(2.5, 7, x) + incomplete_beta(7, 2.5, 1 - x), 1, 1e-14);
  }
}

TEST(Statistics, StudentsTableIsFound) {
  // The critical values of every textbook's table, two-sided.
  const struct {
    double t, n, p;
  } table[] = {{12.706, 1, 0.05},  {4.303, 2, 0.05}, {2.776, 4, 0.05}, {2.365, 7, 0.05},  {2.228, 10, 0.05},
               {1.960, 1e6, 0.05}, {9.925, 2, 0.01}, {3.499, 7, 0.01}, {5.408, 7, 0.001}, {2.750, 30, 0.01}};
  for (const auto& row : table) EXPECT_NEAR(student_p(row.t, row.n) / row.p, 1, 2e-3) << row.t << ", " << row.n;
}

TEST(Statistics, StudentsPHasClosedFormsForOneAndTwoDegrees) {
  for (double t : {0.0, 0.1, 1.0, 3.0, 50.0}) {
    EXPECT_NEAR(student_p(t, 1), 1 - 2 / M_PI * std::atan(t), 1e-13);
    EXPECT_NEAR(student_p(-t, 2), 1 - t / std::sqrt(2 + t * t), 1e-13);
  }
}

TEST(Statistics, APairedTestIsGossetsOwn) {
  // The hours of sleep gained by two drugs, ten patients: Student 1908, p. 20: mean 1.58, t = 4.06, p = 0.0028.
  const TTest test = t_test({1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4});
  EXPECT_NEAR(test.mean, 1.58, 1e-12);
  EXPECT_NEAR(test.t, 4.062, 1e-3);
  EXPECT_NEAR(test.p, 0.002833, 1e-6);
}

TEST(Statistics, EdgesOfTheTestAreWellDefined) {
  EXPECT_EQ(t_test({0, 0, 0}).p, 1);
  EXPECT_EQ(t_test({1, 1, 1}).p, 0);
  EXPECT_TRUE(std::isnan(t_test({1}).p));
}

}  // namespace
}  // namespace bijou::support

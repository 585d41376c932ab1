// What many tests share.
#pragma once

#include <gtest/gtest.h>

#include <vector>

#include "autograd/gradcheck.h"
#include "tensor/random.h"

// For tests of digits that only double has.
#define SKIP_IN_FLOAT() \
  if (!bijou::testing::kDouble) GTEST_SKIP() << "needs REAL=double"

namespace bijou::testing {

constexpr bool kDouble = std::is_same_v<real, double>;
constexpr double kTolerance = kDouble ? 1e-10 : 1e-5;  // for values that a few operations made

// Where a check stands, for its message. (std::source_location, which clang 14 has not.)
struct Caller {
  const char* file;
  int line;
  static Caller here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) { return {file, line}; }
};

// Standard normal numbers; the same for the same shape and seed.
inline Tensor random(const Shape& shape, uint64_t seed = 0) {
  Generator g(seed);
  return randn(shape, g);
}
// Between low and high, so that a log, a root or a quotient is smooth nearby.
inline Tensor random_between(real low, real high, const Shape& shape, uint64_t seed = 0) {
  Generator g(seed);
  return uniform(shape, low, high, g);
}

// Shapes at which loops go wrong: no axes, nothing in them, one element, a lane more or less, odd sizes.
inline std::vector<Shape> awkward_shapes() {
  return {{}, {0}, {1}, {7}, {17}, {2, 0, 3}, {1, 1}, {5, 1}, {1, 33}, {3, 8}, {2, 3, 5}, {2, 1, 3, 7}};
}

// max_difference(got, want) <= tolerance, or a failure at the caller's line that says where and how much.
inline void expect_close(const Tensor& got, const Tensor& want, double tolerance = kTolerance,
                         Caller at = Caller::here()) {
  const double d = max_difference(got, want);
  if (d <= tolerance) return;
  const bool small = got.numel() <= 100 && want.numel() <= 100;
  ADD_FAILURE_AT(at.file, at.line) << "shapes " << to_string(got.shape()) << " and " << to_string(want.shape())
                                   << ", difference " << d << " > " << tolerance
                                   << (small ? "\ngot\n" + to_string(got) + "\nwant\n" + to_string(want) : "");
}
inline void expect_close(const Var& got, const Tensor& want, double tolerance = kTolerance,
                         Caller at = Caller::here()) {
  expect_close(got.value(), want, tolerance, at);
}

// f() throws Error with `part` in its message.
template <class F>
void expect_error(const F& f, const std::string& part, Caller at = Caller::here()) {
  try {
    f();
  } catch (const Error& e) {
    if (std::string(e.what()).find(part) == std::string::npos)
      ADD_FAILURE_AT(at.file, at.line) << "the message \"" << e.what() << "\" lacks \"" << part << "\"";
    return;
  }
  ADD_FAILURE_AT(at.file, at.line) << "no Error; one with \"" << part << "\" was expected";
}

// gradcheck and gradgradcheck, with the failure at the caller's line. (Call SKIP_IN_FLOAT() first.)
inline void expect_gradients(const Function& f, const std::vector<Tensor>& inputs, GradcheckOptions options = {},
                             Caller at = Caller::here()) {
  try {
    gradcheck(f, inputs, options);
    gradgradcheck(f, inputs, options);
  } catch (const Error& e) {
    ADD_FAILURE_AT(at.file, at.line) << e.what();
  }
}

}  // namespace bijou::testing

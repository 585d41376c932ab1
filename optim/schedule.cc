#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/error.h"

namespace bijou::optim {
namespace {

void check_schedule(const char* name, int64_t step, int64_t n) {
  check(step >= 0, name, ": step ", step, " is below 0");
  check(n >= 1, name, ": a number of steps from 1 expected, not ", n);
}

// From a at t = 0 to b at t = 1 along half a cosine.
double half_cosine(double a, double b, double t) { return b + (a - b) * (1 + std::cos(std::numbers::pi * t)) / 2; }

}  // namespace

double linear_warmup(int64_t step, int64_t n) {
  check_schedule("linear_warmup", step, n);
  return double(std::min(step + 1, n)) / double(n);
}

double step_decay(int64_t step, int64_t every, double gamma) {
  check_schedule("step_decay", step, every);
  return std::pow(gamma, step / every);
}

double cosine_decay(int64_t step, int64_t n, double low) {
  check_schedule("cosine_decay", step, n);
  return half_cosine(1, low, double(std::min(step, n)) / double(n));
}

double one_cycle(int64_t step, int64_t n, const OneCycleOptions& o) {
  check_schedule("one_cycle", step, n);
  check(step < n, "one_cycle: step ", step, " of a cycle of ", n);
  check(o.rise >= 0 && o.rise < 1, "one_cycle: rise = ", o.rise, " is not in [0, 1)");
  const double top = o.rise * double(n) - 1, end = double(n - 1), t = double(step);
  return t < top ? half_cosine(o.first, 1, t / top) : half_cosine(1, o.last, (t - top) / (end - top));
}

}  // namespace bijou::optim

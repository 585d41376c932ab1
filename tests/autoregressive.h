// What every autoregressive model is put through.
#pragma once

#include <cmath>
#include <numeric>

#include "autograd/functional.h"
#include "nn/autoregressive.h"
#include "tests/support.h"

namespace bijou::testing {

// No conditional sees what comes later: d log p(x_i | ...) / dx_j = 0 where j stands after i. order[k] is the number of
// the element that is drawn k-th; none: 0, 1, ... Returns how many pairs (i, j) there are of which i does see j before
// it: some, and n (n - 1) / 2 where every one sees all before it.
inline int64_t expect_causal(const nn::Autoregressive& model, const Tensor& x, const Var& condition = {},
                             std::vector<int64_t> order = {}, Caller at = Caller::here()) {
  const Tensor j = jacobian([&](const Var& v) { return model.conditionals(v, condition); }, x);
  const int64_t n = j.size(1);
  if (order.empty()) order.resize(size_t(n)), std::iota(order.begin(), order.end(), 0);
  int64_t later = 0, earlier = 0;
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < n; ++k) {
      if (i == k || j.data()[order[size_t(i)] * n + order[size_t(k)]] == 0) continue;
      (k > i ? later : earlier) += 1;
    }
  if (later > 0) ADD_FAILURE_AT(at.file, at.line) << later << " conditionals see what comes later";
  if (earlier == 0) ADD_FAILURE_AT(at.file, at.line) << "no conditional sees anything";
  return earlier;
}

// All vectors of `length` numbers 0 .. values-1: [values^length, length].
inline Tensor all_vectors(int64_t length, int64_t values) {
  const int64_t n = int64_t(std::pow(double(values), double(length)) + 0.5);
  Tensor x({n, length});
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = length - 1, rest = i; k >= 0; --k, rest /= values)
      x.mutable_data()[i * length + k] = real(rest % values);
  return x;
}

inline double total_probability(const nn::Autoregressive& model, const Tensor& x, const Var& condition = {}) {
  double total = 0;
  for (const real log_p : model.log_prob(x, condition).value()) total += std::exp(double(log_p));
  return total;
}

// Samples of a small binary model come as often as it says: x lists all vectors, in the order of all_vectors().
inline void expect_samples_follow(const nn::Autoregressive& model, const Tensor& x, int64_t n,
                                  Caller at = Caller::here()) {
  Generator g(7);
  const Tensor drawn = model.sample(n, {}, g), log_p = model.log_prob(x).value();
  const int64_t length = x.numel() / x.size(0);
  std::vector<double> count(size_t(x.size(0)));
  for (int64_t s = 0; s < n; ++s) {
    size_t code = 0;
    for (int64_t k = 0; k < length; ++k) code = 2 * code + size_t(drawn.data()[s * length + k]);
    ++count[code];
  }
  for (size_t i = 0; i < count.size(); ++i) {
    const double p = std::exp(double(log_p.data()[i])), deviation = std::sqrt(double(n) * p * (1 - p)) + 1;
    if (std::abs(count[i] - double(n) * p) > 5 * deviation)
      ADD_FAILURE_AT(at.file, at.line) << "vector " << i << ": " << count[i] << " of " << n << " samples, p = " << p;
  }
}

}  // namespace bijou::testing

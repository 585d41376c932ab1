#include "flows/base.h"

#include <cmath>

#include "autograd/linalg.h"
#include "autograd/map.h"
#include "flows/bijector.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"

namespace bijou::flows {
namespace {

// Σ -½ ε² - ½ log 2π over all axes but the first.
Var standard_log_prob(const Var& e) {
  return map_sum([](auto e) { return e * e * real(-0.5) - nn::kHalfLog2Pi; }, 1, e);
}

// log N(z; m, exp(s)²), of numbers.
constexpr auto kLogNormal = [](auto z, auto m, auto s) {
  const auto e = (z - m) * exp(-s);
  return e * e * real(-0.5) - s - nn::kHalfLog2Pi;
};

Tensor noise(int64_t n, const Shape& event, double temperature, Generator& g) {
  return normal(batch_of(n, event), 0, real(temperature), g);
}

}  // namespace

Var StandardNormal::log_prob(const Var& z) const {
  check_event("StandardNormal", z, event);
  return standard_log_prob(z);
}
Var StandardNormal::sample(int64_t n, double temperature, Generator& g) const {
  return noise(n, event, temperature, g);
}

DiagonalNormal::DiagonalNormal(Shape e) : Base(e), mean(parameter(zeros(e))), log_std(parameter(zeros(e))) {}
Var DiagonalNormal::log_prob(const Var& z) const {
  check_event("DiagonalNormal", z, event);
  return map_sum(kLogNormal, 1, z, mean, log_std);
}
Var DiagonalNormal::sample(int64_t n, double temperature, Generator& g) const {
  return map([](auto e, auto m, auto s) { return e * exp(s) + m; }, noise(n, event, temperature, g), mean, log_std);
}

FullNormal::FullNormal(int64_t dim)
    : Base({dim}),
      mean(parameter(zeros({dim}))),
      lower(parameter(zeros({dim, dim}))),
      log_diagonal(parameter(zeros({dim}))) {}

FullNormal FullNormal::fitted(const Tensor& x, double ridge) {
  check(x.dim() == 2 && x.size(0) > 0, "FullNormal: x [n, dim] expected, not ", x.shape());
  const int64_t n = x.size(0), dim = x.size(1);
  FullNormal p(dim);
  const Tensor mean = bijou::mean(x, 0), centred = x - mean;
  const Tensor covariance =
      matmul(centred, centred, {.transpose_a = true}) * real(1 / double(n)) + eye(dim) * real(ridge);
  const Tensor l = bijou::cholesky(covariance);
  p.mean = parameter(mean), p.lower = parameter(tril(l, -1));
  for (int64_t i = 0; i < dim; ++i)
    p.log_diagonal.mutable_value().mutable_data()[i] = std::log(l.data()[i * (dim + 1)]);
  return p;
}

Var FullNormal::cholesky() const { return tril(lower, -1) + Var(eye(event[0])) * exp(log_diagonal); }
Var FullNormal::log_prob(const Var& z) const {
  check_event("FullNormal", z, event);
  const Var back = solve_triangular(cholesky(), Var(eye(event[0])), {.upper = false});  // L⁻¹
  return standard_log_prob(matmul(z - mean, back, {.transpose_b = true})) - sum(log_diagonal);
}
Var FullNormal::sample(int64_t n, double temperature, Generator& g) const {
  return matmul(Var(noise(n, event, temperature, g)), cholesky(), {.transpose_b = true}) + mean;
}
void FullNormal::members(nn::Visitor& visit) {
  visit("mean", mean), visit("lower", lower), visit("log_diagonal", log_diagonal);
}

Uniform::Uniform(Shape e, real l, real h) : Base(e), low(l), high(h) {
  check(l < h, "Uniform: low = ", l, " is not below high = ", h);
}
Var Uniform::log_prob(const Var& z) const {
  check_event("Uniform", z, event);
  const real density = real(-std::log(double(high) - double(low)));
  auto inside = [=, low = low, high = high](auto z) {
    return where(z >= low, where(z <= high, z * real(0) + density, -kInfinity), -kInfinity);
  };
  return map_sum(inside, 1, z);
}
Var Uniform::sample(int64_t n, double temperature, Generator& g) const {
  const real middle = (low + high) / 2, half = (high - low) / 2 * real(temperature);
  return uniform(batch_of(n, event), middle - half, middle + half, g);
}

NormalMixture::NormalMixture(int64_t components, int64_t dim, Generator& g)
    : Base({dim}),
      logits(parameter(zeros({components}))),
      mean(parameter(randn({components, dim}, g))),
      log_std(parameter(zeros({components, dim}))) {}
Var NormalMixture::log_prob(const Var& z) const {
  check_event("NormalMixture", z, event);
  const Var each = map_sum(kLogNormal, 2, unsqueeze(z, 1), mean, log_std);  // [B, K]
  return logsumexp(each + log_softmax(logits, 0), 1);
}
Var NormalMixture::sample(int64_t n, double temperature, Generator& g) const {
  const Indices k = categorical(broadcast_to(logits.value(), {n, logits.numel()}), g);
  return map([](auto e, auto m, auto s) { return e * exp(s) + m; }, noise(n, event, temperature, g),
             index_select(mean, 0, k), index_select(log_std, 0, k));
}
void NormalMixture::members(nn::Visitor& visit) {
  visit("logits", logits), visit("mean", mean), visit("log_std", log_std);
}

}  // namespace bijou::flows

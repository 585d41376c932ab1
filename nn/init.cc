#include "nn/init.h"

#include <algorithm>
#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/layout.h"
#include "tensor/linalg.h"

namespace bijou::nn::init {
namespace {

struct Fans {
  double in, out;
};

Fans fans(const Shape& shape, const char* op) {
  check(shape.rank() >= 2, op, ": a weight of shape [out, in, ...] expected, not ", shape);
  const double kernel = double(shape.product(2, shape.rank()));
  return {double(shape[1]) * kernel, double(shape[0]) * kernel};
}

// Uniform of this standard deviation.
Tensor uniform_of(const Shape& shape, double std, Generator& g) {
  const real bound = real(std::sqrt(3.0) * std);
  return uniform(shape, -bound, bound, g);
}

double xavier_std(const Shape& shape, double gain, const char* op) {
  const Fans fan = fans(shape, op);
  return gain * std::sqrt(2 / (fan.in + fan.out));
}

double kaiming_std(const Shape& shape, KaimingOptions o, const char* op) {
  const Fans fan = fans(shape, op);
  return std::sqrt(2 / ((1 + o.a * o.a) * (o.fan == Fan::kIn ? fan.in : fan.out)));
}

}  // namespace

Tensor xavier_uniform(const Shape& shape, double gain, Generator& g) {
  return uniform_of(shape, xavier_std(shape, gain, "xavier_uniform"), g);
}
Tensor xavier_normal(const Shape& shape, double gain, Generator& g) {
  return normal(shape, 0, real(xavier_std(shape, gain, "xavier_normal")), g);
}
Tensor kaiming_uniform(const Shape& shape, KaimingOptions o, Generator& g) {
  return uniform_of(shape, kaiming_std(shape, o, "kaiming_uniform"), g);
}
Tensor kaiming_normal(const Shape& shape, KaimingOptions o, Generator& g) {
  return normal(shape, 0, real(kaiming_std(shape, o, "kaiming_normal")), g);
}

// Q of a random matrix, its columns turned so that the diagonal of R is positive: then every rotation is as likely as
// any other (F. Mezzadri, "How to generate random matrices from the classical compact groups", 2007).
Tensor orthogonal(const Shape& shape, double gain, Generator& g) {
  const Fans fan = fans(shape, "orthogonal");
  const int64_t rows = shape[0], columns = int64_t(fan.in);
  const bool wide = rows < columns;
  const auto [q, r] = qr(randn(wide ? Shape{columns, rows} : Shape{rows, columns}, g));
  const int64_t k = q.size(1);
  Tensor signs({k});
  for (int64_t i = 0; i < k; ++i) signs.mutable_data()[i] = r.at({i, i}) < 0 ? -real(gain) : real(gain);
  const Tensor turned = q * signs;
  return (wide ? transpose(turned, 0, 1) : turned).reshape(shape);
}

Tensor trunc_normal(const Shape& shape, double std, Generator& g) {
  return truncated_normal(shape, 0, real(std), real(-2 * std), real(2 * std), g);
}

// Kaiming with a = sqrt(5): a bound of sqrt(3) sqrt(2 / 6 / fan_in) = 1/sqrt(fan_in).
Tensor default_weight(const Shape& shape, Generator& g) { return kaiming_uniform(shape, {.a = std::sqrt(5.0)}, g); }

Tensor default_bias(int64_t out, int64_t fan_in, Generator& g) {
  const real bound = real(1 / std::sqrt(double(fan_in)));
  return uniform({out}, -bound, bound, g);
}

}  // namespace bijou::nn::init

#include "tensor/elementwise.h"

#include "tensor/map.h"

namespace bijou {

Tensor operator+(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x + y; }, a, b);
}
Tensor operator+(const Tensor& a, real b) {
  return map([b](auto x) { return x + b; }, a);
}
Tensor operator+(real a, const Tensor& b) {
  return map([a](auto x) { return a + x; }, b);
}
Tensor operator-(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x - y; }, a, b);
}
Tensor operator-(const Tensor& a, real b) {
  return map([b](auto x) { return x - b; }, a);
}
Tensor operator-(real a, const Tensor& b) {
  return map([a](auto x) { return a - x; }, b);
}
Tensor operator*(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x * y; }, a, b);
}
Tensor operator*(const Tensor& a, real b) {
  return map([b](auto x) { return x * b; }, a);
}
Tensor operator*(real a, const Tensor& b) {
  return map([a](auto x) { return a * x; }, b);
}
Tensor operator/(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x / y; }, a, b);
}
Tensor operator/(const Tensor& a, real b) {
  return map([b](auto x) { return x / b; }, a);
}
Tensor operator/(real a, const Tensor& b) {
  return map([a](auto x) { return a / x; }, b);
}
Tensor operator-(const Tensor& x) {
  return map([](auto a) { return -a; }, x);
}

Tensor operator<(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x < y; }, a, b);
}
Tensor operator<(const Tensor& a, real b) {
  return map([b](auto x) { return x < b; }, a);
}
Tensor operator<=(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x <= y; }, a, b);
}
Tensor operator<=(const Tensor& a, real b) {
  return map([b](auto x) { return x <= b; }, a);
}
Tensor operator>(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x > y; }, a, b);
}
Tensor operator>(const Tensor& a, real b) {
  return map([b](auto x) { return x > b; }, a);
}
Tensor operator>=(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x >= y; }, a, b);
}
Tensor operator>=(const Tensor& a, real b) {
  return map([b](auto x) { return x >= b; }, a);
}
Tensor operator==(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return x == y; }, a, b);
}
Tensor operator==(const Tensor& a, real b) {
  return map([b](auto x) { return x == b; }, a);
}
Tensor where(const Tensor& which, const Tensor& a, const Tensor& b) {
  return map([](auto m, auto x, auto y) { return where(m == 0, y, x); }, which, a, b);
}
Tensor maximum(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return maximum(x, y); }, a, b);
}
Tensor minimum(const Tensor& a, const Tensor& b) {
  return map([](auto x, auto y) { return minimum(x, y); }, a, b);
}

Tensor exp(const Tensor& a) {
  return map([](auto x) { return exp(x); }, a);
}
Tensor expm1(const Tensor& a) {
  return map([](auto x) { return expm1(x); }, a);
}
Tensor log(const Tensor& a) {
  return map([](auto x) { return log(x); }, a);
}
Tensor log1p(const Tensor& a) {
  return map([](auto x) { return log1p(x); }, a);
}
Tensor sqrt(const Tensor& a) {
  return map([](auto x) { return sqrt(x); }, a);
}
Tensor square(const Tensor& a) {
  return map([](auto x) { return square(x); }, a);
}
Tensor abs(const Tensor& a) {
  return map([](auto x) { return abs(x); }, a);
}
Tensor sign(const Tensor& a) {
  return map([](auto x) { return sign(x); }, a);
}
Tensor floor(const Tensor& a) {
  return map([](auto x) { return floor(x); }, a);
}
Tensor round(const Tensor& a) {
  return map([](auto x) { return round(x); }, a);
}
Tensor sin(const Tensor& a) {
  return map([](auto x) { return sin(x); }, a);
}
Tensor cos(const Tensor& a) {
  return map([](auto x) { return cos(x); }, a);
}
Tensor atan(const Tensor& a) {
  return map([](auto x) { return atan(x); }, a);
}
Tensor tanh(const Tensor& a) {
  return map([](auto x) { return tanh(x); }, a);
}
Tensor erf(const Tensor& a) {
  return map([](auto x) { return erf(x); }, a);
}
Tensor sigmoid(const Tensor& a) {
  return map([](auto x) { return sigmoid(x); }, a);
}
Tensor log_sigmoid(const Tensor& a) {
  return map([](auto x) { return log_sigmoid(x); }, a);
}
Tensor softplus(const Tensor& a) {
  return map([](auto x) { return softplus(x); }, a);
}
Tensor relu(const Tensor& a) {
  return map([](auto x) { return relu(x); }, a);
}
Tensor silu(const Tensor& a) {
  return map([](auto x) { return silu(x); }, a);
}
Tensor gelu(const Tensor& a) {
  return map([](auto x) { return gelu(x); }, a);
}
Tensor gelu_tanh(const Tensor& a) {
  return map([](auto x) { return gelu_tanh(x); }, a);
}
Tensor pow(const Tensor& a, real p) {
  return map([=](auto x) { return pow(x, p); }, a);
}
Tensor leaky_relu(const Tensor& a, real slope) {
  return map([=](auto x) { return leaky_relu(x, slope); }, a);
}
Tensor elu(const Tensor& a, real alpha) {
  return map([=](auto x) { return elu(x, alpha); }, a);
}
Tensor clamp(const Tensor& a, real low, real high) {
  return map([=](auto x) { return clamp(x, low, high); }, a);
}

}  // namespace bijou

#include "flows/dequantize.h"

#include <cmath>

#include "autograd/map.h"
#include "flows/coupling.h"
#include "flows/elementwise.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"

namespace bijou::flows {
namespace {

void check_levels(const Tensor& x, int64_t levels) {
  for (real value : x)
    check(value >= 0 && value < real(levels) && value == std::floor(value), "dequantize: whole numbers from 0 to ",
          levels - 1, " expected; there is a ", double(value));
}

}  // namespace

Dequantized dequantize(const Tensor& x, int64_t levels, Generator& g) {
  check_levels(x, levels);
  return {(x + rand(x.shape(), g)) * (real(1) / real(levels)), zeros({x.size(0)})};
}

Dequantized VariationalDequantizer::operator()(const Tensor& x, Generator& g) const {
  check_levels(x, levels);
  const real n = real(levels);
  const Tensor noise = randn(x.shape(), g);
  const Data e = bijector->inverse(noise, x * (1 / n) - real(0.5));
  // log N(noise) - log |de/dnoise| - log |du/de|, the last being log u + log (1 - u)
  const Var log_normal = nn::Normal{real(0), real(1)}.log_prob_rows(noise);
  const Var log_slope = map_sum([](auto e) { return -softplus(e) - softplus(-e); }, 1, e.x);
  return {map([n](auto x, auto e) { return (x + sigmoid(e)) * (1 / n); }, x, e.x), log_normal - e.log_det - log_slope};
}

VariationalDequantizer image_dequantizer(const Shape& image, int64_t width, int64_t levels) {
  const int64_t channels = image[0];
  Chain chain;
  for (int i = 0; i < 4; ++i)
    chain.add(AffineCoupling({.features = channels, .mask = checkerboard(image[1], image[2], i % 2)},
                             convnet({.in = 2 * channels, .out = 2 * channels, .hidden = {width, width}})));
  return VariationalDequantizer(chain, levels);
}

Var log_prob_of_levels(const Flow& flow, const Dequantizer& q, const Tensor& x, int64_t levels, int64_t samples,
                       Generator& g) {
  check(samples > 0 && x.numel() > 0, "log_prob_of_levels: ", samples, " samples for x of shape ", x.shape());
  std::vector<Var> weights;  // their logarithms
  for (int64_t k = 0; k < samples; ++k) {
    const Dequantized d = q(x, g);
    weights.push_back(flow.log_prob(d.v) - d.log_q);
  }
  const double dimensions = double(x.numel() / x.size(0));
  return logsumexp(stack(weights, 0), 0) - real(std::log(double(samples)) + dimensions * std::log(double(levels)));
}

ShrunkLogit::ShrunkLogit(Options o) : options(o) {
  check(o.lambda > 0 && o.lambda < real(0.5), "ShrunkLogit: a lambda between 0 and 1/2 expected, not ", o.lambda);
}

Latent ShrunkLogit::f(const Var& v, const Var&) const {
  const real l = options.lambda, scale = 1 - 2 * l, log_scale = std::log(scale);
  for (real value : v.value())
    if (!(l + scale * value > 0 && l + scale * (1 - value) > 0))
      throw OutsideDomain("ShrunkLogit: numbers in [0, 1] expected; there is a " + to_string(value));
  auto logit = [=](auto v) { return log(l + scale * v) - log(l + scale * (1 - v)); };
  auto log_slope = [=](auto v) { return log_scale - log(l + scale * v) - log(l + scale * (1 - v)); };
  return {map(logit, v), map_sum(log_slope, 1, v)};
}

Data ShrunkLogit::g(const Var& y, const Var&) const {
  const real l = options.lambda, scale = 1 / (1 - 2 * l), log_scale = std::log(scale);
  return {map([=](auto y) { return (sigmoid(y) - l) * scale; }, y),
          map_sum([=](auto y) { return log_scale - softplus(y) - softplus(-y); }, 1, y)};
}

}  // namespace bijou::flows

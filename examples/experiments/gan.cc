#include "examples/experiments/gan.h"

#include <algorithm>
#include <cmath>

#include "autograd/map.h"
#include "nn/activation.h"
#include "optim/adam.h"
#include "optim/ema.h"
#include "tensor/elementwise.h"

namespace bijou::experiments {

// ---- Spectral normalisation -----------------------------------------------------------------------------------------

namespace {

Tensor unit(const Tensor& v) { return v * (1 / std::max(std::sqrt(sum(square(v)).item()), real(1e-12))); }

}  // namespace

SpectralLinear::SpectralLinear(nn::Linear::Options o) : linear(o), u(unit(randn({o.out}))) {}

Var SpectralLinear::normalized_weight() const {
  const Tensor& w = linear.weight.value();
  const Tensor v = unit(matmul(u, w)), next = unit(matmul(w, v));
  if (training) Tensor(u).copy_from(next);
  const Var sigma = matmul(matmul(Var(next), linear.weight), Var(v));  // uᵀ W v, a number
  return linear.weight / sigma;
}

Var SpectralLinear::operator()(const Var& x) const { return bijou::linear(x, normalized_weight(), linear.bias); }

// ---- The gradient penalty -------------------------------------------------------------------------------------------

Var slopes(const nn::AnyModule& critic, const Var& x) {
  // The sum over examples: each one's value depends on its own x alone. x is made a node, to be differentiated by.
  const EnableGrad recording;
  const Var at = x.requires_grad() ? x : parameter(x.value());
  const Var g = grad(sum(critic(at)), {at}, {.create_graph = true})[0];
  // A little more than 0 under the root, which has no slope at 0.
  return sqrt(map_sum([](auto d) { return d * d; }, 1, g) + real(1e-12));
}

Var gradient_penalty(const nn::AnyModule& critic, const Tensor& x, const Tensor& y, Generator& g) {
  check(x.shape() == y.shape(), "gradient_penalty: shapes ", x.shape(), " and ", y.shape(), " differ");
  const Tensor t = rand({x.size(0), 1}, g);
  const Tensor between = t * x.reshape({x.size(0), -1}) + (real(1) - t) * y.reshape({x.size(0), -1});
  return mean(square(slopes(critic, between.reshape(x.shape())) - real(1)));
}

// ---- Training -------------------------------------------------------------------------------------------------------

namespace {

nn::Sequential perceptron(int64_t in, int64_t hidden, int64_t layers, int64_t out, bool spectral, nn::AnyModule bend) {
  nn::Sequential net;
  auto linear = [&](int64_t from, int64_t to) {
    if (spectral) net.add(SpectralLinear({.in = from, .out = to}));
    else net.add(nn::Linear({.in = from, .out = to}));
  };
  for (int64_t l = 0; l < layers; ++l) linear(l == 0 ? in : hidden, hidden), net.add(bend);
  linear(hidden, out);
  return net;
}

// Where D says "data" for x and "made up" for y; and where it is fooled.
Var critic_loss(const GanOptions& o, const nn::Sequential& critic, const Tensor& x, const Tensor& y, Generator& g) {
  const Var real_score = critic(x), fake_score = critic(y);
  if (o.loss != "wgan-gp") return mean(softplus(-real_score)) + mean(softplus(fake_score));
  return mean(fake_score) - mean(real_score) + gradient_penalty(critic, x, y, g) * real(o.penalty);
}
Var generator_loss(const GanOptions& o, const Var& fake_score) {
  return o.loss == "wgan-gp" ? -mean(fake_score) : mean(softplus(-fake_score));
}

}  // namespace

std::vector<std::string> gan_losses() { return {"non-saturating", "wgan-gp", "spectral"}; }

Tensor Gan::sample(int64_t n, Generator& g) const {
  const NoGrad guard;
  return generator(randn({n, latent}, g)).value();
}

Gan train_gan(const GanOptions& o) {
  const std::vector<std::string> known = gan_losses();
  check(std::find(known.begin(), known.end(), o.loss) != known.end(), "train_gan: there is no loss '", o.loss, "'");
  check(o.data != nullptr, "train_gan: there are no data");
  manual_seed(o.seed);
  Generator g = Generator(o.seed).fork(1);
  nn::Sequential generator = perceptron(o.latent, o.hidden, o.layers, o.data_dim, false, nn::ReLU());
  if (o.unit_range) generator.add(nn::Sigmoid());
  nn::Sequential critic =
      perceptron(o.data_dim, o.hidden, o.layers, 1, o.loss == "spectral", nn::LeakyReLU({.slope = real(0.2)}));
  // No momentum: the target of each moves with the other.
  optim::Adam of_generator(generator.parameters(), {.lr = o.lr, .betas = {0, 0.9}}),
      of_critic(critic.parameters(), {.lr = o.lr, .betas = {0, 0.9}});
  optim::Ema average(generator, {.decay = 0.995, .warmup = true});
  Gan gan;
  for (int64_t step = 0; step < o.steps; ++step) {
    of_generator.lr_scale = of_critic.lr_scale = std::min(1.0, 2 - 2 * double(step) / double(o.steps));
    double loss = 0;
    for (int64_t k = 0; k < o.critic_steps; ++k) {
      const Tensor y = generator(randn({o.batch, o.latent}, g)).value();
      of_critic.zero_grad();
      const Var l = critic_loss(o, critic, o.data(o.batch, g), y, g);
      backward(l);
      of_critic.step();
      loss = double(l.item());
    }
    of_generator.zero_grad();
    backward(generator_loss(o, critic(generator(randn({o.batch, o.latent}, g)))));
    of_generator.step();
    average.update();
    gan.critic_losses.push_back(loss);
    if (o.report && !o.report(loss)) break;
  }
  gan.generator = average.average, gan.critic = critic, gan.latent = o.latent;
  gan.critic.eval();
  return gan;
}

// ---- Judging --------------------------------------------------------------------------------------------------------

namespace {

struct Point {
  double x, y;
};
Point mode(int64_t k) {
  const double angle = 2 * M_PI * double(k) / double(kModes);
  return {kRadius * std::cos(angle), kRadius * std::sin(angle)};
}

}  // namespace

Tensor ring(int64_t n, Generator& g) {
  Tensor x = normal({n, 2}, 0, real(kSpread), g);
  real* to = x.mutable_data();
  for (int64_t i = 0; i < n; ++i) {
    const Point m = mode(g.below(kModes));
    to[2 * i] += real(m.x), to[2 * i + 1] += real(m.y);
  }
  return x;
}

RingScore judge_ring(const Tensor& samples) {
  check(samples.dim() == 2 && samples.size(1) == 2, "judge_ring: points [n, 2] expected, not ", samples.shape());
  const int64_t n = samples.size(0);
  std::vector<int64_t> counts(kModes);
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < kModes; ++k) {
      const Point m = mode(k);
      const double dx = double(samples.data()[2 * i]) - m.x, dy = double(samples.data()[2 * i + 1]) - m.y;
      counts[size_t(k)] += std::hypot(dx, dy) <= 3 * kSpread;
    }
  RingScore score{0, 0};
  for (const int64_t c : counts) score.modes += 5 * kModes * c >= n, score.near += double(c) / double(n);
  return score;
}

ClassScore judge_classes(const nn::AnyModule& judge, const Tensor& samples) {
  const NoGrad guard;
  const Tensor p = softmax(judge(samples).value(), -1);
  const auto best = max(p, 1);
  ClassScore score{0, 0, std::vector<double>(size_t(p.size(1)))};
  const double n = double(samples.size(0));
  for (int64_t i = 0; i < samples.size(0); ++i)
    if (best.values.data()[i] >= real(0.9)) {
      score.shares[size_t(best.indices.data()[i])] += 1 / n;
      score.confident += 1 / n;
    }
  for (const double share : score.shares) score.classes += share >= 0.2 / double(score.shares.size());
  return score;
}

}  // namespace bijou::experiments

// The variational autoencoder, where everything is known: with linear maps and a normal likelihood, p(x) is a normal.
#include "examples/experiments/vae.h"

#include <cmath>

#include "autograd/ops.h"
#include "flows/base.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tests/support.h"

namespace bijou::experiments {
namespace {

using namespace bijou::testing;

// z ~ N(0, I), x ~ N(W z + b, s²). The columns of W are orthogonal, so that the true posterior N(M (x - b), diag) has
// independent parts and the encoder can express it: σ_i² = s² / (s² + |w_i|²), M = diag(σ² / s²) Wᵀ.
constexpr real kS = real(0.6);
const Tensor kW = matrix({{real(1.2), real(0.5)}, {real(-0.8), real(0.75)}, {real(0.4), 0}});
const Tensor kB = tensor({real(0.3), real(-0.2), real(0.1)});

Vae linear_vae(flows::Chain flow = {}) {
  Vae vae({.features = 3, .latent = 2, .hidden = {}, .likelihood = Vae::Likelihood::kNormal}, std::move(flow));
  vae.log_std.mutable_value().fill(std::log(kS - vae.options.least_std));
  vae.decoder[0].weight.mutable_value().copy_from(kW);
  vae.decoder[0].bias.mutable_value().copy_from(kB);
  Tensor weight = zeros({4, 3}), bias = zeros({4});
  for (int64_t i = 0; i < 2; ++i) {
    real length = 0;
    for (int64_t d = 0; d < 3; ++d) length += kW.at({d, i}) * kW.at({d, i});
    const real variance = kS * kS / (kS * kS + length);
    for (int64_t d = 0; d < 3; ++d) {
      weight.mutable_data()[i * 3 + d] = variance / (kS * kS) * kW.at({d, i});
      bias.mutable_data()[i] -= variance / (kS * kS) * kW.at({d, i}) * kB.data()[d];
    }
    bias.mutable_data()[2 + i] = std::log(variance) / 2;
  }
  vae.encoder[0].weight.mutable_value().copy_from(weight);
  vae.encoder[0].bias.mutable_value().copy_from(bias);
  return vae;
}

// log N(x; b, W Wᵀ + s²)
Tensor marginal(const Tensor& x) {
  flows::FullNormal normal(3);
  const Tensor l = cholesky(matmul(kW, kW, {.transpose_b = true}) + eye(3) * (kS * kS));
  normal.mean.mutable_value().copy_from(kB);
  normal.lower.mutable_value().copy_from(l);
  for (int64_t i = 0; i < 3; ++i) normal.log_diagonal.mutable_value().mutable_data()[i] = std::log(l.at({i, i}));
  return normal.log_prob(x).value();
}

// The encoder made worse, or not all bounds would be the same.
Vae misguided(flows::Chain flow = {}) {
  Vae vae = linear_vae(std::move(flow));
  Tensor bias = vae.encoder[0].bias.value();
  for (int64_t i = 0; i < 4; ++i) bias.mutable_data()[i] += i < 2 ? real(0.4) : real(0.3);
  return vae;
}

// A flow with random weights, which bends.
flows::Chain bent(const std::string& name) {
  manual_seed(9);
  flows::Chain chain = posterior_flow(name, 2, 3, 2);
  uint64_t seed = 10;  // gently: weights whose spread is infinite would prove nothing
  for (Var p : chain.parameters()) p.mutable_value().copy_from(p.value() + random(p.shape(), seed++) * real(0.02));
  return chain;
}

TEST(Vae, WithTheTruePosteriorEveryWeightIsTheProbability) {
  const Vae vae = linear_vae();
  const Tensor x = random({7, 3});
  Generator g(1);
  const Tensor log_w = vae.log_weights(x, 5, g).value(), exact = marginal(x);
  for (int64_t k = 0; k < 5; ++k) expect_close(log_w.row(k), exact);
}

TEST(Vae, BoundsGrowWithTheSamplesUpToTheProbability) {
  const NoGrad guard;
  for (const std::string& name : posterior_names()) {
    const Vae vae = misguided(bent(name));
    const Tensor x = broadcast_to(random({1, 3}) * real(0.5), {2000, 3});
    const double exact = double(marginal(x).data()[0]);
    Generator g(2);
    double before = double(mean(vae.elbo(x, g)).item()), error = 0;
    EXPECT_LT(before, exact) << name;
    for (const int64_t k : {4, 40, 400}) {
      const Tensor bounds = vae.bound(x.rows(0, 8000 / k), k, g).value();
      const double bound = double(mean(bounds).item());
      error = std::sqrt(double(mean(square(bounds - mean(bounds))).item()) * double(k) / 8000);
      EXPECT_GT(bound, before) << name << ", k = " << k;
      before = bound;
    }
    EXPECT_NEAR(before, exact, 0.01 + 3 * error) << name;
    EXPECT_LT(error, 0.02) << name;
  }
}

TEST(Vae, TheMeanWeightIsTheProbabilityWhateverTheFlow) {
  const NoGrad guard;
  const Tensor x = random({3, 3}, 5) * real(0.5), exact = exp(marginal(x));
  for (const std::string& name : posterior_names()) {
    Generator g(3);
    const Tensor w = exp(misguided(bent(name)).log_weights(x, 5000, g).value());
    const Tensor error = sqrt(mean(square(w - mean(w, 0)), 0) * real(1.0 / 5000));
    for (int64_t i = 0; i < 3; ++i)
      EXPECT_NEAR(mean(w, 0).data()[i], exact.data()[i], 4 * double(error.data()[i])) << name;
  }
}

TEST(Vae, TheElboOfOneSampleIsTheMeanLogWeight) {
  const NoGrad guard;
  for (const auto likelihood : {Vae::Likelihood::kBernoulli, Vae::Likelihood::kNormal}) {
    manual_seed(4);
    const Vae vae({.features = 5, .latent = 2, .hidden = {6}, .likelihood = likelihood});
    const Tensor x = broadcast_to(random({1, 5}) > real(0), {20000, 5});
    Generator g(5);
    const Tensor by_kl = vae.elbo(x, g).value(), by_weight = vae.log_weights(x, 1, g).value();
    const double spread = std::sqrt(double(mean(square(by_weight - mean(by_weight))).item()) / 20000);
    EXPECT_NEAR(mean(by_kl).item(), mean(by_weight).item(), 5 * spread);
  }
}

TEST(Vae, Gradients) {
  SKIP_IN_FLOAT();
  for (const std::string& name : posterior_names()) {
    manual_seed(7);
    Vae vae({.features = 3, .latent = 2, .hidden = {4}}, posterior_flow(name, 2, 4, 1));
    const Tensor x = random({2, 3}) > real(0);
    expect_gradients(
        [&](const std::vector<Var>& in) {
          Generator g(6);
          vae.encoder[0].weight = in[0], vae.decoder[1].weight = in[1];
          return concat({vae.elbo(x, g), vae.bound(x, 3, g)}, 0);
        },
        {random({4, 3}), random({3, 4}, 1)});
  }
}

TEST(Vae, RefusesAPosteriorItDoesNotKnow) {
  expect_error([] { posterior_flow("planer", 2, 3, 2); }, "there is no posterior 'planer'");
}

}  // namespace
}  // namespace bijou::experiments

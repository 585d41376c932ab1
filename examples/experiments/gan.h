// Generative adversarial networks: a generator G turns noise into samples, a critic D tells samples from data, and each
// learns from the other. I. Goodfellow et al., "Generative adversarial nets", NeurIPS 2014.
//
//   non-saturating    D: softplus(-D(x)) + softplus(D(G(z))),    G: softplus(-D(G(z)))
//   WGAN-GP           D: D(G(z)) - D(x) + λ (|∇D(x̂)| - 1)²,      G: -D(G(z))
//                     with x̂ somewhere between x and G(z): D must not be steeper than 1, so that the difference of its
//                     means is a distance of the two distributions. I. Gulrajani et al., "Improved training of
//                     Wasserstein GANs", NeurIPS 2017. ∇D is part of the loss: a gradient of a gradient.
//   spectral          the first pair, with every weight of D divided by its largest singular value, which bounds the
//                     slope of D at once: T. Miyato et al., "Spectral normalization for generative adversarial
//                     networks", ICLR 2018
#pragma once

#include <functional>

#include "nn/linear.h"
#include "nn/sequential.h"
#include "tensor/random.h"

namespace bijou::experiments {

// y = x (W / σ)ᵀ + b, σ the largest singular value of W, by power iteration: u <- W v / |W v|, v <- Wᵀ u / |Wᵀ u| and
// σ = uᵀ W v, one round a call while training. u is kept from call to call, as W changes slowly.
struct SpectralLinear : nn::Module {
  explicit SpectralLinear(nn::Linear::Options o);
  Var operator()(const Var& x) const;
  Var normalized_weight() const;  // W / σ; σ is differentiated with u and v held fixed
  void members(nn::Visitor& visit) override { visit("linear", linear), visit("u", u); }

  nn::Linear linear;
  Tensor u;  // [out]
};

// |∇D(x)| of each example x [B, ...]: [B], to be differentiated again.
Var slopes(const nn::AnyModule& critic, const Var& x);
// The mean of (|∇D(x̂)| - 1)² at x̂ = t x + (1 - t) y, t uniform for each example.
Var gradient_penalty(const nn::AnyModule& critic, const Tensor& x, const Tensor& y, Generator& g);

std::vector<std::string> gan_losses();  // non-saturating, wgan-gp, spectral

struct GanOptions {
  std::string loss = "non-saturating";
  int64_t data_dim = 2, latent = 16, hidden = 128;
  int64_t layers = 2;       // hidden ones of G and of D
  bool unit_range = false;  // G's samples end in [0, 1]: images
  int64_t steps = 2000, batch = 128;
  int64_t critic_steps = 1;  // of D for each of G
  double lr = 1e-3;
  // λ. The paper has 10, and 5 steps of D for each of G, for long runs on normalised images. In runs as short as these
  // it slows D down: after 4,000 steps on the ring, with 3 of D each, 92 % of the samples lie at a mode; with λ = 10,
  // 36 and 69 % (two seeds).
  double penalty = 1;
  uint64_t seed = 0;
  // [n, data_dim] of the data
  std::function<Tensor(int64_t n, Generator& g)> data = {};
  std::function<bool(double critic_loss)> report = {};  // called after every step of G; false stops the training
};

struct Gan {
  nn::Sequential generator, critic;  // the generator is an average over the steps
  int64_t latent;
  std::vector<double> critic_losses;
  Tensor sample(int64_t n, Generator& g) const;
};
Gan train_gan(const GanOptions& o);

// ---- Judging --------------------------------------------------------------------------------------------------------

constexpr int64_t kModes = 8;
constexpr double kRadius = 2, kSpread = 0.1;

// Eight normals of standard deviation kSpread, evenly on a circle of radius kRadius: [n, 2].
Tensor ring(int64_t n, Generator& g);

struct RingScore {
  int64_t modes;  // that have at least a fifth of their share within three standard deviations
  double near;    // the part of all samples that is within three standard deviations of a mode (of the data: 98.9 %)
};
RingScore judge_ring(const Tensor& samples);

struct ClassScore {
  double classes;    // of ten, that have at least a fifth of their share
  double confident;  // the part of the samples whose class the judge gives 90 % or more
  std::vector<double> shares;
};
// judge: [n, dim] -> logits [n, 10]. A class is counted by the samples of which it is sure.
ClassScore judge_classes(const nn::AnyModule& judge, const Tensor& samples);

}  // namespace bijou::experiments

// The variational autoencoder: a density of x through a latent z that a decoder turns into x, and an encoder that
// guesses which z could have made an x.
//
//   z ~ N(0, I),   x ~ p(x | z),        a Bernoulli or a normal variable for each feature, from the decoder
//   q(z | x):  z_0 = μ(x) + σ(x) ε,     ε ~ N(0, I), and z = g(z_0), where a flow g refines the guess
//
// log p(x) = log ∫ p(x | z) p(z) dz has no closed form, but with  w = p(x | z) p(z) / q(z | x),  z ~ q(z | x),
//
//   log p(x) >= E log (w_1 + ... + w_k) / k,
//
// where k = 1 is the ELBO, and more samples come closer. D. Kingma, M. Welling, "Auto-encoding variational Bayes", ICLR
// 2014; D. Rezende, S. Mohamed, D. Wierstra, "Stochastic backpropagation and approximate inference in deep generative
// models", ICML 2014; Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", ICLR 2016.
//
// Left out: a σ of the normal decoder that depends on z, whose likelihood has no upper limit.
#pragma once

#include "flows/bijector.h"
#include "nn/linear.h"
#include "tensor/random.h"

namespace bijou::experiments {

struct Vae : nn::Module {
  enum class Likelihood { kBernoulli, kNormal };
  struct Options {
    int64_t features, latent;
    std::vector<int64_t> hidden = {200, 200};  // widths of the encoder, tanh between; the decoder's, backwards
    Likelihood likelihood = Likelihood::kBernoulli;
    real least_std = real(0.05);  // of the normal likelihood
  };
  // z_0 is the flow's latent and z its data; its context, where it was made for one, is the encoder's last hidden
  // layer.
  explicit Vae(Options o, flows::Chain flow = {});

  struct Encoded {
    Var mean, log_std, context;  // [B, latent] twice; the last hidden layer (x itself where there is none)
  };
  Encoded encode(const Var& x) const;

  Var elbo(const Var& x, Generator& g = default_generator()) const;              // [B, features] -> [B], one sample
  Var bound(const Var& x, int64_t k, Generator& g = default_generator()) const;  // [B]: log of the mean weight of k
  Var log_weights(const Var& x, int64_t k, Generator& g = default_generator()) const;  // [k, B]

  Var log_likelihood(const Var& x, const Var& z) const;  // log p(x | z): [n, features], [n, latent] -> [n]
  Tensor decode(const Tensor& z) const;                  // the mean of p(x | z): [n, latent] -> [n, features]
  void members(nn::Visitor& visit) override;

  Options options;
  std::vector<nn::Linear> encoder, decoder;  // the hidden layers and the last, which gives μ and log σ, or x
  Var log_std;                               // [features], of the normal likelihood: σ = least_std + exp(log_std)
  flows::Chain flow;

 private:
  struct Drawn {
    Var z, log_q;  // [k B, latent], [k B]
  };
  Drawn draw(const Encoded& q, int64_t k, Generator& g) const;
};

// The flow behind the encoder's normal: none, planar ones (flows/planar.h), whose parameters come from the encoder too,
// or iaf, inverse autoregressive (flows/maf.h).
std::vector<std::string> posterior_names();
flows::Chain posterior_flow(const std::string& name, int64_t latent, int64_t context, int64_t steps);

// -log p(x), bounded from above with k samples, as a mean over all rows of x.
double importance_nats(const Vae& vae, const Tensor& x, int64_t k, Generator& g);

// How far each latent's q(z_i | x) is from its prior, as a mean over x, before the flow: the information it carries.
Tensor latent_kl(const Vae& vae, const Tensor& x);

}  // namespace bijou::experiments

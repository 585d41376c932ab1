#include "examples/experiments/vae.h"

#include <algorithm>
#include <cmath>

#include "autograd/map.h"
#include "flows/maf.h"
#include "flows/planar.h"
#include "nn/distributions.h"

namespace bijou::experiments {
namespace {

const nn::Normal kStandard{Var(real(0)), Var(real(1))};

// in -> hidden... -> out
std::vector<nn::Linear> perceptron(int64_t in, const std::vector<int64_t>& hidden, int64_t out) {
  std::vector<nn::Linear> layers;
  for (const int64_t width : hidden) layers.push_back(nn::Linear({.in = in, .out = width})), in = width;
  layers.push_back(nn::Linear({.in = in, .out = out}));
  return layers;
}

// The layers but the last.
Var hidden_layers(const std::vector<nn::Linear>& layers, const Var& x) {
  Var h = x;
  for (size_t l = 0; l + 1 < layers.size(); ++l) h = tanh(layers[l](h));
  return h;
}

// [B, n] -> [k B, n]: all rows k times over.
Var repeated(const Var& x, int64_t k) {
  if (k == 1) return x;
  return reshape(broadcast_to(reshape(x, {1, x.size(0), x.size(1)}), {k, x.size(0), x.size(1)}), {-1, x.size(1)});
}

}  // namespace

Vae::Vae(Options o, flows::Chain f) : options(std::move(o)), flow(std::move(f)) {
  check(options.features > 0 && options.latent > 0, "Vae: features = ", options.features,
        ", latent = ", options.latent);
  const std::vector<int64_t> backwards(options.hidden.rbegin(), options.hidden.rend());
  encoder = perceptron(options.features, options.hidden, 2 * options.latent);
  decoder = perceptron(options.latent, backwards, options.features);
  if (options.likelihood == Likelihood::kNormal) log_std = parameter(full({options.features}, real(-1)));
}

Vae::Encoded Vae::encode(const Var& x) const {
  check(x.dim() == 2 && x.size(1) == options.features, "Vae: x of shape [B, ", options.features, "] expected, not ",
        x.shape());
  const Var h = hidden_layers(encoder, x), y = encoder.back()(h);
  return {slice(y, 1, 0, options.latent), slice(y, 1, options.latent, 2 * options.latent), h};
}

Vae::Drawn Vae::draw(const Encoded& q, int64_t k, Generator& g) const {
  const nn::Normal normal{repeated(q.mean, k), repeated(exp(q.log_std), k)};
  const Var z0 = normal.rsample(g), log_q = normal.log_prob_rows(z0);
  if (flow.list.empty()) return {z0, log_q};
  const flows::Data bent = flow.inverse(z0, repeated(q.context, k));
  return {bent.x, log_q - bent.log_det};
}

Var Vae::log_likelihood(const Var& x, const Var& z) const {
  const Var y = decoder.back()(hidden_layers(decoder, z));
  if (options.likelihood == Likelihood::kBernoulli) return nn::Bernoulli{y}.log_prob_rows(x);
  return nn::Normal{y, exp(log_std) + options.least_std}.log_prob_rows(x);
}

Var Vae::elbo(const Var& x, Generator& g) const {
  const Encoded q = encode(x);
  const Drawn drawn = draw(q, 1, g);
  // Without a flow, E_q[log q(z | x) - log p(z)] is known, and better than one sample of it.
  const Var excess = flow.list.empty() ? sum(nn::kl_divergence({q.mean, exp(q.log_std)}, kStandard), 1)
                                       : drawn.log_q - kStandard.log_prob_rows(drawn.z);
  return log_likelihood(x, drawn.z) - excess;
}

Var Vae::log_weights(const Var& x, int64_t k, Generator& g) const {
  check(k > 0, "Vae: ", k, " samples");
  const Drawn drawn = draw(encode(x), k, g);
  const Var log_w = log_likelihood(repeated(x, k), drawn.z) + kStandard.log_prob_rows(drawn.z) - drawn.log_q;
  return reshape(log_w, {k, x.size(0)});
}

Var Vae::bound(const Var& x, int64_t k, Generator& g) const {
  return logsumexp(log_weights(x, k, g), 0) - real(std::log(double(k)));
}

Tensor Vae::decode(const Tensor& z) const {
  const NoGrad guard;
  const Var y = decoder.back()(hidden_layers(decoder, z));
  return options.likelihood == Likelihood::kBernoulli ? sigmoid(y).value() : y.value();
}

void Vae::members(nn::Visitor& visit) {
  visit("encoder", encoder), visit("decoder", decoder), visit("log_std", log_std), visit("flow", flow);
}

std::vector<std::string> posterior_names() { return {"normal", "planar", "iaf"}; }

flows::Chain posterior_flow(const std::string& name, int64_t latent, int64_t context, int64_t steps) {
  const std::vector<std::string> known = posterior_names();
  check(std::find(known.begin(), known.end(), name) != known.end(), "vae: there is no posterior '", name, "'");
  flows::Chain chain;
  for (int64_t step = 0; step < steps && name != "normal"; ++step) {
    if (name == "planar") {
      chain.add(flows::Planar({.features = latent, .context = context}));
      continue;
    }
    std::vector<int64_t> ordering(static_cast<size_t>(latent));  // forwards and backwards in turns
    for (int64_t i = 0; i < latent; ++i) ordering[size_t(i)] = step % 2 ? latent - 1 - i : i;
    const nn::Made::Options made{.features = latent, .hidden = {200}, .context = context, .ordering = ordering};
    chain.add(flows::Inverse(flows::Maf(made)));
  }
  return chain;
}

double importance_nats(const Vae& vae, const Tensor& x, int64_t k, Generator& g) {
  const NoGrad guard;
  const int64_t rows = std::max<int64_t>(1, 5000 / k);  // at a time: enough for the cores, not too much for memory
  double total = 0;
  for (int64_t i = 0; i < x.size(0); i += rows)
    total -= double(sum(vae.bound(x.rows(i, std::min(i + rows, x.size(0))), k, g)).item());
  return total / double(x.size(0));
}

Tensor latent_kl(const Vae& vae, const Tensor& x) {
  const NoGrad guard;
  const Vae::Encoded q = vae.encode(x);
  return mean(nn::kl_divergence({q.mean, exp(q.log_std)}, kStandard), 0).value();
}

}  // namespace bijou::experiments

// The restricted Boltzmann machine: a density of binary v through binary hidden units h, with no ties within a layer.
//
//   p(v, h) = exp(v·b + h·c + vᵀ W h) / Z,     p(v) = exp(-F(v)) / Z,     F(v) = -v·b - Σ_j log(1 + exp(c_j + (v W)_j))
//   p(h_j = 1 | v) = σ(c_j + (v W)_j),         p(v_i = 1 | h) = σ(b_i + (W h)_i)
//
// The gradient of -log p(v) is that of F(v) minus its mean over the model's own samples, which a few rounds of Gibbs
// sampling stand in for: begun at the data (contrastive divergence, CD-k: G. Hinton, Neural Computation 2002), or where
// the last step's ended (persistent CD: T. Tieleman, ICML 2008).
//
// Z is a sum over all states. Of few units it can be summed up; otherwise annealed importance sampling estimates it: R.
// Salakhutdinov, I. Murray, "On the quantitative analysis of deep belief networks", ICML 2008. Both ways, as in R.
// Grosse, Z. Ghahramani, R. Adams, "Sandwiching the marginal likelihood using bidirectional Monte Carlo", 2015.
//
// Left out: a classifier that begins with these weights and is fine-tuned on few labels (G. Hinton, R. Salakhutdinov,
// Science 2006). ssl/ learns from few labels by newer means.
#pragma once

#include "examples/experiments/density.h"
#include "nn/module.h"
#include "tensor/random.h"

namespace bijou::experiments {

struct Rbm : nn::Module {
  struct Options {
    int64_t visible, hidden;
    // Layers that stand there twice, with the same weights: for the layers of a deep machine (dbm.h), which in the end
    // are fed from both sides.
    int64_t visible_copies = 1, hidden_copies = 1;
  };
  // b begins as the logits of the means of `data` [n, visible].
  Rbm(Options o, const Tensor& data, Generator& g = default_generator());
  Rbm(Var w, Var b, Var c);  // of these very parameters

  Var free_energy(const Var& v) const;                                // [B, visible] -> [B]
  Tensor hidden(const Tensor& v) const;                               // p(h_j = 1 | v): [B, hidden]
  Tensor visible(const Tensor& h) const;                              // p(v_i = 1 | h): [B, visible]
  Tensor gibbs(const Tensor& v, int64_t rounds, Generator& g) const;  // v -> h -> v, again and again
  void members(nn::Visitor& visit) override { visit("w", w), visit("b", b), visit("c", c); }

  Options options;
  Var w, b, c;  // [visible, hidden], [visible], [hidden]
};

Tensor bernoulli_of(const Tensor& p, Generator& g);  // 1 with the probability that stands there
Tensor logits_of_means(const Tensor& x);             // of each column of numbers in [0, 1], a little towards 0

// ---- Training -------------------------------------------------------------------------------------------------------

struct RbmOptions {
  int64_t rounds = 1;  // of Gibbs sampling: the k of CD-k
  bool persistent = true;
};
// Keeps the last weights; the nats are estimates by short annealing. Machines with copies are judged by how well they
// restore v from h.
Fit train_rbm(Rbm& rbm, const support::BinarySets& sets, const FitOptions& fit, const RbmOptions& o);

// ---- The partition function -----------------------------------------------------------------------------------------

// log Z as a sum over all states of the smaller layer, which has at most 20 units.
double exact_log_z(const Rbm& rbm);

// From a machine without weights, whose Z is known, to this one in small steps β = 0 ... 1, so that
//
//   p_β(v) ∝ exp(v·((1-β) b_0 + β b)) Π_j (1 + exp((1-β) c_0j + β (c_j + (v W)_j)))
//
// Each chain picks up a weight p_β'(v) / p_β(v) before it moves on by a Gibbs round under β'; the mean weight of all
// chains estimates Z / Z_0. It is right in the mean, so its logarithm tends to be too small, and a likelihood too good.
// Down again, β = 1 ... 0, from samples of the machine itself, the mean weight estimates Z_0 / Z, so that log Z tends
// to be too large. Where the two meet, both are right, as far as those samples are.
struct Annealing {
  Tensor b0, c0;  // biases at the start: the closer to what the machine does, the easier
  int64_t steps = 1000, chains = 100;
};
// Begins at independent units, each with the mean that it has on data [n, visible].
Annealing rbm_annealing(const Rbm& rbm, const Tensor& data, int64_t steps);
struct LogZ {
  double value, error;  // one standard deviation
};
LogZ annealed_log_z(const Rbm& rbm, const Annealing& o, Generator& g);
// Down from `samples` [n, visible], which take the place of o.chains.
LogZ annealed_log_z_from(const Tensor& samples, const Rbm& rbm, const Annealing& o, Generator& g);

}  // namespace bijou::experiments

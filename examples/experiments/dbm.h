// The deep Boltzmann machine with two hidden layers, in which the middle one hears from both sides:
//
//   p(v, h1, h2) = exp(v·b + h1·c1 + h2·c2 + vᵀ W1 h1 + h1ᵀ W2 h2) / Z
//
// p(h1, h2 | v) is out of reach. Mean field takes the independent μ closest to it, a fixed point of
//
//   μ1 = σ(c1 + v W1 + μ2 W2ᵀ),    μ2 = σ(c2 + μ1 W2),      and        log p(v) >= E_μ[-energy] + entropy(μ) - log Z.
//
// Training raises this bound: the energy at (v, μ) against that at samples of the model, from persistent Gibbs chains.
// It begins where two restricted machines, trained one upon the other, end: the lower one with its visible layer there
// twice, the upper one with its hidden layer there twice, so that put together each half of h1's input is the right
// one. R. Salakhutdinov, G. Hinton, "Deep Boltzmann machines", AISTATS 2009.
#pragma once

#include "examples/experiments/rbm.h"

namespace bijou::experiments {

struct Dbm : nn::Module {
  // `lower` and `upper` as trained by pretrain().
  Dbm(const Rbm& lower, const Rbm& upper);

  struct Hidden {
    Tensor h1, h2;  // [B, H1], [B, H2]
  };
  // In turns, until a round moves h1 by no more than `tolerance`, in the mean over all units.
  Hidden mean_field(const Tensor& v, double tolerance = 1e-3) const;
  Var energy(const Var& v, const Var& h1, const Var& h2) const;  // [B]
  Var free_energy(const Var& h1) const;                          // v and h2 summed over: [B]
  Var bound(const Tensor& v) const;                              // of log p(v) + log Z: [B]

  struct State {
    Tensor v, h2;  // [B, D], [B, H2]
  };
  // h1 given (v, h2), then (v, h2) given h1, `rounds` times over; and the h1 of the last round.
  Tensor gibbs(State& state, int64_t rounds, Generator& g) const;
  // The layer h1 on one side, v and h2 on the other: a restricted machine with the same Z.
  Rbm as_rbm() const;
  void members(nn::Visitor& visit) override;

  Var w1, w2, b, c1, c2;  // [D, H1], [H1, H2], [D], [H1], [H2]
};

struct Pretrained {
  Rbm lower, upper;
};
// Layer by layer: the upper machine learns what the lower one makes of the data.
Pretrained pretrain(int64_t hidden1, int64_t hidden2, const support::BinarySets& sets, const FitOptions& o);

// Both layers together; nats are those of the bound, by short annealing.
Fit train_dbm(Dbm& dbm, const support::BinarySets& sets, const FitOptions& o, int64_t rounds);

// Where to begin the annealing of as_rbm(), as rbm_annealing() does; the means of h1 and h2 are those of mean field.
Annealing dbm_annealing(const Dbm& dbm, const Tensor& data, int64_t steps);

}  // namespace bijou::experiments

// Continuous flow, FFJORD: infinitely many infinitely small steps. Points drift along a velocity field v for one unit
// of time, from the data at t = 0 to noise at t = 1, and back in the same way with the clock reversed.
//
//   dx/dt = v(x, t),    z = x(1),    log |det dz/dx| = ∫ tr(∂v/∂x) dt
//
// v is any smooth network: the trajectories of an ordinary differential equation never cross, so the flow is
// invertible, and instead of a determinant there is a trace: D backward passes, or one that estimates it, eᵀ (∂v/∂x) e
// for random signs e that are held for the whole journey (Hutchinson). R. Chen, Y. Rubanova, J. Bettencourt, D.
// Duvenaud, "Neural ordinary differential equations", NeurIPS 2018; W. Grathwohl et al., "FFJORD: free-form continuous
// dynamics for scalable reversible generative models", ICLR 2019.
//
// The equation is solved by the method of Dormand and Prince: six evaluations give a step of order 5, a seventh tells
// it from one of order 4, and where both differ by more than the tolerance the step is halved or so and done again;
// where 10,000 steps are not enough, either direction throws NotInvertible.
// Every example has a clock of its own, so that what becomes of it doesn't depend on who else is in the batch.
//
// The gradient is that of the steps that were taken (the adjoint method, in time that is discrete already): the
// backward pass goes through them in reverse, doing each once more with recording on, so it keeps the points [B, D + 1]
// between steps but the graph of one step only. FFJORD solves the adjoint equation backwards in continuous time
// instead; that keeps not even the points, but finds its way back to them only up to the tolerance, and so are its
// gradients. Left out: the regularisers of the velocity that came later (Finlay et al., 2020).
#pragma once

#include "flows/bijector.h"
#include "nn/linear.h"
#include "tensor/random.h"

namespace bijou::flows {

// (W x + b) sigmoid(U s + c) + V s, where s is the time, and the context beside it.
struct ConcatSquash : nn::Module {
  ConcatSquash(int64_t in, int64_t out, int64_t side);
  Var operator()(const Var& x, const Var& s) const;
  void members(nn::Visitor& visit) override { visit("layer", layer), visit("gate", gate), visit("shift", shift); }

  nn::Linear layer, gate, shift;
};

struct Continuous : Bijector {
  struct Options {
    int64_t features;
    std::vector<int64_t> hidden = {64, 64};  // tanh between them
    int64_t context = 0;                     // its length
    bool hutchinson = false;                 // estimate the trace
    double tolerance = 1e-5;                 // of a step: on each number y, tolerance (1 + |y|)
  };
  explicit Continuous(const Options& o);
  void members(nn::Visitor& visit) override { visit("layers", layers); }
  Var velocity(const Var& x, const Var& t, const Var& context) const;  // [B, D], [B, 1] -> [B, D]

  Options options;
  std::vector<ConcatSquash> layers;

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;

 private:
  Var journey(const Var& from, const Var& context, bool back) const;
};

}  // namespace bijou::flows

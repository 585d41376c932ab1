#include "examples/experiments/dbm.h"

#include <cmath>

#include "autograd/map.h"
#include "autograd/ops.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"

namespace bijou::experiments {
namespace {

// σ(a + b + bias)
Tensor squashed(const Tensor& a, const Tensor& b, const Tensor& bias) {
  return map([](auto a, auto b, auto bias) { return sigmoid(a + b + bias); }, a, b, bias);
}

// -μ log μ - (1 - μ) log(1 - μ), summed over units.
Tensor entropy(const Tensor& p) {
  auto part = [](auto p) { return where(p > 0, p * log(maximum(p, real(1e-30))), 0); };
  return map_sum([part](auto p) { return -part(p) - part(1 - p); }, 1, p);
}

}  // namespace

Dbm::Dbm(const Rbm& lower, const Rbm& upper)
    : w1(parameter(lower.w.value().clone())),
      w2(parameter(upper.w.value().clone())),
      b(parameter(lower.b.value().clone())),
      c1(parameter((lower.c.value() + upper.b.value()) * real(0.5))),  // each machine held the whole of it
      c2(parameter(upper.c.value().clone())) {
  check(lower.options.hidden == upper.options.visible, "Dbm: layers of ", lower.w.shape(), " and ", upper.w.shape());
}

Dbm::Hidden Dbm::mean_field(const Tensor& v, double tolerance) const {
  const Tensor from_below = matmul(v, w1.value());
  Hidden mu{squashed(from_below, from_below, c1.value()), {}};  // upwards first, as if from both sides
  for (double moved = HUGE_VAL; moved > tolerance;) {
    const Tensor before = mu.h1;
    mu.h2 = sigmoid(matmul(mu.h1, w2.value()) + c2.value());
    mu.h1 = squashed(from_below, matmul(mu.h2, w2.value(), {.transpose_b = true}), c1.value());
    moved = double(mean(map([](auto a, auto b) { return abs(a - b); }, mu.h1, before)).item());
  }
  return mu;
}

Var Dbm::energy(const Var& v, const Var& h1, const Var& h2) const {
  return -(matmul(v, b) + matmul(h1, c1) + matmul(h2, c2) + sum(matmul(v, w1) * h1, 1) + sum(matmul(h1, w2) * h2, 1));
}

Var Dbm::free_energy(const Var& h1) const {
  auto summed_over = [](const Var& input, const Var& bias) {
    return map_sum([](auto a, auto bias) { return softplus(a + bias); }, 1, input, bias);
  };
  return -(matmul(h1, c1) + summed_over(matmul(h1, w1, {.transpose_b = true}), b) + summed_over(matmul(h1, w2), c2));
}

Var Dbm::bound(const Tensor& v) const {
  const Hidden mu = mean_field(v);
  return Var(entropy(mu.h1) + entropy(mu.h2)) - energy(v, mu.h1, mu.h2);
}

Tensor Dbm::gibbs(State& state, int64_t rounds, Generator& g) const {
  Tensor h1;
  for (int64_t k = 0; k < rounds; ++k) {
    h1 = bernoulli_of(
        squashed(matmul(state.v, w1.value()), matmul(state.h2, w2.value(), {.transpose_b = true}), c1.value()), g);
    state.v = bernoulli_of(sigmoid(matmul(h1, w1.value(), {.transpose_b = true}) + b.value()), g);
    state.h2 = bernoulli_of(sigmoid(matmul(h1, w2.value()) + c2.value()), g);
  }
  return h1;
}

Rbm Dbm::as_rbm() const { return Rbm(concat({transpose(w1, 0, 1), w2}, 1), c1, concat({b, c2}, 0)); }

void Dbm::members(nn::Visitor& visit) {
  visit("w1", w1), visit("w2", w2), visit("b", b), visit("c1", c1), visit("c2", c2);
}

Pretrained pretrain(int64_t hidden1, int64_t hidden2, const support::BinarySets& sets, const FitOptions& o) {
  Rbm lower({.visible = sets.train.size(1), .hidden = hidden1, .visible_copies = 2}, sets.train);
  FitOptions of_lower = o, of_upper = o;
  of_lower.title += ", lower layer", of_upper.title += ", upper layer";
  train_rbm(lower, sets, of_lower, {.persistent = false});
  const support::BinarySets above{lower.hidden(sets.train), lower.hidden(sets.valid), lower.hidden(sets.test), {}};
  Rbm upper({.visible = hidden1, .hidden = hidden2, .hidden_copies = 2}, above.train);
  train_rbm(upper, above, of_upper, {.persistent = false});
  return {lower, upper};
}

Annealing dbm_annealing(const Dbm& dbm, const Tensor& data, int64_t steps) {
  const Dbm::Hidden mu = dbm.mean_field(some_of(data, 1000, 0));
  return {
      .b0 = logits_of_means(mu.h1), .c0 = concat({logits_of_means(data), logits_of_means(mu.h2)}, 0), .steps = steps};
}

Fit train_dbm(Dbm& dbm, const support::BinarySets& sets, const FitOptions& options, int64_t rounds) {
  Generator g = Generator(options.seed).fork(2);
  Dbm::State chains{bernoulli_of(broadcast_to(sigmoid(dbm.b.value()), {options.batch, dbm.b.numel()}), g),
                    bernoulli_of(full({options.batch, dbm.c2.numel()}, real(0.5)), g)};
  auto objective = [&](const Tensor& v) {
    const Tensor h1 = dbm.gibbs(chains, rounds, g);
    const Dbm::Hidden mu = dbm.mean_field(v);
    // Of the samples h1 alone: v and h2 are summed over, which leaves less noise than samples of them.
    return mean(dbm.free_energy(h1)) - dbm.energy(v, mu.h1, mu.h2);
  };
  FitOptions last = options;
  last.keep_best = false;  // as in train_rbm()
  double log_z = 0;
  last.before_evaluation = [&] {
    Generator repeatable(1);
    log_z = annealed_log_z(dbm.as_rbm(), dbm_annealing(dbm, sets.train, 300), repeatable).value;
  };
  auto evaluate = [&](const Tensor& v) { return dbm.bound(v) - real(log_z); };
  return fit(dbm, objective, sets, last, evaluate);
}

}  // namespace bijou::experiments

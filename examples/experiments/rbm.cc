#include "examples/experiments/rbm.h"

#include <cmath>
#include <memory>

#include "autograd/map.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"

namespace bijou::experiments {

Tensor bernoulli_of(const Tensor& p, Generator& g) { return rand(p.shape(), g) < p; }

Tensor logits_of_means(const Tensor& x) {
  const double n = double(x.size(0));  // as if half an example more had been 1, and half an example 0
  return map([n](auto m) { return log((m * real(n) + real(0.5)) / ((1 - m) * real(n) + real(0.5))); }, mean(x, 0));
}

Rbm::Rbm(Options o, const Tensor& data, Generator& g) : options(o) {
  check(o.visible > 0 && o.hidden > 0 && data.dim() == 2 && data.size(1) == o.visible, "Rbm: visible = ", o.visible,
        ", hidden = ", o.hidden, ", data ", data.shape());
  w = parameter(normal({o.visible, o.hidden}, 0, real(0.01), g));
  b = parameter(logits_of_means(data));
  c = parameter(zeros({o.hidden}));
}

Rbm::Rbm(Var weights, Var of_visible, Var of_hidden)
    : options{.visible = weights.size(0), .hidden = weights.size(1)}, w(weights), b(of_visible), c(of_hidden) {
  check(b.shape() == Shape{options.visible} && c.shape() == Shape{options.hidden}, "Rbm: weights ", w.shape(),
        " and biases ", b.shape(), ", ", c.shape());
}

Var Rbm::free_energy(const Var& v) const {
  const real up = real(options.visible_copies), copies = real(options.hidden_copies);
  const Var by_hidden = map_sum([up](auto a, auto c) { return softplus(up * a + c); }, 1, matmul(v, w), c);
  return matmul(v, b) * -up - by_hidden * copies;
}

Tensor Rbm::hidden(const Tensor& v) const {
  const real up = real(options.visible_copies);
  return map([up](auto a, auto c) { return sigmoid(up * a + c); }, matmul(v, w.value()), c.value());
}

Tensor Rbm::visible(const Tensor& h) const {
  const real down = real(options.hidden_copies);
  return map([down](auto a, auto b) { return sigmoid(down * a + b); }, matmul(h, w.value(), {.transpose_b = true}),
             b.value());
}

Tensor Rbm::gibbs(const Tensor& v, int64_t rounds, Generator& g) const {
  Tensor x = v;
  for (int64_t k = 0; k < rounds; ++k) x = bernoulli_of(visible(bernoulli_of(hidden(x), g)), g);
  return x;
}

// ---- Training -------------------------------------------------------------------------------------------------------

Fit train_rbm(Rbm& rbm, const support::BinarySets& sets, const FitOptions& options, const RbmOptions& o) {
  Generator g = Generator(options.seed).fork(1);
  Tensor chains = bernoulli_of(broadcast_to(sigmoid(rbm.b.value()), {options.batch, rbm.options.visible}), g);
  auto objective = [&](const Tensor& x) {
    chains = rbm.gibbs(o.persistent ? chains : x, o.rounds, g);
    return mean(rbm.free_energy(chains)) - rbm.free_energy(x);
  };
  FitOptions last = options;
  last.keep_best = false;  // a short annealing may miss most of Z, so what it calls the best need not be
  double log_z = 0;
  const bool whole = rbm.options.visible_copies == 1 && rbm.options.hidden_copies == 1;
  if (whole)
    last.before_evaluation = [&] {
      Generator repeatable(1);
      log_z = annealed_log_z(rbm, rbm_annealing(rbm, sets.train, 300), repeatable).value;
    };
  auto evaluate = [&](const Tensor& x) -> Var {
    if (whole) return -rbm.free_energy(x) - real(log_z);
    const Tensor down = matmul(rbm.hidden(x), rbm.w.value(), {.transpose_b = true});
    return nn::Bernoulli{down * real(rbm.options.hidden_copies) + rbm.b.value()}.log_prob_rows(x);
  };
  return fit(rbm, objective, sets, last, evaluate);
}

// ---- The partition function -----------------------------------------------------------------------------------------

namespace {

// The log of a mean of exp(x), and the standard error of that log.
LogZ log_mean(const std::vector<double>& x) {
  const double top = *std::max_element(x.begin(), x.end()), n = double(x.size());
  double sum = 0, squares = 0;
  for (const double v : x) sum += std::exp(v - top), squares += std::exp(2 * (v - top));
  const double mean = sum / n, variance = std::max(0.0, squares / n - mean * mean);
  return {top + std::log(mean), std::sqrt(variance / n) / mean};
}

double sum_of_softplus(const Tensor& x) {
  return double(map_sum([](auto v) { return softplus(v); }, 0, x).item());
}

// States first, first + 1, ... as numbers in binary: [count, units].
Tensor states(int64_t first, int64_t count, int64_t units) {
  Tensor s({count, units});
  for (int64_t i = 0; i < s.numel(); ++i) s.mutable_data()[i] = real((first + i / units) >> i % units & 1);
  return s;
}

// The logarithm of the chains' mean weight, along β = 0, 1/steps ... 1, or back. v: where they begin.
LogZ anneal(Tensor v, bool back, const Rbm& rbm, const Annealing& o, Generator& g) {
  const Tensor b = rbm.b.value() - o.b0, c = rbm.c.value() - o.c0;
  std::vector<double> log_w(size_t(v.size(0)), 0.0);
  auto beta = [&](int64_t step) { return double(back ? o.steps - step : step) / double(o.steps); };
  for (int64_t step = 1; step <= o.steps; ++step) {
    const real from = real(beta(step - 1)), to = real(beta(step));
    const Tensor a = matmul(v, rbm.w.value()), by_b = matmul(v, b);
    const Tensor by_hidden = map_sum(
        [from, to](auto a, auto c, auto c0) { return softplus(c0 + to * (a + c)) - softplus(c0 + from * (a + c)); }, 1,
        a, c, o.c0);
    for (size_t k = 0; k < log_w.size(); ++k)
      log_w[k] += double(by_hidden.data()[k]) + double(to - from) * double(by_b.data()[k]);
    auto heated = [to](auto a, auto bias, auto start) { return sigmoid(start + to * (a + bias)); };
    const Tensor h = bernoulli_of(map(heated, a, c, o.c0), g);
    v = bernoulli_of(map(heated, matmul(h, rbm.w.value(), {.transpose_b = true}), b, o.b0), g);
  }
  return log_mean(log_w);
}

// log Z_0, of the machine without weights
double log_z_at_start(const Rbm& rbm, const Annealing& o) {
  check(o.b0.shape() == rbm.b.shape() && o.c0.shape() == rbm.c.shape() && o.steps > 0 && o.chains > 0,
        "annealed_log_z: start ", o.b0.shape(), ", ", o.c0.shape(), " for a machine of ", rbm.w.shape());
  check(rbm.options.visible_copies == 1 && rbm.options.hidden_copies == 1, "annealed_log_z: a machine with copies");
  return sum_of_softplus(o.b0) + sum_of_softplus(o.c0);
}

}  // namespace

double exact_log_z(const Rbm& rbm) {
  check(rbm.options.visible_copies == 1 && rbm.options.hidden_copies == 1, "exact_log_z: a machine with copies");
  const NoGrad guard;
  // Seen from its hidden side a machine is one with the layers exchanged.
  if (rbm.options.hidden < rbm.options.visible) return exact_log_z(Rbm(transpose(rbm.w, 0, 1), rbm.c, rbm.b));
  const int64_t units = rbm.options.visible;
  check(units <= 20, "exact_log_z: 2^", units, " states are too many");
  const int64_t all = int64_t(1) << units, part = std::min<int64_t>(all, 4096);
  std::vector<double> terms;
  for (int64_t first = 0; first < all; first += part)
    for (const real f : rbm.free_energy(states(first, part, units)).value()) terms.push_back(-double(f));
  return log_mean(terms).value + std::log(double(all));
}

Annealing rbm_annealing(const Rbm& rbm, const Tensor& data, int64_t steps) {
  const Tensor h = rbm.hidden(some_of(data, 1000, 0));
  return {.b0 = logits_of_means(data), .c0 = logits_of_means(h), .steps = steps};
}

LogZ annealed_log_z(const Rbm& rbm, const Annealing& o, Generator& g) {
  const double start = log_z_at_start(rbm, o);
  const Tensor v = bernoulli_of(broadcast_to(sigmoid(o.b0), {o.chains, o.b0.numel()}), g);
  const LogZ ratio = anneal(v, false, rbm, o, g);
  return {start + ratio.value, ratio.error};
}

LogZ annealed_log_z_from(const Tensor& samples, const Rbm& rbm, const Annealing& o, Generator& g) {
  const double start = log_z_at_start(rbm, o);
  check(samples.dim() == 2 && samples.size(0) > 0 && samples.size(1) == rbm.options.visible,
        "annealed_log_z_from: samples ", samples.shape(), " of a machine of ", rbm.w.shape());
  const LogZ ratio = anneal(samples, true, rbm, o, g);
  return {start - ratio.value, ratio.error};
}

}  // namespace bijou::experiments

#include "nn/losses.h"

#include <algorithm>

#include "autograd/map.h"
#include "tensor/elementwise.h"

namespace bijou::nn {
namespace {

// f(x, t) of every element, or their sum or mean in the same loop.
template <class F>
Var elementwise_loss(const char* op, const F& f, const Var& x, const Var& t, Reduction reduction) {
  check(x.shape() == t.shape(), op, ": a target of shape ", t.shape(), " for a prediction of shape ", x.shape());
  if (reduction == Reduction::kNone) return map(op, f, x, t);
  const Var total = map_sum(f, 0, x, t);
  return reduction == Reduction::kSum ? total : total * (1 / real(x.numel()));
}

// The losses of all examples, of which `count` count.
Var reduce(const Var& losses, Reduction reduction, int64_t count) {
  if (reduction == Reduction::kNone) return losses;
  return reduction == Reduction::kSum ? sum(losses) : sum(losses) * (1 / real(count));
}

// Σ_k f(a, b) over the last axis: one number an example.
template <class F>
Var sum_over_classes(const char* op, const F& f, const Var& a, const Var& b, Reduction reduction) {
  check(a.dim() >= 1 && a.shape() == b.shape(), op, ": two distributions over the last axis expected, not ", a.shape(),
        " and ", b.shape());
  const Var losses = map_sum(f, a.dim() - 1, a, b);
  return reduce(losses, reduction, losses.numel());
}

}  // namespace

Var cross_entropy(const Var& logits, const Indices& targets, CrossEntropyOptions o) {
  Shape expected = targets.shape();
  expected.push_back(logits.dim() ? logits.size(-1) : 0);
  check(logits.shape() == expected, "cross_entropy: targets ", targets.shape(), " for logits ", logits.shape(),
        ": they should be [...] and [..., classes]");
  check(o.label_smoothing >= 0 && o.label_smoothing < 1, "cross_entropy: label_smoothing = ", o.label_smoothing,
        " is not in [0, 1)");
  const Var rows = reshape(logits, {targets.numel(), logits.size(-1)});
  const Indices classes = targets.flatten();
  Var losses = nll_of_logits(rows, classes);
  if (o.label_smoothing > 0) {
    const real spread = real(o.label_smoothing);
    const Var even = mean(log_softmax(rows, 1), 1) * spread;  // maybe infinite where the example is ignored
    losses = losses * (1 - spread) - where(to_tensor(classes) == real(kIgnoreIndex), real(0), even);
  }
  const int64_t ignored = std::count(classes.begin(), classes.end(), kIgnoreIndex);
  return reduce(reshape(losses, targets.shape()), o.reduction, classes.numel() - ignored);
}

Var cross_entropy(const Var& logits, const Var& targets, LossOptions o) {
  auto f = [](auto log_p, auto t) { return -t * log_p; };
  return sum_over_classes("cross_entropy", f, log_softmax(logits, -1), targets, o.reduction);
}

// Where p is 0 its term is 0, whatever q is.
Var kl_div(const Var& log_q, const Var& p, LossOptions o) {
  auto f = [](auto log_q, auto p) { return where(p > 0, p * (log(where(p > 0, p, 1)) - log_q), 0); };
  return sum_over_classes("kl_div", f, log_q, p, o.reduction);
}

Var binary_cross_entropy_with_logits(const Var& x, const Var& target, LossOptions o) {
  auto f = [](auto x, auto t) { return softplus(x) - t * x; };
  return elementwise_loss("binary_cross_entropy_with_logits", f, x, target, o.reduction);
}

Var mse_loss(const Var& x, const Var& target, LossOptions o) {
  auto f = [](auto x, auto t) { return square(x - t); };
  return elementwise_loss("mse_loss", f, x, target, o.reduction);
}

Var l1_loss(const Var& x, const Var& target, LossOptions o) {
  auto f = [](auto x, auto t) { return abs(x - t); };
  return elementwise_loss("l1_loss", f, x, target, o.reduction);
}

Var huber_loss(const Var& x, const Var& target, HuberOptions o) {
  check(o.delta > 0, "huber_loss: delta = ", o.delta, " must be positive");
  auto f = [delta = o.delta](auto x, auto t) {
    const auto error = abs(x - t);
    return where(error <= delta, square(error) * real(0.5), (error - delta / 2) * delta);
  };
  return elementwise_loss("huber_loss", f, x, target, o.reduction);
}

}  // namespace bijou::nn

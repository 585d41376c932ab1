#include "tensor/softmax.h"

#include "tensor/lines.h"

namespace bijou {
namespace {

constexpr auto kSame = [](Lane v) { return v; };

}  // namespace

Tensor softmax(const Tensor& x, int axis) {
  Tensor out(x.shape());
  const real* in = x.data();
  real* y = out.mutable_data();
  for_lines({x.shape(), axis, "softmax"}, [=](const auto& line) {
    const auto m = line.fold(Peak(), kSame, in);
    const auto s = line.fold_and_write(
        y, Add(), [](Lane v, Lane m) { return exp(v - m); }, in, m);
    const auto scale = line.combine([](Lane s) { return Lane(1) / s; }, s);
    line.write(
        y, [](Lane e, Lane scale) { return e * scale; }, y, scale);
  });
  return out;
}

Tensor log_softmax(const Tensor& x, int axis) {
  Tensor out(x.shape());
  const real* in = x.data();
  real* y = out.mutable_data();
  for_lines({x.shape(), axis, "log_softmax"}, [=](const auto& line) {
    const auto m = line.fold(Peak(), kSame, in);
    const auto s = line.fold(
        Add(), [](Lane v, Lane m) { return exp(v - m); }, in, m);
    const auto log_s = line.combine([](Lane s) { return log(s); }, s);
    line.write(
        y, [](Lane v, Lane m, Lane log_s) { return v - m - log_s; }, in, m, log_s);
  });
  return out;
}

Tensor softmax_vjp(const Tensor& y, const Tensor& g, int axis) {
  Tensor out(y.shape());
  const real *s = y.data(), *seed = g.data();
  real* d = out.mutable_data();
  for_lines({y.shape(), axis, "softmax_vjp"}, [=](const auto& line) {
    const auto total = line.fold(
        Add(), [](Lane s, Lane g) { return s * g; }, s, seed);
    line.write(
        d, [](Lane s, Lane g, Lane total) { return s * (g - total); }, s, seed, total);
  });
  return out;
}

Tensor log_softmax_vjp(const Tensor& y, const Tensor& g, int axis) {
  Tensor out(y.shape());
  const real *log_s = y.data(), *seed = g.data();
  real* d = out.mutable_data();
  for_lines({y.shape(), axis, "log_softmax_vjp"}, [=](const auto& line) {
    const auto total = line.fold(Add(), kSame, seed);
    line.write(
        d, [](Lane y, Lane g, Lane total) { return g - exp(y) * total; }, log_s, seed, total);
  });
  return out;
}

Nll nll_of_logits(const Tensor& logits, const Indices& target) {
  check(logits.dim() == 2 && target.shape() == Shape{logits.size(0)}, "nll_of_logits: logits ", logits.shape(),
        " and targets ", target.shape(), "; [N, C] and [N] expected");
  const int64_t classes = logits.size(1);
  for (index t : target)
    check((t >= 0 && t < classes) || t == kIgnoreIndex, "nll_of_logits: target ", t, " is not in [0, ", classes, ")");
  Nll result{Tensor(target.shape()), Tensor(target.shape())};
  const real* x = logits.data();
  const index* t = target.data();
  real *loss = result.loss.mutable_data(), *lse = result.logsumexp.mutable_data();
  for_rows({logits.shape(), 1, "nll_of_logits"}, [=](const auto& line) {
    const int64_t row = line.place();
    const auto m = line.fold(Peak(), kSame, x);
    const auto s = line.fold(
        Add(), [](Lane v, Lane m) { return exp(v - m); }, x, m);
    line.store(line.combine([](Lane s, Lane m) { return log(s) + m; }, s, m), lse);
    loss[row] = t[row] == kIgnoreIndex ? 0 : lse[row] - x[line.begin() + t[row]];
  });
  return result;
}

Tensor nll_of_logits_vjp(const Tensor& logits, const Tensor& logsumexp, const Indices& target, const Tensor& g) {
  Tensor out(logits.shape());
  const real *x = logits.data(), *lse = logsumexp.data(), *seed = g.data();
  const index* t = target.data();
  real* d = out.mutable_data();
  for_rows({logits.shape(), 1, "nll_of_logits"}, [=, classes = logits.size(1)](const auto& line) {
    const int64_t row = line.place();
    if (t[row] == kIgnoreIndex) return void(std::fill_n(d + line.begin(), classes, real(0)));
    line.write(
        d, [](Lane v, Lane lse, Lane g) { return exp(v - lse) * g; }, x, line.load(lse), line.load(seed));
    d[line.begin() + t[row]] -= seed[row];
  });
  return out;
}

}  // namespace bijou

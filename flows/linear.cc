#include "flows/linear.h"

#include "autograd/conv.h"
#include "autograd/elementwise.h"
#include "nn/init.h"
#include "tensor/elementwise.h"
#include "tensor/indexing.h"

namespace bijou::flows {

// ---- Permutations ---------------------------------------------------------------------------------------------------

namespace {

Indices to_indices(const Tensor& order, bool inverse) {
  Indices list(order.shape());
  for (int64_t i = 0; i < order.numel(); ++i) {
    const index at = index(order.data()[i]);
    list.mutable_data()[inverse ? at : i] = inverse ? index(i) : at;
  }
  return list;
}

}  // namespace

Permutation::Permutation(const Indices& list) : order(to_tensor(list)) {
  std::vector<bool> seen(size_t(list.numel()));
  for (index i : list) {
    check(i >= 0 && i < list.numel() && !seen[size_t(i)], "Permutation: each of 0 to ", list.numel() - 1,
          " once expected; ", i, " is out of range or there twice");
    seen[size_t(i)] = true;
  }
}

Latent Permutation::f(const Var& x, const Var&) const {
  check(x.size(1) == order.numel(), "Permutation: ", order.numel(), " features expected, not ", x.shape());
  return {index_select(x, 1, to_indices(order, false)), zeros({x.size(0)})};
}
Data Permutation::g(const Var& z, const Var&) const {
  check(z.size(1) == order.numel(), "Permutation: ", order.numel(), " features expected, not ", z.shape());
  return {index_select(z, 1, to_indices(order, true)), zeros({z.size(0)})};
}

Permutation random_permutation(int64_t features, Generator& g) { return Permutation(randperm(features, g)); }
Permutation reverse(int64_t features) { return Permutation(flip(index_range(features), 0)); }

// ---- Matrices -------------------------------------------------------------------------------------------------------

namespace {

Var mix(const Var& w, const Var& x) {
  const int64_t n = w.size(0);
  check((x.dim() == 2 || x.dim() == 4) && x.size(1) == n, "a linear bijector of ", n, " features takes [B, ", n,
        "] or [B, ", n, ", H, W], not ", x.shape());
  return x.dim() == 2 ? linear(x, w, {}) : conv2d(x, reshape(w, {n, n, 1, 1}), {});
}

// A log-determinant of each pixel, summed over pixels, for each example.
Var rows(const Var& log_det, const Var& x) {
  return broadcast_to(reshape(log_det, {1}) * real(x.shape().product(2, x.dim())), {x.size(0)});
}

}  // namespace

Latent LinearBijector::f(const Var& x, const Var&) const { return {mix(weight(), x), rows(log_abs_det(), x)}; }
Data LinearBijector::g(const Var& z, const Var&) const { return {mix(inverse_weight(), z), rows(-log_abs_det(), z)}; }

Householder::Householder(int64_t features, int64_t reflections, Generator& g)
    : v(parameter(randn({reflections, features}, g))) {}

Var Householder::weight() const {
  Var w = eye(v.size(1));
  for (int64_t k = 0; k < v.size(0); ++k) {
    const Var row = slice(v, 0, k, k + 1), unit = row / sqrt(sum(square(row)));  // [1, features]
    w = w - matmul(linear(w, unit, {}), unit) * 2;
  }
  return w;
}

DenseLinear::DenseLinear(int64_t features, Generator& g)
    : w(parameter(nn::init::orthogonal({features, features}, 1, g))) {}

Var DenseLinear::inverse_weight() const {
  try {
    return bijou::inverse(w);
  } catch (const Error& e) {
    throw NotInvertible(std::string("DenseLinear: ") + e.what());
  }
}

LuLinear::LuLinear(int64_t features, Generator& g) {
  const Plu plu = lu_unpack(lu(nn::init::orthogonal({features, features}, 1, g)));
  const Tensor s = sum(plu.u * eye(features), 1);  // U's diagonal
  p = plu.p, sign = bijou::sign(s);
  lower = parameter(tril(plu.l, -1)), upper = parameter(triu(plu.u, 1)), log_s = parameter(log(abs(s)));
}

Var LuLinear::l() const { return tril(lower, -1) + Var(eye(sign.numel())); }
Var LuLinear::u() const { return triu(upper, 1) + Var(eye(sign.numel())) * (exp(log_s) * Var(sign)); }

Var LuLinear::weight() const { return matmul(p, matmul(l(), u())); }
Var LuLinear::inverse_weight() const {
  const Var y = solve_triangular(l(), Var(transpose(p, 0, 1)), {.unit = true});
  return solve_triangular(u(), y, {.upper = true});
}

}  // namespace bijou::flows

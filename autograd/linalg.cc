#include "autograd/linalg.h"

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/layout.h"

namespace bijou {
namespace {

Var transposed(const Var& x) { return transpose(x, -1, -2); }

// The result of an op, for its own rule: the numbers we have, or, if the rule is to be differentiated, the op again.
template <class Op>
Var result(const Node& y, const Op& op) {
  return grad_enabled() ? op() : Var(y.out());
}

}  // namespace

// d log|det A| = tr(A⁻¹ dA)
SignAndLog<Var> slogdet(const Var& a) {
  const SignAndLog<Tensor> f = slogdet(a.value());
  return {f.sign, record("slogdet", f.logabsdet, {a}, [](const Node& y, const Var& g, Grads& d) {
            d[0] = unsqueeze(unsqueeze(g, -1), -1) * transposed(inverse(y.in(0)));
          })};
}

// Y = A⁻¹: dY = -Y dA Y
Var inverse(const Var& a) {
  return record("inverse", inverse(a.value()), {a}, [](const Node& y, const Var& g, Grads& d) {
    const Var b = result(y, [&] { return inverse(y.in(0)); });
    d[0] = -matmul(matmul(b, g, {.transpose_a = true}), b, {.transpose_b = true});
  });
}

// A X = B: dX = A⁻¹ (dB - dA X)
Var solve(const Var& a, const Var& b) {
  return record("solve", solve(a.value(), b.value()), {a, b}, [](const Node& y, const Var& g, Grads& d) {
    d[1] = solve(transposed(y.in(0)), g);
    if (!d.wants(0)) return;
    const Var x = result(y, [&] { return solve(y.in(0), y.in(1)); });
    d[0] = -matmul(d[1], x, {.transpose_b = true});
  });
}

// The same; of dA, the triangle that is read. For Aᵀ, and for X A = B, factors change their places.
Var solve_triangular(const Var& a, const Var& b, TriangularOptions o) {
  return record("solve_triangular", solve_triangular(a.value(), b.value(), o), {a, b},
                [o](const Node& y, const Var& g, Grads& d) {
                  TriangularOptions adjoint = o;
                  adjoint.transpose = !o.transpose;
                  d[1] = solve_triangular(y.in(0), g, adjoint);
                  if (!d.wants(0)) return;
                  const Var x = result(y, [&] { return solve_triangular(y.in(0), y.in(1), o); });
                  const Var &p = o.transpose ? x : d[1], &q = o.transpose ? d[1] : x;
                  const Var full = o.left ? matmul(p, q, {.transpose_b = true}) : matmul(q, p, {.transpose_a = true});
                  d[0] = -(o.upper ? triu(full, o.unit ? 1 : 0) : tril(full, o.unit ? -1 : 0));
                });
}

// A = L Lᵀ: dL = L Φ(L⁻¹ dA L⁻ᵀ), where Φ takes the lower triangle and half of the diagonal.
Var cholesky(const Var& a) {
  return record("cholesky", cholesky(a.value()), {a}, [](const Node& y, const Var& g, Grads& d) {
    const Var l = result(y, [&] { return cholesky(y.in(0)); });
    const Var lg = matmul(l, g, {.transpose_a = true});
    const Var phi = (tril(lg) + tril(lg, -1)) * real(0.5);
    const Var s = solve_triangular(l, solve_triangular(l, phi, {.transpose = true}), {.left = false});
    d[0] = (s + transposed(s)) * real(0.5);
  });
}

// ---- Ops with two results -------------------------------------------------------------------------------------------
// They are two nodes, with a rule each: gradients add up. Rules need both results, so they keep copies, which nobody
// can change in place.

// A = V Λ Vᵀ: dλ = diag(Vᵀ dA V), dV = V (F ∘ Vᵀ dA V), where F_ij = 1 / (λ_j - λ_i), and 0 on the diagonal.
Eigenpairs<Var> eigh(const Var& a) {
  const Eigenpairs<Tensor> e = eigh(a.value());
  const auto again = [e](const Node& y) {
    return grad_enabled() ? eigh(y.in(0)) : Eigenpairs<Var>{e.values, e.vectors};
  };
  const Var values = record("eigh.values", e.values.clone(), {a}, [again](const Node& y, const Var& g, Grads& d) {
    const Var v = again(y).vectors;
    d[0] = matmul(v * unsqueeze(g, -2), v, {.transpose_b = true});
  });
  const Var vectors = record("eigh.vectors", e.vectors.clone(), {a}, [again](const Node& y, const Var& g, Grads& d) {
    const auto [lambda, v] = again(y);
    const Var one = eye(v.size(-1)), gaps = unsqueeze(lambda, -2) - unsqueeze(lambda, -1);
    const Var f = (1 - one) / (gaps + one);
    d[0] = matmul(matmul(v, f * matmul(v, g, {.transpose_a = true})), v, {.transpose_b = true});
  });
  return {values, vectors};
}

namespace {

// dL/dA = (dL/dQ + Q S) R⁻ᵀ, where S is the symmetric matrix with the lower triangle of R (dL/dR)ᵀ - (dL/dQ)ᵀ Q.
Var qr_vjp(const Qr<Var>& f, const Var& lower, const Var& dq) {
  const Var qs = matmul(f.q, tril(lower) + transposed(tril(lower, -1)));
  return solve_triangular(f.r, dq ? dq + qs : qs, {.upper = true, .transpose = true, .left = false});
}

}  // namespace

Qr<Var> qr(const Var& a) {
  const int64_t m = a.dim() >= 2 ? a.size(-2) : 0;
  if (a.dim() >= 2 && a.size(-1) > m) {  // wide: the first m columns make Q
    const Qr<Var> f = qr(narrow(a, -1, 0, m));
    return {f.q, concat({f.r, matmul(f.q, narrow(a, -1, m, a.size(-1) - m), {.transpose_a = true})}, -1)};
  }
  const Qr<Tensor> f = qr(a.value());
  const auto again = [f](const Node& y) { return grad_enabled() ? qr(y.in(0)) : Qr<Var>{f.q, f.r}; };
  const Var q = record("qr.q", f.q.clone(), {a}, [again](const Node& y, const Var& g, Grads& d) {
    const Qr<Var> w = again(y);
    d[0] = qr_vjp(w, -matmul(g, w.q, {.transpose_a = true}), g);
  });
  const Var r = record("qr.r", f.r.clone(), {a}, [again](const Node& y, const Var& g, Grads& d) {
    const Qr<Var> w = again(y);
    d[0] = qr_vjp(w, matmul(w.r, g, {.transpose_b = true}), {});
  });
  return {q, r};
}

}  // namespace bijou

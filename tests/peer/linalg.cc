#include "autograd/linalg.h"

#include "autograd/elementwise.h"
#include "peer.h"

namespace bijou::peer {
namespace {

// Zero to two leading axes, then the sizes.
Shape stacked(Draw& d, std::initializer_list<int64_t> sizes) {
  Shape shape;
  for (int64_t lead = d.size(0, 2); lead > 0; --lead) shape.push_back(d.size(1, 3));
  for (int64_t size : sizes) shape.push_back(size);
  return shape;
}
Tensor square_matrix(Draw& d) {
  const int64_t n = d.size(1, 6);
  return d.matrix(stacked(d, {n, n}));
}
Var symmetric(const Var& a) { return (a + transpose(a, -1, -2)) * real(0.5); }

Problem of_square(Draw& d, std::function<Vars(const Var&)> f) {
  return {{square_matrix(d)}, [f](const Vars& x) { return f(x[0]); }};
}

Problem solving(Draw& d) {
  const Tensor a = square_matrix(d);
  Shape b = a.shape();
  b[-1] = d.size(1, 4);
  return {{a, d.normal(b)}, [](const Vars& x) -> Vars { return {solve(x[0], x[1])}; }};
}

Problem solving_triangular(Draw& d) {
  const Tensor a = square_matrix(d);
  const TriangularOptions o{.upper = d.coin(), .transpose = d.coin(), .unit = d.coin(), .left = d.coin()};
  Shape b = a.shape();
  b[o.left ? -1 : -2] = d.size(1, 4);
  return {{a, d.normal(b)},
          [o](const Vars& x) -> Vars { return {solve_triangular(x[0], x[1], o)}; },
          {{"upper", number(o.upper)},
           {"transpose", number(o.transpose)},
           {"unit", number(o.unit)},
           {"left", number(o.left)}}};
}

// Square or tall, or wide.
Problem orthogonalizing(Draw& d) {
  const int64_t n = d.size(1, 4), m = d.coin() ? n + d.size(0, 3) : std::max<int64_t>(1, n - d.size(0, 2));
  Tensor a = d.normal(stacked(d, {m, n}));
  // Far from rank deficient.
  a = a * real(0.3);
  for (int64_t s = 0; s < a.numel() / (m * n); ++s)
    for (int64_t i = 0; i < std::min(m, n); ++i) a.mutable_data()[(s * m + i) * n + i] += 2;
  return {{a}, [](const Vars& x) -> Vars {
            const auto [q, r] = qr(x[0]);
            return {q, r};
          }};
}

// Eigenvalues apart; a loss that does not see the signs of the vectors.
Problem eigen(Draw& d) {
  const int64_t n = d.size(1, 5);
  Tensor a = d.normal(stacked(d, {n, n})) * real(0.2);
  for (int64_t i = 0; i < a.numel(); ++i)
    if (i / n % n == i % n) a.mutable_data()[i] += real(i % n);
  return {{a}, [](const Vars& x) -> Vars {
            const auto [values, vectors] = eigh(symmetric(x[0]));
            return {values, square(vectors)};
          }};
}

// What has no gradient: P L U, and the eigenvalues of a tridiagonal matrix.
Problem factors(Draw& d) {
  const int64_t n = d.size(1, 8);
  return {{d.normal(stacked(d, {d.size(1, 5), d.size(1, 5)})), d.normal({n}), d.normal({n - 1})},
          [](const Vars& x) -> Vars {
            const auto [p, l, u] = lu_unpack(lu(x[0].value()));
            const auto [values, vectors] = eigh_tridiagonal(x[1].value(), x[2].value());
            return {p, l, u, values, square(vectors)};
          }};
}

}  // namespace

void linalg_cases(Cases& cases) {
  cases.insert(cases.end(),
               {
                   {"slogdet",
                    [](Draw& d) {
                      return of_square(d, [](const Var& a) -> Vars {
                        const auto [sign, log] = slogdet(a);
                        return {sign, log};
                      });
                    }},
                   {"inverse", [](Draw& d) { return of_square(d, [](const Var& a) -> Vars { return {inverse(a)}; }); }},
                   {"solve", solving},
                   {"solve_triangular", solving_triangular},
                   {"cholesky",
                    [](Draw& d) {
                      return of_square(
                          d, [](const Var& a) -> Vars { return {cholesky(matmul(a, a, {.transpose_b = true}))}; });
                    }},
                   {"qr", orthogonalizing},
                   {"eigh", eigen},
                   {"factors", factors},
               });
}

}  // namespace bijou::peer

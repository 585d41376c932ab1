#include "optim/lanczos.h"

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tensor/map.h"
#include "tensor/matmul.h"

namespace bijou::optim {
namespace {

double norm(const Tensor& x) { return std::sqrt(dot(x, x)); }

// y += factor x
void add(Tensor& y, real factor, const Tensor& x) {
  update<1>([=](Lane& y, Lane x) { y = y + x * factor; }, y, x);
}

constexpr double kEpsilon = std::numeric_limits<real>::epsilon();

}  // namespace

// ---- Tridiagonal ----------------------------------------------------------------------------------------------------

Tridiagonal::Tridiagonal(const LinearOperator& a, const Tensor& first, int64_t most)
    : a_(a), basis_({std::min(most, a.size), a.size}) {
  check(most > 0 && a.size > 0, "lanczos: ", most, " steps with an operator of size ", a.size);
  const double length = norm(first);
  check(length > 0 && std::isfinite(length), "lanczos: the first vector has length ", length);
  next_ = first * real(1 / length);
}

double Tridiagonal::orthogonalize(Tensor& w) const {
  if (size() == 0) return norm(w);
  for (int pass = 0; pass < 2; ++pass) w = w - matmul(matmul(basis(), w), basis());
  return norm(w);
}

bool Tridiagonal::grow() {
  if (!next_.data() || size() == basis_.size(0)) return false;
  const int64_t j = size();
  basis_.row(j).copy_from(next_);
  const Tensor v = basis_.row(j);
  Tensor w = a_.matvec(v);
  check(w.shape() == v.shape(), "lanczos: the operator turns ", v.shape(), " into ", w.shape());
  if (j > 0) add(w, real(-beta_[size_t(j - 1)]), basis_.row(j - 1));
  alpha_.push_back(dot(w, v));
  check(std::isfinite(alpha_.back()), "lanczos: A v is not finite");
  add(w, real(-alpha_.back()), v);
  const double before = norm(w), left = orthogonalize(w);
  double scale = 0;
  for (size_t i = 0; i < alpha_.size(); ++i)
    scale = std::max(scale, std::fabs(alpha_[i]) + (i < beta_.size() ? beta_[i] : 0));
  const bool complete = std::max(before, left) <= 10 * kEpsilon * scale || left <= 10 * kEpsilon * before;
  beta_.push_back(complete ? 0 : left);
  next_ = complete ? Tensor() : w * real(1 / left);
  return true;
}

void Tridiagonal::restart(Generator& g) {
  if (size() == a_.size) return;
  Tensor w = randn({a_.size}, g);
  orthogonalize(w);
  next_ = w * real(1 / norm(w));
}

Tridiagonal::Eigen Tridiagonal::eigen() const {
  Tensor diagonal({size()}), off({size() - 1});
  for (int64_t i = 0; i < size(); ++i) {
    diagonal.mutable_data()[i] = real(alpha_[size_t(i)]);
    if (i + 1 < size()) off.mutable_data()[i] = real(beta_[size_t(i)]);
  }
  const Eigenpairs<Tensor> pairs = eigh_tridiagonal(diagonal, off);
  return {std::vector<double>(pairs.values.begin(), pairs.values.end()), pairs.vectors};
}

// ---- Eigenvalues ----------------------------------------------------------------------------------------------------

Ritz lanczos(const LinearOperator& a, const LanczosOptions& o) {
  check(o.k > 0 && o.k <= a.size, "lanczos: ", o.k, " eigenvalues of an operator of size ", a.size);
  check(o.steps >= o.k, "lanczos: ", o.steps, " steps for ", o.k, " eigenvalues");
  Generator g(o.seed);
  Tridiagonal t(a, randn({a.size}, g), o.steps);
  Ritz ritz;
  for (bool done = false; !done;) {
    if (!t.grow()) t.restart(g), t.grow();
    const int64_t m = t.size();
    done = m == std::min(o.steps, a.size);
    if (m < o.k) continue;
    const Tridiagonal::Eigen e = t.eigen();
    const double scale = std::max(std::fabs(e.values.front()), std::fabs(e.values.back()));
    ritz.values.assign(e.values.rbegin(), e.values.rbegin() + o.k);
    ritz.residuals.clear();
    for (int64_t i = 0; i < o.k; ++i)
      ritz.residuals.push_back(t.last_beta() * std::fabs(e.vectors.at({m - 1, m - 1 - i})));
    // Where β = 0, T knows nothing of the rest of the space yet: more of an eigenvalue that is there several times.
    done = done || (t.last_beta() > 0 &&
                    *std::max_element(ritz.residuals.begin(), ritz.residuals.end()) <= o.tolerance * scale);
    if (done) {
      Tensor top({o.k, m});
      for (int64_t i = 0; i < o.k; ++i)
        for (int64_t j = 0; j < m; ++j) top.mutable_data()[i * m + j] = e.vectors.at({j, m - 1 - i});
      ritz.vectors = matmul(top, t.basis());
      ritz.steps = m;
    }
  }
  return ritz;
}

Power power_iteration(const LinearOperator& a, const PowerOptions& o) {
  check(o.steps > 0, "power_iteration: ", o.steps, " steps");
  Generator g(o.seed);
  Power p{0, randn({a.size}, g), 0, 0};
  p.vector = p.vector * real(1 / norm(p.vector));
  while (p.steps < o.steps) {
    Tensor w = a.matvec(p.vector);
    ++p.steps;
    p.value = dot(w, p.vector);
    const double length = norm(w);
    Tensor rest = w.clone();
    add(rest, real(-p.value), p.vector);
    p.residual = norm(rest);
    if (length == 0 || p.residual <= o.tolerance * std::fabs(p.value) || p.steps == o.steps) break;
    p.vector = w * real(1 / length);
  }
  return p;
}

}  // namespace bijou::optim

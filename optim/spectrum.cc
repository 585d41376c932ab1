#include "optim/spectrum.h"

#include <algorithm>
#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/matmul.h"

namespace bijou::optim {
namespace {

Tensor random_signs(int64_t n, Generator& g) { return bernoulli({n}, 0.5, g) * 2 - 1; }

Estimate estimate(const std::vector<double>& samples) {
  const double n = double(samples.size());
  double mean = 0, square = 0;
  for (double s : samples) mean += s / n;
  for (double s : samples) square += (s - mean) * (s - mean);
  return {mean, std::sqrt(square / (n - 1) / n)};
}

// An orthonormal basis, row by row, of what A makes of random vectors: of where A is large.
Tensor range_of(const LinearOperator& a, int64_t most, Generator& g) {
  constexpr double kNothing = 10 * std::numeric_limits<real>::epsilon();
  Tensor basis({most, a.size});
  int64_t rows = 0;
  for (int64_t i = 0; i < most; ++i) {
    Tensor v = a.matvec(random_signs(a.size, g));
    const double before = dot(v, v);
    const Tensor known = basis.rows(0, rows);
    for (int pass = 0; pass < 2 && rows > 0; ++pass) v = v - matmul(matmul(known, v), known);
    const double left = dot(v, v);
    if (left <= kNothing * kNothing * before) continue;  // A has no larger rank
    basis.row(rows++).copy_from(v * real(1 / std::sqrt(left)));
  }
  return basis.rows(0, rows);
}

}  // namespace

Estimate hutchinson(const LinearOperator& a, const TraceOptions& o) {
  check(o.probes >= 2, "hutchinson: ", o.probes, " probes have no spread");
  Generator g(o.seed);
  std::vector<double> samples;
  for (int64_t i = 0; i < o.probes; ++i) {
    const Tensor z = random_signs(a.size, g);
    samples.push_back(dot(z, a.matvec(z)));
  }
  return estimate(samples);
}

Estimate hutch_pp(const LinearOperator& a, const TraceOptions& o) {
  check(o.probes >= 6, "hutch_pp: ", o.probes, " products with A; it wants 6");
  Generator g(o.seed);
  const int64_t third = std::min(o.probes / 3, a.size);
  const Tensor q = range_of(a, third, g);
  double exact = 0;
  for (int64_t i = 0; i < q.size(0); ++i) exact += dot(q.row(i), a.matvec(q.row(i)));
  std::vector<double> samples;
  for (int64_t i = 0; i < o.probes - 2 * third; ++i) {
    Tensor z = random_signs(a.size, g);
    if (q.size(0) > 0) z = z - matmul(matmul(q, z), q);
    samples.push_back(dot(z, a.matvec(z)));
  }
  const Estimate rest = estimate(samples);
  return {exact + rest.mean, rest.error};
}

Spectrum spectrum(const LinearOperator& a, const SpectrumOptions& o) {
  check(o.steps > 0 && o.probes > 0, "spectrum: ", o.steps, " steps and ", o.probes, " probes");
  Generator g(o.seed);
  Spectrum s;
  for (int64_t i = 0; i < o.probes; ++i) {
    Tridiagonal t(a, random_signs(a.size, g), o.steps);
    while (t.grow()) {
    }
    const Tridiagonal::Eigen e = t.eigen();
    for (int64_t j = 0; j < t.size(); ++j) {
      const double first = double(e.vectors.at({0, j}));
      s.values.push_back(e.values[size_t(j)]);
      s.weights.push_back(first * first / double(o.probes));
    }
  }
  return s;
}

double Spectrum::density(double x, double width) const {
  double total = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const double z = (x - values[i]) / width;
    total += weights[i] * std::exp(-z * z / 2);
  }
  return total / (width * std::sqrt(2 * M_PI));
}

double Spectrum::lowest() const { return *std::min_element(values.begin(), values.end()); }
double Spectrum::highest() const { return *std::max_element(values.begin(), values.end()); }

}  // namespace bijou::optim

// Curvature against closed forms, dense matrices and finite differences; Lanczos and its kin against LAPACK.
#include <cmath>
#include <numeric>

#include "autograd/elementwise.h"
#include "autograd/functional.h"
#include "autograd/ops.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/sequential.h"
#include "optim/landscape.h"
#include "optim/sharpness.h"
#include "optim/spectrum.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tests/support.h"

namespace bijou::optim {
namespace {

using bijou::testing::expect_close;
using bijou::testing::expect_error;
using bijou::testing::kDouble;
using bijou::testing::random;

const double kClose = kDouble ? 1e-12 : 2e-5;

Tensor dense(const LinearOperator& a) {
  Tensor m({a.size, a.size});
  for (int64_t i = 0; i < a.size; ++i) m.row(i).copy_from(a.matvec(eye(a.size).row(i)));
  return m;
}
LinearOperator operator_of(const Tensor& m) {
  return {m.size(0), [m](const Tensor& v) { return matmul(m, v); }};
}
LinearOperator diagonal(const std::vector<double>& values) {
  Tensor d({int64_t(values.size())});
  std::copy(values.begin(), values.end(), d.mutable_data());
  return {d.numel(), [d](const Tensor& v) { return d * v; }};
}
// The largest k eigenvalues of a dense symmetric matrix, from the top.
std::vector<double> top_eigenvalues(const Tensor& m, int64_t k) {
  const Tensor values = eigh(m).values;
  std::vector<double> top;
  for (int64_t i = 0; i < k; ++i) top.push_back(double(values.data()[m.size(0) - 1 - i]));
  return top;
}

// A classifier with smooth activations, in batches that do not divide the examples.
struct Classifier {
  Tensor x;
  Indices y;
  nn::Sequential net;
  Objective objective;

  explicit Classifier(int64_t in = 4, int64_t hidden = 3, int64_t out = 3, int64_t n = 11)
      : x(random({n, in}, 2)),
        y(Shape{n}),
        net(nn::Linear({.in = in, .out = hidden}), nn::Tanh(), nn::Linear({.in = hidden, .out = out})) {
    for (int64_t i = 0; i < n; ++i) y.mutable_data()[i] = bijou::index((i * 7 + i / 3) % out);
    for (size_t i = 0; Var p : net.parameters()) p.mutable_value().copy_from(random(p.shape(), 50 + i++));
    objective = classification(net, x, y);
    objective.batch = 4;
  }
  std::vector<Var> parameters() const { return net.parameters(); }
};

// ---- Closed forms ---------------------------------------------------------------------------------------------------

TEST(Hessian, OfLinearRegressionIsTwiceTheMeanOfXXt) {
  const Tensor x = random({9, 4}, 1), t = random({9}, 2);
  const Var w = parameter(random({4}, 3));
  const Objective o{.examples = 9,
                    .outputs = [=](int64_t a, int64_t b) { return matmul(Var(x.rows(a, b)), w); },
                    .losses = [=](const Var& y, int64_t a, int64_t b) { return square(y - Var(t.rows(a, b))); },
                    .batch = 4};
  const Tensor want = matmul(x, x, {.transpose_a = true}) * real(2 / 9.0);
  expect_close(dense(hessian_operator(o, {w})), want, kClose);
  expect_close(dense(gauss_newton_operator(o, {w})), want, kClose);
}

TEST(Hessian, OfLogisticRegressionIsTheWeightedMeanOfXXt) {
  const Tensor x = random({9, 4}, 1), t = tensor({1, 0, 0, 1, 1, 0, 1, 0, 1});
  const Var w = parameter(random({4}, 3));
  const Objective o{.examples = 9,
                    .outputs = [=](int64_t a, int64_t b) { return matmul(Var(x.rows(a, b)), w); },
                    .losses =
                        [=](const Var& y, int64_t a, int64_t b) {
                          return nn::binary_cross_entropy_with_logits(y, Var(t.rows(a, b)),
                                                                      {.reduction = nn::Reduction::kNone});
                        },
                    .batch = 4};
  const Tensor p = sigmoid(matmul(x, w.value()));
  const Tensor weighted = x * (p * (1 - p)).reshape({9, 1});
  const Tensor want = matmul(x, weighted, {.transpose_a = true}) * real(1 / 9.0);
  expect_close(dense(hessian_operator(o, {w})), want, kClose);
  expect_close(dense(gauss_newton_operator(o, {w})), want, kClose);
}

TEST(Hessian, OfMulticlassRegressionIsAKroneckerProduct) {
  const int64_t n = 7, d = 3, k = 4;
  const Tensor x = random({n, d}, 1);
  const nn::Linear net({.in = d, .out = k, .bias = false});
  Objective o = classification(net, x, indices({0, 1, 2, 3, 3, 2, 0}));
  o.batch = 3;
  const Tensor p = softmax(net(x), 1).value();
  Tensor want = zeros({k * d, k * d});  // Σ (diag p - p pᵀ) ⊗ x xᵀ / n
  for (int64_t i = 0; i < n; ++i)
    for (int64_t r = 0; r < k * d; ++r)
      for (int64_t c = 0; c < k * d; ++c) {
        const real pr = p.at({i, r / d}), pc = p.at({i, c / d});
        const real curvature = (r / d == c / d ? pr : 0) - pr * pc;
        want.mutable_data()[r * k * d + c] += curvature * x.at({i, r % d}) * x.at({i, c % d}) / real(n);
      }
  expect_close(dense(hessian_operator(o, net.parameters())), want, kClose);
  expect_close(dense(gauss_newton_operator(o, net.parameters())), want, kClose);
}

// ---- Against other ways to the same ---------------------------------------------------------------------------------

TEST(Hessian, TimesAVectorIsACentralDifferenceOfGradients) {
  SKIP_IN_FLOAT();
  const Classifier c;
  const std::vector<Var> p = c.parameters();
  const LinearOperator h = hessian_operator(c.objective, p);
  const Tensor v = random({h.size}, 8);
  auto gradient_at = [&](double t) {
    const KeptWeights kept(p);
    const Direction d = unflattened(v, p);
    for (size_t i = 0; i < p.size(); ++i) Var(p[i]).mutable_value().copy_from(p[i].value() + d[i] * real(t));
    mean_gradient(c.objective, p);
    std::vector<Tensor> g;
    for (const Var& w : p) g.push_back(w.grad().value());
    return flattened(g);
  };
  const double step = 1e-4;
  const Tensor difference = (gradient_at(step) - gradient_at(-step)) * real(0.5 / step);
  expect_close(h.matvec(v), difference, 1e-7);
}

TEST(Hessian, DoesNotDependOnTheBatches) {
  Classifier c;
  const Tensor small = dense(hessian_operator(c.objective, c.parameters()));
  c.objective.batch = 100;
  expect_close(small, dense(hessian_operator(c.objective, c.parameters())), kClose);
  expect_close(small, transpose(small, 0, 1), kClose);
}

TEST(GaussNewton, IsJacobianTimesOutputCurvatureTimesJacobian) {
  const Classifier c;
  const int64_t n = 11, k = 3;
  const Tensor logits = c.net(c.x).value(), p = softmax(logits, 1);
  std::vector<Tensor> columns;  // the Jacobian of all logits, by each parameter tensor
  for (const Var& w : c.parameters()) {
    Tensor j({n * k, w.numel()});
    for (int64_t i = 0; i < n * k; ++i) {
      Tensor seed = zeros({n, k});
      seed.mutable_data()[i] = 1;
      j.row(i).copy_from(grad(c.net(c.x), Var(seed), std::span(&w, 1))[0].value().flatten());
    }
    columns.push_back(j);
  }
  const Tensor j = concat(columns, 1);
  Tensor curvature = zeros({n * k, n * k});
  for (int64_t i = 0; i < n; ++i)
    for (int64_t a = 0; a < k; ++a)
      for (int64_t b = 0; b < k; ++b)
        curvature.mutable_data()[(i * k + a) * n * k + i * k + b] =
            ((a == b ? p.at({i, a}) : 0) - p.at({i, a}) * p.at({i, b})) / real(n);
  const Tensor want = matmul(matmul(j, curvature, {.transpose_a = true}), j);
  const Tensor got = dense(gauss_newton_operator(c.objective, c.parameters()));
  expect_close(got, want, kClose);
  EXPECT_GT(double(eigh(got).values.data()[0]), -1e-6);  // never negative, as the Hessian may be
}

TEST(Fisher, IsTheMeanOuterProductOfTheExamplesGradients) {
  const Classifier c;
  const LinearOperator f = fisher_operator(c.objective, c.parameters());
  Tensor want = zeros({f.size, f.size});
  for (int64_t i = 0; i < 11; ++i) {
    std::vector<Tensor> g;
    for (const Var& v : grad(nn::cross_entropy(c.net(c.x.rows(i, i + 1)), c.y.rows(i, i + 1)), c.parameters()))
      g.push_back(v.value());
    const Tensor row = flattened(g).reshape({1, -1});
    want = want + matmul(row, row, {.transpose_a = true}) * real(1 / 11.0);
  }
  expect_close(dense(f), want, kClose);
}

TEST(Objective, MeanGradientIsThatOfTheWholeSet) {
  const Classifier c;
  const double loss = mean_gradient(c.objective, c.parameters());
  const Var whole = nn::cross_entropy(c.net(c.x), c.y);
  EXPECT_NEAR(loss, whole.item(), kClose);
  EXPECT_NEAR(mean_loss(c.objective), whole.item(), kClose);
  const std::vector<Var> g = grad(whole, c.parameters());
  for (size_t i = 0; i < g.size(); ++i) expect_close(c.parameters()[i].grad(), g[i].value(), kClose);
}

// ---- Lanczos --------------------------------------------------------------------------------------------------------

TEST(Lanczos, FindsTheTopTwentyOfANetworkWithThreeHundredWeights) {
  const Classifier c(9, 15, 10, 40);
  const LinearOperator h = hessian_operator(c.objective, c.parameters());
  ASSERT_EQ(h.size, 310);
  const std::vector<double> want = top_eigenvalues(dense(h), 20);
  const Ritz got = lanczos(h, {.k = 20, .steps = 310, .tolerance = kDouble ? 1e-9 : 1e-5});
  EXPECT_LT(got.steps, 310);  // it stopped as it was sure
  for (size_t i = 0; i < 20; ++i) EXPECT_NEAR(got.values[i], want[i], kDouble ? 1e-8 : 2e-5);
}

TEST(Lanczos, VectorsAreOrthonormalAndResidualsAreTrue) {
  const Classifier c;
  const LinearOperator h = hessian_operator(c.objective, c.parameters());
  const Ritz r = lanczos(h, {.k = 3, .steps = 9, .tolerance = 0});
  expect_close(matmul(r.vectors, r.vectors, {.transpose_b = true}), eye(3), kClose);
  for (int64_t i = 0; i < 3; ++i) {
    const Tensor v = r.vectors.row(i), rest = h.matvec(v) - v * real(r.values[size_t(i)]);
    EXPECT_NEAR(std::sqrt(double(sum(rest * rest).item())), r.residuals[size_t(i)], kClose);
  }
  EXPECT_GT(r.residuals[2], 1e-4);  // nine steps are too few for the third
}

TEST(Lanczos, SeesNoGhosts) {
  std::vector<double> values(1000);
  for (size_t i = 0; i < values.size(); ++i) values[i] = double(i) / 1000;
  values[500] = 50;
  Generator g(4);
  Tridiagonal t(diagonal(values), randn({1000}, g), 80);
  while (t.grow()) {
  }
  ASSERT_EQ(t.size(), 80);
  int near = 0;
  for (double v : t.eigen().values) near += std::fabs(v - 50) < 0.5;
  EXPECT_EQ(near, 1);
  expect_close(matmul(t.basis(), t.basis(), {.transpose_b = true}), eye(80), kDouble ? 1e-14 : 2e-6);
}

TEST(Lanczos, FindsEigenvaluesThatAreThereSeveralTimes) {
  const Ritz r = lanczos(diagonal({5, 1, 5, 1, 5, 1, 1}), {.k = 4, .steps = 7});
  const double want[] = {5, 5, 5, 1};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(r.values[i], want[i], kClose);
  expect_close(matmul(r.vectors, r.vectors, {.transpose_b = true}), eye(4), kClose);
}

TEST(Lanczos, OfNothingIsNothing) {
  const LinearOperator zero{5, [](const Tensor& v) { return zeros(v.shape()); }};
  EXPECT_EQ(lanczos(zero, {.k = 2}).values, (std::vector<double>{0, 0}));
}

TEST(Lanczos, IsTheSameForTheSameSeed) {
  const LinearOperator a = operator_of(random({20, 20}) + transpose(random({20, 20}), 0, 1));
  const Ritz one = lanczos(a, {.k = 2, .steps = 6, .seed = 3}), two = lanczos(a, {.k = 2, .steps = 6, .seed = 3});
  EXPECT_EQ(one.values, two.values);
  EXPECT_NE(one.values, lanczos(a, {.k = 2, .steps = 6, .seed = 4}).values);
}

TEST(PowerIteration, FindsTheLargestMagnitudeWithItsSign) {
  const Power p = power_iteration(diagonal({3, -7, 1, 2}), {.steps = 200, .tolerance = 1e-5});
  EXPECT_NEAR(p.value, -7, 1e-4);
  EXPECT_NEAR(std::fabs(double(p.vector.data()[1])), 1, 1e-4);
  EXPECT_LE(p.residual, 7e-5);
  EXPECT_LT(p.steps, 200);
}

TEST(Curvature, RefusesWhatMakesNoSense) {
  expect_error([] { lanczos(diagonal({1, 2}), {.k = 3}); }, "3 eigenvalues");
  expect_error([] { lanczos(diagonal({1, 2, 3}), {.k = 2, .steps = 1}); }, "1 steps");
  expect_error([] { hutchinson(diagonal({1}), {.probes = 1}); }, "no spread");
  const Classifier c;
  expect_error([&] { hessian_operator(c.objective, c.parameters()).matvec(zeros({3})); }, "27 parameters");
}

TEST(Curvature, RefusesLossesThatAreNotOneOfEachExample) {
  Classifier c;
  c.objective.losses = [y = c.y](const Var& logits, int64_t first, int64_t last) {
    return nn::cross_entropy(logits, y.rows(first, last));  // their mean
  };
  const std::vector<Var> p = c.parameters();
  const Tensor v = ones({27});
  expect_error([&] { mean_loss(c.objective); }, "one of each of 4 examples");
  expect_error([&] { mean_gradient(c.objective, p); }, "one of each of 4 examples");
  for (const auto& make : {hessian_operator, gauss_newton_operator, fisher_operator})
    expect_error([&] { make(c.objective, p).matvec(v); }, "one of each of 4 examples");
}

// ---- Trace and density ----------------------------------------------------------------------------------------------

TEST(Trace, OfADiagonalHutchinsonIsExact) {
  const Estimate e = hutchinson(diagonal({1, 2, 3, -4.5}), {.probes = 5});
  EXPECT_NEAR(e.mean, 1.5, kClose);
  EXPECT_NEAR(e.error, 0, kClose);
}

TEST(Trace, BothEstimatesErrAsMuchAsTheySay) {
  const int64_t n = 40;
  const Tensor r = random({n, n}, 3), a = (r + transpose(r, 0, 1)) * real(0.5);
  double trace = 0;
  for (int64_t i = 0; i < n; ++i) trace += double(a.at({i, i}));
  for (auto* estimator : {&hutchinson, &hutch_pp}) {
    double chi_square = 0;
    const int runs = 40;
    for (uint64_t seed = 0; seed < runs; ++seed) {
      const Estimate e = (*estimator)(operator_of(a), {.probes = 60, .seed = seed});
      chi_square += (e.mean - trace) * (e.mean - trace) / (e.error * e.error) / runs;
    }
    EXPECT_GT(chi_square, 0.4);
    EXPECT_LT(chi_square, 2.0);
  }
}

TEST(Trace, OfLowRankHutchPlusPlusIsExact) {
  const Tensor b = random({50, 3}, 6), a = matmul(b, b, {.transpose_b = true});
  double trace = 0;
  for (int64_t i = 0; i < 50; ++i) trace += double(a.at({i, i}));
  const Estimate plus = hutch_pp(operator_of(a), {.probes = 15}), plain = hutchinson(operator_of(a), {.probes = 15});
  EXPECT_NEAR(plus.mean / trace, 1, kDouble ? 1e-12 : 1e-5);
  EXPECT_LT(plus.error, plain.error / 1000);
}

TEST(Spectrum, WeightsSumToOneAndMomentsAreThoseOfTheProbes) {
  const Classifier c;
  const LinearOperator h = hessian_operator(c.objective, c.parameters());
  const Spectrum s = spectrum(h, {.steps = 8, .probes = 5, .seed = 2});
  EXPECT_NEAR(std::accumulate(s.weights.begin(), s.weights.end(), 0.0), 1, kClose);
  double first = 0;
  for (size_t i = 0; i < s.values.size(); ++i) first += s.weights[i] * s.values[i];
  EXPECT_NEAR(first * double(h.size), hutchinson(h, {.probes = 5, .seed = 2}).mean, 100 * kClose);
}

TEST(Spectrum, ShowsTwoClustersWithHalfTheMassEach) {
  std::vector<double> values(200);
  for (size_t i = 0; i < 200; ++i) values[i] = i < 100 ? 1 + 0.001 * double(i) : 5 + 0.001 * double(i);
  const Spectrum s = spectrum(diagonal(values), {.steps = 20, .probes = 10});
  double low = 0;
  for (size_t i = 0; i < s.values.size(); ++i) low += s.values[i] < 3 ? s.weights[i] : 0;
  EXPECT_NEAR(low, 0.5, 1e-4);  // signs have the same length everywhere: exact but for the steps
}

TEST(Spectrum, DensityIsThatOfAllEigenvalues) {
  const Classifier c(6, 8, 5, 30);
  const LinearOperator h = hessian_operator(c.objective, c.parameters());
  const Tensor eigenvalues = eigh(dense(h)).values;
  Spectrum exact;
  for (const real v : eigenvalues) exact.values.push_back(double(v)), exact.weights.push_back(1.0 / double(h.size));
  const Spectrum s = spectrum(h, {.steps = 60, .probes = 40});
  const double width = 0.15 * exact.highest(), low = exact.lowest() - 5 * width, high = exact.highest() + 5 * width;
  double difference = 0, total = 0;  // the area between the two curves, and below one
  const int points = 200;
  for (int i = 0; i <= points; ++i) {
    const double x = low + (high - low) * i / points, dx = (high - low) / points;
    difference += std::fabs(s.density(x, width) - exact.density(x, width)) * dx;
    total += s.density(x, width) * dx;
  }
  EXPECT_LT(difference, 0.03);
  EXPECT_NEAR(total, 1, 1e-4);
  EXPECT_NEAR(s.highest(), exact.highest(), 0.02 * exact.highest());
}

// ---- Sharpness ------------------------------------------------------------------------------------------------------

// Mean of aᵢ·w²/2 over examples, with a of each example [2].
Objective quadratics(const Tensor& a, const Var& w) {
  return {.examples = a.size(0),
          .outputs = [=](int64_t, int64_t) { return square(w); },
          .losses = [=](const Var& y, int64_t first,
                        int64_t last) { return sum(Var(a.rows(first, last)) * y, 1) * real(0.5); }};
}

TEST(Sharpness, OfSamOnAQuadraticHasItsClosedForm) {
  const Tensor a = matrix({{1, 4}});
  const Var w = parameter(tensor({1, 1}));
  const double n = std::sqrt(17.0), rho = 0.5, e[] = {rho / n, 4 * rho / n};
  const double want = 0.5 * ((1 + e[0]) * (1 + e[0]) + 4 * (1 + e[1]) * (1 + e[1])) - 2.5;
  EXPECT_NEAR(sam_sharpness(quadratics(a, w), {w}, {.rho = rho}), want, kClose);
  expect_close(w, tensor({1, 1}), 0);
}

TEST(Sharpness, InPartsIsTheMeanOfThePartsAndNeverSmaller) {
  const Classifier c;
  const std::vector<Var> p = c.parameters();
  auto of = [&](int64_t first, int64_t last) {
    const Objective part = classification(c.net, c.x.rows(first, last), c.y.rows(first, last));
    return sam_sharpness(part, p, {.rho = 0.05}) * double(last - first) / 11;
  };
  const double in_parts = sam_sharpness(c.objective, p, {.rho = 0.05, .m = 4});
  EXPECT_NEAR(in_parts, of(0, 4) + of(4, 8) + of(8, 11), kClose);
  EXPECT_GT(in_parts, sam_sharpness(c.objective, p, {.rho = 0.05}));
  EXPECT_NEAR(sam_sharpness(c.objective, p, {.rho = 0.05, .m = 11}), of(0, 11), kClose);
}

TEST(Sharpness, RefusesOptionsOfNoMeaning) {
  const Classifier c;
  expect_error([&] { sam_sharpness(c.objective, c.parameters(), {.p = 1}); }, "p = 1");
  expect_error([&] { sam_sharpness(c.objective, c.parameters(), {.rho = -1}); }, "rho");
}

TEST(Sharpness, OfKeskarOnASlopeIsTheCornerOfTheBox) {
  const Tensor slope = tensor({2, -3, 0.5});
  const Var w = parameter(tensor({1, -2, 0}));
  const Objective o{.examples = 1,
                    .outputs = [=](int64_t, int64_t) { return sum(w * Var(slope)) + 10; },
                    .losses = [](const Var& y, int64_t, int64_t) { return reshape(y, {1}); }};
  const double at_w = 2 + 6 + 10, rise = 0.01 * (2 * 2 + 3 * 3 + 0.5 * 1);
  EXPECT_NEAR(keskar_sharpness(o, {w}, {.epsilon = 0.01}), 100 * rise / (1 + at_w), kDouble ? 1e-10 : 1e-3);
  expect_close(w, tensor({1, -2, 0}), 0);
}

// ---- Landscapes -----------------------------------------------------------------------------------------------------

TEST(Landscape, DirectionsAreAsLongAsTheFiltersAndLeaveBiasesAlone) {
  const std::vector<Var> p{parameter(random({3, 2, 2, 2}, 1)), parameter(random({3}, 2)), parameter(random({4, 5}, 3))};
  Generator g(1);
  const Direction d = filter_normalized_direction(p, g);
  for (const size_t i : {0u, 2u})
    for (int64_t row = 0; row < p[i].size(0); ++row) {
      const Tensor w = p[i].value().row(row), v = d[i].row(row);
      EXPECT_NEAR(sum(w * w).item(), sum(v * v).item(), kDouble ? 1e-12 : 1e-4);
    }
  expect_close(d[1], zeros({3}), 0);
}

TEST(Landscape, RescaledLayersLookTheSame) {
  const Tensor x = random({6, 4}, 1);
  const Indices y = indices({0, 1, 2, 0, 1, 2});
  nn::Sequential net(nn::Linear({.in = 4, .out = 5}), nn::ReLU(), nn::Linear({.in = 5, .out = 3}));
  auto line = [&] {
    Generator g(2);
    const auto p = net.parameters();
    const Objective o = classification(net, x, y);
    return along(p, filter_normalized_direction(p, g), {-1, -0.3, 0, 0.7, 1}, [&] { return mean_loss(o); });
  };
  const std::vector<double> before = line();
  const auto p = net.parameters();
  const real factors[] = {8, 8, 0.125};
  for (size_t i = 0; i < 3; ++i) Var(p[i]).mutable_value().copy_from(p[i].value() * factors[i]);
  const std::vector<double> after = line();
  for (size_t i = 0; i < before.size(); ++i) EXPECT_NEAR(before[i], after[i], kClose);
  EXPECT_GT(std::fabs(before[0] - before[2]), 1e-3);
}

TEST(Landscape, ALineLeadsFromHereToThereAndBack) {
  const Classifier here;
  Classifier there;
  for (Var p : there.net.parameters()) p.mutable_value().copy_from(p.value() * real(0.3));
  const auto p = here.parameters();
  const Tensor before = p[0].value().clone();
  const std::vector<double> y =
      along(p, toward(p, there.parameters()), {0, 0.5, 1}, [&] { return mean_loss(here.objective); });
  EXPECT_NEAR(y[0], mean_loss(here.objective), kClose);
  EXPECT_NEAR(y[2], mean_loss(there.objective), kClose);
  expect_close(p[0], before, 0);
}

TEST(Landscape, APlaneIsMadeOfLines) {
  const Var w = parameter(tensor({1, 2}));
  const Tensor plane = over_plane({w}, {tensor({1, 0})}, {tensor({0, 1})}, {-1, 0, 2}, {0, 3},
                                  [&] { return double(w.value().data()[0] * 10 + w.value().data()[1]); });
  expect_close(plane, matrix({{2, 5}, {12, 15}, {32, 35}}));
  expect_close(w, tensor({1, 2}), 0);
}

}  // namespace
}  // namespace bijou::optim

// Quiz, part 1: flows.
#include <cstdio>

#include "autograd/functional.h"
#include "autograd/ops.h"
#include "examples/quiz/quiz.h"
#include "examples/support/plot.h"
#include "examples/support/stopwatch.h"
#include "flows/coupling.h"
#include "flows/linear.h"
#include "flows/maf.h"
#include "flows/planar.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"

namespace bijou::quiz {

namespace {

// A chain of three kinds of bijector whose parameters are random numbers, so that nothing holds by chance.
flows::Chain random_chain(int64_t dimensions) {
  const int64_t half = dimensions / 2;
  nn::Sequential net(nn::Linear({.in = half, .out = 32}), nn::Tanh(), nn::Linear({.in = 32, .out = 2 * half}));
  flows::Chain chain(flows::LuLinear(dimensions), flows::AffineCoupling({.features = dimensions}, net),
                     flows::Maf({.features = dimensions, .hidden = {32}}));
  for (Var& p : chain.parameters()) p.mutable_value() = p.value() + randn(p.shape()) * real(0.3);
  return chain;
}

double log_det(const Tensor& jacobian) { return double(slogdet(jacobian).logabsdet.item()); }

// Question 1: J_f(x) J_g(z) = I, so |dz/dx| = 1 / |dx/dz|.
// Question 2: log |dz/dx| is the sum of the log |dh_i/dh_{i-1}|.
void jacobians(support::Result& result) {
  constexpr int64_t kDimensions = 6;
  const flows::Chain chain = random_chain(kDimensions);
  const Tensor x = randn({1, kDimensions});
  const Tensor z = chain.forward(x).z.value();
  const Tensor f = jacobian([&](const Var& x) { return chain.forward(x).z; }, x);
  const Tensor g = jacobian([&](const Var& z) { return chain.inverse(z).x; }, z);
  const double off = double(max(abs(matmul(f, g) - eye(kDimensions))).item());
  std::printf("log|dz/dx| = %.6f, log|dx/dz| = %.6f; dz/dx dx/dz differs from the identity by %.1e\n", log_det(f),
              log_det(g), off);

  double sum = 0;
  Tensor h = x;
  for (size_t i = 0; i < chain.list.size(); ++i) {
    const flows::Bijector& layer = *chain.list[i];
    const double own = log_det(jacobian([&](const Var& h) { return layer.forward(h).z; }, h));
    std::printf("  layer %zu: log|dh_%zu/dh_%zu| = %9.6f\n", i + 1, i + 1, i, own);
    sum += own, h = layer.forward(h).z.value();
  }
  std::printf("  their sum %.6f, of the whole Jacobian %.6f, as the chain says %.6f\n", sum, log_det(f),
              double(chain.forward(x).log_det.value().data()[0]));
  result.set("log_det_forward", log_det(f)), result.set("log_det_inverse", log_det(g));
  result.set("jacobian_product_error", off), result.set("log_det_sum", sum);
}

// Question 3: x = z + û F(wᵀz + b) is solved for the one number wᵀz, layer after layer (flows/planar.h).
void planar_inverse(support::Result& result) {
  constexpr int64_t kDimensions = 8, kLayers = 16, kPoints = 1000;
  const NoGrad guard;
  flows::Chain chain;
  for (int64_t i = 0; i < kLayers; ++i) {
    flows::Planar layer({.features = kDimensions});
    for (Var& p : layer.parameters()) p.mutable_value() = randn(p.shape()) * real(0.5);
    chain.add(layer);
  }
  const Tensor z = randn({kPoints, kDimensions});
  const Tensor back = chain.forward(chain.inverse(z).x).z.value();
  const double error = double(max(abs(back - z)).item());
  std::printf("%lld points through %lld planar layers and back: largest difference %.1e\n", (long long)kPoints,
              (long long)kLayers, error);
  result.set("planar_layers", kLayers), result.set("planar_points", kPoints), result.set("planar_error", error);
}

// Microseconds that `work` takes: the shortest of seven runs, each of as many calls as fill a millisecond, since one
// call may be shorter than what the clock can tell.
double microseconds(const std::function<void()>& work) {
  double best = 1e9;
  for (int runs = 0, calls = 1; runs < 7;) {
    const support::Stopwatch watch;
    for (int i = 0; i < calls; ++i) work();
    const double took = 1e6 * watch.seconds();
    if (took < 1000) calls *= 2;
    else best = std::min(best, took / calls), ++runs;
  }
  return best;
}

// Question 4: the determinant of a dense matrix takes O(D³); those of Glow's table are sums of D numbers.
void cheap_determinants(const support::Run& run, support::Result& result) {
  const NoGrad guard;
  std::vector<double> sizes, dense, lu, coupling;
  for (int64_t d = 16; d <= 1024; d *= 2) {
    sizes.push_back(double(d));
    const flows::DenseLinear any(d);
    const flows::LuLinear factored(d);
    const Tensor s = randn({1, d / 2});
    dense.push_back(microseconds([&] { any.log_abs_det(); }));
    lu.push_back(microseconds([&] { factored.log_abs_det(); }));
    coupling.push_back(microseconds([&] { sum(s, {1}); }));
  }
  support::Plot({.title = "What a log-determinant costs",
                 .x_label = "dimension D",
                 .y_label = "microseconds",
                 .log_x = true,
                 .log_y = true})
      .line({.label = "1x1 convolution, W itself: LU decomposition", .x = sizes, .y = dense})
      .line({.label = "1x1 convolution, W = P L (U + diag s): sum log |s|", .x = sizes, .y = lu})
      .line({.label = "affine coupling, actnorm: sum log s", .x = sizes, .y = coupling})
      .write(run.out + "/determinants.svg");
  std::printf("log|det| at D = 1024: a dense matrix %.0f us, factored %.3f us, a coupling %.3f us\n", dense.back(),
              lu.back(), coupling.back());
  result.set("determinant_dimension", sizes.back()), result.set("determinant_dense_us", dense.back());
  result.set("determinant_lu_us", lu.back()), result.set("determinant_ratio", dense.back() / lu.back());
}

}  // namespace

void flows(const support::Run& run, support::Result& result) {
  jacobians(result);
  planar_inverse(result);
  cheap_determinants(run, result);
}

}  // namespace bijou::quiz

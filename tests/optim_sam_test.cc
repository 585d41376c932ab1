// SAM against its definition: norms and inner products, a numerical maximiser, the textbook's two passes, and finite
// differences of L(w + ε(w)).
#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "nn/activation.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/norm.h"
#include "nn/sequential.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/ema.h"
#include "optim/grad_norm.h"
#include "optim/sam.h"
#include "optim/sgd.h"
#include "optim/swa.h"
#include "tensor/elementwise.h"
#include "tensor/reduce.h"
#include "tests/support.h"

namespace bijou::optim {
namespace {

using bijou::testing::expect_close;
using bijou::testing::expect_error;
using bijou::testing::kDouble;
using bijou::testing::random;

using Numbers = std::vector<double>;

// Weights of three shapes, with gradients, one number of which is zero.
struct Weights {
  std::vector<Var> list;
  explicit Weights(uint64_t seed = 1) {
    for (const Shape& shape : {Shape{3, 4}, Shape{5}, Shape{2, 7}}) {
      list.push_back(parameter(random(shape, seed)));
      Tensor g = random(shape, seed + 100);
      g.mutable_data()[1] = 0;
      list.back().set_grad(g);
    }
  }
  Numbers values() const {
    return joined([](const Var& p) { return p.value(); });
  }
  Numbers gradients() const {
    return joined([](const Var& p) { return p.grad().value(); });
  }

 private:
  template <class F>
  Numbers joined(const F& f) const {
    Numbers all;
    for (const Var& p : list)
      for (const real x : f(p)) all.push_back(double(x));
    return all;
  }
};

Numbers epsilon(const Weights& weights, const SamOptions& o) {
  const Numbers before = weights.values();
  const Perturbation away(weights.list, o);
  Numbers e = weights.values();
  for (size_t i = 0; i < e.size(); ++i) e[i] -= before[i];
  return e;
}

double norm(const Numbers& x, double p) {
  double total = 0, largest = 0;
  for (double v : x) total += std::pow(std::fabs(v), p), largest = std::max(largest, std::fabs(v));
  return p == kInfinityNorm ? largest : std::pow(total, 1 / p);
}
double dot(const Numbers& a, const Numbers& b) {
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}
double dual(double p) { return p == kInfinityNorm ? 1 : p / (p - 1); }

constexpr double kNorms[] = {1.5, 2, 4, kInfinityNorm};
const double kExact = kDouble ? 1e-12 : 2e-5;

TEST(Sam, EpsilonHasLengthRhoAndTheLargestInnerProduct) {
  for (const double p : kNorms) {
    const Weights w;
    const Numbers e = epsilon(w, {.rho = 0.7, .p = p}), g = w.gradients();
    EXPECT_NEAR(norm(e, p), 0.7, kExact) << "p = " << p;
    EXPECT_NEAR(dot(g, e) / (0.7 * norm(g, dual(p))), 1, kExact) << "p = " << p;
  }
}

TEST(Sam, EpsilonOfAsamHasLengthRhoInUnitsOfTheWeights) {
  for (const double p : kNorms) {
    const Weights w;
    Numbers e = epsilon(w, {.rho = 0.7, .p = p, .adaptive = true, .eta = 0.03}), g = w.gradients();
    const Numbers values = w.values();
    for (size_t i = 0; i < e.size(); ++i) {
      const bool is_vector = i >= 12 && i < 17;
      const double t = is_vector ? 1 : std::fabs(values[i]) + 0.03;
      e[i] /= t, g[i] *= t;
    }
    EXPECT_NEAR(norm(e, p), 0.7, kExact) << "p = " << p;
    EXPECT_NEAR(dot(g, e) / (0.7 * norm(g, dual(p))), 1, kExact) << "p = " << p;
  }
}

// Maximises g·e over ‖e‖_p = rho by Lagrange's rule: g = λ p |e|^(p-1) sign(e), with the λ, found by bisection, that
// gives e its length.
Numbers numerical_maximiser(const Numbers& g, double p, double rho) {
  auto at = [&](double lambda) {
    Numbers e(g.size());
    for (size_t i = 0; i < g.size(); ++i)
      e[i] = std::copysign(std::pow(std::fabs(g[i]) / (p * lambda), 1 / (p - 1)), g[i]);
    return e;
  };
  double low = 1e-6, high = 1e6;
  for (int k = 0; k < 200; ++k) {
    const double middle = std::sqrt(low * high);
    (norm(at(middle), p) > rho ? low : high) = middle;
  }
  return at(low);
}

TEST(Sam, EpsilonIsThatOfANumericalMaximiser) {
  for (const double p : {1.5, 2.0, 4.0}) {
    const Weights w;
    const Numbers e = epsilon(w, {.rho = 0.7, .p = p}), want = numerical_maximiser(w.gradients(), p, 0.7);
    for (size_t i = 0; i < e.size(); ++i) EXPECT_NEAR(e[i], want[i], kDouble ? 1e-8 : 1e-5) << "p = " << p;
  }
}

TEST(Sam, NoRandomStepOfTheSameLengthGoesHigher) {
  Generator random(3);
  for (const double p : kNorms) {
    const Weights w;
    const Numbers g = w.gradients(), e = epsilon(w, {.rho = 1, .p = p});
    for (int k = 0; k < 1000; ++k) {
      Numbers other(e.size());
      for (size_t i = 0; i < other.size(); ++i) other[i] = e[i] + 0.3 * random.normal();
      EXPECT_LT(dot(g, other) / norm(other, p), dot(g, e) * (1 + 1e-6));
    }
  }
}

TEST(Sam, PerturbedWeightsComeBackBitForBit) {
  const Weights w;
  const Numbers before = w.values();
  for (const double p : kNorms) {
    epsilon(w, {.rho = 1e3, .p = p});
    EXPECT_EQ(w.values(), before);
  }
}

TEST(Sam, TinyGradientsHaveADirectionToo) {
  for (const double p : {1.5, 1.1, 4.0}) {
    const Weights w;
    for (Var v : w.list) v.set_grad(v.grad().value() * real(1e-18));
    EXPECT_NEAR(norm(epsilon(w, {.rho = 0.5, .p = p}), p), 0.5, 1e-4) << "p = " << p;
  }
}

// ---- Steps ----------------------------------------------------------------------------------------------------------

struct Task {
  Tensor x = random({12, 6}, 5);
  Indices y = indices({0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 1, 2});
  nn::Sequential net;

  Task() : net(nn::Linear({.in = 6, .out = 5}), nn::Tanh(), nn::Linear({.in = 5, .out = 3})) {
    for (size_t i = 0; Var p : net.parameters()) p.mutable_value().copy_from(random(p.shape(), 40 + i++));
  }
  Var loss() const { return nn::cross_entropy(net(x), y); }
  Var loss(int64_t first, int64_t last) const {
    return nn::cross_entropy(net(x.rows(first, last)), y.rows(first, last));
  }
  auto by_rows() const {
    return [this](int64_t first, int64_t last) { return loss(first, last); };
  }
};

void expect_same_weights(const nn::Module& a, const nn::Module& b, double tolerance = 0) {
  const auto left = a.parameters(), right = b.parameters();
  for (size_t i = 0; i < left.size(); ++i) expect_close(left[i], right[i].value(), tolerance);
}

TEST(Sam, AStepIsTheTextbooks) {
  Task task, reference;
  SGD optimizer(task.net.parameters(), {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01});
  SGD plain(reference.net.parameters(), {.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01});
  Sam sam(optimizer, {.rho = 0.3});
  for (int step = 0; step < 5; ++step) {
    const double value = sam.step([&] { return task.loss(); });
    EXPECT_NEAR(value, reference.loss().item(), kDouble ? 1e-12 : 1e-5);
    const std::vector<Var> p = reference.net.parameters(), g = grad(reference.loss(), p);
    double square = 0;
    for (const Var& x : g) square += double(sum(x.value() * x.value()).item());
    std::vector<Tensor> before;
    for (size_t i = 0; i < p.size(); ++i) {
      before.push_back(p[i].value().clone());
      Var(p[i]).mutable_value().copy_from(p[i].value() + g[i].value() * real(0.3 / std::sqrt(square)));
    }
    plain.zero_grad();
    backward(reference.loss());
    for (size_t i = 0; i < p.size(); ++i) Var(p[i]).mutable_value().copy_from(before[i]);
    plain.step();
    expect_same_weights(task.net, reference.net, kDouble ? 1e-12 : 1e-5);
  }
}

TEST(Sam, WithRhoZeroIsThePlainStepBitForBit) {
  Task task, plain_task;
  Adam optimizer(task.net.parameters(), {.lr = 0.01}), plain(plain_task.net.parameters(), {.lr = 0.01});
  Sam sam(optimizer, {.rho = 0});
  for (int step = 0; step < 3; ++step) {
    sam.step([&] { return task.loss(); });
    plain.zero_grad();
    backward(plain_task.loss());
    plain.step();
  }
  expect_same_weights(task.net, plain_task.net);
}

TEST(Sam, AscentAndDescentAreAStepBitForBit) {
  Task task, by_hand;
  SGD optimizer(task.net.parameters(), {.lr = 0.1}), other(by_hand.net.parameters(), {.lr = 0.1});
  Sam(optimizer, {.rho = 0.2}).step([&] { return task.loss(); });
  Sam sam(other, {.rho = 0.2});
  other.zero_grad();
  backward(by_hand.loss());
  sam.ascent();
  expect_error([&] { sam.ascent(); }, "second time");
  backward(by_hand.loss());
  sam.descent();
  expect_error([&] { sam.descent(); }, "without ascent");
  expect_same_weights(task.net, by_hand.net);
}

TEST(Sam, WithMOfTheWholeBatchIsPlainSamBitForBit) {
  for (const double p : kNorms) {
    Task task, whole;
    SGD optimizer(task.net.parameters(), {.lr = 0.1}), other(whole.net.parameters(), {.lr = 0.1});
    Sam sam(optimizer, {.rho = 0.2, .p = p, .m = 12}), plain(other, {.rho = 0.2, .p = p});
    for (int step = 0; step < 3; ++step) {
      sam.step(12, task.by_rows());
      plain.step([&] { return whole.loss(); });
    }
    expect_same_weights(task.net, whole.net);
  }
}

TEST(Sam, MSharpnessIsTheMeanOfTheGradientsOfTheParts) {
  Task task;
  const std::vector<Var> p = task.net.parameters();
  SGD optimizer(p, {.lr = 0.1});
  Sam sam(optimizer, {.rho = 0.2, .m = 5}), plain(optimizer, {.rho = 0.2});
  std::vector<Tensor> want;
  for (const Var& v : p) want.push_back(zeros(v.shape()));
  for (const auto& [first, last] : {std::pair(0, 5), std::pair(5, 10), std::pair(10, 12)}) {
    plain.gradient([&, first = first, last = last] { return task.loss(first, last); });
    for (size_t i = 0; i < p.size(); ++i) want[i] = want[i] + p[i].grad().value() * real((last - first) / 12.0);
  }
  const double value = sam.gradient(12, task.by_rows());
  EXPECT_NEAR(value, task.loss().item(), kDouble ? 1e-12 : 1e-6);
  for (size_t i = 0; i < p.size(); ++i) expect_close(p[i].grad(), want[i], kDouble ? 1e-14 : 1e-6);
}

TEST(Sam, ZeroGradientMakesNoNumbersThatAreNone) {
  for (const bool second_order : {false, true})
    for (const double p : kNorms) {
      const Var w = parameter(random({3, 2}));
      const Tensor before = w.value().clone();
      SGD optimizer({w}, {.lr = 0.1});
      Sam sam(optimizer, {.rho = 0.2, .p = p, .second_order = second_order});
      sam.step([&] { return sum(w * w) * 0; });
      expect_close(w, before, 0);
    }
}

TEST(Sam, AWeightThatTheLossDoesNotUseStaysWhereItIs) {
  const Var used = parameter(random({3})), unused = parameter(random({2}));
  const Tensor before = unused.value().clone();
  SGD optimizer({used, unused}, {.lr = 0.1, .weight_decay = 0.1});
  Sam sam(optimizer, {.rho = 0.2, .m = 1});
  sam.step(2, [&](int64_t, int64_t) { return sum(used * used); });
  expect_close(unused, before, 0);
}

TEST(Sam, WeightsComeBackWhenTheLossThrows) {
  Task task;
  const Tensor before = task.net.parameters()[0].value().clone();
  SGD optimizer(task.net.parameters(), {.lr = 0.1});
  Sam sam(optimizer, {.rho = 0.2});
  int pass = 0;
  auto breaks = [&] {
    check(++pass < 2, "broken");
    return task.loss();
  };
  expect_error([&] { sam.step(breaks); }, "broken");
  expect_close(task.net.parameters()[0], before, 0);
}

TEST(Sam, BothPassesDropOutTheSameUnits) {
  manual_seed(9);
  const Var w = parameter(ones({1, 50}));
  SGD optimizer({w}, {.lr = 0.1});
  std::vector<Tensor> seen;
  Sam sam(optimizer, {.rho = 0.2, .m = 1, .second_order = true});
  const Generator::State before = default_generator().state();
  sam.step(2, [&](int64_t, int64_t) {
    const Var y = nn::dropout(w, w.shape(), 0.5);
    seen.push_back(abs(sign(y.value())));  // 1 for every unit that is left
    return sum(y * y);
  });
  ASSERT_EQ(seen.size(), 6u);  // at w, at w + ε and, for the second order, at w again; of two parts
  for (size_t pass : {1, 2}) {
    expect_close(seen[pass], seen[0], 0);
    expect_close(seen[3 + pass], seen[3], 0);
  }
  EXPECT_GT(max_difference(seen[0], seen[3]), 0.1);                        // another part, other units
  EXPECT_EQ(default_generator().state().position, before.position + 100);  // as after two passes
}

TEST(Sam, BatchStatisticsAreThoseOfTheFirstPassAlone) {
  const Tensor x = random({8, 3}, 4);
  nn::Sequential net(nn::Linear({.in = 3, .out = 4}), nn::BatchNorm1d({.channels = 4}), nn::Tanh());
  nn::Sequential once = nn::clone(net);
  SGD optimizer(net.parameters(), {.lr = 0.1});
  Sam sam(optimizer, {.rho = 0.5, .second_order = true});
  sam.step([&] { return sum(square(net(x))); });
  once(x);
  const auto got = net.named_buffers(), want = once.named_buffers();
  ASSERT_EQ(got.size(), 3u);
  for (size_t i = 0; i < got.size(); ++i) expect_close(got[i].second, want[i].second, 0);
}

TEST(Sam, ByHandTooBatchStatisticsAreThoseOfTheFirstPassAlone) {
  const Tensor x = random({8, 3}, 4);
  nn::Sequential net(nn::Linear({.in = 3, .out = 4}), nn::BatchNorm1d({.channels = 4}), nn::Tanh());
  nn::Sequential once = nn::clone(net);
  SGD optimizer(net.parameters(), {.lr = 0});
  Sam sam(optimizer, {.rho = 0.5});
  backward(sum(square(net(x))));
  sam.ascent();
  backward(sum(square(net(x))));
  sam.descent();
  once(x);
  expect_close(net.named_buffers()[0].second, once.named_buffers()[0].second, 0);
  net(x), once(x);  // from here on they are kept up again
  expect_close(net.named_buffers()[0].second, once.named_buffers()[0].second, 0);
}

// A layer of ReLUs four times as large and the next one a quarter: the same function, for ASAM just as sharp.
TEST(Sam, AsamDoesNotSeeHowLayersAreScaledAgainstEachOther) {
  const Tensor x = random({12, 6}, 5);
  const Indices y = indices({0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 1, 2});
  auto top = [&](real scale, const SamOptions& o) {  // L(w + ε)
    const Var first = parameter(random({6, 8}, 1) * scale), second = parameter(random({8, 3}, 2) * (1 / scale));
    auto loss = [&] { return nn::cross_entropy(matmul(relu(matmul(Var(x), first)), second), y); };
    backward(loss());
    const Perturbation away({first, second}, o);
    return double(loss().item());
  };
  const SamOptions adaptive{.rho = 0.5, .adaptive = true, .eta = 0}, plain{.rho = 0.5};
  EXPECT_NEAR(top(4, adaptive), top(1, adaptive), kExact);
  EXPECT_GT(std::fabs(top(4, plain) - top(1, plain)), 0.01);
}

TEST(Sam, WeightDecayIsPartOfTheDescentAlone) {
  // L = w² / 2: at w = 1, ε = ρ, the gradient is 1 + ρ; then the decay of w, not of w + ε.
  const Var w = parameter(ones({1, 1}));
  SGD optimizer({w}, {.lr = 0.1, .weight_decay = 0.5});
  Sam(optimizer, {.rho = 0.25}).step([&] { return sum(w * w) * real(0.5); });
  EXPECT_NEAR(w.item(), 1 - 0.1 * (1.25 + 0.5 * 1), kDouble ? 1e-15 : 1e-6);
}

TEST(Sam, ItsGradientCanBeClipped) {
  Task task;
  SGD optimizer(task.net.parameters(), {.lr = 0.1});
  Sam sam(optimizer, {.rho = 0.2});
  sam.gradient([&] { return task.loss(); });
  clip_grad_norm(task.net.parameters(), 0.01);
  EXPECT_NEAR(grad_norm(task.net.parameters()), 0.01, 1e-5);
}

TEST(Sam, ForAQuadraticTheSecondOrderIsTheExactGradient) {
  // L = wᵀ A w / 2 with A = diag(1, 4): by hand, at w = (1, 1).
  const Var w = parameter(ones({2}));
  const Tensor a = tensor({1, 4});
  SGD optimizer({w}, {.lr = 0.1});
  Sam sam(optimizer, {.rho = 0.5, .second_order = true});
  sam.gradient([&] { return sum(w * w * Var(a)) * real(0.5); });
  // g = (1, 4); u = g / ‖g‖; v = A (w + ρ u); ∇ = v + ρ/‖g‖ A (v - (u·v) u)
  const double n = std::sqrt(17.0), u[] = {1 / n, 4 / n}, v[] = {1 + 0.5 * u[0], 4 * (1 + 0.5 * u[1])};
  const double along = u[0] * v[0] + u[1] * v[1];
  const real want[] = {real(v[0] + 0.5 / n * (v[0] - along * u[0])), real(v[1] + 0.5 / n * 4 * (v[1] - along * u[1]))};
  expect_close(w.grad(), Tensor::from(want), kDouble ? 1e-14 : 1e-6);
}

TEST(Sam, WithTheSecondOrderItIsTheGradientOfTheLossAtTheTop) {
  SKIP_IN_FLOAT();
  for (const bool adaptive : {false, true})
    for (const double p : kNorms) {
      Task task;
      const std::vector<Var> parameters = task.net.parameters();
      const SamOptions o{.rho = 0.3, .p = p, .adaptive = adaptive, .second_order = true};
      SGD optimizer(parameters, {.lr = 0.1});
      Sam sam(optimizer, o);
      sam.gradient([&] { return task.loss(); });
      std::vector<Tensor> got;
      for (const Var& v : parameters) got.push_back(v.grad().value().clone());
      auto top = [&] {  // L(w + ε(w))
        optimizer.zero_grad();
        backward(task.loss());
        const Perturbation away(parameters, o);
        return double(task.loss().item());
      };
      for (size_t k = 0; k < parameters.size(); ++k)
        for (int64_t i = 0; i < parameters[k].numel(); i += 3) {
          real& w = Var(parameters[k]).mutable_value().mutable_data()[i];
          const real h = 1e-5, before = w;
          w = before + h;
          const double high = top();
          w = before - h;
          const double low = top();
          w = before;
          EXPECT_NEAR(got[k].data()[i], (high - low) / (2 * h), 2e-7) << "p = " << p << ", adaptive " << adaptive;
        }
    }
}

// ---- What SAM is compared with --------------------------------------------------------------------------------------

TEST(GradientNorm, OfAQuadraticHasItsClosedForm) {
  // L = wᵀ A w / 2: ‖∇L‖ = ‖A w‖, and its gradient is A A w / ‖A w‖.
  const Var w = parameter(random({4}, 3));
  const Tensor a = tensor({1, 2, -3, 0.5});
  const Var norm = gradient_norm(sum(w * w * Var(a)) * real(0.5), {w});
  const Tensor aw = a * w.value();
  const double length = std::sqrt(double(sum(aw * aw).item()));
  EXPECT_NEAR(norm.item(), length, kDouble ? 1e-14 : 1e-6);
  expect_close(grad(norm, {w})[0], a * aw * real(1 / length), kDouble ? 1e-14 : 1e-6);
}

TEST(GradientNorm, AtAMinimumIsAConstant) {
  const Var w = parameter(zeros({3}));
  const Var loss = sum(w * w);
  backward(loss + gradient_norm(loss, {w}) * real(0.1));
  expect_close(w.grad(), zeros({3}), 0);
}

TEST(Swa, IsTheMeanOfTheWeightsItWasGiven) {
  Task task;
  Swa swa(task.net);
  const Var w = task.net.parameters()[0];
  Tensor total = zeros(w.shape());
  for (int k = 0; k < 3; ++k) {
    Var(w).mutable_value().copy_from(random(w.shape(), uint64_t(k)));
    total = total + w.value();
    swa.update();
  }
  EXPECT_EQ(swa.updates(), 3);
  expect_close(swa.average.parameters()[0], total * real(1 / 3.0), kDouble ? 1e-14 : 1e-6);
}

TEST(Swa, RefreshedStatisticsAreTheMeansOverAllBatches) {
  nn::Sequential net(nn::Linear({.in = 3, .out = 2}), nn::BatchNorm1d({.channels = 2}));
  net.eval();
  auto batch = [](int64_t i) { return random({6, 3}, uint64_t(i)); };
  refresh_statistics(net, 3, [&](int64_t i) { net(batch(i)); });
  Tensor mean_want = zeros({2}), var_want = zeros({2});
  for (int64_t i = 0; i < 3; ++i) {
    const Var y = nn::Sequential(net[0])(batch(i));
    mean_want = mean_want + mean(y, 0).value() * real(1 / 3.0);
    var_want = var_want + var(y, 0).value() * real(1 / 3.0);
  }
  expect_close(net.named_buffers()[0].second, mean_want, kDouble ? 1e-14 : 1e-6);
  expect_close(net.named_buffers()[1].second, var_want, kDouble ? 1e-14 : 1e-6);
  EXPECT_FALSE(net.training);
  EXPECT_EQ(net[1].as<nn::BatchNorm1d>().options.momentum, 0.1);
}

TEST(Swa, RefreshingPutsModesAndMomentaBackAlsoWhereAPassThrows) {
  nn::Sequential net(nn::Linear({.in = 3, .out = 2}), nn::BatchNorm1d({.channels = 2}));
  net[1].as<nn::BatchNorm1d>().eval();  // frozen, in a model that trains
  expect_error([&] { refresh_statistics(net, 3, [](int64_t i) { check(i < 2, "broken"); }); }, "broken");
  EXPECT_TRUE(net.training);
  EXPECT_TRUE(net[0].as<nn::Linear>().training);
  EXPECT_FALSE(net[1].as<nn::BatchNorm1d>().training);
  EXPECT_EQ(net[1].as<nn::BatchNorm1d>().options.momentum, 0.1);
}

TEST(Ema, AveragesBuffersToo) {
  nn::Sequential net(nn::BatchNorm1d({.channels = 3}));
  Ema ema(net, {.decay = 0.75});
  const Tensor before = net.named_buffers()[0].second.clone();
  net(random({5, 3}));
  ema.update();
  const Tensor now = net.named_buffers()[0].second;
  EXPECT_GT(max_difference(before, now), 1e-3);
  expect_close(ema.average.named_buffers()[0].second, before * real(0.75) + now * real(0.25), kDouble ? 1e-14 : 1e-6);
}

TEST(Sam, RefusesOptionsOfNoMeaning) {
  const Var w = parameter(ones({1}));
  SGD optimizer({w}, {.lr = 0.1});
  expect_error([&] { Sam(optimizer, {.rho = -1}); }, "rho");
  expect_error([&] { Sam(optimizer, {.p = 1}); }, "p = 1");
  expect_error([&] { Sam(optimizer, {.m = -1}); }, "m = -1");
  expect_error([&] { Sam(optimizer, {.m = 4}).step([&] { return sum(w); }); }, "by rows");
  expect_error([&] { Perturbation({w}, {.p = 1}); }, "p = 1");
  expect_error([&] { Sam(optimizer, {.m = 4}).ascent(); }, "neither m nor second_order");
  expect_error([&] { Sam(optimizer, {.second_order = true}).ascent(); }, "neither m nor second_order");
}

}  // namespace
}  // namespace bijou::optim

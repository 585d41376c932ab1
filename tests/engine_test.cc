// The engine (autograd/var.h): what a graph is, what a backward pass does with it, and how it fails.
#include <cmath>
#include <functional>

#include "autograd/elementwise.h"
#include "autograd/functional.h"
#include "autograd/linalg.h"
#include "autograd/map.h"
#include "autograd/ops.h"
#include "autograd/var.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::expect_gradients;
using testing::random;

// ---- What is computed -----------------------------------------------------------------------------------------------

TEST(Engine, ADiamondSumsOverBothWays) {
  const Var x = parameter(tensor({2, 3}));
  const Var a = x * x, b = a * 3, c = exp(a * real(0.1));
  backward(sum(b * c));  // 3a exp(a/10), a = x²: 2x (3 + 0.3 a) exp(a/10)
  expect_close(x.grad(), 2 * x.value() * (3 + real(0.3) * a.value()) * c.value());
}

TEST(Engine, ThirdDerivativesOfTwoVariablesAgainstTheClosedForm) {  // f = sin(x y) exp(x)
  const real a = real(0.6), b = real(-1.1);
  const Var x = parameter(scalar(a)), y = parameter(scalar(b));
  const Var f = sin(x * y) * exp(x);
  const GradOptions again{.create_graph = true};
  const Var fx = grad(f, {x}, again)[0], fxy = grad(fx, {y}, again)[0], fxyx = grad(fxy, {x}, again)[0];
  const real s = std::sin(a * b), c = std::cos(a * b), e = std::exp(a);
  expect_close(fx, scalar(e * (s + b * c)));
  expect_close(fxy, scalar(e * (a * c + c - a * b * s)));
  // d/dx of e^x (x cos xy + cos xy - x y sin xy)
  expect_close(fxyx, scalar(e * (a * c + c - a * b * s + c - a * b * s - b * s - b * s - a * b * b * c)));
  const Var fyyy = grad(grad(grad(f, {y}, again)[0], {y}, again)[0], {y})[0];
  expect_close(fyyy, scalar(-a * a * a * c * e));
}

TEST(Engine, BroadcastInputsGetGradientsOfTheirOwnShape) {
  SKIP_IN_FLOAT();
  for (const Shape& small : {Shape{}, Shape{1}, Shape{4}, Shape{3, 1}, Shape{1, 4}, Shape{2, 1, 1}})
    expect_gradients([](const std::vector<Var>& x) { return (x[0] + sin(x[1])) * x[1] - x[0] / (2 + square(x[1])); },
                     {random({2, 3, 4}, 1), random(small, 2)});
  expect_gradients([](const std::vector<Var>& x) { return x[0] * x[1] + x[0]; },
                   {random({3, 1}, 1), random({1, 4}, 2)});
}

TEST(Engine, AVariableUsedTwiceInOneOp) {
  const Var x = parameter(tensor({3, -2}));
  backward(sum(x * x + x));
  expect_close(x.grad(), tensor({7, -3}), 0);
}

// ---- backward -------------------------------------------------------------------------------------------------------

TEST(Engine, BackwardAddsToGrad) {
  const Var w = parameter(ones({2}));
  backward(sum(w * 3));
  backward(sum(w * 4));
  expect_close(w.grad(), full({2}, 7), 0);
  Var handle = w;
  handle.set_grad({});
  EXPECT_FALSE(w.grad());
  backward(sum(w * 5));
  expect_close(w.grad(), full({2}, 5), 0);
}

TEST(Engine, OnlyLeavesThatWantAGradientGetOne) {
  const Var w = parameter(ones({2})), c(ones({2}));
  const Var h = w * c;
  backward(sum(h * h));
  EXPECT_TRUE(w.grad());
  EXPECT_FALSE(c.grad());
  EXPECT_FALSE(h.grad());
}

TEST(Engine, LeavesOfASumDoNotShareTheMemoryOfTheirGradients) {
  const Var a = parameter(ones({3})), b = parameter(ones({3}));
  const Var seed(ones({3}));
  backward(a + b, seed);
  ASSERT_NE(a.grad().value().data(), b.grad().value().data());
  ASSERT_NE(a.grad().value().data(), seed.value().data());
  Var(a.grad()).mutable_value().fill(9);  // as clipping does
  expect_close(b.grad(), ones({3}), 0);
  expect_close(seed, ones({3}), 0);
}

TEST(Engine, AGradientThatSomebodyHoldsIsNotAddedToInPlace) {
  const Var w = parameter(ones({2}));
  backward(sum(w));
  const Var first = w.grad();
  backward(sum(w));
  const Tensor second = w.grad().value();
  backward(sum(w));
  expect_close(first, ones({2}), 0);
  expect_close(second, full({2}, 2), 0);
  expect_close(w.grad(), full({2}, 3), 0);
}

TEST(Engine, ASeedStandsForALossOnTop) {
  const Var x = parameter(random({2, 3}, 1)), seed = random({2, 3}, 2);
  backward(exp(x), seed);
  expect_close(x.grad(), seed.value() * exp(x.value()));
  expect_error([&] { backward(exp(x)); }, "one element expected, or a seed; the shape is [2, 3]");
  expect_error([&] { backward(exp(x), Var(ones({3}))); }, "a seed of shape [3] for an output of shape [2, 3]");
}

TEST(Engine, ALossThatDependsOnNothingIsAnError) {
  expect_error([] { backward(sum(Var(ones({2})))); }, "depends on nothing that wants a gradient");
  const Var w = parameter(ones({2}));
  expect_error([&] { backward(sum(w.detach())); }, "depends on nothing that wants a gradient");
}

TEST(Engine, BackwardOfAParameterItself) {
  const Var w = parameter(scalar(3));
  backward(w);
  expect_close(w.grad(), scalar(1), 0);
}

TEST(Engine, AGraphServesOnceUnlessRetained) {
  const Var x = parameter(ones({2}));
  const Var y = sum(exp(x) * x);
  backward(y, {.retain_graph = true});
  backward(y);
  expect_close(x.grad(), full({2}, 4 * std::exp(real(1))));
  expect_error([&] { backward(y); }, "the graph of sum_to was freed by an earlier backward");
}

TEST(Engine, AFreedGraphBeneathANewOneIsAnErrorToo) {
  const Var x = parameter(ones({2}));
  const Var h = exp(x);
  backward(sum(h));
  const Tensor before = x.grad().value().clone();
  expect_error([&] { backward(sum(h * 2)); }, "the graph of exp was freed");
  expect_error([&] { grad(sum(h * 2), {x}); }, "the graph of exp was freed");
  EXPECT_FALSE(h.grad());
  expect_close(x.grad(), before, 0);
  expect_close(grad(sum(h * 2), {h})[0], full({2}, 2), 0);  // what lies beyond h is not needed
}

// ---- grad -----------------------------------------------------------------------------------------------------------

TEST(Engine, GradIsRepeatableAndLeavesGradAlone) {
  const Var x = parameter(random({4}, 1));
  const Var y = sum(sin(x) * exp(x));
  const Var first = grad(y, {x}, {.retain_graph = true})[0], second = grad(y, {x})[0];
  expect_close(first, second.value(), 0);
  EXPECT_FALSE(x.grad());
}

TEST(Engine, GradByAnIntermediateStopsThere) {
  const Var x = parameter(tensor({1, 2}));
  const Var h = x * x, k = exp(h);
  const std::vector<Var> g = grad(sum(h * k), {k, h, x}, {.retain_graph = true});
  expect_close(g[0], h.value());
  expect_close(g[1], k.value() * (1 + h.value()));  // the total derivative: k moves with h
  expect_close(g[2], g[1].value() * 2 * x.value());
  const Var y = sum(h);
  expect_close(grad(y, {y}, {.retain_graph = true})[0], scalar(1), 0);
}

TEST(Engine, GradByWhatWasNotUsedIsZero) {
  const Var x = parameter(ones({2})), other = parameter(ones({3, 1})), later = exp(other);
  const std::vector<Var> g = grad(sum(x), {other, x, later});
  expect_close(g[0], zeros({3, 1}), 0);
  expect_close(g[1], ones({2}), 0);
  expect_close(g[2], zeros({3, 1}), 0);
}

TEST(Engine, GradOfSeveralOutputsSumsThem) {
  const Var x = parameter(tensor({1, 2})), a = x * 2, b = sum(x * x);
  const std::vector<Var> g =
      grad(std::vector{a, b, Var(real(7))}, std::vector{x}, std::vector{Var(tensor({10, 20})), Var(), Var()});
  expect_close(g[0], tensor({22, 44}), 0);
  expect_error([&] { grad(std::vector{a, b}, std::vector{x}, std::vector{Var()}); }, "1 seeds for 2 outputs");
}

TEST(Engine, GradByAConstantIsAnError) {
  const Var x = parameter(ones({2})), c(ones({2}));
  expect_error([&] { grad(sum(x * c), {c}); }, "an input does not want a gradient");
}

TEST(Engine, GradVisitsOnlyTheWaysToItsInputs) {
  bool visited = false;
  auto side_way = [&](const Var& x) {
    return record("side_way", x.value(), {x},
                  [&visited](const Node&, const Var& g, Grads& d) { visited = true, d[0] = g; });
  };
  const Var x = parameter(ones({2})), w = parameter(ones({2}));
  const Var y = sum(side_way(w) * exp(x));
  expect_close(grad(y, {x}, {.retain_graph = true})[0], exp(x.value()));
  EXPECT_FALSE(visited);
  grad(y, {w});
  EXPECT_TRUE(visited);
}

TEST(Engine, RulesAreAskedOnlyForTheInputsThatWantAGradient) {
  std::vector<int> asked;
  const Var x = parameter(ones({2})), c(ones({2}));
  const Var y = record("ask", x.value(), {x, c, {}}, [&](const Node&, const Var& g, Grads& d) {
    for (int i = 0; i < 3; ++i)
      if (d.wants(i)) asked.push_back(i);
    d[0] = g;
    d[1] = g;  // set though nobody asked: ignored
  });
  backward(sum(y));
  EXPECT_EQ(asked, std::vector{0});
  EXPECT_FALSE(c.grad());
}

TEST(Engine, GradInsideARuleDoesNotDisturbThePassAroundIt) {
  const Var x = parameter(tensor({real(0.5), 2}));
  const Var h = sin(x);
  // y = h x by a rule that differentiates h (a node of the pass around it) by x.
  auto product = [&](const Var& a, const Var& b) {
    return record("product", a.value() * b.value(), {a, b}, [](const Node& y, const Var& g, Grads& d) {
      const std::vector<Var> inner = grad(sum(y.in(0)), {y.in(1)}, {.retain_graph = true});
      if (d.wants(0)) d[0] = g * y.in(1);
      if (d.wants(1)) d[1] = g * y.in(0) + inner[0] * 0;
    });
  };
  const Tensor expected = cos(x.value()) * x.value() + h.value();
  const Var other = parameter(ones({})), y = sum(product(h, x)) * other;
  expect_close(grad(y, {other, x}, {.retain_graph = true})[1], expected);
  backward(sum(product(h, x)));
  expect_close(x.grad(), expected);
}

TEST(Engine, AGradientPenaltyTrains) {  // backward through grad: d/dx |df/dx|², f = sum x³
  const Var x = parameter(tensor({1, -2, 3}));
  const Var g = grad(sum(x * x * x), {x}, {.create_graph = true})[0];
  backward(sum(g * g));  // 9 x⁴ -> 36 x³
  expect_close(x.grad(), tensor({36, -288, 972}));
}

TEST(Engine, BackwardWithCreateGraphLeavesADifferentiableGrad) {
  const Var x = parameter(scalar(2));
  backward(x * x * x, {.create_graph = true});
  expect_close(x.grad(), scalar(12));
  const Var g = x.grad();
  expect_close(grad(g, {x})[0], scalar(12));  // 6x
}

// ---- Recording ------------------------------------------------------------------------------------------------------

TEST(Engine, NothingIsRecordedUnderNoGrad) {
  const Var x = parameter(ones({2}));
  {
    const NoGrad off;
    EXPECT_FALSE(grad_enabled());
    EXPECT_FALSE((x * 2).requires_grad());
    {
      const EnableGrad on;
      EXPECT_TRUE((x * 2).requires_grad());
    }
    EXPECT_FALSE(grad_enabled());
    try {
      const EnableGrad on;
      fail("leaving by an exception");
    } catch (const Error&) {
    }
    EXPECT_FALSE(grad_enabled());
  }
  EXPECT_TRUE(grad_enabled());
  EXPECT_TRUE((x * 2).requires_grad());
}

TEST(Engine, RecordingIsRestoredWhereARuleThrows) {
  const Var x = parameter(ones({2}));
  const Var y = record("thrower", x.value(), {x}, [](const Node&, const Var&, Grads&) { fail("no"); });
  expect_error([&] { backward(sum(y)); }, "no");
  EXPECT_TRUE(grad_enabled());
}

TEST(Engine, ConstantsMakeNoGraph) {
  const Var y = exp(Var(ones({2}))) * 3;
  EXPECT_FALSE(y.requires_grad());
  EXPECT_TRUE(y.node()->inputs.empty());
}

TEST(Engine, DetachSharesTheNumbersAndForgetsThePast) {
  const Var x = parameter(tensor({2, 3}));
  const Var d = (x * x).detach();
  EXPECT_FALSE(d.requires_grad());
  backward(sum(d * x));
  expect_close(x.grad(), tensor({4, 9}), 0);
  EXPECT_EQ(x.detach().value().data(), x.value().data());
}

// ---- Failing well ---------------------------------------------------------------------------------------------------

TEST(Engine, AnInputChangedInPlaceIsCaught) {
  Var w = parameter(ones({2, 3}));
  const Var y = sum(exp(w));
  w.mutable_value().fill(2);
  expect_error([&] { backward(y); },
               "exp: input 0 of shape [2, 3] was changed in place after it was saved for backward");
  EXPECT_FALSE(w.grad());
  backward(sum(exp(w)));  // a new graph is fine
  expect_close(w.grad(), full({2, 3}, std::exp(real(2))));
}

TEST(Engine, AChangeThroughAViewIsCaughtToo) {
  Var w = parameter(ones({4}));
  Tensor view = w.value().reshape({2, 2}).row(1);
  const Var y = sum(w * w);
  view.fill(5);
  expect_error([&] { backward(y); }, "changed in place");
}

TEST(Engine, AResultThatItsRuleReadsIsCaughtToo) {
  const Var x = parameter(random({3, 3}, 1) * real(0.1) + eye(3)), b = random({3, 2}, 2);
  const std::vector<std::pair<std::string, std::function<Var(const Var&)>>> ops = {
      {"softmax", [](const Var& x) { return softmax(x, -1); }},
      {"log_softmax", [](const Var& x) { return log_softmax(x, -1); }},
      {"logsumexp", [](const Var& x) { return logsumexp(x, -1); }},
      {"amax", [](const Var& x) { return amax(x, -1); }},
      {"inverse", [](const Var& x) { return inverse(x); }},
      {"cholesky", [](const Var& x) { return cholesky(x); }},
      {"solve", [&](const Var& x) { return solve(x, b); }},
      {"solve_triangular", [&](const Var& x) { return solve_triangular(x, b); }}};
  for (const auto& [name, op] : ops) {
    Var y = op(x);
    y.mutable_value().fill(1);
    const Var seed(random(y.shape(), 3));
    expect_error([&] { backward(y, seed); },
                 name + ": its result of shape " + to_string(y.shape()) + " was changed in place after it was saved");
  }
}

TEST(Engine, AnInputWhoseNumbersARuleDoesNotNeedMayChange) {
  Var w = parameter(ones({2}));
  const Var y = sum(w + w);
  w.mutable_value().fill(2);
  backward(y);
  expect_close(w.grad(), full({2}, 2), 0);
}

TEST(Engine, AnomalyModeNamesTheOpOfTheFirstBadValue) {
  const DetectAnomaly on;
  const Var x = parameter(tensor({1, 0}));
  expect_error([&] { exp(log(x)); }, "log made the first value that is not finite, of shape [2]");
  expect_error([&] { log(Var(zeros({1}))); }, "log made the first value");  // constants too
}

TEST(Engine, AnomalyModeNamesTheOpOfTheFirstBadGradient) {
  const Var x = parameter(tensor({1, 0}));
  const Var y = sum(sqrt(x) * 2);
  backward(y, {.retain_graph = true});
  EXPECT_FALSE(all_finite(x.grad().value()));
  const DetectAnomaly on;
  expect_error([&] { backward(y); }, "sqrt made the first gradient that is not finite, of shape [2]");
}

TEST(Engine, AnomalyModeNamesTheOpWhoseRuleIsMadeOfOps) {
  const Var x = parameter(ones({2})), bad = Var(tensor({1, kNaN}));
  const Var y = record("composite", x.value(), {x},
                       [bad](const Node& y, const Var& g, Grads& d) { d[0] = g * exp(y.in(0)) * bad; });
  const DetectAnomaly on;
  for (bool graph : {false, true})
    expect_error([&] { grad(sum(y), {x}, {.create_graph = graph, .retain_graph = true}); },
                 "composite made the first gradient that is not finite, of shape [2]");
  expect_error([&] { log(Var(zeros({1}))); }, "log made the first value");  // outside of rules as ever
  // A pass within a rule still names its own ops.
  const Var inner = checkpoint([&] { return sum(y); });
  expect_error([&] { backward(inner); }, "composite made the first gradient");
}

TEST(Engine, AVarThatHoldsNothingSaysSo) {
  const Var nothing;
  EXPECT_FALSE(nothing);
  EXPECT_FALSE(nothing.requires_grad());
  EXPECT_FALSE(nothing.grad());
  expect_error([&] { nothing.shape(); }, "holds nothing");
  expect_error([&] { exp(nothing); }, "holds nothing");
}

TEST(Engine, SetGradChecksTheShape) {
  Var w = parameter(ones({2, 3}));
  expect_error([&] { w.set_grad(Var(ones({3, 2}))); }, "a gradient of shape [3, 2] for a value of shape [2, 3]");
}

// ---- Size and memory ------------------------------------------------------------------------------------------------

TEST(Engine, AMillionOpsDoNotExhaustTheStack) {
  const Var x = parameter(scalar(1));
  {
    Var y = x;
    for (int i = 0; i < 300000; ++i) y = y + real(1e-6);
    const Var unused = y * 2;  // freed as a whole, without a backward pass
  }
  Var y = x;
  for (int i = 0; i < 1000000; ++i) y = -y;
  expect_close(grad(y, {x}, {.retain_graph = true})[0], scalar(1), 0);
  backward(y);
  expect_close(x.grad(), scalar(1), 0);
}

TEST(Engine, ALongChainOfGradientsIsFreedToo) {
  const Var x = parameter(scalar(1));
  Var y = x;
  const real factor = real(1.00001);
  for (int i = 0; i < 100000; ++i) y = y * factor;
  const Var g = grad(y * y, {x}, {.create_graph = true})[0];  // y² = factor^200000 x²
  EXPECT_NEAR(grad(g, {x})[0].item() / (2 * std::pow(double(factor), 200000)), 1, testing::kDouble ? 1e-9 : 1e-3);
}

TEST(Engine, BackwardGivesMemoryBackAsItPasses) {
  const Var x = parameter(ones({1000}));
  const size_t before = memory_stats().current;
  Var y = x;
  for (int i = 0; i < 100; ++i) y = sin(y);
  const Var loss = sum(y);
  y = {};
  backward(loss);
  const size_t block = 1000 * sizeof(real) * 9 / 8 + 64;
  EXPECT_LT(memory_stats().current - before, 3 * block);  // the loss and x.grad remain
}

TEST(Engine, SteadyTrainingTakesNothingFromTheSystem) {
  if (!kReusesMemory) GTEST_SKIP() << "the cache is off under the address sanitizer";
  Var w1 = parameter(random({20, 33}, 1)), b1 = parameter(zeros({33})), w2 = parameter(random({33, 1}, 2));
  const Tensor x = random({64, 20}, 3), y = random({64, 1}, 4);
  auto step = [&] {
    const Var loss = mean(square(matmul(tanh(matmul(Var(x), w1) + b1), w2) - Var(y)));
    const Var g = grad(loss, {w1}, {.create_graph = true})[0];
    backward(loss + sum(square(g)) * real(0.01));
    for (Var* p : {&w1, &b1, &w2}) {
      update<1>([](Lane& w, Lane d) { w = w - d * real(0.01); }, p->mutable_value(), p->grad().value());
      p->set_grad({});
    }
    return loss.item();
  };
  const real first = step();
  for (int i = 0; i < 3; ++i) step();
  const MemoryStats before = memory_stats();
  real last = 0;
  for (int i = 0; i < 20; ++i) last = step();
  EXPECT_EQ(memory_stats().from_system, before.from_system);
  EXPECT_EQ(memory_stats().current, before.current);
  EXPECT_LT(last, first);
}

}  // namespace
}  // namespace bijou

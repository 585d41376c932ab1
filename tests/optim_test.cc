// Each optimizer against the textbook's loop over single numbers, in double; then what all of them share.
#include <algorithm>
#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "nn/linear.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/ema.h"
#include "optim/lars.h"
#include "optim/rmsprop.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "tensor/lane.h"
#include "tests/support.h"

namespace bijou::optim {
namespace {

using bijou::testing::expect_close;
using bijou::testing::expect_error;
using bijou::testing::kDouble;
using bijou::testing::random;

using Numbers = std::vector<double>;

Numbers numbers(const Tensor& x) { return Numbers(x.begin(), x.end()); }
double norm(const Numbers& x) {
  double total = 0;
  for (double v : x) total += v * v;
  return std::sqrt(total);
}

// The gradient that both sides are given at step t: any function of w and t will do.
double slope(double w, size_t i, int t) { return w * (1 + double(i % 3)) + std::sin(0.7 * double(i) + 0.3 * t); }

// Runs the optimizer that `make` builds for 100 steps on tensors of several sizes, beside `reference`, which takes all
// numbers of one tensor, their gradients and the number of the step (from 1), and changes them.
template <class Make, class Reference>
void expect_like(const Make& make, const Reference& reference) {
  std::vector<Var> parameters;
  std::vector<Numbers> expected;
  std::vector<Reference> references;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{7}, Shape{33}, Shape{5, 13}}) {
    parameters.push_back(parameter(random(shape, uint64_t(shape.numel()))));
    expected.push_back(numbers(parameters.back().value()));
    references.push_back(reference);
  }
  auto optimizer = make(parameters);
  for (int t = 1; t <= 100; ++t) {
    for (size_t k = 0; k < parameters.size(); ++k) {
      Tensor g(parameters[k].shape());
      Numbers reference_g(expected[k].size());
      for (size_t i = 0; i < reference_g.size(); ++i) {
        g.mutable_data()[i] = real(slope(parameters[k].value().data()[i], i, t));
        reference_g[i] = slope(expected[k][i], i, t);
      }
      parameters[k].set_grad(g);
      references[k](expected[k], reference_g, t);
    }
    optimizer.step();
  }
  for (size_t k = 0; k < parameters.size(); ++k)
    for (size_t i = 0; i < expected[k].size(); ++i) {
      const double tolerance = (kDouble ? 1e-12 : 1e-5) * std::max(1.0, std::fabs(expected[k][i]));
      EXPECT_NEAR(parameters[k].value().data()[i], expected[k][i], tolerance);
    }
}

TEST(Sgd, IsTheTextbooks) {
  expect_like([](const auto& p) { return SGD(p, {.lr = 0.1, .weight_decay = 0.01}); },
              [](Numbers& w, const Numbers& g, int) {
                for (size_t i = 0; i < w.size(); ++i) w[i] -= 0.1 * (g[i] + 0.01 * w[i]);
              });
}

TEST(Sgd, WithMomentumIsTheTextbooks) {
  expect_like([](const auto& p) { return SGD(p, {.lr = 0.05, .momentum = 0.9, .weight_decay = 0.01}); },
              [v = Numbers(100)](Numbers& w, const Numbers& g, int) mutable {
                for (size_t i = 0; i < w.size(); ++i) {
                  v[i] = 0.9 * v[i] + g[i] + 0.01 * w[i];
                  w[i] -= 0.05 * v[i];
                }
              });
}

TEST(Sgd, WithNesterovMomentumIsTheTextbooks) {
  expect_like(
      [](const auto& p) { return SGD(p, {.lr = 0.05, .momentum = 0.8, .nesterov = true, .weight_decay = 0.01}); },
      [v = Numbers(100)](Numbers& w, const Numbers& g, int) mutable {
        for (size_t i = 0; i < w.size(); ++i) {
          const double d = g[i] + 0.01 * w[i];
          v[i] = 0.8 * v[i] + d;
          w[i] -= 0.05 * (d + 0.8 * v[i]);
        }
      });
}

TEST(RmsProp, IsTheTextbooks) {
  expect_like(
      [](const auto& p) {
        return RMSprop(p, {.lr = 0.01, .alpha = 0.95, .eps = 1e-6, .momentum = 0.5, .weight_decay = 0.01});
      },
      [s = Numbers(100), v = Numbers(100)](Numbers& w, const Numbers& g, int) mutable {
        for (size_t i = 0; i < w.size(); ++i) {
          const double d = g[i] + 0.01 * w[i];
          s[i] = 0.95 * s[i] + 0.05 * d * d;
          v[i] = 0.5 * v[i] + d / (std::sqrt(s[i]) + 1e-6);
          w[i] -= 0.01 * v[i];
        }
      });
}

// l2 goes into the gradient, decoupled shrinks the weight.
auto adam_reference(double lr, double b1, double b2, double eps, double l2, double decoupled) {
  return [=, m = Numbers(100), v = Numbers(100)](Numbers& w, const Numbers& g, int t) mutable {
    for (size_t i = 0; i < w.size(); ++i) {
      const double d = g[i] + l2 * w[i];
      w[i] -= lr * decoupled * w[i];
      m[i] = b1 * m[i] + (1 - b1) * d;
      v[i] = b2 * v[i] + (1 - b2) * d * d;
      w[i] -= lr * m[i] / (1 - std::pow(b1, t)) / (std::sqrt(v[i] / (1 - std::pow(b2, t))) + eps);
    }
  };
}

TEST(Adam, IsThePapers) {
  expect_like([](const auto& p) { return Adam(p); }, adam_reference(1e-3, 0.9, 0.999, 1e-8, 0, 0));
  expect_like(
      [](const auto& p) {
        return Adam(p, {.lr = 0.01, .betas = {0.8, 0.95}, .eps = 1e-6, .weight_decay = 0.1});
      },
      adam_reference(0.01, 0.8, 0.95, 1e-6, 0.1, 0));
}

TEST(AdamW, IsThePapers) {
  expect_like([](const auto& p) { return AdamW(p); }, adam_reference(1e-3, 0.9, 0.999, 1e-8, 0, 0.01));
  expect_like(
      [](const auto& p) {
        return AdamW(p, {.lr = 0.01, .betas = {0.8, 0.95}, .weight_decay = 0.3});
      },
      adam_reference(0.01, 0.8, 0.95, 1e-8, 0, 0.3));
}

TEST(Lars, IsSimClrs) {
  const auto reference = [](bool trusts) {
    return [trusts, v = Numbers(100)](Numbers& w, const Numbers& g, int) mutable {
      Numbers d(w.size());
      for (size_t i = 0; i < w.size(); ++i) d[i] = g[i] + 0.01 * w[i];
      const double trust = trusts ? 0.02 * norm(w) / norm(d) : 1;
      for (size_t i = 0; i < w.size(); ++i) {
        v[i] = 0.9 * v[i] + 0.5 * trust * d[i];
        w[i] -= v[i];
      }
    };
  };
  const LarsOptions options{.lr = 0.5, .momentum = 0.9, .weight_decay = 0.01, .eta = 0.02};
  expect_like([&](const auto& p) { return LARS(p, options); }, reference(true));
  LarsOptions plain = options;
  plain.trust = false;
  plain.lr = 0.05;
  expect_like([&](const auto& p) { return LARS(p, plain); },
              [v = Numbers(100)](Numbers& w, const Numbers& g, int) mutable {
                for (size_t i = 0; i < w.size(); ++i) {
                  v[i] = 0.9 * v[i] + 0.05 * (g[i] + 0.01 * w[i]);
                  w[i] -= v[i];
                }
              });
}

TEST(Lars, StepsInProportionToTheWeightsWhateverTheGradientsSize) {
  for (const real size : {real(1e-3), real(1), real(1e3)}) {
    Var w = parameter(full({4}, 3));
    w.set_grad(full({4}, size));
    LARS(std::vector{w}, {.lr = 1, .weight_decay = 0, .eta = 0.1}).step();
    expect_close(w.value(), full({4}, real(3 - 0.1 * 3)));
  }
}

TEST(Lars, TakesAPlainStepWhereWeightOrGradientIsZero) {
  Var w = parameter(zeros({2})), u = parameter(ones({2}));
  w.set_grad(ones({2}));
  u.set_grad(zeros({2}));
  LARS(std::vector{w, u}, {.lr = 0.5, .weight_decay = 0}).step();
  expect_close(w.value(), full({2}, -0.5), 0);
  expect_close(u.value(), ones({2}), 0);
}

// ---- What all share -------------------------------------------------------------------------------------------------

// A quadratic bowl, its axes 1 : 100 long.
Var bowl(const Var& w) { return 0.5 * sum(square(w - 1) * tensor({1, 10, 100})); }

template <class Opt>
double distance_after(Opt optimizer, Var w, int steps) {
  for (int t = 0; t < steps; ++t) {
    optimizer->lr_scale = cosine_decay(t, steps);
    optimizer->zero_grad();
    backward(bowl(w));
    optimizer->step();
  }
  return max_difference(w.value(), ones({3}));
}

TEST(Optimizer, EachFindsTheBottomOfABowl) {
  const auto from_zero = [](auto make, int steps) {
    Var w = parameter(zeros({3}));
    return distance_after(make(std::vector{w}), w, steps);
  };
  EXPECT_LT(from_zero([](auto p) { return std::make_unique<SGD>(p, SgdOptions{.lr = 0.015}); }, 2000), 1e-4);
  EXPECT_LT(from_zero([](auto p) { return std::make_unique<SGD>(p, SgdOptions{.lr = 0.01, .momentum = 0.9}); }, 500),
            1e-4);
  EXPECT_LT(
      from_zero(
          [](auto p) { return std::make_unique<SGD>(p, SgdOptions{.lr = 0.01, .momentum = 0.9, .nesterov = true}); },
          500),
      1e-4);
  EXPECT_LT(from_zero([](auto p) { return std::make_unique<RMSprop>(p, RmspropOptions{.lr = 0.02}); }, 500), 1e-3);
  EXPECT_LT(from_zero([](auto p) { return std::make_unique<Adam>(p, AdamOptions{.lr = 0.1}); }, 500), 1e-3);
  EXPECT_LT(
      from_zero([](auto p) { return std::make_unique<AdamW>(p, AdamWOptions{.lr = 0.1, .weight_decay = 0}); }, 500),
      1e-3);
}

TEST(Optimizer, GivesEachGroupItsOwnOptions) {
  Var a = parameter(ones({3})), b = parameter(ones({3}));
  SGD optimizer({{{a}, {.lr = 0.1}}, {{b}, {.lr = 1, .weight_decay = 0.5}}});
  const auto step = [&] {
    a.set_grad(ones({3}));
    b.set_grad(zeros({3}));
    optimizer.step();
  };
  step();
  expect_close(a.value(), full({3}, real(0.9)));
  expect_close(b.value(), full({3}, real(0.5)));
  optimizer.groups()[0].lr = 0.5;
  optimizer.lr_scale = 0.2;
  step();
  expect_close(a.value(), full({3}, real(0.8)));
  expect_close(b.value(), full({3}, real(0.45)));
  EXPECT_EQ(optimizer.groups().size(), 2u);
  EXPECT_TRUE(optimizer.parameters()[1].same_as(b));
}

TEST(Optimizer, LeavesParametersWithoutAGradientAloneAndTheirStepUncounted) {
  Var a = parameter(ones({2})), b = parameter(ones({2}));
  Adam optimizer({a, b}, {.lr = 0.1, .weight_decay = 0.1});
  a.set_grad(ones({2}));
  optimizer.step();
  expect_close(b.value(), ones({2}), 0);
  EXPECT_EQ(optimizer.state_dict()[3].first, "1.step");
  EXPECT_EQ(optimizer.state_dict()[3].second.item(), 0);
  optimizer.zero_grad();
  EXPECT_FALSE(a.grad());
  b.set_grad(full({2}, 5));
  optimizer.step();
  expect_close(b.value(), full({2}, real(0.9)), 1e-6);  // the first step of Adam is lr, whatever the gradient
}

// Ten steps in one go, or five, a state dict to a second optimizer, and five more: the same bits.
template <class Opt, class Options>
void expect_resumes(const Options& options) {
  const auto run = [](Optimizer& optimizer, std::vector<Var>& w, int first, int last) {
    for (int t = first; t < last; ++t) {
      for (size_t k = 0; k < w.size(); ++k)
        if (k != 1 || t % 2) w[k].set_grad(random(w[k].shape(), uint64_t(100 * t) + k));
        else w[k].set_grad({});
      optimizer.step();
    }
  };
  std::vector<Var> whole{parameter(random({3, 5}, 1)), parameter(random({17}, 2))};
  Opt unbroken(whole, options);
  run(unbroken, whole, 0, 10);

  std::vector<Var> half{parameter(random({3, 5}, 1)), parameter(random({17}, 2))};
  Opt first(half, options);
  run(first, half, 0, 5);
  auto saved = first.state_dict();
  std::reverse(saved.begin(), saved.end());  // the order does not count
  run(first, half, 5, 6);                    // must not reach into what was saved
  std::vector<Var> again{parameter(random({3, 5}, 1)), parameter(random({17}, 2))};
  Opt replay(again, options);
  run(replay, again, 0, 5);
  Opt second(again, options);
  second.load_state_dict(saved);
  run(second, again, 5, 10);
  for (size_t k = 0; k < whole.size(); ++k) EXPECT_EQ(max_difference(whole[k].value(), again[k].value()), 0);
  const auto end = unbroken.state_dict(), resumed = second.state_dict();
  for (size_t k = 0; k < end.size(); ++k) {
    EXPECT_EQ(end[k].first, resumed[k].first);
    EXPECT_EQ(max_difference(end[k].second, resumed[k].second), 0) << end[k].first;
  }
}

TEST(Optimizer, ResumesBitForBit) {
  expect_resumes<SGD>(SgdOptions{.lr = 0.1, .momentum = 0.9, .nesterov = true});
  expect_resumes<RMSprop>(RmspropOptions{.momentum = 0.9});
  expect_resumes<Adam>(AdamOptions{});
  expect_resumes<AdamW>(AdamWOptions{});
  expect_resumes<LARS>(LarsOptions{.lr = 0.1});
}

TEST(Optimizer, RefusesAStateThatIsNotItsOwnAndKeepsItsOwn) {
  Var w = parameter(ones({3}));
  w.set_grad(ones({3}));
  Adam adam({w});
  adam.step();
  SGD sgd({w}, {.momentum = 0.9});
  expect_error([&] { adam.load_state_dict(sgd.state_dict()); }, "Adam: a state of 3 tensors expected, not of 2");
  expect_error([&] { Adam({parameter(ones({4}))}).load_state_dict(adam.state_dict()); },
               "Adam: the state's 0.exp_avg is [3], not [4]");
  expect_error([&] { RMSprop({w}).load_state_dict(adam.state_dict()); }, "RMSprop: the state lacks 0.square_avg [3]");
  EXPECT_EQ(adam.state_dict()[0].second.item(), 1);
}

TEST(Optimizer, NamesWhatIsWrongWithItsOptions) {
  const std::vector<Var> w{parameter(ones({3}))};
  expect_error([&] { SGD(w, {.lr = -1}); }, "SGD: lr = -1 is not in [0, inf)");
  expect_error([&] { SGD(w, {.lr = NAN}); }, "SGD: lr = nan");
  expect_error([&] { SGD(w, {.nesterov = true}); }, "SGD: nesterov wants a momentum above 0");
  expect_error([&] { Adam(w, {.betas = {0.9, 1}}); }, "Adam: betas[1] = 1 is not in [0, 1)");
  expect_error([&] { AdamW(w, {.weight_decay = -0.1}); }, "AdamW: weight_decay = -0.1");
  expect_error([&] { RMSprop(w, {.alpha = 1.5}); }, "RMSprop: alpha = 1.5 is not in [0, 1)");
  expect_error([&] { LARS(w, {.eta = -1}); }, "LARS: eta = -1");
  expect_error([&] { Adam(std::vector<Var>{}); }, "Adam: no parameters");
  expect_error([&] { Adam(std::vector{w[0], w[0]}); }, "Adam: parameter 1 of shape [3] was given twice");
  expect_error([&] { Adam(std::vector<Var>{Var(ones({3}))}); }, "Adam: parameter 0 is not a leaf");
  expect_error([&] { Adam(std::vector<Var>{w[0] * 2}); }, "Adam: parameter 0 is not a leaf");
}

TEST(Optimizer, TakesNothingFromTheSystemOnceItRuns) {
  if (!kReusesMemory) GTEST_SKIP() << "the cache is off under the address sanitizer";
  std::vector<Var> w{parameter(random({50, 20}, 1)), parameter(random({20}, 2))};
  Adam adam(w);
  LARS lars(w);
  size_t before = 0;
  for (int t = 0; t < 10; ++t) {
    if (t == 3) before = memory_stats().from_system;
    adam.zero_grad();
    backward(sum(square(w[0]) * w[1]));
    clip_grad_norm(w, 1);
    adam.step();
    lars.step();
  }
  EXPECT_EQ(memory_stats().from_system, before);
}

TEST(Optimizer, AnInPlaceStepIsSeenByABackwardThatStillNeedsTheOldWeights) {
  Var w = parameter(ones({2}));
  const Var loss = sum(square(w));
  w.set_grad(ones({2}));
  SGD(std::vector{w}).step();
  expect_error([&] { backward(loss); }, "changed in place");
}

// ---- Clipping -------------------------------------------------------------------------------------------------------

TEST(Clip, ByNormScalesAllGradientsTogether) {
  std::vector<Var> w{parameter(zeros({2})), parameter(zeros({1})), parameter(zeros({5}))};
  w[0].set_grad(tensor({1, 2}));
  w[1].set_grad(tensor({-2}));
  EXPECT_NEAR(clip_grad_norm(w, 10), 3, 1e-6);
  expect_close(w[0].grad(), tensor({1, 2}), 0);
  EXPECT_NEAR(clip_grad_norm(w, 0.3), 3, 1e-6);
  expect_close(w[0].grad(), tensor({real(0.1), real(0.2)}), 1e-6);
  expect_close(w[1].grad(), tensor({real(-0.2)}), 1e-6);
  EXPECT_NEAR(grad_norm(w), 0.3, 1e-6);
  EXPECT_FALSE(w[2].grad());
}

TEST(Clip, ByNormLeavesGradientsThatAreNotFinite) {
  for (const real bad : {kInfinity, kNaN}) {
    std::vector<Var> w{parameter(zeros({2})), parameter(zeros({1}))};
    w[0].set_grad(tensor({1, bad}));
    w[1].set_grad(tensor({5}));
    EXPECT_FALSE(std::isfinite(clip_grad_norm(w, 1)));
    EXPECT_EQ(w[1].grad().item(), 5);
  }
}

TEST(Clip, ByValueHoldsEachNumber) {
  std::vector<Var> w{parameter(zeros({4})), parameter(zeros({1}))};
  w[0].set_grad(tensor({-3, real(-0.5), real(0.25), 7}));
  clip_grad_value(w, 0.5);
  expect_close(w[0].grad(), tensor({real(-0.5), real(-0.5), real(0.25), real(0.5)}), 0);
  expect_error([&] { clip_grad_value(w, -1); }, "clip_grad_value: a limit from 0 expected, not -1");
  expect_error([&] { clip_grad_norm(w, NAN); }, "clip_grad_norm: a norm from 0 expected, not nan");
}

// ---- Averages -------------------------------------------------------------------------------------------------------

// One parameter under two names, and one buffer.
struct Counter : nn::Module {
  Var weight = parameter(tensor({1, 2})), tied = weight;
  Tensor total = zeros({3});
  void members(nn::Visitor& visit) override { visit("weight", weight), visit("tied", tied), visit("total", total); }
};

TEST(Ema, AveragesWeightsAndBuffersGeometrically) {
  Counter model;
  Ema ema(model, {.decay = 0.9});
  double w = 2, total = 0;
  for (int t = 0; t < 50; ++t) {
    model.weight.mutable_value().fill(real(t));
    model.total.fill(real(2 * t));
    ema.update();
    w = 0.9 * w + 0.1 * t;
    total = 0.9 * total + 0.2 * t;
  }
  EXPECT_NEAR(ema.average.weight.value().data()[1], w, 1e-4);
  EXPECT_NEAR(ema.average.tied.value().data()[1], w, 1e-4);
  EXPECT_NEAR(ema.average.total.data()[2], total, 1e-4);
  EXPECT_EQ(model.weight.value().data()[1], 49);
}

TEST(Ema, WarmsUpItsDecay) {
  Counter model;
  Ema ema(model, {.decay = 0.5, .warmup = true});
  model.total.fill(1);
  double rest = 1;
  for (int t = 0; t < 20; ++t) {
    ema.update();
    rest *= std::min(0.5, (1.0 + t) / (10.0 + t));  // how much of the start, 0, is left
    EXPECT_NEAR(ema.average.total.data()[0], 1 - rest, 1e-6);
  }
}

TEST(Ema, ResumesBitForBit) {
  nn::Linear model({.in = 3, .out = 2});
  Ema whole(model, {.decay = 0.95, .warmup = true});
  const auto step = [&](auto& ema) {
    model.weight.mutable_value().fill(0.5);
    ema.update();
  };
  for (int t = 0; t < 5; ++t) step(whole);
  Ema resumed(model, {.decay = 0.95, .warmup = true});
  nn::StateDict saved;
  for (const auto& [name, value] : whole.state_dict()) saved.emplace_back(name, value.clone());
  for (int t = 0; t < 5; ++t) step(whole);
  resumed.load_state_dict(saved);
  for (int t = 0; t < 5; ++t) step(resumed);
  EXPECT_EQ(max_difference(whole.average.weight.value(), resumed.average.weight.value()), 0);
  expect_error([&] { resumed.load_state_dict(model.state_dict()); }, "Ema: the state lacks its number of updates");
  expect_error([&] { Ema(model, {.decay = 1.5}); }, "Ema: decay = 1.5 is not in [0, 1]");
}

// ---- Schedules ------------------------------------------------------------------------------------------------------

TEST(Schedule, WarmsUpInAStraightLine) {
  EXPECT_DOUBLE_EQ(linear_warmup(0, 4), 0.25);
  EXPECT_DOUBLE_EQ(linear_warmup(2, 4), 0.75);
  EXPECT_DOUBLE_EQ(linear_warmup(3, 4), 1);
  EXPECT_DOUBLE_EQ(linear_warmup(1000, 4), 1);
}

TEST(Schedule, StepsDown) {
  EXPECT_DOUBLE_EQ(step_decay(29, 30), 1);
  EXPECT_DOUBLE_EQ(step_decay(30, 30), 0.1);
  EXPECT_DOUBLE_EQ(step_decay(95, 30, 0.5), 0.125);
}

TEST(Schedule, FollowsHalfACosineDown) {
  EXPECT_DOUBLE_EQ(cosine_decay(0, 100), 1);
  EXPECT_DOUBLE_EQ(cosine_decay(50, 100), 0.5);
  EXPECT_DOUBLE_EQ(cosine_decay(100 / 4, 100, 0.2), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2);
  EXPECT_DOUBLE_EQ(cosine_decay(100, 100, 0.2), 0.2);
  EXPECT_DOUBLE_EQ(cosine_decay(170, 100, 0.2), 0.2);
}

TEST(Schedule, GoesThroughOneCycle) {
  EXPECT_NEAR(one_cycle(0, 100), 0.04, 1e-15);
  EXPECT_DOUBLE_EQ(one_cycle(29, 100), 1);
  EXPECT_NEAR(one_cycle(64, 100), (1 + 4e-6) / 2, 1e-15);
  EXPECT_NEAR(one_cycle(99, 100), 4e-6, 1e-15);
  EXPECT_NEAR(one_cycle(0, 1), 4e-6, 1e-15);
  for (int64_t t = 1; t < 100; ++t) EXPECT_EQ(one_cycle(t, 100) > one_cycle(t - 1, 100), t <= 29) << t;
}

TEST(Schedule, RefusesStepsThatAreNotThere) {
  expect_error([] { cosine_decay(-1, 10); }, "cosine_decay: step -1 is below 0");
  expect_error([] { linear_warmup(0, 0); }, "linear_warmup: a number of steps from 1 expected, not 0");
  expect_error([] { one_cycle(10, 10); }, "one_cycle: step 10 of a cycle of 10");
  expect_error([] { one_cycle(1, 10, {.rise = 1}); }, "one_cycle: rise = 1 is not in [0, 1)");
}

}  // namespace
}  // namespace bijou::optim

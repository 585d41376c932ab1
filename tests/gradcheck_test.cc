// gradcheck passes what is right and, above all, catches what is wrong.
#include "autograd/gradcheck.h"

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tests/support.h"

namespace bijou {
namespace {

using testing::expect_error;
using testing::expect_gradients;
using testing::random;

// x² with the rule g * factor * x: right for a factor of 2.
Var squared(const Var& x, real factor) {
  return record("squared", (x * x).value(), {x},
                [factor](const Node& y, const Var& g, Grads& d) { d[0] = g * y.in(0) * factor; });
}

// x³ whose first derivative is right, but records nothing of x.
Var cubed_without_second(const Var& x) {
  return record("cubed", (x * x * x).value(), {x},
                [](const Node& y, const Var& g, Grads& d) { d[0] = g * 3 * square(y.in(0)).detach(); });
}

TEST(Gradcheck, PassesSmoothFunctionsOfAwkwardShapes) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : testing::awkward_shapes())
    expect_gradients([](const std::vector<Var>& x) { return exp(x[0]) * sin(x[1]) / (1 + square(x[0])); },
                     {random(shape, 1), random(shape, 2)}, {.tolerance = 1e-9});
}

TEST(Gradcheck, WorksInFloatWithItsDefaults) {
  const Function f = [](const std::vector<Var>& x) { return tanh(matmul(x[0], x[1])); };
  gradcheck(f, {random({3, 4}, 1), random({4, 2}, 2)});
  gradgradcheck(f, {random({3, 4}, 1), random({4, 2}, 2)});
}

TEST(Gradcheck, TakesSeveralOutputsAndInputsOfNoUse) {
  SKIP_IN_FLOAT();
  expect_gradients(
      [](const std::vector<Var>& x) {
        return std::vector<Var>{x[0] * x[1], sum(sin(x[1])), Var(real(1))};
      },
      {random({3}, 1), random({3}, 2), random({2, 2}, 3)});
}

TEST(Gradcheck, NamesTheInputWithTheWrongGradient) {
  auto f = [](const std::vector<Var>& x) { return x[0] + squared(x[1], 2.2); };
  expect_error(
      [&] {
        gradcheck(f, {random({3}, 1), random({3}, 2)});
      },
      "the gradient of input 1 of shape [3] is wrong");
}

TEST(Gradcheck, SeesAnErrorOfOneInAHundredThousand) {
  SKIP_IN_FLOAT();
  gradcheck([](const std::vector<Var>& x) { return squared(x[0], 2); }, {random({40}, 1)}, {.tolerance = 1e-10});
  expect_error([] { gradcheck([](const std::vector<Var>& x) { return squared(x[0], 2.00002); }, {random({40}, 1)}); },
               "expected");
}

TEST(Gradcheck, SeesOneWrongElementAmongMany) {
  SKIP_IN_FLOAT();
  Tensor mask = ones({1000});
  mask.mutable_data()[617] = 0;
  auto f = [mask](const std::vector<Var>& x) {
    return record("holed", sin(x[0]).value(), {x[0]},
                  [mask](const Node& y, const Var& g, Grads& d) { d[0] = g * cos(y.in(0)) * mask; });
  };
  expect_error([&] { gradcheck(f, {random({1000}, 1)}); }, "input 0");
}

TEST(Gradcheck, SmallGradientsAreCheckedRelativeToTheirSize) {
  SKIP_IN_FLOAT();
  auto f = [](real factor) { return [=](const std::vector<Var>& x) { return squared(x[0], factor) * 1e-8; }; };
  gradcheck(f(2), {random({5}, 1)});
  expect_error([&] { gradcheck(f(2.001), {random({5}, 1)}); }, "input 0");
}

TEST(Gradcheck, SeesNan) {
  auto f = [](const std::vector<Var>& x) {
    return record("nan", x[0].value(), {x[0]}, [](const Node&, const Var& g, Grads& d) { d[0] = log(g * 0 - 1); });
  };
  expect_error([&] { gradcheck(f, {random({2}, 1)}); }, "got ");
}

TEST(Gradcheck, SecondOrderCatchesARuleThatRecordsNothing) {
  SKIP_IN_FLOAT();
  auto f = [](const std::vector<Var>& x) { return cubed_without_second(x[0]); };
  gradcheck(f, {random({4}, 1)});
  expect_error([&] { gradgradcheck(f, {random({4}, 1)}); }, "gradgradcheck: the gradient of input 0");
}

TEST(Gradcheck, SecondOrderChecksTheSeedToo) {
  SKIP_IN_FLOAT();
  auto f = [](const std::vector<Var>& x) {  // a rule whose own derivative by g is lost
    return record("sine", sin(x[0]).value(), {x[0]},
                  [](const Node& y, const Var& g, Grads& d) { d[0] = g.detach() * cos(y.in(0)); });
  };
  gradcheck(f, {random({4}, 1)});
  expect_error([&] { gradgradcheck(f, {random({4}, 1)}); }, "gradgradcheck: the gradient of seed 0");
}

TEST(Gradcheck, FunctionsThatDrawSeeTheSameNumbers) {
  SKIP_IN_FLOAT();
  expect_gradients([](const std::vector<Var>& x) { return x[0] * Var(randn({6})); }, {random({6}, 1)});
}

}  // namespace
}  // namespace bijou

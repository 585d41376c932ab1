// Jacobians and Hessians against closed forms; checkpoint against doing without it.
#include "autograd/functional.h"

#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::expect_gradients;
using testing::random;

// y = (x0 x1, sin x0, x1²)
Var three_of_two(const Var& x) {
  const Var a = Var(matrix({{1, 0}, {1, 0}, {0, 1}})), b = Var(matrix({{0, 1}, {0, 0}, {0, 1}}));
  const Var left = matmul(a, x), right = matmul(b, x);
  return where(tensor({0, 1, 0}), sin(left), left * right);
}

TEST(Functional, JacobianAgainstTheClosedForm) {
  const real x0 = real(0.7), x1 = real(-1.3);
  expect_close(jacobian(three_of_two, tensor({x0, x1})), matrix({{x1, x0}, {std::cos(x0), 0}, {0, 2 * x1}}));
}

TEST(Functional, JacobianOfMatricesHasARowForEachElement) {
  const Tensor w = random({2, 3}, 1);
  const Tensor j = jacobian([&](const Var& x) { return matmul(x, Var(w)); }, random({4, 2}, 2));
  ASSERT_EQ(j.shape(), (Shape{12, 8}));
  for (int64_t row = 0; row < 12; ++row)  // dy_ik / dx_lm = [i = l] w_mk
    for (int64_t column = 0; column < 8; ++column)
      EXPECT_EQ(j.at({row, column}), row / 3 == column / 2 ? w.at({column % 2, row % 3}) : 0);
}

TEST(Functional, JacobianOfNothingAndOfAConstant) {
  EXPECT_EQ(jacobian([](const Var& x) { return exp(x); }, zeros({0})).shape(), (Shape{0, 0}));
  expect_close(jacobian([](const Var&) { return Var(ones({2})); }, ones({3})), zeros({2, 3}));
}

TEST(Functional, JvpAndVjpAreProductsWithTheJacobian) {
  const Tensor x = random({2}, 1), u = random({2}, 2), v = random({3}, 3), j = jacobian(three_of_two, x);
  expect_close(jvp(three_of_two, x, u), matmul(j, u));
  expect_close(vjp(three_of_two, x, v), matmul(v, j));
  expect_error([&] { jvp(three_of_two, x, v); }, "direction of shape [3] for an input of shape [2]");
}

TEST(Functional, HessianOfAQuadraticForm) {
  const Tensor a = random({4, 4}, 1);
  auto f = [&](const Var& x) { return matmul(x, matmul(Var(a), x)); };
  Tensor expected({4, 4});
  for (int64_t i = 0; i < 4; ++i)
    for (int64_t k = 0; k < 4; ++k) expected.mutable_data()[i * 4 + k] = a.at({i, k}) + a.at({k, i});
  expect_close(hessian(f, random({4}, 2)), expected);
}

TEST(Functional, HessianOfALinearFunctionIsZero) {
  expect_close(hessian([](const Var& x) { return sum(x); }, ones({3})), zeros({3, 3}));
}

TEST(Functional, HvpIsTheHessianTimesAVectorOverAllParameters) {
  const Var w1 = parameter(random({2, 3}, 1)), w2 = parameter(random({3, 1}, 2));
  const Tensor x = random({5, 2}, 3), v1 = random({2, 3}, 4), v2 = random({3, 1}, 5);
  auto loss = [&] { return mean(square(matmul(tanh(matmul(Var(x), w1)), w2))); };
  const std::vector<Tensor> hv = hvp(loss, std::vector{w1, w2}, std::vector{v1, v2});

  // The same by one flat vector p = (w1, w2), whose Hessian is formed.
  auto flat_loss = [&](const Var& p) {  // rows 0 .. 5 of p are w1, rows 6 .. 8 w2
    Tensor first = zeros({6, 9}), second = zeros({3, 9});
    for (int64_t i = 0; i < 6; ++i) first.mutable_data()[i * 9 + i] = 1;
    for (int64_t i = 0; i < 3; ++i) second.mutable_data()[i * 9 + 6 + i] = 1;
    const Var a = reshape(matmul(Var(first), p), {2, 3}), b = reshape(matmul(Var(second), p), {3, 1});
    return mean(square(matmul(tanh(matmul(Var(x), a)), b)));
  };
  Tensor p({9}), v({9});
  p.rows(0, 6).copy_from(w1.value().flatten()), p.rows(6, 9).copy_from(w2.value().flatten());
  v.rows(0, 6).copy_from(v1.flatten()), v.rows(6, 9).copy_from(v2.flatten());
  const Tensor expected = matmul(hessian(flat_loss, p), v);
  expect_close(hv[0], expected.rows(0, 6).reshape({2, 3}));
  expect_close(hv[1], expected.rows(6, 9).reshape({3, 1}));
  EXPECT_FALSE(w1.grad());
  expect_error([&] { hvp(loss, std::vector{w1, w2}, std::vector{v1}); }, "1 tensors for 2 parameters");
}

TEST(Functional, WorksWhereRecordingIsOff) {
  const NoGrad off;
  expect_close(jacobian([](const Var& x) { return x * 2; }, ones({1})), full({1, 1}, 2));
  expect_close(hessian([](const Var& x) { return sum(square(x)); }, ones({1})), full({1, 1}, 2));
}

// ---- checkpoint -----------------------------------------------------------------------------------------------------

Var block(const Var& x, const Var& w) { return tanh(matmul(x, w)) + sin(x) * x; }
Var checkpointed_block(const Var& x, const Var& w) {
  return checkpoint([=] { return block(x, w); });
}

TEST(Checkpoint, ValuesAndGradientsAreThoseOfThePlainFunction) {
  const Var x = parameter(random({3, 4}, 1)), w = parameter(random({4, 4}, 2));
  const Var h = exp(x * real(0.1));  // older than the checkpoint, and not a leaf
  const Var plain = sum(square(block(block(h, w), w))),
            lean = sum(square(checkpointed_block(checkpointed_block(h, w), w)));
  expect_close(lean, plain.value(), 0);
  const std::vector<Var> expected = grad(plain, {x, w}, {.retain_graph = true}),
                         got = grad(lean, {x, w}, {.retain_graph = true});
  expect_close(got[0], expected[0].value());
  expect_close(got[1], expected[1].value());
  backward(lean);
  expect_close(x.grad(), expected[0].value());
  expect_close(w.grad(), expected[1].value());
}

TEST(Checkpoint, DifferentiatesTwice) {
  SKIP_IN_FLOAT();
  expect_gradients([](const std::vector<Var>& x) { return checkpointed_block(checkpointed_block(x[0], x[1]), x[1]); },
                   {random({3, 4}, 1), random({4, 4}, 2)});
}

TEST(Checkpoint, OneInputMadeFromAnotherIsNotCountedTwice) {
  const Var a = parameter(random({5}, 1)), b = exp(a);  // the function takes both
  const Var y = checkpoint([=] { return a * b * b; });
  const Var expected = grad(sum(a * b * b), {a}, {.retain_graph = true})[0];
  expect_close(grad(sum(y), {a}, {.retain_graph = true})[0], expected.value());
  expect_close(grad(sum(y), {b}, {.retain_graph = true})[0], 2 * a.value() * b.value());
  backward(sum(y));
  expect_close(a.grad(), expected.value());
}

TEST(Checkpoint, DropoutRepeats) {
  manual_seed(5);
  const Var x = parameter(ones({1000}));
  const Var y = checkpoint([=] { return x * Var(bernoulli({1000}, 0.5)) * x; });  // dy/dx = 2 y at x = 1
  const Tensor between = rand({10});  // draws after it, and draws that its replay must not disturb
  backward(sum(y));
  expect_close(x.grad(), 2 * y.value(), 0);
  const Tensor after = rand({10});

  manual_seed(5);
  bernoulli({1000}, 0.5);
  expect_close(between, rand({10}), 0);
  expect_close(after, rand({10}), 0);
}

TEST(Checkpoint, NestsWithRandomNumbersAndTwoDerivatives) {
  SKIP_IN_FLOAT();
  auto f = [](bool lean) {
    return [lean](const std::vector<Var>& x) {
      auto wrap = [lean](const std::function<Var()>& g) { return lean ? checkpoint(g) : g(); };
      const Var a = x[0], w = x[1];
      return wrap([=] {
        const Var h = wrap([=] { return tanh(matmul(a, w)) * Var(rand({3, 4})); });
        const Var k = wrap([=] { return sin(h * a) * Var(rand({3, 4})); });
        return h * k + a;
      });
    };
  };
  const std::vector<Tensor> x{random({3, 4}, 1), random({4, 4}, 2)};
  expect_gradients(f(true), x);
  const std::vector<Var> p{parameter(x[0]), parameter(x[1])};
  manual_seed(1);
  const std::vector<Var> expected = grad(sum(f(false)(p)), p);
  manual_seed(1);
  const std::vector<Var> got = grad(sum(f(true)(p)), p);
  expect_close(got[0], expected[0].value());
  expect_close(got[1], expected[1].value());
}

TEST(Checkpoint, PeakMemoryFalls) {
  auto peak = [](bool lean) {
    const Var w = parameter(random({64, 64}, 1));
    Var x = Var(random({256, 64}, 2));
    reset_peak_memory();
    for (int layer = 0; layer < 16; ++layer) {
      const auto f = [x, w] {
        Var y = x;
        for (int i = 0; i < 8; ++i) y = sin(matmul(y, w));
        return y;
      };
      x = lean ? checkpoint(f) : f();
    }
    backward(sum(x));
    return memory_stats().peak;
  };
  EXPECT_LT(peak(true), peak(false) / 4);
}

TEST(Checkpoint, IsTheFunctionItselfWhereNothingIsRecorded) {
  const Var w = parameter(ones({2}));
  int runs = 0;
  auto f = [&] { return ++runs, w * 2; };
  {
    const NoGrad off;
    EXPECT_FALSE(checkpoint(f).requires_grad());
  }
  EXPECT_EQ(runs, 1);
  EXPECT_FALSE(checkpoint([] { return Var(ones({2})); }).requires_grad());
  EXPECT_TRUE(checkpoint([=] { return w; }).same_as(w));
}

TEST(Checkpoint, RefusesInputsThatWereChangedInPlace) {
  Var w = parameter(ones({2}));
  const Var y = checkpoint([=] { return w * w; });
  w.mutable_value().fill(3);
  expect_error([&] { backward(sum(y)); }, "checkpoint: input 0 of shape [2] was changed in place");
}

}  // namespace
}  // namespace bijou

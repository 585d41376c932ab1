// Linear bijectors and activation normalisation.
#include "autograd/elementwise.h"
#include "autograd/linalg.h"
#include "flows/actnorm.h"
#include "flows/linear.h"
#include "tensor/elementwise.h"
#include "tests/flows_battery.h"

using namespace bijou;
using namespace bijou::flows;
using namespace bijou::testing;

namespace {

TEST(LinearBijectors, AreBijectorsOfVectorsAndOfImages) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : {Shape{4, 5}, Shape{2, 4, 2, 3}}) {
    const int64_t n = shape[1];
    const Tensor x = random(shape);
    expect_bijector(random_permutation(n), x);
    expect_bijector(reverse(n), x);
    expect_bijector(Householder(n, 3), x);
    expect_bijector(DenseLinear(n), x);
    expect_bijector(LuLinear(n), x);
  }
}

TEST(Permutation, PutsFeaturesInItsOrder) {
  expect_close(Permutation(indices({2, 0, 1})).forward(matrix({{10, 20, 30}})).z, matrix({{30, 10, 20}}));
  expect_close(reverse(3).forward(matrix({{10, 20, 30}})).z, matrix({{30, 20, 10}}));
  expect_error([] { Permutation(indices({0, 0, 1})); }, "each of 0 to 2 once");
}

TEST(Householder, IsOrthogonal) {
  const Var w = Householder(6, 4).weight();
  expect_close(matmul(w, w, {.transpose_b = true}), eye(6));
}

// Equation 10 against a determinant that knows nothing of L and U, at the start and away from it.
TEST(LuLinear, HasTheDeterminantOfItsMatrix) {
  LuLinear lu(7);
  for (int step = 0; step < 3; ++step) {
    EXPECT_NEAR(double(slogdet(lu.weight()).logabsdet.item()), double(lu.log_abs_det().item()), kDouble ? 1e-12 : 1e-5);
    expect_close(matmul(lu.weight(), lu.inverse_weight()), eye(7), kDouble ? 1e-10 : 1e-3);
    for (Var p : lu.parameters())
      p.mutable_value().copy_from((p + random(p.shape(), uint64_t(step)) * real(0.3)).value());
  }
}

TEST(LuLinear, BeginsAsARotation) {
  const LuLinear lu(6);
  expect_close(matmul(lu.weight(), lu.weight(), {.transpose_b = true}), eye(6));
  EXPECT_NEAR(double(lu.log_abs_det().item()), 0, 1e-5);
}

TEST(LuLinear, LearnsNothingOnTheWrongSideOfItsDiagonals) {
  LuLinear lu(4);
  backward(sum(square(lu.forward(random({3, 4})).z)));
  expect_close(triu(lu.lower.grad().value()), zeros({4, 4}), 0);
  expect_close(tril(lu.upper.grad().value()), zeros({4, 4}), 0);
}

TEST(DenseLinear, SaysSoWhereItCannotBeInverted) {
  DenseLinear w(3);
  w.w.mutable_value().fill(0);
  EXPECT_THROW(w.inverse(random({2, 3})), NotInvertible);
}

TEST(DenseLinear, IsA1x1ConvolutionOfImages) {
  const DenseLinear w(3);
  const Tensor x = random({2, 3, 4, 5}), z = w.forward(x).z.value();
  const Tensor rows = permute(x, {0, 2, 3, 1}).reshape({-1, 3}), moved = permute(z, {0, 2, 3, 1}).reshape({-1, 3});
  expect_close(linear(rows, w.w, {}), moved);
}

// ---- ActNorm --------------------------------------------------------------------------------------------------------

TEST(ActNorm, IsABijectorOfVectorsAndOfImages) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : {Shape{6, 3}, Shape{2, 3, 4, 2}}) {
    ActNorm norm(3);
    norm.initialised.fill(1);
    expect_bijector(norm, random(shape));
  }
}

TEST(ActNorm, FirstTrainingBatchLeavesWithMean0AndVariance1) {
  const Tensor x = random({8, 3, 5, 5}) * real(4) + real(7);
  ActNorm norm(3);
  const Tensor z = norm.forward(x).z.value();
  expect_close(mean(z, {0, 2, 3}), zeros({3}), kDouble ? 1e-9 : 1e-5);
  expect_close(mean(square(z), {0, 2, 3}), ones({3}), 1e-5);
  expect_close(norm.forward(x + real(1)).z, z + exp(norm.log_scale).value().reshape({3, 1, 1}),
               1e-5);  // no second time
}

TEST(ActNorm, IsNotInitialisedInEvaluationNorBySampling) {
  const Tensor x = random({8, 3}) + real(2);
  ActNorm norm(3);
  {
    const NoGrad guard;
    norm.inverse(x);
  }
  norm.eval();
  expect_close(norm.forward(x).z, x, 0);
  norm.inverse(x);
  EXPECT_EQ(norm.initialised.item(), 0);
  norm.train();
  norm.forward(x);
  EXPECT_EQ(norm.initialised.item(), 1);
}

// By reverse KL a flow learns through its inverse alone.
TEST(ActNorm, KeepsWhatItLearntThroughItsInverse) {
  ActNorm norm(3);
  norm.inverse(random({8, 3}));
  norm.log_scale.mutable_value().fill(real(0.5));
  expect_close(norm.forward(ones({8, 3})).z, full({8, 3}, real(std::exp(0.5))));
}

TEST(ActNorm, RefusesToTakeAVarianceFromOneNumber) {
  expect_error([] { ActNorm(2).forward(ones({1, 2})); }, "one number a channel");
  ActNorm(2).forward(random({1, 2, 3}));
}

TEST(ActNorm, RemembersInACheckpointThatItWasInitialised) {
  ActNorm trained(3), fresh(3);
  trained.forward(random({8, 3}) * real(3));
  fresh.load_state_dict(trained.state_dict());
  const Tensor x = random({8, 3}, 1) + real(5);
  expect_close(fresh.forward(x).z, trained.forward(x).z.value(), 0);
}

TEST(ActNorm, AConstantChannelIsNotDividedByZero) {
  EXPECT_TRUE(all_finite(ActNorm(2).forward(ones({4, 2})).z.value()));
}

}  // namespace

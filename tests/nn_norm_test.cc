// Normalisation against loops in double, and the fused rules against the same formulas in ops.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "nn/norm.h"
#include "nn/normalize.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

// (x - mean) / sqrt(variance + eps) over axes, as the definition says.
Var normalized(const Var& x, const Axes& axes, real eps) {
  const Var centred = x - mean(x, axes, {.keepdim = true});
  return centred / sqrt(mean(square(centred), axes, {.keepdim = true}) + eps);
}

// Gradients of sum(y * weights) for both ways to compute y.
void expect_same_gradients(const std::vector<Var>& p, const Var& fused, const Var& composed) {
  expect_close(fused, composed.value());
  const Var seed(random(fused.shape(), 99));
  const std::vector<Var> a = grad(fused, seed, p), b = grad(composed, seed, p);
  for (size_t i = 0; i < p.size(); ++i) expect_close(a[i], b[i].value(), kDouble ? 1e-10 : 2e-4);
}

// ---- LayerNorm ------------------------------------------------------------------------------------------------------

TEST(LayerNorm, BringsEachRowToMeanZeroAndVarianceOne) {
  for (const Shape& shape : {Shape{7}, Shape{3, 33}, Shape{2, 5, 128}, Shape{4, 1000}}) {
    const Tensor y = LayerNorm({.size = shape[-1], .eps = 0})(random(shape)).value();
    expect_close(mean(y, -1), zeros(mean(y, -1).shape()));
    expect_close(mean(square(y), -1), ones(mean(y, -1).shape()));
  }
}

TEST(LayerNorm, ScalesAndShifts) {
  LayerNorm norm({.size = 2, .eps = 0});
  norm.weight = parameter(tensor({2, 3}));
  norm.bias = parameter(tensor({10, 20}));
  expect_close(norm(matrix({{1, 3}, {5, -5}})), matrix({{8, 23}, {12, 17}}));
}

TEST(LayerNorm, IsWhatItsFormulaSaysAtAnySize) {
  for (const Shape& shape : {Shape{1}, Shape{3, 1}, Shape{5, 7}, Shape{2, 3, 64}, Shape{300, 129}, Shape{600, 256}}) {
    const int64_t n = shape[-1];
    const Var x = parameter(random(shape, 1)), w = parameter(random({n}, 2)), b = parameter(random({n}, 3));
    const real eps = real(0.1);
    expect_same_gradients({x, w, b}, layer_norm(x, w, b, eps), normalized(x, -1, eps) * w + b);
    expect_same_gradients({x}, layer_norm(x, {}, {}, eps), normalized(x, -1, eps));
  }
}

TEST(LayerNorm, HasItsGradients) {
  SKIP_IN_FLOAT();
  expect_gradients([](const std::vector<Var>& in) { return layer_norm(in[0], in[1], in[2], real(1e-3)); },
                   {random({2, 3, 5}, 1), random({5}, 2), random({5}, 3)});
  expect_gradients([](const std::vector<Var>& in) { return layer_norm(in[0], {}, {}, real(1e-3)); },
                   {random({3, 9}, 1)});
}

TEST(LayerNorm, KeepsItsDigitsFarFromZero) {
  const Tensor x = random({4, 64});
  expect_close(layer_norm(x + real(1000), {}, {}, 0), layer_norm(x, {}, {}, 0).value(), kDouble ? 1e-10 : 1e-3);
}

TEST(LayerNorm, TakesNoRows) { EXPECT_EQ(LayerNorm({.size = 3})(Tensor({0, 3})).shape(), Shape({0, 3})); }

TEST(LayerNorm, RefusesWrongShapes) {
  expect_error([] { LayerNorm({.size = 0}); }, "size = 0");
  expect_error([] { LayerNorm({.size = 3})(Tensor({2, 4})); }, "for x [2, 4]; [4] expected");
  expect_error([] { LayerNorm({.size = 3})(scalar(1)); }, "[]");
}

// ---- GroupNorm ------------------------------------------------------------------------------------------------------

TEST(GroupNorm, NormalisesGroupsOfChannels) {
  GroupNorm norm({.groups = 2, .channels = 6});
  norm.weight = parameter(random({6}, 1));
  norm.bias = parameter(random({6}, 2));
  for (const Shape& shape : {Shape{3, 6}, Shape{3, 6, 4}, Shape{3, 6, 4, 5}, Shape{0, 6, 4}}) {
    const Tensor x = random(shape, 3);
    const Var rows = normalized(Var(x.reshape({shape[0], 2, 3 * shape.product(2, shape.rank())})), 2, real(1e-5));
    const Var want = reshape(rows, {shape[0], 6, shape.product(2, shape.rank())}) * reshape(norm.weight, {6, 1}) +
                     reshape(norm.bias, {6, 1});
    expect_close(norm(x), want.value().reshape(shape));
  }
}

TEST(GroupNorm, HasItsGradients) {
  SKIP_IN_FLOAT();
  const GroupNorm norm({.groups = 2, .channels = 4});
  expect_gradients(
      [&](const std::vector<Var>& in) {
        GroupNorm n = norm;
        n.weight = in[1], n.bias = in[2];
        return n(in[0]);
      },
      {random({2, 4, 3}, 1), random({4}, 2), random({4}, 3)});
}

TEST(GroupNorm, RefusesWrongShapes) {
  expect_error([] { GroupNorm({.groups = 3, .channels = 4}); }, "3 groups do not divide 4 channels");
  expect_error(
      [] {
        GroupNorm({.groups = 2, .channels = 4})(Tensor({2, 3, 4}));
      },
      "[N, 4, ...] expected, not [2, 3, 4]");
}

// ---- BatchNorm ------------------------------------------------------------------------------------------------------

const Shape kBatches[] = {{5, 3}, {2, 3, 4}, {4, 3, 5, 7}, {300, 3}, {2, 3, 1}, {70, 17, 8, 8}};

Var batch_norm_of(const Shape& shape, const BatchNorm::Options& options, const Tensor& x) {
  return shape.rank() == 4 ? BatchNorm2d(options)(x) : BatchNorm1d(options)(x);
}

TEST(BatchNorm, BringsEachChannelToMeanZeroAndVarianceOne) {
  for (const Shape& shape : kBatches) {
    const Tensor y = batch_norm_of(shape, {.channels = shape[1], .eps = 0}, random(shape)).value();
    const Tensor rows = y.reshape({shape[0], shape[1], shape.product(2, shape.rank())});
    expect_close(mean(rows, {0, 2}), zeros({shape[1]}));
    expect_close(mean(square(rows), {0, 2}), ones({shape[1]}));
  }
}

TEST(BatchNorm, IsWhatItsFormulaSaysAtAnySize) {
  for (const Shape& shape : kBatches) {
    const int64_t c = shape[1];
    const Var x = parameter(random(shape, 1)), w = parameter(random({c}, 2)), b = parameter(random({c}, 3));
    auto composed = [&](bool affine) {
      const Var n = normalized(reshape(x, {shape[0], c, -1}), {0, 2}, real(0.1));
      return reshape(affine ? n * reshape(w, {c, 1}) + reshape(b, {c, 1}) : n, shape);
    };
    expect_same_gradients({x, w, b}, batch_norm(x, w, b, real(0.1)).y, composed(true));
    expect_same_gradients({x}, batch_norm(x, {}, {}, real(0.1)).y, composed(false));
  }
}

TEST(BatchNorm, HasItsGradients) {
  SKIP_IN_FLOAT();
  for (const Shape& shape : {Shape{5, 3}, Shape{2, 3, 2, 2}})
    expect_gradients([](const std::vector<Var>& in) { return batch_norm(in[0], in[1], in[2], real(1e-3)).y; },
                     {random(shape, 1), random({3}, 2), random({3}, 3)});
}

TEST(BatchNorm, HasItsGradientsInEvaluation) {
  SKIP_IN_FLOAT();
  BatchNorm2d norm({.channels = 3});
  norm(random({4, 3, 2, 2}, 1));
  norm.eval();
  expect_gradients(
      [&](const std::vector<Var>& in) {
        BatchNorm2d n = norm;
        n.weight = in[1], n.bias = in[2];
        return n(in[0]);
      },
      {random({2, 3, 2, 2}, 2), random({3}, 3), random({3}, 4)});
}

TEST(BatchNorm, KeepsItsDigitsFarFromZero) {
  const Tensor x = random({32, 2, 9}, 1);
  expect_close(batch_norm(x + real(1000), {}, {}, 0).y, batch_norm(x, {}, {}, 0).y.value(), kDouble ? 1e-10 : 1e-3);
}

TEST(BatchNorm, TracksTheBatchesOfTraining) {
  const BatchNorm1d norm({.channels = 2, .momentum = 0.25});
  const Tensor a = matrix({{1, 0}, {3, 6}}), b = matrix({{0, 1}, {0, 3}});
  norm(a), norm(b);
  // batch means (2, 3), (0, 2); unbiased variances (2, 18), (0, 2)
  expect_close(norm.running_mean, tensor({2 * 0.25 * 0.75, 3 * 0.25 * 0.75 + 2 * 0.25}));
  expect_close(norm.running_var, tensor({(0.75 + 2 * 0.25) * 0.75, (0.75 + 18 * 0.25) * 0.75 + 2 * 0.25}));
  EXPECT_EQ(norm.num_batches_tracked.item(), 2);
}

TEST(BatchNorm, EvaluatesByWhatItTracked) {
  BatchNorm2d norm({.channels = 2, .eps = 0.01});
  norm.running_mean = tensor({1, -1});
  norm.running_var = tensor({4, 0.25});
  norm.weight = parameter(tensor({2, 3}));
  norm.bias = parameter(tensor({0, 5}));
  norm.eval();
  const Tensor x = random({3, 2, 4, 5}), y = norm(x).value();
  for (int64_t n = 0; n < 3; ++n) {
    expect_close(y.row(n).row(0), (x.row(n).row(0) - 1) * real(2 / std::sqrt(4.01)));
    expect_close(y.row(n).row(1), (x.row(n).row(1) + 1) * real(3 / std::sqrt(0.26)) + 5);
  }
  EXPECT_EQ(norm.num_batches_tracked.item(), 0);
  expect_close(norm(x.rows(0, 1)), y.rows(0, 1), 0);  // an example does not depend on the others
  EXPECT_EQ(norm(x.rows(0, 0)).shape(), Shape({0, 2, 4, 5}));
}

TEST(BatchNorm, StatisticsStandStillWhileTheyAreKept) {
  const BatchNorm1d norm({.channels = 3});
  norm(random({4, 3}, 1));
  const Tensor before = norm.running_mean.clone();
  {
    const KeepStatistics keep;
    norm(random({4, 3}, 2));
    expect_close(norm.running_mean, before, 0);
    EXPECT_EQ(norm.num_batches_tracked.item(), 1);
  }
  norm(random({4, 3}, 2));
  EXPECT_GT(max_difference(norm.running_mean, before), 1e-3);
}

TEST(BatchNorm, NamesItsStateAsPyTorchDoes) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : BatchNorm2d({.channels = 2}).state_dict()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"weight", "bias", "running_mean", "running_var", "num_batches_tracked"}));
}

TEST(BatchNorm, CloneHasStatisticsOfItsOwn) {
  const BatchNorm1d a({.channels = 2});
  const BatchNorm1d b = clone(a), shared = a;
  a(random({8, 2}));
  EXPECT_EQ(b.num_batches_tracked.item(), 0);
  EXPECT_EQ(shared.num_batches_tracked.item(), 1);
}

TEST(BatchNorm, RefusesWrongShapes) {
  expect_error([] { BatchNorm1d({.channels = 0}); }, "channels = 0");
  expect_error([] { BatchNorm1d({.channels = 2, .momentum = 2}); }, "momentum = 2");
  const BatchNorm1d one({.channels = 3});
  const BatchNorm2d two({.channels = 3});
  expect_error([&] { one(Tensor({2, 4})); }, "has 4 channels, not 3");
  expect_error([&] { one(Tensor({2, 3, 4, 5})); }, "not [2, 3, 4, 5]");
  expect_error([&] { two(Tensor({2, 3})); }, "not [2, 3]");
  expect_error([&] { one(Tensor({1, 3})); }, "more than one number a channel; x is [1, 3]");
}

}  // namespace
}  // namespace bijou::nn

// Attention against loops in double, masks by gradient, and the fused op against its ops.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops.h"
#include "nn/attention.h"
#include "nn/transformer.h"
#include "tensor/elementwise.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

// y_i = Σ_j p_ij v_j over the j that may(b, i, j), head by head.
template <class May>
Tensor naive(const Tensor& qkv, int64_t heads, const May& may) {
  const int64_t batch = qkv.size(0), steps = qkv.size(1), dim = qkv.size(2) / 3, width = dim / heads;
  Tensor y = zeros({batch, steps, dim});
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t h = 0; h < heads; ++h)
      for (int64_t i = 0; i < steps; ++i) {
        std::vector<double> p(size_t(steps), 0);
        double total = 0;
        for (int64_t j = 0; j < steps; ++j) {
          double s = 0;
          for (int64_t k = 0; k < width; ++k) s += qkv.at({b, i, h * width + k}) * qkv.at({b, j, dim + h * width + k});
          total += p[size_t(j)] = may(b, i, j) ? std::exp(s / std::sqrt(double(width))) : 0;
        }
        for (int64_t j = 0; j < steps && total > 0; ++j)
          for (int64_t k = 0; k < width; ++k)
            y.mutable_data()[(b * steps + i) * dim + h * width + k] +=
                real(p[size_t(j)] / total) * qkv.at({b, j, 2 * dim + h * width + k});
      }
  return y;
}

TEST(Attention, IsAWeightedMean) {
  for (const Shape& shape : {Shape{1, 1, 3}, Shape{2, 5, 12}, Shape{3, 17, 18}, Shape{1, 130, 24}}) {
    const Tensor qkv = random(shape);
    for (int64_t heads : {1, 2}) {
      if (shape[2] % (3 * heads)) continue;
      expect_close(self_attention(qkv, heads), naive(qkv, heads, [](auto...) { return true; }));
      expect_close(self_attention(qkv, heads, {.causal = true}),
                   naive(qkv, heads, [](auto, auto i, auto j) { return j <= i; }));
    }
  }
}

TEST(Attention, ObeysItsMasks) {
  const Tensor qkv = random({2, 6, 12}), positions = bernoulli({6, 6}, 0.4), padding = bernoulli({2, 6}, 0.3);
  auto may_position = [&](int64_t i, int64_t j) { return positions.at({i, j}) == 0; };
  auto may_key = [&](int64_t b, int64_t j) { return padding.at({b, j}) == 0; };
  expect_close(self_attention(qkv, 2, {.positions = positions}),
               naive(qkv, 2, [&](auto, auto i, auto j) { return may_position(i, j); }));
  expect_close(self_attention(qkv, 2, {.key_padding = padding}),
               naive(qkv, 2, [&](auto b, auto, auto j) { return may_key(b, j); }));
  expect_close(self_attention(qkv, 2, {.causal = true, .positions = positions, .key_padding = padding}),
               naive(qkv, 2, [&](auto b, auto i, auto j) { return j <= i && may_position(i, j) && may_key(b, j); }));
}

TEST(Attention, IsZeroWhereItMayLookNowhere) {
  const Var qkv = parameter(random({1, 4, 6}));
  Tensor padding = zeros({1, 4});
  padding.fill(1);
  const Var y = self_attention(qkv, 1, {.key_padding = padding});
  expect_close(y, zeros({1, 4, 2}), 0);
  backward(sum(y));
  expect_close(qkv.grad(), zeros({1, 4, 6}), 0);
}

TEST(Attention, SurvivesExtremeScores) {
  const Tensor y = self_attention(random({1, 5, 6}) * real(1000), 1).value();
  EXPECT_TRUE(all_finite(y));
}

// dL/d(qkv) of both ways to compute attention.
void expect_fused_is_composed(const Shape& shape, int64_t heads, const AttentionMask& mask, const Tensor& kept = {}) {
  const Var qkv = parameter(random(shape, 1));
  const Var fused = self_attention(qkv, heads, mask, kept), composed = self_attention_in_ops(qkv, heads, mask, kept);
  expect_close(fused, composed.value());
  const Var seed(random(fused.shape(), 2));
  const Var inputs[] = {qkv};
  expect_close(grad(fused, seed, inputs)[0], grad(composed, seed, inputs)[0].value(), kDouble ? 1e-10 : 1e-4);
}

TEST(Attention, ItsFusedRuleIsThatOfItsOps) {
  expect_fused_is_composed({1, 1, 3}, 1, {});
  expect_fused_is_composed({2, 7, 18}, 2, {});
  expect_fused_is_composed({2, 7, 18}, 3, {.causal = true});
  expect_fused_is_composed({1, 300, 12}, 2, {.causal = true});  // several blocks
  expect_fused_is_composed({3, 140, 24}, 2, {.key_padding = bernoulli({3, 140}, 0.5)});
  expect_fused_is_composed({2, 9, 12}, 2, {.causal = true, .positions = bernoulli({9, 9}, 0.5)});  // rows without a key
  expect_fused_is_composed({2, 9, 12}, 2, {.causal = true}, bernoulli({2, 2, 9, 9}, 0.5) * 2);
}

TEST(Attention, HasItsGradients) {
  SKIP_IN_FLOAT();
  const Tensor padding = matrix({{0, 0, 0, 1}, {0, 1, 0, 0}}), kept = bernoulli({2, 2, 4, 4}, 0.7);
  for (const Tensor& k : {Tensor(), kept})
    expect_gradients(
        [&](const std::vector<Var>& in) {
          return self_attention(in[0], 2, {.causal = true, .key_padding = padding}, k);
        },
        {random({2, 4, 12}, 1)});
}

TEST(Attention, IsCausalByGradient) {
  const int64_t steps = 6;
  const TransformerBlock block({.dim = 8, .heads = 2, .feedforward = 16});
  for (int64_t i = 0; i < steps; ++i) {
    const Var x = parameter(random({1, steps, 8}, 1));
    const Var y = select(block(x, {.causal = true}), 1, i);
    backward(sum(square(y)));
    for (int64_t j = 0; j < steps; ++j) {
      const real size = sum(square(x.grad().value().row(0).row(j))).item();
      if (j > i) EXPECT_EQ(size, 0) << j << " of " << i;
      else EXPECT_GT(size, 0) << j << " of " << i;
    }
  }
}

TEST(Attention, CatchesAMaskThatChanged) {
  Tensor padding = zeros({1, 4});
  const Var y = self_attention(parameter(random({1, 4, 6})), 1, {.key_padding = padding});
  padding.fill(1);
  expect_error([&] { backward(sum(y)); }, "changed in place");
}

TEST(Attention, RefusesWrongShapes) {
  expect_error([] { self_attention(Tensor({2, 4, 10}), 1); }, "qkv [2, 4, 10] for 1 heads");
  expect_error([] { self_attention(Tensor({2, 4, 12}), 3); }, "qkv [2, 4, 12] for 3 heads");
  expect_error([] { self_attention(Tensor({4, 12}), 2); }, "qkv [4, 12]");
  expect_error([] { self_attention(Tensor({2, 4, 12}), 2, {.positions = zeros({4, 5})}); }, "[4, 5]; [4, 4] expected");
  expect_error([] { self_attention(Tensor({2, 4, 12}), 2, {.key_padding = zeros({4})}); }, "[4]; [2, 4] expected");
  expect_error(
      [] {
        self_attention(Tensor({2, 4, 12}), 2, {}, ones({2, 4, 4}));
      },
      "kept [2, 4, 4]; [2, 2, 4, 4] expected");
}

// ---- MultiHeadAttention ---------------------------------------------------------------------------------------------

TEST(MultiHeadAttention, ProjectsInAndOut) {
  MultiHeadAttention layer({.dim = 6, .heads = 2});
  layer.in_proj_bias = parameter(random({18}, 1));
  const Tensor x = random({2, 5, 6}, 2);
  const Tensor qkv = matmul(x, layer.in_proj_weight.value(), {.transpose_b = true}) + layer.in_proj_bias.value();
  expect_close(layer(x), layer.out_proj(naive(qkv, 2, [](auto...) { return true; })).value());
}

TEST(MultiHeadAttention, NamesItsParametersAsPyTorchDoes) {
  std::vector<std::string> list;
  for (const auto& [name, tensor] : MultiHeadAttention({.dim = 6, .heads = 2}).state_dict())
    list.push_back(name + " " + to_string(tensor.shape()));
  EXPECT_EQ(list, (std::vector<std::string>{"in_proj_weight [18, 6]", "in_proj_bias [18]", "out_proj.weight [6, 6]",
                                            "out_proj.bias [6]"}));
  EXPECT_EQ(MultiHeadAttention({.dim = 6, .heads = 2, .bias = false}).parameters().size(), 2u);
}

TEST(MultiHeadAttention, DropsWeightsWhileTraining) {
  MultiHeadAttention layer({.dim = 6, .heads = 2, .dropout = 0.5});
  const Tensor x = random({2, 5, 6});
  manual_seed(3);
  const Tensor a = layer(x).value(), b = layer(x).value();
  EXPECT_GT(max_difference(a, b), 1e-3);
  manual_seed(3);
  expect_close(layer(x), a, 0);
  layer.eval();
  expect_close(layer(x), layer(x).value(), 0);
}

TEST(MultiHeadAttention, RefusesWhatMakesNoSense) {
  expect_error([] { MultiHeadAttention({.dim = 6, .heads = 4}); }, "4 heads do not divide dim = 6");
  expect_error([] { MultiHeadAttention({.dim = 6, .heads = 2, .dropout = 1}); }, "dropout = 1");
  expect_error([] { MultiHeadAttention({.dim = 6, .heads = 2})(Tensor({2, 6})); }, "[batch, steps, 6] expected");
}

// ---- TransformerBlock -----------------------------------------------------------------------------------------------

TEST(TransformerBlock, IsItsParts) {
  const Tensor x = random({2, 3, 4});
  const TransformerBlock pre({.dim = 4, .heads = 2, .feedforward = 8});
  const Var y = pre.self_attn(pre.norm1(x)) + x;
  expect_close(pre(x), (y + pre.linear2(gelu(pre.linear1(pre.norm2(y))))).value());

  const TransformerBlock post({.dim = 4, .heads = 2, .feedforward = 8, .norm_first = false, .activation = ReLU()});
  const Var z = post.norm1(post.self_attn(x) + x);
  expect_close(post(x), post.norm2(z + post.linear2(relu(post.linear1(z)))).value());
}

TEST(TransformerBlock, HasItsGradients) {
  SKIP_IN_FLOAT();
  for (bool norm_first : {true, false}) {
    const TransformerBlock block({.dim = 4, .heads = 2, .feedforward = 6, .norm_first = norm_first});
    expect_gradients([&](const std::vector<Var>& in) { return block(in[0], {.causal = true}); }, {random({2, 3, 4})});
  }
}

TEST(TransformerBlock, NamesItsParametersAsPyTorchDoes) {
  std::vector<std::string> list;
  for (const auto& [name, p] : TransformerBlock({.dim = 4, .heads = 2, .feedforward = 8}).named_parameters())
    list.push_back(name);
  EXPECT_EQ(list,
            (std::vector<std::string>{"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
                                      "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight",
                                      "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"}));
}

TEST(TransformerBlock, EvaluatesWithoutNoise) {
  TransformerBlock block({.dim = 4, .heads = 2, .feedforward = 8, .dropout = 0.3});
  const Tensor x = random({2, 3, 4});
  EXPECT_GT(max_difference(block(x).value(), block(x).value()), 1e-3);
  block.eval();
  expect_close(block(x), block(x).value(), 0);
}

}  // namespace
}  // namespace bijou::nn

// What follows from the names of members: lists, state dicts, modes, copies.
#include <gtest/gtest.h>

#include "autograd/ops.h"
#include "nn/linear.h"
#include "nn/module.h"
#include "nn/sequential.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

struct Counter : Module {  // a buffer and a parameter that may be absent
  Var operator()(const Var& x) const { return x; }
  void members(Visitor& visit) override { visit("offset", offset), visit("count", count); }
  Var offset;
  Tensor count = zeros({2});
};

struct Model : Module {
  Linear first{{.in = 3, .out = 4}};
  std::vector<Linear> heads{Linear({.in = 4, .out = 2}), Linear({.in = 4, .out = 2, .bias = false})};
  Sequential tail{Linear({.in = 2, .out = 5}), [](const Var& x) { return relu(x); }, Counter()};
  void members(Visitor& visit) override { visit("first", first), visit("heads", heads), visit("tail", tail); }
  Var operator()(const Var& x) const {
    const Var h = first(x);
    return tail(heads[0](h) + heads[1](h));
  }
};

std::vector<std::string> names(const StateDict& state) {
  std::vector<std::string> list;
  for (const auto& [name, tensor] : state) list.push_back(name);
  return list;
}

TEST(Module, NamesItsParametersAsPyTorchDoes) {
  const Model model;
  std::vector<std::string> list;
  for (const auto& [name, p] : model.named_parameters()) list.push_back(name);
  EXPECT_EQ(list, (std::vector<std::string>{"first.weight", "first.bias", "heads.0.weight", "heads.0.bias",
                                            "heads.1.weight", "tail.0.weight", "tail.0.bias"}));
  EXPECT_EQ(names(model.named_buffers()), std::vector<std::string>{"tail.2.count"});
  EXPECT_EQ(names(model.state_dict()).size(), 8u);
  EXPECT_EQ(model.parameters().size(), 7u);
  EXPECT_EQ(model.num_parameters(), 12 + 4 + 8 + 2 + 8 + 10 + 5);
}

TEST(Module, LoadsTheStateOfItsTwin) {
  Model a, b;
  const Tensor x = random({6, 3});
  EXPECT_GT(max_difference(a(x).value(), b(x).value()), 1e-3);
  a.tail[2].as<Counter>().count.fill(7);
  b.load_state_dict(a.state_dict());
  EXPECT_EQ(max_difference(a(x).value(), b(x).value()), 0);
  EXPECT_EQ(b.tail[2].as<Counter>().count.at({1}), 7);
  a.first.weight.mutable_value().fill(0);  // copied, not shared
  EXPECT_NE(b.first.weight.value().at({0, 0}), 0);
}

TEST(Module, KeepsItsHandlesWhenItLoads) {
  Model a, b;
  const Var before = b.first.weight;
  b.load_state_dict(a.state_dict());
  EXPECT_TRUE(before.same_as(b.first.weight));
  expect_close(before, a.first.weight.value(), 0);
}

TEST(Module, ListsAllThatIsWrongWithAStateAndChangesNothing) {
  Model model;
  const Model other;
  StateDict state = other.state_dict();
  state.erase(state.begin());       // first.weight is missing
  state[1].second = zeros({7, 7});  // heads.0.weight
  state.emplace_back("heads.9.weight", zeros({2}));
  const Tensor bias = model.first.bias.value().clone();
  for (const char* part : {"missing: first.weight [4, 3]", "heads.0.weight is [2, 4] here and [7, 7] there",
                           "unexpected: heads.9.weight [2]", "another Model"})
    expect_error([&] { model.load_state_dict(state); }, part);
  expect_close(model.first.bias, bias, 0);
}

TEST(Module, PassesItsModeToAllWithin) {
  Model model;
  model.eval();
  EXPECT_FALSE(model.training || model.first.training || model.heads[1].training || model.tail.training);
  EXPECT_FALSE(model.tail[2].module()->training);
  model.train();
  EXPECT_TRUE(model.training && model.heads[1].training && model.tail[2].module()->training);
}

TEST(Module, ZeroGradForgetsGradients) {
  Model model;
  backward(sum(model(random({2, 3}))));
  EXPECT_TRUE(bool(model.first.weight.grad()));
  model.zero_grad();
  for (const Var& p : model.parameters()) EXPECT_FALSE(bool(p.grad()));
}

TEST(Module, SummaryIsATable) {
  const Sequential net(Linear({.in = 784, .out = 128}), Linear({.in = 128, .out = 10, .bias = false}));
  EXPECT_EQ(net.summary(),
            "name      module      shape        count\n"
            "0.weight  Linear      [128, 784]  100352\n"
            "0.bias    Linear      [128]          128\n"
            "1.weight  Linear      [10, 128]     1280\n"
            "total     Sequential              101760\n");
}

// ---- Copies ---------------------------------------------------------------------------------------------------------

TEST(Copy, SharesParametersAndBuffers) {
  Model a, b = a;
  EXPECT_TRUE(b.first.weight.same_as(a.first.weight));
  EXPECT_TRUE(b.tail[0].as<Linear>().weight.same_as(a.tail[0].as<Linear>().weight));
  a.tail[2].as<Counter>().count.fill(3);
  EXPECT_EQ(b.tail[2].as<Counter>().count.at({0}), 3);
  b.eval();  // the mode is each copy's own
  EXPECT_TRUE(a.tail[0].module()->training);
}

TEST(Clone, IsEqualAndIndependent) {
  const Model a;
  Model b = clone(a);
  const Tensor x = random({6, 3});
  EXPECT_EQ(max_difference(a(x).value(), b(x).value()), 0);
  for (size_t i = 0; i < a.parameters().size(); ++i) {
    Var p = b.parameters()[i];
    EXPECT_TRUE(p.requires_grad());
    EXPECT_FALSE(p.same_as(a.parameters()[i]));
    p.mutable_value().fill(0);
  }
  b.tail[2].as<Counter>().count.fill(9);
  EXPECT_EQ(a.tail[2].as<Counter>().count.at({0}), 0);
  EXPECT_NE(a.tail[0].as<Linear>().weight.value().at({0, 0}), 0);
  backward(sum(square(b(x))));
  for (const Var& p : a.parameters()) EXPECT_FALSE(bool(p.grad()));
}

TEST(Clone, KeepsTiedWeightsTied) {
  Sequential a(Linear({.in = 3, .out = 3}), Linear({.in = 3, .out = 3}));
  a[1].as<Linear>().weight = a[0].as<Linear>().weight;
  EXPECT_EQ(a.parameters().size(), 3u);
  EXPECT_EQ(a.state_dict().size(), 4u);
  EXPECT_EQ(a.num_parameters(), 9 + 3 + 3);
  const Sequential b = clone(a);
  EXPECT_TRUE(b[0].as<Linear>().weight.same_as(b[1].as<Linear>().weight));
  EXPECT_FALSE(b[0].as<Linear>().weight.same_as(a[0].as<Linear>().weight));
}

TEST(Clone, LeavesFrozenWeightsFrozen) {
  Linear a({.in = 2, .out = 2});
  a.weight = Var(a.weight.value());
  EXPECT_FALSE(clone(a).weight.requires_grad());
  EXPECT_TRUE(clone(a).bias.requires_grad());
}

// ---- Sequential, Residual -------------------------------------------------------------------------------------------

TEST(Sequential, AppliesOneAfterTheOther) {
  const Linear a({.in = 3, .out = 4}), b({.in = 4, .out = 2});
  Sequential net(a, [](const Var& x) { return tanh(x); });
  net.add(b);
  const Tensor x = random({5, 3});
  expect_close(net(x), b(tanh(a(x))).value(), 0);
  EXPECT_EQ(net.size(), 3u);
  EXPECT_TRUE(net[0].as<Linear>().weight.same_as(a.weight));
  expect_close(Sequential()(x), x, 0);
}

TEST(Sequential, NestsAndNamesByPosition) {
  const Sequential net(Sequential(Linear({.in = 1, .out = 1}), Linear({.in = 1, .out = 1, .bias = false})),
                       Residual(Linear({.in = 1, .out = 1, .bias = false})));
  EXPECT_EQ(names(net.state_dict()),
            (std::vector<std::string>{"0.0.weight", "0.0.bias", "0.1.weight", "1.body.weight"}));
}

TEST(Sequential, HoldsSequentialsOnly) {
  const Linear a({.in = 2, .out = 2}), b({.in = 2, .out = 2});
  const Sequential first(a), second(b), both(first, second), copy(first);
  EXPECT_EQ(both.size(), 2u);
  EXPECT_EQ(copy.parameters().size(), 2u);
  const Tensor x = random({3, 2});
  expect_close(both(x), b(a(x)).value(), 0);
}

TEST(Sequential, RefusesWhatIsNotThere) {
  const Sequential net(Linear({.in = 1, .out = 1}));
  expect_error([&] { net[1]; }, "no module 1 among 1");
  expect_error([&] { net[0].as<Sequential>(); }, "something else");
}

TEST(Residual, AddsItsInput) {
  const Linear inner({.in = 3, .out = 3});
  const Residual block(inner);
  const Tensor x = random({4, 3});
  expect_close(block(x), (inner(x) + x).value(), 0);
  const Residual widening(Linear({.in = 3, .out = 6}));
  expect_error([&] { widening(x); }, "turns [4, 3] into [4, 6]");
}

// ---- Linear ---------------------------------------------------------------------------------------------------------

TEST(Linear, IsAProductAndABias) {
  Linear layer({.in = 3, .out = 2});
  layer.weight = parameter(matrix({{1, 2, 3}, {-1, 0, 1}}));
  layer.bias = parameter(tensor({10, 20}));
  expect_close(layer(matrix({{1, 1, 1}, {0, 1, 2}})), matrix({{16, 20}, {18, 22}}), 0);
}

TEST(Linear, TakesAnyLeadingAxes) {
  const Linear layer({.in = 3, .out = 2});
  const Tensor x = random({2, 4, 3});
  expect_close(layer(x), layer(x.reshape({8, 3})).value().reshape({2, 4, 2}));
  EXPECT_EQ(layer(x.row(0).row(0)).shape(), Shape({2}));
  EXPECT_EQ(layer(Tensor({0, 3})).shape(), Shape({0, 2}));
}

TEST(Linear, HasItsGradients) {
  SKIP_IN_FLOAT();
  for (bool bias : {true, false}) {
    const Linear layer({.in = 3, .out = 2, .bias = bias});
    std::vector<Tensor> inputs{random({5, 3}), layer.weight.value()};
    if (bias) inputs.push_back(layer.bias.value());
    expect_gradients(
        [&](const std::vector<Var>& in) {
          Linear l = layer;
          l.weight = in[1];
          if (bias) l.bias = in[2];
          return l(in[0]);
        },
        inputs);
  }
}

TEST(Linear, RefusesWrongShapes) {
  expect_error([] { Linear({.in = 0, .out = 2}); }, "in = 0");
  const Linear layer({.in = 3, .out = 2});
  expect_error([&] { layer(Tensor({4, 5})); }, "[4, 5]");
  expect_error([&] { layer(scalar(1)); }, "[]");
}

}  // namespace
}  // namespace bijou::nn

// Recurrent layers against a naive loop over time, batch and unit, in double.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops.h"
#include "nn/recurrent.h"
#include "nn/unroll.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;
using Vector = std::vector<double>;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

// W v + b for the rows of one gate.
Vector gate(const Var& w, const Var& b, int64_t which, const Vector& v, int64_t hidden) {
  Vector y(size_t(hidden), 0);
  for (int64_t i = 0; i < hidden; ++i) {
    const int64_t row = which * hidden + i;
    if (b) y[size_t(i)] = b.value().at({row});
    for (size_t j = 0; j < v.size(); ++j) y[size_t(i)] += w.value().at({row, int64_t(j)}) * v[j];
  }
  return y;
}

// One step of one layer for one example: h and c become the next ones.
void step(const RNN&, const Recurrent::Layer& l, const Vector& x, Vector& h, Vector&) {
  const int64_t n = int64_t(h.size());
  const Vector a = gate(l.weight_ih, l.bias_ih, 0, x, n), b = gate(l.weight_hh, l.bias_hh, 0, h, n);
  for (size_t i = 0; i < h.size(); ++i) h[i] = std::tanh(a[i] + b[i]);
}

void step(const GRU&, const Recurrent::Layer& l, const Vector& x, Vector& h, Vector&) {
  const int64_t size = int64_t(h.size());
  Vector a[3], b[3];
  for (int k = 0; k < 3; ++k) {
    a[k] = gate(l.weight_ih, l.bias_ih, k, x, size);
    b[k] = gate(l.weight_hh, l.bias_hh, k, h, size);
  }
  for (size_t i = 0; i < h.size(); ++i) {
    const double r = logistic(a[0][i] + b[0][i]), z = logistic(a[1][i] + b[1][i]), n = std::tanh(a[2][i] + r * b[2][i]);
    h[i] = (1 - z) * n + z * h[i];
  }
}

void step(const LSTM&, const Recurrent::Layer& l, const Vector& x, Vector& h, Vector& c) {
  const int64_t size = int64_t(h.size());
  Vector a[4];
  for (int k = 0; k < 4; ++k) {
    a[k] = gate(l.weight_ih, l.bias_ih, k, x, size);
    const Vector b = gate(l.weight_hh, l.bias_hh, k, h, size);
    for (size_t i = 0; i < b.size(); ++i) a[k][i] += b[i];
  }
  for (size_t i = 0; i < h.size(); ++i) {
    c[i] = logistic(a[1][i]) * c[i] + logistic(a[0][i]) * std::tanh(a[2][i]);
    h[i] = logistic(a[3][i]) * std::tanh(c[i]);
  }
}

Vector row(const Tensor& x, int64_t i, int64_t j) {
  const Tensor r = x.row(i).row(j);
  return {r.begin(), r.end()};
}

struct Naive {
  Tensor output, h, c;
};
// h, c [layers, B, hidden]
template <class Net>
Naive naive(const Net& net, const Tensor& x, const Tensor& h0, const Tensor& c0) {
  const int64_t hidden = net.options.hidden;
  Naive r{Tensor({x.size(0), x.size(1), hidden}), h0.clone(), c0.clone()};
  for (int64_t b = 0; b < x.size(0); ++b) {
    std::vector<Vector> h, c;
    for (int64_t l = 0; l < h0.size(0); ++l) h.push_back(row(h0, l, b)), c.push_back(row(c0, l, b));
    for (int64_t t = 0; t < x.size(1); ++t) {
      Vector input = row(x, b, t);
      for (size_t l = 0; l < h.size(); ++l) {
        step(net, net.layers[l], input, h[l], c[l]);
        input = h[l];
      }
      for (int64_t i = 0; i < hidden; ++i)
        r.output.mutable_data()[(b * x.size(1) + t) * hidden + i] = real(input[size_t(i)]);
    }
    for (int64_t l = 0; l < h0.size(0); ++l)
      for (int64_t i = 0; i < hidden; ++i) {
        r.h.mutable_data()[(l * x.size(0) + b) * hidden + i] = real(h[size_t(l)][size_t(i)]);
        r.c.mutable_data()[(l * x.size(0) + b) * hidden + i] = real(c[size_t(l)][size_t(i)]);
      }
  }
  return r;
}

struct Sizes {
  int64_t batch, steps, in, hidden, layers;
  bool bias;
};
const Sizes kSizes[] = {{1, 1, 1, 1, 1, true},
                        {3, 5, 4, 7, 1, true},
                        {2, 4, 3, 16, 2, true},
                        {5, 3, 2, 19, 3, false},
                        {40, 6, 8, 64, 1, true}};

template <class Net, class Check>
void for_all_sizes(const Check& check_sizes) {
  for (const auto& [batch, steps, in, hidden, layers, bias] : kSizes) {
    const Net net({.in = in, .hidden = hidden, .layers = layers, .bias = bias});
    const Shape state{layers, batch, hidden};
    check_sizes(net, random({batch, steps, in}, 1), random(state, 2), random(state, 3));
  }
}

TEST(RNN, IsANaiveLoop) {
  for_all_sizes<RNN>([](const RNN& net, const Tensor& x, const Tensor& h, const Tensor& c) {
    const Naive want = naive(net, x, h, c);
    const auto [output, last] = net(x, h);
    expect_close(output, want.output);
    expect_close(last, want.h);
    expect_close(net(x).output, naive(net, x, zeros(h.shape()), c).output);
  });
}

TEST(GRU, IsANaiveLoop) {
  for_all_sizes<GRU>([](const GRU& net, const Tensor& x, const Tensor& h, const Tensor& c) {
    const Naive want = naive(net, x, h, c);
    const auto [output, last] = net(x, h);
    expect_close(output, want.output);
    expect_close(last, want.h);
    expect_close(net(x).output, naive(net, x, zeros(h.shape()), c).output);
  });
}

TEST(LSTM, IsANaiveLoop) {
  for_all_sizes<LSTM>([](const LSTM& net, const Tensor& x, const Tensor& h, const Tensor& c) {
    const Naive want = naive(net, x, h, c);
    const auto [output, last] = net(x, {h, c});
    expect_close(output, want.output);
    expect_close(last.h, want.h);
    expect_close(last.c, want.c);
    expect_close(net(x).output, naive(net, x, zeros(h.shape()), zeros(c.shape())).output);
  });
}

TEST(Recurrent, GoesOnFromItsState) {
  const LSTM net({.in = 3, .hidden = 5, .layers = 2});
  const Tensor x = random({2, 7, 3});
  const auto whole = net(x), first = net(slice(x, 1, 0, 4)), second = net(slice(x, 1, 4, 7), first.state);
  expect_close(concat({first.output, second.output}, 1), whole.output.value());
  expect_close(second.state.c, whole.state.c.value());
}

// ---- Gradients ------------------------------------------------------------------------------------------------------

// By inputs, states and the parameters of the second layer, of outputs and last states.
template <class Net, class Call>
void expect_net_gradients(const Call& call) {
  const Net net({.in = 2, .hidden = 3, .layers = 2});
  const auto& layer = net.layers[1];
  expect_gradients(
      [&](const std::vector<Var>& in) {
        Net n = net;
        n.layers[1] = {in[3], in[4], in[5], in[6]};
        return call(n, in[0], in[1], in[2]);
      },
      {random({2, 4, 2}, 1), random({2, 2, 3}, 2), random({2, 2, 3}, 3), layer.weight_ih.value(),
       layer.weight_hh.value(), layer.bias_ih.value(), layer.bias_hh.value()});
}

TEST(RNN, HasItsGradients) {
  SKIP_IN_FLOAT();
  expect_net_gradients<RNN>([](const RNN& net, const Var& x, const Var& h, const Var&) {
    const auto [output, last] = net(x, h);
    return concat({reshape(output, {-1}), reshape(last, {-1})}, 0);
  });
}

TEST(GRU, HasItsGradients) {
  SKIP_IN_FLOAT();
  expect_net_gradients<GRU>([](const GRU& net, const Var& x, const Var& h, const Var&) {
    const auto [output, last] = net(x, h);
    return concat({reshape(output, {-1}), reshape(last, {-1})}, 0);
  });
}

TEST(LSTM, HasItsGradients) {
  SKIP_IN_FLOAT();
  expect_net_gradients<LSTM>([](const LSTM& net, const Var& x, const Var& h, const Var& c) {
    const auto [output, last] = net(x, {h, c});
    return concat({reshape(output, {-1}), reshape(last.h, {-1}), reshape(last.c, {-1})}, 0);
  });
}

template <class Cell>
void expect_fused_is_composed(int64_t steps, int64_t batch, int64_t hidden, bool bias) {
  const int64_t width = Cell::kGates * hidden;
  std::vector<Var> p{parameter(random({steps, batch, width}, 1)), parameter(random({width, hidden}, 2)),
                     parameter(random({Cell::kStates, batch, hidden}, 3))};
  const Var b = bias ? parameter(random({width}, 4)) : Var();
  const Var fused = unroll<Cell>(p[0], p[1], b, p[2]), composed = unroll_in_ops<Cell>(p[0], p[1], b, p[2]);
  if (bias) p.push_back(b);
  expect_close(fused, composed.value(), kDouble ? 1e-10 : 1e-4);
  const Var seed(random(fused.shape(), 5));
  const std::vector<Var> got = grad(fused, seed, p), want = grad(composed, seed, p);
  for (size_t i = 0; i < p.size(); ++i) expect_close(got[i], want[i].value(), kDouble ? 1e-9 : 1e-3);
}

TEST(Recurrent, ItsFusedStepsAreTheirOps) {
  for (bool bias : {true, false}) {
    expect_fused_is_composed<RnnCell>(5, 3, 17, bias);
    expect_fused_is_composed<LstmCell>(5, 3, 17, bias);
    expect_fused_is_composed<GruCell>(5, 3, 17, bias);
    expect_fused_is_composed<GruCell>(3, 70, 48, bias);
  }
}

// ---- State dict, misuse ---------------------------------------------------------------------------------------------

TEST(Recurrent, StatesChangedInPlaceAreCaught) {
  const Var gates = parameter(random({2, 1, 3}));
  Var states = unroll<RnnCell>(gates, Var(random({3, 3}, 1)), {}, Var(zeros({1, 1, 3})));
  states.mutable_value().fill(1);
  expect_error([&] { backward(sum(states)); }, "unroll: its result of shape [1, 2, 1, 3] was changed in place");
}

TEST(Recurrent, NamesItsParametersAsPyTorchDoes) {
  const LSTM net({.in = 3, .hidden = 4, .layers = 2});
  std::vector<std::string> list;
  for (const auto& [name, tensor] : net.state_dict()) list.push_back(name + " " + to_string(tensor.shape()));
  EXPECT_EQ(list, (std::vector<std::string>{"weight_ih_l0 [16, 3]", "weight_hh_l0 [16, 4]", "bias_ih_l0 [16]",
                                            "bias_hh_l0 [16]", "weight_ih_l1 [16, 4]", "weight_hh_l1 [16, 4]",
                                            "bias_ih_l1 [16]", "bias_hh_l1 [16]"}));
  EXPECT_EQ(GRU({.in = 3, .hidden = 4, .bias = false}).parameters().size(), 2u);
  for (const Var& p : net.parameters())
    for (real v : p.value()) ASSERT_LE(std::fabs(v), 0.5);
}

TEST(Recurrent, RefusesWrongShapes) {
  expect_error([] { GRU({.in = 3, .hidden = 0}); }, "GRU: sizes in = 3, hidden = 0");
  const GRU net({.in = 3, .hidden = 4});
  expect_error([&] { net(Tensor({2, 5, 4})); }, "GRU: x [2, 5, 4]; [batch, steps, 3] expected");
  expect_error([&] { net(Tensor({2, 3})); }, "x [2, 3]");
  expect_error([&] { net(Tensor({2, 0, 3})); }, "x [2, 0, 3]");
  expect_error([&] { net(Tensor({2, 5, 3}), Tensor({1, 3, 4})); }, "state of shape [1, 3, 4]; [1, 2, 4] expected");
}

}  // namespace
}  // namespace bijou::nn

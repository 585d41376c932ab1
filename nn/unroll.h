// A recurrent layer, step after step, as one op: the formulas of its cells, and backpropagation through time.
#pragma once

#include <tuple>

#include "autograd/elementwise.h"

namespace bijou::nn {

// A cell is a formula. It maps what the input contributes to each gate (x), what the state contributes (h), and the
// last kind of state before the step, to all kinds of state after it, h first. It is written over numbers: on Lanes it
// is the forward pass of a step, on Duals the backward pass, each one loop; on Vars it builds a graph.
struct RnnCell {
  static constexpr int kGates = 1, kStates = 1;
  static auto step(auto x, auto h, auto) { return std::tuple(tanh(x + h)); }
};

struct LstmCell {
  static constexpr int kGates = 4, kStates = 2;
  static auto step(auto xi, auto xf, auto xg, auto xo, auto hi, auto hf, auto hg, auto ho, auto c) {
    const auto next = sigmoid(xf + hf) * c + sigmoid(xi + hi) * tanh(xg + hg);
    return std::tuple(sigmoid(xo + ho) * tanh(next), next);
  }
};

struct GruCell {
  static constexpr int kGates = 3, kStates = 1;
  static auto step(auto xr, auto xz, auto xn, auto hr, auto hz, auto hn, auto h) {
    const auto n = tanh(xn + sigmoid(xr + hr) * hn);
    return std::tuple(n + sigmoid(xz + hz) * (h - n));
  }
};

// The states after each step, [kinds, T, B, H], from the input's part of the gates [T, B, gates H], the weight
// [gates H, H] and bias [gates H] (or nothing) of the state's part, and the state before the first step [kinds, B, H].
template <class Cell>
Var unroll(const Var& x_gates, const Var& weight, const Var& bias, const Var& initial);

// The same in ops: what unroll means, and how its gradients are differentiated.
template <class Cell>
Var unroll_in_ops(const Var& x_gates, const Var& weight, const Var& bias, const Var& initial);

}  // namespace bijou::nn

#include "nn/unroll.h"

#include "autograd/map.h"
#include "nn/composition.h"

namespace bijou::nn {
using bijou::detail::for_each;

namespace detail {

// Tensors are seen as x_gates, h_gates [T, B, gates H], states [kinds, T, B, H], and a state [kinds, B, H].
template <class Cell>
struct Unroll {
  static constexpr int kGates = Cell::kGates, kStates = Cell::kStates, kInputs = 2 * kGates + 1;
  static constexpr int kLast = kStates - 1;  // the kind of state that the formula reads
  int64_t steps, batch, hidden;

  int64_t width() const { return kGates * hidden; }
  int64_t after(int kind, int64_t t) const { return (kind * steps + t) * batch * hidden; }  // offset of states[kind, t]
  const real* before(int kind, int64_t t, const real* states, const real* initial) const {
    return t == 0 ? initial + kind * batch * hidden : states + after(kind, t - 1);
  }

  // Where the inputs of the formula for row b of step t begin, or their gradients.
  template <class Pointer>
  std::array<Pointer, kInputs> row(int64_t t, int64_t b, Pointer x_gates, Pointer h_gates, Pointer state) const {
    std::array<Pointer, kInputs> in;
    for (int k = 0; k < kGates; ++k) {
      in[size_t(k)] = x_gates + (t * batch + b) * width() + k * hidden;
      in[size_t(k + kGates)] = h_gates + (t * batch + b) * width() + k * hidden;
    }
    in[2 * kGates] = state + b * hidden;
    return in;
  }

  // body(b, k, lanes) for all rows b of a step and all registers of a row: numbers k and on, as many as there are
  // lanes.
  template <class Body>
  void for_registers(const Body& body) const {
    parallel_for(batch, (1 << 13) / width() + 1, [&](int64_t b, int64_t last) {
      for (; b < last; ++b)
        for (int64_t k = 0; k < hidden; k += kLanes) body(b, k, first_lanes(std::min(hidden - k, kLanes)));
    });
  }

  void forward(const real* x_gates, const real* weight, const real* bias, const real* initial, real* h_gates,
               real* states) const {
    for (int64_t t = 0; t < steps; ++t) {
      real* h = h_gates + t * batch * width();
      for (int64_t b = 0; b < batch; ++b) std::copy_n(bias, width(), h + b * width());
      gemm(false, true, batch, width(), hidden, 1, before(0, t, states, initial), hidden, weight, hidden, 1, h,
           width());
      const real* state = before(kLast, t, states, initial);
      for_registers([&](int64_t b, int64_t k, Mask lanes) {
        const auto in = row(t, b, x_gates, static_cast<const real*>(h_gates), state);
        const auto y = std::apply([&](auto... p) { return Cell::step(Lane::load(p + k, lanes)...); }, in);
        for_each<kStates>([&](auto s) { std::get<s>(y).store(states + after(s, t) + b * hidden + k, lanes); });
      });
    }
  }

  // Backpropagation through time. d_states = dL/d(states) as the layers above see it. d_state begins as zeros and takes
  // what flows from each step to the one before; it ends as dL/d(initial).
  void backward(const real* x_gates, const real* h_gates, const real* weight, const real* initial, const real* states,
                const real* d_states, real* d_x_gates, real* d_h_gates, real* d_state) const {
    for (int64_t t = steps - 1; t >= 0; --t) {
      const real* state = before(kLast, t, states, initial);
      for_registers([&](int64_t b, int64_t k, Mask lanes) {
        const auto in = row(t, b, x_gates, h_gates, state);
        const auto out = row(t, b, d_x_gates, d_h_gates, d_state + kLast * batch * hidden);
        std::array<Lane, kStates> g;
        for_each<kStates>([&](auto s) {
          g[s] = Lane::load(d_states + after(s, t) + b * hidden + k, lanes) +
                 Lane::load(d_state + (s * batch + b) * hidden + k, lanes);
        });
        const auto d = vjp(std::apply([&](auto... p) { return std::array{Lane::load(p + k, lanes)...}; }, in), g);
        for (size_t i = 0; i < kInputs; ++i) d[i].store(out[i] + k, lanes);
      });
      // h also goes through the product. Where it is what the formula reads, that part of d_state is there already.
      gemm(false, false, batch, hidden, width(), 1, d_h_gates + t * batch * width(), width(), weight, hidden,
           kLast == 0 ? 1 : 0, d_state, hidden);
    }
  }

  // Σ_t (dL/d h_gates_t)ᵀ h_{t-1}, as one product but for the first step, whose h lies elsewhere.
  void weight_gradient(const real* d_h_gates, const real* initial, const real* states, real* d_weight) const {
    gemm(true, false, width(), hidden, batch, 1, d_h_gates, width(), initial, hidden, 0, d_weight, hidden);
    gemm(true, false, width(), hidden, (steps - 1) * batch, 1, d_h_gates + batch * width(), width(), states, hidden, 1,
         d_weight, hidden);
  }

 private:
  // The gradients of the formula's inputs, given those of its results.
  static std::array<Lane, kInputs> vjp(const std::array<Lane, kInputs>& x, const std::array<Lane, kStates>& g) {
    const auto y = bijou::detail::with_seeds<Lane, kInputs>(x, [](auto... in) { return Cell::step(in...); });
    std::array<Lane, kInputs> d;
    for_each<kInputs>([&](auto i) {
      d[i] = Lane(0);
      for_each<kStates>([&](auto s) {
        const auto& state = std::get<s>(y);
        if constexpr (bijou::detail::depends_on<std::decay_t<decltype(state)>>(i)) d[i] += g[s] * state.d[i];
      });
    });
    return d;
  }
};

}  // namespace detail

template <class Cell>
Var unroll(const Var& x_gates, const Var& weight, const Var& bias, const Var& initial) {
  const detail::Unroll<Cell> op{x_gates.size(0), x_gates.size(1), weight.size(1)};
  Tensor states({Cell::kStates, op.steps, op.batch, op.hidden}), h_gates(x_gates.shape());
  const Tensor b = bias ? bias.value() : zeros({op.width()});
  op.forward(x_gates.value().data(), weight.value().data(), b.data(), initial.value().data(), h_gates.mutable_data(),
             states.mutable_data());
  return record("unroll", states, {x_gates, weight, bias, initial}, [=](const Node& y, const Var& g, Grads& d) {
    if (grad_enabled())
      return vjp_by_composition(y, g, d, [](auto& in) { return unroll_in_ops<Cell>(in[0], in[1], in[2], in[3]); });
    const real *initial = y.in(3).value().data(), *states = y.out().data();
    Tensor d_x(h_gates.shape()), d_h(h_gates.shape()), d_state = zeros(y.in_shape(3));
    op.backward(y.in(0).value().data(), h_gates.data(), y.in(1).value().data(), initial, states, g.value().data(),
                d_x.mutable_data(), d_h.mutable_data(), d_state.mutable_data());
    if (d.wants(1)) {
      Tensor d_weight(y.in_shape(1));
      op.weight_gradient(d_h.data(), initial, states, d_weight.mutable_data());
      d[1] = d_weight;
    }
    if (d.wants(2)) d[2] = sum(d_h, {0, 1});
    d[0] = d_x;
    d[3] = d_state;
  });
}

template <class Cell>
Var unroll_in_ops(const Var& x_gates, const Var& weight, const Var& bias, const Var& initial) {
  std::array<Var, Cell::kStates> state;
  std::array<std::vector<Var>, Cell::kStates> history;
  for_each<Cell::kStates>([&](auto s) { state[s] = select(initial, 0, s); });
  for (int64_t t = 0; t < x_gates.size(0); ++t) {
    std::vector<Var> in = chunk(select(x_gates, 0, t), Cell::kGates, 1);
    for (const Var& h : chunk(linear(state[0], weight, bias), Cell::kGates, 1)) in.push_back(h);
    in.push_back(state.back());
    const auto next = [&]<size_t... I>(std::index_sequence<I...>) { return Cell::step(in[I]...); }
    (std::make_index_sequence<2 * Cell::kGates + 1>());
    for_each<Cell::kStates>([&](auto s) { history[s].push_back(state[s] = std::get<s>(next)); });
  }
  std::vector<Var> kinds;
  for (const auto& steps : history) kinds.push_back(stack(steps, 0));
  return stack(kinds, 0);
}

template Var unroll<RnnCell>(const Var&, const Var&, const Var&, const Var&);
template Var unroll<LstmCell>(const Var&, const Var&, const Var&, const Var&);
template Var unroll<GruCell>(const Var&, const Var&, const Var&, const Var&);
template Var unroll_in_ops<RnnCell>(const Var&, const Var&, const Var&, const Var&);
template Var unroll_in_ops<LstmCell>(const Var&, const Var&, const Var&, const Var&);
template Var unroll_in_ops<GruCell>(const Var&, const Var&, const Var&, const Var&);

}  // namespace bijou::nn

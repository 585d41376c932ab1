#include "nn/recurrent.h"

#include <cmath>

#include "autograd/ops.h"
#include "nn/unroll.h"
#include "tensor/random.h"

namespace bijou::nn {
namespace {

struct Unrolled {
  Var output;               // [B, T, hidden]
  std::vector<Var> states;  // for each kind: [layers, B, hidden], after the last step
};

// All layers over x [B, T, in], from the states before the first step: one for each kind, zeros where it is nothing.
template <class Cell>
Unrolled run(const char* name, const Recurrent& net, const Var& x, const std::vector<Var>& initial) {
  const auto& [in, hidden, layers, bias] = net.options;
  check(x.dim() == 3 && x.size(2) == in && x.size(1) > 0, name, ": x ", x.shape(), "; [batch, steps, ", in,
        "] expected");
  const Shape expected{layers, x.size(0), hidden};
  std::vector<Var> before;
  for (const Var& state : initial) {
    check(!state || state.shape() == expected, name, ": a state of shape ", state ? state.shape() : Shape{}, "; ",
          expected, " expected");
    before.push_back(state ? state : Var(zeros(expected)));
  }
  const Var initial_states = stack(before, 1);  // [layers, kinds, B, hidden]
  std::vector<Var> last;
  Var sequence = transpose(x, 0, 1);  // [T, B, in]: a step is a block
  for (int64_t l = 0; l < layers; ++l) {
    const Recurrent::Layer& layer = net.layers[size_t(l)];
    const Var gates = linear(sequence, layer.weight_ih, layer.bias_ih);
    const Var states = unroll<Cell>(gates, layer.weight_hh, layer.bias_hh, select(initial_states, 0, l));
    sequence = select(states, 0, 0);
    last.push_back(select(states, 1, -1));
  }
  Unrolled result{transpose(sequence, 0, 1), {}};
  const Var final_states = stack(last, 1);  // [kinds, layers, B, hidden]
  for (int64_t s = 0; s < Cell::kStates; ++s) result.states.push_back(select(final_states, 0, s));
  return result;
}

}  // namespace

Recurrent::Recurrent(const char* name, int64_t gates, Options o) : options(o) {
  check(o.in > 0 && o.hidden > 0 && o.layers > 0, name, ": sizes in = ", o.in, ", hidden = ", o.hidden,
        ", layers = ", o.layers, " must be positive");
  const real bound = real(1 / std::sqrt(double(o.hidden)));
  auto begin = [&](const Shape& shape) { return parameter(uniform(shape, -bound, bound)); };
  for (int64_t l = 0; l < o.layers; ++l) {
    const int64_t rows = gates * o.hidden;
    Layer layer{begin({rows, l == 0 ? o.in : o.hidden}), begin({rows, o.hidden}), {}, {}};
    if (o.bias) layer.bias_ih = begin({rows}), layer.bias_hh = begin({rows});
    layers.push_back(layer);
  }
}

void Recurrent::members(Visitor& visit) {
  for (size_t l = 0; l < layers.size(); ++l) {
    const std::string suffix = "_l" + std::to_string(l);
    visit("weight_ih" + suffix, layers[l].weight_ih), visit("weight_hh" + suffix, layers[l].weight_hh);
    visit("bias_ih" + suffix, layers[l].bias_ih), visit("bias_hh" + suffix, layers[l].bias_hh);
  }
}

RNN::Result RNN::operator()(const Var& x, const Var& h) const {
  const Unrolled u = run<RnnCell>("RNN", *this, x, {h});
  return {u.output, u.states[0]};
}

GRU::Result GRU::operator()(const Var& x, const Var& h) const {
  const Unrolled u = run<GruCell>("GRU", *this, x, {h});
  return {u.output, u.states[0]};
}

LSTM::Result LSTM::operator()(const Var& x, const State& state) const {
  const Unrolled u = run<LstmCell>("LSTM", *this, x, {state.h, state.c});
  return {u.output, {u.states[0], u.states[1]}};
}

}  // namespace bijou::nn

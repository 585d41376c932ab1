// Recurrent networks: a state that is carried from step to step. For a step with input x and state h, c
// (W stands for the rows of weight_ih or weight_hh that belong to the gate):
//
//   RNN    h' = tanh(W x + b + W h + b)
//   LSTM   i, f, o = σ(...), g = tanh(...);   c' = f c + i g,   h' = o tanh(c')
//   GRU    r, z = σ(...);   n = tanh(W x + b + r (W h + b));    h' = (1 - z) n + z h
//
// S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 1997; F. Gers et al., "Learning to
// forget", 2000; K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014.
//
// The products with x of all steps are one product. What remains of a layer, step after step, is one op: see the .cc.
#pragma once

#include "nn/module.h"

namespace bijou::nn {

// What the three have in common: layers of weights, named and laid out as PyTorch does. Gates are stacked in the order
// (i, f, g, o) for LSTM and (r, z, n) for GRU. x is [B, T, in]; the layers above the first read the outputs below.
struct Recurrent : Module {
  struct Options {
    int64_t in, hidden;
    int64_t layers = 1;
    bool bias = true;
  };
  struct Layer {
    Var weight_ih, weight_hh;  // [gates * hidden, in or hidden], [gates * hidden, hidden]
    Var bias_ih, bias_hh;      // [gates * hidden], or nothing
  };
  void members(
      Visitor& visit) override;  // "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_ih_l1" ...

  Options options;
  std::vector<Layer> layers;

 protected:
  Recurrent(const char* name, int64_t gates, Options o);
};

struct RNN : Recurrent {
  explicit RNN(Options o) : Recurrent("RNN", 1, o) {}
  struct Result {
    Var output;  // [B, T, hidden]: the state of the last layer after each step
    Var h;       // [layers, B, hidden]: of each layer after the last step
  };
  Result operator()(const Var& x, const Var& h = {}) const;  // h: the state before the first step; zeros if nothing
};

struct GRU : Recurrent {
  explicit GRU(Options o) : Recurrent("GRU", 3, o) {}
  using Result = RNN::Result;
  Result operator()(const Var& x, const Var& h = {}) const;
};

struct LSTM : Recurrent {
  explicit LSTM(Options o) : Recurrent("LSTM", 4, o) {}
  struct State {
    Var h, c;  // [layers, B, hidden]
  };
  struct Result {
    Var output;
    State state;
  };
  Result operator()(const Var& x, const State& state = {}) const;
};

}  // namespace bijou::nn

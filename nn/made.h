// MADE: a perceptron whose outputs for dimension i see only the dimensions before i, so that they can be the parameters
// of p(x_i | x_1 ... x_{i-1}): a density of all of x in one pass. M. Germain, K. Gregor, I. Murray, H. Larochelle,
// "MADE: Masked autoencoder for distribution estimation", ICML 2015.
//
// Every unit has a degree: x_i its place in the ordering, 1 ... D; a hidden unit a number m in 1 ... D-1, the last
// place that it sees. A connection that would show a unit more than that is cut:
//
//   y = x (W ∘ M)ᵀ + b,    M_kj = 1 if m_k >= m_j (hidden units);  m_k > m_j (outputs: x_i must not see itself)
//
// All masks follow from the degrees, which are buffers. Drawing other degrees during training gives the paper's
// ensemble over orderings and connectivities.
//
// Sampling. x_1 must be drawn before anything that depends on it, x_2 next, ... The textbook's way is D passes through
// the network. But a unit of degree d is final as soon as x_d is known, so with the units sorted by degree each is
// computed once: all of x at the cost of about one pass.
#pragma once

#include <functional>

#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tensor/random.h"

namespace bijou::nn {

// y = x (W ∘ M)ᵀ + b, with M made of degrees on the fly: nothing is multiplied by rows, nothing is stored.
struct MaskedLinear : Module {
  struct Options {
    bool strict = false;  // M_kj = 1 if m_k > m_j, not m_k >= m_j
    bool bias = true;
  };
  MaskedLinear(Tensor degrees_in, Tensor degrees_out, Options o);  // [in], [out]
  Var operator()(const Var& x) const;                              // [..., in] -> [..., out]
  Var masked_weight() const;                                       // W ∘ M
  void members(Visitor& visit) override;

  Options options;
  Var weight;                      // [out, in]
  Var bias;                        // [out], or nothing
  Tensor in_degrees, out_degrees;  // shared with the neighbouring layers
};

struct Made : Module {
  struct Options {
    int64_t features;                    // D
    std::vector<int64_t> hidden;         // the width of each hidden layer; none: linear conditionals
    int64_t inputs = 1;                  // numbers that stand for an x_i, side by side: its value, or a one-hot code
    int64_t outputs = 1;                 // parameters of each conditional: 2 for mean and scale
    int64_t context = 0;                 // length of a vector that everything may depend on
    std::vector<int64_t> ordering = {};  // the place of each x_i, from 0; none: 0, 1, ..., D-1
    bool direct = false;                 // also connect inputs with outputs
    bool residual = false;               // h + act(W h + b) from the second hidden layer on; all of one width
    AnyModule activation = ReLU();       // elementwise
  };
  explicit Made(Options o);

  // x [B, D inputs], context [B, C] -> [B, outputs, D]; entry [b, k, i] depends on x_b's dimensions before i alone.
  Var operator()(const Var& x, const Var& context = {}) const;

  // Draws the dimensions in order, each unit computed once; not recorded. `next` is told a dimension i and the
  // parameters [outputs, B] of its conditional, given those it returned before, and returns x_i: [B], or [inputs, B].
  // Gives x [B, D inputs].
  using Next = std::function<Tensor(int64_t i, const Tensor& parameters)>;
  Tensor generate(int64_t batch, const Var& context, const Next& next) const;

  // Another ordering and, where asked for, hidden degrees drawn at random (each from those that have something to
  // see in the layer before) instead of spread evenly: new masks for the same weights.
  enum class Degrees { kEven, kRandom };
  void set_degrees(const std::vector<int64_t>& ordering, Degrees hidden, Generator& g = default_generator());

  void members(Visitor& visit) override;

  Options options;
  std::vector<MaskedLinear> layers;  // hidden ones, and the output
  std::vector<MaskedLinear> direct;  // one, or none
  std::vector<Linear> contexts;      // beside each layer, where there is a context
};

}  // namespace bijou::nn

// WaveNet: a density of sounds, sample by sample, by convolutions that look back further and further.
//
//   x_0      what is known of the sample before, v_{t-1}, as a vector
//   layer l  z = tanh(W_f [x_{t-d}, x_t] + V_f c) σ(W_g [x_{t-d}, x_t] + V_g c),   d = 1, 2, 4, ..., 1, 2, 4, ...
//            x <- x + W_r z  to the next layer,    s <- s + W_s z  to the end
//   p(v_t | v_1 ... v_{t-1}, c) = softmax(W_2 relu(W_1 relu(s)))           over the levels of a sample
//
// Doubling the distance d from layer to layer sees 2^L samples with L layers. c is a label: who speaks, or what.
//
// A sample has 256 levels, close together where it is quiet (μ-law, ITU-T G.711):
//
//   level = (F(x) + 1) / 2 · μ, rounded,     F(x) = sign(x) log(1 + μ |x|) / log(1 + μ),     μ = 255
//
// A. van den Oord et al., "WaveNet: A generative model for raw audio", 2016; T. Le Paine et al., "Fast WaveNet
// generation algorithm", 2016. (Left out: conditions that change with time, and the network that would upsample them.)
#pragma once

#include <optional>

#include "nn/autoregressive.h"
#include "nn/linear.h"

namespace bijou::nn {

// Sounds in [-1, 1] as levels 0 .. levels-1, and back to the middle of each.
Tensor mu_law(const Tensor& sound, int64_t levels = 256);
Tensor mu_law_inverse(const Tensor& level, int64_t levels = 256);

// [x_{t-d}, x_t] for x [B, T, C]: [B, T, 2C]. Before the beginning there are zeros.
Var with_past(const Var& x, int64_t d);

struct WaveNetLayer : Module {
  struct Options {
    int64_t channels, skip, dilation;
    int64_t condition = 0;  // length of c
  };
  explicit WaveNetLayer(Options o);
  struct Result {
    Var x, skip;  // [B, T, channels], [B, T, skip]
  };
  Result operator()(const Var& x, const Var& condition) const;
  void members(Visitor& visit) override;

  Options options;
  Linear filter, gate;  // of [x_{t-d}, x_t]
  Linear residual, skip;
  std::vector<Linear> conditions;  // V_f and V_g, or none
};

struct WaveNet : Autoregressive {
  struct Options {
    int64_t levels = 256;
    int64_t channels = 32, skip = 64;
    int64_t doublings = 9, cycles = 1;  // dilations 1, 2, ..., 2^(doublings-1), so many times
    int64_t condition = 0;              // length of the condition
    int64_t length = 4000;              // of what sample() draws
  };
  explicit WaveNet(Options o);

  // The logits of every sample's level, from those before it: x [B, T] of levels -> [B, T, levels]. For any T.
  Var operator()(const Var& x, const Var& condition = {}) const;
  Var conditionals(const Var& x, const Var& condition = {}) const override;  // [B, T] -> [B, T]
  Tensor sample(int64_t n, const Var& condition = {},
                Generator& g = default_generator()) const override;  // [n, length]

  // x [n, t], continued by as many samples as there are uniform numbers, draws [n, steps]: each takes the level at
  // which the probabilities summed up pass its number. [n, t + steps]. By WaveNetStream, and, to compare with, by a
  // pass over all that is looked back at for each sample.
  Tensor continued(const Tensor& x, const Tensor& draws, const Var& condition = {}) const;
  Tensor continued_slowly(const Tensor& x, const Tensor& draws, const Var& condition = {}) const;

  int64_t receptive_field() const;  // how many samples are looked back at
  void members(Visitor& visit) override;

  Options options;
  Linear input;  // from one number to channels
  std::vector<WaveNetLayer> layers;
  Linear hidden, output;
};

// A WaveNet sample by sample: each layer remembers what it was given d steps ago, so a step computes what is new and
// nothing twice. Not recorded; the network must not change meanwhile.
class WaveNetStream {
 public:
  // condition: [C], or nothing.
  explicit WaveNetStream(const WaveNet& model, const Tensor& condition = {});
  // The logits of the next sample's level, told the one before: a level, or at the beginning nothing.
  const std::vector<real>& next(std::optional<real> level_before);

 private:
  struct Memory {
    std::vector<real> past;          // [dilation, channels], a ring
    std::vector<real> filter, gate;  // V_f c, V_g c
  };
  const WaveNet& model_;
  std::vector<Memory> memories_;
  std::vector<real> x_, taps_, filter_, gate_, skip_, hidden_, logits_;
  int64_t time_ = 0;
};

}  // namespace bijou::nn

// PixelCNN: a density of images, pixel by pixel in reading order, by convolutions that see only what was read before.
// A. van den Oord, N. Kalchbrenner, K. Kavukcuoglu, "Pixel recurrent neural networks", ICML 2016.
//
//   mask A (first layer)   a pixel sees those above it and those to its left
//   mask B (later layers)  and itself: what a layer holds there knows nothing of the pixel's own value
//
// Stacks of such layers never see a wedge to the upper right. The gated PixelCNN has no blind spot: a vertical stack
// reads all rows above, a horizontal one the row so far, and is told by the vertical one:
//
//   y = tanh(W_f * x + V_f c) σ(W_g * x + V_g c),    c: a label, or nothing
//
// A. van den Oord et al., "Conditional image generation with PixelCNN decoders", NIPS 2016.
//
// Values 0 .. L-1 (of a byte, L = 256) are modelled by a mixture of logistics, each given the mass of its bin of width
// 1: T. Salimans et al., "PixelCNN++", ICLR 2017. The left and right ends take all that is beyond. A pixel's colours
// are drawn one after the other, the mean of each moved by those before. (Left out of PixelCNN++: its down- and
// upsampling short cuts.)
#pragma once

#include "nn/autoregressive.h"
#include "nn/conv.h"
#include "nn/linear.h"

namespace bijou::nn {

enum class PixelMask { kA, kB };

// A convolution of odd kernel, with zeros around the image, whose weight is cut by the mask.
struct MaskedConv2d : Module {
  MaskedConv2d(PixelMask mask, Conv2d::Options o);
  Var operator()(const Var& x) const;  // [B, in, h, w] -> [B, out, h, w]
  void members(Visitor& visit) override { visit("conv", conv); }

  Conv2d conv;
  Tensor mask;  // [kernel, kernel]
};

// One layer of the gated PixelCNN; v and h [B, channels, h, w] are its vertical and horizontal stack.
struct GatedPixelLayer : Module {
  struct Options {
    int64_t in, channels, kernel;
    PixelMask mask;
    int64_t condition = 0;  // length of c
    double dropout = 0;     // of y in the horizontal stack
  };
  explicit GatedPixelLayer(Options o);
  struct Stacks {
    Var v, h;
  };
  Stacks operator()(const Stacks& x, const Var& condition) const;
  void members(Visitor& visit) override;

  Options options;
  Conv2d vertical, horizontal, across, out;
  std::vector<Linear> conditions;  // for v and h, or none
};

// log p of images [B, C, h, w] of values 0 .. levels-1 under a mixture of K discretised logistics, a number a pixel:
// [B, 1, h, w]. parameters: [B, mixture_parameters(C, K), h, w].
int64_t mixture_parameters(int64_t channels, int64_t components);
Var discretized_logistic_mixture(const Var& x, const Var& parameters, int64_t components, int64_t levels = 256);
Tensor sample_discretized_logistic_mixture(const Tensor& parameters, int64_t channels, int64_t components,
                                           int64_t levels, Generator& g);

struct PixelCnn : Autoregressive {
  struct Options {
    Shape image;            // {C, h, w}
    int64_t channels = 32;  // of each layer
    int64_t layers = 4;     // behind the first
    bool gated = true;
    int64_t mixture = 0;    // 0: pixels are 0 or 1 and C is 1. Otherwise 0 .. levels-1, by so many logistics
    int64_t levels = 256;   // L, at least 2
    int64_t condition = 0;  // length of the condition; gated only
    double dropout = 0;     // gated only
    int64_t first_kernel = 7, kernel = 3;
  };
  explicit PixelCnn(Options o);

  // The parameters of every pixel's distribution, from those before it: [B, 1 or mixture_parameters(), h, w].
  Var operator()(const Var& x, const Var& condition = {}) const;
  Var conditionals(const Var& x, const Var& condition = {}) const override;  // [B, C, h, w] -> [B, 1, h, w]
  Tensor sample(int64_t n, const Var& condition = {}, Generator& g = default_generator()) const override;
  void members(Visitor& visit) override;

  Options options;
  std::vector<MaskedConv2d> plain;
  std::vector<GatedPixelLayer> gated;
  std::vector<Conv2d> head;  // 1 x 1: two layers
};

}  // namespace bijou::nn

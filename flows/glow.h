// Two flows for images, put together of what the other files have.
//
//   Glow      L levels of squeeze and K steps of flow (its table 1):
//             actnorm -> invertible 1x1 convolution, LU -> affine coupling of channel halves by a small convnet
//             D. Kingma, P. Dhariwal, "Glow: generative flow with invertible 1x1 convolutions", NeurIPS 2018
//   RealNVP   L levels of three couplings by checkerboard, squeeze, three couplings of channel halves;
//             the last level is four couplings by checkerboard
//             L. Dinh, J. Sohl-Dickstein, S. Bengio, "Density estimation using Real NVP", ICLR 2017
//
// What differs from the papers: the log-scale is b tanh(a) in both (Glow's sigmoid can only shrink), and in RealNVP
// actnorm stands for batch normalisation and Glow's convnet for the residual networks, which are slow on a CPU.
#pragma once

#include "flows/multiscale.h"

namespace bijou::flows {

struct ImageFlowOptions {
  Shape image;              // [C, H, W]; for Glow H and W can be halved `levels` times, for RealNVP once less
  int levels = 2;           // L
  int steps = 4;            // K, of Glow
  int64_t width = 32;       // channels inside the convnets
  bool prior = true;        // learn the prior of what leaves early from what stays
  int64_t context = 0;      // length of a vector that every coupling is told
  double dropout = 0;       // inside the convnets
  bool reversible = false;  // levels that keep no activations (flows/reversible.h); not with dropout
};
Multiscale glow(const ImageFlowOptions& options);
Multiscale real_nvp(const ImageFlowOptions& options);

}  // namespace bijou::flows

// Densities of small images whose numbers are one of a few levels, under a condition: four models behind one interface,
// so that distribution augmentation (ssl/distaug.h) can tell each of them which transformation it sees.
//
//   made         nn/made.h               one-hot codes in, logits out; the condition is a bias of every layer
//   pixelcnn     nn/pixelcnn.h           gated, mixtures of logistics; a bias of both stacks in every layer
//   transformer  nn/image_transformer.h  the start of the sequence; the places of the tokens move with the pixels
//   flow         flows/glow.h            RealNVP of dequantised levels; the context of every coupling
//
// The first three give log P(x) itself. The flow gives an estimate of a bound, by one draw of u in [0, 1)^D,
//
//   log P(x) >= E_u log p((x + u) / levels) - D log levels,
//
// so its bits per dimension are too many rather than too few: rows of one table must have the same model.
#pragma once

#include <memory>

#include "nn/module.h"
#include "tensor/random.h"

namespace bijou::experiments {

struct PixelDensity : nn::Module {
  // x [B, C, H, W], each number one of k / (levels - 1); condition [B, condition], places as of DistAug -> [B] in nats.
  virtual Var log_prob(const Tensor& x, const Var& condition, const Indices& places) const = 0;
  // Not recorded; dropout is off.
  virtual Tensor sample(const Shape& shape, const Var& condition, const Indices& places, Generator& g) const = 0;
};

struct PixelDensityOptions {
  std::string model;  // one of pixel_models()
  int64_t levels;
  Shape image;         // [C, H, W]; of even sides for the flow
  int64_t condition;   // length of the condition
  int64_t width;       // units of a layer, channels, or the length of a token's vector, which the condition must have
  double dropout = 0;  // behind the hidden layers
  int64_t layers = 0;  // hidden ones of a MADE (0: 2), behind the first of a PixelCNN (0: 4), of a transformer (0: 4)
  bool full_attention = false, checkpointed = false;  // of the transformer, as its options `sparse` and `checkpointed`
};
std::vector<std::string> pixel_models();
std::shared_ptr<PixelDensity> pixel_density(const PixelDensityOptions& o);

}  // namespace bijou::experiments

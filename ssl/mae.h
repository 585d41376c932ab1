// Masked autoencoder: hide three patches out of four; a transformer that sees only the rest should paint them.
//
//   patches -> keep a random quarter -> encoder -> put a learnt [mask] where patches were hidden -> small decoder
//   -> pixels
//   L = mean over the hidden patches of |painted - true|²,    true patches brought to mean 0 and variance 1
//
// As the encoder never meets a mask, it costs a quarter, and serves as it is on whole images afterwards.
//
// K. He, X. Chen, S. Xie, Y. Li, P. Dollár, R. Girshick, "Masked autoencoders are scalable vision learners", CVPR 2022;
// the encoder is the ViT of A. Dosovitskiy et al., "An image is worth 16x16 words", ICLR 2021, small, with the paper's
// fixed positions; its features are the mean of all tokens (no class token).
#pragma once

#include "nn/transformer.h"
#include "ssl/method.h"

namespace bijou::ssl {

struct PatchEncoder : nn::Module {
  struct Options {
    int64_t channels, height, width;
    int64_t patch = 4;  // patches of 4 x 4 pixels; it divides height and width
    int64_t dim = 64, heads = 4, layers = 3;
  };
  explicit PatchEncoder(const Options& o);
  void members(nn::Visitor& visit) override;
  Var operator()(const Var& images) const { return mean(tokens(images, {}), 1); }  // [B, C, H, W] -> [B, dim]

  // Of the patches at positions kept [B, K], or of all where it is empty: [B, K, dim].
  Var tokens(const Var& images, const Indices& kept) const;
  Var patches(const Var& images) const;           // [B, C, H, W] -> [B, T, C patch²]
  Tensor unpatched(const Tensor& patches) const;  // back
  int64_t count() const { return options.height / options.patch * (options.width / options.patch); }  // T

  Options options;
  nn::Linear embedding;
  Tensor positions;  // [T, dim], fixed
  std::vector<nn::TransformerBlock> blocks;
  nn::LayerNorm norm;
};

// sin and cos of the row, then of the column, at dim / 4 frequencies from 1 to 1/10,000: [rows columns, dim].
Tensor sine_positions(int64_t rows, int64_t columns, int64_t dim);

struct MAE : Method {
  struct Options {
    PatchEncoder encoder;  // its parameters are shared
    double masked = 0.75;
    int64_t dim = 48, heads = 4, layers = 1;  // of the decoder
  };
  explicit MAE(const Options& o);
  void members(nn::Visitor& visit) override;
  Var loss(const Tensor& images, Generator& g) override;

  // All patches as painted, [B, T, C patch²], from those at kept [B, K].
  Var paint(const Tensor& images, const Indices& kept) const;
  Indices draw_kept(int64_t n, Generator& g) const;  // [n, K]: random positions, other ones for each image
  const PatchEncoder& patch_encoder() const { return encoder.as<PatchEncoder>(); }

  int64_t kept;  // K
  nn::Linear to_decoder;
  Var mask_token;    // [1, dim]
  Tensor positions;  // [T, dim], fixed
  std::vector<nn::TransformerBlock> blocks;
  nn::LayerNorm norm;
  nn::Linear to_pixels;
};

// Each patch [..., n] less its mean, by its standard deviation.
Tensor normalized_patches(const Tensor& patches);

}  // namespace bijou::ssl

// The multi-scale architecture for images: pixels become channels, and half of the channels leave early.
//
//   squeeze   [C, H, W] -> [4 C, H/2, W/2]: each 2x2 block of a channel becomes four channels,
//             channel 4 c + 2 dy + dx holds pixel (2 y + dy, 2 x + dx) of channel c        log |det| = 0
//   split     h = (h₁, h₂): h₂ leaves as latent, h₁ goes on to the next, coarser level
//
//   z = (h₂ of level 1, h₂ of level 2, ..., all of the last level), flat and side by side
//
// The prior of h₂ given h₁, N(μ(h₁), σ(h₁)), is no part of the split: (h₂ - μ(h₁)) / σ(h₁) is an affine coupling layer,
// the last one of its level. So all of z has one standard normal as its base. From L. Dinh, J. Sohl-Dickstein,
// S. Bengio, "Density estimation using Real NVP", ICLR 2017, section 3.6.
#pragma once

#include "flows/bijector.h"

namespace bijou::flows {

struct Squeeze : Bijector {
  Shape latent_shape(const Shape& data_shape) const override;

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;
};

// Levels one after the other; x [B, C, H, W] -> z [B, C H W].
struct Multiscale : Bijector {
  explicit Multiscale(const Shape& image) : image(image) {}  // [C, H, W]
  // A level takes the first half of the channels that the level before made. Throws where it cannot.
  Multiscale& add(AnyBijector level);
  void members(nn::Visitor& visit) override;
  Shape latent_shape(const Shape& data_shape) const override;

  Shape image;
  std::vector<AnyBijector> levels;

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;

 private:
  std::vector<Shape> shapes() const;  // what comes out of every level, before its second half leaves
};

}  // namespace bijou::flows

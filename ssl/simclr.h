// SimCLR: two views of an image should be found among those of all other images.
//
//   z = l2_normalize(g(f(T(x)))),   ℓ(i, j) = -log  exp(z_i·z_j / τ) / Σ_{k≠i} exp(z_i·z_k / τ)         "NT-Xent"
//
// averaged over the 2N ordered pairs (i, j) of views of one image. The sum has 2N - 1 terms: the positive is one of
// them, z_i itself is not. f is the encoder, whose features serve later; g, the projection head, takes on itself what
// the loss would have the features forget. Both views go through one pass of batch normalisation.
//
// T. Chen, S. Kornblith, M. Norouzi, G. Hinton, "A simple framework for contrastive learning of visual
// representations", ICML 2020.
#pragma once

#include "ssl/method.h"

namespace bijou::ssl {

// z [2N, d], rows i and i + N a positive pair, of any lengths: the loss normalises them.
Var nt_xent(const Var& z, double temperature);

struct SimclrOptions {
  std::vector<int64_t> head = {128, 64};  // widths of the projection head, the result's last
  double temperature = 0.5;
};
struct SimCLR : Method {
  explicit SimCLR(const Views& v, const SimclrOptions& o = {});
  void members(nn::Visitor& visit) override { Method::members(visit), visit("head", head); }
  Var loss(const Tensor& images, Generator& g) override;

  Augmentation views;
  double temperature;
  nn::Sequential head;
};

}  // namespace bijou::ssl

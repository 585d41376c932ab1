// Augmentation: a change of an image that leaves what it shows. One object, three papers:
//
//   SimCLR          two draws of T(x) are a positive pair                        (ssl/simclr.h)
//   noisy student   T(x) is the noise that the student must see through
//   DistAug         p(T_k(x) | k): the variant k of T is what the density is conditioned on
//
// An augmentation has a number of variants, of which number 0 changes nothing: rotations by quarters have 4, jigsaws of
// four pieces 24. Those of ssl/permutations.h can be undone. Where there is nothing to choose, since everything is
// drawn (ssl/geometry.h, color.h, filters.h, rand_augment.h), there is one variant; optional() makes it two.
//
// Batches are [B, C, H, W] with values in [0, 1]. Each image has its own draw. The numbers come from the generator in
// one go before the threads set to work, so a run repeats whatever their number.
//
//   const Augmentation views = compose({affine({.flip = 0.5, .crop = {0.2, 1}}), color_jitter(), gray_scale()});
//   const Tensor a = views(images, g), b = views(images, g);
//   const Tensor y = rotations()(images, ids);     // ids [B] in 0 .. 3
#pragma once

#include <functional>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/random.h"

namespace bijou::ssl {

struct Augmentation {
  using Apply = std::function<Tensor(const Tensor& x, const Indices& ids, Generator& g)>;
  using Undo = std::function<Tensor(const Tensor& y, const Indices& ids)>;

  int64_t variants = 1;
  Apply apply;
  Undo undo = {};  // nothing where there is no way back

  // Variant ids[i] of image i. Throws where x is not [B, C, H, W], or ids not [B] in 0 .. variants-1.
  Tensor operator()(const Tensor& x, const Indices& ids, Generator& g = default_generator()) const;
  // A variant drawn for each image.
  Tensor operator()(const Tensor& x, Generator& g = default_generator()) const;
  // x from y = (*this)(x, ids). Throws where there is no way back.
  Tensor inverse(const Tensor& y, const Indices& ids) const;

  Indices draw(int64_t n, Generator& g = default_generator()) const;  // n variants, each equally likely
};

// One after the other, the first first. All combinations of their variants are its variants: id = i0 + v0 (i1 + v1 (i2
// + ...)). It can be undone if all of them can.
Augmentation compose(std::vector<Augmentation> parts);
// The ids of part k from those of the whole.
Indices part_ids(const std::vector<Augmentation>& parts, size_t k, const Indices& ids);
Indices same_id(int64_t n, bijou::index id);  // one variant for n images

Augmentation identity();
Augmentation optional(const Augmentation& drawn);             // variant 0: off, variant 1: on
Augmentation sometimes(double p, const Augmentation& drawn);  // with probability p for each image

// ---- For those who write augmentations ------------------------------------------------------------------------------

struct ImageSize {
  int64_t channels, height, width;
  int64_t plane() const { return height * width; }
  int64_t numel() const { return channels * plane(); }
};
inline ImageSize image_size(const Tensor& x) { return {x.size(1), x.size(2), x.size(3)}; }

// A batch of x's shape: f(i, in, out) makes image i, on all cores.
template <class F>
Tensor each_image(const Tensor& x, const F& f) {
  Tensor y(x.shape());
  const int64_t n = image_size(x).numel();
  const real* in = x.data();
  real* out = y.mutable_data();
  parallel_for(x.size(0), 8, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) f(i, in + i * n, out + i * n);
  });
  return y;
}

// The same where f(i, image, u) works in place, with `draws` uniform numbers in [0, 1) for each image.
template <class F>
Augmentation drawn_in_place(int64_t draws, const F& f) {
  return {.apply = [=](const Tensor& x, const Indices&, Generator& g) {
    const Tensor u = rand({x.size(0), draws}, g);
    const ImageSize size = image_size(x);
    return each_image(x, [&](int64_t i, const real* in, real* out) {
      std::copy_n(in, size.numel(), out);
      f(out, size, u.data() + i * draws);
    });
  }};
}

}  // namespace bijou::ssl

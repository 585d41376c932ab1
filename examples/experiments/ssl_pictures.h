// Pictures of what self-supervised methods see, learn and paint.
#pragma once

#include "examples/support/dataset.h"
#include "ssl/augmentation.h"
#include "ssl/mae.h"

namespace bijou::experiments {

// The images in the first row, two views of each below.
Tensor picture_of_views(const ssl::Augmentation& views, const Tensor& images, uint64_t seed);

// The images in the first row; below, as each augmentation draws them: affine, crop and flip, elastic (half of them),
// colour jitter, blur, cut-out, rotations, jigsaw. They are square, of even height.
Tensor picture_of_augmentations(const Tensor& images, uint64_t seed);

// Each row: an image that was asked for, and the images whose embeddings are nearest, best first.
Tensor picture_of_neighbours(const nn::AnyModule& encoder, const Tensor& queries, const Tensor& images);

// Images at the places that the two principal components of their embeddings give them, tinted by class: [3, 720, 720].
Tensor picture_of_embedding(const nn::AnyModule& encoder, const support::Dataset& data);

// Images, what the encoder sees of them, and what the decoder paints (with each patch's true mean and contrast).
Tensor picture_of_painting(const ssl::MAE& mae, const Tensor& images, uint64_t seed);

}  // namespace bijou::experiments

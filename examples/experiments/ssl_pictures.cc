#include "examples/experiments/ssl_pictures.h"

#include <cmath>

#include "examples/support/images.h"
#include "ssl/color.h"
#include "ssl/evaluation.h"
#include "ssl/filters.h"
#include "ssl/geometry.h"
#include "ssl/permutations.h"
#include "tensor/map.h"

namespace bijou::experiments {

using namespace support;

Tensor picture_of_views(const ssl::Augmentation& views, const Tensor& images, uint64_t seed) {
  Generator g(seed);
  const Tensor first = views(images, g);
  return image_grid(concat({images, first, views(images, g)}, 0), {.columns = int(images.size(0))});
}

Tensor picture_of_augmentations(const Tensor& images, uint64_t seed) {
  Generator g(seed);
  std::vector<Tensor> rows = {images};
  for (const ssl::Augmentation& a :
       {ssl::affine({.rotation = 20, .log_scale = 0.35, .log_aspect = 0.2, .shear = 0.3, .shift = 0.125}),
        ssl::random_resized_crop(0.2), ssl::sometimes(0.5, ssl::elastic()), ssl::color_jitter(), ssl::gaussian_blur(),
        ssl::cutout({.fill = real(0.5)}), ssl::rotations(), ssl::jigsaw()})
    rows.push_back(a(images, g));
  return image_grid(concat(std::span<const Tensor>(rows), 0), {.columns = int(images.size(0))});
}

Tensor picture_of_neighbours(const nn::AnyModule& encoder, const Tensor& queries, const Tensor& images) {
  constexpr int64_t kShown = 9;
  const Indices near = ssl::nearest(ssl::embed(encoder, queries), ssl::embed(encoder, images), kShown);
  std::vector<Tensor> cells;
  for (int64_t i = 0; i < queries.size(0); ++i) {
    cells.push_back(queries.rows(i, i + 1));
    cells.push_back(ones(queries.rows(0, 1).shape()));  // a gap
    cells.push_back(index_select(images, 0, near.row(i)));
  }
  return image_grid(concat(std::span<const Tensor>(cells), 0), {.columns = int(kShown) + 2});
}

Tensor picture_of_embedding(const nn::AnyModule& encoder, const Dataset& data) {
  constexpr int64_t kSide = 720;
  const Tensor plane = ssl::principal_components(ssl::embed(encoder, data.images));
  const Tensor low = amin(plane, 0), high = amax(plane, 0);
  const int64_t c = data.images.size(1), h = data.images.size(2), w = data.images.size(3);
  Tensor canvas = zeros({3, kSide, kSide});
  for (int64_t i = 0; i < data.size(); ++i) {
    auto place = [&](int axis, int64_t size) {
      const real width = high.at({axis}) - low.at({axis});  // 0 where the embedding has collapsed
      const real t = (plane.at({i, axis}) - low.at({axis})) / std::max(width, real(1e-12));
      return int64_t(t * real(kSide - size / 2 - 1));
    };
    const int64_t left = place(0, w), top = place(1, h);
    const double hue = 2 * M_PI * double(data.labels.data()[i]) / double(data.classes.size());
    for (int64_t p = 0; p < 3 * (h / 2) * (w / 2); ++p) {  // at half its size, over what is there where it is brighter
      const int64_t k = p % 3, y = p / 3 / (w / 2), x = p / 3 % (w / 2);
      const double tint = 0.6 + 0.4 * std::cos(hue - 2 * M_PI * double(k) / 3);
      real& to = canvas.mutable_data()[(k * kSide + top + y) * kSide + left + x];
      to = std::max(to, real(tint) * data.images.at({i, std::min(k, c - 1), 2 * y, 2 * x}));
    }
  }
  return canvas;
}

Tensor picture_of_painting(const ssl::MAE& mae, const Tensor& images, uint64_t seed) {
  const NoGrad guard;
  Generator g(seed);
  const ssl::PatchEncoder& encoder = mae.patch_encoder();
  const Indices kept = mae.draw_kept(images.size(0), g);
  const Tensor truth = encoder.patches(images).value(), average = mean(truth, -1, {.keepdim = true});
  const Tensor variance =
      mean(map([](auto x, auto m) { return square(x - m); }, truth, average), -1, {.keepdim = true});
  auto undo = [](auto p, auto m, auto v) { return p * sqrt(v) + m; };
  Tensor painted = map(undo, mae.paint(images, kept).value(), average, variance), seen = full(truth.shape(), real(0.5));
  const int64_t size = truth.size(2);
  for (int64_t i = 0; i < kept.numel(); ++i) {
    const int64_t at = (i / kept.size(1) * truth.size(1) + kept.data()[i]) * size;
    std::copy_n(truth.data() + at, size, seen.mutable_data() + at);
    std::copy_n(truth.data() + at, size, painted.mutable_data() + at);
  }
  return image_grid(concat({images, encoder.unpatched(seen), encoder.unpatched(painted)}, 0),
                    {.columns = int(images.size(0))});
}

}  // namespace bijou::experiments

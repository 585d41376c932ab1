#include "examples/experiments/ssl_pictures.h"

#include "examples/support/images.h"
#include "examples/support/plot.h"
#include "ssl/evaluation.h"
#include "tensor/map.h"

namespace bijou::experiments {

using namespace support;

Tensor picture_of_views(const ssl::Augmentation& views, const Tensor& images, uint64_t seed) {
  Generator g(seed);
  const Tensor first = views(images, g);
  return image_grid(concat({images, first, views(images, g)}, 0), {.columns = int(images.size(0))});
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

void plot_embedding(const nn::AnyModule& encoder, const Dataset& data, const std::string& title,
                    const std::string& path) {
  const Tensor plane = ssl::principal_components(ssl::embed(encoder, data.images));
  Plot plot({.title = title, .x_label = "first principal component", .y_label = "second"});
  for (size_t k = 0; k < data.classes.size(); ++k) {
    Series s{.label = data.classes[k]};
    for (int64_t i = 0; i < data.size(); ++i)
      if (size_t(data.labels.data()[i]) == k) s.x.push_back(plane.at({i, 0})), s.y.push_back(plane.at({i, 1}));
    plot.points(s);
  }
  plot.write(path);
}

Tensor picture_of_painting(const ssl::MAE& mae, const Tensor& images, uint64_t seed) {
  const NoGrad guard;
  Generator g(seed);
  const ssl::PatchEncoder& encoder = mae.patch_encoder();
  const Indices kept = mae.draw_kept(images.size(0), g);
  const Tensor truth = encoder.patches(images), average = mean(truth, -1, {.keepdim = true});
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

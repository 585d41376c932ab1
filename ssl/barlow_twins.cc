#include "ssl/barlow_twins.h"

#include "autograd/map.h"
#include "autograd/ops.h"
#include "nn/normalize.h"

namespace bijou::ssl {

Var barlow_twins(const Var& z1, const Var& z2, double lambda) {
  check(z1.dim() == 2 && z1.shape() == z2.shape(), "barlow_twins: shapes ", z1.shape(), " and ", z2.shape());
  auto standardized = [](const Var& z) { return nn::batch_norm(z, {}, {}, real(1e-5)).y; };
  const Var c = matmul(standardized(z1), standardized(z2) * (1 / real(z1.size(0))), {.transpose_a = true});
  return map_sum(
      [l = real(lambda)](auto c, auto one) {
        const auto on = 1 - c;
        return one * on * on + (1 - one) * l * c * c;
      },
      0, c, Var(eye(c.size(0))));
}

BarlowTwins::BarlowTwins(const Views& v, const BarlowTwinsOptions& o)
    : Method(v.encoder), views(v.views), lambda(o.lambda) {
  head = projection_head(v.features, o.head);
}

Var BarlowTwins::loss(const Tensor& images, Generator& g) {
  const auto [z1, z2] = halves(head(encoder(two_views(views, images, g))));
  return barlow_twins(z1, z2, lambda);
}

}  // namespace bijou::ssl

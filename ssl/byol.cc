#include "ssl/byol.h"

#include <cmath>

#include "autograd/map.h"
#include "autograd/ops.h"

namespace bijou::ssl {

Var cosine_distance(const Var& p, const Var& z) {
  check(p.dim() == 2 && p.shape() == z.shape(), "cosine_distance: shapes ", p.shape(), " and ", z.shape());
  return 1 - map_sum([](auto a, auto b) { return a * b; }, 0, l2_normalize(p), l2_normalize(z)) * (1 / real(p.size(0)));
}

BYOL::BYOL(const Views& v, const ByolOptions& o) : Method(v.encoder), views(v.views), momentum(o.momentum) {
  head = projection_head(v.features, o.head);
  predictor = projection_head(o.head.back(), {o.hidden, o.head.back()});
  teacher = nn::clone(nn::Sequential(encoder, head));
}

Var BYOL::loss(const Tensor& images, Generator& g) {
  const Tensor both = two_views(views, images, g);
  const auto [p1, p2] = halves(predictor(head(encoder(both))));
  std::array<Var, 2> z;
  {
    const NoGrad guard;
    z = halves(teacher(both));
  }
  return cosine_distance(p1, z[1]) + cosine_distance(p2, z[0]);
}

void BYOL::after_step(double progress) {
  follow(teacher, nn::Sequential(encoder, head), 1 - (1 - momentum) * (std::cos(M_PI * progress) + 1) / 2);
}

}  // namespace bijou::ssl

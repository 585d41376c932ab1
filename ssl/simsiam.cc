#include "ssl/simsiam.h"

#include "ssl/byol.h"

namespace bijou::ssl {

SimSiam::SimSiam(const Views& v, const SimsiamOptions& o)
    : Method(v.encoder), views(v.views), stop_gradient(o.stop_gradient) {
  head = projection_head(v.features, o.head, true);
  predictor = projection_head(o.head.back(), {o.bottleneck, o.head.back()});
}

Var SimSiam::loss(const Tensor& images, Generator& g) {
  const Var z = head(encoder(two_views(views, images, g)));
  const auto [p1, p2] = halves(predictor(z));
  const auto [z1, z2] = halves(stop_gradient ? z.detach() : z);
  return (cosine_distance(p1, z2) + cosine_distance(p2, z1)) * real(0.5);
}

}  // namespace bijou::ssl

#include "ssl/vicreg.h"

#include "autograd/map.h"
#include "autograd/ops.h"
#include "nn/losses.h"

namespace bijou::ssl {

Var vicreg(const Var& z1, const Var& z2, VicregWeights w) {
  check(z1.dim() == 2 && z1.size(0) > 1 && z1.shape() == z2.shape(), "vicreg: shapes ", z1.shape(), " and ",
        z2.shape());
  const int64_t n = z1.size(0), d = z1.size(1);
  const Var others = 1 - Var(eye(d));
  Var result = nn::mse_loss(z1, z2) * real(w.invariance);
  for (const Var& z : {z1, z2}) {
    const Var centred = z - mean(z, 0, {.keepdim = true});
    const Var covariance = matmul(centred, centred * (1 / real(n - 1)), {.transpose_a = true});
    result = result + map_sum([](auto c, auto other) { return other * c * c; }, 0, covariance, others) *
                          real(w.covariance / double(d));
    const Var hinge = map([](auto v) { return relu(1 - sqrt(v + real(1e-4))); }, var(z, 0));
    result = result + mean(hinge) * real(w.variance / 2);
  }
  return result;
}

VICReg::VICReg(const Views& v, const VicregOptions& o) : Method(v.encoder), views(v.views), weights(o.weights) {
  head = projection_head(v.features, o.head);
}

Var VICReg::loss(const Tensor& images, Generator& g) {
  const auto [z1, z2] = halves(head(encoder(two_views(views, images, g))));
  return vicreg(z1, z2, weights);
}

}  // namespace bijou::ssl

#include "ssl/simclr.h"

#include <limits>

#include "autograd/ops.h"

namespace bijou::ssl {

Var nt_xent(const Var& z, double temperature) {
  check(z.dim() == 2 && z.size(0) % 2 == 0 && z.size(0) > 0, "nt_xent: rows [2N, d] expected; the shape is ",
        z.shape());
  check(temperature > 0, "nt_xent: the temperature is ", temperature);
  const int64_t n = z.size(0) / 2;
  Tensor self = zeros({2 * n, 2 * n});
  Indices partner({2 * n});
  for (int64_t i = 0; i < 2 * n; ++i) {
    self.mutable_data()[i * 2 * n + i] = -std::numeric_limits<real>::infinity();
    partner.mutable_data()[i] = bijou::index((i + n) % (2 * n));
  }
  const Var unit = l2_normalize(z);
  const Var similarity = matmul(unit, unit * real(1 / temperature), {.transpose_b = true});
  return mean(nll_of_logits(similarity + self, partner));
}

SimCLR::SimCLR(const Views& v, const SimclrOptions& o) : Method(v.encoder), views(v.views), temperature(o.temperature) {
  head = projection_head(v.features, o.head, true);
}

Var SimCLR::loss(const Tensor& images, Generator& g) {
  return nt_xent(head(encoder(two_views(views, images, g))), temperature);
}

}  // namespace bijou::ssl

#include "ssl/moco.h"

#include "autograd/ops.h"

namespace bijou::ssl {

Var queue_contrast(const Var& q, const Var& k, const Tensor& queue, double temperature) {
  const Var positive = sum(q * k, 1, {.keepdim = true}), negatives = matmul(q, queue, {.transpose_b = true});
  Indices first({q.size(0)});
  first.fill(0);
  return mean(nll_of_logits(concat({positive, negatives}, 1) * real(1 / temperature), first));
}

MoCo::MoCo(const Views& v, const MocoOptions& o)
    : Method(v.encoder), views(v.views), temperature(o.temperature), momentum(o.momentum) {
  head = projection_head(v.features, o.head);
  teacher = nn::clone(nn::Sequential(encoder, head));
  queue = l2_normalize(randn({o.queue, o.head.back()})).value();
}

Var MoCo::loss(const Tensor& images, Generator& g) {
  const Var q = l2_normalize(head(encoder(views(images, g))));
  {
    const NoGrad guard;
    keys = l2_normalize(teacher(views(images, g))).value();
  }
  const int64_t n = keys.size(0);
  check(queue.size(0) % n == 0, "MoCo: a queue of ", queue.size(0), " keys does not hold whole batches of ", n);
  return queue_contrast(q, keys, queue, temperature);
}

void MoCo::after_step(double) {
  follow(teacher, nn::Sequential(encoder, head), momentum);
  queue.rows(oldest, oldest + keys.size(0)).copy_from(keys);
  oldest = (oldest + keys.size(0)) % queue.size(0);
}

}  // namespace bijou::ssl

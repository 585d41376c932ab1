#include "ssl/mean_teacher.h"

#include "nn/losses.h"
#include "nn/norm.h"

namespace bijou::ssl {

Var MeanTeacher::loss(const Examples& labelled, const Examples& unlabelled, double progress, Generator& g) {
  const Tensor x = concat({labelled.x, unlabelled.x}, 0);
  const Var logits = net(options.noise(x, g));
  Tensor said;
  {
    const NoGrad guard;
    const nn::KeepStatistics keep;
    said = softmax(teacher.average(options.noise(x, g)).value(), 1);
  }
  return nn::cross_entropy(slice(logits, 0, 0, labelled.size()), Var(labelled.targets)) +
         nn::mse_loss(softmax(logits, 1), Var(said)) * real(options.weight * gaussian_ramp(progress / options.ramp));
}

}  // namespace bijou::ssl

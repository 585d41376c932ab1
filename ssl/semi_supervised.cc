#include "ssl/semi_supervised.h"

#include <cmath>

#include "autograd/ops.h"
#include "optim/adam.h"
#include "optim/schedule.h"

namespace bijou::ssl {

Examples select_rows(const Examples& all, const Indices& rows) {
  return {index_select(all.x, 0, rows), all.targets.numel() ? index_select(all.targets, 0, rows) : Tensor()};
}

Examples joined(const Examples& a, const Examples& b) {
  if (a.size() == 0) return b;
  if (b.size() == 0) return a;
  return {concat({a.x, b.x}, 0), concat({a.targets, b.targets}, 0)};
}

std::vector<double> fit(SemiSupervised& method, const Examples& labelled, const Examples& unlabelled,
                        const FitOptions& o) {
  check(labelled.size() > 0 && labelled.targets.dim() == 2 && labelled.targets.size(0) == labelled.size(),
        "fit: examples with targets [n, classes] expected; their shapes are ", labelled.x.shape(), " and ",
        labelled.targets.shape());
  check(o.batch > 0 && o.ratio >= 0, "fit: a batch of ", o.batch, " with a ratio of ", o.ratio);
  Generator g(o.seed);
  auto batch = [&](const Examples& all, int64_t n) {
    return all.size() ? select_rows(all, randint({n}, 0, all.size(), g)) : Examples();
  };
  const int64_t unlabelled_batch = std::llround(o.ratio * double(o.batch));
  check(unlabelled.size() == 0 || unlabelled_batch > 0, "fit: a batch of ", o.batch, " with a ratio of ", o.ratio,
        " has none of the unlabelled examples");
  optim::Adam optimizer(method.net.parameters(), {.lr = o.lr});
  method.net.train();
  std::vector<double> losses;
  for (int64_t step = 0; step < o.steps; ++step) {
    const Examples known = batch(labelled, o.batch), others = batch(unlabelled, unlabelled_batch);
    optimizer.zero_grad();
    const Var loss = method.loss(known, others, double(step) / double(o.steps), g);
    backward(loss);
    optimizer.lr_scale = optim::cosine_decay(step, o.steps);
    optimizer.step();
    method.after_step();
    losses.push_back(double(loss.item()));
    if (o.report && !o.report(step, losses.back())) break;
  }
  return losses;
}

Tensor probabilities(nn::Sequential& net, const Tensor& x) {
  const NoGrad guard;
  net.eval();
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < x.size(0); i += 500)
    parts.push_back(softmax(net(x.rows(i, std::min(i + 500, x.size(0)))).value(), -1));
  return concat(std::span<const Tensor>(parts), 0);
}

}  // namespace bijou::ssl

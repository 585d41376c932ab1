#include "ssl/method.h"

#include "autograd/map.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "optim/schedule.h"

namespace bijou::ssl {

std::vector<double> pretrain(Method& method, optim::Optimizer& optimizer, const Tensor& images,
                             const PretrainOptions& o) {
  check(o.batch > 0 && o.batch <= images.size(0), "pretrain: batches of ", o.batch, " from ", images.size(0),
        " images");
  const int64_t per_epoch = images.size(0) / o.batch;
  const Generator orders = Generator(o.seed).fork(0);
  Generator draws = Generator(o.seed).fork(1);
  Indices order;
  std::vector<double> losses;
  method.train();
  for (int64_t step = 0; step < o.steps; ++step) {
    const int64_t k = step % per_epoch;
    if (k == 0) {
      Generator g = orders.fork(uint64_t(step / per_epoch));
      order = randperm(images.size(0), g);
    }
    optimizer.zero_grad();
    const Var loss = method.loss(index_select(images, 0, order.rows(k * o.batch, (k + 1) * o.batch)), draws);
    backward(loss);
    optimizer.lr_scale = (o.warmup ? optim::linear_warmup(step, o.warmup) : 1) * optim::cosine_decay(step, o.steps);
    optimizer.step();
    method.after_step(double(step + 1) / double(o.steps));
    losses.push_back(double(loss.item()));
    if (o.report && !o.report(step, losses.back())) break;
  }
  return losses;
}

Tensor embed(const nn::AnyModule& encoder, const Tensor& images) {
  const NoGrad guard;
  const nn::AnyModule net = encoder;  // shares the weights
  if (net.module()) net.module()->eval();
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < images.size(0); i += 500)
    parts.push_back(net(images.rows(i, std::min(i + 500, images.size(0)))).value());
  return concat(std::span<const Tensor>(parts), 0);
}

nn::Sequential projection_head(int64_t in, const std::vector<int64_t>& widths, bool last_norm) {
  nn::Sequential head;
  for (size_t i = 0; i < widths.size(); ++i) {
    const bool last = i + 1 == widths.size(), norm = !last || last_norm;
    head.add(nn::Linear({.in = in, .out = widths[i], .bias = !norm}));
    if (norm) head.add(nn::BatchNorm1d({.channels = widths[i]}));
    if (!last) head.add(nn::ReLU());
    in = widths[i];
  }
  return head;
}

Var l2_normalize(const Var& z) {
  const Var squares = map_sum([](auto x) { return x * x; }, z.dim() - 1, z);
  return map([](auto x, auto s) { return x / sqrt(s + real(1e-24)); }, z, unsqueeze(squares, -1));
}

Tensor two_views(const Augmentation& views, const Tensor& images, Generator& g) {
  const Tensor first = views(images, g);
  return concat({first, views(images, g)}, 0);
}

std::array<Var, 2> halves(const Var& z) {
  const int64_t n = z.size(0) / 2;
  return {slice(z, 0, 0, n), slice(z, 0, n, 2 * n)};
}

void follow(const nn::Module& teacher, const nn::Module& student, double momentum) {
  nn::StateDict mine = teacher.state_dict();
  const nn::StateDict theirs = student.state_dict();
  for (size_t i = 0; i < mine.size(); ++i)
    bijou::update<1>([rest = real(1 - momentum)](Lane& a, Lane x) { a = a + (x - a) * rest; }, mine[i].second,
                     theirs[i].second);
}

std::vector<optim::LARS::Group> lars_groups(const nn::Module& method, double lr, double weight_decay) {
  std::vector<Var> weights, vectors;
  for (const Var& p : method.parameters()) (p.dim() > 1 ? weights : vectors).push_back(p);
  return {{weights, {.lr = lr, .weight_decay = weight_decay}},
          {vectors, {.lr = lr, .weight_decay = 0, .trust = false}}};
}

}  // namespace bijou::ssl

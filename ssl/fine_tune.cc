#include "ssl/fine_tune.h"

#include "nn/init.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "optim/adam.h"
#include "optim/schedule.h"

namespace bijou::ssl {

nn::Sequential fine_tune(const nn::AnyModule& encoder, int64_t features, const Tensor& images, const Indices& labels,
                         const Augmentation& noise, const FineTuneOptions& o) {
  check(labels.shape() == Shape({images.size(0)}), "fine_tune: ", images.size(0), " labels expected; their shape is ",
        labels.shape());
  Generator g(o.seed);
  nn::Linear classifier({.in = features, .out = o.classes});
  classifier.weight.mutable_value().copy_from(nn::init::default_weight({o.classes, features}, g));
  classifier.bias.mutable_value().fill(0);
  nn::Sequential net = nn::clone(nn::Sequential(encoder, classifier));
  net.train();
  optim::Adam optimizer(net.parameters(), {.lr = o.lr});
  for (int64_t step = 0; step < o.steps; ++step) {
    const Indices rows = randint({o.batch}, 0, images.size(0), g);
    optimizer.zero_grad();
    const Tensor x = noise(index_select(images, 0, rows), g);
    backward(nn::cross_entropy(net(x), index_select(labels, 0, rows)));
    optimizer.lr_scale = optim::cosine_decay(step, o.steps);
    optimizer.step();
  }
  return net;
}

Indices predict(nn::Sequential& net, const Tensor& images) {
  const NoGrad guard;
  net.eval();
  Indices classes({images.size(0)});
  for (int64_t i = 0; i < images.size(0); i += 500) {
    const int64_t end = std::min(i + 500, images.size(0));
    classes.rows(i, end).copy_from(argmax(net(images.rows(i, end)).value(), -1));
  }
  return classes;
}

}  // namespace bijou::ssl

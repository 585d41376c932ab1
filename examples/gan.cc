// Generative adversarial networks by three losses: on eight normals around a circle, where a missed mode can be
// counted, and on digits, where a classifier of our own says which classes are there.
//
//   gan --part ring --loss all
//   gan --data DIR --dataset mnist --part digits --epochs 20 --hidden 512
//
// ring.png: samples of each loss. digits.png: of the digits. A classifier that reads nearly all test digits right sorts
// the samples; a class counts where it has at least a fifth of its share.
#include "examples/experiments/gan.h"

#include <cstdio>

#include "autograd/ops.h"
#include "examples/experiments/density.h"
#include "examples/support/batches.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "nn/activation.h"
#include "nn/losses.h"
#include "optim/adam.h"
#include "ssl/evaluation.h"
#include "tensor/pool.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

Gan trained(const std::string& title, GanOptions o) {
  Progress progress({.title = title, .total = o.steps});
  o.report = [&](double loss) { return progress.step("critic " + to_string(real(loss))), !interrupted(); };
  return train_gan(o);
}

// The square from -3 to 3, darker where there are more samples: [1, 160, 160].
Tensor scatter_picture(const Tensor& xy) {
  constexpr int64_t kSize = 160;
  Tensor image = ones({1, kSize, kSize});
  for (int64_t i = 0; i < xy.size(0); ++i) {
    const int64_t column = int64_t((xy.data()[2 * i] / 3 + 1) / 2 * kSize),
                  row = int64_t((1 - xy.data()[2 * i + 1] / 3) / 2 * kSize);
    if (column < 0 || column >= kSize || row < 0 || row >= kSize) continue;
    image.mutable_data()[row * kSize + column] *= real(0.4);
  }
  return image;
}

// Grey digits at half their size, as rows, with their labels.
Dataset halved(Dataset d) {
  d.images = avg_pool2d(d.images, {.kernel = 2}).reshape({d.size(), -1});
  return d;
}

nn::Sequential classifier(const Dataset& train, uint64_t seed) {
  const int64_t pixels = train.images.size(1);
  nn::Sequential net(nn::Linear({.in = pixels, .out = 256}), nn::ReLU(), nn::Linear({.in = 256, .out = 10}));
  optim::Adam optimizer(net.parameters(), {.lr = 2e-3});
  Batches batches(train, {.size = 100}, Generator(seed));
  for (int64_t step = 0; step < 6 * batches.per_epoch() && !interrupted(); ++step) {
    const Batch batch = batches.at(step);
    optimizer.zero_grad();
    backward(nn::cross_entropy(net(batch.images), batch.labels));
    optimizer.step();
  }
  return net;
}

void rings(const std::string& only, int steps, const Run& run, Result& result) {
  Generator g(run.seed + 1);
  std::vector<Tensor> shown{scatter_picture(ring(2000, g))};
  std::printf("%-16s %6s %16s\n", "ring", "modes", "within 3 sigma");
  for (const std::string& loss : gan_losses()) {
    if (only != "all" && only != loss) continue;
    const Gan gan = trained("ring, " + loss, {.loss = loss,
                                              .data_dim = 2,
                                              .steps = steps,
                                              .critic_steps = loss == "wgan-gp" ? 3 : 1,
                                              .seed = run.seed,
                                              .data = ring});
    const RingScore score = judge_ring(gan.sample(10000, g));
    std::printf("%-16s %6lld %14.1f %%\n", loss.c_str(), (long long)score.modes, 100 * score.near);
    result.set("ring_" + loss + "_modes", score.modes), result.set("ring_" + loss + "_near", score.near);
    shown.push_back(scatter_picture(gan.sample(2000, g)));
  }
  write_png(run.out + "/ring.png", image_grid(stack(shown, 0), {.columns = int(shown.size()), .background = 0}), 2);
}

void digits(const std::string& dataset, GanOptions o, const Run& run, Result& result) {
  const Dataset train = halved(load_dataset(dataset, run.data, Split::kTrain));
  const Dataset test = halved(load_dataset(dataset, run.data, Split::kTest));
  const nn::Sequential judge = classifier(train, run.seed);
  const double accuracy = ssl::accuracy(argmax(judge(test.images).value(), 1), test.labels);
  o.data_dim = train.images.size(1), o.unit_range = true, o.seed = run.seed;
  o.steps = run.epochs * (train.size() / o.batch);
  o.data = [&](int64_t n, Generator& g) {
    return index_select(train.images, 0, randint({n}, 0, bijou::index(train.size()), g));
  };
  const Gan gan = trained(dataset + ", " + o.loss, o);
  Generator g(run.seed + 1);
  const ClassScore score = judge_classes(judge, gan.sample(5000, g)), of_data = judge_classes(judge, test.images);
  const int64_t side = int64_t(std::sqrt(double(o.data_dim)));
  write_png(run.out + "/digits.png", image_grid(gan.sample(100, g).reshape({100, 1, side, side}), {.columns = 10}), 3);
  if (!gan.critic_losses.empty())
    Plot({.title = "Critic on " + dataset, .x_label = "step", .y_label = "loss"})
        .line({.label = o.loss, .y = gan.critic_losses})
        .write(run.out + "/critic.svg");
  std::printf(
      "%s, %s: %.0f of 10 classes; the judge is sure of %.1f %% of the samples (of the data %.1f %%) and reads "
      "%.2f %% of the test digits right\n",
      dataset.c_str(), o.loss.c_str(), score.classes, 100 * score.confident, 100 * of_data.confident, 100 * accuracy);
  result.set("classes", score.classes), result.set("confident", score.confident), result.set("judge", accuracy);
  result.set("shares", score.shares);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "gan", .about = "Learns to make what a critic cannot tell from data.", .epochs = 3});
  std::vector<std::string> losses = gan_losses();
  const std::string digit_loss = args.choice("digit-loss", {losses[1], losses[0], losses[2]}, "of the digits");
  losses.push_back("all");
  const std::string loss = args.choice("loss", losses, "of the ring");
  const std::string dataset = args.option("dataset", "digits", "digits, mnist or fashion-mnist");
  const std::string part = args.choice("part", {"all", "ring", "digits"}, "what is learnt");
  const int ring_steps = args.option("ring-steps", 6000, "of the generator, on the ring", 1);
  const int hidden = args.option("hidden", 256, "units of a layer, for digits", 1);
  const double lr = args.option("lr", 1e-3, "learning rate, for digits");
  const Run run = args.done();

  Result result("gan");
  if (part != "digits") rings(loss, ring_steps, run, result);
  if (part != "ring")
    digits(dataset,
           {.loss = digit_loss,
            .latent = 32,
            .hidden = hidden,
            .batch = 64,
            .critic_steps = digit_loss == "wgan-gp" ? 3 : 1,
            .lr = lr},
           run, result);
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
  return interrupted() ? 130 : 0;
}

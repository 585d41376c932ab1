// Contrastive predictive coding: an encoder of sound that learns by telling what comes next, without labels; then a
// linear probe reads digits off it, beside the same probe on the same network untrained.
//
//   examples/cpc --data DIR --dataset fsdd --epochs 8
#include "ssl/cpc.h"

#include <cmath>
#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/spoken_digits.h"
#include "optim/adam.h"
#include "ssl/evaluation.h"

using namespace bijou;
using namespace bijou::support;

namespace {

// The first `length` samples of each, equally loud; shorter ones are repeated: [n, 1, 1, length].
Tensor sounds_of(const Utterances& u, int64_t length) {
  Tensor x({u.size(), 1, 1, length});
  for (int64_t i = 0; i < u.size(); ++i) {
    const Tensor& sound = u.sounds[size_t(i)];
    double power = 1e-12;
    for (const real v : sound) power += double(v) * double(v) / double(sound.numel());
    for (int64_t t = 0; t < length; ++t)
      x.mutable_data()[i * length + t] = real(double(sound.data()[t % sound.numel()]) / std::sqrt(power));
  }
  return x;
}

double probe(const ssl::CpcEncoder& encoder, const Tensor& train, const Tensor& test, const HeldOut& data) {
  const ssl::Labelled known{ssl::embed(encoder, train), data.train.labels};
  return ssl::accuracy(ssl::linear_probe(known, ssl::embed(encoder, test), {.steps = 150}), data.test.labels);
}

// log N - L for each step ahead: how many nats of the future are known, at least.
std::vector<double> known_nats(const ssl::Cpc& cpc, const Tensor& sounds) {
  const NoGrad guard;
  std::vector<double> nats;
  for (const ssl::Cpc::Term& term : cpc.terms(sounds))
    nats.push_back(std::log(double(term.candidates)) - double(term.loss.item()));
  return nats;
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "cpc", .about = "Learns to hear by telling what comes next.", .epochs = 4, .least_epochs = 1});
  const std::string dataset = args.choice("dataset", spoken_digits_names(), "what is heard");
  const int channels = args.option("channels", 32, "of a frame", 1),
            context = args.option("context", 64, "of the GRU", 1);
  const int ahead = args.option("ahead", 6, "frames of 10 ms to look ahead", 1);
  const int batch = args.option("batch", 32, "utterances a step", 1);
  const double lr = args.option("lr", 2e-3, "the highest learning rate");
  const Run run = args.done();

  const HeldOut data = by_takes(load_spoken_digits(dataset, run.data), 10);
  const Tensor train = sounds_of(data.train, 3200), test = sounds_of(data.test, 3200);
  manual_seed(run.seed);
  const ssl::CpcEncoder encoder({.channels = channels, .context = context}), untrained = nn::clone(encoder);
  ssl::Cpc cpc({.encoder = encoder, .ahead = ahead});
  optim::Adam optimizer(cpc.parameters(), {.lr = lr});
  const int64_t steps = run.epochs * (train.size(0) / batch);
  Progress progress({.title = "cpc", .total = steps});
  const std::vector<double> losses = pretrain(
      cpc, optimizer, train, {.batch = batch, .steps = steps, .seed = run.seed, .report = [&](int64_t, double loss) {
                                progress.step("loss " + to_string(std::round(1000 * loss) / 1000));
                                return !interrupted();
                              }});
  progress.finish();
  if (interrupted()) return 130;

  const double learnt = probe(encoder, train, test, data), random = probe(untrained, train, test, data);
  const std::vector<double> nats = known_nats(cpc, test.rows(0, std::min<int64_t>(batch, test.size(0))));
  std::printf("A linear probe reads %.1f %% of the digits, off the untrained network %.1f %%.\n", 100 * learnt,
              100 * random);
  Plot({.title = "Contrastive predictive coding", .x_label = "step", .y_label = "InfoNCE (nats)"})
      .line({.y = losses})
      .write(run.out + "/loss.svg");
  Plot({.title = "What is known of the future", .x_label = "frames of 10 ms ahead", .y_label = "nats, at least"})
      .line({.y = nats})
      .write(run.out + "/ahead.svg");

  Result result("cpc");
  result.set("dataset", dataset), result.set("steps", int64_t(losses.size())), result.set("loss", losses.back());
  result.set("probe", learnt), result.set("untrained_probe", random), result.set("nats_ahead", nats);
  result.print();
}

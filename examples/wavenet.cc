// WaveNet: a density of sounds, sample by sample, and spoken digits drawn from it, as .wav files to listen to.
//
//   examples/wavenet --data DIR --dataset fsdd --epochs 20 --minutes 15
//
// How good it is, is said in bits: how many a sample takes on the average, if it is coded by what the network expects.
// A model that does not listen to what came before needs at least the entropy of the levels.
#include "nn/wavenet.h"

#include <cmath>
#include <cstdio>

#include "autograd/elementwise.h"
#include "examples/experiments/speech.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/stopwatch.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"
#include "tensor/indexing.h"
#include "tensor/layout.h"

using namespace bijou;
using namespace bijou::support;

namespace {

// Pieces of `length` samples from random places of random utterances, as levels, and what is said in them.
struct Pieces {
  Tensor levels;  // [B, length]
  Tensor digits;  // [B, 10]
};
Pieces draw_pieces(const Utterances& u, int64_t batch, int64_t length, Generator& g) {
  Tensor sounds = zeros({batch, length});
  Indices digits({batch});
  for (int64_t i = 0; i < batch; ++i) {
    const bijou::index k = g.below(u.size());
    const Tensor& sound = u.sounds[size_t(k)];
    const int64_t room = std::max<int64_t>(0, sound.numel() - length), start = g.below(room + 1);
    std::copy_n(sound.data() + start, std::min(length, sound.numel()), sounds.mutable_data() + i * length);
    digits.mutable_data()[i] = u.labels.data()[k];
  }
  return {nn::mu_law(sounds), one_hot(digits, 10)};
}

// The mean of -log2 p over the samples of the first `count` utterances.
double bits(const nn::WaveNet& model, const Utterances& u, int64_t count) {
  const NoGrad guard;
  double sum = 0, samples = 0;
  for (int64_t i = 0; i < std::min(count, u.size()); ++i) {
    const Tensor level = nn::mu_law(unsqueeze(u.sounds[size_t(i)], 0));
    sum -= double(model.log_prob(level, one_hot(u.labels.rows(i, i + 1), 10)).item());
    samples += double(level.numel());
  }
  return sum / samples / std::log(2.0);
}

// The entropy of the levels of those same samples, in bits: no model without memory does better.
double memoryless_bits(const Utterances& u, int64_t count) {
  std::vector<double> histogram(256);
  double samples = 0, entropy = 0;
  for (int64_t i = 0; i < std::min(count, u.size()); ++i)
    for (const real level : nn::mu_law(u.sounds[size_t(i)])) histogram[size_t(level)] += 1, samples += 1;
  for (const double n : histogram)
    if (n > 0) entropy -= n / samples * std::log2(n / samples);
  return entropy;
}

struct Training {
  int64_t steps, batch, length;
  double lr, minutes;
  uint64_t seed;
};
// Returns the bits a sample of every step.
std::vector<double> train(nn::WaveNet& model, const Utterances& u, const Training& o) {
  optim::Adam optimizer(model.parameters(), {.lr = o.lr});
  Progress progress({.title = "wavenet", .total = o.steps, .minutes = o.minutes});
  Generator g(o.seed);
  const Stopwatch watch;
  std::vector<double> curve;
  for (int64_t step = 0; step < o.steps && !interrupted(); ++step) {
    const double part = std::max(double(step) / double(o.steps), watch.part_of(o.minutes));
    if (part >= 1) break;
    const Pieces p = draw_pieces(u, o.batch, o.length, g);
    optimizer.zero_grad();
    const Var loss = -mean(model.conditionals(p.levels, Var(p.digits)));
    backward(loss);
    optim::clip_grad_norm(model.parameters(), 1);
    optimizer.lr_scale = optim::linear_warmup(step, 20) * optim::cosine_decay(int64_t(1000 * part), 1000);
    optimizer.step();
    curve.push_back(double(loss.item()) / std::log(2.0));
    char note[32];
    std::snprintf(note, sizeof note, "%.2f bits", curve.back());
    progress.step(note);
  }
  return curve;
}

// Seconds for 4,000 samples, with memory and without. The slow way takes as long for each sample, once the receptive
// field is full; so it is timed on the last `few` of them.
struct Speed {
  double cached, naive, difference;
};
Speed time_generation(const nn::WaveNet& model, const Tensor& digit, uint64_t seed) {
  constexpr int64_t all = 4000, few = 100;
  Generator g(seed);
  const Tensor draws = rand({1, all}, g), last = slice(draws, 1, all - few, all);
  const Stopwatch with_memory;
  const Tensor fast = model.continued(Tensor({1, 0}), draws, digit);
  const double cached = with_memory.seconds();
  const Stopwatch without;
  const Tensor slow = model.continued_slowly(slice(fast, 1, 0, all - few), last, digit);
  return {cached, without.seconds() * all / few, max_difference(fast, slow)};
}

// Every digit once: real ones, or drawn from the model.
Utterances real_digits(const Utterances& u) {
  Indices first({10});
  for (bijou::index digit = 0; digit < 10; ++digit)
    first.mutable_data()[digit] = bijou::index(std::find(u.labels.begin(), u.labels.end(), digit) - u.labels.begin());
  return u.rows(first);
}
Utterances spoken_by(const nn::WaveNet& model, Utterances like, uint64_t seed) {
  Generator g(seed);
  const Tensor sounds = nn::mu_law_inverse(model.sample(10, one_hot(like.labels, 10), g));
  for (int64_t i = 0; i < 10; ++i) like.sounds[size_t(i)] = sounds.row(i);
  return like;
}

void write_sounds(const std::string& path, const Utterances& u) {
  std::vector<Tensor> parts;
  for (const Tensor& sound : u.sounds) parts.push_back(sound), parts.push_back(zeros({u.rate / 4}));
  write_wav(path, {concat(std::span<const Tensor>(parts), 0), u.rate});
}

void plot_waves(const std::string& path, const Tensor& real_sound, const Tensor& drawn, int rate) {
  Series series[2] = {{.label = "from the data"}, {.label = "drawn (one lower)"}};
  const Tensor* sounds[2] = {&real_sound, &drawn};
  for (int k = 0; k < 2; ++k)
    for (int64_t i = 0; i < std::min<int64_t>(2400, sounds[k]->numel()); ++i) {
      series[k].x.push_back(1000.0 * double(i) / rate);
      series[k].y.push_back(double(sounds[k]->data()[i]) - k);
    }
  Plot({.title = "The same word", .x_label = "milliseconds", .y_label = "pressure"})
      .line(series[0])
      .line(series[1])
      .write(path);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "wavenet",
             .about = "Learns a density of spoken digits, and speaks.",
             .epochs = 1,
             .epoch = "times 300 steps"});
  const std::string dataset = args.source("dataset", "fsdd", "synthetic", "synthetic or fsdd");
  const int channels = args.option("channels", 24, "of each layer", 1), skip = args.option("skip", 48, "of the end", 1);
  const int doublings = args.option("doublings", 9, "layers of dilation 1, 2, 4, ...", 1);
  const int cycles = args.option("cycles", 1, "how many times these layers", 1);
  const int batch = args.option("batch", 4, "pieces a step", 1);
  const int length = args.option("length", 1600, "samples a piece", 2);
  const double lr = args.option("lr", 4e-3, "the highest learning rate");
  const double minutes = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const int tested = args.option("tested", 40, "utterances to measure on", 1);
  const Run run = args.done();

  const HeldOut data = by_takes(load_spoken_digits(dataset, run.data), 5);
  manual_seed(run.seed);
  nn::WaveNet model({.channels = channels,
                     .skip = skip,
                     .doublings = doublings,
                     .cycles = cycles,
                     .condition = 10,
                     .length = data.train.rate / 2});
  const std::vector<double> curve = train(
      model, data.train,
      {.steps = 300 * run.epochs, .batch = batch, .length = length, .lr = lr, .minutes = minutes, .seed = run.seed});
  if (interrupted()) return 130;

  const double test = bits(model, data.test, tested), memoryless = memoryless_bits(data.test, tested);
  const Utterances recorded = real_digits(data.test), drawn = spoken_by(model, recorded, run.seed + 1);
  const Speed speed = time_generation(model, one_hot(indices({7}), 10), run.seed + 2);
  write_sounds(run.out + "/recorded.wav", recorded), write_sounds(run.out + "/drawn.wav", drawn);
  const Tensor pictures = concat({experiments::spectrograms(recorded), experiments::spectrograms(drawn)}, 0);
  write_png(run.out + "/spectrograms.png", experiments::picture_of_spectrograms(pictures, 10), 2);
  plot_waves(run.out + "/waves.svg", recorded.sounds[7], drawn.sounds[7], recorded.rate);
  if (!curve.empty())
    Plot({.title = "WaveNet", .x_label = "step", .y_label = "bits a sample"})
        .line({.y = curve})
        .write(run.out + "/bits.svg");

  std::printf("%.2f bits a sample on unheard takes; without memory at least %.2f.\n", test, memoryless);
  std::printf("4,000 samples take %.2f s with memory, %.1f s without: %.0f times as long.\n", speed.cached, speed.naive,
              speed.naive / speed.cached);
  std::printf("Sounds (drawn.wav) and pictures are in %s.\n", run.out.c_str());
  Result result("wavenet");
  result.set("dataset", dataset), result.set("parameters", model.num_parameters());
  result.set("receptive_field", model.receptive_field()), result.set("steps", int64_t(curve.size()));
  result.set("test_bits", test), result.set("memoryless_bits", memoryless), result.set("gain_bits", memoryless - test);
  result.set("cached_seconds", speed.cached), result.set("naive_seconds", speed.naive);
  result.set("times_faster", speed.naive / speed.cached), result.set("difference", speed.difference);
  result.print();
}

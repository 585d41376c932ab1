// Images from noise: a normalizing flow that knows the exact probability of every picture.
//
// Glow, or RealNVP, learns by maximum likelihood: pixels 0 .. 255 are dequantised by noise, uniform or from a flow of
// its own, and go through a logit; a multi-scale flow turns them into noise. The loss is the negative log-likelihood in
// bits per pixel and channel, -log2 P(x) / D, where P is the probability of the whole numbers (or its bound, which
// --samples tightens for the test). White noise has 8 bits. Then the flow is run backwards: samples at several
// temperatures, and straight lines in latent space between pairs of test images.
//
// A checkpoint is saved after every epoch, and at Ctrl-C; --resume goes on. Generated digits are halved to 16 x 16.
//
//   examples/flow_images --data DIR --dataset mnist --epochs 12 --levels 2 --steps 8    real digits at full size
//   examples/flow_images --data DIR --dataset mnist --minutes 15 --width 64             as far as 15 minutes go
#include <cstdio>

#include "autograd/conv.h"
#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "examples/support/batches.h"
#include "examples/support/cli.h"
#include "examples/support/dataset.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/stopwatch.h"
#include "flows/dequantize.h"
#include "flows/flow.h"
#include "flows/glow.h"
#include "nn/checkpoint.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/schedule.h"
#include "tensor/elementwise.h"
#include "tensor/pool.h"

using namespace bijou;
using namespace bijou::support;

namespace {

// Images as whole numbers 0 .. 255; generated digits in a frame, at half the size.
Tensor load_pixels(const std::string& name, const std::string& folder, Split split) {
  Tensor images = load_dataset(name, folder, split).images;
  if (name == "digits") images = avg_pool2d(pad(images, {2, 2, 2, 2}), {.kernel = 2});
  return round(images * real(255));
}

struct Model : nn::Module {
  explicit Model(flows::Flow f) : flow(std::move(f)) {}
  void members(nn::Visitor& visit) override { visit("flow", flow), visit("dequantizer", variational); }

  flows::Dequantized spread(const Tensor& x, Generator& g) const {
    return variational.empty() ? flows::dequantize(x, 256, g) : variational[0](x, g);
  }
  // Mean bits per dimension of x: a Var, to be minimised.
  Var bits(const Tensor& x, int64_t samples, Generator& g) const {
    const auto q = [&](const Tensor& x, Generator& g) { return spread(x, g); };
    const Var log_p = flows::log_prob_of_levels(flow, q, x, 256, samples, g);
    return flows::bits_per_dim(mean(log_p), x.numel() / x.size(0));
  }

  flows::Flow flow;
  std::vector<flows::VariationalDequantizer> variational;  // one, or none: uniform noise
};

double bits_of_all(Model& model, const Tensor& x, int64_t samples) {
  const NoGrad guard;
  model.eval();
  Generator g(1);
  double total = 0;
  for (int64_t i = 0; i < x.size(0); i += 250) {
    const int64_t end = std::min(i + 250, x.size(0));
    total += double(model.bits(x.rows(i, end), samples, g).item()) * double(end - i);
  }
  model.train();
  return total / double(x.size(0));
}

// A row of samples for every temperature.
Tensor samples(const flows::Flow& flow, const std::vector<double>& temperatures, int64_t columns) {
  const NoGrad guard;
  std::vector<Tensor> rows;
  for (double t : temperatures) {
    Generator g(3);  // the same noise, more or less of it
    rows.push_back(flow.sample(columns, {.temperature = t}, g).value());
  }
  return image_grid(concat(rows, 0), {.columns = int(columns)});
}

// From test image to test image in straight lines through latent space, a line a row.
Tensor interpolations(const flows::Flow& flow, const Tensor& x, int64_t rows, int64_t steps) {
  Generator g(4);
  const Tensor v = flows::dequantize(x.rows(0, 2 * rows), 256, g).v.value();
  const Tensor path = flows::interpolate(flow, v.rows(0, rows), v.rows(rows, 2 * rows), steps);  // [steps, rows, ...]
  Shape flat{rows * steps};
  for (int axis = 2; axis < path.dim(); ++axis) flat.push_back(path.size(axis));
  return image_grid(permute(path, {1, 0, 2, 3, 4}).reshape(flat), {.columns = int(steps)});
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "flow_images", .about = "Learns to draw, by a normalizing flow: Glow or RealNVP.", .epochs = 2});
  const std::string model = args.choice("model", {"glow", "realnvp"}, "the flow");
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  const int levels = args.option("levels", 2, "levels of the multi-scale architecture", 1);
  const int steps_of_flow = args.option("steps", 4, "steps of flow in each level of Glow", 1);
  const int width = args.option("width", 32, "channels inside the networks", 1);
  const double lambda = args.option("lambda", 1e-6, "how far the logit stays away from 0 and 1");
  const std::string noise = args.choice("dequantize", {"uniform", "variational"}, "where the noise is from");
  const int bound_samples = args.option("samples", 1, "of noise for each test image: more, a tighter bound", 1);
  const double lr = args.option("lr", 3e-3, "the highest learning rate");
  const double limit = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const bool reversible = args.flag("reversible", "keep no activations: less memory, more time");
  const bool resume = args.flag("resume", "go on from the checkpoint in --out");
  const Run run = args.done();
  const std::string checkpoint = run.out + "/checkpoint.safetensors";

  const Tensor all = load_pixels(dataset, run.data, Split::kTrain), test = load_pixels(dataset, run.data, Split::kTest);
  const int64_t held_out = std::min<int64_t>(500, all.size(0) / 10);
  const Tensor train = all.rows(0, all.size(0) - held_out), valid = all.rows(all.size(0) - held_out, all.size(0));
  const Shape image(std::span(all.shape().begin() + 1, 3));

  manual_seed(run.seed);
  const flows::ImageFlowOptions shape{
      .image = image, .levels = levels, .steps = steps_of_flow, .width = width, .reversible = reversible};
  flows::Chain chain(flows::ShrunkLogit({.lambda = real(lambda)}));
  chain.add(model == "glow" ? flows::glow(shape) : flows::real_nvp(shape));
  Model m(flows::Flow(chain, flows::StandardNormal({image.numel()})));
  if (noise == "variational") m.variational.push_back(flows::image_dequantizer(image));
  const flows::Flow& flow = m.flow;

  optim::Adam optimizer(m.parameters(), {.lr = lr});
  Batches batches({train, Indices({train.size(0)}), {}}, {.size = 64, .drop_last = true}, Generator(run.seed));
  const int64_t steps = run.epochs * batches.per_epoch();
  const int64_t every = std::min<int64_t>(batches.per_epoch(), 250);
  int64_t step = 0;
  std::vector<real> curve;      // minutes, bits in training, bits of what is held out, after every so many steps
  double sum = 0, earlier = 0;  // bits since then; minutes of the runs before
  const Stopwatch watch;
  auto minutes = [&] { return earlier + watch.minutes(); };
  // The part of the training that is over: of the steps or, if that is more, of the time.
  auto done = [&] { return std::min(1.0, std::max(double(step) / double(steps), limit > 0 ? minutes() / limit : 0)); };
  std::string options = dataset + " " + model + " " + noise;
  for (double o :
       {double(levels), double(steps_of_flow), double(width), lambda, lr, double(run.epochs), double(run.seed)})
    options += " " + to_string(o);

  auto save = [&] {
    nn::Checkpoint c;
    c.add("model", m.state_dict());
    c.add("optimizer", optimizer.state_dict());
    c.generator = default_generator().state();
    c.step = step;
    c.tensors["curve"] = Tensor::from(curve), c.tensors["now"] = tensor({real(sum), real(minutes())});
    c.metadata["options"] = options;
    nn::save_checkpoint(checkpoint, c);
  };
  if (resume) {
    const nn::Checkpoint c = nn::load_checkpoint(checkpoint);
    const auto saved = c.metadata.find("options");
    if (saved == c.metadata.end()) args.refuse(checkpoint + " is of another program");
    if (saved->second != options) args.refuse(checkpoint + " is of another run: " + saved->second);
    m.load_state_dict(c.part("model"));
    optimizer.load_state_dict(c.part("optimizer"));
    default_generator() = Generator(c.generator);
    curve.assign(c.tensors.at("curve").begin(), c.tensors.at("curve").end());
    sum = double(c.tensors.at("now").data()[0]), earlier = double(c.tensors.at("now").data()[1]);
    step = c.step;
  }

  Progress progress(
      {.title = dataset + " " + model, .total = steps, .start = step, .minutes = std::max(0.0, limit - earlier)});
  while (done() < 1 && !interrupted()) {
    optimizer.zero_grad();
    const Var loss = m.bits(batches.at(step).images, 1, default_generator());
    backward(loss);
    optim::clip_grad_norm(m.parameters(), 1);
    optimizer.lr_scale = optim::one_cycle(int64_t(done() * 999'999), 1'000'000);
    optimizer.step();
    sum += double(loss.item());
    if (++step % every == 0) {
      for (double v : {minutes(), sum / double(every), bits_of_all(m, valid, 1)}) curve.push_back(real(v));
      sum = 0;
    }
    if (step % batches.per_epoch() == 0) save();
    progress.step(to_string(std::round(1000 * double(loss.item())) / 1000) + " bits/dim");
  }
  progress.finish();
  save();
  if (done() < 1) {
    std::printf("Stopped after step %lld of %lld. --resume goes on.\n", (long long)step, (long long)steps);
    return 130;
  }

  const double took = minutes(), test_bits = bits_of_all(m, test, bound_samples);
  m.eval();
  const int scale = image[1] > 20 ? 2 : 4;
  write_png(run.out + "/data.png", image_grid(test.rows(0, 40) * real(1.0 / 255), {.columns = 10}), scale);
  write_png(run.out + "/samples.png", samples(flow, {0.5, 0.7, 0.85, 1}, 10), scale);
  write_png(run.out + "/interpolations.png", interpolations(flow, test, 6, 10), scale);
  std::vector<double> columns[3];
  for (size_t i = 0; i < curve.size(); ++i) columns[i % 3].push_back(double(curve[i]));
  if (columns[0].size() > 1)
    Plot({.title = dataset + ", " + model, .x_label = "minutes", .y_label = "bits per dimension"})
        .line({.label = "train", .x = columns[0], .y = columns[1]})
        .line({.label = "held out", .x = columns[0], .y = columns[2]})
        .write(run.out + "/bits.svg");

  Result result("flow_images");
  result.set("dataset", dataset), result.set("model", model), result.set("dequantize", noise);
  result.set("parameters", m.num_parameters());
  result.set("steps", step), result.set("minutes", took), result.set("curve_minutes", columns[0]);
  result.set("curve_bits_per_dim", columns[2]), result.set("test_bits_per_dim", test_bits);
  std::printf("%s, %s: %.3f bits per dimension on %lld test images. Pictures are in %s.\n", dataset.c_str(),
              model.c_str(), test_bits, (long long)test.size(0), run.out.c_str());
  result.print();
}

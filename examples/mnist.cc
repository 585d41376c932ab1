// Handwritten digits: the "hello, world" of deep learning, with everything that a real run needs.
//
// A multilayer perceptron, or with --model conv a convolutional network with batch normalisation, is trained by Adam on
// images that are shifted at random by a pixel or two, with the one-cycle schedule for the learning rate. The last
// 5,000 training images are held out to watch the progress; the test set is looked at once, at the end.
//
// A checkpoint is saved after every epoch, and at Ctrl-C. A run that was stopped, however rudely, goes on with --resume
// and ends with the same bits as one that was not.
#include <algorithm>
#include <cstdio>

#include "autograd/elementwise.h"
#include "examples/support/batches.h"
#include "examples/support/cli.h"
#include "examples/support/dataset.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "nn/activation.h"
#include "nn/checkpoint.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/norm.h"
#include "nn/sequential.h"
#include "optim/adam.h"
#include "optim/schedule.h"

using namespace bijou;
using namespace bijou::support;

namespace {

nn::Sequential make_mlp(int64_t pixels, int64_t classes) {
  return nn::Sequential(nn::Flatten(), nn::Linear({.in = pixels, .out = 512}), nn::ReLU(), nn::Dropout({.p = 0.2}),
                        nn::Linear({.in = 512, .out = 512}), nn::ReLU(), nn::Dropout({.p = 0.2}),
                        nn::Linear({.in = 512, .out = classes}));
}

// 28x28 -> 14x14 -> 7x7, for any even size divisible by four.
nn::Sequential make_convnet(const Shape& image, int64_t classes) {
  nn::Sequential net;
  int64_t in = image[0];
  for (const int64_t out : {32, 64, 64}) {
    net.add(
        nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = in == image[0] ? 1 : 2, .padding = 1, .bias = false}));
    net.add(nn::BatchNorm2d({.channels = out})).add(nn::ReLU());
    in = out;
  }
  net.add(nn::Flatten()).add(nn::Dropout({.p = 0.3}));
  return net.add(nn::Linear({.in = in * (image[1] / 4) * (image[2] / 4), .out = classes}));
}

// Each image moved by up to `most` pixels in both directions; what comes in is 0.
Tensor shifted(const Tensor& images, int64_t most, Generator& g) {
  const int64_t c = images.size(1), h = images.size(2), w = images.size(3);
  Tensor out = zeros(images.shape());
  real* to = out.mutable_data();
  for (int64_t i = 0; i < images.size(0); ++i) {
    const int64_t dy = g.below(2 * most + 1) - most, dx = g.below(2 * most + 1) - most;
    for (int64_t row = 0; row < c * h; ++row) {
      const int64_t from = row % h - dy;
      if (from < 0 || from >= h) continue;
      const real* source = images.data() + (i * c * h + row - dy) * w;
      for (int64_t x = std::max<int64_t>(dx, 0); x < std::min(w, w + dx); ++x)
        to[(i * c * h + row) * w + x] = source[x - dx];
    }
  }
  return out;
}

// The predicted class of every image.
Indices predict(nn::Sequential& net, const Tensor& images) {
  NoGrad guard;
  net.eval();
  Indices labels({images.size(0)});
  for (int64_t i = 0; i < images.size(0); i += 500) {
    const int64_t end = std::min(i + 500, images.size(0));
    labels.rows(i, end).copy_from(argmax(net(images.rows(i, end)).value(), -1));
  }
  net.train();
  return labels;
}

double accuracy(const Indices& predicted, const Indices& labels) {
  int64_t right = 0;
  for (int64_t i = 0; i < labels.numel(); ++i) right += predicted.data()[i] == labels.data()[i];
  return double(right) / double(labels.numel());
}

// The test images that were taken for something else, as many as fit.
Tensor mistakes(const Dataset& test, const Indices& predicted, int64_t most) {
  std::vector<bijou::index> wrong;
  for (int64_t i = 0; i < test.size() && int64_t(wrong.size()) < most; ++i)
    if (predicted.data()[i] != test.labels.data()[i]) wrong.push_back(bijou::index(i));
  return index_select(test.images, 0, Indices::from(std::span<const bijou::index>(wrong)));
}

// All that changes as a run goes on.
struct Training {
  nn::Sequential& net;
  optim::AdamW& optimizer;
  int64_t step = 0;
  real loss_sum = 0;                               // of this epoch so far
  std::vector<real> losses = {}, accuracies = {};  // of each epoch: in training, and on the images held out

  // `run` tells this run from others.
  void save(const std::string& path, const std::string& run) const {
    nn::Checkpoint c;
    c.generator = default_generator().state();
    c.step = step;
    c.metadata["run"] = run;
    c.add("model", net.state_dict());
    c.add("optimizer", optimizer.state_dict());
    c.add("curve",
          {{"sum", scalar(loss_sum)}, {"losses", Tensor::from(losses)}, {"accuracies", Tensor::from(accuracies)}});
    nn::save_checkpoint(path, c);
  }

  void load(const std::string& path, const std::string& run) {
    const nn::Checkpoint c = nn::load_checkpoint(path);
    const auto saved = c.metadata.find("run");
    check(saved != c.metadata.end(), path, " is of another program");
    check(saved->second == run, path, " is of another run: ", saved->second);
    net.load_state_dict(c.part("model"));
    optimizer.load_state_dict(c.part("optimizer"));
    default_generator() = Generator(c.generator);
    step = c.step;
    const Tensor &l = c.tensors.at("curve.losses"), &a = c.tensors.at("curve.accuracies");
    loss_sum = c.tensors.at("curve.sum").item();
    losses.assign(l.begin(), l.end());
    accuracies.assign(a.begin(), a.end());
  }
};

// Pictures: how training went, what went in, what was taken for something else.
void draw(const std::string& out, const Training& t, const Dataset& test, const Indices& predicted) {
  std::vector<double> errors;
  for (real a : t.accuracies) errors.push_back(100 * (1 - double(a)));
  if (std::any_of(errors.begin(), errors.end(), [](double e) { return e > 0; }))  // 0 has no place on a log axis
    Plot({.title = "Learning curve", .x_label = "epoch", .y_label = "held-out images read wrong (%)", .log_y = true})
        .line({.y = errors})
        .write(out + "/error.svg");
  write_png(out + "/digits.png", image_grid(test.images.rows(0, 100)), 2);
  const Tensor wrong = mistakes(test, predicted, 64), nothing = zeros_like(test.images.rows(0, 1));
  write_png(out + "/mistakes.png", image_grid(wrong.numel() ? wrong : nothing), 3);
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "mnist",
             .about = "Learns to read handwritten digits, by a perceptron or a convnet.",
             .epochs = 12,
             .least_epochs = 1});
  const std::string model = args.choice("model", {"mlp", "conv"}, "the network");
  const std::string dataset =
      args.source("dataset", "mnist", "digits", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou)");
  const double lr = args.option("lr", 2e-3, "the highest learning rate");
  const bool resume = args.flag("resume", "go on from the checkpoint in --out");
  const Run run = args.done();
  const std::string title = dataset + " " + model, checkpoint = run.out + "/checkpoint.safetensors";
  const std::string id =
      title + ", " + std::to_string(run.epochs) + " epochs, lr " + to_string(lr) + ", seed " + std::to_string(run.seed);

  const Dataset all = load_dataset(dataset, run.data, Split::kTrain);
  const int64_t held_out = all.size() / 12, classes = int64_t(all.classes.size());
  const Dataset train = all.rows(0, all.size() - held_out), valid = all.rows(all.size() - held_out, all.size());
  const Shape image(std::span(all.images.shape().begin() + 1, 3));
  Batches batches(train, {.size = 128, .drop_last = true}, Generator(run.seed));
  const int64_t steps = run.epochs * batches.per_epoch();

  manual_seed(run.seed);
  nn::Sequential net = model == "mlp" ? make_mlp(image.numel(), classes) : make_convnet(image, classes);
  optim::AdamW optimizer(net.parameters(), {.lr = lr});
  Training t{net, optimizer};
  if (resume) t.load(checkpoint, id);

  Progress progress({.title = title, .total = steps, .start = t.step});
  while (t.step < steps && !interrupted()) {
    const auto [images, labels] = batches.at(t.step);
    optimizer.zero_grad();
    const Var loss = nn::cross_entropy(net(shifted(images, 1, default_generator())), labels, {.label_smoothing = 0.05});
    backward(loss);
    optimizer.lr_scale = optim::one_cycle(t.step, steps);
    optimizer.step();
    t.loss_sum += loss.item();
    if (++t.step % batches.per_epoch() == 0) {
      t.losses.push_back(t.loss_sum / real(batches.per_epoch()));
      t.accuracies.push_back(accuracy(predict(net, valid.images), valid.labels));
      t.loss_sum = 0;
      t.save(checkpoint, id);
    }
    progress.step("loss " + to_string(loss.item()) +
                  (t.accuracies.empty() ? "" : ", valid " + to_string(t.accuracies.back())));
  }
  progress.finish();
  if (t.step < steps) {
    t.save(checkpoint, id);
    std::printf("Stopped after step %lld of %lld. --resume goes on.\n", (long long)t.step, (long long)steps);
    return 130;
  }

  const Dataset test = load_dataset(dataset, run.data, Split::kTest);
  const Indices predicted = predict(net, test.images);
  draw(run.out, t, test, predicted);
  std::printf("%.2f %% of %lld test images read right. Pictures are in %s.\n", 100 * accuracy(predicted, test.labels),
              (long long)test.size(), run.out.c_str());
  Result result("mnist");
  result.set("dataset", dataset), result.set("model", model), result.set("parameters", net.num_parameters());
  result.set("epochs", run.epochs), result.set("train_loss", t.losses.back());
  result.set("valid_accuracy", t.accuracies.back()), result.set("test_accuracy", accuracy(predicted, test.labels));
  result.print();
}

// Handwritten digits: the "hello, world" of deep learning, with everything that a real run needs.
//
// A multilayer perceptron, or with --model conv a convolutional network with batch normalisation, is trained by Adam on
// images that are shifted at random by a pixel or two, with the one-cycle schedule for the learning rate. The last 5,000
// training images are held out to watch the progress; the test set is looked at once, at the end.
//
// A checkpoint is saved after every epoch, and at Ctrl-C. A run that was stopped, however rudely, goes on with --resume
// and ends with the same bits as one that was not.
#include <cstdio>
#include <filesystem>

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
    net.add(nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = in == image[0] ? 1 : 2, .padding = 1, .bias = false}));
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
      for (int64_t x = std::max<int64_t>(dx, 0); x < std::min(w, w + dx); ++x) to[(i * c * h + row) * w + x] = source[x - dx];
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

// How often a digit of the row was taken for one of the column; the diagonal is left out, as it would outshine the rest.
Tensor confusion(const Indices& predicted, const Indices& labels, int64_t classes) {
  Tensor counts = zeros({classes, classes});
  for (int64_t i = 0; i < labels.numel(); ++i)
    if (labels.data()[i] != predicted.data()[i]) counts.mutable_data()[labels.data()[i] * classes + predicted.data()[i]] += 1;
  return counts;
}

// The test images that were taken for something else, as many as fit.
Tensor mistakes(const Dataset& test, const Indices& predicted, int64_t most) {
  std::vector<bijou::index> wrong;
  for (int64_t i = 0; i < test.size() && int64_t(wrong.size()) < most; ++i)
    if (predicted.data()[i] != test.labels.data()[i]) wrong.push_back(bijou::index(i));
  return index_select(test.images, 0, Indices::from(std::span<const bijou::index>(wrong)));
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "mnist", .about = "Learns to read handwritten digits, by a perceptron or a convnet.",
                         .epochs = 12});
  const std::string model = args.choice("model", {"mlp", "conv"}, "the network");
  const std::string name = args.option("dataset", "", "mnist, fashion-mnist, cifar10 or digits (drawn by bijou); "
                                       "by default mnist where --data is given, else digits");
  const double lr = args.option("lr", 2e-3, "the highest learning rate");
  const bool resume = args.flag("resume", "go on from the checkpoint in --out");
  const Run run = args.done();
  const std::string dataset = !name.empty() ? name : run.data.empty() ? "digits" : "mnist";
  const std::string checkpoint = run.out + "/checkpoint.safetensors";

  const Dataset all = load_dataset(dataset, run.data, Split::kTrain);
  const int64_t held_out = all.size() / 12;
  const Dataset train = all.rows(0, all.size() - held_out), valid = all.rows(all.size() - held_out, all.size());
  const int64_t classes = int64_t(all.classes.size());
  const Shape image(std::span(all.images.shape().begin() + 1, 3));

  manual_seed(run.seed);
  nn::Sequential net = model == "mlp" ? make_mlp(image.numel(), classes) : make_convnet(image, classes);
  optim::AdamW optimizer(net.parameters(), {.lr = lr});
  Batches batches(train, {.size = 128, .drop_last = true}, Generator(run.seed));
  const int64_t steps = run.epochs * batches.per_epoch();
  int64_t step = 0;
  std::vector<double> losses, accuracies;  // of each epoch
  double loss_sum = 0;                     // of this epoch so far

  const std::string options = dataset + " " + model + ", epochs " + std::to_string(run.epochs) + ", lr " + to_string(lr) +
                              ", seed " + std::to_string(run.seed);

  // Everything that changes as the run goes on, out and in.
  auto save = [&] {
    nn::Checkpoint c;
    c.add("model", net.state_dict());
    c.add("optimizer", optimizer.state_dict());
    c.generator = default_generator().state();
    c.step = step;
    auto pack = [](const std::vector<double>& v) { return Tensor::from(std::vector<real>(v.begin(), v.end())); };
    c.tensors["curve.loss"] = pack(losses), c.tensors["curve.accuracy"] = pack(accuracies);
    char exact[32];
    std::snprintf(exact, sizeof exact, "%a", loss_sum);
    c.metadata["loss_sum"] = exact;
    c.metadata["options"] = options;
    nn::save_checkpoint(checkpoint, c);
  };
  if (resume) {
    const nn::Checkpoint c = nn::load_checkpoint(checkpoint);
    if (c.metadata.at("options") != options) args.refuse(checkpoint + " is of another run: " + c.metadata.at("options"));
    net.load_state_dict(c.part("model"));
    optimizer.load_state_dict(c.part("optimizer"));
    default_generator() = Generator(c.generator);
    const Tensor &l = c.tensors.at("curve.loss"), &a = c.tensors.at("curve.accuracy");
    losses.assign(l.begin(), l.end()), accuracies.assign(a.begin(), a.end());
    loss_sum = std::stod(c.metadata.at("loss_sum"));
    step = c.step;
  }

  Progress progress({.title = dataset + " " + model, .total = steps, .start = step});
  for (; step < steps && !interrupted();) {
    const auto [images, labels] = batches.at(step);
    optimizer.zero_grad();
    const Var loss = nn::cross_entropy(net(shifted(images, 1, default_generator())), labels, {.label_smoothing = 0.05});
    backward(loss);
    optimizer.lr_scale = optim::one_cycle(step, steps);
    optimizer.step();
    loss_sum += double(loss.item());
    if (++step % batches.per_epoch() == 0) {
      losses.push_back(loss_sum / double(batches.per_epoch()));
      accuracies.push_back(accuracy(predict(net, valid.images), valid.labels));
      loss_sum = 0;
      save();
    }
    char note[64];
    std::snprintf(note, sizeof note, "loss %.4f, valid %.2f %%", double(loss.item()), accuracies.empty() ? 0.0 : 100 * accuracies.back());
    progress.step(note);
  }
  progress.finish();
  if (step < steps) {
    save();
    std::printf("Stopped after step %lld of %lld. --resume goes on.\n", (long long)step, (long long)steps);
    return 130;
  }

  const Dataset test = load_dataset(dataset, run.data, Split::kTest);
  const Indices predicted = predict(net, test.images);
  if (losses.size() > 1)
    Plot({.title = dataset + ", " + model, .x_label = "epoch", .y_label = "error on held-out images (%)"})
        .line({.label = "error", .y = [&] { auto e = accuracies; for (double& a : e) a = 100 * (1 - a); return e; }()})
        .write(run.out + "/error.svg");
  write_png(run.out + "/digits.png", image_grid(train.images.rows(0, 100)), 2);
  if (const Tensor wrong = mistakes(test, predicted, 64); wrong.numel()) write_png(run.out + "/mistakes.png", image_grid(wrong), 3);
  write_png(run.out + "/confusion.png", heat_map(confusion(predicted, test.labels, classes)), 24);

  Result result("mnist");
  result.set("dataset", dataset), result.set("model", model), result.set("parameters", net.num_parameters());
  result.set("epochs", run.epochs), result.set("train_loss", losses.back());
  result.set("valid_accuracy", accuracies.back()), result.set("test_accuracy", accuracy(predicted, test.labels));
  std::printf("%s, %s: %.2f %% of %lld test images read right. Pictures are in %s.\n", dataset.c_str(), model.c_str(),
              100 * accuracy(predicted, test.labels), (long long)test.size(), run.out.c_str());
  result.print();
}

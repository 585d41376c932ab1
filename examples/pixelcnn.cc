// PixelCNN: a density of pictures by convolutions that look back only.
//
//   pixelcnn --data DIR --dataset mnist --channels 16 --layers 6 --kernel 5 --epochs 12 --minutes 20
//   pixelcnn --pixels grey        256 values, by a mixture of logistics
//   pixelcnn --classes            told which digit it is: the samples are 0 to 9, a column each
//
// A pixel must see most of a digit: with --kernel 3 and few layers the model knows a stroke, but not how far down it
// is, and draws two digits, one below the other.
//
// fields.png: what the pixel in the middle is predicted from. Left, masked convolutions: a wedge on the upper right
// stays unseen, however many layers there are. Right, the vertical and the horizontal stack: all that came before.
#include "nn/pixelcnn.h"

#include <cmath>
#include <cstdio>

#include "autograd/ops.h"
#include "examples/experiments/density.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/result.h"
#include "tensor/elementwise.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

constexpr int64_t kClasses = 10;

Tensor with_labels(const Tensor& x, const Indices& labels) { return concat({x, one_hot(labels, kClasses)}, 1); }

// Pixels of 0 and 1, or of 0 ... 255; with classes, the label goes along as ten more numbers of a row.
BinarySets load(const std::string& dataset, const std::string& folder, bool grey, bool classes) {
  if (!grey && !classes) return load_binary(dataset, folder);
  BinarySets sets = load_grey(dataset, folder);
  for (Tensor* x : {&sets.train, &sets.valid, &sets.test}) *x = grey ? round(*x * 255) : *x > real(0.4);
  if (!classes) return sets;
  const Indices labels = load_dataset(dataset, folder, Split::kTrain).labels;
  const int64_t n = sets.train.size(0);
  sets.train = with_labels(sets.train, labels.rows(0, n));
  sets.valid = with_labels(sets.valid, labels.rows(n, labels.size(0)));
  sets.test = with_labels(sets.test, load_dataset(dataset, folder, Split::kTest).labels);
  return sets;
}

// Both kinds, untrained, side by side: who sees whom is a matter of the masks alone.
Tensor fields(const Shape& image, int layers) {
  std::vector<Tensor> shown;
  for (const bool gated : {false, true}) {
    const nn::PixelCnn model(
        {.image = {1, image[0], image[1]}, .channels = 16, .layers = layers, .gated = gated, .first_kernel = 3});
    shown.push_back(receptive_field(model, {1, image[0], image[1]}, image[0] / 2 * image[1] + image[1] / 2));
  }
  return image_grid(stack(shown, 0), {.columns = 2, .background = real(0.5)});
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "pixelcnn", .about = "Learns a density of pictures, pixel by pixel.", .epochs = 5});
  const std::string dataset = args.choice("dataset", {"digits", "mnist"}, "the pictures");
  const bool grey = args.choice("pixels", {"binary", "grey"}, "their values") == "grey";
  const bool classes = args.flag("classes", "tell the model which digit it is");
  const bool plain = args.flag("plain", "masked convolutions instead of the two gated stacks");
  const int channels = args.option("channels", 12, "of each layer", 1);
  const int layers = args.option("layers", 2, "behind the first", 1);
  const int kernel = args.option("kernel", 3, "of each layer behind the first, odd: each sees half of it further", 3);
  const int components = args.option("components", 5, "of the mixture, for grey pixels", 1);
  const double lr = args.option("lr", 4e-3, "the highest learning rate");
  const int batch = args.option("batch", 50, "pictures a step", 1);
  const double minutes = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const Run run = args.done();
  const BinarySets sets = load(dataset, run.data, grey, classes);
  const int64_t pixels = sets.image.numel();

  manual_seed(run.seed);
  write_png(run.out + "/fields.png", fields({15, 15}, 6), 8);
  nn::PixelCnn model({.image = {1, sets.image[0], sets.image[1]},
                      .channels = channels,
                      .layers = layers,
                      .gated = !plain,
                      .mixture = grey ? components : 0,
                      .condition = classes ? kClasses : 0,
                      .kernel = kernel});
  auto log_prob = [&](const Tensor& rows) {
    const Tensor x = slice(rows, 1, 0, pixels).reshape({-1, 1, sets.image[0], sets.image[1]});
    return model.log_prob(x, classes ? Var(slice(rows, 1, pixels, pixels + kClasses)) : Var());
  };
  const Fit fit = experiments::fit(model, log_prob, sets,
                                   {.title = "pixelcnn on " + dataset,
                                    .epochs = run.epochs,
                                    .minutes = minutes,
                                    .batch = batch,
                                    .lr = lr,
                                    .seed = run.seed});
  if (interrupted()) return 130;

  Generator g(run.seed + 1);
  Indices labels(Shape{100});
  for (int64_t i = 0; i < 100; ++i) labels.mutable_data()[i] = bijou::index(i % kClasses);
  const Tensor drawn = model.sample(100, classes ? Var(one_hot(labels, kClasses)) : Var(), g);
  write_png(run.out + "/samples.png", binary_grid(grey ? drawn * real(1.0 / 255) : drawn, sets.image, 10), 3);
  if (fit.valid.size() > 1)
    Plot({.title = "PixelCNN on " + dataset, .x_label = "minutes", .y_label = "-log p (nats)"})
        .line({.label = "train", .x = fit.minutes, .y = fit.train})
        .line({.label = "valid", .x = fit.minutes, .y = fit.valid})
        .write(run.out + "/nats.svg");
  const double bits = fit.test / double(pixels) / std::log(2.0);
  std::printf("%.2f nats, %.4f bits a pixel, on %lld test pictures. Pictures are in %s.\n", fit.test, bits,
              (long long)sets.test.size(0), run.out.c_str());
  Result result("pixelcnn");
  result.set("dataset", dataset), result.set("grey", grey), result.set("classes", classes);
  result.set("parameters", model.num_parameters());
  result.set("curve_minutes", fit.minutes), result.set("curve_valid_nats", fit.valid);
  result.set("test_nats", fit.test), result.set("test_bits_per_pixel", bits);
  result.print();
}

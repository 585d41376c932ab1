// Quiz, part 2: self-supervised learning.
#include <cmath>
#include <cstdio>
#include <functional>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "examples/experiments/simclr.h"
#include "examples/quiz/quiz.h"
#include "nn/losses.h"
#include "nn/made.h"
#include "optim/adam.h"
#include "ssl/evaluation.h"
#include "ssl/masked_lm.h"
#include "tensor/elementwise.h"

namespace bijou::quiz {

namespace {

// A density of images (MADE, each pixel's grey a probability): its last hidden layer is what it knows of an image.
struct Density {
  nn::Made made;

  explicit Density(int64_t pixels) : made({.features = pixels, .hidden = {256, 256}}) {}
  Tensor features(const Tensor& images) const {
    const NoGrad guard;
    Var h = images.reshape({images.size(0), -1});
    for (size_t l = 0; l + 1 < made.layers.size(); ++l) h = relu(made.layers[l](h));
    return h.value();
  }
  void train(const Tensor& images, int64_t steps, Generator g) {
    optim::Adam optimizer(made.parameters(), {.lr = 1e-3});
    for (int64_t step = 0; step < steps; ++step) {
      const Tensor x =
          index_select(images, 0, randint({64}, 0, images.size(0), g)).reshape({64, made.options.features});
      optimizer.zero_grad();
      backward(nn::binary_cross_entropy_with_logits(squeeze(made(x), {1}), x));
      optimizer.step();
    }
  }
};

// Why might self-supervision beat a density? A likelihood pays for every pixel, and few of them tell a 4 from a 9. An
// invented task can ask for just what survives the augmentations. Both learn from the same images, in as many steps;
// the same probe then reads the class off their features, from two labels a class. The controls have learnt nothing:
// SimCLR's network as it was at first, and the pixels themselves.
void likelihood_against_contrast(const support::Run& run, support::Result& result) {
  const std::string name = run.data.empty() ? "digits" : "mnist";
  const support::Dataset train = support::load_dataset(name, run.data, support::Split::kTrain).rows(0, 4000);
  const support::Dataset test = support::load_dataset(name, run.data, support::Split::kTest).rows(0, 1000);
  constexpr int64_t kSteps = 400;
  const experiments::Pretrained simclr = experiments::pretrain(train.images, {.steps = kSteps, .seed = run.seed});
  Density density(train.images.numel() / train.size());
  density.train(train.images, kSteps, Generator(run.seed));

  constexpr int kDraws = 5;
  auto probe = [&](const std::string& name, const std::function<Tensor(const Tensor&)>& features) {
    const Tensor h = features(train.images), h_test = features(test.images);
    double right = 0;
    for (int draw = 0; draw < kDraws; ++draw) {
      Generator g = Generator(run.seed).fork(uint64_t(draw));
      const Indices few = ssl::few_per_class(train.labels, 10, 2, g), labels = index_select(train.labels, 0, few);
      right += ssl::accuracy(ssl::linear_probe({index_select(h, 0, few), labels}, h_test), test.labels) / kDraws;
    }
    std::printf("  %-10s %5.1f %%\n", name.c_str(), 100 * right);
    result.set("probe_" + name, right);
  };
  std::printf("linear probe, 2 labels a class, mean of %d draws:\n", kDraws);
  probe("simclr", [&](const Tensor& x) { return ssl::embed(simclr.method->encoder, x); });
  probe("density", [&](const Tensor& x) { return density.features(x); });
  probe("untrained", [&](const Tensor& x) { return ssl::embed(simclr.untrained, x); });
  probe("pixels", [](const Tensor& x) { return x.reshape({x.size(0), -1}); });
}

// The conditionals of two letters a, b, for each third one: log p(a | b, c) and log p(b | a, c) [a, b, c]. If they come
// from one density p(a, b | c), what is gained on the way around a square is lost again,
//
//   p(a | b)  p(b | a')  p(a' | b')  p(b' | a)
//   --------- ---------- ----------- --------- = 1,
//   p(a' | b) p(b' | a') p(a | b')   p(b | a)
//
// since each fraction is one of p(a, b), p(a', b), p(a', b'), p(a, b') over the next. (No such test is in the sum of
// the products p(a | b) p(b | a): of two equal bits that is 2, though they have a density.) Returns the largest |log|
// of the left side.
double largest_cycle(const Tensor& log_a, const Tensor& log_b) {
  const int64_t n = log_a.size(0);
  auto at = [n](const Tensor& x, int64_t a, int64_t b, int64_t c) { return double(x.data()[(a * n + b) * n + c]); };
  double largest = 0;
  for (int64_t square = 0; square < n * n * n * n * n; ++square) {
    const int64_t a = square % n, b = square / n % n, a2 = square / (n * n) % n, b2 = square / (n * n * n) % n,
                  c = square / (n * n * n * n);
    const double log_cycle = at(log_a, a, b, c) - at(log_a, a2, b, c) + at(log_b, a2, b, c) - at(log_b, a2, b2, c) +
                             at(log_a, a2, b2, c) - at(log_a, a, b2, c) + at(log_b, a, b2, c) - at(log_b, a, b, c);
    largest = std::max(largest, std::abs(log_cycle));
  }
  return largest;
}

// Where does a masked language model belong? It has a probability for each letter given all others. All words of three
// letters out of five are few enough to try whether these come from one density. A causal model is one: its
// conditionals, made of the probabilities of whole words, pass the test.
void is_it_a_density(const support::Run& run, support::Result& result) {
  constexpr bijou::index kLetters = 5, kFirst = ssl::kSpecials;
  std::vector<ssl::Tokens> words, corpus;  // [CLS] a b c; mostly, the third letter repeats one of the others
  for (bijou::index a = 0; a < kLetters; ++a)
    for (bijou::index b = 0; b < kLetters; ++b)
      for (bijou::index c = 0; c < kLetters; ++c) {
        words.push_back({ssl::kClass, kFirst + a, kFirst + b, kFirst + c});
        for (int times = c == a || c == b ? 3 : 1; times > 0; --times) corpus.push_back(words.back());
      }
  const ssl::TextTransformer::Options shape{.vocabulary = kFirst + kLetters, .length = 4, .dim = 32, .heads = 2};
  ssl::MaskedLM masked(shape);
  ssl::CausalLM causal(shape);
  optim::Adam masked_adam(masked.parameters(), {.lr = 3e-3}), causal_adam(causal.parameters(), {.lr = 3e-3});
  Generator g(run.seed);
  for (int step = 0; step < 300; ++step) {
    const ssl::TokenBatch batch = ssl::padded(corpus);
    masked_adam.zero_grad(), causal_adam.zero_grad();
    backward(masked.loss(ssl::mlm_mask(batch, {.vocabulary = shape.vocabulary}, g)));
    backward(causal.loss(batch));
    masked_adam.step(), causal_adam.step();
  }

  const NoGrad guard;
  const int64_t n = int64_t(words.size());
  const Shape cube{kLetters, kLetters, kLetters};
  const ssl::TokenBatch batch = ssl::padded(words);
  auto given_the_others = [&](int64_t place) {  // the masked model's log p(letter at place | the others), of all words
    ssl::TokenBatch hidden = batch;
    hidden.tokens = batch.tokens.clone();
    Indices positions({n}), targets({n});
    for (int64_t i = 0; i < n; ++i) {
      positions.mutable_data()[i] = bijou::index(4 * i + place);
      targets.mutable_data()[i] = words[size_t(i)][size_t(place)];
      hidden.tokens.mutable_data()[4 * i + place] = ssl::kMask;
    }
    return (-nll_of_logits(masked.logits(hidden, positions), targets)).value().reshape(cube);
  };
  const Var joint = reshape(-sum(causal.nats(batch), {1}), cube);
  const double masked_cycle = largest_cycle(given_the_others(1), given_the_others(2));
  const double causal_cycle = largest_cycle(log_softmax(joint, 0).value(), log_softmax(joint, 1).value());
  std::printf("around a square of conditionals, log probability changes by up to %.2f (masked), %.1e (causal)\n",
              masked_cycle, causal_cycle);
  result.set("masked_cycle", masked_cycle), result.set("masked_factor", std::exp(masked_cycle));
  result.set("causal_cycle", causal_cycle);
}

}  // namespace

void self_supervision(const support::Run& run, support::Result& result) {
  likelihood_against_contrast(run, result);
  is_it_a_density(run, result);
}

}  // namespace bijou::quiz

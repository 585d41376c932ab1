// Quiz, part 2: self-supervised learning.
#include <cstdio>

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
// the same probe then reads the class off their features, from two labels a class.
void likelihood_against_contrast(const support::Run& run, support::Result& result) {
  const std::string name = run.data.empty() ? "digits" : "mnist";
  const support::Dataset train = support::load_dataset(name, run.data, support::Split::kTrain).rows(0, 4000);
  const support::Dataset test = support::load_dataset(name, run.data, support::Split::kTest).rows(0, 1000);
  constexpr int64_t kSteps = 400;
  const experiments::Pretrained simclr = experiments::pretrain(train.images, {.steps = kSteps, .seed = run.seed});
  Density density(train.images.numel() / train.size());
  density.train(train.images, kSteps, Generator(run.seed));

  const Tensor contrast = ssl::embed(simclr.method->encoder, train.images),
               contrast_test = ssl::embed(simclr.method->encoder, test.images),
               likelihood = density.features(train.images), likelihood_test = density.features(test.images);
  double with_contrast = 0, with_likelihood = 0;
  constexpr int kDraws = 5;
  for (int draw = 0; draw < kDraws; ++draw) {
    Generator g = Generator(run.seed).fork(uint64_t(draw));
    const Indices few = ssl::few_per_class(train.labels, 10, 2, g), labels = index_select(train.labels, 0, few);
    auto probe = [&](const Tensor& h, const Tensor& h_test) {
      return ssl::accuracy(ssl::linear_probe({index_select(h, 0, few), labels}, h_test), test.labels) / kDraws;
    };
    with_contrast += probe(contrast, contrast_test), with_likelihood += probe(likelihood, likelihood_test);
  }
  std::printf("linear probe, 2 labels a class, mean of %d draws: SimCLR's features %.1f %%, a density's %.1f %%\n",
              kDraws, 100 * with_contrast, 100 * with_likelihood);
  result.set("probe_simclr", with_contrast), result.set("probe_density", with_likelihood);
}

// Where does a masked language model belong? It has a probability for each letter given all others. If those came from
// a density, it would be one: multiplied along a word, as a causal model's conditionals are, they would add up to 1
// over all words. All words of three letters out of five are few enough to try.
void is_it_a_density(const support::Run& run, support::Result& result) {
  constexpr bijou::index kLetters = 5, kFirst = ssl::kSpecials;
  std::vector<ssl::Tokens> words, corpus;  // [CLS] a b c; in the corpus, the third letter repeats one of the others
  for (bijou::index a = 0; a < kLetters; ++a)
    for (bijou::index b = 0; b < kLetters; ++b)
      for (bijou::index c = 0; c < kLetters; ++c) {
        words.push_back({ssl::kClass, kFirst + a, kFirst + b, kFirst + c});
        if (c == a || c == b) corpus.push_back(words.back());
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
  const ssl::TokenBatch batch = ssl::padded(words);
  const double causal_sum = double(sum(exp(-sum(causal.nats(batch), {1}))).item());
  Var log_p = zeros({n});  // Σ_t log p(x_t | all others)
  for (int64_t t = 1; t < 4; ++t) {
    ssl::TokenBatch hidden = batch;
    hidden.tokens = batch.tokens.clone();
    Indices positions({n}), targets({n});
    for (int64_t i = 0; i < n; ++i) {
      positions.mutable_data()[i] = bijou::index(4 * i + t), targets.mutable_data()[i] = words[size_t(i)][size_t(t)];
      hidden.tokens.mutable_data()[4 * i + t] = ssl::kMask;
    }
    log_p = log_p - nll_of_logits(masked.logits(hidden, positions), targets);
  }
  const double masked_sum = double(sum(exp(log_p)).item());
  std::printf(
      "the probabilities of all %lld words add up to %.3f (masked), %.3f (causal; the rest is for words with "
      "special tokens)\n",
      (long long)n, masked_sum, causal_sum);
  result.set("masked_sum", masked_sum), result.set("causal_sum", causal_sum);
}

}  // namespace

void self_supervision(const support::Run& run, support::Result& result) {
  likelihood_against_contrast(run, result);
  is_it_a_density(run, result);
}

}  // namespace bijou::quiz

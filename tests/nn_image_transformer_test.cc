// The image transformer: a density, causal, sparse where it says so, and sampled by parts as it would be as a whole.
#include "autograd/elementwise.h"
#include "autograd/functional.h"
#include "nn/image_transformer.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

// Weights far from zero, so that every connection shows.
ImageTransformer model(ImageTransformer::Options o, uint64_t seed = 1) {
  ImageTransformer m(o);
  Generator g(seed);
  for (Var& p : m.parameters()) p.mutable_value().copy_from(normal(p.shape(), 0, real(0.3), g));
  return m;
}

// Attention within a mask, as a reference: positions [T, T], 1 where none.
Tensor out_of_reach(Reach reach, int64_t length, int64_t l) {
  Tensor no = ones({length, length});
  for (int64_t i = 0; i < length; ++i)
    for (int64_t j = 0; j <= i; ++j)
      if (reach == Reach::kFull || (reach == Reach::kLocal ? i - j <= l : (i - j) % l == 0))
        no.mutable_data()[i * length + j] = 0;
  return no;
}

TEST(ImageTransformer, SparseAttentionIsMaskedAttention) {
  const Tensor qkv = random({2, 12, 3 * 8});
  for (Reach reach : {Reach::kFull, Reach::kLocal, Reach::kStrided})
    for (int64_t l : {1, 3, 4, 12})
      expect_close(causal_attention(qkv, 2, reach, l),
                   self_attention(qkv, 2, {.positions = out_of_reach(reach, 12, l)}).value());
  expect_error([&] { causal_attention(qkv, 2, Reach::kLocal, 5); }, "a multiple of 5");
}

TEST(ImageTransformer, ProbabilitiesOfAllImagesSumToOneForEveryStart) {
  const ImageTransformer m = model({.levels = 2, .height = 2, .width = 3, .dim = 8, .heads = 2, .layers = 2});
  Indices all(Shape{64, 6});
  for (int64_t i = 0; i < 64 * 6; ++i) all.mutable_data()[i] = bijou::index(i / 6 >> i % 6 & 1);
  for (uint64_t seed : {1, 2}) {
    const Var start = broadcast_to(random({1, 8}, seed), {64, 8});
    expect_close(sum(exp(m.log_prob(all, start))), scalar(1));
  }
  expect_close(sum(exp(m.log_prob(all))), scalar(1));
}

TEST(ImageTransformer, ATokenIsPredictedFromThoseBeforeItAlone) {
  const ImageTransformer m =
      model({.levels = 3, .channels = 2, .height = 3, .width = 2, .dim = 8, .heads = 2, .layers = 4});
  Generator g(3);
  const Indices x = randint({1, 12}, 0, 3, g);
  const Tensor before = m.logits(x).value();
  for (int64_t k = 0; k < 12; ++k) {
    Indices y = x.clone();
    y.mutable_data()[k] = (y.data()[k] + 1) % 3;
    const Tensor after = m.logits(y).value();
    for (int64_t t = 0; t < 12; ++t) {
      const double change = max_difference(before.row(0).row(t), after.row(0).row(t));
      if (t <= k) EXPECT_EQ(change, 0) << "token " << k << " shows in the prediction of token " << t;
      else EXPECT_GT(change, 0) << "token " << k << " does not reach the prediction of token " << t;
    }
  }
}

// Draws from the whole model, one pass a token.
Indices naive_sample(const ImageTransformer& m, int64_t n, const Indices& places, Generator& g) {
  Indices tokens(Shape{n, m.length()});
  tokens.fill(0);
  for (int64_t t = 0; t < m.length(); ++t) {
    const Indices drawn = categorical(select(m.logits(tokens, {}, places).value(), 1, t), g);
    for (int64_t b = 0; b < n; ++b) tokens.mutable_data()[b * m.length() + t] = drawn.data()[b];
  }
  return tokens;
}

TEST(ImageTransformer, SamplingFromMemoryDrawsWhatWholePassesDraw) {
  for (bool sparse : {false, true}) {
    const ImageTransformer m =
        model({.levels = 4, .height = 3, .width = 4, .dim = 8, .heads = 2, .layers = 2, .sparse = sparse});
    Indices places(Shape{3, 12});
    for (int64_t i = 0; i < 36; ++i) places.mutable_data()[i] = bijou::index(i < 12 ? i : 11 - i % 12);  // turned round
    Generator g(5), h(5);
    const Indices a = m.sample(3, {}, places, g), b = naive_sample(m, 3, places, h);
    EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin()));
    EXPECT_EQ(g.state().position, h.state().position);
  }
}

TEST(ImageTransformer, CheckpointedGradientsAreTheSame) {
  ImageTransformer::Options o{.levels = 3, .height = 2, .width = 2, .dim = 8, .heads = 2, .layers = 2, .dropout = 0.2};
  ImageTransformer a = model(o);
  ImageTransformer b = a;  // shares the weights
  b.options.checkpointed = true;
  Generator g(4);
  const Indices x = randint({2, 4}, 0, 3, g);
  auto gradients = [&](const ImageTransformer& m) {
    manual_seed(7);
    return grad(mean(m.log_prob(x)), a.parameters());
  };
  const auto want = gradients(a), got = gradients(b);
  for (size_t i = 0; i < want.size(); ++i) expect_close(got[i], want[i].value());
}

}  // namespace
}  // namespace bijou::nn

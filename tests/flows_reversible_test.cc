// A chain that computes its layers' inputs again instead of keeping them.
#include "autograd/elementwise.h"
#include "flows/actnorm.h"
#include "flows/coupling.h"
#include "flows/linear.h"
#include "flows/reversible.h"
#include "tests/support.h"

using namespace bijou;
using namespace bijou::flows;
using namespace bijou::testing;

namespace {

// The same K layers of actnorm, LU and coupling, in either kind of chain.
template <class C>
C layers(int count, int64_t context = 0) {
  manual_seed(1);
  C chain;
  for (int k = 0; k < count; ++k) {
    const Coupling::Options o{.features = 4, .flip = k % 2 == 1};
    chain.add(ActNorm(4)).add(LuLinear(4));
    chain.add(AffineCoupling(o, mlp({.in = 2 + context, .out = 4, .hidden = {8}, .zero = false})));
  }
  return chain;
}

Var loss(const Bijector& chain, const Var& x, const Var& context = {}) {
  const Latent l = chain.forward(x, context);
  return mean(sum(square(l.z), 1) * real(0.5) - l.log_det);
}

TEST(ReversibleChain, GradientsAreThoseOfAChain) {
  SKIP_IN_FLOAT();
  const Chain stored = layers<Chain>(12, 3);
  const ReversibleChain reversible = layers<ReversibleChain>(12, 3);
  const Var x = parameter(random({32, 4})), y = parameter(x.value()), c = parameter(random({32, 3}, 1)),
            e = parameter(c.value());
  const Var a = loss(stored, x, c), b = loss(reversible, y, e);
  expect_close(b, a.value(), 1e-12);
  backward(a), backward(b);
  expect_close(y.grad(), x.grad().value(), 1e-9);
  expect_close(e.grad(), c.grad().value(), 1e-9);
  const auto ours = reversible.named_parameters(), theirs = stored.named_parameters();
  ASSERT_EQ(ours.size(), theirs.size());
  for (size_t i = 0; i < ours.size(); ++i) expect_close(ours[i].second.grad(), theirs[i].second.grad().value(), 1e-9);
}

TEST(ReversibleChain, ALayerThatStandsInItTwiceGetsBothGradients) {
  SKIP_IN_FLOAT();
  const LuLinear shared(4);
  const ReversibleChain reversible(shared, ActNorm(4), shared);
  const Chain stored(shared, ActNorm(4), shared);
  const Tensor x = random({16, 4});
  std::vector<Tensor> got;
  for (const Bijector* chain : {static_cast<const Bijector*>(&stored), static_cast<const Bijector*>(&reversible)}) {
    loss(*chain, x);  // initialises
    got.push_back(grad(loss(*chain, x), {shared.lower})[0].value());
  }
  expect_close(got[1], got[0], 1e-9);
}

// The most memory of a step, beyond what lasts: parameters, and their gradients.
template <class C>
double peak_bytes(int count) {
  const C chain = layers<C>(count);
  const Tensor x = random({4096, 4});
  const double before = double(memory_stats().current);
  reset_peak_memory();
  backward(loss(chain, x));
  double lasting = 0;
  for (const Var& p : chain.parameters()) lasting += double(p.numel() * int64_t(sizeof(real)));
  return double(memory_stats().peak) - before - lasting;
}

TEST(ReversibleChain, MemoryDoesNotGrowWithTheNumberOfLayers) {
  const double few = peak_bytes<ReversibleChain>(4), many = peak_bytes<ReversibleChain>(64);
  EXPECT_NEAR(many / few, 1, 0.05);
  EXPECT_GT(peak_bytes<Chain>(64) / many, 10);
}

TEST(ReversibleChain, RefusesToHaveItsGradientDifferentiated) {
  const ReversibleChain chain = layers<ReversibleChain>(1);
  expect_error(
      [&] {
        grad(loss(chain, random({4, 4})), {chain.parameters()[0]}, {.create_graph = true});
      },
      "cannot be differentiated");
}

}  // namespace

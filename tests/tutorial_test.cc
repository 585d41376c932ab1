// The README's answers to "how do I write my own ...": they compile, and they are right.
#include <fstream>
#include <sstream>

#include "autograd/map.h"
#include "flows/bijector.h"
#include "nn/init.h"
#include "nn/module.h"
#include "optim/sgd.h"
#include "tests/flows_battery.h"
#include "tests/support.h"

// The README shows these lines as they stand.
// clang-format off

namespace bijou {
namespace {

// [an elementwise op]
// x / (1 + |x|). Its gradients, of any order, come from the formula.
Var softsign(const Var& x) {
  return map("softsign", [](auto x) { return x / (abs(x) + 1); }, x);
}
// [end]

// [a structural op]
// The sum of the diagonal of x [n, n]: shape []. dL/dx = g on the diagonal.
Var trace(const Var& x) {
  check(x.dim() == 2 && x.size(0) == x.size(1), "trace: a square matrix expected, not ", x.shape());
  const int64_t n = x.size(0);
  real sum = 0;
  for (int64_t i = 0; i < n; ++i) sum += x.value().data()[i * (n + 1)];
  return record("trace", scalar(sum), {x}, [n](const Node&, const Var& g, Grads& d) { d[0] = g * eye(n); });
}
// [end]

// [a layer]
// y = w · x + b, feature by feature: [..., size] -> [..., size].
struct Scale : nn::Module {
  explicit Scale(int64_t size) : weight(parameter(ones({size}))), bias(parameter(zeros({size}))) {}
  Var operator()(const Var& x) const {
    return map([](auto x, auto w, auto b) { return x * w + b; }, x, weight, bias);
  }
  void members(nn::Visitor& visit) override { visit("weight", weight), visit("bias", bias); }

  Var weight, bias;
};
// [end]

// [a flow]
// z = exp(s) x feature by feature, so log |dz/dx| = sum of s.
struct Stretch : flows::Bijector {
  explicit Stretch(int64_t size) : s(parameter(zeros({size}))) {}
  void members(nn::Visitor& visit) override { visit("s", s); }
  Var s;

 protected:
  flows::Latent f(const Var& x, const Var&) const override {
    return {map([](auto x, auto s) { return x * exp(s); }, x, s), broadcast_to(sum(s), {x.size(0)})};
  }
  flows::Data g(const Var& z, const Var&) const override {
    return {map([](auto z, auto s) { return z * exp(-s); }, z, s), broadcast_to(-sum(s), {z.size(0)})};
  }
};
// [end]

TEST(Tutorial, TheOpsHaveTheGradientsTheyClaim) {
  SKIP_IN_FLOAT();
  testing::expect_gradients([](auto& in) { return softsign(in[0]); }, {testing::random({3, 5})});
  testing::expect_gradients([](auto& in) { return trace(in[0]); }, {testing::random({4, 4})});
  testing::expect_close(trace(eye(5)), scalar(5));
}

TEST(Tutorial, TheLayerLearns) {
  Scale layer(3);
  optim::SGD optimizer(layer.parameters(), {.lr = 0.5});
  const Tensor x = testing::random({64, 3});
  for (int step = 0; step < 100; ++step) {
    optimizer.zero_grad();
    backward(mean(square(layer(x) - (x * 2 + 1))));
    optimizer.step();
  }
  testing::expect_close(layer.weight, full({3}, 2), 1e-3);
  testing::expect_close(layer.bias, ones({3}), 1e-3);
}

TEST(Tutorial, TheFlowPassesTheBattery) { testing::expect_bijector(Stretch(3), testing::random({4, 3})); }

std::string text_of(const char* path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Tutorial, TheReadmeShowsTheseLines) {
  const std::string readme = text_of("README.md"), source = text_of("tests/tutorial_test.cc");
  ASSERT_FALSE(readme.empty()) << "run the tests from the project's folder";
  const std::string marker = std::string("// ") + "[a";  // in two pieces, or it would find itself
  int shown = 0;
  for (size_t at = 0; (at = source.find(marker, at)) != std::string::npos; ++shown) {
    const size_t begin = source.find('\n', at) + 1, end = source.find("// [end]", begin);
    EXPECT_NE(readme.find(source.substr(begin, end - begin)), std::string::npos) << source.substr(at, begin - at);
    at = end;
  }
  EXPECT_GE(shown, 4);
  const std::string sine = text_of("examples/sine.cc");
  EXPECT_NE(readme.find(sine.substr(sine.find("#include"))), std::string::npos) << "examples/sine.cc is another";
}

}  // namespace
}  // namespace bijou

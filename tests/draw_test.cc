// Graphs as text and as drawings.
#include "autograd/draw.h"

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tests/support.h"

namespace bijou {
namespace {

TEST(Draw, TextIsTheGraphAsAProgram) {
  const Var w = parameter(ones({3, 1})), x = ones({5, 3});
  const Var h = tanh(matmul(x, w)), y = h + h * Var(real(2));
  EXPECT_EQ(to_text(y, {{"w", w}, {"x", x}}),
            "w: [3, 1] parameter\n"
            "x: [5, 3]\n"
            "%1 = matmul(x, w): [5, 1]\n"
            "%2 = tanh(%1): [5, 1]\n"
            "%3: []\n"
            "%4 = mul(%2, %3): [5, 1]\n"
            "%5 = add(%2, %4): [5, 1]\n");
}

TEST(Draw, AbsentInputsAndFreedGraphsAreShownAsSuch) {
  const Var w = parameter(ones({2, 3}));
  const Var y = linear(ones({1, 3}), w, {});
  EXPECT_EQ(to_text(y, {{"w", w}}), "w: [2, 3] parameter\n%1: [1, 3]\n%2 = linear(%1, w, none): [1, 2]\n");
  backward(sum(y));
  EXPECT_EQ(to_text(y), "%1 = linear(freed): [1, 2]\n");
}

TEST(Draw, DotHasANodeForEachValueAndAnArrowForEachUse) {
  const Var w = parameter(ones({2}));
  const Var y = w * w;
  const std::string dot = to_dot(y, {{"the \"weight\"", w}});
  const std::string a = "n" + std::to_string(w.node()->id), b = "n" + std::to_string(y.node()->id);
  EXPECT_EQ(dot, "digraph {\n  rankdir = LR\n  node [shape = box]\n  " + a +
                     " [label = \"the \\\"weight\\\"  [2]\", style = filled, fillcolor = lightblue]\n  " + b +
                     " [label = \"mul  [2]\"]\n  " + a + " -> " + b + "\n  " + a + " -> " + b + "\n}\n");
}

TEST(Draw, ALongChainDoesNotExhaustTheStack) {
  Var y = parameter(ones({}));
  for (int i = 0; i < 200000; ++i) y = -y;
  EXPECT_NE(to_text(y).find("%200001 = neg(%200000): []"), std::string::npos);
  EXPECT_GT(to_dot(y).size(), 1000000u);
}

}  // namespace
}  // namespace bijou

// The engine, step by step: from a scalar expression to a Hessian. Read it beside what it prints.
#include <cmath>
#include <cstdio>
#include <fstream>

#include "autograd/draw.h"
#include "autograd/functional.h"
#include "autograd/gradcheck.h"
#include "autograd/map.h"
#include "examples/support/cli.h"
#include "examples/support/result.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tensor/random.h"

using namespace bijou;

namespace {

void title(const char* text) { std::printf("\n== %s\n", text); }
void show(const char* name, const Tensor& x) { std::printf("%s =\n%s\n", name, to_string(x).c_str()); }

// Rosenbrock's valley: (1 - x)² + 100 (y - x²)², least at (1, 1).
Var valley(const Var& p) {
  const Var x = slice(p, 0, 0, 1), y = slice(p, 0, 1, 2);
  return sum(square(1 - x) + 100 * square(y - square(x)));
}

}  // namespace

int main(int argc, char** argv) {
  support::Args args(argc, argv,
                     {.name = "autodiff", .about = "Walks through the engine, from an expression to a Hessian."});
  const support::Run run = args.done();
  manual_seed(run.seed);

  title("An expression remembers where it came from");
  const Var x = parameter(scalar(2)), y = parameter(scalar(3));
  const Var z = sin(x * y) * exp(x);
  std::printf("%s", to_text(z, {{"x", x}, {"y", y}}).c_str());
  std::ofstream(run.out + "/graph.dot") << to_dot(z, {{"x", x}, {"y", y}});
  std::printf("(a drawing of it is in %s/graph.dot; `dot -Tsvg` turns it into a picture)\n", run.out.c_str());

  title("backward() walks from z to the leaves and leaves dz/dx in x.grad()");
  backward(z, {.retain_graph = true});
  std::printf("dz/dx = %.6f   by hand (y cos xy + sin xy) e^x = %.6f\n", double(x.grad().item()),
              (3 * std::cos(6.0) + std::sin(6.0)) * std::exp(2.0));

  title("grad(.create_graph) makes the gradient an expression too, to be differentiated again");
  Var derivative = z;
  for (int order = 1; order <= 4; ++order) {
    derivative = grad(derivative, {x}, {.create_graph = true})[0];
    std::printf("order %d: %14.6f\n", order, double(derivative.item()));
  }

  title("A formula of your own is one lambda: forward, backward and beyond");
  auto swish = [](auto a, auto beta) { return a * sigmoid(a * beta); };
  const Var a = parameter(linspace(-2, 2, 5)), beta = parameter(scalar(1.5));
  show("a sigmoid(beta a)", map(swish, a, beta).value());
  const std::vector<Var> g = grad(sum(map(swish, a, beta)), {a, beta});
  show("d/da", g[0].value()), show("d/dbeta", g[1].value());

  title("gradcheck compares with differences, and would name the input that is wrong");
  gradcheck([&](const std::vector<Var>& v) { return map(swish, v[0], v[1]); }, {a.value(), beta.value()});
  std::printf("gradcheck is content\n");

  title("A Jacobian: of the softmax, diag(p) - p pᵀ");
  show("J", jacobian([](const Var& v) { return softmax(v, 0); }, tensor({0, 1, 2})));

  title("A Hessian, and its product with a vector without it");
  const Tensor at = tensor({-1, 2});
  const Tensor h = hessian(valley, at);
  show("H of Rosenbrock's valley at (-1, 2)", h);
  Var p = parameter(at);
  const Tensor direction = tensor({1, 1});
  const std::vector<Var> leaves = {p};
  const std::vector<Tensor> v = {direction};
  show("H (1, 1), from a gradient of a gradient", hvp([&] { return valley(p); }, leaves, v)[0]);

  title("Newton's method: p <- p - H⁻¹ g, with both from the engine");
  for (int step = 0; step < 6; ++step) {
    const Var value = valley(p);
    std::printf("step %d: p = (%.6f, %.6f), valley = %.3g\n", step, double(p.value().data()[0]),
                double(p.value().data()[1]), double(value.item()));
    const Tensor slope = grad(value, {p})[0].value();
    p = parameter(p.value() - solve(hessian(valley, p.value()), slope.reshape({2, 1})).reshape({2}));
  }

  support::Result result("autodiff");
  result.set("valley", double(valley(p).item()));
  result.set("p", std::vector<double>{double(p.value().data()[0]), double(p.value().data()[1])});
  result.print();
}

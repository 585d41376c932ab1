// Quiz, part 5: flat minima.
#include <cstdio>

#include "autograd/elementwise.h"
#include "examples/quiz/quiz.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/sequential.h"
#include "optim/adam.h"
#include "optim/lanczos.h"
#include "optim/sharpness.h"
#include "tensor/elementwise.h"

namespace bijou::quiz {

namespace {

struct Task {
  Tensor x;        // [200, 10]
  Indices labels;  // of three classes: the largest of the first three features, seen through noise
};
Task make_task(Generator& g) {
  const Tensor x = randn({200, 10}, g);
  return {x, argmax(slice(x, 1, 0, 3) + randn({200, 3}, g) * real(0.3), 1)};
}

}  // namespace

// A fair doubt about flatness: multiply a layer of a ReLU network by a > 0 and divide the next by it. The function
// stays the same, and so does whatever it generalises; the Hessian doesn't. L. Dinh, R. Pascanu, S. Bengio, Y. Bengio,
// "Sharp minima can generalize for deep nets", ICML 2017. Sharpness in units of the weights (ASAM's) doesn't fall for
// it.
void flat_minima(const support::Run& run, support::Result& result) {
  constexpr real kFactor = 8;
  constexpr double kRho = 0.05;
  Generator g(run.seed);
  const Task task = make_task(g);
  nn::Linear first({.in = 10, .out = 16, .bias = false}), second({.in = 16, .out = 3});
  nn::Sequential net(first, nn::ReLU(), second);
  optim::Adam optimizer(net.parameters(), {.lr = 0.01, .weight_decay = 1e-3});
  for (int step = 0; step < 300; ++step) {
    optimizer.zero_grad();
    backward(nn::cross_entropy(net(task.x), task.labels));
    optimizer.step();
  }
  struct Seen {
    Tensor function;
    double lambda, plain, adaptive;
  };
  const optim::Objective loss = optim::classification(net, task.x, task.labels);
  auto look = [&] {
    return Seen{net(task.x).value(), optim::lanczos(optim::hessian_operator(loss, net.parameters())).values[0],
                optim::sam_sharpness(loss, net.parameters(), {.rho = kRho}),
                optim::sam_sharpness(loss, net.parameters(), {.rho = kRho, .adaptive = true, .eta = 0})};
  };
  const Seen before = look();
  first.weight.mutable_value() = first.weight.value() * kFactor;
  second.weight.mutable_value() = second.weight.value() * (1 / kFactor);
  const Seen after = look();
  const double change = double(max(abs(after.function - before.function)).item());
  std::printf("one layer times %g, the next divided by it: predictions change by %.1e\n", double(kFactor), change);
  std::printf("  largest eigenvalue of the Hessian    %8.3f -> %8.3f\n", before.lambda, after.lambda);
  std::printf("  sharpness, |e| <= %.2f               %8.4f -> %8.4f\n", kRho, before.plain, after.plain);
  std::printf("  sharpness in units of the weights    %8.4f -> %8.4f\n", before.adaptive, after.adaptive);
  result.set("dinh_factor", double(kFactor)), result.set("dinh_function", change);
  result.set("dinh_lambda_before", before.lambda), result.set("dinh_lambda_after", after.lambda);
  result.set("dinh_sharpness_before", before.plain), result.set("dinh_sharpness_after", after.plain);
  result.set("dinh_adaptive_before", before.adaptive), result.set("dinh_adaptive_after", after.adaptive);
}

}  // namespace bijou::quiz

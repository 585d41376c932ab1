// The smallest training run: a network of 32 hidden units learns the sine.
#include <cstdio>

#include "autograd/elementwise.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/sequential.h"
#include "optim/adam.h"

using namespace bijou;

int main() {
  const Tensor x = linspace(-3, 3, 64).reshape({64, 1});
  nn::Sequential net(nn::Linear({.in = 1, .out = 32}), nn::Tanh(), nn::Linear({.in = 32, .out = 1}));
  optim::Adam optimizer(net.parameters(), {.lr = 0.01});
  for (int step = 0; step <= 1000; ++step) {
    optimizer.zero_grad();
    const Var loss = nn::mse_loss(net(x), sin(Var(x)));  // learn the sine
    backward(loss);
    optimizer.step();
    if (step % 250 == 0) std::printf("step %4d   loss %.6f\n", step, double(loss.item()));
  }
}

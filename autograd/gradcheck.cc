#include "autograd/gradcheck.h"

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/random.h"

namespace bijou {
namespace {

double dot(const Tensor& a, const Tensor& b) {  // in double, whatever real is
  double total = 0;
  for (int64_t i = 0; i < a.numel(); ++i) total += double(a.data()[i]) * double(b.data()[i]);
  return total;
}

std::vector<Tensor> randn_like(const std::vector<Var>& x, Generator& g) {
  std::vector<Tensor> out;
  for (const Var& xi : x) out.push_back(randn(xi.shape(), g));
  return out;
}

std::vector<Var> parameters(const std::vector<Tensor>& values) {
  std::vector<Var> out;
  for (const Tensor& value : values) out.push_back(parameter(value.clone()));
  return out;
}

// f, with the same random numbers at every call.
struct Repeatable {
  const Function& f;
  Generator start = default_generator();
  std::vector<Var> operator()(const std::vector<Var>& x) const {
    default_generator() = start;
    return f(x);
  }
};

// Checks f against differences. The first n inputs are called inputs in the error, the others seeds.
void compare(const char* name, const Function& function, const std::vector<Tensor>& inputs, size_t n,
             GradcheckOptions o) {
  const EnableGrad on;
  const Repeatable f{function};
  Generator random(1);
  const std::vector<Var> x = parameters(inputs), y = f(x);
  const std::vector<Tensor> v = randn_like(y, random), u = randn_like(x, random);
  double size = 0;  // of v·f(x): what a derivative that should be zero is compared with
  for (size_t k = 0; k < y.size(); ++k) size += dot(abs(v[k]), abs(y[k].value()));
  const std::vector<Var> gradient = grad(y, x, std::vector<Var>(v.begin(), v.end()));
  for (size_t i = 0; i < x.size(); ++i) {
    const std::string what = name + std::string(i < n ? ": the gradient of input " : ": the gradient of seed ") +
                             std::to_string(i < n ? i : i - n);
    check(gradient[i].shape() == x[i].shape(), what, " has the shape ", gradient[i].shape(), ", the input ",
          x[i].shape());
    auto loss = [&](double t) {  // L(t): v·f, with input i moved to x_i + t u_i
      std::vector<Var> moved = parameters(inputs);
      moved[i] = parameter(inputs[i] + u[i] * real(t));
      const std::vector<Var> out = f(moved);
      double total = 0;
      for (size_t k = 0; k < out.size(); ++k) total += dot(v[k], out[k].value());
      return total;
    };
    const double h = o.eps, expected = (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h);
    const double got = dot(gradient[i].value(), u[i]);
    // Terms of the scalar product may cancel: their absolute sum is what an error is relative to.
    const double scale =
        std::fmax(dot(abs(gradient[i].value()), abs(u[i])), std::fmax(std::fabs(expected), 1e-3 * size));
    check(std::fabs(got - expected) <= o.tolerance * scale, what, " of shape ", x[i].shape(),
          " is wrong along a random direction: expected ", expected, ", got ", got, ", relative error ",
          std::fabs(got - expected) / scale);
  }
}

}  // namespace

void gradcheck(const Function& f, const std::vector<Tensor>& inputs, GradcheckOptions options) {
  compare("gradcheck", f, inputs, inputs.size(), options);
}

void gradgradcheck(const Function& f, const std::vector<Tensor>& inputs, GradcheckOptions options) {
  const size_t n = inputs.size();
  Generator random(2);
  std::vector<Tensor> all = inputs;
  for (Tensor& seed : randn_like(Repeatable{f}(parameters(inputs)), random)) all.push_back(seed);
  const Function backward_pass = [&f, n](const std::vector<Var>& x) {
    const std::span<const Var> in(x.data(), n), seeds(x.data() + n, x.size() - n);
    return grad(f({in.begin(), in.end()}), in, seeds, {.create_graph = true});
  };
  compare("gradgradcheck", backward_pass, all, n, options);
}

}  // namespace bijou

// The change of variables: what happens to a density when its variable is bent.
//
// z is drawn from a normal distribution, y = g(z), and the density of y is that of z = f(y) times |dz/dy|. The slide's
// example is y = exp(z), whose density is the log-normal; six other maps stand beside it. For each, a histogram of
// samples lies under the curve that the formula gives, and the curve's integral is 1.
#include <cmath>
#include <cstdio>

#include "autograd/ops.h"
#include "examples/support/cli.h"
#include "examples/support/plot.h"
#include "examples/support/result.h"
#include "flows/elementwise.h"
#include "flows/flow.h"
#include "tensor/elementwise.h"

using namespace bijou;
using namespace bijou::support;

namespace {

struct Map {
  const char *name, *formula;
  flows::AnyBijector f;  // from y to z
  double low, high;      // the part of y to be looked at
  double missing;        // the probability of what lies beyond it
};

std::vector<Map> maps() {
  using flows::Inverse;
  flows::Affine affine({1});
  affine.log_scale.mutable_value().fill(real(std::log(2.0))), affine.shift.mutable_value().fill(-2);
  return {{"exp", "y = exp(z)", Inverse(flows::Exp()), 0, 12, 0.5 * std::erfc(std::log(12.0) / M_SQRT2)},
          {"sigmoid", "y = 1 / (1 + exp(-z))", Inverse(flows::Sigmoid()), 0, 1, 0},
          {"tanh", "y = tanh(z)", Inverse(flows::Tanh()), -1, 1, 0},
          {"softplus", "y = log(1 + exp(z))", Inverse(flows::Softplus()), 0, 5, 0},
          {"leaky_relu", "y = z, or z / 4 below 0", flows::LeakyRelu(4), -1.5, 4, 0},
          {"sinh", "y = sinh(z)", flows::Asinh(), -12, 12, std::erfc(std::asinh(12.0) / M_SQRT2)},
          {"affine", "y = z / 2 + 1", affine, -1.5, 3.5, 0}};
}

std::vector<double> numbers(const Tensor& x) { return {x.begin(), x.end()}; }

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "change_of_variables", .about = "Bends one variable, and shows what becomes of its density."});
  const int samples = args.option("samples", 100000, "numbers drawn for each histogram", 100);
  const Run run = args.done();

  const NoGrad guard;
  const int64_t points = 4000;
  const Tensor before = linspace(-4, 4, points).reshape({points, 1});
  const flows::StandardNormal normal({1});
  Result result("change_of_variables");
  result.set("samples", samples);
  double worst = 0;
  for (const Map& m : maps()) {
    const flows::Flow flow(m.f, normal);
    Generator g(run.seed);
    const auto [y, log_prob] = flow.sample_and_log_prob(samples, {}, g);
    std::vector<double> seen;
    for (real v : y.value())
      if (double(v) > m.low && double(v) < m.high) seen.push_back(double(v));

    const double step = (m.high - m.low) / double(points);  // midpoints, as a density may have no value at the ends
    const Tensor at = linspace(real(m.low + step / 2), real(m.high - step / 2), points).reshape({points, 1});
    const Tensor after = exp(flow.log_prob(at).value());
    const double integral = double(sum(Var(after)).item()) * step + m.missing;
    worst = std::max(worst, std::abs(integral - 1));
    Plot({.title = std::string("z is normal, ") + m.formula, .x_label = "z, y", .y_label = "density"})
        .histogram("samples of y", seen, 100)
        .line({.label = "p(z), before", .x = numbers(before), .y = numbers(exp(normal.log_prob(before).value()))})
        .line({.label = "p(f(y)) |dz/dy|, after", .x = numbers(at), .y = numbers(after)})
        .write(run.out + "/" + m.name + ".svg");
    const double nats = -double(mean(log_prob).item());
    std::printf("%-26s integral %.6f, entropy %.4f nats\n", m.formula, integral, nats);
    result.set(std::string(m.name) + "_entropy", nats);
  }
  // Of the log-normal it is that of the normal, as the mean of log dy/dz = z is 0.
  result.set("exp_entropy_exact", 0.5 * std::log(2 * M_PI) + 0.5);
  result.set("integral_error", worst);
  std::printf("The normal itself has %.4f nats. Pictures are in %s.\n", 0.5 * std::log(2 * M_PI) + 0.5,
              run.out.c_str());
  result.print();
}

// What every bijector is put through, at its first parameters and at random ones:
//
//   round trips both ways; log-determinants against det of the autodiff Jacobian and of central differences, both ways,
//   and against each other; a batch against its rows one by one; gradients of both directions by their input, the
//   context and every parameter, against differences; the state dict, saved and loaded into another.
//
// In double, but for the round trips, which float builds make as well.
#pragma once

#include <cmath>
#include <functional>

#include "autograd/elementwise.h"
#include "autograd/functional.h"
#include "autograd/ops.h"
#include "flows/bijector.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"
#include "tests/support.h"

namespace bijou::testing {

struct BatteryOptions {
  Tensor context = Tensor();                 // [B, C], or none
  std::vector<double> scales = {0, 0.1, 1};  // of the noise that is added to the parameters
  double inverse = kDouble ? 1e-12 : 1e-4;   // relative
  double log_det = 1e-9;                     // against the autodiff Jacobian
  double differences = 1e-6;                 // against central differences
  double gradients = 1e-6;                   // against central differences, of the gradient's length
};

inline Var context_row(const Tensor& context, int64_t i) {
  return context.numel() ? Var(context.rows(i, i + 1)) : Var();
}

// log |det J| of row i of a map, from its Jacobian.
inline double log_det_of(const VarFunction& map, const Tensor& row) {
  return double(slogdet(jacobian(map, row)).logabsdet.item());
}
inline double log_det_by_differences(const VarFunction& map, const Tensor& row) {
  const NoGrad guard;
  const int64_t n = row.numel();
  const real h = real(1e-5);
  Tensor j({n, n});
  for (int64_t i = 0; i < n; ++i) {
    Tensor up = row.clone(), down = row.clone();
    up.mutable_data()[i] += h, down.mutable_data()[i] -= h;
    j.row(i).copy_from(((map(up).value() - map(down).value()) / (2 * h)).flatten());  // transposed: the same det
  }
  return double(slogdet(j).logabsdet.item());
}

inline void expect_bijector_as_it_is(const flows::Bijector& b, const Tensor& x, const BatteryOptions& o) {
  const Var context = o.context.numel() ? Var(o.context) : Var();
  flows::Latent latent;
  flows::Data back;
  {
    const NoGrad guard;
    latent = b.forward(x, context);
    back = b.inverse(latent.z, context);
    EXPECT_LE(max_difference(back.x.value(), x), o.inverse) << "inverse(forward(x)) is not x";
    EXPECT_LE(max_difference(back.log_det.value(), (-latent.log_det).value()), std::max(o.log_det, o.inverse))
        << "the log-determinants of both directions are not opposite";
    const Var again = b.forward(back.x, context).z;
    EXPECT_LE(max_difference(again.value(), latent.z.value()), o.inverse) << "forward(inverse(z)) is not z";
  }
  if (!kDouble) return;
  for (int64_t i = 0; i < x.size(0); ++i) {
    const Var c = context_row(o.context, i);
    const Tensor row = x.rows(i, i + 1), z = latent.z.value().rows(i, i + 1);
    const double got = double(latent.log_det.value().data()[i]);
    const VarFunction f = [&](const Var& x) { return b.forward(x, c).z; };
    const double want = log_det_of(f, row);
    EXPECT_NEAR(got, want, o.log_det * std::max(1.0, std::abs(want))) << "log |det dz/dx| of row " << i;
    EXPECT_NEAR(got, log_det_by_differences(f, row), o.differences * std::max(1.0, std::abs(want)));
    EXPECT_LE(max_difference(f(row).value(), z), 1e-12) << "row " << i << " alone is not what it is in the batch";
    const VarFunction g = [&](const Var& z) { return b.inverse(z, c).x; };
    EXPECT_NEAR(double(back.log_det.value().data()[i]), log_det_of(g, z), o.log_det * std::max(1.0, std::abs(want)))
        << "log |det dx/dz| of row " << i;
  }
}

// The gradient of f by the bijector's parameters, the input and the context is finite and, in double, the slope of f
// along a random line through all of them.
inline void expect_gradient(const char* name, const flows::Bijector& b, const Tensor& at, const BatteryOptions& o,
                            const std::function<Var(const Var& input, const Var& context)>& f) {
  const Var input = parameter(at.clone()), context = o.context.numel() ? parameter(o.context.clone()) : Var();
  std::vector<Var> wanted = b.parameters();
  wanted.push_back(input);
  if (context) wanted.push_back(context);
  std::vector<Tensor> before, step;
  double slope = 0, squares = 0, step_squares = 0;
  for (const Var& g : grad(f(input, context), wanted)) {
    EXPECT_TRUE(all_finite(g.value())) << "a gradient of " << name << " is not finite";
    before.push_back(wanted[step.size()].value().clone());
    step.push_back(random(g.shape(), 10 + step.size()));
    slope += double(sum(g.value() * step.back()).item());
    squares += double(sum(square(g.value())).item()), step_squares += double(sum(square(step.back())).item());
  }
  if (!kDouble) return;
  const NoGrad guard;
  auto at_time = [&](double t) {
    for (size_t i = 0; i < wanted.size(); ++i) wanted[i].mutable_value().copy_from(before[i] + step[i] * real(t));
    return double(f(input, context).item());
  };
  const double length = std::sqrt(step_squares), h = 1e-5 / length;
  const double difference = (at_time(h) - at_time(-h)) / (2 * h);
  at_time(0);
  EXPECT_NEAR(slope / length, difference / length, o.gradients * std::max(1.0, std::sqrt(squares)))
      << "the gradient of " << name;
}

inline void expect_gradients_flow(const flows::Bijector& b, const Tensor& x, const BatteryOptions& o) {
  auto weighted = [](const Var& out, const Var& log_det) {
    return sum(out * Var(random(out.shape(), 1))) + sum(log_det * Var(random(log_det.shape(), 2)));
  };
  expect_gradient("forward", b, x, o, [&](const Var& x, const Var& context) {
    const flows::Latent l = b.forward(x, context);
    return weighted(l.z, l.log_det);
  });
  const Tensor z = b.forward(x, o.context.numel() ? Var(o.context) : Var()).z.value();
  expect_gradient("inverse", b, z, o, [&](const Var& z, const Var& context) {
    const flows::Data d = b.inverse(z, context);
    return weighted(d.x, d.log_det);
  });
}

// x [B, ...]. The bijector is left with random parameters.
template <std::derived_from<flows::Bijector> B>
void expect_bijector(B bijector, const Tensor& x, const BatteryOptions& o = {}, Caller at = Caller::here()) {
  ::testing::ScopedTrace trace(at.file, at.line, "the battery");
  nn::unshare(bijector);
  bijector.eval();
  Generator g(1);
  for (double scale : o.scales) {
    ::testing::ScopedTrace of(at.file, at.line, "parameters moved by " + std::to_string(scale));
    B moved = nn::clone(bijector);
    for (Var& p : moved.parameters()) {
      const Tensor noise = normal(p.shape(), 0, real(scale), g);
      p.mutable_value().copy_from((p + Var(noise)).value());
    }
    expect_bijector_as_it_is(moved, x, o);
    BatteryOptions gradients = o;
    if (scale >= 1) gradients.gradients = HUGE_VAL;  // of wild maps no piece is straight enough to be differenced
    expect_gradients_flow(moved, x, gradients);
    B other = nn::clone(bijector);
    for (auto& [name, tensor] : other.state_dict()) Tensor(tensor).fill(7);  // buffers too: none may be left out
    other.load_state_dict(moved.state_dict());
    const Var context = o.context.numel() ? Var(o.context) : Var();
    EXPECT_EQ(max_difference(other.forward(x, context).z.value(), moved.forward(x, context).z.value()), 0)
        << "the state dict is not all there is to it";
  }
}

}  // namespace bijou::testing

#include "optim/sam.h"

#include "autograd/elementwise.h"
#include "autograd/functional.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"
#include "tensor/random.h"
#include "tensor/reduce.h"

namespace bijou::optim {
namespace {

// ASAM's T of a tensor of weights is |w| slope + offset; without ASAM it is 1.
struct Scale {
  Scale(const Tensor& weights, const SamOptions& o)
      : slope(o.adaptive && weights.dim() >= 2 ? 1 : 0), offset(slope ? real(o.eta) : 1) {}
  Lane operator()(Lane w) const { return abs(w) * slope + offset; }
  real slope, offset;
};

double dual_exponent(double p) { return p == kInfinityNorm ? 1 : p / (p - 1); }

Lane power(Lane x, real exponent) { return exp(log(x) * exponent); }  // of x >= 0 to an exponent above 0

// ‖T g‖_q. But for q = 2, powers are taken of what is left when the largest is divided out: they neither over- nor
// underflow.
double dual_norm(const std::vector<Var>& parameters, const SamOptions& o) {
  const double q = dual_exponent(o.p);
  double largest = 0, total = 0;
  auto each = [&](const auto& f) {
    for (const Var& p : parameters)
      if (p.grad()) f(Scale(p.value(), o), p.value(), p.grad().value());
  };
  if (q == 2) {
    each([&](Scale t, const Tensor& w, const Tensor& g) {
      total += map_sum([=](Lane w, Lane g) { return square(t(w) * g); }, 0, w, g).item();
    });
    return std::sqrt(total);
  }
  each([&](Scale t, const Tensor& w, const Tensor& g) {
    if (g.numel() == 0) return;
    largest = std::max(largest, double(max(map([=](Lane w, Lane g) { return abs(t(w) * g); }, w, g)).item()));
  });
  if (largest == 0 || !std::isfinite(largest)) return largest;
  each([&, scale = real(1 / largest), exponent = real(q)](Scale t, const Tensor& w, const Tensor& g) {
    total += map_sum([=](Lane w, Lane g) { return power(abs(t(w) * g) * scale, exponent); }, 0, w, g).item();
  });
  return largest * std::pow(total, 1 / q);
}

// Calls f with the function h -> sign(h) (|h| / norm)^(q-1): a number of ε / ρ, but for T, from that of h = T g.
template <class F>
void with_direction(double norm, double p, const F& f) {
  const real inverse = real(1 / norm), exponent = real(dual_exponent(p) - 1);
  if (p == 2) f([=](Lane h) { return h * inverse; });
  else if (p == kInfinityNorm) f([](Lane h) { return sign(h); });
  else f([=](Lane h) { return sign(h) * power(abs(h) * inverse, exponent); });
}

void check_options(const SamOptions& o) {
  check_option("Sam", "rho", o.rho, 0);
  check(o.p > 1, "Sam: p = ", o.p, " is not above 1");
  check_option("Sam", "eta", o.eta, 0);
  check(o.m >= 0, "Sam: m = ", o.m, " is negative");
}

bool has_direction(double norm) { return norm > 0 && std::isfinite(norm); }

}  // namespace

Perturbation::Perturbation(const std::vector<Var>& parameters, const SamOptions& options) {
  check_options(options);
  const double norm = dual_norm(parameters, options);
  if (!has_direction(norm)) return;
  with_direction(norm, options.p, [&, rho = real(options.rho)](auto direction) {
    for (Var p : parameters) {
      if (!p.grad()) continue;
      Tensor kept(p.shape());
      const Scale scale(p.value(), options);
      update<2>(
          [=](Lane& w, Lane& before, Lane g) {
            before = w;
            const Lane t = scale(w);
            w = w + t * direction(t * g) * rho;
          },
          p.mutable_value(), kept, p.grad().value());
      kept_.emplace_back(p, kept);
    }
  });
}

Perturbation::~Perturbation() {
  for (auto& [parameter, weights] : kept_) parameter.mutable_value().copy_from(weights);
}

// ---- The derivative of ε --------------------------------------------------------------------------------------------

namespace {

// With h = T g, N = ‖h‖_q, δ = ε / T = ρ sign(h) (|h| / N)^(q-1), and v = ∇L at w + ε, the chain rule gives
//
//   ∇ L(w + ε(w)) = v + H T a + sign(w) (δ v + g a),    a = (dδ/dh)ᵀ T v
//   dδ/dh = (q-1)/N (ρ diag(|h| / N)^(q-2) - δ δᵀ / ρ)
//
// where the last term is there for ASAM alone, whose T depends on w. For p = 2, a is what of v stands across g.
struct Derivative {
  std::vector<Tensor> direction;  // T a: what the Hessian at w is to be multiplied by
  std::vector<Tensor> rest;       // sign(w) (δ v + g a)
};
Derivative derivative_of_epsilon(const std::vector<Var>& parameters, const std::vector<Tensor>& g,
                                 const std::vector<Tensor>& v, double norm, const SamOptions& o) {
  const double q = dual_exponent(o.p);
  std::vector<Tensor> h, tv, delta;
  double along = 0;  // δ · T v
  for (size_t i = 0; i < v.size(); ++i) {
    const Tensor& w = parameters[i].value();
    auto scaled = [t = Scale(w, o)](Lane w, Lane x) { return t(w) * x; };
    h.push_back(map(scaled, w, g[i])), tv.push_back(map(scaled, w, v[i]));
    with_direction(norm, o.p, [&, rho = real(o.rho)](auto direction) {
      delta.push_back(map([=](Lane h) { return direction(h) * rho; }, h[i]));
    });
    along += sum(delta[i] * tv[i]).item();
  }
  const real across = real((q - 1) / norm * o.rho), back = real((q - 1) / norm * along / o.rho);
  auto slope = [inverse = real(1 / norm), exponent = real(q - 2)](Lane h) {  // (|h| / N)^(q-2), where it is finite
    return exponent == 0 ? Lane(1) : where(h == 0, Lane(0), power(abs(h) * inverse, exponent));
  };
  Derivative d;
  for (size_t i = 0; i < v.size(); ++i) {
    const Tensor& w = parameters[i].value();
    const Scale t(w, o);
    const Tensor a =
        map([=](Lane h, Lane tv, Lane d) { return slope(h) * tv * across - d * back; }, h[i], tv[i], delta[i]);
    d.direction.push_back(map([=](Lane w, Lane a) { return t(w) * a; }, w, a));
    d.rest.push_back(sign(w) * (delta[i] * v[i] + g[i] * a) * t.slope);
  }
  return d;
}

std::vector<Tensor> gradients(const std::vector<Var>& parameters) {
  std::vector<Tensor> list;
  for (const Var& p : parameters) list.push_back(p.grad() ? p.grad().value() : zeros(p.shape()));
  return list;
}

}  // namespace

// ---- Sam ------------------------------------------------------------------------------------------------------------

Sam::Sam(Optimizer& optimizer, const SamOptions& o)
    : options(o), optimizer_(optimizer), parameters_(optimizer.parameters()) {
  check_options(o);
}

void Sam::ascent() {
  check(!away_, "Sam: ascent() for the second time, without descent() between");
  check(options.m == 0 && !options.second_order, "Sam: ascent() knows neither m nor second_order; step() does");
  away_.emplace(parameters_, options);
  keep_.emplace();
  optimizer_.zero_grad();
}

void Sam::descent() {
  check(away_.has_value(), "Sam: descent() without ascent()");
  away_.reset();
  keep_.reset();
  optimizer_.step();
}

double Sam::gradient_of_part(const Loss& loss) {
  const Generator noise = default_generator();
  optimizer_.zero_grad();
  const Var at_w = loss();
  backward(at_w);
  const double norm = options.second_order ? dual_norm(parameters_, options) : 0;
  const std::vector<Tensor> g = options.second_order ? gradients(parameters_) : std::vector<Tensor>();

  const nn::KeepStatistics keep;
  {
    const Perturbation away(parameters_, options);
    optimizer_.zero_grad();
    default_generator() = noise;  // the same dropout
    backward(loss());
  }
  if (has_direction(norm) && options.rho > 0) {
    const std::vector<Tensor> v = gradients(parameters_);
    const Derivative d = derivative_of_epsilon(parameters_, g, v, norm, options);
    default_generator() = noise;
    const std::vector<Tensor> curved = hvp(loss, parameters_, d.direction);
    for (size_t i = 0; i < v.size(); ++i) parameters_[i].set_grad(v[i] + curved[i] + d.rest[i]);
  }
  return at_w.item();
}

double Sam::gradient(const Loss& loss) {
  check(options.m == 0, "Sam: m = ", options.m, " wants a loss that is asked for by rows");
  return gradient_of_part(loss);
}

double Sam::gradient(int64_t rows, const LossOfRows& loss) {
  check(rows > 0, "Sam: ", rows, " examples");
  const int64_t m = options.m ? std::min(options.m, rows) : rows;
  if (m == rows) return gradient_of_part([&] { return loss(0, rows); });
  std::vector<Var> total(parameters_.size());
  double mean = 0;
  for (int64_t first = 0; first < rows; first += m) {
    const int64_t last = std::min(first + m, rows);
    const double part = double(last - first) / double(rows);
    mean += part * gradient_of_part([&] { return loss(first, last); });
    for (size_t i = 0; i < total.size(); ++i) {
      const Var& g = parameters_[i].grad();
      if (!g) continue;
      if (!total[i]) total[i] = zeros(g.shape());
      update<1>([part = real(part)](Lane& sum, Lane g) { sum = sum + g * part; }, total[i].mutable_value(), g.value());
    }
  }
  for (size_t i = 0; i < total.size(); ++i) parameters_[i].set_grad(total[i]);
  return mean;
}

double Sam::step(const Loss& loss) {
  const double value = gradient(loss);
  optimizer_.step();
  return value;
}

double Sam::step(int64_t rows, const LossOfRows& loss) {
  const double value = gradient(rows, loss);
  optimizer_.step();
  return value;
}

}  // namespace bijou::optim

#include "examples/support/toys.h"

#include <cmath>

#include "autograd/map.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"

namespace bijou::support {
namespace {

constexpr real kLog2Pi = real(1.83787706640934548);

// ---- Mixtures of Gaussians ------------------------------------------------------------------------------------------

// Equal Gaussians: means, and standard deviations along a direction and across it.
struct Mixture {
  std::vector<real> x, y;        // means
  std::vector<real> angle = {};  // of the direction; none: they are round, `along` in every direction
  real along, across = along;

  void add(double at_x, double at_y) { x.push_back(real(at_x)), y.push_back(real(at_y)); }

  Tensor sample(int64_t n, Generator& g) const {
    const Indices k = randint({n}, 0, int64_t(x.size()), g);
    Tensor points = randn({n, 2}, g);
    real* p = points.mutable_data();
    for (int64_t i = 0; i < n; ++i, p += 2) {
      const size_t c = size_t(k.data()[i]);
      const real a = angle.empty() ? 0 : angle[c], u = p[0] * along, v = p[1] * across;
      p[0] = x[c] + u * std::cos(a) - v * std::sin(a);
      p[1] = y[c] + u * std::sin(a) + v * std::cos(a);
    }
    return points;
  }

  Tensor log_density(const Tensor& points) const {
    const int64_t count = int64_t(x.size()), most = 2048;  // points at a time
    std::vector<real> cosines, sines;
    for (int64_t c = 0; c < count; ++c) {
      const real a = angle.empty() ? 0 : angle[size_t(c)];
      cosines.push_back(std::cos(a)), sines.push_back(std::sin(a));
    }
    const Tensor mx = Tensor::from(x), my = Tensor::from(y), cos = Tensor::from(cosines), sin = Tensor::from(sines);
    const real s = 1 / along, t = 1 / across, constant = -std::log(real(count) * along * across) - kLog2Pi;
    auto exponent = [=](auto px, auto py, auto mx, auto my, auto cos, auto sin) {
      const auto u = ((px - mx) * cos + (py - my) * sin) * s;
      const auto v = ((py - my) * cos - (px - mx) * sin) * t;
      return (u * u + v * v) * real(-0.5) + constant;
    };
    std::vector<Tensor> parts;
    for (int64_t i = 0; i < points.size(0); i += most) {
      const Tensor some = points.rows(i, std::min(i + most, points.size(0)));
      const Tensor px = slice(some, 1, 0, 1), py = slice(some, 1, 1, 2);  // [some, 1], against [count]
      parts.push_back(logsumexp(map(exponent, px, py, mx, my, cos, sin), 1));
    }
    return concat(parts, 0);
  }
};

Toy toy_of(const std::string& name, const Mixture& m) {
  return {name, 5, [m](int64_t n, Generator& g) { return m.sample(n, g); },
          [m](const Tensor& x) { return m.log_density(x); }};
}

// Two half circles of radius 2, one inside the open side of the other.
Mixture moons() {
  Mixture m{.x = {}, .y = {}, .along = real(0.2)};
  for (int i = 0; i < 64; ++i) {
    const double a = M_PI * i / 63;
    m.add(2 * std::cos(a) - 1, 2 * std::sin(a) - 0.5), m.add(1 - 2 * std::cos(a), 0.5 - 2 * std::sin(a));
  }
  return m;
}

// Two arms of one and a half turns; the radius is a third of the angle.
Mixture spirals() {
  Mixture m{.x = {}, .y = {}, .along = real(0.15)};
  for (int i = 0; i < 150; ++i) {
    const double a = 3 * M_PI * std::sqrt((i + 0.5) / 150), r = a / 3;  // evenly along the arm
    m.add(-r * std::cos(a), r * std::sin(a)), m.add(r * std::cos(a), -r * std::sin(a));
  }
  return m;
}

Mixture rings() {
  Mixture m{.x = {}, .y = {}, .along = real(0.15)};
  for (int ring = 1; ring <= 3; ++ring)
    for (int i = 0; i < 60 * ring; ++i) {
      const double a = 2 * M_PI * i / (60 * ring);
      m.add(ring * std::cos(a), ring * std::sin(a));
    }
  return m;
}

Mixture gaussians() {
  Mixture m{.x = {}, .y = {}, .along = real(0.35)};
  for (int i = 0; i < 8; ++i) m.add(2.8 * std::cos(M_PI * i / 4), 2.8 * std::sin(M_PI * i / 4));
  return m;
}

// ---- The others -----------------------------------------------------------------------------------------------------

// Every point is turned about the origin by sign * ¼ exp(radius / 2).
Tensor swirled(const Tensor& x, double sign) {
  Tensor out(x.shape());
  const real* from = x.data();
  real* to = out.mutable_data();
  for (int64_t i = 0; i < x.size(0); ++i, from += 2, to += 2) {
    const double a = sign * 0.25 * std::exp(std::hypot(double(from[0]), double(from[1])) / 2);
    to[0] = real(double(from[0]) * std::cos(a) - double(from[1]) * std::sin(a));
    to[1] = real(double(from[0]) * std::sin(a) + double(from[1]) * std::cos(a));
  }
  return out;
}

Toy pinwheel() {
  Mixture m{.x = {}, .y = {}, .along = real(0.6), .across = real(0.2)};
  for (int i = 0; i < 5; ++i) {
    const double a = 2 * M_PI * i / 5;
    m.add(2 * std::cos(a), 2 * std::sin(a)), m.angle.push_back(real(a));
  }
  return {"pinwheel", 5.5, [m](int64_t n, Generator& g) { return swirled(m.sample(n, g), 1); },
          [m](const Tensor& x) { return m.log_density(swirled(x, -1)); }};
}

// The eight squares of side 2 in [-4, 4]² that a chess board has in one colour.
Toy checkerboard() {
  auto sample = [](int64_t n, Generator& g) {
    Tensor points = uniform({n, 2}, -4, 4, g);
    real* p = points.mutable_data();
    for (int64_t i = 0; i < n; ++i, p += 2)
      if ((int(std::floor(p[0] / 2)) + int(std::floor(p[1] / 2))) % 2) p[1] += p[1] < 2 ? 2 : -6;
    return points;
  };
  auto log_density = [](const Tensor& x) {
    Tensor out({x.size(0)});
    const real* p = x.data();
    for (int64_t i = 0; i < x.size(0); ++i, p += 2) {
      const bool board = std::abs(p[0]) < 4 && std::abs(p[1]) < 4;
      const bool dark = (int(std::floor(p[0] / 2)) + int(std::floor(p[1] / 2))) % 2 == 0;
      out.mutable_data()[i] = board && dark ? real(-std::log(32.0)) : -kInfinity;
    }
    return out;
  };
  return {"checkerboard", 5, sample, log_density};
}

}  // namespace

std::vector<std::string> toy_names() { return {"spirals", "moons", "pinwheel", "rings", "gaussians", "checkerboard"}; }

Toy toy(const std::string& name) {
  if (name == "moons") return toy_of(name, moons());
  if (name == "spirals") return toy_of(name, spirals());
  if (name == "rings") return toy_of(name, rings());
  if (name == "gaussians") return toy_of(name, gaussians());
  if (name == "pinwheel") return pinwheel();
  check(name == "checkerboard", "toy: there is no set '", name, "'");
  return checkerboard();
}

// ---- Energies -------------------------------------------------------------------------------------------------------

namespace {

// log (exp(a) + exp(b))
auto log_add(auto a, auto b) { return maximum(a, b) + softplus(-abs(a - b)); }
auto bump(auto x, real center, real width) {  // -½ ((x - center) / width)²
  const auto e = (x - center) * (1 / width);
  return e * e * real(-0.5);
}
auto wave(auto x) { return sin(x * real(M_PI / 2)); }
auto wall(auto x) {
  const auto beyond = maximum(abs(x) - 4, real(0)) * real(1 / 0.4);
  return beyond * beyond * real(-0.5);
}

template <class F>
Energy energy_of(const std::string& name, const F& log_density) {
  return {name, 6, [log_density](const Var& x) {
            check(x.dim() == 2 && x.size(1) == 2, "energy: x of shape [n, 2] expected, not ", x.shape());
            return map(log_density, select(x, 1, 0), select(x, 1, 1));
          }};
}

}  // namespace

std::vector<std::string> energy_names() { return {"U1", "U2", "U3", "U4"}; }

Energy energy(const std::string& name) {
  if (name == "U1")  // a ring of radius 2, bright left and right
    return energy_of(name, [](auto x, auto y) {
      const auto r = sqrt(x * x + y * y + real(1e-12));
      return bump(r, 2, real(0.4)) + log_add(bump(x, 2, real(0.6)), bump(x, -2, real(0.6)));
    });
  if (name == "U2")  // a sine
    return energy_of(name, [](auto x, auto y) { return bump(y - wave(x), 0, real(0.4)) + wall(x); });
  if (name == "U3")  // one that divides and joins
    return energy_of(name, [](auto x, auto y) {
      const auto gap = exp(bump(x, 1, real(0.6))) * 3;
      const auto off = y - wave(x);
      return log_add(bump(off, 0, real(0.35)), bump(off + gap, 0, real(0.35))) + wall(x);
    });
  check(name == "U4", "energy: there is no '", name, "'");
  return energy_of(name, [](auto x, auto y) {  // one that divides
    const auto gap = sigmoid((x - 1) * real(1 / 0.3)) * 3;
    const auto off = y - wave(x);
    return log_add(bump(off, 0, real(0.4)), bump(off + gap, 0, real(0.35))) + wall(x);
  });
}

// ---- Integrals ------------------------------------------------------------------------------------------------------

Tensor plane(double extent, int64_t n) {
  Tensor x({n * n, 2});
  real* p = x.mutable_data();
  const double cell = 2 * extent / double(n);
  for (int64_t i = 0; i < n * n; ++i) {
    *p++ = real(-extent + (double(i % n) + 0.5) * cell);
    *p++ = real(extent - (double(i / n) + 0.5) * cell);
  }
  return x;
}

double integral(const Tensor& values, double extent) {
  double total = 0;
  for (real v : values) total += double(v);
  return total * 4 * extent * extent / double(values.numel());
}

double entropy(const Toy& toy) {
  const Tensor log_p = toy.log_density(plane(toy.extent, 500));
  return -integral(map([](auto l) { return where(l > -kInfinity, exp(l) * l, 0); }, log_p), toy.extent);
}

}  // namespace bijou::support

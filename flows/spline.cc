#include "flows/spline.h"

#include <cmath>

#include "autograd/map.h"
#include "nn/composition.h"

namespace bijou::flows {
namespace {

constexpr int kMaxBins = 64;

// The bin that holds a point, and the slopes at its ends: min_slope + softplus(logit).
struct Bin {
  int k = 0;
  double left, width = 0, bottom, height = 0, d0 = 0, d1 = 0;
  double d0_by_logit = 0, d1_by_logit = 0;
};

// A point inside a bin, with whatever its derivatives are made of. Names are those of the equation in spline.h, which
// reads z = bottom + height N / D; the slope there is dz/dx = s² P / D².
struct Point {
  double t, q, s, n, d, p;
  Point(const Bin& b, double at) {
    t = at, q = t * (1 - t), s = b.height / b.width;
    n = s * t * t + b.d0 * q;
    d = s + (b.d0 + b.d1 - 2 * s) * q;
    p = b.d1 * t * t + 2 * s * q + b.d0 * (1 - t) * (1 - t);
  }
  double ratio() const { return n / d; }
  double slope() const { return s * s * p / (d * d); }
  double ratio_by_t() const { return s * p / (d * d); }
  double log_slope() const { return std::log(s * s * p / (d * d)); }
  double log_slope_by_t(const Bin& b) const {
    return 2 * (b.d1 * t + s * (1 - 2 * t) - b.d0 * (1 - t)) / p - 2 * (b.d0 + b.d1 - 2 * s) * (1 - 2 * t) / d;
  }
};

// One spline, read from its 3K - 1 params.
class Spline {
 public:
  Spline(const SplineOptions& o, int bins) : o_(o), bins_(bins), shift_(std::log(std::expm1(1 - o.min_slope))) {}

  void read(const real* params) {
    alignas(64) real e[2 * kMaxBins + 64];  // a register more than there is
    for (int half = 0; half < 2; ++half) {
      const real* logits = params + half * bins_;
      const real most = *std::max_element(logits, logits + bins_);
      for (int k = 0; k < bins_; ++k) e[half * bins_ + k] = logits[k] - most;
    }
    std::fill_n(e + 2 * bins_, kLanes, real(0));
    for (int k = 0; k < 2 * bins_; k += int(kLanes)) exp(Lane::load(e + k)).store(e + k);
    for (int half = 0; half < 2; ++half) {
      double total = 0;
      for (int k = 0; k < bins_; ++k) total += double(e[half * bins_ + k]);
      for (int k = 0; k < bins_; ++k) {
        share_[half][k] = double(e[half * bins_ + k]) / total;
        size_[half][k] = 2 * o_.bound * (o_.min_bin + (1 - bins_ * o_.min_bin) * share_[half][k]);
      }
    }
    slope_logits_ = params + 2 * bins_;
  }

  bool inside(real at) const { return std::abs(double(at)) < o_.bound; }

  // The bin of an x (axis 0) or of a z (axis 1).
  Bin find(double at, int axis) const {
    Bin b{.left = -o_.bound, .bottom = -o_.bound};
    double& edge = axis == 0 ? b.left : b.bottom;
    double& other = axis == 0 ? b.bottom : b.left;
    for (; b.k + 1 < bins_ && at >= edge + size_[axis][b.k]; ++b.k) {
      edge += size_[axis][b.k];
      other += size_[1 - axis][b.k];
    }
    const bool last = b.k + 1 == bins_;  // ends at B, whatever the sum of the sizes was rounded to
    b.width = last ? o_.bound - b.left : size_[0][b.k];
    b.height = last ? o_.bound - b.bottom : size_[1][b.k];
    slope(b.k, b.d0, b.d0_by_logit);
    slope(b.k + 1, b.d1, b.d1_by_logit);
    return b;
  }

  static double position(const Bin& b, double x) { return std::clamp((x - b.left) / b.width, 0.0, 1.0); }

  // The t of z: a root of a quadratic, in the form that does not cancel, polished by Newton's method.
  static double root(const Bin& b, double z) {
    const double s = b.height / b.width, rest = std::clamp((z - b.bottom) / b.height, 0.0, 1.0);
    const double bend = rest * (b.d0 + b.d1 - 2 * s), qa = s - b.d0 + bend, qb = b.d0 - bend, qc = -s * rest;
    const double denominator = -qb - std::sqrt(std::max(qb * qb - 4 * qa * qc, 0.0));
    double t = denominator < 0 ? std::clamp(2 * qc / denominator, 0.0, 1.0) : rest;
    for (int step = 0; step < 2; ++step) {
      const Point p(b, t);
      t = std::clamp(t - (p.ratio() - rest) / p.ratio_by_t(), 0.0, 1.0);
    }
    return t;
  }

  // From the cotangents of z and log |dz/dx| at t, those of the params; returns that of x.
  double vjp(const Bin& b, double t, double gz, double gl, real* g_params) const {
    const Point p(b, t);
    const double gr = gz * b.height, dd = p.d * p.d, t2 = t * t, e2 = (1 - t) * (1 - t), q2 = 1 - 2 * p.q;
    const double gt = gr * p.ratio_by_t() + gl * p.log_slope_by_t(b);
    const double gs = gr * (t2 * p.d - p.n * q2) / dd + gl * (2 / p.s + 2 * p.q / p.p - 2 * q2 / p.d);
    const double g0 = gr * p.q * (p.d - p.n) / dd + gl * (e2 / p.p - 2 * p.q / p.d);
    const double g1 = -gr * p.n * p.q / dd + gl * (t2 / p.p - 2 * p.q / p.d);
    const double gx = gt / b.width;
    softmax_vjp(b.k, 0, -gx, -gx * t - gs * p.s / b.width, g_params);
    softmax_vjp(b.k, 1, gz, gz * p.ratio() + gs / b.width, g_params + bins_);
    real* g_slopes = g_params + 2 * bins_;
    std::fill_n(g_slopes, bins_ - 1, real(0));
    if (b.k > 0) g_slopes[b.k - 1] = real(g0 * b.d0_by_logit);
    if (b.k + 1 < bins_) g_slopes[b.k] = real(g1 * b.d1_by_logit);
    return gx;
  }

 private:
  void slope(int knot, double& d, double& by_logit) const {
    d = 1, by_logit = 0;
    if (knot == 0 || knot == bins_) return;
    const double a = double(slope_logits_[knot - 1]) + shift_, e = std::exp(-std::abs(a));
    d = o_.min_slope + std::max(a, 0.0) + std::log1p(e);
    by_logit = (a > 0 ? 1 : e) / (1 + e);
  }

  // The sizes before bin k got the cotangent `before` (they move its edge), that of bin k got `own`.
  void softmax_vjp(int k, int axis, double before, double own, real* g) const {
    const double scale = 2 * o_.bound * (1 - bins_ * o_.min_bin), *share = share_[axis];
    double mean = own * share[k];
    for (int j = 0; j < k; ++j) mean += before * share[j];
    for (int j = 0; j < bins_; ++j) {
      const double c = j < k ? before : j == k ? own : 0;
      g[j] = real(scale * share[j] * (c - mean));
    }
  }

  SplineOptions o_;
  int bins_;
  double shift_;  // where softplus is 1 - min_slope
  double share_[2][kMaxBins], size_[2][kMaxBins];
  const real* slope_logits_ = nullptr;
};

int bins_of(const Shape& params) { return int((params[-1] + 1) / 3); }

// body(spline, i) for every spline that element i of `at` falls into; elsewhere, outside(i).
template <class Inside, class Outside>
void for_splines(const Tensor& at, const Tensor& params, const SplineOptions& o, const Inside& inside,
                 const Outside& outside) {
  const real *x = at.data(), *p = params.data();
  const int64_t stride = params.size(-1);
  parallel_for(at.numel(), 2048, [&](int64_t i, int64_t last) {
    Spline spline(o, bins_of(params.shape()));
    for (; i < last; ++i) {
      if (!spline.inside(x[i])) {
        outside(i);
        continue;
      }
      spline.read(p + i * stride);
      inside(spline, i);
    }
  });
}

// ---- As a composition of ops, for gradients of gradients ------------------------------------------------------------

// (A declaration for each, as every `auto` here is a type of its own.)
constexpr auto kValue = [](auto x, auto left, auto w, auto bottom, auto h, auto d0, auto d1) {
  const auto t = (x - left) / w;
  const auto q = t * (1 - t);
  const auto s = h / w;
  return bottom + h * (s * t * t + d0 * q) / (s + (d0 + d1 - s * 2) * q);
};
constexpr auto kLogSlope = [](auto x, auto left, auto w, auto h, auto d0, auto d1) {
  const auto t = (x - left) / w;
  const auto q = t * (1 - t);
  const auto s = h / w;
  const auto d = s + (d0 + d1 - s * 2) * q;
  return log(s * s * (d1 * t * t + s * q * 2 + d0 * (1 - t) * (1 - t)) / (d * d));
};
constexpr auto kInverse = [](auto z, auto left, auto w, auto bottom, auto h, auto d0, auto d1) {
  const auto s = h / w;
  const auto rest = (z - bottom) / h;
  const auto bend = rest * (d0 + d1 - s * 2);
  const auto b = d0 - bend;
  return left - w * s * rest * 2 / (-b - sqrt(b * b + (s - d0 + bend) * s * rest * 4));
};

Var composed(const Var& at, const Var& params, const SplineOptions& o, bool inverse) {
  const int bins = bins_of(params.shape()), last = params.dim() - 1;
  Indices k = Indices(at.shape()), next = Indices(at.shape());
  index *to = k.mutable_data(), *after = next.mutable_data();
  for_splines(
      at.value(), params.value(), o,
      [&](const Spline& s, int64_t i) {
        to[i] = s.find(double(at.value().data()[i]), inverse).k, after[i] = to[i] + 1;
      },
      [&](int64_t i) { to[i] = 0, after[i] = 1; });
  k = unsqueeze(k, -1), next = unsqueeze(next, -1);
  auto pick = [&](const Var& x, const Indices& i) { return squeeze(gather(x, last, i), -1); };
  auto sizes = [&](int64_t first) {
    return softmax(slice(params, -1, first, first + bins), -1) * real(2 * o.bound * (1 - bins * o.min_bin)) +
           real(2 * o.bound * o.min_bin);
  };
  const Var widths = sizes(0), heights = sizes(bins), w = pick(widths, k), h = pick(heights, k);
  const Var left = pick(cumsum(widths, last), k) - w - real(o.bound),
            bottom = pick(cumsum(heights, last), k) - h - real(o.bound);
  const real shift = real(std::log(std::expm1(1 - o.min_slope)));
  const Var slopes = pad(softplus(slice(params, -1, 2 * bins, 3 * bins - 1) + shift) + real(o.min_slope), {1, 1}, 1);
  const Var d0 = pick(slopes, k), d1 = pick(slopes, next), inside = abs(at.detach()) < real(o.bound);
  const Var held = where(inside, at, inverse ? bottom : left);  // beyond B no formula may give NaN, not even unused
  const Var to_value =
      inverse ? map(kInverse, held, left, w, bottom, h, d0, d1) : map(kValue, held, left, w, bottom, h, d0, d1);
  const Var log_slope = map(kLogSlope, inverse ? to_value : held, left, w, h, d0, d1);
  return stack({where(inside, to_value, at), where(inside, inverse ? -log_slope : log_slope, Var(real(0)))}, 0);
}

// ---- As an op: value and log-slope in one tensor [2, ...] -----------------------------------------------------------

void check_spline(const Shape& at, const Shape& params, const SplineOptions& o) {
  Shape wanted = at;
  wanted.push_back(params.rank() ? params[-1] : 0);
  check(params == wanted && wanted[-1] % 3 == 2 && wanted[-1] >= 5 && bins_of(wanted) <= kMaxBins, "rq_spline: params ",
        params, " for numbers ", at, "; [..., 3 bins - 1] expected, 2 to ", kMaxBins, " bins");
  check(o.bound > 0 && o.min_slope > 0 && o.min_slope < 1 && o.min_bin > 0 && o.min_bin * bins_of(wanted) < 1,
        "rq_spline: bound ", o.bound, ", min_bin ", o.min_bin, ", min_slope ", o.min_slope, " for ", bins_of(wanted),
        " bins");
}

Tensor evaluate(const Tensor& at, const Tensor& params, const SplineOptions& o, bool inverse) {
  Shape two{2};
  for (int64_t size : at.shape()) two.push_back(size);
  Tensor both(two);
  const real* x = at.data();
  real *y = both.mutable_data(), *log_slope = y + at.numel();
  auto inside = [&](const Spline& s, int64_t i) {
    const Bin b = s.find(double(x[i]), inverse);
    const Point p(b, inverse ? Spline::root(b, double(x[i])) : Spline::position(b, double(x[i])));
    y[i] = real(inverse ? b.left + b.width * p.t : b.bottom + b.height * p.ratio());
    log_slope[i] = real(inverse ? -p.log_slope() : p.log_slope());
  };
  for_splines(at, params, o, inside, [&](int64_t i) { y[i] = x[i], log_slope[i] = 0; });
  return both;
}

// From the cotangents g [2, ...], those of `at` and of the params.
void vjp(const Tensor& at, const Tensor& params, const SplineOptions& o, bool inverse, const Tensor& g, Tensor& g_at,
         Tensor& g_params) {
  const real *x = at.data(), *g_value = g.data(), *g_log = g_value + at.numel();
  real *gx = g_at.mutable_data(), *gp = g_params.mutable_data();
  const int64_t stride = params.size(-1);
  auto inside = [&](const Spline& s, int64_t i) {
    const Bin b = s.find(double(x[i]), inverse);
    double gz = double(g_value[i]), gl = double(g_log[i]);
    if (inverse) {  // by the implicit function theorem: z(x, params) stays, and the log-slope is that of z, negated
      const Point p(b, Spline::root(b, double(x[i])));
      gl = -gl, gz = -(gz + gl * p.log_slope_by_t(b) / b.width) / p.slope();
      gx[i] = real(-gz);
      s.vjp(b, p.t, gz, gl, gp + i * stride);
    } else {
      gx[i] = real(s.vjp(b, Spline::position(b, double(x[i])), gz, gl, gp + i * stride));
    }
  };
  for_splines(at, params, o, inside,
              [&](int64_t i) { gx[i] = g_value[i], std::fill_n(gp + i * stride, stride, real(0)); });
}

Splined spline(const Var& at, const Var& params, const SplineOptions& o, bool inverse) {
  check_spline(at.shape(), params.shape(), o);
  auto rule = [o, inverse](const Node& node, const Var& g, Grads& d) {
    if (grad_enabled())
      return nn::vjp_by_composition(node, g, d,
                                    [&](const std::vector<Var>& in) { return composed(in[0], in[1], o, inverse); });
    Tensor g_at(node.in_shape(0)), g_params(node.in_shape(1));
    vjp(node.in(0).value(), node.in(1).value(), o, inverse, g.value(), g_at, g_params);
    if (d.wants(0)) d[0] = g_at;
    if (d.wants(1)) d[1] = g_params;
  };
  const Var both = record("rq_spline", evaluate(at.value(), params.value(), o, inverse), {at, params}, rule);
  return {select(both, 0, 0), select(both, 0, 1)};
}

}  // namespace

Splined rq_spline(const Var& x, const Var& params, const SplineOptions& o) { return spline(x, params, o, false); }
Splined rq_spline_inverse(const Var& z, const Var& params, const SplineOptions& o) {
  return spline(z, params, o, true);
}

}  // namespace bijou::flows

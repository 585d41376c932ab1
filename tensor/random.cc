#include "tensor/random.h"

#include <cmath>

#include "tensor/lane.h"
#include "tensor/parallel.h"
#include "tensor/philox.h"

namespace bijou {

using namespace detail;

namespace {

constexpr int64_t kGrain = 50'000;  // numbers that are worth a thread

// A tensor whose element e is number position + e of the stream; fill(block, out) makes the 64 numbers of a block.
template <class T, class Fill>
Array<T> draw(const Shape& shape, Generator& g, const Fill& fill) {
  Array<T> result(shape);
  const int64_t n = result.numel();
  const Generator::State start = g.state();
  const int64_t before = int64_t(start.position % kBlock);  // numbers of the first block that were drawn already
  T* out = result.mutable_data();
  parallel_for((before + n + kBlock - 1) / kBlock, kGrain / kBlock, [&](int64_t first, int64_t last) {
    for (int64_t b = first; b < last; ++b) {
      const Block block{start.seed, (start.position + uint64_t(b * kBlock)) / kBlock};  // positions wrap at 2^64
      const int64_t at = b * kBlock - before;                                           // where in out the block begins
      if (at >= 0 && at + kBlock <= n) {
        fill(block, out + at);
      } else {
        T numbers[kBlock];
        fill(block, numbers);
        for (int64_t i = std::max(at, int64_t(0)); i < std::min(at + kBlock, n); ++i) out[i] = numbers[i - at];
      }
    }
  });
  g.skip(uint64_t(n));
  return result;
}

// ---- From bits to numbers -------------------------------------------------------------------------------------------

double unit(uint64_t bits) { return double(bits >> 11) * 0x1p-53; }               // [0, 1)
double open_unit(uint64_t bits) { return (double(bits >> 12) + 0.5) * 0x1p-52; }  // (0, 1)
index scale(uint64_t bits, uint64_t n) {                                          // bits n / 2^64, as 32 bits
  return index(((bits >> 32) * n + ((bits & 0xffffffff) * n >> 32)) >> 32);
}

void fill_uniform(const Block& block, real* out) {
  if constexpr (std::is_same_v<real, float>) {
    uint32_t high[kBlock];
    block.words(Plane::kHigh, high);
    for (int i = 0; i < kBlock; ++i) out[i] = float(high[i] >> 8) * 0x1p-24f;  // the first 24 bits of unit()
  } else {
    uint64_t bits[kBlock];
    block.bits(bits);
    for (int i = 0; i < kBlock; ++i) out[i] = real(unit(bits[i]));
  }
}

// Box-Muller: if u and v are uniform, sqrt(-2 log u) (cos 2 pi v, sin 2 pi v) are two independent normals.
// The first half of a block holds the u and becomes the cosines, the second holds the v and becomes the sines.
// u in (0, 1] keeps small values exact, since they make the tails; 2 pi v in [-pi, pi) is taken from a signed integer.
constexpr double kTwoPi = 6.283185307179586;

void fill_normal(const Block& block, real* out) {
  constexpr int kHalf = kBlock / 2;
  if constexpr (std::is_same_v<real, float>) {
    uint32_t w[kBlock];
    block.words(Plane::kHigh, w);
    for (int i = 0; i < kHalf; ++i) out[i] = float(w[i]) * 0x1p-32f + 0x1p-33f;
    for (int i = kHalf; i < kBlock; ++i) out[i] = float(int32_t(w[i])) * float(kTwoPi * 0x1p-32);
  } else {
    uint64_t w[kBlock];
    block.bits(w);
    for (int i = 0; i < kHalf; ++i) out[i] = real(w[i]) * real(0x1p-64) + real(0x1p-65);
    for (int i = kHalf; i < kBlock; ++i) out[i] = real(int64_t(w[i])) * real(kTwoPi * 0x1p-64);
  }
  for (int64_t i = 0; i < kHalf; i += kLanes) {
    const Lane radius = sqrt(log(Lane::load(out + i)) * Lane(-2)), angle = Lane::load(out + kHalf + i);
    (radius * cos(angle)).store(out + i);
    (radius * sin(angle)).store(out + kHalf + i);
  }
}

// The x <= 0 with P(N(0,1) < x) = p, for 0 < p <= 1/2. Newton's method on log P, which is concave: from a start at the
// left (P < exp(-x^2/2) / 2) it climbs to the root and never passes it.
double lower_quantile(double p) {
  const double log_p = std::log(p);
  double x = -std::sqrt(std::max(0.0, -2 * (log_p + M_LN2)));
  for (int i = 0; i < 20; ++i) {
    const double cdf = 0.5 * std::erfc(-x * M_SQRT1_2), density = std::exp(-0.5 * x * x) / std::sqrt(kTwoPi);
    const double step = (log_p - std::log(cdf)) * cdf / density;
    x += step;
    if (std::fabs(step) <= 1e-10 * (1 + std::fabs(x))) break;  // quadratic: the next step would be below rounding
  }
  return x;
}

}  // namespace

// ---- Generator ------------------------------------------------------------------------------------------------------

Generator Generator::fork(uint64_t stream) const {
  const auto w = words_at(stream, Plane::kFork, state_.seed);
  return Generator(join(w[0], w[1]));
}

uint32_t Generator::next_uint32() { return word_at(state_.seed, state_.position++, Plane::kHigh); }

uint64_t Generator::next_bits() {
  const auto [seed, p] = state_;
  skip(1);
  return join(word_at(seed, p, Plane::kHigh), word_at(seed, p, Plane::kLow));
}

double Generator::uniform() { return unit(next_bits()); }

double Generator::normal() {
  const bool is_sine = state_.position % kBlock >= kBlock / 2;
  Generator partner = *this;  // the other half of the block holds the pair's other number
  partner.state_.position ^= kBlock / 2;
  uint64_t u = next_bits(), v = partner.next_bits();
  if (is_sine) std::swap(u, v);
  const double radius = std::sqrt(-2 * std::log(double(u) * 0x1p-64 + 0x1p-65));
  const double angle = double(int64_t(v)) * (kTwoPi * 0x1p-64);
  return radius * (is_sine ? std::sin(angle) : std::cos(angle));
}

index Generator::below(int64_t n) {
  check(n >= 1 && n <= int64_t(1) << 31, "below: n from 1 to 2^31 expected, not ", n);
  return scale(next_bits(), uint64_t(n));
}

Generator& default_generator() {
  static Generator g;
  return g;
}
void manual_seed(uint64_t seed) { default_generator() = Generator(seed); }

// ---- Tensors --------------------------------------------------------------------------------------------------------

Tensor rand(const Shape& shape, Generator& g) { return draw<real>(shape, g, fill_uniform); }

Tensor uniform(const Shape& shape, real low, real high, Generator& g) {
  const real range = high - low;
  check(range >= 0 && std::isfinite(range), "uniform: finite low <= high expected, not ", low, " and ", high);
  const real largest = range > 0 ? std::nextafter(high, low) : low;  // rounding must not reach high
  return draw<real>(shape, g, [=](const Block& block, real* out) {
    fill_uniform(block, out);
    for (int i = 0; i < kBlock; ++i) out[i] = std::min(low + range * out[i], largest);
  });
}

Tensor randn(const Shape& shape, Generator& g) { return draw<real>(shape, g, fill_normal); }

Tensor normal(const Shape& shape, real mean, real std, Generator& g) {
  check(std::isfinite(mean) && std >= 0 && std::isfinite(std), "normal: a finite mean and std >= 0 expected, not ",
        mean, " and ", std);
  return draw<real>(shape, g, [=](const Block& block, real* out) {
    fill_normal(block, out);
    for (int i = 0; i < kBlock; ++i) out[i] = mean + std * out[i];
  });
}

Tensor bernoulli(const Shape& shape, double p, Generator& g) {
  check(p >= 0 && p <= 1, "bernoulli: a probability from 0 to 1 expected, not ", p);
  const uint64_t successes = uint64_t(std::llround(p * 0x1p32));  // of the 2^32 words
  return draw<real>(shape, g, [=](const Block& block, real* out) {
    uint32_t high[kBlock];
    block.words(Plane::kHigh, high);
    for (int i = 0; i < kBlock; ++i) out[i] = real(high[i] < successes);
  });
}

Tensor gumbel(const Shape& shape, Generator& g) {
  return draw<real>(shape, g, [](const Block& block, real* out) {
    uint64_t bits[kBlock];
    block.bits(bits);
    // -log(-log(1 - u)): it is the upper tail, at small u, that has to be exact
    for (int i = 0; i < kBlock; ++i) out[i] = real(-std::log(-std::log1p(-open_unit(bits[i]))));
  });
}

Tensor truncated_normal(const Shape& shape, real mean, real std, real low, real high, Generator& g) {
  check(std::isfinite(mean) && std > 0 && std::isfinite(std),
        "truncated_normal: a finite mean and std > 0 expected, not ", mean, " and ", std);
  check(low < high, "truncated_normal: low < high expected, not ", low, " and ", high);
  double a = (double(low) - mean) / std, b = (double(high) - mean) / std;
  const double mirror = a > 0 ? -1 : 1;  // small probabilities are exact on the left only
  if (mirror < 0) a = -std::exchange(b, -a);
  const double below = 0.5 * std::erfc(-a * M_SQRT1_2), inside = 0.5 * std::erfc(-b * M_SQRT1_2) - below;
  check(inside > 0, "truncated_normal: mean ", mean, " and std ", std, " give [", low, ", ", high, "] no probability");
  return draw<real>(shape, g, [=](const Block& block, real* out) {
    uint64_t bits[kBlock];
    block.bits(bits);
    for (int i = 0; i < kBlock; ++i) {
      const double p = below + inside * open_unit(bits[i]);
      const double x = p <= 0.5 ? lower_quantile(p) : -lower_quantile(1 - p);
      out[i] = std::clamp(real(mean + std * mirror * x), low, high);
    }
  });
}

Indices randint(const Shape& shape, int64_t low, int64_t high, Generator& g) {
  constexpr int64_t kLowest = std::numeric_limits<index>::min(), kEnd = int64_t(std::numeric_limits<index>::max()) + 1;
  check(kLowest <= low && low < high && high <= kEnd, "randint: -2^31 <= low < high <= 2^31 expected, not ", low,
        " and ", high);
  return draw<index>(shape, g, [=](const Block& block, index* out) {
    uint64_t bits[kBlock];
    block.bits(bits);
    // modulo 2^32, as the range may be wider than an index
    for (int i = 0; i < kBlock; ++i) out[i] = index(uint32_t(low) + uint32_t(scale(bits[i], uint64_t(high - low))));
  });
}

Indices randperm(int64_t n, Generator& g) {
  check(n >= 0 && n <= int64_t(1) << 31, "randperm: n from 0 to 2^31 expected, not ", n);
  Indices result = index_range(n);
  index* out = result.mutable_data();
  for (int64_t i = n; i >= 1; --i) std::swap(out[i - 1], out[g.below(i)]);  // Fisher-Yates
  return result;
}

namespace {

// The first k with w[0] + ... + w[k] > u (w[0] + ... + w[n-1]); u < 1.
index invert_cdf(const real* w, int64_t n, real u) {
  double total = 0;
  for (int64_t k = 0; k < n; ++k) total += w[k];
  const double target = u * total;
  int64_t k = 0;
  for (double sum = w[0]; sum <= target;) sum += w[++k];  // the same sums as above: they end at total > target
  return index(k);
}

}  // namespace

Indices categorical(const Tensor& logits, Generator& g) {
  check(logits.dim() >= 1 && logits.size(-1) > 0, "categorical: logits of shape ", logits.shape(), " name no classes");
  const Shape& shape = logits.shape();
  const int64_t classes = shape[-1], rows = shape.product(0, shape.rank() - 1);
  Tensor largest({rows}), weights({rows, classes});
  for (int64_t r = 0; r < rows; ++r) {
    const real* x = logits.data() + r * classes;
    real m = -kInfinity;
    bool has_nan = false;
    for (int64_t k = 0; k < classes; ++k) m = std::max(m, x[k]), has_nan |= std::isnan(x[k]);
    check(!has_nan && std::isfinite(m), "categorical: row ", r, has_nan ? " holds NaN" : " has the largest logit ", m);
    largest.mutable_data()[r] = m;
  }
  const Tensor u = rand(Shape(std::span(shape.begin(), shape.end() - 1)), g);
  Indices result(u.shape());
  real* w = weights.mutable_data();
  index* out = result.mutable_data();
  parallel_for(rows, kGrain / classes / 8 + 1, [&](int64_t first, int64_t last) {
    for (int64_t r = first; r < last; ++r) {
      for (int64_t i = r * classes; i < (r + 1) * classes; i += kLanes) {
        const Mask in_row = first_lanes((r + 1) * classes - i);
        exp(Lane::load(logits.data() + i, in_row) - Lane(largest.data()[r])).store(w + i, in_row);
      }
      out[r] = invert_cdf(w + r * classes, classes, u.data()[r]);
    }
  });
  return result;
}

}  // namespace bijou

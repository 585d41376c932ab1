#include "nn/wavenet.h"

#include <algorithm>
#include <cmath>

#include "autograd/map.h"
#include "tensor/parallel.h"

namespace bijou::nn {

// ---- Samples as levels ----------------------------------------------------------------------------------------------

Tensor mu_law(const Tensor& sound, int64_t levels) {
  check(levels >= 2, "mu_law: ", levels, " levels");
  const double mu = double(levels - 1);
  Tensor level(sound.shape());
  for (int64_t i = 0; i < sound.numel(); ++i) {
    const double x = std::clamp(double(sound.data()[i]), -1.0, 1.0);
    const double f = std::copysign(std::log1p(mu * std::abs(x)) / std::log1p(mu), x);
    level.mutable_data()[i] = real(std::floor((f + 1) / 2 * mu + 0.5));
  }
  return level;
}

Tensor mu_law_inverse(const Tensor& level, int64_t levels) {
  check(levels >= 2, "mu_law_inverse: ", levels, " levels");
  const double mu = double(levels - 1);
  Tensor sound(level.shape());
  for (int64_t i = 0; i < level.numel(); ++i) {
    const double f = 2 * double(level.data()[i]) / mu - 1;
    sound.mutable_data()[i] = real(std::copysign(std::expm1(std::abs(f) * std::log1p(mu)) / mu, f));
  }
  return sound;
}

// ---- The network, all samples at once -------------------------------------------------------------------------------

namespace {

// [x_{t-d}, x_t] for x [B, T, C].
Tensor taps(const Tensor& x, int64_t d) {
  const int64_t times = x.size(1), c = x.size(2);
  Tensor y({x.size(0), times, 2 * c});
  const real* in = x.data();
  real* out = y.mutable_data();
  parallel_for(x.size(0) * times, 512, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      real* to = out + row * 2 * c;
      if (row % times >= d) std::copy_n(in + (row - d) * c, c, to);
      else std::fill_n(to, c, real(0));
      std::copy_n(in + row * c, c, to + c);
    }
  });
  return y;
}

// From g [B, T, 2C], what each x_t gave to both: g_t of its own time and g_{t+d} of the later one.
Tensor taps_adjoint(const Tensor& g, int64_t d) {
  const int64_t times = g.size(1), c = g.size(2) / 2;
  Tensor x({g.size(0), times, c});
  const real* in = g.data();
  real* out = x.mutable_data();
  parallel_for(g.size(0) * times, 512, [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      real* to = out + row * c;
      std::copy_n(in + row * 2 * c + c, c, to);
      if (row % times + d >= times) continue;
      const real* later = in + (row + d) * 2 * c;
      for (int64_t k = 0; k < c; ++k) to[k] += later[k];
    }
  });
  return x;
}

Var with_past_adjoint(const Var& g, int64_t d) {
  return record("with_past_adjoint", taps_adjoint(g.value(), d), {g},
                [d](const Node&, const Var& x, Grads& to) { to[0] = with_past(x, d); });
}

}  // namespace

// Both ways are linear, and each is the derivative of the other.
Var with_past(const Var& x, int64_t d) {
  check(x.dim() == 3 && d > 0, "with_past: x [B, T, C] and d > 0 expected, not ", x.shape(), " and ", d);
  return record("with_past", taps(x.value(), d), {x},
                [d](const Node&, const Var& g, Grads& to) { to[0] = with_past_adjoint(g, d); });
}

WaveNetLayer::WaveNetLayer(Options o)
    : options(o),
      filter({.in = 2 * o.channels, .out = o.channels}),
      gate({.in = 2 * o.channels, .out = o.channels}),
      residual({.in = o.channels, .out = o.channels}),
      skip({.in = o.channels, .out = o.skip}) {
  check(o.dilation > 0, "WaveNetLayer: a dilation of ", o.dilation);
  if (o.condition == 0) return;
  for (int k = 0; k < 2; ++k) conditions.push_back(Linear({.in = o.condition, .out = o.channels, .bias = false}));
}

WaveNetLayer::Result WaveNetLayer::operator()(const Var& x, const Var& condition) const {
  const Var seen = with_past(x, options.dilation), f = filter(seen), g = gate(seen);
  const Var z = conditions.empty()
                    ? map([](auto a, auto b) { return tanh(a) * sigmoid(b); }, f, g)
                    : map([](auto a, auto b, auto by_a, auto by_b) { return tanh(a + by_a) * sigmoid(b + by_b); }, f, g,
                          unsqueeze(conditions[0](condition), 1), unsqueeze(conditions[1](condition), 1));
  return {x + residual(z), skip(z)};
}

void WaveNetLayer::members(Visitor& visit) {
  visit("filter", filter), visit("gate", gate), visit("residual", residual), visit("skip", skip);
  visit("conditions", conditions);
}

WaveNet::WaveNet(Options o)
    : options(o),
      input({.in = 1, .out = o.channels}),
      hidden({.in = o.skip, .out = o.skip}),
      output({.in = o.skip, .out = o.levels}) {
  check(o.levels >= 2 && o.doublings > 0 && o.doublings < 24 && o.cycles > 0, "WaveNet: ", o.levels, " levels, ",
        o.cycles, " cycles of ", o.doublings, " layers");
  for (int64_t k = 0; k < o.cycles * o.doublings; ++k)
    layers.push_back(WaveNetLayer(
        {.channels = o.channels, .skip = o.skip, .dilation = int64_t(1) << k % o.doublings, .condition = o.condition}));
}

int64_t WaveNet::receptive_field() const { return 1 + options.cycles * ((int64_t(1) << options.doublings) - 1); }

Var WaveNet::operator()(const Var& x, const Var& condition) const {
  check(x.dim() == 2 && x.size(1) > 0, "WaveNet: sounds [B, T] expected; the shape is ", x.shape());
  check(options.condition == 0 ? !condition : condition && condition.shape() == Shape({x.size(0), options.condition}),
        "WaveNet: a condition [", x.size(0), ", ", options.condition, "] expected");
  const Var value = x * real(2.0 / double(options.levels - 1)) - real(1);  // in [-1, 1]
  const Var before = pad(slice(value, 1, 0, x.size(1) - 1), {1, 0});       // at the beginning 0: silence
  Var h = input(unsqueeze(before, 2)), sum;
  for (const WaveNetLayer& layer : layers) {
    const WaveNetLayer::Result r = layer(h, condition);
    h = r.x;
    sum = sum ? sum + r.skip : r.skip;
  }
  return output(relu(hidden(relu(sum))));
}

Var WaveNet::conditionals(const Var& x, const Var& condition) const {
  const Var logits = (*this)(x, condition);
  Indices level(x.shape());
  for (int64_t i = 0; i < x.numel(); ++i) {
    const double v = std::round(double(x.value().data()[i]));
    check(v >= 0 && v < double(options.levels), "WaveNet: sample ", i, " is ", v, ", a level below ", options.levels,
          " expected");
    level.mutable_data()[i] = bijou::index(v);
  }
  return -reshape(nll_of_logits(reshape(logits, {-1, options.levels}), level.flatten()), x.shape());
}

void WaveNet::members(Visitor& visit) {
  visit("input", input), visit("layers", layers), visit("hidden", hidden), visit("output", output);
}

// ---- One sample after the other -------------------------------------------------------------------------------------

namespace {

// y = W x + b for one vector; b may be missing.
void apply(const Linear& linear, const real* x, std::vector<real>& y) {
  const int64_t out = linear.weight.size(0), in = linear.weight.size(1);
  const real* w = linear.weight.value().data();
  for (int64_t o = 0; o < out; ++o, w += in) {
    real sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < in; ++i) sum += w[i] * x[i];
    y[size_t(o)] = linear.bias ? sum + linear.bias.value().data()[o] : sum;
  }
}

void rectify(std::vector<real>& x) {
  for (real& v : x) v = std::max(v, real(0));
}

// Where the probabilities softmax(logits), summed up, pass u in [0, 1).
real draw_level(const std::vector<real>& logits, real u) {
  const double largest = double(*std::max_element(logits.begin(), logits.end()));
  double total = 0;
  for (const real l : logits) total += std::exp(double(l) - largest);
  double left = double(u) * total;
  size_t level = 0;
  for (; level + 1 < logits.size(); ++level)
    if ((left -= std::exp(double(logits[level]) - largest)) < 0) break;
  return real(level);
}

}  // namespace

WaveNetStream::WaveNetStream(const WaveNet& model, const Tensor& condition)
    : model_(model), memories_(model.layers.size()) {
  const size_t channels = size_t(model.options.channels), skip = size_t(model.options.skip);
  check(condition.numel() == model.options.condition, "WaveNetStream: a condition [", model.options.condition,
        "] expected; the shape is ", condition.shape());
  for (size_t l = 0; l < memories_.size(); ++l) {
    const WaveNetLayer& layer = model.layers[l];
    Memory& m = memories_[l];
    m.past.resize(size_t(layer.options.dilation) * channels);
    m.filter.resize(channels), m.gate.resize(channels);
    if (layer.conditions.empty()) continue;
    apply(layer.conditions[0], condition.data(), m.filter), apply(layer.conditions[1], condition.data(), m.gate);
  }
  x_.resize(channels), taps_.resize(2 * channels), filter_.resize(channels), gate_.resize(channels);
  skip_.resize(skip), hidden_.resize(skip);
  logits_.resize(size_t(model.options.levels));
}

const std::vector<real>& WaveNetStream::next(std::optional<real> level_before) {
  const int64_t channels = model_.options.channels;
  const real value = level_before ? *level_before * real(2.0 / double(model_.options.levels - 1)) - 1 : real(0);
  apply(model_.input, &value, x_);
  std::vector<real> sum(skip_.size());
  for (size_t l = 0; l < memories_.size(); ++l) {
    const WaveNetLayer& layer = model_.layers[l];
    Memory& m = memories_[l];
    real* past = m.past.data() + time_ % layer.options.dilation * channels;
    std::copy_n(past, channels, taps_.data());
    std::copy_n(x_.data(), channels, taps_.data() + channels);
    std::copy_n(x_.data(), channels, past);  // for d steps from now
    apply(layer.filter, taps_.data(), filter_), apply(layer.gate, taps_.data(), gate_);
    for (size_t c = 0; c < filter_.size(); ++c)
      filter_[c] = std::tanh(filter_[c] + m.filter[c]) / (1 + std::exp(-gate_[c] - m.gate[c]));
    apply(layer.skip, filter_.data(), skip_), apply(layer.residual, filter_.data(), gate_);
    for (size_t s = 0; s < sum.size(); ++s) sum[s] += skip_[s];
    for (size_t c = 0; c < x_.size(); ++c) x_[c] += gate_[c];
  }
  rectify(sum);
  apply(model_.hidden, sum.data(), hidden_);
  rectify(hidden_);
  apply(model_.output, hidden_.data(), logits_);
  ++time_;
  return logits_;
}

Tensor WaveNet::continued(const Tensor& x, const Tensor& draws, const Var& condition) const {
  check(x.dim() == 2 && draws.dim() == 2 && x.size(0) == draws.size(0), "WaveNet: sounds [n, t] and numbers [n, steps]",
        " expected, not ", x.shape(), " and ", draws.shape());
  const int64_t n = x.size(0), known = x.size(1), length = known + draws.size(1);
  std::vector<WaveNetStream> streams;
  for (int64_t i = 0; i < n; ++i) streams.emplace_back(*this, condition ? condition.value().row(i) : Tensor());
  Tensor y({n, length});
  real* at = y.mutable_data();
  parallel_for(n, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i)
      for (int64_t t = 0; t < length; ++t) {
        real* sound = at + i * length;
        const std::vector<real>& logits = streams[size_t(i)].next(t ? std::optional(sound[t - 1]) : std::nullopt);
        sound[t] =
            t < known ? x.data()[i * known + t] : draw_level(logits, draws.data()[i * (length - known) + t - known]);
      }
  });
  return y;
}

Tensor WaveNet::continued_slowly(const Tensor& x, const Tensor& draws, const Var& condition) const {
  const NoGrad guard;
  const int64_t n = x.size(0), steps = draws.size(1);
  Tensor y = concat({x, zeros({n, steps})}, 1);
  for (int64_t t = x.size(1); t < y.size(1); ++t) {
    const Tensor seen = slice(y, 1, std::max<int64_t>(0, t - receptive_field()), t + 1);
    const Tensor logits = slice((*this)(seen, condition).value(), 1, seen.size(1) - 1, seen.size(1));
    for (int64_t i = 0; i < n; ++i) {
      const Tensor row = logits.row(i).flatten();
      y.mutable_data()[i * y.size(1) + t] =
          draw_level({row.begin(), row.end()}, draws.data()[i * steps + t - x.size(1)]);
    }
  }
  return y;
}

Tensor WaveNet::sample(int64_t n, const Var& condition, Generator& g) const {
  return continued(Tensor({n, 0}), rand({n, options.length}, g), condition);
}

}  // namespace bijou::nn

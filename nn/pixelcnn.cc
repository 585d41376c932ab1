#include "nn/pixelcnn.h"

#include <cmath>

#include "autograd/map.h"
#include "nn/distributions.h"
#include "nn/dropout.h"
#include "nn/init.h"
#include "tensor/elementwise.h"

namespace bijou::nn {

// ---- Layers ---------------------------------------------------------------------------------------------------------

namespace {

Conv2d::Options around(Conv2d::Options o) {
  o.padding = HW(o.kernel.h / 2, o.kernel.w / 2);
  return o;
}

// What rows above hold: the image moved down by a row, zeros coming in.
Var shift_down(const Var& x) { return pad(slice(x, 2, 0, x.size(2) - 1), {0, 0, 1, 0}); }

// tanh(a) σ(b) of the two halves of x's channels, to which the condition adds its say.
Var gate(const Var& x, const Linear* from_condition, const Var& condition) {
  const int64_t channels = x.size(1) / 2;
  const Var both = from_condition ? x + reshape((*from_condition)(condition), {x.size(0), 2 * channels, 1, 1}) : x;
  return map(
      "gate", [](auto a, auto b) { return tanh(a) * sigmoid(b); }, slice(both, 1, 0, channels),
      slice(both, 1, channels, 2 * channels));
}

// Of standard normal numbers, tanh(a) σ(b) has mean square 0.116. A layer of gates keeps the size of its numbers where
// the weights that read them make up for that; PyTorch's, of variance 1 / (3 fan_in), let them fade fivefold from layer
// to layer, and the deepest layers learn last. parts: how many sums of equal size a gate reads.
void keep_size(Conv2d& conv, double mean_square, double parts) {
  const Tensor unit = init::kaiming_normal(conv.weight.shape(), {.a = 1});  // of variance 1 / fan_in
  conv.weight = parameter(unit * real(1 / std::sqrt(mean_square * parts)));
}

}  // namespace

MaskedConv2d::MaskedConv2d(PixelMask kind, Conv2d::Options o) : conv(around(o)), mask(zeros({o.kernel.h, o.kernel.w})) {
  check(o.kernel.h % 2 == 1 && o.kernel.w % 2 == 1, "MaskedConv2d: an odd kernel expected");
  const int64_t center = o.kernel.h / 2 * o.kernel.w + o.kernel.w / 2;
  std::fill_n(mask.mutable_data(), center + (kind == PixelMask::kB), real(1));
}

Var MaskedConv2d::operator()(const Var& x) const { return conv2d(x, conv.weight * Var(mask), conv.bias, conv.options); }

GatedPixelLayer::GatedPixelLayer(Options o)
    : options(o),
      vertical(
          {.in = o.in, .out = 2 * o.channels, .kernel = {o.kernel / 2 + 1, o.kernel}, .padding = {0, o.kernel / 2}}),
      horizontal({.in = o.in, .out = 2 * o.channels, .kernel = {1, o.kernel / 2 + (o.mask == PixelMask::kB)}}),
      across({.in = 2 * o.channels, .out = 2 * o.channels, .kernel = 1}),
      out({.in = o.channels, .out = o.channels, .kernel = 1}) {
  check(o.kernel % 2 == 1 && o.kernel >= 3, "GatedPixelLayer: an odd kernel of 3 or more expected, not ", o.kernel);
  for (int stack = 0; stack < 2 && o.condition; ++stack)
    conditions.push_back(Linear({.in = o.condition, .out = 2 * o.channels, .bias = false}));
  constexpr double kGated = 0.116;
  keep_size(vertical, kGated, 1), keep_size(horizontal, kGated, 2), keep_size(across, 1, 2), keep_size(out, 1, 1);
}

GatedPixelLayer::Stacks GatedPixelLayer::operator()(const Stacks& x, const Var& condition) const {
  const int64_t reach = options.kernel / 2, width = x.h.size(3);
  const Var v = vertical(pad(x.v, {0, 0, reach, 0}));  // the rows above, and this one
  // The row so far: up to the left neighbour (A), or up to the pixel itself (B).
  Var row = pad(x.h, {reach, 0});
  if (options.mask == PixelMask::kA) row = slice(row, 3, 0, width + reach - 1);
  const Var h = horizontal(row) + across(shift_down(v));
  const Linear* by = conditions.empty() ? nullptr : conditions.data();
  const Var y = gate(h, by ? by + 1 : nullptr, condition);
  const Var told = out(dropout(y, y.shape(), training ? options.dropout : 0));
  return {gate(v, by, condition), options.mask == PixelMask::kA ? told : x.h + told};
}

void GatedPixelLayer::members(Visitor& visit) {
  visit("vertical", vertical), visit("horizontal", horizontal), visit("across", across), visit("out", out);
  visit("conditions", conditions);
}

// ---- A mixture of discretised logistics -----------------------------------------------------------------------------

// Parameters of K components, in this order: K logits; then for each colour c: K means, K log-scales, and for each
// colour before it K coefficients, squashed by tanh. Values are scaled to [-1, 1].

int64_t mixture_parameters(int64_t channels, int64_t components) {
  return components * (1 + 2 * channels + channels * (channels - 1) / 2);
}

namespace {

// Of one colour: log_scale and mean for its K components.
struct Component {
  Var mean, log_scale;
};

// Walks through the parameters: the components of colour c, given the colours before it, scaled to [-1, 1].
Component colour_components(const Var& parameters, int64_t components, int64_t c, const std::vector<Var>& before) {
  int64_t at = components * (1 + 2 * c + c * (c - 1) / 2);
  auto take = [&] { return at += components, slice(parameters, 1, at - components, at); };
  Component result{take(), take()};
  for (const Var& x : before)
    result.mean = map([](auto m, auto k, auto value) { return m + tanh(k) * value; }, result.mean, take(), x);
  result.log_scale = maximum(result.log_scale, real(-7));
  return result;
}

Var scaled(const Var& x, int64_t levels) { return x * real(2 / double(levels - 1)) - real(1); }

}  // namespace

Var discretized_logistic_mixture(const Var& x, const Var& parameters, int64_t components, int64_t levels) {
  check(parameters.size(1) == mixture_parameters(x.size(1), components),
        "discretized_logistic_mixture: ", mixture_parameters(x.size(1), components),
        " parameters a pixel expected, not ", parameters.size(1));
  // σ(u) - σ(l) = σ(u) σ(-l) (1 - exp(l - u)), without cancellation; at the ends u or l is infinite.
  auto log_mass = [bin = real(1 / double(levels - 1))](auto value, auto mean, auto log_scale) {
    const auto s = exp(-log_scale), half = s * bin;
    const auto d = (value - mean) * s;
    const auto left = -softplus(-d - half), right = -softplus(d - half);
    return where(value < bin - 1, left, where(value > 1 - bin, right, left + right + log(-expm1(half * real(-2)))));
  };
  Var total = log_softmax(slice(parameters, 1, 0, components), 1);
  std::vector<Var> before;
  for (int64_t c = 0; c < x.size(1); ++c) {
    const Component k = colour_components(parameters, components, c, before);
    before.push_back(scaled(slice(x, 1, c, c + 1), levels));
    total = total + map("log_mass", log_mass, before.back(), k.mean, k.log_scale);
  }
  return logsumexp(total, 1, {.keepdim = true});
}

Tensor sample_discretized_logistic_mixture(const Tensor& parameters, int64_t channels, int64_t components,
                                           int64_t levels, Generator& g) {
  const NoGrad guard;
  const real top = real(levels - 1);
  const Tensor logits = permute(slice(parameters, 1, 0, components), {0, 2, 3, 1});
  const Indices k = unsqueeze(categorical(logits, g), 1);  // [B, 1, h, w]
  std::vector<Var> drawn, values;                          // 0 .. levels-1, and scaled
  for (int64_t c = 0; c < channels; ++c) {
    const Component all = colour_components(parameters, components, c, values);
    const Logistic one{gather(all.mean, 1, k), exp(gather(all.log_scale, 1, k))};
    drawn.push_back(round(clamp((one.rsample(g) + real(1)) * (top / 2), 0, top)));
    values.push_back(scaled(drawn.back(), levels));
  }
  return concat(drawn, 1).value();
}

// ---- PixelCNN -------------------------------------------------------------------------------------------------------

PixelCnn::PixelCnn(Options o) : options(o) {
  check(o.image.rank() == 3, "PixelCnn: an image of shape {C, h, w} expected, not ", o.image);
  check(o.mixture > 0 || o.image[0] == 1, "PixelCnn: ", o.image[0], " colours of 0 and 1; they need a mixture");
  check(o.gated || (o.condition == 0 && o.dropout == 0), "PixelCnn: only the gated one takes a condition or dropout");
  check(o.levels >= 2, "PixelCnn: ", o.levels, " levels; 2 or more expected");
  const int64_t last = o.mixture ? mixture_parameters(o.image[0], o.mixture) : 1;
  for (int64_t l = 0; l <= o.layers; ++l) {
    const PixelMask mask = l ? PixelMask::kB : PixelMask::kA;
    const int64_t in = l ? o.channels : o.image[0], kernel = l ? o.kernel : o.first_kernel;
    if (o.gated)
      gated.push_back(GatedPixelLayer({.in = in,
                                       .channels = o.channels,
                                       .kernel = kernel,
                                       .mask = mask,
                                       .condition = o.condition,
                                       .dropout = o.dropout}));
    else plain.push_back(MaskedConv2d(mask, {.in = in, .out = o.channels, .kernel = kernel}));
  }
  head.push_back(Conv2d({.in = o.channels, .out = o.channels, .kernel = 1}));
  head.push_back(Conv2d({.in = o.channels, .out = last, .kernel = 1}));
}

Var PixelCnn::operator()(const Var& x, const Var& condition) const {
  check(x.dim() == 4 && x.size(1) == options.image[0], "PixelCnn: images [B, ", options.image[0],
        ", h, w] expected, not ", x.shape());
  check(bool(condition) == (options.condition > 0), "PixelCnn: made for a condition of ", options.condition,
        condition ? " numbers, but one was given" : " numbers, but none was given");
  Var h = options.mixture ? scaled(x, options.levels) : x;
  GatedPixelLayer::Stacks stacks{h, h};
  for (const GatedPixelLayer& layer : gated) stacks = layer(stacks, condition);
  for (size_t l = 0; l < plain.size(); ++l) h = l ? h + relu(plain[l](h)) : relu(plain[l](h));
  if (!gated.empty()) h = relu(stacks.h);
  return head[1](relu(head[0](h)));
}

Var PixelCnn::conditionals(const Var& x, const Var& condition) const {
  const Var parameters = (*this)(x, condition);
  return options.mixture ? discretized_logistic_mixture(x, parameters, options.mixture, options.levels)
                         : Bernoulli{parameters}.log_prob(x);
}

// A pixel depends on no more rows than the kernels reach, so only those are computed.
Tensor PixelCnn::sample(int64_t n, const Var& condition, Generator& g) const {
  const NoGrad guard;
  PixelCnn m = *this;  // shares the weights
  m.eval();
  const int64_t c = options.image[0], height = options.image[1], width = options.image[2];
  const int64_t reach = options.first_kernel / 2 + options.layers * (options.kernel / 2) + 1;
  Tensor x = zeros({n, c, height, width});
  for (int64_t row = 0; row < height; ++row)
    for (int64_t column = 0; column < width; ++column) {
      const Tensor seen = slice(x, 2, std::max<int64_t>(0, row - reach), row + 1);
      const Tensor all = m(seen, condition).value();
      const Tensor here = slice(slice(all, 2, seen.size(2) - 1, seen.size(2)), 3, column, column + 1);
      const Tensor drawn = options.mixture
                               ? sample_discretized_logistic_mixture(here, c, options.mixture, options.levels, g)
                               : Bernoulli{here}.sample(g);
      for (int64_t i = 0; i < n * c; ++i) x.mutable_data()[(i * height + row) * width + column] = drawn.data()[i];
    }
  return x;
}

void PixelCnn::members(Visitor& visit) { visit("plain", plain), visit("gated", gated), visit("head", head); }

}  // namespace bijou::nn

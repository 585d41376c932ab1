#include "flows/coupling.h"

#include "autograd/map.h"
#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/linear.h"

namespace bijou::flows {

// ---- What all share -------------------------------------------------------------------------------------------------

int64_t Coupling::Options::kept() const {
  return mask.numel() ? features : flip ? features / 2 : features - features / 2;
}
int64_t Coupling::Options::moved() const { return mask.numel() ? features : features - kept(); }

Coupling::Coupling(Options o, nn::AnyModule net) : options(std::move(o)), conditioner(std::move(net)) {
  int64_t moving = options.moved();
  if (options.mask.numel()) {
    moving = 0;
    for (real m : options.mask) moving += m == 0;
    check(moving > 0 && moving < options.mask.numel(), "Coupling: the mask keeps ", options.mask.numel() - moving,
          " and moves ", moving, "; some of both are needed");
  }
  check(moving > 0 && options.kept() > 0, "Coupling: ", options.features, " feature has no two halves");
}

void Coupling::members(nn::Visitor& visit) {
  if (options.mask.numel()) visit("mask", options.mask);
  if (nn::Module* module = conditioner.module()) visit("conditioner", *module);
}

Latent Coupling::f(const Var& x, const Var& context) const {
  const Moved m = apply(x, context, false);
  return {m.value, m.log_det};
}
Data Coupling::g(const Var& z, const Var& context) const {
  const Moved m = apply(z, context, true);
  return {m.value, m.log_det};
}

Coupling::Moved Coupling::apply(const Var& h, const Var& context, bool back) const {
  check(h.dim() >= 2 && h.size(1) == options.features, "Coupling: ", options.features,
        " features along axis 1 expected, not ", h.shape());
  if (options.mask.numel()) {  // a select, not a product: 0 times infinity is NaN
    const Var kept = map([](auto x, auto kept) { return where(kept > 0, x, 0); }, h, options.mask);
    return move(h, ask(kept, context), options.mask, back);
  }
  const int64_t cut = options.flip ? options.moved() : options.kept();
  const Var first = slice(h, 1, 0, cut), second = slice(h, 1, cut, options.features);
  const Var& kept = options.flip ? second : first;
  const Moved m = move(options.flip ? first : second, ask(kept, context), scalar(0), back);
  return {options.flip ? concat({m.value, kept}, 1) : concat({kept, m.value}, 1), m.log_det};
}

Var Coupling::ask(const Var& kept, const Var& context) const {
  Var seen = kept;
  if (context) {
    Shape shape = kept.shape(), column{context.size(0), context.size(1)};
    shape[1] = int32_t(context.size(1));
    while (column.rank() < shape.rank()) column.push_back(1);
    seen = concat({kept, context.dim() == kept.dim() ? context : broadcast_to(reshape(context, column), shape)}, 1);
  }
  const Var params = conditioner(seen);
  Shape wanted = kept.shape();
  wanted[1] = int32_t(params_per_feature() * options.moved());
  check(params.shape() == wanted, "Coupling: the conditioner turned ", seen.shape(), " into ", params.shape(), "; ",
        wanted, " expected");
  return params;
}

// ---- Three ways to move ---------------------------------------------------------------------------------------------

Coupling::Moved AdditiveCoupling::move(const Var& x, const Var& t, const Tensor& kept, bool back) const {
  const real sign = back ? -1 : 1;
  const Var value = map([sign](auto x, auto t, auto kept) { return where(kept > 0, x, x + t * sign); }, x, t, kept);
  return {value, zeros({x.size(0)})};
}

AffineCoupling::AffineCoupling(Options o, nn::AnyModule net)
    : Coupling(std::move(o), std::move(net)), bound(parameter(ones({options.moved()}))) {}

Coupling::Moved AffineCoupling::move(const Var& x, const Var& params, const Tensor& kept, bool back) const {
  const int64_t n = options.moved();
  const Var a = slice(params, 1, 0, n), t = slice(params, 1, n, 2 * n);
  Shape column{n};
  while (column.rank() + 1 < x.dim()) column.push_back(1);
  const Var b = reshape(bound, column);
  const real sign = back ? -1 : 1;
  auto there = [](auto x, auto a, auto t, auto b, auto kept) { return where(kept > 0, x, x * exp(b * tanh(a)) + t); };
  auto again = [](auto z, auto a, auto t, auto b, auto kept) {
    return where(kept > 0, z, (z - t) * exp(-b * tanh(a)));
  };
  return {back ? map("affine_coupling", again, x, a, t, b, kept) : map("affine_coupling", there, x, a, t, b, kept),
          map_sum([sign](auto a, auto b, auto kept) { return where(kept > 0, 0, b * tanh(a) * sign); }, 1, a, b, kept)};
}

SplineCoupling::SplineCoupling(Options o, nn::AnyModule net, int64_t k, SplineOptions s)
    : Coupling(std::move(o), std::move(net)), bins(k), spline(s) {}

Coupling::Moved SplineCoupling::move(const Var& x, const Var& params, const Tensor& kept, bool back) const {
  Shape shape{x.size(0), options.moved(), params_per_feature()};  // and pixels; the params of one number go last
  Axes order{0, 1};
  for (int axis = 2; axis < x.dim(); ++axis) shape.push_back(x.size(axis)), order.list.push_back(axis + 1);
  order.list.push_back(2);
  Var split = reshape(params, shape);
  if (x.dim() > 2) split = permute(split, order);
  Splined y = back ? rq_spline_inverse(x, split, spline) : rq_spline(x, split, spline);
  if (kept.dim() > 0) y.value = map([](auto x, auto y, auto kept) { return where(kept > 0, x, y); }, x, y.value, kept);
  return {y.value, map_sum([](auto l, auto kept) { return where(kept > 0, 0, l); }, 1, y.log_slope, kept)};
}

// ---- Masks and networks ---------------------------------------------------------------------------------------------

Tensor checkerboard(int64_t height, int64_t width, bool odd) {
  Tensor mask({1, height, width});
  real* m = mask.mutable_data();
  for (int64_t i = 0; i < height * width; ++i) m[i] = real((i / width + i % width + odd + 1) % 2);
  return mask;
}
Tensor alternating(int64_t features, bool odd) { return checkerboard(1, features, odd).flatten(); }

namespace {

// Layers with ReLUs between them; layer(in, out, place) makes one.
template <class Layer>
nn::Sequential stacked(const NetOptions& o, const Layer& layer) {
  nn::Sequential net;
  int64_t in = o.in;
  for (size_t i = 0; i < o.hidden.size(); in = o.hidden[i++]) {
    net.add(layer(in, o.hidden[i], i)).add(nn::ReLU());
    if (o.dropout > 0) net.add(nn::Dropout({.p = o.dropout}));
  }
  auto last = layer(in, o.out, o.hidden.size());
  if (o.zero) last.weight.mutable_value().fill(0), last.bias.mutable_value().fill(0);
  return net.add(std::move(last));
}

}  // namespace

nn::Sequential mlp(const NetOptions& o) {
  return stacked(o, [](int64_t in, int64_t out, size_t) { return nn::Linear({.in = in, .out = out}); });
}

nn::Sequential convnet(const NetOptions& o) {
  return stacked(o, [&](int64_t in, int64_t out, size_t place) {
    const int64_t size = place == 0 || place == o.hidden.size() ? 3 : 1;
    return nn::Conv2d({.in = in, .out = out, .kernel = size, .padding = size / 2});
  });
}

}  // namespace bijou::flows

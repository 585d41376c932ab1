#include "nn/made.h"

#include <algorithm>
#include <numeric>

#include "autograd/map.h"
#include "nn/init.h"
#include "tensor/elementwise.h"

namespace bijou::nn {

// ---- MaskedLinear ---------------------------------------------------------------------------------------------------

MaskedLinear::MaskedLinear(Tensor degrees_in, Tensor degrees_out, Options o)
    : options(o), in_degrees(std::move(degrees_in)), out_degrees(std::move(degrees_out)) {
  check(in_degrees.dim() == 1 && out_degrees.dim() == 1, "MaskedLinear: degrees of shape [in] and [out] expected, not ",
        in_degrees.shape(), " and ", out_degrees.shape());
  const int64_t in = in_degrees.numel(), out = out_degrees.numel();
  weight = parameter(init::default_weight({out, in}));
  if (o.bias) bias = parameter(init::default_bias(out, in));
}

Var MaskedLinear::masked_weight() const {
  const Tensor column = out_degrees.reshape({-1, 1});
  if (options.strict)
    return map(
        "mask", [](auto w, auto out, auto in) { return where(out > in, w, 0); }, weight, column, in_degrees);
  return map(
      "mask", [](auto w, auto out, auto in) { return where(out >= in, w, 0); }, weight, column, in_degrees);
}

Var MaskedLinear::operator()(const Var& x) const { return linear(x, masked_weight(), bias); }

void MaskedLinear::members(Visitor& visit) {
  visit("weight", weight), visit("bias", bias), visit("in_degrees", in_degrees), visit("out_degrees", out_degrees);
}

// ---- Made -----------------------------------------------------------------------------------------------------------

namespace {

std::vector<int64_t> natural_ordering(int64_t features) {
  std::vector<int64_t> ordering(static_cast<size_t>(features));
  std::iota(ordering.begin(), ordering.end(), 0);
  return ordering;
}

void check_ordering(std::vector<int64_t> ordering, int64_t features) {
  std::sort(ordering.begin(), ordering.end());
  check(ordering == natural_ordering(features), "Made: the ordering is not a permutation of 0 .. ", features - 1);
}

// Hidden degrees spread evenly over 1 .. D-1, ascending: each occurs where there are as many units. With D = 1 there is
// nothing to see; the degree 1 keeps units that only the context feeds.
void spread(Tensor& degrees, int64_t features) {
  const int64_t n = degrees.numel(), highest = std::max<int64_t>(1, features - 1);
  for (int64_t k = 0; k < n; ++k) degrees.mutable_data()[k] = real(1 + k * highest / n);
}

// Drawn from lowest .. D-1; where there are enough units, after one of each.
void draw(Tensor& degrees, int64_t lowest, int64_t features, Generator& g) {
  const int64_t n = degrees.numel(), choices = std::max<int64_t>(1, features - lowest);
  for (int64_t k = 0; k < n; ++k)
    degrees.mutable_data()[k] = real(lowest + (n >= choices && k < choices ? k : g.below(choices)));
}

}  // namespace

Made::Made(Options o) : options(std::move(o)) {
  const int64_t d = options.features;
  check(d > 0 && options.inputs > 0 && options.outputs > 0 && options.context >= 0, "Made: features = ", d,
        ", inputs = ", options.inputs, ", outputs = ", options.outputs, ", context = ", options.context);
  if (options.ordering.empty()) options.ordering = natural_ordering(d);
  Tensor below({d * options.inputs}), last({options.outputs * d});
  const Tensor inputs = below;
  for (const int64_t width : options.hidden) {
    check(width > 0, "Made: a hidden layer of ", width, " units");
    check(!options.residual || width == options.hidden[0], "Made: residual layers of different widths, ",
          options.hidden[0], " and ", width);
    const Tensor degrees = options.residual && !layers.empty() ? below : Tensor({width});
    layers.push_back(MaskedLinear(below, degrees, {}));
    below = degrees;
  }
  layers.push_back(MaskedLinear(below, last, {.strict = true}));
  if (options.direct) direct.push_back(MaskedLinear(inputs, last, {.strict = true, .bias = false}));
  if (options.context)
    for (const MaskedLinear& layer : layers)
      contexts.push_back(Linear({.in = options.context, .out = layer.out_degrees.numel(), .bias = false}));
  set_degrees(options.ordering, Degrees::kEven);
}

void Made::set_degrees(const std::vector<int64_t>& ordering, Degrees hidden, Generator& g) {
  check_ordering(ordering, options.features);
  const Tensor inputs = layers[0].in_degrees;
  Tensor places = inputs, last = layers.back().out_degrees;  // handles
  for (int64_t i = 0; i < places.numel(); ++i)
    places.mutable_data()[i] = real(1 + ordering[size_t(i / options.inputs)]);
  for (int64_t i = 0; i < last.numel(); ++i) last.mutable_data()[i] = real(1 + ordering[size_t(i % options.features)]);
  for (size_t l = 0; l + 1 < layers.size(); ++l) {
    Tensor degrees = layers[l].out_degrees;
    if (hidden == Degrees::kEven) spread(degrees, options.features);
    else if (l == 0 || !options.residual)
      draw(degrees, int64_t(*std::min_element(layers[l].in_degrees.begin(), layers[l].in_degrees.end())),
           options.features, g);
  }
}

Var Made::operator()(const Var& x, const Var& context) const {
  const int64_t numbers = options.features * options.inputs;
  check(x.dim() == 2 && x.size(1) == numbers, "Made: x of shape [B, ", numbers, "] expected, not ", x.shape());
  check(bool(context) == (options.context > 0), "Made: made for a context of ", options.context,
        context ? " numbers, but one was given" : " numbers, but none was given");
  Var h = x;
  for (size_t l = 0; l < layers.size(); ++l) {
    Var y = layers[l](h);
    if (context) y = y + contexts[l](context);
    if (l + 1 == layers.size()) h = direct.empty() ? y : y + direct[0](x);
    else h = options.residual && l > 0 ? h + options.activation(y) : options.activation(y);
  }
  return reshape(h, {x.size(0), options.outputs, options.features});
}

void Made::members(Visitor& visit) {
  visit("layers", layers), visit("direct", direct), visit("contexts", contexts);
  if (Module* activation = options.activation.module()) visit("activation", *activation);
}

// ---- Generation -----------------------------------------------------------------------------------------------------

namespace {

// A layer with its units, and those below, sorted by degree. Sorted, what a unit may see is the first so many of the
// units below: the mask is where a row ends.
struct Sorted {
  Tensor weight;                         // [out, in]
  Tensor values;                         // [out, B]: what each unit adds up, beginning with bias and context
  std::vector<int64_t> in_end, out_end;  // [D + 1]: how many units have a degree <= d

  // to[first, last) += weight[first, last) below[0, seen)
  void add(Tensor& to, int64_t first, int64_t last, int64_t seen, const Tensor& below) const {
    const int64_t in = weight.size(1), batch = to.size(1);
    gemm(false, false, last - first, batch, seen, 1, weight.data() + first * in, in, below.data(), batch, 1,
         to.mutable_data() + first * batch, batch);
  }
};

std::vector<int64_t> ends(const Tensor& degrees, int64_t features) {
  std::vector<int64_t> counts(size_t(features) + 1);
  for (const real d : degrees) ++counts[size_t(d)];
  std::partial_sum(counts.begin(), counts.end(), counts.begin());
  return counts;
}

// x with an axis sorted by the degrees of its units; itself where it is.
Tensor by_degree(const Tensor& x, int axis, const Tensor& degrees) {
  return std::is_sorted(degrees.begin(), degrees.end()) ? x : index_select(x, axis, argsort(degrees, 0));
}

Sorted sorted(const MaskedLinear& layer, const Linear* from_context, const Var& context, int64_t batch,
              int64_t features) {
  const int64_t out = layer.out_degrees.numel();
  Tensor start = layer.bias ? broadcast_to(layer.bias.value().reshape({-1, 1}), {out, batch}) : zeros({out, batch});
  if (from_context) matmul_add(start, from_context->weight.value(), context.value(), {.transpose_b = true});
  const Tensor rows = by_degree(layer.weight.value(), 0, layer.out_degrees);
  return {by_degree(rows, 1, layer.in_degrees), by_degree(start, 0, layer.out_degrees),
          ends(layer.in_degrees, features), ends(layer.out_degrees, features)};
}

}  // namespace

Tensor Made::generate(int64_t batch, const Var& context, const Next& next) const {
  const NoGrad guard;
  check(bool(context) == (options.context > 0), "Made: made for a context of ", options.context, " numbers");
  const int64_t features = options.features, inputs = options.inputs;
  std::vector<Sorted> plan;
  std::vector<Tensor> units{Tensor({features * inputs, batch})};  // of each layer, sorted; x first
  for (size_t l = 0; l < layers.size(); ++l) {
    plan.push_back(sorted(layers[l], contexts.empty() ? nullptr : &contexts[l], context, batch, features));
    units.push_back(plan[l].values.clone());
  }
  std::vector<Sorted> beside;
  for (const MaskedLinear& layer : direct) beside.push_back(sorted(layer, nullptr, {}, batch, features));

  const Indices order = argsort(layers[0].in_degrees, 0);
  Sorted& last = plan.back();
  for (int64_t d = 1; d <= features; ++d) {
    const int64_t first = (d - 1) * options.outputs, end = d * options.outputs;
    last.add(last.values, first, end, last.in_end[size_t(d) - 1], units[layers.size() - 1]);
    for (const Sorted& s : beside) s.add(last.values, first, end, s.in_end[size_t(d) - 1], units[0]);
    const int64_t i = order.data()[(d - 1) * inputs] / inputs;
    const Tensor drawn = next(i, last.values.rows(first, end));
    units[0].rows((d - 1) * inputs, d * inputs).copy_from(drawn.reshape({inputs, batch}));
    for (size_t l = 0; l + 1 < layers.size(); ++l) {  // the hidden units that now have seen all they will
      const int64_t from = plan[l].out_end[size_t(d) - 1], to = plan[l].out_end[size_t(d)];
      if (from == to) continue;
      plan[l].add(plan[l].values, from, to, plan[l].in_end[size_t(d)], units[l]);
      const Tensor active = options.activation(plan[l].values.rows(from, to)).value();
      units[l + 1].rows(from, to).copy_from(options.residual && l > 0 ? units[l].rows(from, to) + active : active);
    }
  }
  return transpose(index_select(units[0], 0, argsort(to_tensor(order), 0)), 0, 1);
}

}  // namespace bijou::nn

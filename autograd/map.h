// map on Vars: an elementwise formula, written once as a lambda over numbers, is its own backward pass.
//
//   Var z = map([](auto x, auto s, auto t) { return x * exp(s) + t; }, x, log_s, t);
//
// On Lane the lambda is the forward pass, one fused loop. On Dual<Lane> it is the backward pass, again one fused loop:
// the derivatives are recomputed from the inputs in registers, nothing else is saved, and the gradient of an input that
// was broadcast is summed on the fly. On Dual<Var> it builds a graph of Vars, for gradients of gradients.
#pragma once

#include "autograd/dual.h"
#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/map.h"

namespace bijou {

Var times(const Var& slope, const Var& derivative);  // slope * derivative

namespace detail {

// The derivative of a Var by itself. It is always the same node, so that a product with it can be left out.
template <>
inline Var one<Var>() {
  static const Var node(real(1));
  return node;
}

// The inputs as Duals, each seeded to depend on itself alone.
template <class T, int N, class Call>
auto with_seeds(const std::array<T, N>& x, const Call& call) {
  return [&]<size_t... I>(std::index_sequence<I...>) {
    auto seed = [&]<size_t i>(std::integral_constant<size_t, i>) {
      Dual<T, N, 1u << i> s(x[i]);
      s.d[i] = one<T>();
      return s;
    };
    return call(seed(std::integral_constant<size_t, I>())...);
  }
  (std::make_index_sequence<N>());
}

// dL/dx_i = g dy/dx_i for all inputs in one loop; g broadcasts against them.
template <int N, class F>
void map_vjp(const F& f, const Node& y, const Shape& space, const Tensor& g, Grads& d) {
  std::array<const Tensor*, N + 1> inputs{&g};
  std::array<Tensor*, N> results{};
  for (int i = 0; i < N; ++i) {
    const Tensor& x = y.in(i).value();
    inputs[size_t(i) + 1] = &x;
    if (!d.wants(i)) continue;
    d[i] = x.shape() == space ? Tensor(space) : zeros(x.shape());  // zeros where the loop sums
    results[size_t(i)] = &d[i].mutable_value();
  }
  auto formula = [&f](Lane cotangent, auto... x) {
    const auto r = with_seeds<Lane, N>({x...}, f);
    std::array<Lane, N> out;
    for_each<N>([&](auto i) {
      if constexpr (depends_on<std::decay_t<decltype(r)>>(i)) out[i] = cotangent * derivative(r, i);
      else out[i] = 0;
    });
    return out;
  };
  evaluate<N>(formula, space, inputs, results);
}

// The same as Vars.
template <int N, class F>
void map_vjp_graph(const F& f, const Node& y, const Var& g, Grads& d) {
  std::array<Var, N> x;
  for (int i = 0; i < N; ++i) x[size_t(i)] = y.in(i);
  const auto r = with_seeds<Var, N>(x, f);
  for_each<N>([&](auto i) {
    if constexpr (depends_on<std::decay_t<decltype(r)>>(i))
      if (d.wants(i)) d[i] = times(g, derivative(r, i));
  });
}

}  // namespace detail

template <class T>
concept VarLike = std::is_same_v<T, Var> || std::is_same_v<T, Tensor>;

// f(inputs...) elementwise, broadcast; `op` is its name in graphs and errors.
template <class F, VarLike... T>
requires(std::is_same_v<T, Var> || ...) Var map(const char* op, const F& f, const T&... inputs) {
  constexpr int N = sizeof...(T);
  const Var x[] = {Var(inputs)...};
  Tensor value = [&]<size_t... I>(std::index_sequence<I...>) { return map(f, x[I].value()...); }
  (std::make_index_sequence<N>());
  return record(op, std::move(value), x, [f](const Node& y, const Var& g, Grads& d) {
    if (grad_enabled()) detail::map_vjp_graph<N>(f, y, g, d);
    else detail::map_vjp<N>(f, y, y.value.shape(), g.value(), d);
  });
}
template <class F, VarLike... T>
requires(std::is_same_v<T, Var> || ...) Var map(const F& f, const T&... inputs) { return map("map", f, inputs...); }

// The sum of f(inputs...) over all axes from first_axis on, fused: [B, ...] -> [B] for first_axis = 1.
template <class F, VarLike... T>
requires(std::is_same_v<T, Var> || ...) Var map_sum(const F& f, int first_axis, const T&... inputs) {
  constexpr int N = sizeof...(T);
  const Var x[] = {Var(inputs)...};
  const Shape space = detail::broadcast_all("map_sum", inputs...);
  Tensor value = [&]<size_t... I>(std::index_sequence<I...>) { return map_sum(f, first_axis, x[I].value()...); }
  (std::make_index_sequence<N>());
  return record("map_sum", std::move(value), x, [f, space, first_axis](const Node& y, const Var& g, Grads& d) {
    const Var column = reshape(g, detail::summed_from(space, first_axis));  // [B, 1, ...]: stretches to every element
    if (grad_enabled()) detail::map_vjp_graph<N>(f, y, broadcast_to(column, space), d);
    else detail::map_vjp<N>(f, y, space, column.value(), d);
  });
}

}  // namespace bijou

// map: one formula over whole tensors, as one fused loop.
//
//   Tensor z = map([](auto x, auto s, auto t) { return x * exp(s) + t; }, x, log_s, t);
//   Tensor log_det = map_sum([](auto s) { return s; }, 1, log_s);               // summed over axes 1, 2, ...
//   update<2>([=](auto& w, auto& v, auto g) { v = v * mu + g; w = w - v * lr; }, w, v, g);   // in place
//
// Shapes broadcast as in NumPy, inside the loop: a stretched input is never written out. The same loop also sums:
// a result smaller than the loop is accumulated where it stands still. One driver so serves elementwise maths,
// reductions, and the backward pass of both (autograd/map.h).
#pragma once

#include <array>

#include "tensor/lane.h"
#include "tensor/parallel.h"

namespace bijou {
namespace detail {

constexpr int kMaxInputs = 8, kMaxResults = 8;
constexpr int64_t kParallel = 1 << 15;  // elements below which a second thread costs more than it brings

// What a formula's loop walks along: element k of an array lies k & moves beyond its pointer, where moves is all ones
// for an array that moves along and zero for one that stands still.
struct Walk {
  const real* in[kMaxInputs];
  int64_t in_moves[kMaxInputs];
  real* out[kMaxResults];
  int64_t out_moves[kMaxResults];
  bool adds[kMaxResults];  // to what is there
};

// The loop over a formula: elements first, first + kLanes, ... below last. All arrays must bear to be read, and
// written, up to the end of a register. formula: (Lane, ..., Lane) -> std::array<Lane, NO>.
using Loop = void (*)(const void* formula, const Walk& walk, int64_t first, int64_t last);

template <class F, int NI, int NO>
void loop(const void* formula, const Walk& walk, int64_t first, int64_t last) {
  const F& f = *static_cast<const F*>(formula);
  const Walk w = walk;  // a copy, which no store into a result can change
  for (int64_t k = first; k < last; k += kLanes) {
    const std::array<Lane, NO> y = [&]<size_t... I>(std::index_sequence<I...>) {
      return f(Lane::load(w.in[I] + (k & w.in_moves[I]))...);
    }
    (std::make_index_sequence<size_t(NI)>());
    for (int j = 0; j < NO; ++j) {
      real* to = w.out[j] + (k & w.out_moves[j]);
      (w.adds[j] ? Lane::load(to) + y[j] : y[j]).store(to);
    }
  }
}

// Runs the loop over the space that the inputs and results broadcast to. A result smaller than the space is summed into
// and must start at zero; a null result is skipped. Results must be tensors just made, not views.
void evaluate(Loop loop, const void* formula, const Shape& space, std::span<const Tensor* const> inputs,
              std::span<Tensor* const> results);

template <int NO, class F, size_t NI>
void evaluate(const F& f, const Shape& space, const std::array<const Tensor*, NI>& inputs,
              const std::array<Tensor*, NO>& results) {
  static_assert(NI <= kMaxInputs && NO <= kMaxResults);
  evaluate(&loop<F, int(NI), NO>, &f, space, inputs, results);
}

template <class First, class... Rest>
Shape broadcast_all([[maybe_unused]] const char* op, const First& first, const Rest&... rest) {
  if ((true && ... && (rest.shape() == first.shape()))) return first.shape();
  Shape shape = first.shape();
  ((shape = broadcast(shape, rest.shape(), op)), ...);
  return shape;
}

// [2, 3, 4] summed from axis 1 on, axes kept: [2, 1, 1].
Shape summed_from(Shape shape, int first_axis);

}  // namespace detail

// f(inputs...) elementwise; f takes and returns a Lane (or a Mask: 1 where true).
template <class F, class... T>
requires(std::is_same_v<T, Tensor>&&...) Tensor map(const F& f, const T&... inputs) {
  Tensor out(detail::broadcast_all("map", inputs...));
  auto formula = [&f](auto... x) { return std::array<Lane, 1>{Lane(f(x...))}; };
  detail::evaluate<1>(formula, out.shape(), std::array{&inputs...}, {&out});
  return out;
}

// The sum of f(inputs...) over all axes from first_axis on: the log-density of each row, say. [B, ...] -> [B] for 1.
template <class F, class... T>
requires(std::is_same_v<T, Tensor>&&...) Tensor map_sum(const F& f, int first_axis, const T&... inputs) {
  const Shape space = detail::broadcast_all("map_sum", inputs...);
  Tensor out = zeros(detail::summed_from(space, first_axis));
  auto formula = [&f](auto... x) { return std::array<Lane, 1>{Lane(f(x...))}; };
  detail::evaluate<1>(formula, space, std::array{&inputs...}, {&out});
  return out.reshape(Shape(std::span(space.begin(), size_t(first_axis))));
}

// Changes the first N tensors in place: f takes them as Lane&, the rest as Lane. All of one shape.
template <int N, class F, class... T>
void update(const F& f, T&... tensors) {
  constexpr int M = sizeof...(T);
  const std::array<const Shape*, M> shapes{&tensors.shape()...};
  for (const Shape* s : shapes) check(*s == *shapes[0], "update: shapes ", *shapes[0], " and ", *s, " differ");
  std::array<real*, M> p;
  int i = 0;
  auto open = [&](auto& t) {
    if constexpr (!std::is_const_v<std::remove_reference_t<decltype(t)>>)
      p[i] = i < N ? t.mutable_data() : const_cast<real*>(t.data());
    else p[i] = const_cast<real*>(t.data());
    ++i;
  };
  (open(tensors), ...);
  auto step = [&]<size_t... I>(std::index_sequence<I...>, int64_t k, auto load, auto store) {
    Lane x[M] = {load(p[I] + k)...};
    f(x[I]...);
    ((I < N ? store(x[I], p[I] + k) : void()), ...);
  };
  constexpr auto all = std::make_index_sequence<M>();
  parallel_for(shapes[0]->numel(), 1 << 16, [&](int64_t k, int64_t last) {
    for (; k + kLanes <= last; k += kLanes)
      step(
          all, k, [](real* q) { return Lane::load(q); }, [](Lane x, real* q) { x.store(q); });
    if (k == last) return;
    const Mask tail = first_lanes(last - k);
    step(
        all, k, [=](real* q) { return Lane::load(q, tail); }, [=](Lane x, real* q) { x.store(q, tail); });
  });
}

}  // namespace bijou

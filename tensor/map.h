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

// How a result takes what the loop computes.
enum class Put : uint8_t {
  kWrite,  // every element is visited once
  kAdd,    // revisited by outer loops: added to what is there
  kSum,    // stands still along the innermost loop: summed in a register, then added
  kSkip    // nobody wants it
};

// One pass along the innermost loop.
struct Run {
  int64_t n;
  const real* in[kMaxInputs];
  bool still[kMaxInputs];  // the input is one number, the same all along the run
  real* out[kMaxResults];
  Put put[kMaxResults];
  bool padded;  // no harm in reading and writing a little past n: see memory.h
};
using Kernel = void (*)(const void* formula, const Run& run);

// Runs kernel over the space that the inputs and results broadcast to. Results of kAdd and kSum must start at zero.
// A null result is skipped.
// Results must be tensors of their own, not views.
void evaluate(Kernel kernel, const void* formula, const Shape& space, std::span<const Tensor* const> inputs,
              std::span<Tensor* const> results);

// formula: (Lane, ..., Lane) -> std::array<Lane, NO>. The formula stands in one place only, as each copy of it would
// cost compile time: the odd tail, less than a register, is copied to registers' size and passes through the same loop.
template <class F, int NI, int NO>
void kernel(const void* formula, const Run& run) {
  const F& f = *static_cast<const F*>(formula);
  constexpr int64_t kSums = 4;  // a sum goes round in several registers, as one would wait for every addition to end
  const real* in[NI ? NI : 1];
  real* out[NO];
  int64_t in_moves[NI ? NI : 1], out_moves[NO];  // all ones where a pointer moves along, zero where it stands still
  bool adds[NO];
  alignas(64) real still[NI ? NI : 1][kLanes], tail_in[NI ? NI : 1][kLanes];
  alignas(64) real sums[NO][kSums * kLanes], tail_out[NO][kLanes];
  for (int i = 0; i < NI; ++i) {
    if (run.still[i]) Lane(*run.in[i]).store(still[i]);
    in[i] = run.still[i] ? still[i] : run.in[i];
    in_moves[i] = run.still[i] ? 0 : -1;
  }
  for (int j = 0; j < NO; ++j) {
    const bool lies = run.put[j] == Put::kWrite || run.put[j] == Put::kAdd;
    out[j] = lies ? run.out[j] : sums[j];  // (what is skipped goes there too)
    out_moves[j] = lies ? -1 : (kSums - 1) * kLanes;
    adds[j] = run.put[j] == Put::kAdd || run.put[j] == Put::kSum;
    if (!lies) std::fill_n(sums[j], kSums * kLanes, real(0));
  }

  const int64_t whole = run.padded ? run.n : run.n / kLanes * kLanes;  // the end of what is worked on where it lies
  const Mask tail = first_lanes(run.n - whole);
  for (int64_t k = 0, end = whole;;) {
    for (; k < end; k += kLanes) {
      const std::array<Lane, NO> y = [&]<size_t... I>(std::index_sequence<I...>) {
        return f(Lane::load(in[I] + (k & in_moves[I]))...);
      }
      (std::make_index_sequence<size_t(NI)>());
      for (int j = 0; j < NO; ++j) {
        real* to = out[j] + (k & out_moves[j]);
        (adds[j] ? Lane::load(to) + y[j] : y[j]).store(to);
      }
    }
    if (k >= run.n) break;
    end = run.n;
    for (int i = 0; i < NI; ++i) {  // the tail
      if (in_moves[i]) Lane::load(in[i] + k, tail).store(tail_in[i]), in[i] = tail_in[i], in_moves[i] = 0;
    }
    for (int j = 0; j < NO; ++j) out[j] = tail_out[j], out_moves[j] = 0, adds[j] = false;
  }
  for (int j = 0; j < NO; ++j) {
    if (run.put[j] == Put::kSum) {
      Lane total = whole < run.n ? where(tail, Lane::load(tail_out[j]), 0) : Lane(0);
      for (int64_t s = 0; s < kSums; ++s) total += Lane::load(sums[j] + s * kLanes);
      *run.out[j] += sum_lanes(total);
    } else if (whole < run.n && run.put[j] != Put::kSkip) {
      real* rest = run.out[j] + whole;
      const Lane y = Lane::load(tail_out[j]);
      (run.put[j] == Put::kAdd ? Lane::load(rest, tail) + y : y).store(rest, tail);
    }
  }
}

template <int NO, class F, size_t NI>
void evaluate(const F& f, const Shape& space, const std::array<const Tensor*, NI>& inputs,
              const std::array<Tensor*, NO>& results) {
  static_assert(NI <= kMaxInputs && NO <= kMaxResults);
  const int64_t n = space.numel();
  bool plain = n < kParallel;  // the short way, for the many small tensors: nothing broadcast, nothing summed
  for (const Tensor* x : inputs) plain = plain && x->shape() == space;
  for (const Tensor* y : results) plain = plain && (!y || y->shape() == space);
  if (!plain) return evaluate(&kernel<F, int(NI), NO>, &f, space, inputs, results);
  Run run;
  run.n = n;
  run.padded = true;  // the results are tensors just made
  for (size_t i = 0; i < NI; ++i) run.in[i] = inputs[i]->data(), run.still[i] = false;
  for (size_t j = 0; j < NO; ++j) {
    run.out[j] = results[j] ? results[j]->mutable_data() : nullptr;
    run.put[j] = results[j] ? Put::kWrite : Put::kSkip;
  }
  kernel<F, int(NI), NO>(&f, run);
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

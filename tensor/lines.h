// Lines: the numbers along one axis. What must pass over them more than once (softmax: for the maximum, the sum, the
// quotient) does so line by line, while the line is in the cache:
//
//   for_lines({x.shape(), axis, "softmax"}, [=](const auto& line) {
//     const auto m = line.fold(Max(), [](Lane v) { return v; }, x);
//     const auto s = line.fold(Add(), [](Lane v, Lane m) { return exp(v - m); }, x, m);
//     line.write(y, [](Lane v, Lane m, Lane s) { return exp(v - m) / s; }, x, m, s);
//   });
//
// Along the last axis a register holds neighbours on one line: a Row. Along any other, neighbours in memory lie on
// neighbouring lines: a Bundle of up to kColumns of them is folded side by side. The formulas are the same.
#pragma once

#include "tensor/lane.h"
#include "tensor/parallel.h"

namespace bijou {

// A tensor seen along an axis, or along several adjacent ones: [outer, n, inner], with outer * inner lines of n
// numbers.
struct Lines {
  int64_t outer, n, inner;

  Lines(int64_t outer, int64_t n, int64_t inner) : outer(outer), n(n), inner(inner) {}
  Lines(const Shape& shape, int axis, const char* op) : Lines(shape, shape.at(axis, op), shape.at(axis, op) + 1) {}
  Lines(const Shape& shape, int first, int last)  // axes first .. last-1
      : outer(shape.product(0, first)), n(shape.product(first, last)), inner(shape.product(last, shape.rank())) {}
};

// How numbers are folded into one: what nothing folds to, two registers into one, one register into a number.
struct Add {
  static constexpr real kNone = 0;
  Lane operator()(Lane a, Lane b) const { return a + b; }
  real across(Lane x) const { return sum_lanes(x); }
};
struct Max {  // NaN if any is
  static constexpr real kNone = -kInfinity;
  Lane operator()(Lane a, Lane b) const { return maximum(a, b); }
  real across(Lane x) const { return hn::AllFalse(kLane, is_nan(x).m) ? max_lanes(x) : kNaN; }
};
struct Min {  // NaN if any is
  static constexpr real kNone = kInfinity;
  Lane operator()(Lane a, Lane b) const { return minimum(a, b); }
  real across(Lane x) const { return -Max().across(-x); }
};
struct Peak {  // the largest, in one instruction, for those who will notice a NaN anyway
  static constexpr real kNone = -kInfinity;
  Lane operator()(Lane a, Lane b) const { return hn::Max(a.v, b.v); }
  real across(Lane x) const { return max_lanes(x); }
};

// One line of n numbers that lie side by side. What it folds to is one number, in all lanes of a register.
class Row {
 public:
  Row(int64_t begin, int64_t n, int64_t place) : begin_(begin), n_(n), place_(place) {}

  int64_t begin() const { return begin_; }  // offset of the first number
  int64_t place() const { return place_; }  // offset of this line's result in a tensor [outer, inner]

  // op over f(in...) along the line; an input is a tensor's data, or the result of a fold.
  template <class Op, class F, class... In>
  Lane fold(Op op, const F& f, const In&... in) const {
    return fold_and_write(nullptr, op, f, in...);
  }
  // The same, and every f(in...) is written to out.
  template <class Op, class F, class... In>
  Lane fold_and_write(real* out, Op op, const F& f, const In&... in) const {
    constexpr int kUnroll = 4;
    constexpr int64_t kBlock = 4096;  // a long sum is a sum of sums, which rounds less
    const Lane none(Op::kNone);
    Lane all = none;
    for (int64_t block = 0; block < n_; block += kBlock) {
      const int64_t last = std::min(block + kBlock, n_);
      Lane total[kUnroll] = {none, none, none, none};
      auto step = [&](int64_t k, Lane& t) {
        const Lane y = f(pick(in, k)...);
        if (out) y.store(out + begin_ + k);
        t = op(t, y);
      };
      int64_t k = block;
      for (; k + kUnroll * kLanes <= last; k += kUnroll * kLanes)
        for (int u = 0; u < kUnroll; ++u) step(k + u * kLanes, total[u]);
      for (; k + kLanes <= last; k += kLanes) step(k, total[0]);
      if (k < last) {
        const Mask tail = first_lanes(last - k);
        const Lane y = f(pick(in, k, tail)...);
        if (out) y.store(out + begin_ + k, tail);
        total[1] = op(total[1], where(tail, y, none));
      }
      all = op(all, op(op(total[0], total[1]), op(total[2], total[3])));
    }
    return op.across(all);
  }
  template <class F, class... In>
  void write(real* out, const F& f, const In&... in) const {
    int64_t k = 0;
    for (; k + kLanes <= n_; k += kLanes) f(pick(in, k)...).store(out + begin_ + k);
    if (k == n_) return;
    const Mask tail = first_lanes(n_ - k);
    f(pick(in, k, tail)...).store(out + begin_ + k, tail);
  }

  // f of folded numbers.
  template <class F>
  Lane combine(const F& f, Lane a, auto... more) const {
    return f(a, more...);
  }
  // From and to a tensor [outer, inner] that has one number a line.
  Lane load(const real* in) const { return in[place_]; }
  void store(Lane x, real* out) const { out[place_] = hn::GetLane(x.v); }

 private:
  Lane pick(const real* in, int64_t k) const { return Lane::load(in + begin_ + k); }
  Lane pick(const real* in, int64_t k, Mask which) const { return Lane::load(in + begin_ + k, which); }
  Lane pick(Lane in, int64_t) const { return in; }
  Lane pick(Lane in, int64_t, Mask) const { return in; }

  int64_t begin_, n_, place_;
};

constexpr int64_t kColumns = 256;

// Lines side by side, `stride` apart from one number to the next. What they fold to is one number a line. As Row's.
class Bundle {
 public:
  struct Numbers {
    alignas(64) real v[kColumns];
  };

  Bundle(int64_t begin, int64_t n, int64_t stride, int64_t width, int64_t place)
      : begin_(begin), n_(n), stride_(stride), width_(width), place_(place) {}

  template <class Op, class F, class... In>
  Numbers fold(Op op, const F& f, const In&... in) const {
    return fold_and_write(nullptr, op, f, in...);
  }
  template <class Op, class F, class... In>
  Numbers fold_and_write(real* out, Op op, const F& f, const In&... in) const {
    Numbers total;
    for (int64_t j = 0; j < width_; j += kLanes) Lane(Op::kNone).store(total.v + j);
    for_columns([&](int64_t k, int64_t last, int64_t j, auto part) {
      Lane t = Lane::load(total.v + j);
      for (; k < last; ++k) {
        const int64_t at = begin_ + k * stride_ + j;
        const Lane y = f(pick(in, at, j, part)...);
        if (out) part.store(y, out + at);
        t = op(t, y);
      }
      t.store(total.v + j);
    });
    return total;
  }
  template <class F, class... In>
  void write(real* out, const F& f, const In&... in) const {
    for_columns([&](int64_t k, int64_t last, int64_t j, auto part) {
      for (; k < last; ++k) {
        const int64_t at = begin_ + k * stride_ + j;
        part.store(f(pick(in, at, j, part)...), out + at);
      }
    });
  }

  template <class F>
  Numbers combine(const F& f, const auto&... in) const {
    Numbers result;
    for (int64_t j = 0; j < width_; j += kLanes) f(Lane::load(in.v + j)...).store(result.v + j);
    return result;
  }
  void store(const Numbers& x, real* out) const { std::copy_n(x.v, width_, out + place_); }

 private:
  struct Whole {  // a register full
    Lane load(const real* p) const { return Lane::load(p); }
    void store(Lane x, real* p) const { x.store(p); }
  };
  struct Part {  // the last columns
    Mask m;
    Lane load(const real* p) const { return Lane::load(p, m); }
    void store(Lane x, real* p) const { x.store(p, m); }
  };

  // f(first row, last row, column, Whole or Part): registers full of columns, down a few rows at a time.
  template <class F>
  void for_columns(const F& f) const {
    constexpr int64_t kRows = 8;
    const Mask last = first_lanes(width_ % kLanes);
    for (int64_t k = 0; k < n_; k += kRows) {
      const int64_t end = std::min(k + kRows, n_);
      int64_t j = 0;
      for (; j + kLanes <= width_; j += kLanes) f(k, end, j, Whole());
      if (j < width_) f(k, end, j, Part{last});
    }
  }
  Lane pick(const real* in, int64_t at, int64_t, auto part) const { return part.load(in + at); }
  Lane pick(const Numbers& in, int64_t, int64_t j, auto) const { return Lane::load(in.v + j); }

  int64_t begin_, n_, stride_, width_, place_;
};

// How many iterations of `work` numbers are worth a thread.
inline int64_t grain_for(int64_t work) { return (1 << 15) / (work + 1) + 1; }

// body(row) for the lines of the last axis.
template <class Body>
void for_rows(const Lines& x, const Body& body) {
  parallel_for(x.outer, grain_for(x.n), [&](int64_t first, int64_t last) {
    for (int64_t o = first; o < last; ++o) body(Row(o * x.n, x.n, o));
  });
}

// body(line) for all lines, each a Row or a Bundle, on several threads where there is enough to do.
template <class Body>
void for_lines(const Lines& x, const Body& body) {
  if (x.inner == 1) return for_rows(x, body);
  const int64_t blocks = (x.inner + kColumns - 1) / kColumns;
  parallel_for(x.outer * blocks, grain_for(x.n * std::min(x.inner, kColumns)), [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t o = i / blocks, column = i % blocks * kColumns;
      body(
          Bundle(o * x.n * x.inner + column, x.n, x.inner, std::min(kColumns, x.inner - column), o * x.inner + column));
    }
  });
}

}  // namespace bijou

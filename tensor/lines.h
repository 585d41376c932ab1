// Lines: the numbers along one axis. What must pass over them more than once (softmax: for the maximum, the sum, the
// quotient) does so line by line, while the line is in the cache:
//
//   for_lines({x.shape(), axis}, [=](const Line& line) {
//     const Carry m = line.fold(Max(), [](Lane v) { return v; }, x);
//     const Carry s = line.fold(Add(), [](Lane v, Lane m) { return exp(v - m); }, x, m);
//     line.write(y, [](Lane v, Lane m, Lane s) { return exp(v - m) / s; }, x, m, s);
//   });
//
// Along the last axis a register holds neighbours on one line. Along any other, neighbours in memory lie on neighbouring
// lines: a Line is then a bundle of up to kColumns of them side by side. The formulas are the same.
#pragma once

#include "tensor/lane.h"
#include "tensor/parallel.h"

namespace bijou {

// A tensor seen along an axis, or along several adjacent ones: [outer, n, inner], with outer * inner lines of n numbers.
struct Lines {
  int64_t outer, n, inner;

  Lines(int64_t outer, int64_t n, int64_t inner) : outer(outer), n(n), inner(inner) {}
  Lines(const Shape& shape, int axis) : Lines(shape, shape.at(axis), shape.at(axis) + 1) {}
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

constexpr int64_t kColumns = 256;

// One number for each line of a bundle. (For a single line, a register full of copies.)
struct Carry {
  alignas(64) real v[kColumns];
};

class Line {
 public:
  // The line of n numbers from `begin` on; `place` counts the lines.
  static Line row(int64_t begin, int64_t n, int64_t place) {
    const int64_t width = std::min(n, 4 * kLanes);  // folded as if it were a matrix of so many columns
    return {begin, width ? n / width : 0, width, width, width ? n % width : 0, place, true};
  }
  // `width` lines side by side, whose successive numbers are `stride` apart.
  static Line bundle(int64_t begin, int64_t n, int64_t stride, int64_t width, int64_t place) {
    return {begin, n, stride, width, 0, place, false};
  }

  int64_t begin() const { return begin_; }  // offset of the first number
  int64_t place() const { return place_; }  // offset of the first line's result in a tensor [outer, inner]

  // op over f(in...) along the line; an input is a tensor's data, or a Carry.
  template <class Op, class F, class... In>
  Carry fold(Op op, const F& f, const In&... in) const {
    return fold_and_write(nullptr, op, f, in...);
  }
  // The same, and every f(in...) is written to out.
  template <class Op, class F, class... In>
  Carry fold_and_write(real* out, Op op, const F& f, const In&... in) const {
    Carry total;
    for (int64_t j = 0; j < width_; j += kLanes) Lane(Op::kNone).store(total.v + j);
    each([&](int64_t at, int64_t j, auto part) {
      const Lane y = f(pick(in, at, j, part)...);
      if (out) part.store(y, out + at);
      op(Lane::load(total.v + j), part.or_else(y, Op::kNone)).store(total.v + j);
    });
    if (single_) {
      Lane all(Op::kNone);
      for (int64_t j = 0; j < width_; j += kLanes) all = op(all, Lane::load(total.v + j));
      Lane(op.across(all)).store(total.v);
    }
    return total;
  }
  template <class F, class... In>
  void write(real* out, const F& f, const In&... in) const {
    each([&](int64_t at, int64_t j, auto part) { part.store(f(pick(in, at, j, part)...), out + at); });
  }

  // f(in...) of Carries: one number a line.
  template <class F, class... In>
  Carry combine(const F& f, const In&... in) const {
    Carry result;
    for (int64_t j = 0; j < lines(); j += kLanes) f(Lane::load(in.v + j)...).store(result.v + j);
    return result;
  }
  // From and to a tensor [outer, inner] that has one number a line.
  Carry load(const real* in) const {
    Carry c;
    if (single_) Lane(in[place_]).store(c.v);
    else std::copy_n(in + place_, width_, c.v);
    return c;
  }
  void store(const Carry& c, real* out) const { std::copy_n(c.v, lines(), out + place_); }

 private:
  Line(int64_t begin, int64_t steps, int64_t stride, int64_t width, int64_t rest, int64_t place, bool single)
      : begin_(begin), steps_(steps), stride_(stride), width_(width), rest_(rest), place_(place), single_(single) {}
  int64_t lines() const { return single_ ? 1 : width_; }

  struct Whole {  // a register full
    Lane load(const real* p) const { return Lane::load(p); }
    void store(Lane x, real* p) const { x.store(p); }
    Lane or_else(Lane x, real) const { return x; }
  };
  struct Part {  // the odd tail
    Mask m;
    Lane load(const real* p) const { return Lane::load(p, m); }
    void store(Lane x, real* p) const { x.store(p, m); }
    Lane or_else(Lane x, real other) const { return where(m, x, Lane(other)); }
  };

  // f(offset in memory, column, Whole or Part) for all registers.
  template <class F>
  void each(const F& f) const {
    for (int64_t k = 0; k <= steps_; ++k) {
      const int64_t at = begin_ + k * stride_, width = k < steps_ ? width_ : rest_;
      int64_t j = 0;
      for (; j + kLanes <= width; j += kLanes) f(at + j, j, Whole());
      if (j < width) f(at + j, j, Part{first_lanes(width - j)});
    }
  }
  template <class P>
  Lane pick(const real* in, int64_t at, int64_t, P part) const { return part.load(in + at); }
  template <class P>
  Lane pick(const Carry& in, int64_t, int64_t j, P) const { return Lane::load(in.v + (single_ ? 0 : j)); }

  int64_t begin_, steps_, stride_, width_, rest_, place_;
  bool single_;
};

// body(line) for all lines, on several threads where there is enough to do.
template <class Body>
void for_lines(const Lines& x, const Body& body) {
  const int64_t blocks = (x.inner + kColumns - 1) / kColumns;
  const int64_t work = x.n * std::min(x.inner, kColumns);
  parallel_for(x.outer * blocks, (1 << 15) / (work + 1) + 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t o = i / blocks, column = i % blocks * kColumns, begin = o * x.n * x.inner + column;
      if (x.inner == 1) body(Line::row(begin, x.n, o));
      else body(Line::bundle(begin, x.n, x.inner, std::min(kColumns, x.inner - column), o * x.inner + column));
    }
  });
}

}  // namespace bijou

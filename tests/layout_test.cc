// Rearrangements against a naive walk over all positions; adjoint pairs; derivatives.
#include "tensor/layout.h"

#include <functional>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/parallel.h"
#include "tests/support.h"

namespace bijou {
namespace {

using namespace testing;

// The tensor of `shape` whose number at position p is x at source(p), or `other` where source(p) has no axes but x has.
Tensor naive(const Tensor& x, const Shape& shape, const std::function<Shape(const Shape&)>& source, real other = 0) {
  Tensor y(shape);
  for (int64_t i = 0; i < shape.numel(); ++i) {
    Shape at = shape;
    int64_t rest = i;
    for (int a = shape.rank() - 1; a >= 0; --a) {
      at[a] = rest % shape[a];
      rest /= shape[a];
    }
    const Shape from = source(at);
    y.mutable_data()[i] = from.rank() == x.dim() ? x.at(from) : other;
  }
  return y;
}

double inner(const Tensor& a, const Tensor& b) { return sum(a * b).item(); }

TEST(Layout, PermuteMovesEveryNumberToItsPlace) {
  struct Case {
    Shape shape;
    std::vector<int> order;
  };
  const Case cases[] = {{{7}, {0}},
                        {{3, 5}, {1, 0}},
                        {{16, 16}, {1, 0}},
                        {{33, 50}, {1, 0}},
                        {{2, 3, 4}, {2, 0, 1}},
                        {{2, 3, 4}, {0, 2, 1}},
                        {{2, 3, 4}, {1, 0, 2}},
                        {{2, 3, 4}, {2, 1, 0}},
                        {{4, 17, 3, 8}, {0, 2, 1, 3}},
                        {{4, 17, 3, 8}, {0, -1, 1, 2}},
                        {{4, 17, 3, 8}, {3, 1, 2, 0}},
                        {{2, 1, 3, 1, 5}, {4, 3, 2, 1, 0}},
                        {{2, 3, 2, 3, 2, 3}, {5, 0, 4, 1, 3, 2}},
                        {{0, 3}, {1, 0}},
                        {{300, 200}, {1, 0}},
                        {{40, 30, 50}, {2, 0, 1}}};
  for (const Case& c : cases) {
    const Tensor x = random(c.shape);
    Axes order = 0;
    order.list = c.order;
    Shape shape;
    for (int a : c.order) shape.push_back(c.shape[a]);
    const Tensor want = naive(x, shape, [&](const Shape& at) {
      Shape from = c.shape;
      for (size_t a = 0; a < c.order.size(); ++a) from[c.order[a]] = at[int(a)];
      return from;
    });
    expect_close(permute(x, order), want, 0);
  }
  const Tensor s = scalar(3);
  Axes none = 0;
  none.list.clear();
  expect_close(permute(s, none), s, 0);
}

TEST(Layout, TransposeSwapsTwoAxes) {
  const Tensor x = random({3, 4, 5, 6});
  expect_close(transpose(x, 1, 3), permute(x, {0, 3, 2, 1}), 0);
  expect_close(transpose(x, -1, -2), permute(x, {0, 1, 3, 2}), 0);
  expect_close(transpose(x, 2, 2), x, 0);
  expect_close(transpose(transpose(x, 0, 2), 0, 2), x, 0);
}

TEST(Layout, SliceAndUnslice) {
  for (const Shape& shape : {Shape{9}, Shape{9, 1}, Shape{4, 9}, Shape{2, 9, 3}, Shape{2, 3, 9, 2}, Shape{200, 9, 40}})
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (shape[axis] != 9) continue;
      const Tensor x = random(shape);
      for (const auto& [start, stop, step, count] : std::vector<std::array<int64_t, 4>>{{0, 9, 1, 9},
                                                                                        {2, 7, 1, 5},
                                                                                        {0, 9, 2, 5},
                                                                                        {1, 9, 2, 4},
                                                                                        {3, 9, 4, 2},
                                                                                        {8, 9, 3, 1},
                                                                                        {4, 4, 1, 0},
                                                                                        {9, 9, 2, 0},
                                                                                        {-3, 9, 1, 3},
                                                                                        {-9, -1, 3, 3},
                                                                                        {0, 9, 100, 1}}) {
        Shape small = shape;
        small[axis] = count;
        const int64_t first = start < 0 ? start + 9 : start;
        const Tensor want = naive(x, small, [&, step = step](Shape at) {
          at[axis] = first + at[axis] * step;
          return at;
        });
        const Tensor y = slice(x, axis, start, stop, step);
        expect_close(y, want, 0);
        // <slice x, v> = <x, unslice v>
        const Tensor v = random(small, 1);
        const Tensor u = unslice(v, shape, axis, first, step);
        EXPECT_NEAR(inner(y, v), inner(x, u), 1e-4 * double(1 + x.numel()));
        expect_close(slice(u, axis, start, stop, step), v, 0);
        EXPECT_NEAR(sum(abs(u)).item(), sum(abs(v)).item(), 1e-4 * double(1 + v.numel()));
      }
    }
}

TEST(Layout, ASliceOfTheFirstAxisIsAView) {
  Tensor x = random({4, 3});
  const Tensor y = slice(x, 0, 1, 3);
  x.mutable_data()[3] = 42;
  EXPECT_EQ(y.data()[0], 42);
}

TEST(Layout, NarrowAndSelect) {
  const Tensor x = random({3, 5, 2});
  expect_close(narrow(x, 1, 2, 3), slice(x, 1, 2, 5), 0);
  expect_close(narrow(x, 1, -2, 2), slice(x, 1, 3, 5), 0);
  expect_close(select(x, 1, 4), slice(x, 1, 4, 5).reshape({3, 2}), 0);
  expect_close(select(x, -1, -1), slice(x, 2, 1, 2).reshape({3, 5}), 0);
  expect_close(select(x, 0, 2), x.row(2), 0);
}

TEST(Layout, FlipReversesEachNamedAxis) {
  const Tensor x = random({3, 1, 5, 4});
  for (const Axes& axes : {Axes{0}, Axes{2}, Axes{-1}, Axes{0, 3}, Axes{0, 1, 2, 3}}) {
    const Tensor want = naive(x, x.shape(), [&](Shape at) {
      for (int a : axes.list) at[a] = x.size(a) - 1 - at[a];
      return at;
    });
    expect_close(flip(x, axes), want, 0);
    expect_close(flip(flip(x, axes), axes), x, 0);
  }
  EXPECT_EQ(flip(zeros({0, 3}), {0, 1}).shape(), Shape({0, 3}));
}

TEST(Layout, ConcatAndSplitAreInverse) {
  const Tensor x = random({4, 7, 3});
  for (int axis : {0, 1, 2, -1, -2}) {
    const int64_t n = x.size(axis);
    expect_close(concat(split(x, {1, 0, n - 1}, axis), axis), x, 0);
    expect_close(concat(split(x, int64_t(2), axis), axis), x, 0);
    expect_close(concat(chunk(x, 3, axis), axis), x, 0);
    expect_close(concat(std::vector{x}, axis), x, 0);
  }
  const std::vector<Tensor> parts = split(x, int64_t(3), 1);
  ASSERT_EQ(parts.size(), 3u);
  expect_close(parts[1], slice(x, 1, 3, 6), 0);
  expect_close(parts[2], slice(x, 1, 6, 7), 0);
  EXPECT_EQ(chunk(x, 3, 0).size(), 2u);  // two of two, as PyTorch has it
}

TEST(Layout, StackPutsTensorsSideBySide) {
  const Tensor a = random({2, 3}), b = random({2, 3}, 1);
  for (int axis : {0, 1, 2, -1}) {
    const Tensor y = stack({a, b}, axis);
    expect_close(select(y, axis, 0), a, 0);
    expect_close(select(y, axis, 1), b, 0);
  }
  EXPECT_EQ(stack({a, b, a}, 1).shape(), Shape({2, 3, 3}));
  EXPECT_EQ(stack({a, b, a}, -1).shape(), Shape({2, 3, 3}));
  EXPECT_EQ(stack({scalar(1), scalar(2)}, 0).shape(), Shape({2}));
}

TEST(Layout, SqueezeAndUnsqueeze) {
  const Tensor x = random({2, 3});
  EXPECT_EQ(unsqueeze(x, 0).shape(), Shape({1, 2, 3}));
  EXPECT_EQ(unsqueeze(x, 2).shape(), Shape({2, 3, 1}));
  EXPECT_EQ(unsqueeze(x, -1).shape(), Shape({2, 3, 1}));
  EXPECT_EQ(unsqueeze(x, -3).shape(), Shape({1, 2, 3}));
  EXPECT_EQ(squeeze(random({1, 2, 1, 3}), {0, 2}).shape(), Shape({2, 3}));
  EXPECT_EQ(squeeze(random({2, 1}), -1).shape(), Shape({2}));
}

TEST(Layout, PadFramesTheLastAxes) {
  const Tensor x = random({2, 3, 4});
  auto inside = [&](const Shape& at, std::initializer_list<int64_t> before) {
    Shape from = at;
    int a = 2;
    for (int64_t b : before) {
      if (at[a] < b || at[a] >= b + x.size(a)) return Shape{};
      from[a] = at[a] - b;
      --a;
    }
    return from;
  };
  expect_close(pad(x, {1, 2}, 9),
               naive(
                   x, {2, 3, 7}, [&](const Shape& at) { return inside(at, {1}); }, 9),
               0);
  expect_close(pad(x, {0, 1, 2, 3}), naive(x, {2, 8, 5}, [&](const Shape& at) { return inside(at, {0, 2}); }), 0);
  expect_close(pad(x, {1, 0, 0, 1, 2, 0}, -1),
               naive(
                   x, {4, 4, 5},
                   [&](const Shape& at) {
                     return inside(at, {1, 0, 2});
                   },
                   -1),
               0);
  expect_close(pad(x, {}), x, 0);
}

TEST(Layout, Triangles) {
  for (const Shape& shape : {Shape{4, 4}, Shape{3, 6}, Shape{6, 3}, Shape{2, 3, 5}, Shape{1, 1}}) {
    const Tensor x = random(shape);
    for (int64_t diagonal : {-7, -2, -1, 0, 1, 3, 8}) {
      const Tensor low = naive(x, shape, [&](const Shape& at) { return at[-1] <= at[-2] + diagonal ? at : Shape{}; });
      expect_close(tril(x, diagonal), low, 0);
      expect_close(triu(x, diagonal + 1), x - low, 0);
    }
  }
}

TEST(Layout, RollComesInAtTheOtherEnd) {
  const Tensor x = random({3, 5});
  for (int64_t shift : {-11, -5, -1, 0, 1, 2, 5, 7})
    expect_close(roll(x, shift, 1),
                 naive(x, x.shape(),
                       [&](Shape at) {
                         at[1] = ((at[1] - shift) % 5 + 5) % 5;
                         return at;
                       }),
                 0);
}

TEST(Layout, IndicesMoveAsTensorsDo) {
  const Indices i = index_range(24).reshape({2, 3, 4});
  const Tensor x = to_tensor(i);
  expect_close(to_tensor(permute(i, {2, 0, 1})), permute(x, {2, 0, 1}), 0);
  expect_close(to_tensor(slice(i, 1, 1, 3)), slice(x, 1, 1, 3), 0);
  expect_close(to_tensor(flip(i, 0)), flip(x, 0), 0);
  expect_close(to_tensor(concat({i, i}, 2)), concat({x, x}, 2), 0);
  expect_close(to_tensor(stack({i, i}, 0)), stack({x, x}, 0), 0);
  EXPECT_EQ(split(i, int64_t(2), 2).size(), 2u);
}

TEST(Layout, LargeCopiesOnManyThreads) {
  const int before = threads();
  set_threads(4);
  const Tensor x = random({64, 48, 40});
  const Tensor y = permute(x, {2, 0, 1});
  set_threads(1);
  expect_close(y, permute(x, {2, 0, 1}), 0);
  set_threads(before);
  expect_close(permute(y, {1, 2, 0}), x, 0);
}

TEST(Layout, Misuse) {
  const Tensor x = random({2, 3});
  expect_error([&] { permute(x, {0}); }, "permute: 1 axes named for shape [2, 3]");
  expect_error([&] { permute(x, {0, 0}); }, "permute: axis 0 is named twice");
  expect_error([&] { transpose(x, 0, 2); }, "axis 2 is out of range");
  expect_error([&] { slice(x, 1, 0, 4); }, "slice: [0, 4) in steps of 1 of axis 1 of shape [2, 3]");
  expect_error([&] { slice(x, 1, 2, 1); }, "slice: [2, 1)");
  expect_error([&] { slice(x, 1, -4, 1); }, "slice: [-4, 1)");
  expect_error([&] { slice(x, 1, 0, 2, 0); }, "in steps of 0");
  expect_error([&] { select(x, 0, 2); }, "narrow: 1 positions from 2 on of axis 0");
  expect_error([&] { select(x, 0, -3); }, "from -3 on of axis 0");
  expect_error([&] { unslice(x, {2, 4}, 1, 2); }, "unslice: [2, 3] from 2 on");
  expect_error([&] { concat({x, random({3, 3})}, 1); }, "concat along axis 1: shapes [2, 3] and [3, 3]");
  expect_error([&] { concat({x, random({2})}, 1); }, "shapes [2, 3] and [2]");
  expect_error([&] { concat(std::vector<Tensor>(), 0); }, "nothing to join");
  expect_error([&] { stack({x, random({3, 2})}, 0); }, "stack: shapes [2, 3] and [3, 2] differ");
  expect_error([&] { split(x, {1, 1}, 1); }, "split: the sizes add up to 2, not to axis 1 of shape [2, 3]");
  expect_error([&] { split(x, {-1, 4}, 1); }, "narrow: -1 positions");
  expect_error([&] { chunk(x, 0, 1); }, "chunk: 0 pieces");
  expect_error([&] { squeeze(x, 0); }, "squeeze: axis 0 of shape [2, 3] is not of size 1");
  expect_error([&] { unsqueeze(x, 3); }, "unsqueeze: axis 3 is out of range");
  expect_error([&] { pad(x, {1}); }, "pad: 1 widths for shape [2, 3]");
  expect_error([&] { pad(x, {1, -1}); }, "pad: a width of -1");
  expect_error([&] { flip(x, {0, -2}); }, "flip: axis -2 is named twice");
  expect_error([&] { tril(random({3})); }, "tril: matrices expected");
}

// ---- Derivatives ----------------------------------------------------------------------------------------------------

// All are linear: squared first, so that there is a second derivative to see.
TEST(Layout, Gradients) {
  SKIP_IN_FLOAT();
  const Tensor x = random({3, 4, 5}), y = random({3, 2, 5}, 1);
  using V = const std::vector<Var>&;
  expect_gradients([](V v) { return permute(square(v[0]), {2, 0, 1}); }, {x});
  expect_gradients([](V v) { return permute(square(v[0]), {-2, 0, 2}); }, {x});
  expect_gradients([](V v) { return transpose(square(v[0]), 0, 2); }, {x});
  expect_gradients([](V v) { return slice(square(v[0]), 0, 1, 3); }, {x});
  expect_gradients([](V v) { return slice(square(v[0]), -2, 0, -1, 2); }, {x});
  expect_gradients([](V v) { return slice(square(v[0]), 2, -4, 5, 3); }, {x});
  expect_gradients([](V v) { return slice(square(v[0]), 1, 2, 2); }, {x});
  expect_gradients([](V v) { return unslice(square(v[0]), {3, 11, 5}, 1, 2, 2); }, {x});
  expect_gradients([](V v) { return flip(square(v[0]), {0, -1}); }, {x});
  expect_gradients([](V v) { return concat({square(v[0]), v[1] * v[1]}, 1); }, {x, y});
  expect_gradients([](V v) { return concat({v[0], square(v[0]), v[0]}, 0); }, {x});
  expect_gradients([](V v) { return Outputs(split(square(v[0]), {1, 3}, 1)); }, {x});
  expect_gradients([](V v) { return Outputs(chunk(square(v[0]), 2, -1)); }, {x});
  expect_gradients([](V v) { return stack({square(v[0]), v[1] * v[0]}, 1); }, {x, random({3, 4, 5}, 1)});
  expect_gradients([](V v) { return select(square(v[0]), 1, -1) * v[1]; }, {x, random({3, 5}, 1)});
  expect_gradients([](V v) { return unsqueeze(square(v[0]), 1) * squeeze(unsqueeze(v[0], 0), 0); }, {random({4})});
  expect_gradients([](V v) { return pad(square(v[0]), {1, 2, 0, 3}, 5); }, {x});
  expect_gradients([](V v) { return tril(square(v[0]), 1) + triu(v[0], -1) * v[0]; }, {x});
  expect_gradients([](V v) { return roll(square(v[0]), 2, 2); }, {x});
  expect_gradients([](V v) { return reshape(square(v[0]), {5, -1}); }, {x});
  expect_gradients([](V v) { return broadcast_to(square(v[0]), {2, 3, 4}); }, {random({3, 1})});
  expect_gradients([](V v) { return sum_to(square(v[0]), {4, 1}); }, {x});
}

TEST(Layout, APieceNobodyUsesHasNoGradient) {
  const Var x = parameter(random({2, 6}));
  const std::vector<Var> parts = chunk(x, 3, 1);
  expect_close(grad(sum(parts[1]), {x})[0], concat({zeros({2, 2}), ones({2, 2}), zeros({2, 2})}, 1), 0);
}

}  // namespace
}  // namespace bijou

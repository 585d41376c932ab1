// Picking by position against naive loops, adjoint pairs, sorting; derivatives.
#include "tensor/indexing.h"

#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/lane.h"
#include "tensor/parallel.h"
#include "tests/support.h"

namespace bijou {
namespace {

using namespace testing;

Indices random_indices(const Shape& shape, int64_t n, uint64_t seed = 0) {
  const Tensor u = random_between(0, 1, shape, seed);
  Indices i(shape);
  for (int64_t k = 0; k < i.numel(); ++k)
    i.mutable_data()[k] = index(std::min(double(n - 1), double(u.data()[k]) * double(n)));
  return i;
}

Shape resized(Shape shape, int axis, int64_t n) {
  shape[axis] = n;
  return shape;
}

double dot(const Tensor& a, const Tensor& b) { return sum(a * b).item(); }

struct Case {
  Shape shape;
  int axis;
  int64_t picks;
};
const Case kCases[] = {{{5}, 0, 8},        {{4, 6}, 0, 3},    {{4, 6}, 1, 9},      {{2, 3, 4}, 1, 5},
                       {{2, 3, 4}, -1, 1}, {{1, 7, 1}, 1, 0}, {{600, 70}, 0, 900}, {{600, 70}, 1, 100}};

TEST(Indexing, GatherPicksAndScatterAddPutsBack) {
  for (const auto& [shape, axis, picks] : kCases) {
    const Tensor x = random(shape);
    const Indices i = random_indices(resized(shape, axis, picks), shape[axis]);
    const Tensor y = gather(x, axis, i);
    const int a = shape.at(axis);
    const int64_t inner = shape.product(a + 1, shape.rank()), n = shape[a];
    Tensor want(i.shape());
    for (int64_t k = 0; k < i.numel(); ++k) {
      const int64_t outer = picks ? k / (picks * inner) : 0;
      want.mutable_data()[k] = x.data()[(outer * n + i.data()[k]) * inner + k % inner];
    }
    expect_close(y, want, 0);
    const Tensor v = random(y.shape(), 1);  // <gather x, v> = <x, scatter_add v>
    EXPECT_NEAR(dot(y, v), dot(x, scatter_add(shape, axis, i, v)), 1e-5 * double(1 + y.numel()));
  }
}

TEST(Indexing, IndexSelectPicksRowsAndIndexAddPutsThemBack) {
  for (const auto& [shape, axis, picks] : kCases) {
    const Tensor x = random(shape);
    const Indices i = random_indices({picks}, shape[axis]);
    const Tensor y = index_select(x, axis, i);
    EXPECT_EQ(y.shape(), resized(shape, axis, picks));
    for (int64_t k = 0; k < picks; ++k) expect_close(select(y, axis, k), select(x, axis, i.data()[k]), 0);
    const Tensor v = random(y.shape(), 1);
    const Tensor sums = index_add(shape, axis, i, v);
    EXPECT_NEAR(dot(y, v), dot(x, sums), 1e-5 * double(1 + y.numel()));
    if (shape.numel() > 1000) continue;
    Tensor want = zeros(shape);
    for (int64_t k = 0; k < picks; ++k) want = want + unslice(slice(v, axis, k, k + 1), shape, axis, i.data()[k]);
    expect_close(sums, want);
  }
}

TEST(Indexing, SumsAreTheSameBitsOnAnyNumberOfThreads) {
  const int before = threads();
  const Tensor g = random({5000, 33});
  const Indices rows = random_indices({5000}, 40), cells = random_indices({5000, 33}, 7);
  auto all = [&] {
    return std::vector{index_add({40, 33}, 0, rows, g), index_add({33, 40}, 1, rows, transpose(g, 0, 1)),
                       scatter_add({5000, 7}, 1, slice(cells, 1, 0, 20), slice(g, 1, 0, 20))};
  };
  set_threads(1);
  const std::vector<Tensor> one = all();
  for (int n : {2, 3, 4}) {
    set_threads(n);
    const std::vector<Tensor> many = all();
    for (size_t i = 0; i < one.size(); ++i)
      EXPECT_EQ(max_difference(many[i], one[i]), 0) << i << ", " << n << " threads";
  }
  set_threads(before);
}

TEST(Indexing, EmbeddingLooksUpRows) {
  const Var table = parameter(random({10, 3}));
  const Indices tokens = indices({1, 9, 1, 0, 3, 1}).reshape({2, 3});
  const Var y = embedding(tokens, table);
  EXPECT_EQ(y.shape(), Shape({2, 3, 3}));
  expect_close(y.value().row(0).row(1), table.value().row(9), 0);
  const Tensor g = grad(sum(y), {table})[0].value();  // how often each was looked up
  expect_close(sum(g, 1), tensor({3, 9, 0, 3, 0, 0, 0, 0, 0, 3}), 0);
}

TEST(Indexing, OneHot) {
  expect_close(one_hot(indices({2, 0}), 3), matrix({{0, 0, 1}, {1, 0, 0}}), 0);
  EXPECT_EQ(one_hot(indices({0, 1, 1, 0}).reshape({2, 2}), 5).shape(), Shape({2, 2, 5}));
}

TEST(Indexing, IndicesCanBeSelectedToo) {
  const Indices labels = indices({5, 6, 7});
  EXPECT_EQ(to_string(index_select(labels, 0, indices({2, 0, 2}))), to_string(indices({7, 5, 7})));
}

TEST(Indexing, SortIsAStableOrder) {
  for (const auto& [shape, axis, picks] : kCases)
    for (bool descending : {false, true}) {
      const Tensor x = round(random(shape) * real(2));  // with equals
      const auto [values, where] = sort(x, axis, {.descending = descending});
      expect_close(gather(x, axis, where), values, 0);
      for (int64_t k = 1; k < shape[axis]; ++k) {
        const Tensor a = select(values, axis, k - 1), b = select(values, axis, k);
        const Tensor p = to_tensor(select(where, axis, k - 1)), q = to_tensor(select(where, axis, k));
        for (int64_t i = 0; i < a.numel(); ++i) {
          const real first = a.data()[i], second = b.data()[i];
          EXPECT_TRUE(descending ? first >= second : first <= second);
          EXPECT_TRUE(first != second || p.data()[i] < q.data()[i]);
        }
      }
      // A permutation: every position once.
      expect_close(sort(to_tensor(where), axis).values, sort(to_tensor(argsort(to_tensor(where), axis)), axis).values,
                   0);
      EXPECT_EQ(sum(to_tensor(where)).item(), real(shape.numel() * (shape[axis] - 1) / 2));
    }
}

TEST(Indexing, NaNSortsAsTheLargest) {
  const Tensor x = tensor({kNaN, 1, kInfinity, kNaN, -kInfinity});
  EXPECT_EQ(to_string(argsort(x, 0)), to_string(indices({4, 1, 2, 0, 3})));
  EXPECT_EQ(to_string(argsort(x, 0, {.descending = true})), to_string(indices({0, 3, 2, 1, 4})));
}

TEST(Indexing, TopkIsTheHeadOfASort) {
  const Tensor x = round(random({4, 30, 3}) * real(3));
  for (int axis : {0, 1, 2})
    for (int64_t k : {int64_t(0), int64_t(1), x.size(axis) / 2, x.size(axis)}) {
      const auto largest = topk(x, k, axis), all = sort(x, axis, {.descending = true});
      expect_close(largest.values, slice(all.values, axis, 0, k), 0);
      expect_close(to_tensor(largest.indices), to_tensor(slice(all.indices, axis, 0, k)), 0);
      expect_close(topk(x, k, axis, {.largest = false}).values, slice(sort(x, axis).values, axis, 0, k), 0);
    }
}

TEST(Indexing, SearchsortedFindsThePlace) {
  const Tensor s = tensor({1, 2, 2, 5});
  const Tensor v = tensor({0, 1, 1.5, 2, 3, 5, 6});
  EXPECT_EQ(to_string(searchsorted(s, v)), to_string(indices({0, 0, 1, 1, 3, 3, 4})));
  EXPECT_EQ(to_string(searchsorted(s, v, {.right = true})), to_string(indices({0, 1, 1, 3, 3, 4, 4})));
  const Tensor rows = sort(random({6, 5, 9}), -1).values, values = random({6, 5, 4}, 1);
  const Indices places = searchsorted(rows, values);
  for (int64_t i = 0; i < values.numel(); ++i) {
    int64_t below = 0;
    for (int64_t k = 0; k < 9; ++k) below += rows.data()[i / 4 * 9 + k] < values.data()[i];
    EXPECT_EQ(places.data()[i], below);
  }
}

TEST(Indexing, Misuse) {
  const Tensor x = random({2, 3});
  expect_error(
      [&] {
        gather(x, 1, indices({0, 3}).reshape({2, 1}));
      },
      "gather: index 3 is not in [0, 3), axis 1 of shape [2, 3]");
  expect_error([&] { gather(x, 1, indices({0, -1}).reshape({2, 1})); }, "index -1 is not in [0, 3)");
  expect_error([&] { gather(x, 1, indices({0, 1})); }, "gather: index [2] for shape [2, 3]");
  expect_error([&] { gather(x, 1, indices({0})); }, "gather: index [1] for shape [2, 3]");
  expect_error([&] { scatter_add({2, 3}, 1, indices({0, 1}).reshape({2, 1}), x); }, "index [2, 1] for values [2, 3]");
  expect_error([&] { index_select(x, 0, indices({2})); }, "index_select: index 2 is not in [0, 2), axis 0");
  expect_error([&] { index_select(x, 0, indices({1}).reshape({1, 1})); }, "index_select: index [1, 1]; [n] expected");
  expect_error([&] { index_add({2, 3}, 0, indices({0}), x); }, "index_add: index [1] and values [2, 3]");
  expect_error([&] { one_hot(indices({1, 4}), 4); }, "one_hot: index 4 is not in [0, 4)");
  expect_error([&] { embedding(indices({0}), Var(random({3}))); }, "embedding: weight [3]; [V, D] expected");
  expect_error([&] { topk(x, 4, 1); }, "topk: 4 of axis 1 of shape [2, 3]");
  expect_error([&] { searchsorted(x, random({3, 1})); }, "searchsorted: sorted [2, 3] for values [3, 1]");
}

TEST(Indexing, AnIndexChangedBeforeBackwardIsCaught) {
  const Var x = parameter(random({4}));
  Indices i = indices({0, 1});
  const Var y = sum(index_select(x, 0, i));
  i.mutable_data()[0] = 3;
  expect_error([&] { backward(y); }, "index_select: the index was changed in place");
}

// ---- Derivatives ----------------------------------------------------------------------------------------------------

TEST(Indexing, Gradients) {
  SKIP_IN_FLOAT();
  using V = const std::vector<Var>&;
  for (const auto& c : kCases) {
    const Shape shape = c.shape;
    const int axis = c.axis;
    if (shape.numel() > 1000) continue;
    const Tensor x = random(shape), y = random(resized(shape, axis, c.picks), 1);
    const Indices i = random_indices(y.shape(), shape[axis]), rows = random_indices({c.picks}, shape[axis]);
    expect_gradients([&](V v) { return gather(square(v[0]), axis, i); }, {x});
    expect_gradients([&](V v) { return scatter_add(square(v[0]), axis, i, square(v[1])); }, {x, y});
    expect_gradients([&](V v) { return index_select(square(v[0]), axis, rows); }, {x});
    expect_gradients([&](V v) { return index_add(square(v[0]), axis, rows, square(v[1])); }, {x, y});
    expect_gradients([&](V v) { return sort(v[0] * v[0], axis).values; }, {x});
    expect_gradients([&](V v) { return topk(v[0] * v[0], (shape[axis] + 1) / 2, axis).values; }, {x});
  }
  const Indices tokens = indices({3, 0, 3, 1}).reshape({2, 2});
  expect_gradients([&](V v) { return square(embedding(tokens, v[0])); }, {random({5, 3})});
}

}  // namespace
}  // namespace bijou

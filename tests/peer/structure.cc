#include "autograd/elementwise.h"
#include "autograd/functional.h"
#include "peer.h"

namespace bijou::peer {
namespace {

using Function = std::function<Var(const Vars&)>;
std::function<Vars(const Vars&)> one(Function f) {
  return [f](const Vars& x) -> Vars { return {f(x)}; };
}
Var constant(const Indices& i) { return to_tensor(i); }

// f(x, axes, keepdim)
Case reduction(const char* name, Var (*f)(const Var&, const Axes&, KeepDim)) {
  return {name, [=](Draw& d) -> Problem {
            const Shape shape = d.shape(1, 4);
            const Axes axes = d.axes(shape);
            const bool keep = d.coin();
            return {{d.normal(shape)},
                    one([=](const Vars& x) { return f(x[0], axes, {.keepdim = keep}); }),
                    {{"axes", list(axes)}, {"keepdim", number(keep)}}};
          }};
}

Case whole(const char* name, Var (*f)(const Var&)) {
  return {name, [=](Draw& d) -> Problem {
            return {{d.normal(d.shape())}, one([f](const Vars& x) { return f(x[0]); })};
          }};
}

// f(x, axis)
Case along(const char* name, Var (*f)(const Var&, int)) {
  return {name, [=](Draw& d) -> Problem {
            const Shape shape = d.shape(1, 4);
            const int axis = d.axis(shape);
            return {{d.normal(shape)}, one([=](const Vars& x) { return f(x[0], axis); }), {{"axis", number(axis)}}};
          }};
}

// Values and positions along an axis.
Case ordering(const char* name, std::function<ValuesAndIndices<Var>(const Var&, int, bool)> f) {
  return {name, [=](Draw& d) -> Problem {
            const Shape shape = d.shape(1, 4);
            const int axis = d.axis(shape);
            const bool flag = d.coin();
            return {{d.normal(shape)},
                    [=](const Vars& x) -> Vars {
                      const auto y = f(x[0], axis, flag);
                      return {y.values, constant(y.indices)};
                    },
                    {{"axis", number(axis)}, {"flag", number(flag)}}};
          }};
}

Problem variance(Draw& d, Var (*f)(const Var&, const Axes&, VarOptions)) {
  Shape shape = d.shape(1, 4);
  for (int a = 0; a < shape.rank(); ++a) shape[a] = std::max<int64_t>(shape[a], 2);
  const Axes axes = d.axes(shape);
  const bool unbiased = d.coin(), keep = d.coin();
  return {{d.normal(shape)},
          one([=](const Vars& x) { return f(x[0], axes, {.unbiased = unbiased, .keepdim = keep}); }),
          {{"axes", list(axes)}, {"keepdim", number(keep)}, {"unbiased", number(unbiased)}}};
}

Problem product(Draw& d) {
  const bool ta = d.coin(), tb = d.coin();
  const int64_t m = d.size(1, 9), k = d.size(1, 40), n = d.size(1, 9), batch = d.size(1, 3), more = d.size(1, 3);
  Shape a, b;
  if (d.coin()) a.push_back(more);
  if (d.coin()) a.push_back(d.coin() ? batch : 1);
  else if (a.rank()) a.push_back(1);
  if (d.coin()) b.push_back(batch);
  for (int64_t size : {ta ? k : m, ta ? m : k}) a.push_back(size);
  for (int64_t size : {tb ? n : k, tb ? k : n}) b.push_back(size);
  return {{d.normal(a), d.normal(b)},
          one([=](const Vars& x) { return matmul(x[0], x[1], {.transpose_a = ta, .transpose_b = tb}); }),
          {{"ta", number(ta)}, {"tb", number(tb)}}};
}

Problem product_with_vectors(Draw& d) {
  const int64_t k = d.size(1, 20);
  const Shape vector{k}, left{d.size(), d.size(), k}, right{d.size(), k, d.size()};
  const int64_t which = d.size(0, 2);
  return {{d.normal(which == 1 ? left : vector), d.normal(which == 2 ? right : vector)},
          one([](const Vars& x) { return matmul(x[0], x[1]); })};
}

Problem affine(Draw& d) {
  Shape shape = d.shape(1, 3);
  const int64_t out = d.size(1, 20);
  return {{d.normal(shape), d.normal({out, shape[-1]}), d.normal({out})},
          one([](const Vars& x) { return linear(x[0], x[1], x[2]); })};
}

Problem permuted(Draw& d) {
  const Shape shape = d.shape(1, 5);
  Axes order{};
  for (index a : randperm(shape.rank(), d.g)) order.list.push_back(d.coin() ? int(a) : int(a) - shape.rank());
  return {{d.normal(shape)}, one([=](const Vars& x) { return permute(x[0], order); }), {{"axes", list(order)}}};
}

Problem transposed(Draw& d) {
  const Shape shape = d.shape(1, 4);
  const int a = d.axis(shape), b = d.axis(shape);
  return {{d.normal(shape)},
          one([=](const Vars& x) { return transpose(x[0], a, b); }),
          {{"a", number(a)}, {"b", number(b)}}};
}

struct Cut {
  Shape shape;
  int axis;
  int64_t start, stop, step;
  NamedTensors numbers;
};
Cut cut(Draw& d) {
  const Shape shape = d.shape(1, 4);
  const int axis = d.axis(shape);
  const int64_t start = d.size(0, shape[axis] - 1), stop = d.size(start + 1, shape[axis]), step = d.size(1, 3);
  return {shape,
          axis,
          start,
          stop,
          step,
          {{"axis", number(axis)},
           {"start", number(double(start))},
           {"stop", number(double(stop))},
           {"step", number(double(step))},
           {"shape", list(shape)}}};
}

Problem sliced(Draw& d) {
  const Cut c = cut(d);
  return {
      {d.normal(c.shape)}, one([=](const Vars& x) { return slice(x[0], c.axis, c.start, c.stop, c.step); }), c.numbers};
}

Problem unsliced(Draw& d) {
  const Cut c = cut(d);
  Shape shape = c.shape;
  shape[c.axis] = (c.stop - c.start + c.step - 1) / c.step;
  return {{d.normal(shape)},
          one([=](const Vars& x) { return unslice(x[0], c.shape, c.axis, c.start, c.step); }),
          c.numbers};
}

// narrow, select, squeeze, unsqueeze, roll, chunk, split and stack, one after the other.
Problem words_for_slices(Draw& d) {
  const Shape shape{d.size(4, 6), d.size(5, 9), d.size(1, 5)};
  const int64_t shift = d.size(-9, 9);
  return {{d.normal(shape)},
          [=](const Vars& x) -> Vars {
            const auto parts = chunk(x[0], 3, 1);
            return {narrow(x[0], 1, 1, 3),
                    select(x[0], 0, -2),
                    unsqueeze(squeeze(narrow(x[0], 1, 2, 1), 1), -1),
                    roll(x[0], shift, 1),
                    parts[0] * parts[0],
                    split(x[0], {1, x[0].size(1) - 1}, 1)[1],
                    stack({select(x[0], 1, 0), select(x[0], 1, 3)}, -1)};
          },
          {{"shift", number(double(shift))}}};
}

Problem flipped(Draw& d) {
  const Shape shape = d.shape(1, 4);
  const Axes axes = d.axes(shape);
  return {{d.normal(shape)}, one([=](const Vars& x) { return flip(x[0], axes); }), {{"axes", list(axes)}}};
}

Problem joined(Draw& d) {
  Shape shape = d.shape(1, 4);
  const int axis = d.axis(shape);
  std::vector<Tensor> parts;
  for (int k = 0; k < 3; ++k) {
    shape[axis] = d.size(0, 4);
    parts.push_back(d.normal(shape));
  }
  return {parts, one([=](const Vars& x) { return concat(x, axis); }), {{"axis", number(axis)}}};
}

Problem padded(Draw& d) {
  const Shape shape = d.shape(1, 4);
  std::vector<int64_t> widths;
  for (int64_t axes = d.size(1, shape.rank()); axes > 0; --axes)
    widths.insert(widths.end(), {d.size(0, 3), d.size(0, 3)});
  return {{d.normal(shape)}, one([=](const Vars& x) { return pad(x[0], widths, 2); }), {{"widths", list(widths)}}};
}

Problem triangles(Draw& d) {
  const int64_t diagonal = d.size(-2, 2);
  return {{d.normal(d.shape(2, 4))},
          [=](const Vars& x) -> Vars {
            return {tril(x[0], diagonal), triu(x[0], diagonal)};
          },
          {{"diagonal", number(double(diagonal))}}};
}

Problem reshaped(Draw& d) {
  const Shape shape = d.shape(1, 4);
  return {{d.normal(shape)}, one([=](const Vars& x) { return reshape(x[0], {-1, shape[0]}); })};
}

Problem stretched(Draw& d, bool down) {
  const Shape large = d.shape(1, 4);
  Shape small;
  for (int64_t a = d.size(0, large.rank()); a < large.rank(); ++a) small.push_back(d.coin() ? large[int(a)] : 1);
  return {{d.normal(down ? large : small)},
          one([=](const Vars& x) { return down ? sum_to(x[0], small) : broadcast_to(x[0], large); }),
          {{"shape", list(down ? small : large)}}};
}

struct Pick {
  Shape shape, picked;
  int axis;
  Indices index;
};
Pick pick(Draw& d) {
  Pick p{d.shape(1, 4), {}, 0, {}};
  p.axis = d.axis(p.shape);
  p.picked = p.shape;
  p.picked[p.axis] = d.size(1, 6);
  p.index = d.below(p.shape[p.axis], p.picked);
  return p;
}

Problem gathered(Draw& d) {
  const Pick p = pick(d);
  return {{d.normal(p.shape)},
          one([=](const Vars& x) { return gather(x[0], p.axis, p.index); }),
          {{"axis", number(p.axis)}},
          {{"index", p.index}}};
}

Problem scattered(Draw& d) {
  const Pick p = pick(d);
  return {{d.normal(p.shape), d.normal(p.picked)},
          [=](const Vars& x) -> Vars {
            return {scatter_add(x[0], p.axis, p.index, x[1]), scatter_add(p.shape, p.axis, p.index, x[1])};
          },
          {{"axis", number(p.axis)}},
          {{"index", p.index}}};
}

Problem selected(Draw& d) {
  const Pick p = pick(d);
  const Indices index = d.below(p.shape[p.axis], {p.picked[p.axis]});
  return {{d.normal(p.shape)},
          one([=](const Vars& x) { return index_select(x[0], p.axis, index); }),
          {{"axis", number(p.axis)}},
          {{"index", index}}};
}

Problem added(Draw& d) {
  const Pick p = pick(d);
  const Indices index = d.below(p.shape[p.axis], {p.picked[p.axis]});
  return {{d.normal(p.shape), d.normal(p.picked)},
          [=](const Vars& x) -> Vars {
            return {index_add(x[0], p.axis, index, x[1]), index_add(p.shape, p.axis, index, x[1])};
          },
          {{"axis", number(p.axis)}},
          {{"index", index}}};
}

Problem embedded(Draw& d) {
  const int64_t words = d.size(1, 9);
  const Indices tokens = d.below(words, d.shape(1, 3));
  return {{d.normal({words, d.size(1, 20)})},
          one([=](const Vars& x) { return embedding(tokens, x[0]); }),
          {},
          {{"index", tokens}}};
}

Problem nll(Draw& d) {
  const int64_t n = d.size(2, 8), classes = d.size(1, 40);
  Indices target = d.below(classes, {n});
  target.mutable_data()[0] = kIgnoreIndex;
  return {{d.normal({n, classes})},
          one([=](const Vars& x) { return nll_of_logits(x[0], target); }),
          {},
          {{"index", target}}};
}

// Ops without a gradient.
Problem positions(Draw& d) {
  const Shape shape = d.shape(1, 3);
  const int axis = d.axis(shape);
  const int64_t classes = d.size(1, 7);
  const Indices labels = d.below(classes, d.shape(1, 2));
  const Tensor rows = sort(d.normal({3, 7}), -1).values;
  return {{d.normal(shape), d.normal({3, 4})},
          [=](const Vars& x) -> Vars {
            const Tensor& v = x[0].value();
            return {constant(argmax(v, axis)),
                    constant(argmin(v, axis, {.keepdim = true})),
                    constant(argsort(v, axis)),
                    one_hot(labels, classes),
                    constant(searchsorted(rows, x[1].value())),
                    constant(searchsorted(rows, rows, {.right = true}))};
          },
          {{"axis", number(axis)}, {"classes", number(double(classes))}},
          {{"index", labels}},
          {{"rows", rows}}};
}

// Whole derivatives of f(x) = sin(A x) x_0, and of its sum.
Problem functional(Draw& d) {
  const int64_t n = d.size(1, 5), m = d.size(1, 5);
  const Tensor a = d.normal({m, n});
  const auto f = [=](const Var& x) { return sin(matmul(Var(a), x)) * select(x, 0, 0); };
  return {
      {d.normal({n}), d.normal({m}), d.normal({n})},
      [=](const Vars& x) -> Vars {
        const Tensor &at = x[0].value(), &v = x[1].value(), &u = x[2].value();
        const auto loss = [=](const Var& y) { return sum(f(y)); };
        const Tensor hu = hvp([&] { return loss(x[0]); }, std::array{x[0]}, std::array{u})[0];
        return {
            vjp(f, at, v), jvp(f, at, u), jacobian(f, at), hessian(loss, at), hu, checkpoint([=] { return f(x[0]); })};
      },
      {},
      {},
      {{"a", a}}};
}

}  // namespace

void structure_cases(Cases& cases) {
  cases.insert(
      cases.end(),
      {
          whole("sum", sum),
          whole("mean", mean),
          whole("max", max),
          whole("min", min),
          reduction("sum_axes", sum),
          reduction("mean_axes", mean),
          reduction("amax", amax),
          reduction("amin", amin),
          reduction("logsumexp", logsumexp),
          {"var", [](Draw& d) { return variance(d, var); }},
          {"std", [](Draw& d) { return variance(d, stddev); }},
          along("cumsum", cumsum),
          along("softmax", softmax),
          along("log_softmax", log_softmax),
          ordering("max_axis", [](const Var& x, int axis, bool keep) { return max(x, axis, {.keepdim = keep}); }),
          ordering("min_axis", [](const Var& x, int axis, bool keep) { return min(x, axis, {.keepdim = keep}); }),
          ordering("sort", [](const Var& x, int axis, bool down) { return sort(x, axis, {.descending = down}); }),
          ordering("topk", [](const Var& x, int axis,
                              bool largest) { return topk(x, (x.size(axis) + 1) / 2, axis, {.largest = largest}); }),
          {"matmul", product},
          {"matmul_vectors", product_with_vectors},
          {"linear", affine},
          {"reshape", reshaped},
          {"broadcast_to", [](Draw& d) { return stretched(d, false); }},
          {"sum_to", [](Draw& d) { return stretched(d, true); }},
          {"permute", permuted},
          {"transpose", transposed},
          {"slice", sliced},
          {"unslice", unsliced},
          {"words_for_slices", words_for_slices},
          {"flip", flipped},
          {"concat", joined},
          {"pad", padded},
          {"triangles", triangles},
          {"gather", gathered},
          {"scatter_add", scattered},
          {"index_select", selected},
          {"index_add", added},
          {"embedding", embedded},
          {"nll_of_logits", nll},
          {"positions", positions},
          {"functional", functional},
      });
}

}  // namespace bijou::peer

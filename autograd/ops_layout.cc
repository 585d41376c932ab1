// Rearranging Vars. What moves numbers forward, moved the other way, is its own rule: permute and its inverse, slice
// and unslice, concat and slices.
#include "autograd/ops.h"

namespace bijou {

Var permute(const Var& x, const Axes& order) {
  return record("permute", permute(x.value(), order), {x}, [order](const Node& y, const Var& g, Grads& d) {
    Axes inverse = order;
    for (int a = 0; a < y.value.dim(); ++a) inverse.list[size_t(y.in_shape(0).at(order.list[size_t(a)]))] = a;
    d[0] = permute(g, inverse);
  });
}

Var transpose(const Var& x, int a, int b) {
  return record("transpose", transpose(x.value(), a, b), {x},
                [a, b](const Node&, const Var& g, Grads& d) { d[0] = transpose(g, a, b); });
}

Var slice(const Var& x, int axis, int64_t start, int64_t stop, int64_t step) {
  const Tensor value = slice(x.value(), axis, start, stop, step);
  const int64_t first = start < 0 ? start + x.size(axis) : start;
  return record("slice", value, {x},
                [=](const Node& y, const Var& g, Grads& d) { d[0] = unslice(g, y.in_shape(0), axis, first, step); });
}

Var unslice(const Var& y, const Shape& shape, int axis, int64_t start, int64_t step) {
  const int64_t n = y.size(axis), stop = n ? start + (n - 1) * step + 1 : start;
  return record("unslice", unslice(y.value(), shape, axis, start, step), {y},
                [=](const Node&, const Var& g, Grads& d) { d[0] = slice(g, axis, start, stop, step); });
}

Var flip(const Var& x, const Axes& axes) {
  return record("flip", flip(x.value(), axes), {x},
                [axes](const Node&, const Var& g, Grads& d) { d[0] = flip(g, axes); });
}

Var concat(std::span<const Var> parts, int axis) {
  std::vector<Tensor> values;
  for (const Var& part : parts) values.push_back(part.value());
  return record("concat", concat(values, axis), parts, [axis](const Node& y, const Var& g, Grads& d) {
    int64_t start = 0;
    for (int i = 0; i < int(y.inputs.size()); ++i) {
      const int64_t stop = start + y.in_shape(i)[axis];
      if (d.wants(i)) d[i] = slice(g, axis, start, stop);
      start = stop;
    }
  });
}

Var pad(const Var& x, const std::vector<int64_t>& widths, real value) {
  return record("pad", pad(x.value(), widths, value), {x}, [widths](const Node& y, const Var& g, Grads& d) {
    d[0] = g;
    for (size_t k = 0; k < widths.size(); k += 2) {
      const int axis = -1 - int(k / 2);
      d[0] = narrow(d[0], axis, widths[k], y.in_shape(0)[axis]);
    }
  });
}

Var tril(const Var& x, int64_t diagonal) {
  return record("tril", tril(x.value(), diagonal), {x},
                [diagonal](const Node&, const Var& g, Grads& d) { d[0] = tril(g, diagonal); });
}
Var triu(const Var& x, int64_t diagonal) {
  return record("triu", triu(x.value(), diagonal), {x},
                [diagonal](const Node&, const Var& g, Grads& d) { d[0] = triu(g, diagonal); });
}

}  // namespace bijou

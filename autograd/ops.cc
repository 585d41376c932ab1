#include "autograd/ops.h"

#include "autograd/elementwise.h"
#include "autograd/map.h"
#include "tensor/elementwise.h"

namespace bijou {

// ---- Shape ----------------------------------------------------------------------------------------------------------

Var reshape(const Var& x, const Shape& shape) {
  return record("reshape", x.value().reshape(shape), {x},
                [](const Node& y, const Var& g, Grads& d) { d[0] = reshape(g, y.in_shape(0)); });
}

Var broadcast_to(const Var& x, const Shape& shape) {
  return record("broadcast_to", broadcast_to(x.value(), shape), {x},
                [](const Node& y, const Var& g, Grads& d) { d[0] = sum_to(g, y.in_shape(0)); });
}

Var sum_to(const Var& x, const Shape& shape) {
  return record("sum_to", sum_to(x.value(), shape), {x},
                [](const Node& y, const Var& g, Grads& d) { d[0] = broadcast_to(g, y.in_shape(0)); });
}

// ---- Reductions -----------------------------------------------------------------------------------------------------

Var sum(const Var& x) { return sum_to(x, {}); }
Var mean(const Var& x) { return sum(x) * (1 / real(x.numel())); }

Var sum(const Var& x, const Axes& axes, KeepDim keep) {
  const Var y = sum_to(x, reduced_shape(x.shape(), axes, {.keepdim = true}, "sum"));
  return keep.keepdim ? y : reshape(y, reduced_shape(x.shape(), axes, keep, "sum"));
}

Var mean(const Var& x, const Axes& axes, KeepDim keep) {
  const Var y = sum(x, axes, keep);
  return y * (real(y.numel()) / real(x.numel()));
}

Var var(const Var& x, const Axes& axes, VarOptions o) {
  const Var y = sum(square(x - mean(x, axes, {.keepdim = true})), axes, {.keepdim = o.keepdim});
  return y / (real(x.numel()) / real(y.numel()) - (o.unbiased ? 1 : 0));
}

// Where all x are equal the root's infinite slope would meet a variance that does not move: 0, as PyTorch has it.
Var stddev(const Var& x, const Axes& axes, VarOptions options) {
  return map(
      "stddev", [](auto v) { return where(v == 0, 0, sqrt(where(v == 0, 1, v))); }, var(x, axes, options));
}

namespace {

// A result, or its gradient, with the reduced axes as size 1: stretches to the input.
Shape kept_shape(const Node& y, const Axes& axes) {
  return reduced_shape(y.in_shape(0), axes, {.keepdim = true}, y.op);
}

// y is the largest or smallest x: dL/dx_i = g where x_i = y, shared among equals.
Var extreme(const char* op, Tensor value, const Var& x, const Axes& axes) {
  return record(op, std::move(value), {x}, [axes](const Node& y, const Var& g, Grads& d) {
    const Shape kept = kept_shape(y, axes);
    const Tensor hit = y.in(0).value() == y.out().reshape(kept);
    d[0] = Var(hit / sum(hit, axes, {.keepdim = true})) * reshape(g, kept);
  });
}

}  // namespace

Var amax(const Var& x, const Axes& axes, KeepDim keep) { return extreme("amax", amax(x.value(), axes, keep), x, axes); }
Var amin(const Var& x, const Axes& axes, KeepDim keep) { return extreme("amin", amin(x.value(), axes, keep), x, axes); }
Var max(const Var& x) { return amax(x, all_axes(x.shape())); }
Var min(const Var& x) { return amin(x, all_axes(x.shape())); }

// dL/dx = g exp(x - y): the softmax. Where all x are -inf, 0.
Var logsumexp(const Var& x, const Axes& axes, KeepDim keep) {
  return record("logsumexp", logsumexp(x.value(), axes, keep), {x}, [axes](const Node& y, const Var& g, Grads& d) {
    const Shape kept = kept_shape(y, axes);
    const Var total = grad_enabled() ? logsumexp(y.in(0), axes, {.keepdim = true}) : Var(y.out().reshape(kept));
    d[0] = map([](auto x, auto t, auto g) { return g * exp(x - where(t == -kInfinity, 0, t)); }, y.in(0), total,
               reshape(g, kept));
  });
}

// y_k = x_0 + ... + x_k, so dL/dx_k = g_k + ... + g_last.
Var cumsum(const Var& x, int axis) {
  return record("cumsum", cumsum(x.value(), axis), {x},
                [axis](const Node&, const Var& g, Grads& d) { d[0] = flip(cumsum(flip(g, axis), axis), axis); });
}

// dL/dx = y (g - sum y g).
Var softmax(const Var& x, int axis) {
  return record("softmax", softmax(x.value(), axis), {x}, [axis](const Node& y, const Var& g, Grads& d) {
    if (!grad_enabled()) return void(d[0] = softmax_vjp(y.out(), g.value(), axis));
    const Var s = softmax(y.in(0), axis);
    d[0] = s * (g - sum(s * g, axis, {.keepdim = true}));
  });
}

// dL/dx = g - softmax(x) sum g.
Var log_softmax(const Var& x, int axis) {
  return record("log_softmax", log_softmax(x.value(), axis), {x}, [axis](const Node& y, const Var& g, Grads& d) {
    if (!grad_enabled()) return void(d[0] = log_softmax_vjp(y.out(), g.value(), axis));
    d[0] = g - softmax(y.in(0), axis) * sum(g, axis, {.keepdim = true});
  });
}

// ---- Products -------------------------------------------------------------------------------------------------------

// y = a b: dL/da = g bᵀ, dL/db = aᵀ g. Where an operand came in transposed, so does its gradient.
// Leading axes that were broadcast are summed by the engine.
Var matmul(const Var& a, const Var& b, MatmulOptions o) {
  if (a.dim() == 1 || b.dim() == 1) {  // vectors: through matrices
    const Var left = a.dim() == 1 ? reshape(a, {1, -1}) : a, right = b.dim() == 1 ? reshape(b, {-1, 1}) : b;
    return reshape(matmul(left, right, o), matmul(a.value(), b.value(), o).shape());
  }
  return record("matmul", matmul(a.value(), b.value(), o), {a, b}, [o](const Node& y, const Var& g, Grads& d) {
    if (d.wants(0))
      d[0] = o.transpose_a ? matmul(y.in(1), g, {.transpose_a = o.transpose_b, .transpose_b = true})
                           : matmul(g, y.in(1), {.transpose_b = !o.transpose_b});
    if (d.wants(1))
      d[1] = o.transpose_b ? matmul(g, y.in(0), {.transpose_a = true, .transpose_b = o.transpose_a})
                           : matmul(y.in(0), g, {.transpose_a = !o.transpose_a});
  });
}

Var linear(const Var& x, const Var& w, const Var& b) {
  check(x.dim() >= 1 && w.dim() == 2 && x.size(-1) == w.size(1), "linear: x ", x.shape(), " x w ", w.shape(),
        "ᵀ: the last axis of x and of w differ");
  check(!b || b.shape() == Shape{w.size(0)}, "linear: bias of shape ", b ? b.shape() : Shape{}, " for ", w.size(0),
        " outputs");
  const Tensor rows = x.value().reshape({-1, x.size(-1)});
  Shape shape = x.shape();
  shape[-1] = w.size(0);
  Tensor value;
  if (b) {  // the product is added to the bias where it lies
    value = broadcast_to(b.value(), {rows.size(0), w.size(0)});
    matmul_add(value, rows, w.value(), {.transpose_b = true});
  } else {
    value = matmul(rows, w.value(), {.transpose_b = true});
  }
  return record("linear", value.reshape(shape), {x, w, b}, [](const Node& y, const Var& g, Grads& d) {
    if (d.wants(0)) d[0] = matmul(g, y.in(1));
    if (d.wants(1)) {
      const Var rows_g = reshape(g, {-1, g.size(-1)}), rows_x = reshape(y.in(0), {-1, y.in(0).size(-1)});
      d[1] = matmul(rows_g, rows_x, {.transpose_a = true});
    }
    if (d.wants(2)) d[2] = g;  // the engine sums it to [out]
  });
}

}  // namespace bijou

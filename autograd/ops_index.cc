// Picking and adding by position: each is the other's rule. Sorting, and the likelihood of a class, pick too.
#include "autograd/elementwise.h"
#include "autograd/map.h"
#include "autograd/ops.h"

namespace bijou {
namespace {

// Positions kept for the backward pass, which must not change meanwhile.
class Saved {
 public:
  explicit Saved(const Indices& index) : index_(index), version_(index.version()) {}
  const Indices& get(const Node& y) const {
    check(index_.version() == version_, y.op, ": the index was changed in place after it was saved for backward");
    return index_;
  }

 private:
  Indices index_;
  uint32_t version_;
};

}  // namespace

Var gather(const Var& x, int axis, const Indices& index) {
  return record("gather", gather(x.value(), axis, index), {x},
                [axis, saved = Saved(index)](const Node& y, const Var& g, Grads& d) {
                  d[0] = scatter_add(y.in_shape(0), axis, saved.get(y), g);
                });
}
Var scatter_add(const Shape& shape, int axis, const Indices& index, const Var& x) {
  return record(
      "scatter_add", scatter_add(shape, axis, index, x.value()), {x},
      [axis, saved = Saved(index)](const Node& y, const Var& g, Grads& d) { d[0] = gather(g, axis, saved.get(y)); });
}
Var scatter_add(const Var& x, int axis, const Indices& index, const Var& y) {
  return x + scatter_add(x.shape(), axis, index, y);
}

Var index_select(const Var& x, int axis, const Indices& index) {
  return record("index_select", index_select(x.value(), axis, index), {x},
                [axis, saved = Saved(index)](const Node& y, const Var& g, Grads& d) {
                  d[0] = index_add(y.in_shape(0), axis, saved.get(y), g);
                });
}
Var index_add(const Shape& shape, int axis, const Indices& index, const Var& x) {
  return record("index_add", index_add(shape, axis, index, x.value()), {x},
                [axis, saved = Saved(index)](const Node& y, const Var& g, Grads& d) {
                  d[0] = index_select(g, axis, saved.get(y));
                });
}
Var index_add(const Var& x, int axis, const Indices& index, const Var& y) {
  return x + index_add(x.shape(), axis, index, y);
}

Var embedding(const Indices& tokens, const Var& weight) {
  check(weight.dim() == 2, "embedding: weight ", weight.shape(), "; [V, D] expected");
  Shape shape = tokens.shape();
  shape.push_back(weight.size(1));
  return reshape(index_select(weight, 0, tokens.flatten()), shape);
}

// ---- Along an axis, with positions ----------------------------------------------------------------------------------

namespace {

ValuesAndIndices<Var> pick(const Var& x, int axis, const Indices& positions) {
  return {gather(x, axis, positions), positions};
}
ValuesAndIndices<Var> pick_one(const Var& x, int axis, KeepDim keep, const Indices& positions) {
  const Var values = gather(x, axis, positions);
  if (keep.keepdim) return {values, positions};
  return {squeeze(values, axis), squeeze(positions, axis)};
}

}  // namespace

ValuesAndIndices<Var> max(const Var& x, int axis, KeepDim keep) {
  return pick_one(x, axis, keep, argmax(x.value(), axis, {.keepdim = true}));
}
ValuesAndIndices<Var> min(const Var& x, int axis, KeepDim keep) {
  return pick_one(x, axis, keep, argmin(x.value(), axis, {.keepdim = true}));
}
ValuesAndIndices<Var> sort(const Var& x, int axis, SortOptions options) {
  return pick(x, axis, argsort(x.value(), axis, options));
}
ValuesAndIndices<Var> topk(const Var& x, int64_t k, int axis, TopkOptions options) {
  return pick(x, axis, topk(x.value(), k, axis, options).indices);
}

// ---- Likelihood -----------------------------------------------------------------------------------------------------

// dL/dlogits = (softmax(logits) - onehot(target)) g, in one pass over the logits; written with ops where the gradient
// is to be differentiated again.
Var nll_of_logits(const Var& logits, const Indices& target) {
  Nll nll = nll_of_logits(logits.value(), target);
  return record("nll_of_logits", nll.loss, {logits},
                [lse = nll.logsumexp, saved = Saved(target)](const Node& y, const Var& g, Grads& d) {
                  const Indices& t = saved.get(y);
                  if (!grad_enabled()) return void(d[0] = nll_of_logits_vjp(y.in(0).value(), lse, t, g.value()));
                  Tensor counted = ones(t.shape());
                  Indices classes = t.clone();
                  for (int64_t i = 0; i < t.numel(); ++i)
                    if (t.data()[i] == kIgnoreIndex) counted.mutable_data()[i] = 0, classes.mutable_data()[i] = 0;
                  const Var s = softmax(y.in(0), 1), hit = one_hot(classes, s.size(1));
                  d[0] = (s - hit) * unsqueeze(g * Var(counted), 1);
                });
}

}  // namespace bijou

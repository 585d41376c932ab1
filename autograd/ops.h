// Structural ops on Vars: those that are not elementwise (autograd/elementwise.h, autograd/map.h).
// Each is a value and a rule, written side by side in ops.cc, ops_layout.cc and ops_index.cc; names and semantics are
// PyTorch's. What a shape or a position must be, and what throws, stands with the kernels in tensor/.
#pragma once

#include "autograd/var.h"
#include "tensor/indexing.h"
#include "tensor/layout.h"
#include "tensor/matmul.h"
#include "tensor/reduce.h"
#include "tensor/softmax.h"

namespace bijou {

// ---- Shape (ops.cc) -------------------------------------------------------------------------------------------------

Var reshape(const Var& x, const Shape& shape);  // one size may be -1
Var broadcast_to(const Var& x, const Shape& shape);
Var sum_to(const Var& x, const Shape& shape);  // the adjoint of broadcast_to

// ---- Reductions (ops.cc) --------------------------------------------------------------------------------------------

Var sum(const Var& x);  // all elements: shape []
Var sum(const Var& x, const Axes& axes, KeepDim keep = {});
Var mean(const Var& x);
Var mean(const Var& x, const Axes& axes, KeepDim keep = {});

// The mean square distance from the mean, and its root. Unbiased: divided by n - 1.
struct VarOptions {
  bool unbiased = true;
  bool keepdim = false;
};
Var var(const Var& x, const Axes& axes, VarOptions options = {});
Var stddev(const Var& x, const Axes& axes, VarOptions options = {});  // PyTorch's std, a word that C++ has taken

// The largest and smallest over axes, or of all elements. Equals share the gradient evenly.
Var amax(const Var& x, const Axes& axes, KeepDim keep = {});
Var amin(const Var& x, const Axes& axes, KeepDim keep = {});
Var max(const Var& x);
Var min(const Var& x);

Var logsumexp(const Var& x, const Axes& axes, KeepDim keep = {});
Var cumsum(const Var& x, int axis);
Var softmax(const Var& x, int axis);
Var log_softmax(const Var& x, int axis);

// ---- Products (ops.cc) ----------------------------------------------------------------------------------------------

Var matmul(const Var& a, const Var& b, MatmulOptions options = {});
// x wᵀ + b for x [..., in], w [out, in], b [out] or nothing: [..., out].
Var linear(const Var& x, const Var& w, const Var& b);

// ---- Layout (ops_layout.cc) -----------------------------------------------------------------------------------------
// unsqueeze, squeeze, narrow, select, split, chunk, stack and roll are templates of tensor/layout.h and serve Vars too.

Var permute(const Var& x, const Axes& order);
Var transpose(const Var& x, int a, int b);
Var slice(const Var& x, int axis, int64_t start, int64_t stop, int64_t step = 1);
Var unslice(const Var& y, const Shape& shape, int axis, int64_t start, int64_t step = 1);  // the adjoint of slice
Var flip(const Var& x, const Axes& axes);
Var concat(std::span<const Var> parts, int axis);
inline Var concat(std::initializer_list<Var> parts, int axis) {
  return concat(std::span(parts.begin(), parts.size()), axis);
}
Var pad(const Var& x, const std::vector<int64_t>& widths, real value = 0);
Var tril(const Var& x, int64_t diagonal = 0);
Var triu(const Var& x, int64_t diagonal = 0);

// ---- Indexing (ops_index.cc) ----------------------------------------------------------------------------------------

Var gather(const Var& x, int axis, const Indices& index);
Var scatter_add(const Shape& shape, int axis, const Indices& index, const Var& y);  // the adjoint: zeros, and y added
Var scatter_add(const Var& x, int axis, const Indices& index, const Var& y);        // x, and y added
Var index_select(const Var& x, int axis, const Indices& index);
Var index_add(const Shape& shape, int axis, const Indices& index, const Var& y);  // the adjoint: zeros, and y added
Var index_add(const Var& x, int axis, const Indices& index, const Var& y);        // x, and y added
Var embedding(const Indices& tokens, const Var& weight);  // rows of weight [V, D] for tokens [...]: [..., D]

// Along one axis, with positions. The gradient goes to the elements that were picked.
ValuesAndIndices<Var> max(const Var& x, int axis, KeepDim keep = {});
ValuesAndIndices<Var> min(const Var& x, int axis, KeepDim keep = {});
ValuesAndIndices<Var> sort(const Var& x, int axis, SortOptions options = {});
ValuesAndIndices<Var> topk(const Var& x, int64_t k, int axis, TopkOptions options = {});

// -log softmax(logits)[target] of each row: logits [N, C], target [N], result [N]. Where a target is kIgnoreIndex, 0.
Var nll_of_logits(const Var& logits, const Indices& target);

}  // namespace bijou

#include "nn/attention.h"

#include <cmath>

#include "autograd/map.h"
#include "nn/composition.h"
#include "nn/init.h"
#include "tensor/elementwise.h"
#include "tensor/lines.h"
#include "tensor/random.h"

namespace bijou::nn {
namespace {

constexpr int64_t kBlock = 128;  // queries at a time: their weights p stay in the cache, and no [T, T] is ever whole

// Attention as products of matrices that lie in qkv [B, T, 3 D] where they are. For a block of queries Q of one head of
// one example, and the keys K and values V it may see:
//
//   P = softmax(Q Kᵀ / sqrt(d)),   Y = P V
//   dV = Pᵀ dY,   dP = dY Vᵀ,   dS = P (dP - rowsum(P dP)),   dQ = dS K / sqrt(d),   dK = dSᵀ Q / sqrt(d)
//
// Saved is the log-sum-exp of each row of scores, from which the backward pass makes P again.
struct Attention {
  int64_t batch, steps, heads, dim;
  bool causal;
  const real *positions, *padding, *kept;  // [T, T], [B, T], [B, heads, T, T]; each may be null

  int64_t width() const { return dim / heads; }
  int64_t stride() const { return 3 * dim; }
  real scale() const { return real(1 / std::sqrt(double(width()))); }
  Shape scratch_shape() const { return {std::min<int64_t>(threads(), batch * heads), std::min(kBlock, steps), steps}; }

  // One block of queries: rows [first, last) of one head, which see the first `keys` keys.
  struct Block {
    int64_t example, head, first, last, keys;
    int64_t rows() const { return last - first; }
  };
  int64_t in_offset(const Block& b) const { return b.example * steps * stride() + b.head * width(); }
  int64_t out_offset(const Block& b) const { return (b.example * steps + b.first) * dim + b.head * width(); }
  int64_t row_of(const Block& b, int64_t i) const { return (b.example * heads + b.head) * steps + b.first + i; }

  // body(block, scratch) for all blocks; those of one head run one after the other.
  template <class Body>
  void for_blocks(int64_t pieces, const Body& body) const {
    const int64_t work = batch * heads * steps * steps * width();
    parallel_for(pieces, work < (1 << 18) ? pieces : 1, [&](int64_t p, int64_t last) {
      for (; p < last; ++p)
        for (int64_t task = batch * heads * p / pieces; task < batch * heads * (p + 1) / pieces; ++task)
          for (int64_t i = 0; i < steps; i += kBlock) {
            const int64_t end = std::min(i + kBlock, steps);
            body(Block{task / heads, task % heads, i, end, causal ? end : steps}, p);
          }
    });
  }

  // Q Kᵀ / sqrt(d), -infinity where a query may not look. s [rows, steps].
  void scores(const Block& b, const real* qkv, real* s) const {
    const real *k = qkv + in_offset(b) + dim, *q = qkv + in_offset(b) + b.first * stride();
    gemm(false, true, b.rows(), b.keys, width(), scale(), q, stride(), k, stride(), 0, s, steps);
    auto unless = [](Lane s, Lane no) { return where(no != 0, Lane(-kInfinity), s); };
    const Row keys(0, b.keys, 0);
    for (int64_t i = 0; i < b.rows(); ++i, s += steps) {
      if (causal) std::fill(s + b.first + i + 1, s + b.keys, -kInfinity);
      if (positions) keys.write(s, unless, s, positions + (b.first + i) * steps);
      if (padding) keys.write(s, unless, s, padding + b.example * steps);
    }
  }

  // Where weights are dropped: p becomes p kept.
  void drop(const Block& b, real* p) const {
    auto product = [](Lane p, Lane kept) { return p * kept; };
    for (int64_t i = 0; kept && i < b.rows(); ++i, p += steps)
      Row(0, b.keys, 0).write(p, product, p, kept + row_of(b, i) * steps);
  }

  void forward(const real* qkv, Tensor scratch, real* y, real* lse) const {
    real* memory = scratch.mutable_data();
    for_blocks(scratch.size(0), [&, size = scratch.size(1) * steps](const Block& b, int64_t piece) {
      real* p = memory + piece * size;
      scores(b, qkv, p);
      for (int64_t i = 0; i < b.rows(); ++i) lse[row_of(b, i)] = softmax(p + i * steps, b.keys);
      drop(b, p);
      gemm(false, false, b.rows(), width(), b.keys, 1, p, steps, qkv + in_offset(b) + 2 * dim, stride(), 0,
           y + out_offset(b), dim);
    });
  }

  // In place; the log-sum-exp.
  static real softmax(real* s, int64_t n) {
    auto same = [](Lane s) { return s; };
    auto power = [](Lane s, Lane m) { return exp(s - m); };
    auto quotient = [](Lane e, Lane total) { return e / total; };
    const Row row(0, n, 0);
    const Lane m = row.fold(Max(), same, s);
    if (hn::GetLane(m.v) == -kInfinity) {  // it may look nowhere
      std::fill_n(s, n, real(0));
      return kInfinity;
    }
    const Lane total = row.fold_and_write(s, Add(), power, s, m);
    row.write(s, quotient, s, total);
    return hn::GetLane((m + log(total)).v);
  }

  // dqkv must begin as zeros.
  void backward(const real* qkv, const real* lse, const real* dy, Tensor scratch, Tensor scratch2, real* dqkv) const {
    real *memory = scratch.mutable_data(), *memory2 = scratch2.mutable_data();
    for_blocks(scratch.size(0), [&, size = scratch.size(1) * steps](const Block& b, int64_t piece) {
      real *p = memory + piece * size, *ds = memory2 + piece * size;
      const int64_t d = width(), in = stride(), from = in_offset(b), queries = from + b.first * in;
      const real* g = dy + out_offset(b);
      scores(b, qkv, p);
      gemm(false, true, b.rows(), b.keys, d, 1, g, dim, qkv + from + 2 * dim, in, 0, ds, steps);
      drop(b, ds);
      for (int64_t i = 0; i < b.rows(); ++i) softmax_vjp(p + i * steps, ds + i * steps, b.keys, lse[row_of(b, i)]);
      gemm(false, false, b.rows(), d, b.keys, scale(), ds, steps, qkv + from + dim, in, 0, dqkv + queries, in);
      gemm(true, false, b.keys, d, b.rows(), scale(), ds, steps, qkv + queries, in, 1, dqkv + from + dim, in);
      drop(b, p);
      gemm(true, false, b.keys, d, b.rows(), 1, p, steps, g, dim, 1, dqkv + from + 2 * dim, in);
    });
  }

  // From the scores in p and dL/dP in ds: P and dL/dS.
  static void softmax_vjp(real* p, real* ds, int64_t n, real lse) {
    auto power = [](Lane s, Lane lse) { return exp(s - lse); };
    auto product = [](Lane p, Lane d) { return p * d; };
    auto formula = [](Lane p, Lane d, Lane total) { return p * (d - total); };
    const Row row(0, n, 0);
    row.write(p, power, p, Lane(lse));
    const Lane total = row.fold(Add(), product, p, ds);
    row.write(ds, formula, p, ds, total);
  }
};

Var optional(const Tensor& mask) { return mask.data() ? Var(mask) : Var(); }
const real* data(const Var& mask) { return mask ? mask.value().data() : nullptr; }

// In ops; masks are nothing where there are none.
Var composed(const Var& qkv, int64_t heads, bool causal, const Var& positions, const Var& padding, const Var& kept) {
  const int64_t batch = qkv.size(0), steps = qkv.size(1), dim = qkv.size(2) / 3, width = dim / heads;
  Tensor no = causal ? triu(ones({steps, steps}), 1) : zeros({steps, steps});
  if (positions) no = maximum(no, positions.value());
  if (padding) no = maximum(no, padding.value().reshape({batch, 1, 1, steps}));
  const Var parts = permute(reshape(qkv, {batch, steps, 3, heads, width}), {2, 0, 3, 1, 4});
  const Var q = select(parts, 0, 0), k = select(parts, 0, 1), v = select(parts, 0, 2);  // [B, heads, T, width]
  const real scale = real(1 / std::sqrt(double(width)));
  auto masked = [scale](auto s, auto no) { return where(no > 0, real(-1e30), s * scale); };
  auto seen = [](auto p, auto no) {
    return where(no > 0, 0, p);
  };  // where all is masked, softmax knows not where to look
  Var p = map(seen, softmax(map(masked, matmul(q, k, {.transpose_b = true}), no), -1), no);
  if (kept) p = p * kept;
  return reshape(permute(matmul(p, v), {0, 2, 1, 3}), {batch, steps, dim});
}

void check_shapes(const Var& qkv, int64_t heads, const AttentionMask& mask, const Tensor& kept) {
  check(qkv.dim() == 3 && heads > 0 && qkv.size(2) > 0 && qkv.size(2) % (3 * heads) == 0, "self_attention: qkv ",
        qkv.shape(), " for ", heads, " heads; [batch, steps, 3 heads width] expected");
  const int64_t batch = qkv.size(0), steps = qkv.size(1);
  const Shape positions{steps, steps}, padding{batch, steps}, weights{batch, heads, steps, steps};
  check(!mask.positions.data() || mask.positions.shape() == positions, "self_attention: a mask of positions ",
        mask.positions.shape(), "; ", positions, " expected");
  check(!mask.key_padding.data() || mask.key_padding.shape() == padding, "self_attention: a key padding mask ",
        mask.key_padding.shape(), "; ", padding, " expected");
  check(!kept.data() || kept.shape() == weights, "self_attention: kept ", kept.shape(), "; ", weights, " expected");
}

}  // namespace

Var self_attention(const Var& qkv, int64_t heads, const AttentionMask& mask, const Tensor& kept) {
  check_shapes(qkv, heads, mask, kept);
  const int64_t batch = qkv.size(0), steps = qkv.size(1), dim = qkv.size(2) / 3;
  const Var inputs[] = {qkv, optional(mask.positions), optional(mask.key_padding), optional(kept)};
  const Attention op{batch, steps, heads, dim, mask.causal, data(inputs[1]), data(inputs[2]), data(inputs[3])};
  Tensor y({batch, steps, dim}), lse({batch, heads, steps});
  op.forward(qkv.value().data(), Tensor(op.scratch_shape()), y.mutable_data(), lse.mutable_data());
  return record("self_attention", y, inputs, [op, lse](const Node& y, const Var& g, Grads& d) {
    for (int i = 1; i < 4; ++i)
      if (y.inputs[size_t(i)].var) y.in(i);  // the masks have not changed
    if (grad_enabled())
      return vjp_by_composition(y, g, d,
                                [&](auto& in) { return composed(in[0], op.heads, op.causal, in[1], in[2], in[3]); });
    Tensor dqkv = zeros(y.in_shape(0));
    op.backward(y.in(0).value().data(), lse.data(), g.value().data(), Tensor(op.scratch_shape()),
                Tensor(op.scratch_shape()), dqkv.mutable_data());
    d[0] = dqkv;
  });
}

Var self_attention_in_ops(const Var& qkv, int64_t heads, const AttentionMask& mask, const Tensor& kept) {
  check_shapes(qkv, heads, mask, kept);
  return composed(qkv, heads, mask.causal, optional(mask.positions), optional(mask.key_padding), optional(kept));
}

// ---- MultiHeadAttention ---------------------------------------------------------------------------------------------

MultiHeadAttention::MultiHeadAttention(Options o) : options(o), out_proj({.in = o.dim, .out = o.dim, .bias = o.bias}) {
  check(o.heads > 0 && o.dim % o.heads == 0, "MultiHeadAttention: ", o.heads, " heads do not divide dim = ", o.dim);
  check(o.dropout >= 0 && o.dropout < 1, "MultiHeadAttention: dropout = ", o.dropout, " is not in [0, 1)");
  in_proj_weight = parameter(init::xavier_uniform({3 * o.dim, o.dim}));
  if (!o.bias) return;
  in_proj_bias = parameter(zeros({3 * o.dim}));
  out_proj.bias = parameter(zeros({o.dim}));
}

void MultiHeadAttention::members(Visitor& visit) {
  visit("in_proj_weight", in_proj_weight), visit("in_proj_bias", in_proj_bias), visit("out_proj", out_proj);
}

Var MultiHeadAttention::operator()(const Var& x, const AttentionMask& mask) const {
  check(x.dim() == 3 && x.size(2) == options.dim, "MultiHeadAttention: x ", x.shape(), "; [batch, steps, ", options.dim,
        "] expected");
  Tensor kept;
  if (training && options.dropout > 0)
    kept = bernoulli({x.size(0), options.heads, x.size(1), x.size(1)}, 1 - options.dropout) *
           real(1 / (1 - options.dropout));
  return out_proj(self_attention(linear(x, in_proj_weight, in_proj_bias), options.heads, mask, kept));
}

}  // namespace bijou::nn

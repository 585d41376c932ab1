#include "nn/image_transformer.h"

#include <cmath>

#include "autograd/functional.h"
#include "nn/losses.h"
#include "tensor/lane.h"
#include "tensor/parallel.h"

namespace bijou::nn {
namespace {

// Queries of a row of l tokens look at keys of that row and the row above: [B T/l, 2 l, ...].
Var local_attention(const Var& qkv, int64_t heads, int64_t l) {
  const int64_t batch = qkv.size(0), rows = qkv.size(1) / l, width = qkv.size(2);
  const Var here = reshape(qkv, {batch, rows, l, width});
  const Var above = concat({Var(zeros({batch, 1, l, width})), slice(here, 1, 0, rows - 1)}, 1);
  AttentionMask mask{.positions = ones({2 * l, 2 * l}), .key_padding = zeros({batch, rows, 2 * l})};
  for (int64_t i = 0; i < 2 * l; ++i)
    for (int64_t j = std::max<int64_t>(i - l, 0); j <= i; ++j) mask.positions.mutable_data()[i * 2 * l + j] = 0;
  for (int64_t b = 0; b < batch; ++b)  // there is nothing above the first row
    std::fill_n(mask.key_padding.mutable_data() + b * rows * 2 * l, l, real(1));
  mask.key_padding = mask.key_padding.reshape({batch * rows, 2 * l});
  const Var y = self_attention(reshape(concat({above, here}, 2), {batch * rows, 2 * l, width}), heads, mask);
  return reshape(slice(y, 1, l, 2 * l), {batch, rows * l, width / 3});
}

// Each column is a sequence of its own: [B l, T/l, ...].
Var strided_attention(const Var& qkv, int64_t heads, int64_t l) {
  const int64_t batch = qkv.size(0), rows = qkv.size(1) / l, width = qkv.size(2);
  const Var columns = permute(reshape(qkv, {batch, rows, l, width}), {0, 2, 1, 3});
  const Var y = self_attention(reshape(columns, {batch * l, rows, width}), heads, {.causal = true});
  return reshape(permute(reshape(y, {batch, l, rows, width / 3}), {0, 2, 1, 3}), {batch, rows * l, width / 3});
}

// A transformer block with another attention, and the module's own parameters.
template <class Attend>
Var through(const TransformerBlock& b, const Var& x, const Attend& attend) {
  const MultiHeadAttention& a = b.self_attn;
  const Var y = x + b.dropout(a.out_proj(attend(linear(b.norm1(x), a.in_proj_weight, a.in_proj_bias))));
  return y + b.dropout(b.linear2(gelu(b.linear1(b.norm2(y)))));
}

// The keys and values of one block for all tokens so far, and the attention of the newest token to them.
struct Memory {
  Tensor keys, values;  // [B, T, D]
  int64_t heads;

  // qkv [B, 3 D] of token i -> [B, D]; it looks at tokens first, first + step, ..., i.
  Tensor attend(const Tensor& qkv, int64_t i, int64_t first, int64_t step) {
    const int64_t batch = keys.size(0), length = keys.size(1), dim = keys.size(2), width = dim / heads;
    const real scale = real(1 / std::sqrt(double(width)));
    Tensor out = zeros({batch, dim}), weights({batch * heads, length});
    real *k = keys.mutable_data(), *v = values.mutable_data(), *y = out.mutable_data(), *p = weights.mutable_data();
    const real* x = qkv.data();
    parallel_for(batch * heads, (1 << 14) / (width * (i - first + step) / step) + 1,
                 [=, this](int64_t h, int64_t last) {
                   for (; h < last; ++h) {
                     const int64_t b = h / heads, at = h % heads * width, here = (b * length + i) * dim + at;
                     const real* q = x + b * 3 * dim + at;
                     std::copy_n(q + dim, width, k + here), std::copy_n(q + 2 * dim, width, v + here);
                     real *row = p + h * length, most = -kInfinity, total = 0;
                     for (int64_t j = first; j <= i; j += step) {
                       const real* key = k + (b * length + j) * dim + at;
                       row[j] = 0;
                       for (int64_t c = 0; c < width; ++c) row[j] += q[c] * key[c] * scale;
                       most = std::max(most, row[j]);
                     }
                     for (int64_t j = first; j <= i; j += step) total += row[j] = std::exp(row[j] - most);
                     for (int64_t j = first; j <= i; j += step)
                       for (int64_t c = 0; c < width; ++c)
                         y[b * dim + at + c] += row[j] / total * v[(b * length + j) * dim + at + c];
                   }
                 });
    return out;
  }
};

}  // namespace

Var causal_attention(const Var& qkv, int64_t heads, Reach reach, int64_t l) {
  check(qkv.dim() == 3 && l >= 1 && qkv.size(1) % l == 0, "causal_attention: qkv ", qkv.shape(), " for rows of ", l,
        " tokens; [batch, a multiple of ", l, ", 3 dim] expected");
  switch (reach) {
    case Reach::kLocal: return local_attention(qkv, heads, l);
    case Reach::kStrided: return strided_attention(qkv, heads, l);
    default: return self_attention(qkv, heads, {.causal = true});
  }
}

ImageTransformer::ImageTransformer(Options o)
    : options(o),
      token({.count = o.levels, .dim = o.dim}),
      row({.count = o.height, .dim = o.dim}),
      column({.count = o.width, .dim = o.dim}),
      channel({.count = o.channels, .dim = o.dim}),
      start(parameter(normal({o.dim}, 0, real(0.02)))),
      norm({.size = o.dim}),
      head({.in = o.dim, .out = o.levels}) {
  for (Embedding* e : {&token, &row, &column, &channel})
    e->weight = parameter(normal(e->weight.shape(), 0, real(0.02)));
  for (int64_t i = 0; i < o.layers; ++i)
    blocks.push_back(
        TransformerBlock({.dim = o.dim, .heads = o.heads, .feedforward = 4 * o.dim, .dropout = o.dropout}));
}

Reach ImageTransformer::reach(size_t layer) const {
  return !options.sparse ? Reach::kFull : layer % 2 == 0 ? Reach::kLocal : Reach::kStrided;
}

// places [...] -> [..., dim].
Var ImageTransformer::place_vectors(const Indices& places) const {
  Indices r(places.shape()), c(places.shape()), k(places.shape());
  for (int64_t i = 0; i < places.numel(); ++i) {
    const int64_t place = places.data()[i];
    check(0 <= place && place < length(), "ImageTransformer: a place ", place, " among ", length());
    r.mutable_data()[i] = index(place / tokens_in_row());
    c.mutable_data()[i] = index(place / options.channels % options.width);
    k.mutable_data()[i] = index(place % options.channels);
  }
  return row(r) + column(c) + channel(k);
}

Var ImageTransformer::slots(const Indices& tokens, const Var& from, const Indices& places) const {
  const int64_t batch = tokens.size(0), n = length();
  check(tokens.dim() == 2 && tokens.size(1) == n, "ImageTransformer: tokens ", tokens.shape(), "; [batch, ", n,
        "] expected");
  check(!from || from.shape() == Shape{batch, options.dim}, "ImageTransformer: start vectors ",
        from ? from.shape() : Shape{}, "; ", Shape{batch, options.dim}, " expected");
  check(places.numel() == 0 || places.shape() == tokens.shape(), "ImageTransformer: places ", places.shape(),
        " for tokens ", tokens.shape());
  const Var first = broadcast_to(unsqueeze(from ? from : start, -2), {batch, 1, options.dim});
  const Var before = concat({first, slice(token(tokens), 1, 0, n - 1)}, 1);
  return before + place_vectors(places.numel() ? places : index_range(n));
}

Var ImageTransformer::logits(const Indices& tokens, const Var& from, const Indices& places) const {
  Var x = slots(tokens, from, places);
  for (size_t i = 0; i < blocks.size(); ++i) {
    auto block = [b = blocks[i], heads = options.heads, reach = reach(i), l = tokens_in_row(), x] {
      return through(b, x, [=](const Var& qkv) { return causal_attention(qkv, heads, reach, l); });
    };
    x = options.checkpointed ? checkpoint(block) : block();
  }
  return head(norm(x));
}

Var ImageTransformer::log_prob(const Indices& tokens, const Var& from, const Indices& places) const {
  const Var rows = reshape(logits(tokens, from, places), {-1, options.levels});
  return -sum(reshape(nll_of_logits(rows, tokens.flatten()), tokens.shape()), 1);
}

Indices ImageTransformer::sample(int64_t n, const Var& from, const Indices& places, Generator& g) const {
  const NoGrad guard;
  ImageTransformer m = *this;  // shares the weights
  m.eval();
  const int64_t batch = n, l = tokens_in_row();
  Indices tokens = Indices(Shape{batch, length()});
  tokens.fill(0);
  const Var first = slots(tokens, from, places);  // slot 1; of the others, only the places count
  const Var where = m.place_vectors(places.numel() ? places : index_range(length()));
  std::vector<Memory> memory;
  for (size_t i = 0; i < blocks.size(); ++i)
    memory.push_back({zeros({batch, length(), options.dim}), zeros({batch, length(), options.dim}), options.heads});
  Indices drawn(Shape{batch});
  for (int64_t t = 0; t < length(); ++t) {
    Var x = t == 0 ? select(first, 1, 0) : token(drawn) + select(where, -2, t);
    for (size_t i = 0; i < blocks.size(); ++i) {
      const Reach far = reach(i);
      const int64_t begin = far == Reach::kFull ? 0 : far == Reach::kLocal ? std::max<int64_t>(t - l, 0) : t % l;
      x = through(m.blocks[i], x, [&](const Var& qkv) {
        return Var(memory[i].attend(qkv.value(), t, begin, far == Reach::kStrided ? l : 1));
      });
    }
    drawn = categorical(head(norm(x)).value(), g);
    for (int64_t b = 0; b < batch; ++b) tokens.mutable_data()[b * length() + t] = drawn.data()[b];
  }
  return tokens;
}

void ImageTransformer::members(Visitor& visit) {
  visit("token", token), visit("row", row), visit("column", column), visit("channel", channel), visit("start", start);
  visit("blocks", blocks), visit("norm", norm), visit("head", head);
}

}  // namespace bijou::nn

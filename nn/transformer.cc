#include "nn/transformer.h"

namespace bijou::nn {

TransformerBlock::TransformerBlock(Options o)
    : options(o),
      self_attn({.dim = o.dim, .heads = o.heads, .dropout = o.dropout}),
      linear1({.in = o.dim, .out = o.feedforward}),
      linear2({.in = o.feedforward, .out = o.dim}),
      norm1({.size = o.dim}),
      norm2({.size = o.dim}),
      dropout({.p = o.dropout}) {}

Var TransformerBlock::operator()(const Var& x, const AttentionMask& mask) const {
  auto attend = [&](const Var& x) { return dropout(self_attn(x, mask)); };
  auto think = [&](const Var& x) { return dropout(linear2(dropout(options.activation(linear1(x))))); };
  if (options.norm_first) {
    const Var y = x + attend(norm1(x));
    return y + think(norm2(y));
  }
  const Var y = norm1(x + attend(x));
  return norm2(y + think(y));
}

void TransformerBlock::members(Visitor& visit) {
  visit("self_attn", self_attn), visit("linear1", linear1), visit("linear2", linear2);
  visit("norm1", norm1), visit("norm2", norm2), visit("dropout", dropout);
  if (Module* activation = options.activation.module()) visit("activation", *activation);
}

}  // namespace bijou::nn

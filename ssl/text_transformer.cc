#include "ssl/text_transformer.h"

#include "tensor/elementwise.h"

namespace bijou::ssl {

TextTransformer::TextTransformer(Options o)
    : options(o),
      token({.count = o.vocabulary, .dim = o.dim}),
      position({.count = o.length, .dim = o.dim}),
      segment({.count = 2, .dim = o.dim}),
      norm({.size = o.dim}),
      dropout({.p = o.dropout}) {
  for (nn::Embedding* e : {&token, &position, &segment})
    e->weight = parameter(normal(e->weight.shape(), 0, real(0.02)));
  for (int64_t i = 0; i < o.layers; ++i)
    blocks.push_back(nn::TransformerBlock(
        {.dim = o.dim, .heads = o.heads, .feedforward = 4 * o.dim, .dropout = o.dropout, .norm_first = false}));
}

Var TextTransformer::operator()(const TokenBatch& batch) const {
  check(batch.tokens.dim() == 2 && batch.tokens.size(1) <= options.length, "TextTransformer: tokens ",
        batch.tokens.shape(), "; [batch, at most ", options.length, "] expected");
  const Var first = batch.segments.numel() ? segment(batch.segments) : select(segment.weight, 0, 0);
  const Var x = token(batch.tokens) + position(index_range(batch.tokens.size(1))) + first;
  Var h = dropout(norm(x));
  for (const nn::TransformerBlock& block : blocks)
    h = block(h, {.causal = options.causal, .key_padding = batch.padding});
  return h;
}

Tensor TextTransformer::embed(std::span<const Tokens> sequences) const {
  const NoGrad guard;
  TextTransformer m = *this;  // shares the weights
  m.eval();
  std::vector<Tensor> parts;
  for (size_t i = 0; i < sequences.size(); i += 200) {
    const TokenBatch batch = padded(sequences.subspan(i, std::min<size_t>(200, sequences.size() - i)));
    parts.push_back(mean_of_tokens(m(batch), batch.padding).value());
  }
  return concat(std::span<const Tensor>(parts), 0);
}

void TextTransformer::members(nn::Visitor& visit) {
  visit("token", token), visit("position", position), visit("segment", segment), visit("norm", norm);
  visit("dropout", dropout), visit("blocks", blocks);
}

VocabularyHead::VocabularyHead(const TextTransformer::Options& o)
    : dense({.in = o.dim, .out = o.dim}), norm({.size = o.dim}), bias(parameter(zeros({o.vocabulary}))) {}

Var VocabularyHead::operator()(const Var& h, const Var& token_vectors) const {
  return linear(norm(gelu(dense(h))), token_vectors, bias);
}

Var mean_of_tokens(const Var& h, const Tensor& padding) {
  const Tensor kept = 1 - padding;
  const Tensor weights = kept / sum(kept, 1, {.keepdim = true});
  return squeeze(matmul(unsqueeze(Var(weights), 1), h), 1);  // [B, 1, T] [B, T, dim]
}

}  // namespace bijou::ssl

#include "ssl/mae.h"

#include <cmath>

#include "autograd/map.h"
#include "nn/normalize.h"

namespace bijou::ssl {

namespace {

std::vector<nn::TransformerBlock> transformer(int64_t layers, int64_t dim, int64_t heads) {
  std::vector<nn::TransformerBlock> blocks;
  for (int64_t i = 0; i < layers; ++i)
    blocks.push_back(nn::TransformerBlock({.dim = dim, .heads = heads, .feedforward = 4 * dim}));
  return blocks;
}

// Rows i T + at[i, k] of a table whose images have T rows each.
Indices rows_of(const Indices& at, int64_t t) {
  Indices rows({at.numel()});
  for (int64_t r = 0; r < at.numel(); ++r) rows.mutable_data()[r] = bijou::index(r / at.size(1) * t + at.data()[r]);
  return rows;
}

const PatchEncoder::Options& checked(const PatchEncoder::Options& o) {
  check(o.patch > 0 && o.height % o.patch == 0 && o.width % o.patch == 0, "PatchEncoder: patches of ", o.patch,
        " do not tile ", o.height, " x ", o.width);
  return o;
}

}  // namespace

Tensor sine_positions(int64_t rows, int64_t columns, int64_t dim) {
  check(dim % 4 == 0, "sine_positions: dim = ", dim, " is not a multiple of 4");
  Tensor table({rows * columns, dim});
  const int64_t n = dim / 4;
  for (int64_t t = 0; t < rows * columns; ++t) {
    real* to = table.mutable_data() + t * dim;
    for (int64_t k = 0; k < n; ++k) {
      const double frequency = std::pow(10'000.0, -double(k) / double(n));
      const double row = double(t / columns) * frequency, column = double(t % columns) * frequency;
      to[k] = real(std::sin(row)), to[n + k] = real(std::cos(row));
      to[2 * n + k] = real(std::sin(column)), to[3 * n + k] = real(std::cos(column));
    }
  }
  return table;
}

PatchEncoder::PatchEncoder(const Options& o)
    : options(checked(o)),
      embedding({.in = o.channels * o.patch * o.patch, .out = o.dim}),
      positions(sine_positions(o.height / o.patch, o.width / o.patch, o.dim)),
      blocks(transformer(o.layers, o.dim, o.heads)),
      norm({.size = o.dim}) {}

void PatchEncoder::members(nn::Visitor& visit) {
  visit("embedding", embedding), visit("blocks", blocks), visit("norm", norm);
}

Var PatchEncoder::patches(const Var& x) const {
  const auto& o = options;
  const Shape apart = {x.size(0), o.channels, o.height / o.patch, o.patch, o.width / o.patch, o.patch};
  return reshape(permute(reshape(x, apart), {0, 2, 4, 1, 3, 5}), {x.size(0), count(), -1});
}

Tensor PatchEncoder::unpatched(const Tensor& y) const {
  const auto& o = options;
  const Shape apart = {y.size(0), o.height / o.patch, o.width / o.patch, o.channels, o.patch, o.patch};
  return permute(y.reshape(apart), {0, 3, 1, 4, 2, 5}).reshape({y.size(0), o.channels, o.height, o.width});
}

Var PatchEncoder::tokens(const Var& images, const Indices& kept) const {
  const int64_t b = images.size(0), t = count();
  Var p = patches(images);
  Tensor place = broadcast_to(positions, {b, t, options.dim});
  if (kept.numel()) {
    const Indices rows = rows_of(kept, t);
    p = reshape(index_select(reshape(p, {b * t, -1}), 0, rows), {b, kept.size(1), -1});
    place = index_select(place.reshape({b * t, -1}), 0, rows).reshape({b, kept.size(1), -1});
  }
  Var h = embedding(p) + place;
  for (const nn::TransformerBlock& block : blocks) h = block(h);
  return norm(h);
}

MAE::MAE(const Options& o)
    : Method(o.encoder),
      kept(std::max<int64_t>(1, std::llround(double(o.encoder.count()) * (1 - o.masked)))),
      to_decoder({.in = o.encoder.options.dim, .out = o.dim}),
      mask_token(parameter(normal({1, o.dim}, 0, real(0.02)))),
      positions(sine_positions(o.encoder.options.height / o.encoder.options.patch,
                               o.encoder.options.width / o.encoder.options.patch, o.dim)),
      blocks(transformer(o.layers, o.dim, o.heads)),
      norm({.size = o.dim}),
      to_pixels({.in = o.dim, .out = o.encoder.embedding.weight.size(1)}) {
  check(o.masked > 0 && o.masked < 1, "MAE: the masked part is ", o.masked);
  check(kept < o.encoder.count(), "MAE: of ", o.encoder.count(), " patches ", kept, " are kept; none is left to paint");
}

void MAE::members(nn::Visitor& visit) {
  Method::members(visit);
  visit("to_decoder", to_decoder), visit("mask_token", mask_token), visit("blocks", blocks), visit("norm", norm);
  visit("to_pixels", to_pixels);
}

Indices MAE::draw_kept(int64_t n, Generator& g) const {
  return slice(argsort(rand({n, patch_encoder().count()}, g), 1), 1, 0, kept);
}

Var MAE::paint(const Tensor& images, const Indices& at) const {
  const int64_t b = images.size(0), t = patch_encoder().count(), k = at.size(1);
  const Var seen = to_decoder(patch_encoder().tokens(images, at));
  Indices from({b * t});  // where the decoder's token comes from: the last row is the mask
  from.fill(bijou::index(b * k));
  const Indices rows = rows_of(at, t);
  for (int64_t r = 0; r < b * k; ++r) from.mutable_data()[rows.data()[r]] = bijou::index(r);
  const Var table = concat({reshape(seen, {b * k, -1}), mask_token}, 0);
  Var h = reshape(index_select(table, 0, from), {b, t, -1}) + positions;
  for (const nn::TransformerBlock& block : blocks) h = block(h);
  return to_pixels(norm(h));
}

Var MAE::loss(const Tensor& images, Generator& g) {
  const Indices at = draw_kept(images.size(0), g);
  const Tensor target = normalized_patches(patch_encoder().patches(images).value());
  Tensor hidden = ones({target.size(0) * target.size(1)});
  for (const bijou::index row : rows_of(at, target.size(1))) hidden.mutable_data()[row] = 0;
  const Tensor weight = hidden.reshape({target.size(0), target.size(1), 1});
  const Var squares =
      map_sum([](auto y, auto t, auto w) { return w * square(y - t); }, 0, paint(images, at), Var(target), Var(weight));
  return squares * (1 / (sum(hidden).item() * real(target.size(2))));
}

Tensor normalized_patches(const Tensor& p) { return nn::layer_norm(p, {}, {}, real(1e-6)).value(); }

}  // namespace bijou::ssl

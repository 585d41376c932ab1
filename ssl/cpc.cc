#include "ssl/cpc.h"

#include "autograd/elementwise.h"

namespace bijou::ssl {

Var info_nce(const Var& queries, const Var& keys) {
  check(queries.dim() == 2 && queries.shape() == keys.shape(), "info_nce: queries and keys [N, d] expected, not ",
        queries.shape(), " and ", keys.shape());
  return mean(nll_of_logits(matmul(queries, keys, {.transpose_b = true}), index_range(queries.size(0))));
}

CpcEncoder::CpcEncoder(const Options& o) : options(o), gru({.in = o.channels, .hidden = o.context}) {
  check(!o.strides.empty(), "CpcEncoder: there are no strides");
  int64_t in = 1;
  for (const int64_t stride : o.strides) {
    convolutions.push_back(nn::Conv2d({.in = in,
                                       .out = o.channels,
                                       .kernel = HW(1, 2 * stride),
                                       .stride = HW(1, stride),
                                       .padding = HW(0, stride / 2)}));
    in = o.channels;
  }
}

CpcEncoder::Frames CpcEncoder::frames(const Var& x) const {
  check(x.dim() == 4 && x.size(1) == 1 && x.size(2) == 1,
        "CpcEncoder: sounds [B, 1, 1, samples] expected; the shape is ", x.shape());
  Var h = x;
  for (const nn::Conv2d& convolution : convolutions) h = relu(convolution(h));
  const Var z = transpose(squeeze(h, 2), 1, 2);
  return {z, gru(z).output};
}

Cpc::Cpc(const Options& o) : Method(o.encoder) {
  check(o.ahead > 0, "Cpc: it should look ahead, not ", o.ahead, " frames");
  for (int64_t k = 0; k < o.ahead; ++k)
    predictors.push_back(
        nn::Linear({.in = o.encoder.options.context, .out = o.encoder.options.channels, .bias = false}));
}

std::vector<Cpc::Term> Cpc::terms(const Tensor& sounds) const {
  const auto [z, c] = encoder.as<CpcEncoder>().frames(sounds);
  const int64_t frames = z.size(1), last = int64_t(predictors.size());
  check(frames > last, "Cpc: to look ", last, " frames ahead takes more than the ", frames, " that there are");
  std::vector<Term> all;
  for (int64_t k = 1; k <= last; ++k) {
    const Var heard = predictors[size_t(k - 1)](slice(c, 1, 0, frames - k)), true_ones = slice(z, 1, k, frames);
    const int64_t candidates = z.size(0) * (frames - k), channels = z.size(2);
    all.push_back(
        {info_nce(reshape(heard, {candidates, channels}), reshape(true_ones, {candidates, channels})), candidates});
  }
  return all;
}

Var Cpc::loss(const Tensor& sounds, Generator&) {
  Var sum;
  for (const Term& term : terms(sounds)) sum = sum ? sum + term.loss : term.loss;
  return sum * real(1.0 / double(predictors.size()));
}

}  // namespace bijou::ssl

#include "examples/experiments/pixel_density.h"

#include <cmath>

#include "flows/dequantize.h"
#include "flows/glow.h"
#include "nn/dropout.h"
#include "nn/image_transformer.h"
#include "nn/made.h"
#include "nn/pixelcnn.h"
#include "tensor/elementwise.h"

namespace bijou::experiments {
namespace {

// x [...] of 0 ... 1 as whole numbers 0 ... levels-1, and back.
Tensor whole(const Tensor& x, int64_t levels) { return round(x * real(levels - 1)); }
Tensor parts(const Tensor& x, int64_t levels) { return x * real(1 / double(levels - 1)); }

// The levels of x [B, C, H, W] as tokens [B, H W C], the channels of a pixel together; and back.
Indices tokens_of(const Tensor& x, int64_t levels) {
  const Tensor rows = permute(whole(x, levels), {0, 2, 3, 1});
  Indices tokens(Shape{x.size(0), x.numel() / std::max<int64_t>(x.size(0), 1)});
  bijou::index* to = tokens.mutable_data();
  for (const real level : rows) *to++ = bijou::index(level);
  return tokens;
}
Tensor image_from(const Indices& tokens, const Shape& shape, int64_t levels) {
  const Tensor rows = parts(to_tensor(tokens), levels);
  return permute(rows.reshape({shape[0], shape[2], shape[3], shape[1]}), {0, 3, 1, 2});
}

struct PixelMade : PixelDensity {
  explicit PixelMade(const PixelDensityOptions& o)
      : levels(o.levels),
        net({.features = o.image.numel(),
             .hidden = std::vector<int64_t>(size_t(o.layers ? o.layers : 2), o.width),
             .inputs = o.levels,
             .outputs = o.levels,
             .context = o.condition,
             .activation = nn::Sequential(nn::ReLU(), nn::Dropout({.p = o.dropout}))}) {}

  Var log_prob(const Tensor& x, const Var& condition, const Indices&) const override {
    const Indices tokens = tokens_of(x, levels);
    const Var logits = net(one_hot(tokens, levels).reshape({tokens.size(0), -1}), condition);  // [B, levels, D]
    const Var rows = reshape(transpose(logits, 1, 2), {-1, levels});
    return -sum(reshape(nll_of_logits(rows, tokens.flatten()), tokens.shape()), 1);
  }
  Tensor sample(const Shape& shape, const Var& condition, const Indices&, Generator& g) const override {
    Indices tokens(Shape{shape[0], net.options.features});
    nn::Made m = net;  // shares the weights
    m.eval();
    m.generate(shape[0], condition, [&](int64_t i, const Tensor& logits) {
      const Indices drawn = categorical(transpose(logits, 0, 1), g);
      for (int64_t b = 0; b < shape[0]; ++b) tokens.mutable_data()[b * tokens.size(1) + i] = drawn.data()[b];
      return transpose(one_hot(drawn, levels), 0, 1);
    });
    return image_from(tokens, shape, levels);
  }
  void members(nn::Visitor& visit) override { visit("net", net); }

  int64_t levels;
  nn::Made net;
};

struct PixelCnn : PixelDensity {
  explicit PixelCnn(const PixelDensityOptions& o)
      : net({.image = o.image,
             .channels = o.width,
             .layers = o.layers ? o.layers : 4,
             .mixture = 5,
             .levels = o.levels,
             .condition = o.condition,
             .dropout = o.dropout,
             .first_kernel = 5}) {}

  Var log_prob(const Tensor& x, const Var& condition, const Indices&) const override {
    return net.log_prob(whole(x, net.options.levels), condition);
  }
  Tensor sample(const Shape& shape, const Var& condition, const Indices&, Generator& g) const override {
    return parts(net.sample(shape[0], condition, g), net.options.levels);
  }
  void members(nn::Visitor& visit) override { visit("net", net); }

  nn::PixelCnn net;
};

struct PixelTransformer : PixelDensity {
  explicit PixelTransformer(const PixelDensityOptions& o)
      : net({.levels = o.levels,
             .channels = o.image[0],
             .height = o.image[1],
             .width = o.image[2],
             .dim = o.width,
             .layers = o.layers ? o.layers : 4,
             .dropout = o.dropout,
             .sparse = !o.full_attention,
             .checkpointed = o.checkpointed}) {}

  Var log_prob(const Tensor& x, const Var& condition, const Indices& places) const override {
    return net.log_prob(tokens_of(x, net.options.levels), condition + net.start, places);
  }
  Tensor sample(const Shape& shape, const Var& condition, const Indices& places, Generator& g) const override {
    return image_from(net.sample(shape[0], condition + net.start, places, g), shape, net.options.levels);
  }
  void members(nn::Visitor& visit) override { visit("net", net); }

  nn::ImageTransformer net;
};

struct PixelFlow : PixelDensity {
  explicit PixelFlow(const PixelDensityOptions& o)
      : levels(o.levels),
        flow(flows::Chain(
                 flows::ShrunkLogit({.lambda = real(0.05)}),
                 flows::real_nvp({.image = o.image, .width = o.width, .context = o.condition, .dropout = o.dropout})),
             flows::StandardNormal({o.image.numel()})) {}

  Var log_prob(const Tensor& x, const Var& condition, const Indices&) const override {
    const flows::Dequantized d = flows::dequantize(whole(x, levels), levels);
    return flow.log_prob(d.v, condition) - real(double(x.numel() / x.size(0)) * std::log(double(levels)));
  }
  Tensor sample(const Shape& shape, const Var& condition, const Indices&, Generator& g) const override {
    const NoGrad guard;
    flows::Flow f = flow;  // shares the weights
    f.eval();
    const Var v = f.sample(shape[0], {.context = condition}, g);
    return parts(floor(clamp(v, 0, real(0.9999)) * real(levels)).value(), levels);
  }
  void members(nn::Visitor& visit) override { visit("flow", flow); }

  int64_t levels;
  flows::Flow flow;
};

}  // namespace

std::vector<std::string> pixel_models() { return {"made", "pixelcnn", "transformer", "flow"}; }

std::shared_ptr<PixelDensity> pixel_density(const PixelDensityOptions& o) {
  check(o.image.rank() == 3 && o.levels >= 2, "pixel_density: images [C, H, W] of 2 or more levels expected, not ",
        o.image, " of ", o.levels);
  check(o.layers == 0 || o.model != "flow", "pixel_density: the flow has no number of layers to choose");
  if (o.model == "made") return std::make_shared<PixelMade>(o);
  if (o.model == "pixelcnn") return std::make_shared<PixelCnn>(o);
  if (o.model == "flow") return std::make_shared<PixelFlow>(o);
  check(o.model == "transformer", "pixel_density: there is no model '", o.model, "'");
  check(o.condition == o.width, "pixel_density: a transformer of width ", o.width, " for a condition of ", o.condition);
  return std::make_shared<PixelTransformer>(o);
}

}  // namespace bijou::experiments

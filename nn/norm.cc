#include "nn/norm.h"

#include "autograd/map.h"
#include "nn/normalize.h"

namespace bijou::nn {
namespace {

constinit thread_local bool keep_statistics = false;

// (x - m) s w + b, numbers of a channel for x [N, C, ...].
Var affine_channels(const Var& x, const Tensor& m, const Tensor& s, const Var& w, const Var& b) {
  const int64_t c = x.size(1), positions = x.shape().product(2, x.dim());
  auto formula = [](auto x, auto m, auto s, auto w, auto b) { return (x - m) * s * w + b; };
  const Var y = map("affine_channels", formula, reshape(x, {x.size(0), c, positions}), m.reshape({c, 1}),
                    s.reshape({c, 1}), reshape(w, {c, 1}), reshape(b, {c, 1}));
  return reshape(y, x.shape());
}

}  // namespace

KeepStatistics::KeepStatistics() : before_(std::exchange(keep_statistics, true)) {}
KeepStatistics::~KeepStatistics() { keep_statistics = before_; }

// ---- BatchNorm ------------------------------------------------------------------------------------------------------

BatchNorm::BatchNorm(Options o) : options(o) {
  check(o.channels > 0, "BatchNorm: channels = ", o.channels, " must be positive");
  check(o.momentum >= 0 && o.momentum <= 1, "BatchNorm: momentum = ", o.momentum, " is not in [0, 1]");
  weight = parameter(ones({o.channels}));
  bias = parameter(zeros({o.channels}));
  running_mean = zeros({o.channels});
  running_var = ones({o.channels});
  num_batches_tracked = scalar(0);
}

void BatchNorm::members(Visitor& visit) {
  visit("weight", weight), visit("bias", bias);
  visit("running_mean", running_mean), visit("running_var", running_var);
  visit("num_batches_tracked", num_batches_tracked);
}

Var BatchNorm::normalize(const Var& x) const {
  check(x.size(1) == options.channels, "BatchNorm: x ", x.shape(), " has ", x.size(1), " channels, not ",
        options.channels);
  if (!training) {
    const real eps = real(options.eps);
    const Tensor scale = map([=](Lane v) { return Lane(1) / sqrt(v + eps); }, running_var);
    return affine_channels(x, running_mean, scale, weight, bias);
  }
  const int64_t count = x.numel() / options.channels;
  check(count > 1, "BatchNorm: training needs more than one number a channel; x is ", x.shape());
  BatchNormed batch = batch_norm(x, weight, bias, real(options.eps));
  if (keep_statistics) return batch.y;
  const real momentum = real(options.momentum), unbias = real(count) / real(count - 1);
  Tensor mean = running_mean, var = running_var, tracked = num_batches_tracked;  // handles
  update<1>([=](Lane& r, Lane m) { r = r + (m - r) * momentum; }, mean, batch.mean);
  update<1>([=](Lane& r, Lane v) { r = r + (v * unbias - r) * momentum; }, var, batch.variance);
  tracked.fill(tracked.item() + 1);
  return batch.y;
}

Var BatchNorm1d::operator()(const Var& x) const {
  check(x.dim() == 2 || x.dim() == 3, "BatchNorm1d: [N, C] or [N, C, L] expected, not ", x.shape());
  return normalize(x);
}

Var BatchNorm2d::operator()(const Var& x) const {
  check(x.dim() == 4, "BatchNorm2d: [N, C, H, W] expected, not ", x.shape());
  return normalize(x);
}

// ---- LayerNorm, GroupNorm -------------------------------------------------------------------------------------------

LayerNorm::LayerNorm(Options o) : eps(o.eps) {
  check(o.size > 0, "LayerNorm: size = ", o.size, " must be positive");
  weight = parameter(ones({o.size}));
  bias = parameter(zeros({o.size}));
}

Var LayerNorm::operator()(const Var& x) const { return layer_norm(x, weight, bias, real(eps)); }

GroupNorm::GroupNorm(Options o) : options(o) {
  check(o.groups > 0 && o.channels > 0 && o.channels % o.groups == 0, "GroupNorm: ", o.groups, " groups do not divide ",
        o.channels, " channels");
  weight = parameter(ones({o.channels}));
  bias = parameter(zeros({o.channels}));
}

Var GroupNorm::operator()(const Var& x) const {
  const int64_t c = options.channels;
  check(x.dim() >= 2 && x.size(1) == c, "GroupNorm: [N, ", c, ", ...] expected, not ", x.shape());
  const int64_t positions = x.shape().product(2, x.dim());
  const Var groups = reshape(x, {x.size(0), options.groups, c / options.groups * positions});
  const Var n = reshape(layer_norm(groups, {}, {}, real(options.eps)), {x.size(0), c, positions});
  auto affine = [](auto n, auto w, auto b) { return n * w + b; };
  return reshape(map("group_norm", affine, n, reshape(weight, {c, 1}), reshape(bias, {c, 1})), x.shape());
}

}  // namespace bijou::nn

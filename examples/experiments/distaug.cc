#include "examples/experiments/distaug.h"

#include <cmath>

#include "autograd/elementwise.h"
#include "nn/dropout.h"
#include "optim/adam.h"
#include "ssl/color.h"
#include "ssl/permutations.h"
#include "ssl/rand_augment.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"

namespace bijou::experiments {
namespace {

// The levels of x [B, C, H, W] as tokens [B, H W C], the channels of a pixel together; and back.
Indices tokens_of(const Tensor& x, int64_t levels) {
  const Tensor rows = permute(x, {0, 2, 3, 1});
  Indices tokens(Shape{x.size(0), x.numel() / std::max<int64_t>(x.size(0), 1)});
  bijou::index* to = tokens.mutable_data();
  for (const real level : rows) *to++ = bijou::index(level * real(levels - 1) + real(0.5));
  return tokens;
}
Tensor image_of(const Indices& tokens, const Shape& shape, int64_t levels) {
  const Tensor rows = to_tensor(tokens) * real(1 / double(levels - 1));
  return permute(rows.reshape({shape[0], shape[2], shape[3], shape[1]}), {0, 3, 1, 2});
}
Tensor rounded(const Tensor& x, int64_t levels) {
  return map([n = real(levels - 1)](auto x) { return round(clamp(x, 0, 1) * n) / n; }, x);
}

// [size, n]: row i takes the mean over the stretch i n / size ... (i + 1) n / size.
Tensor area_weights(int64_t size, int64_t n) {
  const double step = double(n) / double(size);
  Tensor weights = zeros({size, n});
  for (int64_t i = 0; i < size; ++i)
    for (int64_t k = 0; k < n; ++k) {
      const double from = std::max(double(k), double(i) * step), to = std::min(double(k + 1), double(i + 1) * step);
      weights.mutable_data()[i * n + k] = real(std::max(0.0, to - from) / step);
    }
  return weights;
}
Tensor shrunk(const Tensor& x, int64_t size) {
  return matmul(matmul(area_weights(size, x.size(2)), x), area_weights(size, x.size(3)), {.transpose_b = true});
}

}  // namespace

// ---- PixelMade ------------------------------------------------------------------------------------------------------

PixelMade::PixelMade(Options o) : options(o) {
  Tensor inputs({o.pixels * o.levels}), hidden({o.hidden});  // degrees, from 1
  for (int64_t i = 0; i < inputs.numel(); ++i) inputs.mutable_data()[i] = real(1 + i / o.levels);
  for (int64_t k = 0; k < o.hidden; ++k) hidden.mutable_data()[k] = real(1 + k * (o.pixels - 1) / o.hidden);
  layers = {nn::MaskedLinear(inputs, hidden, {}), nn::MaskedLinear(hidden, hidden, {}),
            nn::MaskedLinear(hidden, inputs, {.strict = true})};
  for (const nn::MaskedLinear& layer : layers)
    conditions.push_back(nn::Linear({.in = o.condition, .out = layer.weight.size(0), .bias = false}));
}

Var PixelMade::logits(const Indices& tokens, const Var& condition) const {
  Var h = one_hot(tokens, options.levels).reshape({tokens.size(0), -1});
  for (size_t l = 0; l < layers.size(); ++l) {
    h = layers[l](h) + conditions[l](condition);
    if (l + 1 < layers.size()) h = nn::dropout(relu(h), h.shape(), training ? options.dropout : 0);
  }
  return reshape(h, {tokens.size(0), options.pixels, options.levels});
}

Var PixelMade::log_prob(const Tensor& x, const Var& condition, const Indices&) const {
  const Indices tokens = tokens_of(x, options.levels);
  const Var rows = reshape(logits(tokens, condition), {-1, options.levels});
  return -sum(reshape(nll_of_logits(rows, tokens.flatten()), tokens.shape()), 1);
}

Tensor PixelMade::sample(const Shape& shape, const Var& condition, const Indices&, Generator& g) const {
  const NoGrad guard;
  Indices tokens(Shape{shape[0], options.pixels});
  tokens.fill(0);
  for (int64_t i = 0; i < options.pixels; ++i) {  // a pass a pixel; nn/made.h shows how to do it in one
    const Indices drawn = categorical(select(logits(tokens, condition).value(), 1, i), g);
    for (int64_t b = 0; b < shape[0]; ++b) tokens.mutable_data()[b * options.pixels + i] = drawn.data()[b];
  }
  return image_of(tokens, shape, options.levels);
}

// ---- PixelTransformer -----------------------------------------------------------------------------------------------

Var PixelTransformer::log_prob(const Tensor& x, const Var& condition, const Indices& places) const {
  return net.log_prob(tokens_of(x, net.options.levels), condition + net.start, places);
}
Tensor PixelTransformer::sample(const Shape& shape, const Var& condition, const Indices& places, Generator& g) const {
  return image_of(net.sample(shape[0], condition + net.start, places, g), shape, net.options.levels);
}

// ---- Data -----------------------------------------------------------------------------------------------------------

PixelSets small_images(const std::string& dataset, const std::string& folder, const PixelSetOptions& o) {
  const support::Dataset train = support::load_dataset(dataset, folder, support::Split::kTrain);
  const support::Dataset test = support::load_dataset(dataset, folder, support::Split::kTest);
  check(o.train + o.valid <= train.size() && o.test <= test.size(), dataset, " has ", train.size(), " + ", test.size(),
        " images; ", o.train + o.valid, " + ", o.test, " are asked for");
  Generator g = Generator(o.seed).fork(77);
  auto prepared = [&](const Tensor& x) {
    return rounded(shrunk(o.grey && x.size(1) > 1 ? mean(x, {1}, {.keepdim = true}) : x, o.size), o.levels);
  };
  const Tensor some = prepared(index_select(train.images, 0, randperm(train.size(), g).rows(0, o.train + o.valid)));
  return {some.rows(0, o.train), some.rows(o.train, o.train + o.valid), prepared(test.images.rows(0, o.test)), o.levels};
}

std::vector<ssl::DistAug::Type> types_of(const std::string& names, int64_t channels) {
  std::vector<ssl::DistAug::Type> types;
  std::string rest = names == "none" ? "" : names + "+";
  for (size_t end; (end = rest.find('+')) != std::string::npos; rest = rest.substr(end + 1)) {
    const std::string name = rest.substr(0, end);
    if (name == "flip") types.push_back({name, ssl::mirror()});
    else if (name == "rot") types.push_back({name, ssl::rotations()});
    else if (name == "tr") types.push_back({name, ssl::transposition()});
    else if (name == "rev") types.push_back({name, ssl::reversal()});
    else if (name == "js") types.push_back({name, ssl::jigsaw()});
    else if (name == "col" && channels == 3) types.push_back({name, ssl::channel_orders()});
    else if (name == "col") types.push_back({name, ssl::inversion(), false});
    else if (name == "randaugment") types.push_back({name, ssl::optional(ssl::rand_augment()), false});
    else fail("distaug: there is no type '", name, "'; flip, rot, tr, col, js, rev and randaugment are known");
  }
  return types;
}

// ---- Training -------------------------------------------------------------------------------------------------------

double DistAugCurve::early() const {
  return test[size_t(std::min_element(valid.begin(), valid.end()) - valid.begin())];
}

double bits_per_dim(const DistAugRun& run, const Tensor& images, bijou::index id) {
  const NoGrad guard;
  run.model->eval();
  double nats = 0;
  for (int64_t i = 0; i < images.size(0); i += 500) {
    const Tensor x = images.rows(i, std::min(i + 500, images.size(0)));
    Indices ids(Shape{x.size(0)});
    ids.fill(id);
    const Tensor y = run.aug->transform(x, ids);
    nats -= double(sum(run.model->log_prob(y, run.aug->condition(ids), run.aug->places(x.shape(), ids))).item());
  }
  run.model->train();
  return nats / double(images.numel()) / std::log(2.0);
}

DistAugRun train_distaug(const PixelSets& data, const DistAugArm& arm, int epochs, uint64_t seed,
                         const std::function<bool(double loss)>& tick) {
  constexpr int64_t kBatch = 100, kCondition = 64;
  const int64_t n = data.train.size(0), channels = data.train.size(1), h = data.train.size(2), w = data.train.size(3);
  manual_seed(seed);
  DistAugRun run;
  run.aug = std::make_shared<ssl::DistAug>(ssl::DistAug::Options{
      .types = types_of(arm.types, channels), .dim = kCondition, .conditioned = arm.conditioned});
  if (arm.model == "made")
    run.model = std::make_shared<PixelMade>(PixelMade::Options{.levels = data.levels,
                                                               .pixels = channels * h * w,
                                                               .condition = kCondition,
                                                               .hidden = arm.hidden,
                                                               .dropout = arm.dropout});
  else
    run.model = std::make_shared<PixelTransformer>(nn::ImageTransformer::Options{
        .levels = data.levels, .channels = channels, .height = h, .width = w, .dim = kCondition, .dropout = arm.dropout});
  std::vector<Var> parameters = run.model->parameters();
  for (const Var& p : run.aug->parameters()) parameters.push_back(p);
  optim::Adam optimizer(parameters, {.lr = 1e-3});

  Generator g = Generator(seed).fork(5);
  const int64_t per_epoch = n / kBatch, steps = epochs * per_epoch;
  Indices order;
  for (int64_t step = 0; step < steps; ++step) {
    if (step % per_epoch == 0) order = randperm(n, g);
    const int64_t first = step % per_epoch * kBatch;
    const Tensor x = index_select(data.train, 0, order.rows(first, first + kBatch));
    const Indices ids = run.aug->draw(kBatch, g);
    const Tensor y = rounded(run.aug->transform(x, ids, g), data.levels);
    optimizer.zero_grad();
    const Var log_p = run.model->log_prob(y, run.aug->condition(ids), run.aug->places(x.shape(), ids));
    const Var loss = sum(log_p) * real(-1 / (double(y.numel()) * std::log(2.0)));
    backward(loss);
    optimizer.step();
    if (tick && !tick(double(loss.item()))) break;
    if ((step + 1) * 10 / steps == step * 10 / steps) continue;
    run.curve.train.push_back(bits_per_dim(run, data.train.rows(0, std::min<int64_t>(n, 1000)), 0));
    run.curve.valid.push_back(bits_per_dim(run, data.valid, 0));
    run.curve.test.push_back(bits_per_dim(run, data.test, 0));
  }
  return run;
}

}  // namespace bijou::experiments

#include "examples/experiments/distaug.h"

#include <cmath>
#include <utility>

#include "autograd/elementwise.h"
#include "examples/support/stopwatch.h"
#include "optim/adam.h"
#include "ssl/color.h"
#include "ssl/permutations.h"
#include "ssl/rand_augment.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"

namespace bijou::experiments {
namespace {

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
  return {some.rows(0, o.train), some.rows(o.train, o.train + o.valid), prepared(test.images.rows(0, o.test)),
          o.levels};
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
    else if (name == "order") types.push_back({name, ssl::pixel_orders(3, 1)});
    else if (name == "randaugment")
      types.push_back({name, ssl::optional(ssl::rand_augment()), false, name == names ? 0.95 : 0.5});
    else fail("distaug: there is no type '", name, "'; flip, rot, tr, col, js, rev, order and randaugment are known");
  }
  return types;
}

// ---- Training -------------------------------------------------------------------------------------------------------

double DistAugCurve::early() const {
  return test[size_t(std::min_element(valid.begin(), valid.end()) - valid.begin())];
}

namespace {

Var log_prob(const DistAugRun& run, const Tensor& y, const Indices& ids) {
  return run.model->log_prob(y, run.aug->condition(ids), run.aug->places(y.shape(), ids));
}

// log_p: images -> [B], in nats. So many images at a time that a pass of a transformer fits into memory.
double bits(const DistAugRun& run, const Tensor& images, const std::function<Var(const Tensor&)>& log_p) {
  const NoGrad guard;
  const bool training = run.model->training;
  run.model->eval();
  const int64_t n = images.size(0), some = std::clamp<int64_t>(100000 * n / images.numel(), 1, 500);
  double nats = 0;
  for (int64_t i = 0; i < n; i += some) nats -= double(sum(log_p(images.rows(i, std::min(i + some, n)))).item());
  run.model->train(training);
  return nats / double(images.numel()) / std::log(2.0);
}

}  // namespace

double bits_per_dim(const DistAugRun& run, const Tensor& images, bijou::index id) {
  return bits(run, images, [&](const Tensor& x) {
    const Indices ids = ssl::same_id(x.size(0), id);
    return log_prob(run, run.aug->transform(x, ids), ids);
  });
}

double bits_per_dim_of_views(const DistAugRun& run, const Tensor& images, const Indices& ids) {
  auto of_one = [&](const Tensor& y, const Indices& same) { return log_prob(run, y, same); };
  return bits(run, images, [&](const Tensor& x) { return Var(log_prob_of_views(*run.aug, of_one, x, ids)); });
}

namespace {

struct Size {
  int64_t width, condition;
};
Size size_of(const DistAugArm& arm) {
  auto width = [&](int64_t usual) { return arm.width ? arm.width : usual; };
  if (arm.model == "transformer") return {width(64), width(64)};
  if (arm.model == "flow") return {width(32), 8};  // the context stands at every pixel, as so many more channels
  return {width(arm.model == "made" ? 400 : 16), 64};
}

}  // namespace

DistAugRun train_distaug(const PixelSets& data, const DistAugArm& arm, int epochs, uint64_t seed,
                         const std::function<bool(double loss)>& tick) {
  const int64_t n = data.train.size(0), batch = arm.batch;
  check(epochs > 0 && 0 < batch && batch <= n, "train_distaug: ", n, " images in batches of ", batch, ", for ", epochs,
        " epochs: there is nothing to do");
  const Shape image(std::span(data.train.shape().begin() + 1, 3));
  const Size size = size_of(arm);
  manual_seed(seed);
  DistAugRun run;
  run.aug = std::make_shared<ssl::DistAug>(ssl::DistAug::Options{.types = types_of(arm.types, image[0]),
                                                                 .dim = size.condition,
                                                                 .plain = arm.plain,
                                                                 .conditioned = arm.conditioned,
                                                                 .permuted = arm.permuted});
  run.model = pixel_density({.model = arm.model,
                             .levels = data.levels,
                             .image = image,
                             .condition = size.condition,
                             .width = size.width,
                             .dropout = arm.dropout,
                             .layers = arm.layers,
                             .full_attention = arm.full_attention,
                             .checkpointed = arm.checkpointed});
  std::vector<Var> parameters = run.model->parameters();
  for (const Var& p : run.aug->parameters()) parameters.push_back(p);
  optim::Adam optimizer(parameters, {.lr = arm.lr});

  Generator g = Generator(seed).fork(5);
  const support::Stopwatch watch;
  const int64_t per_epoch = n / batch, steps = epochs * per_epoch;
  Indices order;
  for (int64_t step = 0, tenths = 0; tenths < 10; ++step) {  // of the steps, or of the time
    if (step % per_epoch == 0) order = randperm(n, g);
    const int64_t first = step % per_epoch * batch;
    const Tensor x = index_select(data.train, 0, order.rows(first, first + batch));
    const Indices ids = run.aug->draw(batch, g);
    const Tensor y = rounded(run.aug->transform(x, ids, g), data.levels);
    optimizer.zero_grad();
    const Var loss = sum(log_prob(run, y, ids)) * real(-1 / (double(y.numel()) * std::log(2.0)));
    backward(loss);
    optimizer.step();
    if (tick && !tick(double(loss.item()))) break;
    const double by_time = std::min(10 * watch.part_of(arm.minutes), 10.0);
    const int64_t before = std::exchange(tenths, std::max((step + 1) * 10 / steps, int64_t(by_time)));
    if (tenths == before) continue;
    run.curve.epochs.push_back(double(step + 1) / double(per_epoch));
    run.curve.train.push_back(bits_per_dim(run, data.train.rows(0, std::min(n, data.test.size(0))), 0));
    run.curve.valid.push_back(bits_per_dim(run, data.valid, 0));
    run.curve.test.push_back(bits_per_dim(run, data.test, 0));
  }
  return run;
}

}  // namespace bijou::experiments

#include "examples/experiments/density.h"

#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "examples/support/batches.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/progress.h"
#include "examples/support/stopwatch.h"
#include "optim/adam.h"
#include "optim/schedule.h"
#include "tensor/map.h"
#include "tensor/pool.h"

namespace bijou::experiments {

using namespace support;

namespace {

// [...] -> [1, ...]
Shape with_batch(const Shape& shape) {
  Shape batch{1};
  for (const int64_t size : shape) batch.push_back(size);
  return batch;
}

}  // namespace

double mean_nats(const LogProb& log_prob, const Tensor& x) {
  const NoGrad guard;
  double total = 0;
  for (int64_t i = 0; i < x.size(0); i += 500)
    total -= double(sum(log_prob(x.rows(i, std::min(i + 500, x.size(0))))).item());
  return total / double(x.size(0));
}

Tensor some_of(const Tensor& x, int64_t n, uint64_t seed) {
  Generator g(seed);
  return index_select(x, 0, randperm(x.size(0), g).rows(0, std::min(n, x.size(0))));
}

Tensor receptive_field(const nn::Autoregressive& model, const Shape& shape, int64_t place) {
  Generator g(0);
  const Var x = parameter(uniform(shape, real(0.1), real(0.9), g));
  const Var one = slice(reshape(model.conditionals(reshape(x, with_batch(shape))), {-1}), 0, place, place + 1);
  Tensor seen = map([](auto d) { return where(d == 0, 0, 1); }, grad(sum(one), {x})[0].value());
  seen.mutable_data()[place] = real(0.5);
  return seen;
}

Tensor weight_pictures(const Tensor& w, const Shape& image) {
  const Tensor rows = transpose(w, 0, 1).rows(0, std::min<int64_t>(64, w.size(1)));
  const Tensor grid = image_grid(rows.reshape({rows.size(0), 1, image[0], image[1]}), {.columns = 8, .background = 0});
  return heat_map(squeeze(grid, 0));
}

BinarySets load_grey(const std::string& dataset, const std::string& folder) {
  auto halved = [&](Split split) {
    const Tensor x = load_dataset(dataset, folder, split).images;
    check(x.size(1) == 1, dataset, ": grey images expected, not ", x.size(1), " colours");
    return avg_pool2d(x, {.kernel = 2});
  };
  const Tensor train = halved(Split::kTrain), test = halved(Split::kTest);
  const Shape image{train.size(2), train.size(3)};
  const int64_t n = train.size(0), pixels = image.numel();
  return {train.reshape({n, pixels}).rows(0, n - 1000), train.reshape({n, pixels}).rows(n - 1000, n),
          test.reshape({-1, pixels}), image};
}

Fit fit(nn::Module& model, const LogProb& log_prob, const BinarySets& sets, const FitOptions& o,
        const LogProb& evaluate) {
  const LogProb& judge = evaluate ? evaluate : log_prob;
  auto valid = [&](const Tensor& x) {
    if (o.before_evaluation) o.before_evaluation();
    model.eval();
    const double nats = mean_nats(judge, x);
    model.train();
    return nats;
  };
  optim::AdamW optimizer(model.parameters(), {.lr = o.lr, .weight_decay = o.weight_decay});
  Batches batches({sets.train, Indices({sets.train.size(0)}), {}}, {.size = o.batch, .drop_last = true},
                  Generator(o.seed));
  const Stopwatch watch;

  Fit result;
  nn::StateDict best;
  double lowest = HUGE_VAL, loss_sum = 0, done = 0;  // done: the part of the time that is over
  int in_vain = 0;                                   // epochs since the lowest
  const int64_t per_epoch = batches.per_epoch(), steps = o.epochs * per_epoch;
  Progress progress({.title = o.title, .total = steps, .minutes = o.minutes});
  for (int64_t step = 0; step < steps && done < 1 && !interrupted(); ++step) {
    optimizer.zero_grad();
    const Var loss = -mean(log_prob(batches.at(step).images));
    backward(loss);
    optimizer.lr_scale = optim::cosine_decay(int64_t(done * 1e6), 1'000'000);
    optimizer.step();
    loss_sum += double(loss.item());
    done = std::max(double(step + 1) / double(steps), watch.part_of(o.minutes));
    progress.step(to_string(loss.item()) + " nats");
    if ((step + 1) % per_epoch && done < 1) continue;
    result.train.push_back(loss_sum / double(step % per_epoch + 1)), loss_sum = 0;
    result.valid.push_back(valid(sets.valid)), result.minutes.push_back(watch.minutes());
    if (!(result.valid.back() < lowest)) {
      if (++in_vain == o.patience) break;
      continue;
    }
    lowest = result.valid.back(), in_vain = 0, best.clear();
    if (!o.keep_best) continue;
    for (const auto& [name, tensor] : model.state_dict()) best.emplace_back(name, tensor.clone());
  }
  progress.finish();
  if (!best.empty()) model.load_state_dict(best);
  result.test = valid(sets.test);
  model.eval();
  return result;
}

}  // namespace bijou::experiments

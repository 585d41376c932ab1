#include "optim/ema.h"

#include "tensor/map.h"

namespace bijou::optim::detail {

Averager::Averager(const nn::Module& average, const nn::Module& model, const EmaOptions& options) : options_(options) {
  check(options.decay >= 0 && options.decay <= 1, "Ema: decay = ", options.decay, " is not in [0, 1]");
  const auto mine = average.parameters(), theirs = model.parameters();
  for (size_t i = 0; i < mine.size(); ++i) pairs_.emplace_back(mine[i], theirs[i]);
  const auto my_buffers = average.named_buffers(), their_buffers = model.named_buffers();
  for (size_t i = 0; i < my_buffers.size(); ++i) pairs_.emplace_back(my_buffers[i].second, their_buffers[i].second);
}

void Averager::update() {
  const double t = double(updates++);
  const double decay = options_.warmup ? std::min(options_.decay, (1 + t) / (10 + t)) : options_.decay;
  const real rest = real(1 - decay);
  for (auto& [average, model] : pairs_)
    bijou::update<1>([=](Lane& a, Lane x) { a = a + (x - a) * rest; }, average.mutable_value(), model.value());
}

}  // namespace bijou::optim::detail
